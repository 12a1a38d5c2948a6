"""What has to be remembered of one rule between two readings, what a step tells, and both as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from core.domain.alarms import parts
from core.domain.alarms.parts import Part
from core.domain.alarms.rules import Value

Quiet = Literal["schedule", "design", "parent", "eclipse"]
Service = Literal["in_service", "shelved", "suppressed", "out_of_service"]
Why = Literal["operator", "chatter", "design", "parent", "schedule", "eclipse", "expired", "ended"]
Ending = Literal["normal", "out_of_service", "shelved", "suppressed", "reset"]
QUIETS: tuple[Quiet, ...] = ("design", "schedule", "parent", "eclipse")
"""Reasons to be suppressed, the one to be told first."""


class Status(StrEnum):
    """State of an alarm, named as in ISA-18.2 / IEC 62682."""

    NORMAL = "normal"
    UNACK = "unack"
    ACKED = "acked"
    RTN_UNACK = "rtn_unack"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Put aside by `by` until `until_s`. `once`: only until the condition, once it is `met`, has ended."""

    until_s: float
    why: Literal["operator", "chatter"] = "operator"
    by: str = ""
    reason: str = ""
    once: bool = False
    met: bool = False
    raises: int = 0


@dataclass(frozen=True, slots=True)
class Absence:
    """Out of service by `by`, until put back."""

    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AlarmState:
    """All that has to be remembered of one rule.

    `status`: normal, unack, acked or rtn_unack; `shown` adds shelved, suppressed and out of service.
    `trouble`: whether the condition was met when that was last known (None: never yet).
    `up`: the condition has held for its on-delay and not been gone for its off-delay, whether told or kept quiet.
    `since_s`: from when a change of `trouble` has been counting towards its delay; None while nothing counts.
    `counted_s`: what had counted before `since_s`, before a pause or a restart. `paused`: nothing good is known now.
    `value`: the rule's own point at its last good reading. `told_s`: last raise or reminder.
    `hushed`: how often it would have been raised while quiet.
    """

    status: Status = Status.NORMAL
    trouble: bool | None = None
    up: bool = False
    since_s: float | None = None
    counted_s: float = 0.0
    paused: bool = True
    value: Value = None
    parts: tuple[Part, ...] = ()
    guards: tuple[Part, ...] = ()
    told_s: float | None = None
    shelf: Shelf | None = None
    absence: Absence | None = None
    suppressed: frozenset[Quiet] = frozenset()
    hushed: int = 0

    @property
    def active(self) -> bool:
        """Raised and not cleared, whether or not anybody has seen it."""
        return self.status is Status.UNACK or self.status is Status.ACKED

    @property
    def quiet(self) -> bool:
        """Shelved, suppressed or out of service: may not raise."""
        return bool(self.shelf or self.absence or self.suppressed)

    @property
    def pending(self) -> bool:
        """What is known of the condition differs from what has been reported; its delay decides."""
        return self.trouble is not None and self.trouble != self.up

    @property
    def shown(self) -> Status:
        """The one state of the standard's diagram."""
        if self.absence:
            return Status.OUT_OF_SERVICE
        if self.shelf:
            return Status.SHELVED
        return Status.SUPPRESSED if self.suppressed else self.status


@dataclass(frozen=True, slots=True)
class Raised:
    """The condition has held for its on-delay, and nothing keeps it quiet since `at_s`."""

    at_s: float
    value: Value


@dataclass(frozen=True, slots=True)
class Cleared:
    """It is over since `at_s`: gone for its off-delay, reset, or ended because it was made quiet."""

    at_s: float
    value: Value
    reason: Ending = "normal"


@dataclass(frozen=True, slots=True)
class Reminded:
    """It is still active after its re-alarm time."""

    at_s: float
    value: Value


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """Whether it may raise has changed. `raises`: what led to a shelving for chatter, or was kept quiet until now."""

    at_s: float
    service: Service
    why: Why = "operator"
    by: str = ""
    reason: str = ""
    until_s: float | None = None
    raises: int = 0


Change = Raised | Cleared | Reminded | ServiceChange


def service(state: AlarmState, at_s: float, why: Why = "operator") -> ServiceChange:
    """How a rule stands; `why` is told of one that is in service."""
    if state.absence:
        return ServiceChange(at_s, "out_of_service", "operator", state.absence.by, state.absence.reason)
    shelf = state.shelf
    if shelf:
        return ServiceChange(at_s, "shelved", shelf.why, shelf.by, shelf.reason, shelf.until_s, shelf.raises)
    for quiet in QUIETS:
        if quiet in state.suppressed:
            return ServiceChange(at_s, "suppressed", quiet)
    return ServiceChange(at_s, "in_service", why)


