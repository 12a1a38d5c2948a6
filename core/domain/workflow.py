"""The lifecycle of a ticket as data, and the small engine that says what may happen next.

Pure: knows states, transitions, guards and who may; it changes nothing and reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from core.domain.people import Action
from core.errors import AppError, Conflict, Forbidden


class State(StrEnum):
    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    FOLLOW_UP = "follow_up"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"


S = State
OPEN = frozenset({S.NEW, S.ASSIGNED, S.IN_PROGRESS, S.ON_HOLD})  # somebody still has work with it
DONE = frozenset({S.RESOLVED, S.FOLLOW_UP, S.CLOSED})  # the work was completed
REOPEN_WITHIN = timedelta(days=7)

# Does the SLA clock stand still while a ticket waits for this?
HOLD_PAUSES: Mapping[str, bool] = {
    "waiting_parts": True,
    "waiting_stop": True,
    "waiting_vendor": False,
    "waiting_reporter": True,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the guards look at."""

    state: State
    accepted: bool = False
    assignee: bool = False
    steps_open: int = 0
    failure_modes_exist: bool = False
    failure_mode: str = ""
    resolution: str = ""
    alarm_active: bool = False
    fields_open: int = 0
    approvals_open: int = 0
    closed_at: datetime | None = None
    now: datetime | None = None


def _steps_done(facts: Facts) -> bool:
    return facts.steps_open == 0


def _failure_mode_given(facts: Facts) -> bool:
    return bool(facts.failure_mode) or not facts.failure_modes_exist


def _alarm_clear(facts: Facts) -> bool:
    return not facts.alarm_active


def _fields_done(facts: Facts) -> bool:
    return facts.fields_open == 0


def _approved(facts: Facts) -> bool:
    return facts.approvals_open == 0


def _not_accepted(facts: Facts) -> bool:
    return not facts.accepted


def _recently_closed(facts: Facts) -> bool:
    if facts.closed_at is None or facts.now is None:
        return False
    return facts.now - facts.closed_at <= REOPEN_WITHIN


# Guard → whether it holds. The code is also that of the error, as `ticket.<code>`.
GUARDS: Mapping[str, Callable[[Facts], bool]] = {
    "steps_open": _steps_done,
    "failure_mode_needed": _failure_mode_given,
    "alarm_active": _alarm_clear,
    "fields_open": _fields_done,
    "approval_pending": _approved,
    "already_accepted": _not_accepted,
    "reopen_too_late": _recently_closed,
}
# These hide a move rather than explain what is missing; no right passes them.
HIDING = frozenset({"already_accepted", "reopen_too_late"})


@dataclass(frozen=True, slots=True)
class Transition:
    """One arrow of the lifecycle. `needs`: what must be given with it. `verb`: how the journal tells it."""

    move: str
    sources: frozenset[State]
    to: State
    verb: str
    action: Action
    needs: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    automatic: bool = False


def _t(
    move: str, sources: Iterable[State], to: State, verb: str, action: Action,
    needs: tuple[str, ...] = (), guards: tuple[str, ...] = (), automatic: bool = False,
) -> Transition:  # fmt: skip
    return Transition(move, frozenset(sources), to, verb, action, needs, guards, automatic)


A = Action
LIFECYCLE: tuple[Transition, ...] = (
    _t("assign", OPEN, S.ASSIGNED, "ticket.assigned", A.TICKET_ASSIGN, ("assignee",),
       ("approval_pending",)),
    _t("grab", {S.NEW}, S.ASSIGNED, "ticket.assigned", A.TICKET_GRAB, guards=("approval_pending",)),
    _t("accept", {S.ASSIGNED}, S.ASSIGNED, "ticket.accepted", A.TICKET_WORK, guards=("already_accepted",)),
    _t("start", {S.ASSIGNED}, S.IN_PROGRESS, "ticket.started", A.TICKET_WORK),
    _t("hold", {S.ASSIGNED, S.IN_PROGRESS}, S.ON_HOLD, "ticket.held", A.TICKET_WORK, ("hold_reason",)),
    _t("resume", {S.ON_HOLD}, S.IN_PROGRESS, "ticket.resumed", A.TICKET_WORK),
    _t("resolve", {S.IN_PROGRESS}, S.RESOLVED, "ticket.resolved", A.TICKET_WORK, ("resolution",),
       ("steps_open", "fields_open", "failure_mode_needed", "alarm_active")),
    _t("ask", {S.RESOLVED}, S.FOLLOW_UP, "ticket.follow_up", A.TICKET_CLOSE, automatic=True),
    _t("close", {S.RESOLVED, S.FOLLOW_UP}, S.CLOSED, "ticket.closed", A.TICKET_CLOSE),
    _t("reject", {S.RESOLVED, S.FOLLOW_UP}, S.IN_PROGRESS, "ticket.reopened", A.TICKET_CLOSE, ("reason",)),
    _t("reopen", {S.CLOSED}, S.IN_PROGRESS, "ticket.reopened", A.TICKET_CLOSE, ("reason",),
       ("reopen_too_late",)),
    _t("decline", {S.ASSIGNED}, S.NEW, "ticket.declined", A.TICKET_WORK, ("reason",)),
    _t("return", {S.ASSIGNED, S.IN_PROGRESS, S.ON_HOLD}, S.NEW, "ticket.declined", A.TICKET_ASSIGN,
       ("reason",)),
    _t("merge", OPEN, S.MERGED, "ticket.merged", A.TICKET_ASSIGN, automatic=True),
    _t("cancel", OPEN, S.CANCELLED, "ticket.cancelled", A.TICKET_CANCEL, ("reason",)),
)  # fmt: skip
_BY_MOVE: Mapping[str, Transition] = {transition.move: transition for transition in LIFECYCLE}


