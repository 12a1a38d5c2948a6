"""One term of a rule judging its point: whether its condition is met, what it has to remember for that, and when
time alone would change it.

Pure; a good reading holds until the next one, a reading that is not good says nothing (`met` is None then).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from core.domain.alarms.rules import Condition, Term, Value
from core.domain.points import Reading

Trail = tuple[tuple[float, float], ...]
_TRAIL_PARTS = 256  # a window is remembered in so many parts at most
_HIGH = (Condition.HIGH, Condition.HIGH_HIGH)
_LOW = (Condition.LOW, Condition.LOW_LOW)
_OF_WORDS = (Condition.BIT, Condition.EQUALS)
_MOVING = (Condition.RATE, Condition.STEP)


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
    if term.condition in _MOVING:
        return _take_moving(term, part, float(value), now_s, holding)
    return judged(term, replace(part, value=value), holding)


def take_other(term: Term, part: Part, reading: Reading, holding: bool) -> Part:
    """The memory after a reading of the point that the term's point is compared with."""
    value = reading.value
    usable = reading.good and isinstance(value, int | float) and math.isfinite(value)
    return judged(term, replace(part, other=float(value) if usable else None), holding)  # type: ignore[arg-type]


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
    if term.condition in _MOVING:
        assert isinstance(part.value, int | float)  # met, so it has had readings
        trail = _within(part.trail, _window_s(term), now_s)
        return _met(
            replace(part, trail=trail), _moved(term, trail, _height(term, part), holding and part.held)
        )
    return _met(part, True)


def changes_s(term: Term, part: Part) -> float | None:
    """When `pass_time` would next change whether the condition is met; None for never."""
    if term.condition is Condition.NO_DATA:
        return None if part.met or part.good_s is None else part.good_s + _after_s(term)
    if term.condition is Condition.STUCK:
        due_s = still_s(term, part)
        return due_s if due_s is not None and part.good_s is not None and part.good_s >= due_s else None
    if term.condition in _MOVING and part.met and part.trail:
        return part.trail[0][1] + _window_s(term)
    return None


def still_s(term: Term, part: Part) -> float | None:
    """When a value that goes on standing still will have done so for too long; None when nothing counts."""
    if term.condition is not Condition.STUCK or part.met or part.still_from_s is None:
        return None
    return part.still_from_s + max(0.0, _after_s(term) - part.still_s)


def calm(term: Term, part: Part, holding: bool) -> tuple[float, float] | None:
    """The numbers of the term's point that, as good readings, leave `met` as it is; None when each must be judged."""
    if part.met is None:
        return None
    if term.condition is Condition.STUCK:
        return _any_or_near(term, part)
    if term.condition is Condition.NO_DATA:
        return None if part.met else (-math.inf, math.inf)
    if term.condition in _OF_WORDS or term.condition in _MOVING or term.limit is None:
        return None
    limit, slack = term.limit, term.deadband if holding and part.held else 0.0
    if term.condition in _HIGH:
        return (_above(limit - slack), math.inf) if part.met else (-math.inf, limit - slack)
    if term.condition in _LOW:
        return (-math.inf, _below(limit + slack)) if part.met else (limit + slack, math.inf)
    if term.condition is Condition.DEVIATION:
        return None if part.met else _room(part.value, part.other, limit - slack)
    assert isinstance(part.value, int | float)  # judged, so it has had a number
    widen = slack if term.condition is Condition.INSIDE else -slack
    low, high = limit - widen, _limit_high(term) + widen
    if part.met is (term.condition is Condition.INSIDE):
        return (low, high) if low <= high else None
    return (-math.inf, _below(low)) if part.value < low else (_above(high), math.inf)


def calm_other(term: Term, part: Part, holding: bool) -> tuple[float, float] | None:
    """As `calm`, for the point compared with."""
    if part.met is not False or term.limit is None:
        return None
    return _room(part.other, part.value, term.limit - (term.deadband if holding and part.held else 0.0))


def heard(part: Part, at_s: float, changed_s: float | None, value: Value) -> Part:
    """Readings of a silence or standstill have come until `at_s`; at `changed_s` the last one that differed."""
    if part.of.startswith(Condition.STUCK):
        if part.met is None:
            return part  # a pause ends with a reading
        if changed_s is not None and part.still_from_s is not None and changed_s > part.still_from_s:
            part = replace(part, value=value, still_from_s=changed_s, still_s=0.0)
    return part if part.good_s is not None and at_s <= part.good_s else replace(part, good_s=at_s)


# ---------------------------------------------------------------- each condition


def _met(part: Part, met: bool) -> Part:
    return replace(part, met=met, held=part.held or met)


