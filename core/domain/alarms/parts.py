"""One term of a rule judging its point: whether its condition is met, what it has to remember for that, and when
time alone would change it.

Pure; a good reading holds until the next one, a reading that is not good says nothing (`met` is None then).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from core.domain.alarms import trails
from core.domain.alarms.rules import FALL, Condition, Term, Value
from core.domain.alarms.trails import Trail, risen
from core.domain.points import Reading

HIGHS = (Condition.HIGH, Condition.HIGH_HIGH)
LOWS = (Condition.LOW, Condition.LOW_LOW)
OF_WORDS = (Condition.BIT, Condition.EQUALS)
MOVING = (Condition.RATE, Condition.STEP)


@dataclass(frozen=True, slots=True)
class Part:
    """What one term remembers.

    `met`: whether the condition was met at the last reading; None while that was not good, or there was none.
    `held`: met without the help of the deadband since the alarm came up; only then does the deadband hold it.
    `value`, `other`: last good values of the point and of the one compared with.
    `good_s`: when the last good reading came. `still_from_s`, `still_s`: since when the value has not changed, and
    for how long it had not before a pause.
    `trail`: (value, until when it held), lowest first (highest for a fall): those that may matter in the window.
    `total`: what a counter has counted.
    """

    of: str = ""
    met: bool | None = None
    held: bool = False
    value: Value = None
    other: float | None = None
    good_s: float | None = None
    still_from_s: float | None = None
    still_s: float = 0.0
    trail: Trail = ()
    total: float = 0.0


def begin(term: Term, part: Part, now_s: float) -> Part:
    """Silence counts from the first moment the term is looked at."""
    if term.condition is not Condition.NO_DATA or part.good_s is not None:
        return part
    return replace(part, good_s=now_s, met=False)


def take(term: Term, part: Part, reading: Reading, now_s: float, holding: bool) -> Part:
    """The memory after a reading of the term's point. `holding`: the alarm is up, its deadband counts."""
    value = reading.value
    if not reading.good or value is None:
        return _pause(term, part, now_s)
    if term.condition is Condition.NO_DATA:
        return replace(part, met=False, good_s=now_s, value=value)
    if term.condition is Condition.STUCK:
        return _take_still(term, part, value, now_s)
    if term.condition is Condition.EQUALS:
        met = _equals(term, value, holding and part.held)
        return _pause(term, part, now_s) if met is None else _met(replace(part, value=value), met)
    if isinstance(value, str):
        return _pause(term, part, now_s)
    if term.condition is Condition.BIT:
        return _met(replace(part, value=value), bool(value) == term.when)
    if not math.isfinite(value):
        return _pause(term, part, now_s)
    if term.condition in MOVING:
        return _take_moving(term, part, float(value), now_s, holding)
    return judged(term, replace(part, value=value), holding)


def take_other(term: Term, part: Part, reading: Reading, holding: bool) -> Part:
    """The memory after a reading of the point that the term's point is compared with."""
    value = reading.value
    other = float(value) if reading.good and isinstance(value, int | float) and math.isfinite(value) else None
    return judged(term, replace(part, other=other), holding)


def judged(term: Term, part: Part, holding: bool) -> Part:
    """`part` with its condition judged anew by the values it has; limits, bands and deviation only."""
    value = part.value
    if (
        value is None
        or isinstance(value, str)
        or (term.condition is Condition.DEVIATION and part.other is None)
    ):
        return replace(part, met=None)
    slack = term.deadband if holding and part.held else 0.0
    return _met(part, _beyond(term, float(value), part.other, slack))


def pass_time(term: Term, part: Part, now_s: float, holding: bool) -> Part:
    """The memory when it is `now_s` and no reading has come."""
    due_s = changes_s(term, part)
    if due_s is None or now_s < due_s:
        return part
    if term.condition in MOVING:
        trail = trails.within(part.trail, now_s, _window_s(term))
        return _met(replace(part, trail=trail), _moved(term, trail, height(part), holding and part.held))
    return _met(part, True)


def changes_s(term: Term, part: Part) -> float | None:
    """When `pass_time` would next change whether the condition is met; None for never."""
    if term.condition is Condition.NO_DATA:
        return None if part.met or part.good_s is None else part.good_s + _after_s(term)
    if term.condition is Condition.STUCK:
        due_s = still_s(term, part)
        return due_s if due_s is not None and part.good_s is not None and part.good_s >= due_s else None
    if term.condition in MOVING and part.met and part.trail:
        return part.trail[0][1] + _window_s(term)
    return None


