"""What people and the system do to an alarm: acknowledge, reset, shelve, suppress, take out of service, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from core.domain.alarms import steps
from core.domain.alarms.parts import Part
from core.domain.alarms.rules import Condition, Rule
from core.domain.alarms.states import Absence, AlarmState, Change, Cleared, Quiet, Shelf, Status
from core.errors import AppError

Verb = Literal[
    "acknowledge", "reset", "shelve", "unshelve", "out_of_service", "in_service", "suppress", "unsuppress"
]


@dataclass(frozen=True, slots=True)
class Operation:
    """`seconds`, `once`, `raises`: for shelve. `why`: operator or chatter for shelve, a reason for suppress."""

    verb: Verb
    by: str = ""
    reason: str = ""
    seconds: float | None = None
    once: bool = False
    raises: int = 0
    why: Literal["operator", "chatter"] | Quiet = "operator"


def operate(
    rule: Rule, state: AlarmState, operation: Operation, now_s: float
) -> tuple[AlarmState, list[Change]]:
    """The state after `operation`, and what that told; first whatever fell due before `now_s`.

    What is done a second time changes nothing. Raises AppError with `rule.shelve_too_long`, `rule.shelve_needs_time`,
    `rule.out_of_service` or `rule.still_met` for what a person cannot do; `rule` is among the params.
    """
    state, changes = steps.tick(rule, state, now_s)
    state = _done(rule, state, operation, now_s, changes)
    state, more = steps.settle(rule, state, now_s)
    return state, changes + more


def acknowledge(state: AlarmState) -> AlarmState:
    """Somebody has seen it: unack → acked, rtn_unack → normal, else unchanged."""
    if state.status is Status.UNACK:
        return replace(state, status=Status.ACKED)
    if state.status is Status.RTN_UNACK:
        return replace(state, status=Status.NORMAL)
    return state


def _done(
    rule: Rule, state: AlarmState, operation: Operation, now_s: float, changes: list[Change]
) -> AlarmState:
    verb = operation.verb
    if verb == "acknowledge":
        return acknowledge(state)
    if verb == "reset":
        return _reset(rule, state, now_s, changes)
    if verb == "shelve":
        return _shelve(rule, state, operation, now_s, changes)
    if verb == "unshelve":
        return steps.unshelve(state, now_s, "operator", changes) if state.shelf else state
    if verb == "out_of_service":
        out = replace(state, absence=Absence(operation.by, operation.reason), shelf=None)
        out = steps.end(out, "out_of_service", now_s, changes)
        return steps.tell(state, out, now_s, "operator", changes)
    if verb == "in_service":
        back = replace(state, absence=None)
        return steps.tell(state, back, now_s, "operator", changes)
    if verb == "suppress":
        return steps.suppress(state, _quiet(operation), now_s, changes)
    return _unsuppress(state, _quiet(operation), now_s, changes)


def _reset(rule: Rule, state: AlarmState, now_s: float, changes: list[Change]) -> AlarmState:
    if not state.active:
        return state
    if state.up or not rule.latching:
        raise AppError("rule.still_met", f"the condition of rule {rule.id} still holds", rule=rule.id)
    changes.append(Cleared(now_s, state.value, "reset"))
    over = Status.RTN_UNACK if state.status is Status.UNACK else Status.NORMAL
    return replace(state, status=over, told_s=None)


def _shelve(
    rule: Rule, state: AlarmState, operation: Operation, now_s: float, changes: list[Change]
) -> AlarmState:
    seconds = operation.seconds
    if seconds is None and operation.once:
        seconds = rule.shelve_most_s
    if seconds is None or seconds <= 0:
        raise AppError("rule.shelve_needs_time", f"say for how long to shelve rule {rule.id}", rule=rule.id)
    if operation.why != "chatter" and seconds > rule.shelve_most_s:
        most_min = f"{rule.shelve_most_s / 60:g}"
        detail = f"rule {rule.id} may be shelved for {most_min} minutes at most"
        raise AppError("rule.shelve_too_long", detail, rule=rule.id, minutes=most_min)
    if state.absence:
        raise AppError("rule.out_of_service", f"rule {rule.id} is out of service", rule=rule.id)
    shelf = Shelf(
        now_s + seconds, "chatter" if operation.why == "chatter" else "operator", operation.by, operation.reason,
        operation.once, bool(state.active or state.trouble), operation.raises,
    )  # fmt: skip
    shelved = steps.end(replace(state, shelf=shelf), "shelved", now_s, changes)
    return steps.tell(state, shelved, now_s, "operator", changes)


def _unsuppress(state: AlarmState, why: Quiet, now_s: float, changes: list[Change]) -> AlarmState:
    """Back from suppression by a parent, what is known is from before: delays and silences begin anew."""
    if why == "parent" and why in state.suppressed:
        afresh = tuple(_heard_now(part, now_s) for part in state.parts)
        since_s = None if state.since_s is None and not state.up else now_s
        state = replace(state, parts=afresh, up=False, since_s=since_s, counted_s=0.0)
    return steps.unsuppress(state, why, now_s, changes)


def _heard_now(part: Part, now_s: float) -> Part:
    if not part.of.startswith(Condition.NO_DATA):
        return part
    return replace(part, met=False, good_s=now_s)


def _quiet(operation: Operation) -> Quiet:
    why = operation.why
    if why == "operator" or why == "chatter" or why == "design":  # designs are decided by a rule's own terms
        raise ValueError("suppression is by schedule, parent or eclipse")
    return why
