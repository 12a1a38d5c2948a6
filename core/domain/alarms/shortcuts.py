"""What a caller may leave out: readings that would decide nothing, and how to tell of them later, all at once.

A point that does not change, or changes within what a rule calls calm, then costs no step at all.
"""

from __future__ import annotations

import math
from dataclasses import replace

from core.domain.alarms import parts
from core.domain.alarms.parts import Part
from core.domain.alarms.rules import OWN, Condition, Rule, Term, Value
from core.domain.alarms.states import AlarmState
from core.domain.alarms.steps import pairs

_HEARING = (Condition.NO_DATA, Condition.STUCK)


def look_s(rule: Rule, state: AlarmState) -> float | None:
    """When the caller, if it leaves out readings that change nothing (see `calm`), must tell what it has `heard`.

    For values that stand still: when they will have done so for too long; None when nothing of that kind counts.
    """
    if not rule.timed:
        return None
    moments = (parts.still_s(term, part) for term, part in pairs(rule, state))
    return min((at_s for at_s in moments if at_s is not None), default=None)


def heard(
    rule: Rule,
    state: AlarmState,
    at_s: float,
    point: str = "",
    changed_s: float | None = None,
    value: Value = None,
) -> AlarmState:
    """Good readings of `point` have come until `at_s` without a step for each: what counts for silence and standstill.

    `changed_s`: when the last one of them that differed came, which said `value`; None when none did.
    """

    def told(term: Term, part: Part) -> Part:
        if term.condition not in _HEARING or term.point != point:
            return part
        return parts.heard(term, part, at_s, changed_s, value)

    return replace(
        state,
        parts=tuple(map(told, rule.parts, state.parts)),
        guards=tuple(map(told, rule.suppress_when, state.guards)),
    )


def silent(rule: Rule, state: AlarmState, now_s: float) -> AlarmState:
    """It is known that nothing will come of the rule's point: silence has lasted long enough at once."""
    return replace(
        state,
        parts=tuple(
            replace(part, good_s=now_s - term.after_s)
            if term.condition is Condition.NO_DATA and not term.point and not part.met and term.after_s
            else part
            for term, part in zip(rule.parts, state.parts, strict=True)
        ),
    )


def calm(rule: Rule, state: AlarmState, point: str = "") -> tuple[float, float] | None:
    """The numbers, from … to …, that as good readings of `point` decide nothing; None when each has to be judged.

    `step` would then change nothing but the readings that the state remembers. With several points each range holds
    whatever the others do within theirs. Where a standstill counts this goes on until `look_s`: by then `heard` tells.
    """
    if state.trouble is None or state.paused or state.since_s is not None:
        return None
    low, high = float("-inf"), float("inf")
    holding = state.active and state.up
    both = [*zip(rule.parts, state.parts, strict=True)]
    both += zip(rule.suppress_when, state.guards, strict=True)
    for number, (term, part) in enumerate(both):
        holds = holding and number < len(rule.parts)
        for mine, ask in ((term.point or OWN, _of_own), (term.other, _of_other)):
            if mine != (point or OWN):
                continue
            band = ask(term, part, holds)
            if band is None:
                return None
            low, high = max(low, band[0]), min(high, band[1])
    return low, high


# ---------------------------------------------------------------- one term


def _of_own(term: Term, part: Part, holding: bool) -> tuple[float, float] | None:
    """The numbers of the term's point that, as good readings, leave `met` as it is; None when each must be judged."""
    if part.met is None:
        return None
    if term.condition is Condition.STUCK:
        return _still_range(term, part)
    if term.condition is Condition.NO_DATA:
        return None if part.met else (-math.inf, math.inf)
    if term.condition in parts.OF_WORDS or term.condition in parts.MOVING or term.limit is None:
        return None
    limit, slack = term.limit, term.deadband if holding and part.held else 0.0
    if term.condition in parts.HIGHS:
        return (_above(limit - slack), math.inf) if part.met else (-math.inf, limit - slack)
    if term.condition in parts.LOWS:
        return (-math.inf, _below(limit + slack)) if part.met else (limit + slack, math.inf)
    if term.condition is Condition.DEVIATION:
        return None if part.met else _room(part.value, part.other, limit - slack)
    assert isinstance(part.value, int | float)  # judged, so it has had a number
    widen = slack if term.condition is Condition.INSIDE else -slack
    low, high = limit - widen, parts.limit_high(term) + widen
    if part.met is (term.condition is Condition.INSIDE):
        return (low, high) if low <= high else None
    return (-math.inf, _below(low)) if part.value < low else (_above(high), math.inf)


def _of_other(term: Term, part: Part, holding: bool) -> tuple[float, float] | None:
    """As `calm`, for the point compared with."""
    if part.met is not False or term.limit is None:
        return None
    return _room(part.other, part.value, term.limit - (term.deadband if holding and part.held else 0.0))


def _still_range(term: Term, part: Part) -> tuple[float, float] | None:
    """Stuck: while nothing is wrong, changes need not be told one by one if the last one is (see `heard`)."""
    if part.met or part.still_from_s is None or part.value is None or isinstance(part.value, str):
        return None
    if term.deadband:
        return part.value - term.deadband, part.value + term.deadband
    return -math.inf, math.inf


def _above(limit: float) -> float:
    return math.nextafter(limit, math.inf)


def _below(limit: float) -> float:
    return math.nextafter(limit, -math.inf)


def _room(mine: Value, theirs: Value, limit: float) -> tuple[float, float] | None:
    """How far each of two values may move whatever the other does within its own room."""
    assert isinstance(mine, int | float) and isinstance(
        theirs, int | float
    )  # judged, so both have had numbers
    room = (limit - abs(mine - theirs)) / 2 * (1 - 1e-9) - 1e-9 * max(abs(mine), abs(theirs))
    return (mine - room, mine + room) if room > 0 else None
