"""Who should get a ticket: the musts, then a score of load, distance, knowledge of the machine and fairness.

Pure; says for everybody why, and what each part of the score was worth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
HANDS_FULL = 10  # open tickets at which load is worth nothing
KNOWS_WELL = 3  # tickets done on a machine that make somebody know it
FAR = 3  # steps of the location tree: 0 the same line, 1 the same area, 2 the same site


@dataclass(frozen=True, slots=True)
class Need:
    """What the work asks for besides a technician of the team who is on shift."""

    skills: frozenset[str] = frozenset()
    certificates: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Weights:
    """What each part is worth; the score is their sum for somebody ideal."""

    load: float = 60.0
    distance: float = 10.0
    knows: float = 15.0
    fairness: float = 15.0


@dataclass(frozen=True, slots=True)
class Person:
    """One who might do the work.

    `certificates`: those that are valid now. `distance`: steps from where they work, None when nobody knows.
    `knows`: tickets they finished on this machine lately. `recent`: how many of the plant's newest they were given.
    """

    id: int
    name: str
    active: bool
    technician: bool
    in_team: bool
    on_shift: bool
    open_tickets: int
    last_assigned_at: datetime | None = None
    skills: frozenset[str] = frozenset()
    certificates: frozenset[str] = frozenset()
    distance: int | None = None
    knows: int = 0
    recent: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person's place in the order; `fits` False: not by rule, though a dispatcher may insist."""

    person: Person
    fits: bool
    score: float
    need: Need
    weights: Weights

    @property
    def parts(self) -> dict[str, float]:
        """What each part of the score is worth."""
        return {name: round(value, 1) for name, value in parts(self.person, self.weights).items()}

    @property
    def why(self) -> dict[str, Any]:
        """All that decided; made when somebody asks, for most are never asked about."""
        person, need = self.person, self.need
        told: dict[str, Any] = {
            "on_shift": person.on_shift,
            "in_team": person.in_team,
            "technician": person.technician,
            "open_tickets": person.open_tickets,
            "last_assigned_at": person.last_assigned_at.isoformat() if person.last_assigned_at else None,
            "distance": person.distance,
            "knows": person.knows,
            "recent": person.recent,
            "parts": self.parts,
        }
        missing = sorted(need.skills - person.skills) + sorted(need.certificates - person.certificates)
        return told | {"missing": missing} if missing else told


_NOTHING = Need()
_USUAL = Weights()


def fits(person: Person, need: Need = _NOTHING) -> bool:
    """The musts: active, technician, of the team, on shift, with each skill and a valid certificate of each kind."""
    able = person.active and person.technician and person.in_team and person.on_shift
    return able and need.skills <= person.skills and need.certificates <= person.certificates


def parts(person: Person, weights: Weights = _USUAL) -> dict[str, float]:
    """What each part of the score is worth for a person."""
    near = 0.5 if person.distance is None else 1.0 - min(person.distance, FAR) / FAR
    return {
        "load": weights.load * max(0.0, 1.0 - person.open_tickets / HANDS_FULL),
        "distance": weights.distance * near,
        "knows": weights.knows * min(person.knows, KNOWS_WELL) / KNOWS_WELL,
        "fairness": weights.fairness / (1.0 + person.recent),
    }


def rank(people: Iterable[Person], need: Need = _NOTHING, weights: Weights = _USUAL) -> list[Candidate]:
    """All of them, the best first: those who fit, by score, then who waited longest, then by id."""
    found = [_candidate(person, need, weights) for person in people]
    return sorted(
        found, key=lambda c: (not c.fits, -c.score, c.person.last_assigned_at or _LONG_AGO, c.person.id)
    )


def _candidate(person: Person, need: Need, weights: Weights) -> Candidate:
    able = fits(person, need)
    score = round(sum(parts(person, weights).values()), 1) if able else 0.0
    return Candidate(person, able, score, need, weights)


def choose(candidates: Iterable[Candidate]) -> Candidate | None:
    """The first who fits; None when nobody does."""
    return next((candidate for candidate in candidates if candidate.fits), None)
