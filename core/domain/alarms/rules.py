"""What counts as trouble: rules, their terms, and what each condition needs. Knows no states and no time.

Delays and windows are in seconds, limits and deadbands in the point's unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from core.domain.alarms.schedule import ActiveTimes

Value = float | bool | str | None
OWN = "."
"""The rule's own point, where a term compares another point with it."""


class Severity(StrEnum):
    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    INFO = "info"


class Condition(StrEnum):
    HIGH_HIGH = "high_high"
    HIGH = "high"
    LOW = "low"
    LOW_LOW = "low_low"
    OUTSIDE = "outside"
    INSIDE = "inside"
    BIT = "bit"
    EQUALS = "equals"
    RATE = "rate"
    STUCK = "stuck"
    NO_DATA = "no_data"
    DEVIATION = "deviation"
    STEP = "step"
    ALL = "all"
    ANY = "any"


FALL = "|fall"  # ends the key of a rate that looks for a fall
COMBINED = (Condition.ALL, Condition.ANY)
FIRST_LEVEL = {Condition.HIGH_HIGH: Condition.HIGH, Condition.LOW_LOW: Condition.LOW}
"""Second level → the first level of the same point that it eclipses while it is up."""

NEEDS: dict[Condition, tuple[str, ...]] = {
    Condition.HIGH_HIGH: ("limit",),
    Condition.HIGH: ("limit",),
    Condition.LOW: ("limit",),
    Condition.LOW_LOW: ("limit",),
    Condition.OUTSIDE: ("limit", "limit_high"),
    Condition.INSIDE: ("limit", "limit_high"),
    Condition.BIT: (),
    Condition.EQUALS: ("equals",),
    Condition.RATE: ("limit", "window_s"),
    Condition.STUCK: ("after_s",),
    Condition.NO_DATA: ("after_s",),
    Condition.DEVIATION: ("limit", "other"),
    Condition.STEP: ("limit", "window_s"),
    Condition.ALL: ("terms",),
    Condition.ANY: ("terms",),
}
"""The fields without which a condition says nothing."""


class Judges(Protocol):
    """What a condition compares with: a term, a rule, or the wire's form of either."""

    @property
    def limit(self) -> float | None: ...
    @property
    def limit_high(self) -> float | None: ...
    @property
    def after_s(self) -> float | None: ...
    @property
    def window_s(self) -> float | None: ...


def faults(condition: Condition, judges: Judges) -> Iterator[str]:
    """Names of the fields that are missing for `condition`, or make no sense."""
    for name in NEEDS[condition]:
        if getattr(judges, name) in (None, "", (), []):
            yield name
    limit = judges.limit
    if limit is not None:
        high = judges.limit_high
        if condition in (Condition.OUTSIDE, Condition.INSIDE) and high is not None and high < limit:
            yield "limit_high"
        if condition in (Condition.DEVIATION, Condition.STEP) and limit < 0:
            yield "limit"
        if condition is Condition.RATE and limit == 0:
            yield "limit"
    for name in ("after_s", "window_s"):
        span = getattr(judges, name)
        if name in NEEDS[condition] and span is not None and span <= 0:
            yield name


@dataclass(frozen=True, slots=True)
class Term:
    """One condition over one point; an empty `point` is the rule's own, as `other` it is called OWN.

    `key`: what its memory belongs to.
    """

    condition: Condition
    point: str = ""
    limit: float | None = None
    limit_high: float | None = None
    equals: Value = None
    when: bool = True
    after_s: float | None = None
    window_s: float | None = None
    other: str = ""
    deadband: float = 0.0
    key: str = field(init=False, compare=False, default="")

    def __post_init__(self) -> None:
        if self.condition in COMBINED:
            raise ValueError(f"a term cannot be {self.condition}")
        for name in faults(self.condition, self):
            raise ValueError(f"a {self.condition} term needs a {name} that makes sense")
        if self.deadband < 0:
            raise ValueError("a deadband cannot be negative")
        if self.condition is not Condition.DEVIATION:
            object.__setattr__(self, "other", "")
        key = f"{self.condition}|{self.point}|{self.other}"
        if self.condition is Condition.RATE:
            key += FALL if self.limit is not None and self.limit < 0 else "|rise"
        object.__setattr__(self, "key", key)


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts as trouble on one point, and how it is reported.

    A rule has the fields of its one condition itself; `all` and `any` have them in `terms`. `parts` are the terms at
    work, `points` the ids of further points they need.
    """

    id: str
    condition: Condition
    limit: float | None = None
    when: bool = True
    after_s: float | None = None
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    deadband: float = 0.0
    severity: Severity = Severity.MAJOR
    limit_high: float | None = None
    equals: Value = None
    window_s: float | None = None
    other: str = ""
    terms: tuple[Term, ...] = ()
    latching: bool = False
    realarm_s: float | None = None
    schedule: tuple[ActiveTimes, ...] = ()
    suppress_when: tuple[Term, ...] = ()
    shelve_most_s: float = 28_800.0
    parts: tuple[Term, ...] = field(init=False, compare=False, default=())
    points: tuple[str, ...] = field(init=False, compare=False, default=())
    timed: bool = field(init=False, compare=False, default=False)

    def __post_init__(self) -> None:
        if min(self.on_delay_s, self.off_delay_s, self.deadband) < 0:
            raise ValueError(f"rule {self.id}: delays and deadband cannot be negative")
        if self.realarm_s is not None and self.realarm_s <= 0:
            raise ValueError(f"rule {self.id}: the re-alarm time must be above 0")
        for name in faults(self.condition, self):
            raise ValueError(f"rule {self.id}: a {self.condition} rule needs a {name} that makes sense")
        parts = self.terms
        if self.condition not in COMBINED:
            parts = (
                Term(
                    self.condition, "", self.limit, self.limit_high, self.equals, self.when, self.after_s,
                    self.window_s, self.other, self.deadband,
                ),
            )  # fmt: skip
        every = parts + self.suppress_when
        named = dict.fromkeys(
            point for term in every for point in (term.point, term.other) if point not in ("", OWN)
        )
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "points", tuple(named))
        object.__setattr__(self, "timed", any(term.condition in _BY_TIME for term in every))


_BY_TIME = (Condition.NO_DATA, Condition.STUCK, Condition.RATE, Condition.STEP)
"""Conditions that time alone may change."""
