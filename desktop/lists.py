"""Several words in a row, with the comma of the language. Knows no screen."""

from __future__ import annotations

from collections.abc import Iterable

from core.i18n import _


def listed(words: Iterable[str]) -> str:
    """`a, b, c`, as the language writes it."""
    return _(", ").join(words)
