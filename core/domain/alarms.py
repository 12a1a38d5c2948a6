"""When readings become an alarm, and when it is over: states after ISA-18.2, delays, deadband, quality.

Pure: `now_s` is seconds of a clock that never goes back (an edge's own, or the time column of a recording).
A good reading holds until the next one. A reading that is not good pauses the delays of a process alarm and
neither raises nor clears it. Knows no points, assets, tickets or clocks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from core.domain.points import Reading


class Severity(StrEnum):
    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    INFO = "info"


class Status(StrEnum):
    """State of an alarm, named as in ISA-18.2 / IEC 62682."""

    NORMAL = "normal"
    UNACK = "unack"
    ACKED = "acked"
    RTN_UNACK = "rtn_unack"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"


class Condition(StrEnum):
    HIGH = "high"
    LOW = "low"
    BIT = "bit"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts as trouble. Delays in seconds, `limit` and `deadband` in the point's unit."""

    id: str
    condition: Condition
    limit: float | None = None
    when: bool = True
    after_s: float | None = None
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    deadband: float = 0.0
    severity: Severity = Severity.MAJOR

    def __post_init__(self) -> None:
        if self.condition in (Condition.HIGH, Condition.LOW) and self.limit is None:
            raise ValueError(f"rule {self.id}: a {self.condition} rule needs a limit")
        if self.condition is Condition.NO_DATA and not (self.after_s or 0) > 0:
            raise ValueError(f"rule {self.id}: a no_data rule needs after_s above 0")
        if min(self.on_delay_s, self.off_delay_s, self.deadband) < 0:
            raise ValueError(f"rule {self.id}: delays and deadband cannot be negative")


@dataclass(frozen=True, slots=True)
class AlarmState:
    """All that has to be remembered of one rule between two readings.

    `trouble`: whether the condition was met at the last good reading (None: no good reading yet).
    `since_s`: from when a change of `trouble` has been counting towards its delay; None while nothing counts.
    `counted_s`: what had counted before `since_s`, before a pause or a restart.
    `good_s`: when the last good reading came, for no_data. `value`: that reading's value.
    """

    status: Status = Status.NORMAL
    trouble: bool | None = None
    since_s: float | None = None
    counted_s: float = 0.0
    good_s: float | None = None
    value: float | bool | str | None = None

    @property
    def active(self) -> bool:
        """Raised and not cleared, whether or not anybody has seen it."""
        return self.status in (Status.UNACK, Status.ACKED)

    @property
    def pending(self) -> bool:
        """The condition differs from what has been reported; its delay decides."""
        return self.trouble is not None and self.trouble != self.active


@dataclass(frozen=True, slots=True)
class Raised:
    """The condition has held for its on-delay, which ended at `at_s`."""

    at_s: float
    value: float | bool | str | None


@dataclass(frozen=True, slots=True)
class Cleared:
    """The condition has been gone for its off-delay, which ended at `at_s`."""

    at_s: float
    value: float | bool | str | None


Change = Raised | Cleared


def step(rule: Rule, state: AlarmState, reading: Reading, now_s: float) -> tuple[AlarmState, list[Change]]:
    """The state after `reading`, and what that raised or cleared; first whatever fell due before `now_s`."""
    state, changes = tick(rule, state, now_s)
    if rule.condition is Condition.NO_DATA:
        if reading.good:
            quiet = replace(state, good_s=now_s, value=reading.value)
            state = _judge(quiet, trouble=False, now_s=now_s)
    else:
        trouble = _trouble(rule, state.active, reading)
        if trouble is None:
            state = _pause(state, now_s)
        else:
            state = _judge(replace(state, good_s=now_s, value=reading.value), trouble, now_s)
    state, more = _fall_due(rule, state, now_s)
    return state, changes + more


def tick(rule: Rule, state: AlarmState, now_s: float) -> tuple[AlarmState, list[Change]]:
    """The state after time has passed without a reading, and what fell due by `now_s`."""
    if rule.condition is not Condition.NO_DATA:
        return _fall_due(rule, state, now_s)
    if state.good_s is None:  # silence counts from the first moment the rule is looked at
        state = replace(state, good_s=now_s)
    if state.trouble is not None:  # silence needs no reading to go on counting after a restart
        state = _judge(state, state.trouble, now_s)
    silent_s = _good_s(state) + _after_s(rule)
    state, changes = _fall_due(rule, state, min(now_s, silent_s) if not state.trouble else now_s)
    if now_s >= silent_s:
        state = _judge(state, trouble=True, now_s=silent_s)
    state, more = _fall_due(rule, state, now_s)
    return state, changes + more


def heard(state: AlarmState, at_s: float) -> AlarmState:
    """Good readings have come until `at_s` without a step for each: what counts for no_data when values stand still."""
    if state.good_s is not None and at_s <= state.good_s:
        return state
    return replace(state, good_s=at_s)