def still_s(term: Term, part: Part) -> float | None:
    """When a value that goes on standing still will have done so for too long; None when nothing counts."""
    if term.condition is not Condition.STUCK or part.met or part.still_from_s is None:
        return None
    return part.still_from_s + max(0.0, _after_s(term) - part.still_s)


def not_before(term: Term, part: Part, at_s: float) -> Part:
    """A standstill that was too long before `at_s`, but that no reading has confirmed yet, is too long from then on."""
    due_s = still_s(term, part)
    if due_s is None or due_s >= at_s or part.still_from_s is None:
        return part
    return replace(part, still_from_s=part.still_from_s + at_s - due_s)


def heard(term: Term, part: Part, at_s: float, changed_s: float | None, value: Value) -> Part:
    """Readings of a silence or standstill have come until `at_s`; at `changed_s` the last one that differed."""
    if term.condition is Condition.STUCK:
        if part.met is None:
            return part  # a pause ends with a reading
        if _newer(part, changed_s, value) and not term.deadband:  # with one, what was not told was within it
            part = replace(part, value=value, still_from_s=changed_s, still_s=0.0)
    return part if part.good_s is not None and at_s <= part.good_s else replace(part, good_s=at_s)


def _newer(part: Part, changed_s: float | None, value: Value) -> bool:
    if changed_s is None or part.still_from_s is None:
        return False
    return changed_s > part.still_from_s or (changed_s == part.still_from_s and value != part.value)


# ---------------------------------------------------------------- each condition


def _met(part: Part, met: bool) -> Part:
    return replace(part, met=met, held=part.held or met)


def _pause(term: Term, part: Part, now_s: float) -> Part:
    if term.condition is Condition.DEVIATION and part.value is not None:
        part = replace(part, value=None)  # also if there was nothing yet to compare it with
    if term.condition is Condition.NO_DATA or part.met is None:
        return part
    if term.condition is Condition.STUCK and part.still_from_s is not None:
        part = replace(part, still_from_s=None, still_s=part.still_s + max(0.0, now_s - part.still_from_s))
    if term.condition in MOVING:
        part = replace(part, trail=_left(term, part, now_s))
    return replace(part, met=None)


def _beyond(term: Term, value: float, other: float | None, slack: float) -> bool:
    """Limits, bands and deviation. Slack makes it easier to stay in trouble."""
    limit = term.limit
    assert limit is not None  # Term.__post_init__
    if term.condition in HIGHS:
        return value > limit - slack
    if term.condition in LOWS:
        return value < limit + slack
    if term.condition is Condition.OUTSIDE:
        return value < limit + slack or value > limit_high(term) - slack
    if term.condition is Condition.INSIDE:
        return limit - slack <= value <= limit_high(term) + slack
    assert other is not None  # seen to by `judged`
    return abs(value - other) > limit - slack


def _equals(term: Term, value: float | bool | str, holding: bool) -> bool | None:
    """Whether the answer means trouble; None when a text is to be compared with a number."""
    wanted = term.equals
    if isinstance(wanted, str) or isinstance(value, str):
        if not (isinstance(wanted, str) and isinstance(value, str)):
            return None
        return (value == wanted) == term.when
    assert wanted is not None  # Term.__post_init__
    same = math.isclose(value, wanted, rel_tol=1e-9)  # 3 x 0.1 is 0.3
    if holding and term.when:
        same = same or abs(value - wanted) <= term.deadband
    return same == term.when


def _take_still(term: Term, part: Part, value: float | bool | str, now_s: float) -> Part:
    if not _same(term, part.value, value):
        return replace(part, met=False, value=value, good_s=now_s, still_from_s=now_s, still_s=0.0)
    from_s = now_s if part.still_from_s is None else part.still_from_s
    part = replace(part, met=False, good_s=now_s, still_from_s=from_s)
    return _met(part, now_s >= from_s + max(0.0, _after_s(term) - part.still_s))


