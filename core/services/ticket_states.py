"""Takes a ticket's row from state to state: times, SLA clock, counters, the key of the open one, journal."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from core.domain import tickets, workflow
from core.domain.people import Action, Actor, Owned, may
from core.domain.workflow import Facts, State, Transition
from core.errors import Conflict
from core.services import journal, sla_policies, templates
from core.storage import gather, queries
from core.storage.tables import AlarmRow, ApprovalRow, FailureCodeRow, PersonRow, TeamRow, TicketRow

LOADS = "loads"  # what a gathered transaction knows of how many tickets people have
# Rights that belong to whoever does the work, not to whoever reported it.
_OF_WORKER = frozenset({Action.TICKET_WORK, Action.TICKET_EDIT, Action.PART_ISSUE, Action.COST_READ})


def owned(row: TicketRow, action: Action) -> Owned:
    """Whose ticket it is, for `action`."""
    people = {row.assignee_id} if action in _OF_WORKER else {row.assignee_id, row.reporter_id}
    return Owned(
        frozenset(person for person in people if person is not None),
        frozenset() if row.team_id is None else frozenset({row.team_id}),
    )


def permits(actor: Actor, row: TicketRow, action: Action) -> bool:
    """Whether `actor` may do `action` to this ticket. A free ticket is grabbed by the team it waits for."""
    if action is Action.TICKET_GRAB and row.team_id is not None and actor.kind == "person":
        return may(actor, action) and row.team_id in actor.team_ids
    return may(actor, action, owned(row, action))


def facts(row: TicketRow, now: datetime, alarming: bool | None = None) -> Facts:
    """What the guards of the lifecycle look at; `alarming` when the caller has read it already."""
    state = State(row.state)
    working = state in workflow.OPEN
    if alarming is None:
        alarming = working and bool(_active_alarms(row.id))
    return Facts(
        state=state,
        accepted=_accepted(row),
        assignee=row.assignee_id is not None,
        steps_open=tickets.steps_open(row.procedure) if working else 0,
        failure_modes_exist=working and failure_modes_exist(row),
        failure_mode=row.failure_mode,
        resolution=row.resolution,
        alarm_active=working and alarming,
        fields_open=len(templates.fields_open(row.template_id, row.custom))
        if working and row.template_id
        else 0,
        approvals_open=_approvals_open(row.id) if row.state == State.NEW and row.template_id else 0,
        closed_at=row.closed_at,
        now=now,
    )


def _approvals_open(ticket_id: int) -> int:
    return int(
        ApprovalRow.select().where(ApprovalRow.ticket == ticket_id, ApprovalRow.granted.is_null()).count()
    )


@queries.prepared
def _active_alarms(ticket_id: int) -> Any:
    return AlarmRow.select(AlarmRow.id).where(AlarmRow.ticket == ticket_id, AlarmRow.active).limit(1)


def _accepted(row: TicketRow) -> bool:
    if row.acknowledged_at is None:
        return False
    return row.assigned_at is None or row.acknowledged_at >= row.assigned_at


def failure_modes_exist(row: TicketRow) -> bool:
    """Whether somebody has set up failure modes for this ticket's category of asset."""
    if row.type != "fault" or row.asset is None:
        return False
    return bool(_failure_modes([row.asset.category, ""]))


@queries.prepared
def _failure_modes(categories: list[str]) -> Any:
    query = FailureCodeRow.select(FailureCodeRow.id).where(
        FailureCodeRow.kind == "mode", FailureCodeRow.active, FailureCodeRow.category.in_(categories)
    )
    return query.limit(1)