def _pause(term: Term, part: Part, now_s: float) -> Part:
    if term.condition is Condition.NO_DATA or part.met is None:
        return part
    if term.condition is Condition.STUCK and part.still_from_s is not None:
        part = replace(part, still_from_s=None, still_s=part.still_s + max(0.0, now_s - part.still_from_s))
    if term.condition in _MOVING:
        part = replace(part, trail=_left(term, part, now_s))
    if term.condition is Condition.DEVIATION:
        part = replace(part, value=None)
    return replace(part, met=None)


def _beyond(term: Term, value: float, other: float | None, slack: float) -> bool:
    """Limits, bands and deviation. Slack makes it easier to stay in trouble."""
    limit = term.limit
    assert limit is not None  # Term.__post_init__
    if term.condition in _HIGH:
        return value > limit - slack
    if term.condition in _LOW:
        return value < limit + slack
    if term.condition is Condition.OUTSIDE:
        return value < limit + slack or value > _limit_high(term) - slack
    if term.condition is Condition.INSIDE:
        return limit - slack <= value <= _limit_high(term) + slack
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


def _any_or_near(term: Term, part: Part) -> tuple[float, float] | None:
    """Stuck: while nothing is wrong, changes need not be told one by one if the last one is (see `heard`)."""
    if part.met or part.still_from_s is None or part.value is None or isinstance(part.value, str):
        return None
    if term.deadband:
        return part.value - term.deadband, part.value + term.deadband
    return -math.inf, math.inf


# ---------------------------------------------------------------- change within a window


def _take_moving(term: Term, part: Part, value: float, now_s: float, holding: bool) -> Part:
    trail = part.trail if part.met is None else _left(term, part, now_s)
    total = part.total
    if isinstance(part.value, int | float):
        total += risen(part.value, value)
    part = replace(part, value=value, total=total)
    height = _height(term, part)
    while trail and trail[-1][0] >= height:
        trail = trail[:-1]
    trail = _within(trail, _window_s(term), now_s)
    return _met(replace(part, trail=trail), _moved(term, trail, height, holding and part.held))


def risen(old: float, new: float) -> float:
    """How far a counter has counted between two readings.

    A fall from the top sixteenth of 16 or 32 bits into the lowest sixteenth is a rollover. Every other fall is a
    reset: what was counted between it and the reading is not known and not guessed.
    """
    if new >= old:
        return new - old
    for size in (2.0**16, 2.0**32):
        if old < size:
            return size - old + new if old >= size * 15 / 16 and new < size / 16 else 0.0
    return 0.0


def _height(term: Term, part: Part) -> float:
    """What must not rise: the value, its negative for a fall, or all that a counter has counted."""
    if term.condition is Condition.STEP:
        return part.total
    assert isinstance(part.value, int | float) and term.limit is not None
    return float(part.value) if term.limit > 0 else -float(part.value)


def _left(term: Term, part: Part, now_s: float) -> Trail:
    """The trail when the present value ends at `now_s`; what is dropped to bound it makes a change look smaller."""
    trail = part.trail
    if len(trail) > 1 and now_s - trail[-2][1] < _window_s(term) / _TRAIL_PARTS:
        trail = trail[:-1]
    return (*trail, (_height(term, part), now_s))


def _within(trail: Trail, window_s: float, now_s: float) -> Trail:
    first = 0
    while first < len(trail) and trail[first][1] + window_s <= now_s:
        first += 1
    return trail[first:]


def _moved(term: Term, trail: Trail, height: float, holding: bool) -> bool:
    assert term.limit is not None  # Term.__post_init__
    limit = abs(term.limit)
    least = max(0.0, limit - term.deadband) if holding else limit
    return bool(trail) and height - trail[0][0] > least


# ---------------------------------------------------------------- small change


def _limit_high(term: Term) -> float:
    assert term.limit_high is not None  # Term.__post_init__
    return term.limit_high


def _after_s(term: Term) -> float:
    assert term.after_s is not None  # Term.__post_init__
    return term.after_s


def _window_s(term: Term) -> float:
    assert term.window_s is not None  # Term.__post_init__
    return term.window_s


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


# ---------------------------------------------------------------- as plain values


def freeze(part: Part, now_s: float) -> dict[str, object]:
    """As plain values that mean the same on another clock; what is as at first is left out."""
    trail = part.trail
    if part.met is not None and isinstance(part.value, int | float):
        kind, _, _ = part.of.partition("|")
        if kind in _MOVING:
            height = part.total if kind == Condition.STEP else float(part.value)
            trail = (*trail, (-height if part.of.endswith("|fall") else height, now_s))
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
        value=plain_value(plain.get("value")),
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