def stands(term: Term, part: Part, reading: Reading) -> bool:
    """Whether a reading of the term's point tells a stuck condition that counts: nothing has changed."""
    if term.condition is not Condition.STUCK or part.met is None or not reading.good:
        return False
    return _same(term, part.value, reading.value)


def _same(term: Term, old: Value, new: Value) -> bool:
    if isinstance(old, str) or isinstance(new, str) or old is None or new is None:
        return old is not None and old == new
    return abs(new - old) <= term.deadband


def _take_moving(term: Term, part: Part, value: float, now_s: float, holding: bool) -> Part:
    trail = part.trail if part.met is None else _left(term, part, now_s)
    total = part.total
    if isinstance(part.value, int | float):
        total += risen(part.value, value)
    part = replace(part, value=value, total=total)
    trail = trails.arrive(trail, height(part), now_s, _window_s(term))
    return _met(replace(part, trail=trail), _moved(term, trail, height(part), holding and part.held))


def _left(term: Term, part: Part, now_s: float) -> Trail:
    return trails.leave(part.trail, height(part), now_s, _window_s(term))


def _moved(term: Term, trail: Trail, high: float, holding: bool) -> bool:
    assert term.limit is not None  # Term.__post_init__
    limit = abs(term.limit)
    least = max(0.0, limit - term.deadband) if holding else limit
    return trails.climbed(trail, high) > least


def height(part: Part) -> float:
    """What must not rise: the value, its negative for a fall, or all that a counter has counted."""
    if part.of.startswith(Condition.STEP):
        return part.total
    assert isinstance(part.value, int | float)  # a number has come
    return -float(part.value) if part.of.endswith(FALL) else float(part.value)


# ---------------------------------------------------------------- small change


def limit_high(term: Term) -> float:
    """The upper end of a band."""
    assert term.limit_high is not None  # Term.__post_init__
    return term.limit_high


def _after_s(term: Term) -> float:
    assert term.after_s is not None  # Term.__post_init__
    return term.after_s


def _window_s(term: Term) -> float:
    assert term.window_s is not None  # Term.__post_init__
    return term.window_s


# ---------------------------------------------------------------- as plain values


def freeze(part: Part, now_s: float) -> dict[str, object]:
    """As plain values that mean the same on another clock; what is as at first is left out."""
    trail = part.trail
    if part.met is not None and part.of.startswith(MOVING):
        trail = (*trail, (height(part), now_s))
    still_s = part.still_s + (0.0 if part.still_from_s is None else max(0.0, now_s - part.still_from_s))
    plain: dict[str, object] = {"of": part.of}
    for name, value, at_first in (
        ("met", part.met, None), ("held", part.held, False), ("value", part.value, None), ("other", part.other, None),
        ("quiet_s", None if part.good_s is None else max(0.0, now_s - part.good_s), None),
        ("still_s", still_s, 0.0), ("total", part.total, 0.0),
        ("trail", [[height, now_s - until_s] for height, until_s in trail], []),
    ):  # fmt: skip
        if value is not at_first and value != at_first:
            plain[name] = value
    return plain


def thaw(plain: Mapping[str, object], now_s: float, away_s: float) -> Part:
    """What `freeze` made plain. Only silence is known without a reading; KeyError, TypeError, ValueError for rubbish.

    `away_s`: for how long nobody has looked; changes within a window are not carried over longer than that.
    """
    of = str(plain["of"])
    quiet_s, trail, met = plain.get("quiet_s"), plain.get("trail", []), plain.get("met")
    if not isinstance(trail, list):
        raise TypeError("a trail is a list of pairs")
    return Part(
        of=of,
        met=bool(met) if met is not None and of.startswith(Condition.NO_DATA) else None,
        held=bool(plain.get("held", False)),
        value=None if of.startswith(Condition.DEVIATION) else plain_value(plain.get("value")),
        good_s=None if quiet_s is None else now_s - float(str(quiet_s)),
        still_s=float(str(plain.get("still_s", 0.0))),
        trail=tuple((float(height), now_s - float(ago_s) - away_s) for height, ago_s in trail),
        total=float(str(plain.get("total", 0.0))),
    )


def plain_value(value: object) -> Value:
    """`value` if it is one that a point can have; else TypeError."""
    if value is None or isinstance(value, float | int | bool | str):
        return value
    raise TypeError("a value is a number, a bool, a text or None")
