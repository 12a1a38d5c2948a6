"""The trees of assets and locations."""

from __future__ import annotations

import pytest

from core.domain.assets import fits_under, makes_loop, number_of, path

PARENTS = {1: None, 2: 1, 3: 2, 4: None}


@pytest.mark.parametrize(
    ("child", "parent", "loop"), [(1, 3, True), (2, 2, True), (3, 1, False), (4, 3, False), (1, None, False)]
)
def test_loops_are_seen(child: int, parent: int | None, loop: bool) -> None:
    assert makes_loop(PARENTS, child, parent) is loop


def test_a_tree_that_is_a_loop_already_ends() -> None:
    assert makes_loop({1: 2, 2: 1}, 3, 1) is False
    assert path({1: 2, 2: 1}, {1: "a", 2: "b"}, 1) == "b / a"


def test_path_reads_from_the_root() -> None:
    assert path(PARENTS, {1: "Works", 2: "Hall", 3: "Line"}, 3) == "Works / Hall / Line"
    assert path(PARENTS, {}, None) == ""


def test_a_place_lies_in_a_wider_one() -> None:
    assert fits_under("line", "area") and fits_under("line", "site") and fits_under("site", None)
    assert not fits_under("site", "area") and not fits_under("area", "area")


def test_numbers() -> None:
    assert number_of(7) == "A-00007"
