"""Seals of the journal: a chain of digests over all that it says."""

from __future__ import annotations

from typing import Any

from core.storage.migrations import run_script


def up(_migrator: Any, database: Any) -> None:
    """Make the table."""
    run_script(database, __file__)