@dataclass(frozen=True, slots=True)
class Choice:
    """A transition open now; `blocked` names the guards that do not hold yet."""

    transition: Transition
    needs: tuple[str, ...]
    blocked: tuple[str, ...] = field(default=())


def needs(transition: Transition, facts: Facts) -> tuple[str, ...]:
    """What must be given with a move now: nothing that the ticket has already, a failure mode where codes exist."""
    asked = tuple(n for n in transition.needs if not (n == "resolution" and facts.resolution))
    if "failure_mode_needed" in transition.guards and not _failure_mode_given(facts):
        asked += ("failure_mode",)
    return asked


def blocked(transition: Transition, facts: Facts) -> tuple[str, ...]:
    """Guards of a move that do not hold."""
    return tuple(code for code in transition.guards if not GUARDS[code](facts))


def allowed(facts: Facts, may: Callable[[Action], bool]) -> list[Choice]:
    """All moves open from here to somebody with these rights, in the order of the lifecycle."""
    choices = []
    for transition in LIFECYCLE:
        stopped = blocked(transition, facts)
        if facts.state not in transition.sources or transition.automatic or not may(transition.action):
            continue
        if HIDING.intersection(stopped):
            continue
        # A failure mode is asked for with the move, so its absence does not block the button.
        open_guards = tuple(code for code in stopped if code != "failure_mode_needed")
        choices.append(Choice(transition, needs(transition, facts), open_guards))
    return choices


def transition_of(move: str, state: State) -> Transition:
    """The arrow `move` from `state`. Raises AppError `ticket.unknown_move`, Conflict `ticket.wrong_state`."""
    transition = _BY_MOVE.get(move)
    if transition is None:
        raise AppError("ticket.unknown_move", f"no move {move!r}", fields={"move": "unknown"}, move=move)
    if state not in transition.sources:
        raise Conflict(
            "ticket.wrong_state", f"{move} is not possible in state {state}", move=move, state=state
        )
    return transition


def check(
    move: str,
    facts: Facts,
    given: Mapping[str, object],
    may: Callable[[Action], bool],
    override: bool = False,
    automatic: bool = False,
) -> Transition:
    """The transition for `move`, when everything it asks for holds.

    `given`: reason, hold_reason, resolution, failure_mode, assignee … as filled in. `override` passes guards,
    with the right and a reason. Raises Forbidden, AppError `ticket.<need>_needed`, Conflict `ticket.<guard>`.
    """
    transition = transition_of(move, facts.state)
    if not automatic and (transition.automatic or not may(transition.action)):
        raise Forbidden("auth.forbidden", f"{transition.action} is needed", action=transition.action)
    for need in needs(transition, facts):
        if not given.get(need):
            raise AppError(
                f"ticket.{need}_needed", f"{move} needs {need}", fields={need: "missing"}, move=move
            )
    if given.get("failure_mode"):
        facts = replace(facts, failure_mode=str(given["failure_mode"]))
    stopped = blocked(transition, facts)
    if not stopped:
        return transition
    if override and not HIDING.intersection(stopped):
        if not may(Action.TICKET_OVERRIDE):
            raise Forbidden(
                "auth.forbidden", "passing a guard needs the right", action=Action.TICKET_OVERRIDE
            )
        if not given.get("reason"):
            raise AppError("ticket.reason_needed", "an override needs a reason", fields={"reason": "missing"})
        return transition
    raise Conflict(
        f"ticket.{stopped[0]}",
        f"{move} is blocked by {', '.join(stopped)}",
        move=move,
        count=facts.steps_open,
    )
