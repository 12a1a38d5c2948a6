"""The trees of assets and locations: no loops, and what a path reads like."""

from __future__ import annotations

from collections.abc import Mapping

LOCATION_ORDER = ("site", "area", "line")


def makes_loop(parents: Mapping[int, int | None], child: int, parent: int | None) -> bool:
    """Whether `child` under `parent` would be its own ancestor, given everyone's present parent."""
    step, seen = parent, set[int]()
    while step is not None and step not in seen:
        if step == child:
            return True
        seen.add(step)
        step = parents.get(step)
    return False


def path(parents: Mapping[int, int | None], names: Mapping[int, str], leaf: int | None) -> str:
    """The names from the root down to `leaf`, such as `Plant 1 / Hall A / Line 2`; "" for None."""
    parts: list[str] = []
    step, seen = leaf, set[int]()
    while step is not None and step not in seen:
        seen.add(step)
        parts.append(names[step])
        step = parents.get(step)
    return " / ".join(reversed(parts))


def fits_under(kind: str, parent_kind: str | None) -> bool:
    """Whether a location of `kind` may lie under one of `parent_kind` (None: at the top): always a wider one."""
    if parent_kind is None:
        return True
    return LOCATION_ORDER.index(parent_kind) < LOCATION_ORDER.index(kind)


def number_of(n: int) -> str:
    """The n-th number given by us: `A-00001`."""
    return f"A-{n:05d}"