def take(actor: Actor, row: TicketRow, transition: Transition, now: datetime, **data: Any) -> None:
    """Take one transition that has been checked, save the row as its next version, and write the journal."""
    before = row.state
    if before == State.ON_HOLD:
        data |= _end_hold(row, now)
    row.state = transition.to
    gather.forget(LOADS)
    _STEPS.get(transition.move, _nothing)(row, now)
    if transition.to not in workflow.OPEN:
        row.open_key = None
    save(row, now)
    assignee, team = queries.by_id(PersonRow, row.assignee_id), queries.by_id(TeamRow, row.team_id)
    facts_told = {key: value for key, value in data.items() if value not in ("", None)}
    journal.write(
        actor, transition.verb, "ticket", row.id, now, row.id,
        **{"number": row.number, "title": row.title, "move": transition.move, "from": before, "to": row.state,
           "assignee_id": row.assignee_id, "assignee": assignee.name if assignee else None,
           "team_id": row.team_id, "team": team.name if team else None} | facts_told,
    )  # fmt: skip


def save(row: TicketRow, now: datetime) -> None:
    """Write the row as its next version."""
    row.version += 1
    row.updated_at = now
    row.save()


def _nothing(_row: TicketRow, _now: datetime) -> None:
    """Most moves change the state alone."""


def _assigned(row: TicketRow, now: datetime) -> None:
    row.assigned_at = now
    row.hold_reason = ""


def _accepted_now(row: TicketRow, now: datetime) -> None:
    if not _accepted(row):
        row.acknowledged_at = now


def _started(row: TicketRow, now: datetime) -> None:
    _accepted_now(row, now)
    if row.started_at is None:
        row.started_at = now


def _held(row: TicketRow, now: datetime) -> None:
    _accepted_now(row, now)
    row.held_at = now


def _end_hold(row: TicketRow, now: datetime) -> dict[str, Any]:
    """The time on hold; where its reason stops the SLA clock, what is due is due that much later."""
    held = timedelta(0) if row.held_at is None else max(timedelta(0), now - row.held_at)
    held_s = int(held.total_seconds())
    told = {"hold_reason": row.hold_reason, "held_s": held_s}
    if workflow.HOLD_PAUSES.get(row.hold_reason, False) and row.held_at is not None:
        row.paused_s += held_s
        sla_policies.paused(row, row.hold_reason, row.held_at, now)
    row.held_at = None
    row.hold_reason = ""
    return told


def _resumed(row: TicketRow, now: datetime) -> None:
    _started(row, now)


def _resolved(row: TicketRow, now: datetime) -> None:
    row.resolved_at = now
    if row.restored_at is None:
        cleared = AlarmRow.select(AlarmRow.cleared_at).where(
            AlarmRow.ticket == row.id, AlarmRow.cleared_at.is_null(False)
        )
        row.restored_at = max((alarm.cleared_at for alarm in cleared), default=now)


def _closed(row: TicketRow, now: datetime) -> None:
    row.closed_at = now


def _reopened(row: TicketRow, now: datetime) -> None:
    take_open_key(row)
    row.resolved_at = row.closed_at = row.restored_at = None
    row.cost = None
    row.rating = None
    row.reopen_count += 1
    row.sla_from_at = now
    sla_policies.set_due(row)


def take_open_key(row: TicketRow) -> None:
    """Make this ticket the open one of its alarm. Conflict `ticket.open_twin` when another one is."""
    if not row.dedup_key:
        return
    twin = TicketRow.get_or_none((TicketRow.open_key == row.dedup_key) & (TicketRow.id != row.id))
    if twin is not None:
        raise Conflict(
            "ticket.open_twin", f"{twin.number} is open for the same alarm", number=twin.number, id=twin.id
        )
    row.open_key = row.dedup_key


def _freed(row: TicketRow, _now: datetime) -> None:
    row.assignee = None
    row.assigned_at = None
    row.dispatch_why = {"waiting": "pool"}


_STEPS = {
    "assign": _assigned,
    "grab": _assigned,
    "accept": _accepted_now,
    "start": _started,
    "hold": _held,
    "resume": _resumed,
    "resolve": _resolved,
    "close": _closed,
    "reject": _reopened,
    "reopen": _reopened,
    "decline": _freed,
    "return": _freed,
    "cancel": _closed,
    "merge": _closed,
}
