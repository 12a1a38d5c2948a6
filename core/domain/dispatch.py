"""Who should get a ticket: on shift, of the team, with the least on hand. Pure; says why for everybody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Person:
    """One who might do the work. `last_assigned_at`: when somebody last gave them a ticket."""

    id: int
    name: str
    active: bool
    technician: bool
    in_team: bool
    on_shift: bool
    open_tickets: int
    last_assigned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person's place in the order; `fits` False: not by rule, though a dispatcher may insist."""

    person: Person
    fits: bool
    score: float
    why: dict[str, Any]


def fits(person: Person) -> bool:
    """The musts: active, technician, on shift, of the team."""
    return person.active and person.technician and person.in_team and person.on_shift


def rank(people: Iterable[Person]) -> list[Candidate]:
    """All of them, the best first: those who fit, then by load, then who waited longest, then by id.

    The score is 100 for nobody's hands full, and 10 less per open ticket; 0 for one who does not fit.
    """
    ordered = sorted(
        people,
        key=lambda p: (not fits(p), p.open_tickets, p.last_assigned_at or _LONG_AGO, p.id),
    )
    return [
        Candidate(
            person,
            fits(person),
            max(0.0, 100.0 - 10.0 * person.open_tickets) if fits(person) else 0.0,
            {
                "on_shift": person.on_shift,
                "in_team": person.in_team,
                "technician": person.technician,
                "open_tickets": person.open_tickets,
                "last_assigned_at": person.last_assigned_at.isoformat() if person.last_assigned_at else None,
            },
        )
        for person in ordered
    ]


def choose(candidates: Iterable[Candidate]) -> Candidate | None:
    """The first who fits; None when nobody does."""
    return next((candidate for candidate in candidates if candidate.fits), None)
