"""The tree of locations: names from the top down, what lies below, and how far two places are apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.domain.dispatch import FAR
from core.domain.matching import Match
from core.storage import gather, queries
from core.storage.tables import LocationRow

_DEEPEST = 20


def paths(wanted: Iterable[int | None]) -> dict[int, str]:
    """`Site / Area / Line` of locations; all of them are read once, a plant has few."""
    places = [location for location in wanted if location is not None]
    if not places:
        return {}
    known = _tree()
    return {place: " / ".join(reversed([known[at][0] for at in _up(known, place)])) for place in places}


def match_of(row: Any) -> Match:
    """Which tickets a rule's or a policy's row is for, with all that lies below its place."""
    return Match(
        frozenset(row.types),
        frozenset(row.priorities),
        frozenset(row.categories),
        below(row.location_id) if row.location_id else frozenset(),
    )


def below(location_id: int) -> frozenset[int]:
    """A location and all that lie in it."""
    known = _tree()
    return frozenset(place for place in known if location_id in _up(known, place)) | {location_id}


def apart(one: int | None, other: int | None) -> int | None:
    """Steps up from a place to one that the other lies in, too: 0 the same, at most `FAR`; None: not known."""
    if one is None or other is None:
        return None
    known = _tree()
    ours, theirs = _up(known, one), _up(known, other)
    common = (step for step, at in enumerate(ours) if at in theirs)
    return min(next(common, FAR), FAR)


def _up(known: dict[int, tuple[str, int | None]], place: int) -> list[int]:
    """A place and those that it lies in, from below."""
    found: list[int] = []
    at: int | None = place
    while at in known and at is not None and len(found) < _DEEPEST:
        found.append(at)
        at = known[at][1]
    return found


@gather.kept
def _tree() -> dict[int, tuple[str, int | None]]:
    return {location_id: (name, parent_id) for location_id, name, parent_id in _locations()}


@queries.prepared
def _locations() -> Any:
    return LocationRow.select(LocationRow.id, LocationRow.name, LocationRow.parent).tuples()
