"""Passwords that anybody would try first."""

from __future__ import annotations

import pytest

from core.domain.passwords import weakness


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("aaaaaaaaaaaa", "repeated"),
        ("abcabcabcabc", "repeated"),
        ("123412341234", "repeated"),
        ("123456789012", "sequence"),
        ("abcdefghijkl", "sequence"),
        ("Password1234", "common"),
        ("passwordpassword", "common"),
        ("qwertyuiop12", "common"),
        ("Admin@123456", "common"),
        ("zhangwei2026", "name"),
        ("ZhangWei-2026", "name"),
        ("sunhill-works", "name"),
        ("correct horse battery", None),
        ("Kran7 gelb Donnerstag", None),
        ("mS8v-2kqT-x9Lw", None),
        ("zhangwei rides an old bicycle", None),
    ],
)
def test_weakness(password: str, why: str | None) -> None:
    assert weakness(password, ("zhangwei", "Zhang Wei", "Sunhill-Works")) == why


def test_short_names_are_no_reason() -> None:
    assert weakness("lima-oscar-tango", ("li",)) is None