def due_s(rule: Rule, state: AlarmState) -> float | None:
    """When `tick` would next change something if no reading came; None for never."""
    if state.pending and state.since_s is not None:
        return state.since_s + _delay_s(rule, state) - state.counted_s
    if rule.condition is Condition.NO_DATA and not state.trouble:
        return None if state.good_s is None else state.good_s + _after_s(rule)
    return None


def calm(rule: Rule, state: AlarmState) -> tuple[float, float] | None:
    """The numbers, from … to …, that as good readings decide nothing; None when each has to be judged.

    Only for a high or low rule at rest: `step` would then change nothing but the reading that the state remembers.
    """
    if state.trouble is None or state.pending or state.since_s is not None or rule.limit is None:
        return None
    if rule.condition is Condition.HIGH:
        if state.active:
            return math.nextafter(rule.limit - rule.deadband, math.inf), math.inf
        return -math.inf, rule.limit
    if rule.condition is Condition.LOW:
        if state.active:
            return -math.inf, math.nextafter(rule.limit + rule.deadband, -math.inf)
        return rule.limit, math.inf
    return None


def acknowledge(state: AlarmState) -> AlarmState:
    """Somebody has seen it: unack → acked, rtn_unack → normal, else unchanged."""
    if state.status is Status.UNACK:
        return replace(state, status=Status.ACKED)
    if state.status is Status.RTN_UNACK:
        return replace(state, status=Status.NORMAL)
    return state


def freeze(state: AlarmState, now_s: float) -> dict[str, object]:
    """`state` as plain values that mean the same on another clock: elapsed seconds instead of moments."""
    paused = _pause(state, now_s)
    return {
        "status": paused.status.value,
        "trouble": paused.trouble,
        "counted_s": paused.counted_s,
        "quiet_s": None if state.good_s is None else max(0.0, now_s - state.good_s),
        "value": paused.value,
    }


def thaw(frozen: Mapping[str, object], now_s: float) -> AlarmState:
    """The state that `freeze` made plain; time that has elapsed is kept, time in between does not count.

    Delays go on with the next good reading (for no_data with the next tick): nothing is raised on hearsay.
    Raises KeyError, TypeError or ValueError when `frozen` is not of its making.
    """
    trouble, value, quiet_s = frozen["trouble"], frozen["value"], frozen["quiet_s"]
    if not (trouble is None or isinstance(trouble, bool)):
        raise TypeError("trouble is a bool or None")
    if not (value is None or isinstance(value, float | int | bool | str)):
        raise TypeError("value is a number, a bool, a text or None")
    return AlarmState(
        status=Status(str(frozen["status"])),
        trouble=trouble,
        counted_s=float(str(frozen["counted_s"])),
        good_s=None if quiet_s is None else now_s - float(str(quiet_s)),
        value=value,
    )


def _trouble(rule: Rule, active: bool, reading: Reading) -> bool | None:
    """Whether a reading meets the condition; None when it can say nothing about it.

    The deadband holds an active alarm only, so that a raise always had the true limit passed for its on-delay.
    """
    value = reading.value
    if not reading.good or value is None or isinstance(value, str):
        return None
    if rule.condition is Condition.BIT:
        return bool(value) == rule.when
    assert rule.limit is not None  # __post_init__
    slack = rule.deadband if active else 0.0
    if rule.condition is Condition.HIGH:
        return value > rule.limit - slack
    return value < rule.limit + slack


def _judge(state: AlarmState, trouble: bool, now_s: float) -> AlarmState:
    """Note that the condition is (not) met at `now_s`: start, keep or stop counting."""
    if trouble == state.active:
        return replace(state, trouble=trouble, since_s=None, counted_s=0.0)
    if state.trouble != trouble:
        return replace(state, trouble=trouble, since_s=now_s, counted_s=0.0)
    return replace(state, since_s=now_s) if state.since_s is None else state


def _pause(state: AlarmState, now_s: float) -> AlarmState:
    if state.since_s is None:
        return state
    return replace(state, since_s=None, counted_s=state.counted_s + max(0.0, now_s - state.since_s))


def _fall_due(rule: Rule, state: AlarmState, now_s: float) -> tuple[AlarmState, list[Change]]:
    if not state.pending or state.since_s is None:
        return state, []
    at_s = state.since_s + max(0.0, _delay_s(rule, state) - state.counted_s)
    if now_s < at_s:
        return state, []
    rest = replace(state, since_s=None, counted_s=0.0)
    if state.trouble:
        return replace(rest, status=Status.UNACK), [Raised(at_s, state.value)]
    over = Status.RTN_UNACK if state.status is Status.UNACK else Status.NORMAL
    return replace(rest, status=over), [Cleared(at_s, state.value)]


def _delay_s(rule: Rule, state: AlarmState) -> float:
    return rule.on_delay_s if state.trouble else rule.off_delay_s


def _after_s(rule: Rule) -> float:
    assert rule.after_s is not None  # __post_init__
    return rule.after_s


def _good_s(state: AlarmState) -> float:
    assert state.good_s is not None  # set by tick before it asks
    return state.good_s