def freeze(state: AlarmState, now_s: float) -> dict[str, object]:
    """`state` as plain values that mean the same on another clock: elapsed seconds instead of moments."""
    counted_s = state.counted_s + (0.0 if state.since_s is None else max(0.0, now_s - state.since_s))
    plain: dict[str, object] = {
        "status": state.status.value,
        "trouble": state.trouble,
        "up": state.up,
        "counted_s": counted_s,
        "value": state.value,
        "parts": [parts.freeze(part, now_s) for part in state.parts],
    }
    if state.guards:
        plain["guards"] = [parts.freeze(part, now_s) for part in state.guards]
    if state.told_s is not None:
        plain["told_ago_s"] = now_s - state.told_s
    shelf = state.shelf
    if shelf is not None:
        plain["shelf"] = {
            "left_s": shelf.until_s - now_s, "why": shelf.why, "by": shelf.by, "reason": shelf.reason,
            "once": shelf.once, "met": shelf.met, "raises": shelf.raises,
        }  # fmt: skip
    if state.absence is not None:
        plain["absence"] = {"by": state.absence.by, "reason": state.absence.reason}
    if state.suppressed:
        plain["suppressed"] = sorted(state.suppressed)
    if state.hushed:
        plain["hushed"] = state.hushed
    return plain


def thaw(frozen: Mapping[str, object], now_s: float, away_s: float = 0.0) -> AlarmState:
    """The state that `freeze` made plain, also that of version 0.1.

    Elapsed time is kept. Of the `away_s` in between, in which nobody looked, delays, silences and reminders know
    nothing; a shelf goes on, and changes within a window grow old. Delays go on with the next good reading (for
    silence with the next tick): nothing is raised on hearsay.
    Raises KeyError, TypeError or ValueError when `frozen` is not of its making.
    """
    trouble = frozen["trouble"]
    if not (trouble is None or isinstance(trouble, bool)):
        raise TypeError("trouble is a bool or None")
    status = Status(str(frozen["status"]))
    active = status in (Status.UNACK, Status.ACKED)
    told_s = frozen.get("told_ago_s")
    state = AlarmState(
        status=status,
        trouble=trouble,
        up=bool(frozen.get("up", active)),
        counted_s=float(str(frozen["counted_s"])),
        value=parts.plain_value(frozen["value"]),
        told_s=None if told_s is None else now_s - float(str(told_s)),
        hushed=int(str(frozen.get("hushed", 0))),
    )
    if "parts" not in frozen:  # version 0.1 knew one condition a rule
        quiet_s = frozen["quiet_s"]
        good_s = None if quiet_s is None else now_s - float(str(quiet_s))
        return replace(state, parts=(Part(met=trouble, held=active, value=state.value, good_s=good_s),))
    return replace(
        state,
        parts=_thaw_parts(frozen["parts"], now_s, away_s),
        guards=_thaw_parts(frozen.get("guards", []), now_s, away_s),
        shelf=_thaw_shelf(frozen.get("shelf"), now_s - away_s),
        absence=_thaw_absence(frozen.get("absence")),
        suppressed=_thaw_suppressed(frozen.get("suppressed", [])),
    )


def _thaw_parts(plain: object, now_s: float, away_s: float) -> tuple[Part, ...]:
    if not isinstance(plain, list):
        raise TypeError("parts are a list")
    return tuple(parts.thaw(part, now_s, away_s) for part in plain)


def _thaw_shelf(plain: object, then_s: float) -> Shelf | None:
    if plain is None:
        return None
    if not isinstance(plain, Mapping):
        raise TypeError("a shelf is a mapping")
    return Shelf(
        until_s=then_s + float(str(plain["left_s"])), why="chatter" if plain["why"] == "chatter" else "operator",
        by=str(plain["by"]), reason=str(plain["reason"]), once=bool(plain["once"]), met=bool(plain["met"]),
        raises=int(str(plain["raises"])),
    )  # fmt: skip


def _thaw_absence(plain: object) -> Absence | None:
    if plain is None:
        return None
    if not isinstance(plain, Mapping):
        raise TypeError("an absence is a mapping")
    return Absence(str(plain["by"]), str(plain["reason"]))


def _thaw_suppressed(plain: object) -> frozenset[Quiet]:
    if not isinstance(plain, list):
        raise TypeError("what suppresses is a list")
    return frozenset(quiet for quiet in QUIETS if quiet in plain)
