"""Watches what is due: warns once at three quarters of the time, tells once when it has passed, closes what is done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from core.domain import sla, tickets, workflow
from core.domain.people import SYSTEM
from core.domain.workflow import State
from core.services import journal, rows, sla_policies, ticket_states
from core.services.ticket_rows import overdue
from core.storage import db
from core.storage.sql import IntegrityError
from core.storage.tables import JobRunRow, TicketRow

_PAUSING = sorted(reason for reason, pauses in workflow.HOLD_PAUSES.items() if pauses)
_OPEN = sorted(workflow.OPEN)
MOST_AT_ONCE = 500


def watch(now: datetime) -> int:
    """Write the warnings and breaches that fell due; return how many."""
    written = 0
    for ticket_id in _breaching(now):
        written += _say(ticket_id, "ticket.sla_breached", "resolve", now)
    for ticket_id in _unanswered(now):
        written += _say(ticket_id, "ticket.sla_breached", "respond", now)
    for ticket_id in _nearing(now):
        written += _say(ticket_id, "ticket.sla_warned", "resolve", now)
    for ticket_id, level in _escalating(now):
        written += _once(partial(_escalate, ticket_id, level, now))
    for ticket_id in _reminding(now):
        written += _once(partial(_remind, ticket_id, now))
    return written


def _once(say: Callable[[], bool]) -> bool:
    try:
        return say()
    except IntegrityError:
        return False  # another process said it at the same moment


def _running() -> Any:
    """Open, and its clock not stopped by its hold."""
    return TicketRow.state.in_(_OPEN) & ~(
        (TicketRow.state == State.ON_HOLD) & TicketRow.hold_reason.in_(_PAUSING)
    )


@db.reading
def _breaching(now: datetime) -> list[int]:
    return _not_told(
        TicketRow.select(TicketRow.id, TicketRow.reopen_count).where(overdue(now)), "resolve-breach"
    )


@db.reading
def _unanswered(now: datetime) -> list[int]:
    query = TicketRow.select(TicketRow.id, TicketRow.reopen_count).where(
        _running(), TicketRow.acknowledged_at.is_null(), TicketRow.respond_due_at < now
    )
    return _not_told(query, "respond-breach")


@db.reading
def _nearing(now: datetime) -> list[int]:
    query = TicketRow.select(TicketRow.id, TicketRow.reopen_count).where(
        _running(), TicketRow.warn_due_at <= now, TicketRow.resolve_due_at >= now
    )
    return _not_told(query, "resolve-warn")


@db.reading
def _escalating(now: datetime) -> list[tuple[int, int]]:
    """(ticket, level) of those overdue tickets whose policy calls somebody by now."""
    levelled = [policy_id for policy_id, policy in sla_policies.in_use().items() if policy.levels]
    if not levelled:
        return []
    query = TicketRow.select(
        TicketRow.id, TicketRow.reopen_count, TicketRow.resolve_due_at, TicketRow.sla_policy
    ).where(overdue(now), TicketRow.sla_policy.in_(levelled))
    found = []
    for row in query.limit(20_000):
        policy = sla_policies.by_id(row.sla_policy_id)
        if policy is not None and row.resolve_due_at is not None:
            found += [(row.id, n) for n in range(1, sla.level_at(policy, row.resolve_due_at, now) + 1)]
    return found[:MOST_AT_ONCE]


@db.reading
def _reminding(now: datetime) -> list[int]:
    """Tickets given to somebody who has not accepted them for another round of their policy's reminder."""
    reminding = [policy_id for policy_id, policy in sla_policies.in_use().items() if policy.remind_every]
    if not reminding:
        return []
    query = TicketRow.select(TicketRow.id).where(
        TicketRow.state == State.ASSIGNED, TicketRow.acknowledged_at.is_null(),
        TicketRow.assigned_at < now, TicketRow.sla_policy.in_(reminding),
    )  # fmt: skip
    return [row.id for row in query.limit(MOST_AT_ONCE)]


@db.transaction
def _escalate(ticket_id: int, level: int, now: datetime) -> bool:
    row: Any = rows.lock(TicketRow, ticket_id, "ticket")
    policy = sla_policies.by_id(row.sla_policy_id)
    if policy is None or not _first_time(f"level-{level}:{row.id}:{row.reopen_count}", now):
        return False
    step = policy.levels[level - 1]
    journal.write(
        SYSTEM, "ticket.escalated", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, level=level, roles=list(step.roles),
        person_ids=list(step.person_ids), due_at=row.resolve_due_at.isoformat(), priority=row.priority,
    )  # fmt: skip
    return True


@db.transaction
def _remind(ticket_id: int, now: datetime) -> bool:
    row: Any = rows.lock(TicketRow, ticket_id, "ticket")
    policy = sla_policies.by_id(row.sla_policy_id)
    if (
        policy is None
        or policy.remind_every is None
        or row.assigned_at is None
        or row.acknowledged_at is not None
    ):
        return False
    turn = (now - row.assigned_at) // policy.remind_every
    slot = f"remind-{turn}:{row.id}:{int(row.assigned_at.timestamp())}"
    if turn < 1 or row.state != State.ASSIGNED or not _first_time(slot, now):
        return False
    journal.write(
        SYSTEM, "ticket.reminded", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, turn=turn, assignee_id=row.assignee_id,
    )  # fmt: skip
    return True


def _first_time(slot: str, now: datetime) -> bool:
    if JobRunRow.select().where(JobRunRow.job == "sla", JobRunRow.slot == slot).exists():
        return False
    JobRunRow.create(job="sla", slot=slot, at=now)
    return True


def _not_told(query: Any, what: str) -> list[int]:
    """Those of which it has not been said yet; told once per opening."""
    rows_found = list(query.limit(20_000))
    slots = {f"{what}:{row.id}:{row.reopen_count}": row.id for row in rows_found}
    told: set[str] = set()
    keys = list(slots)
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        known = JobRunRow.select(JobRunRow.slot).where(JobRunRow.job == "sla", JobRunRow.slot.in_(part))
        told |= {run.slot for run in known}
    return [ticket_id for slot, ticket_id in slots.items() if slot not in told][:MOST_AT_ONCE]


def _say(ticket_id: int, verb: str, clock: str, now: datetime) -> bool:
    return _once(lambda: _write(ticket_id, verb, clock, now))


@db.transaction
def _write(ticket_id: int, verb: str, clock: str, now: datetime) -> bool:
    row: Any = rows.lock(TicketRow, ticket_id, "ticket")
    kind = "warn" if verb.endswith("warned") else "breach"
    slot = f"{clock}-{kind}:{row.id}:{row.reopen_count}"
    if not _first_time(slot, now):
        return False
    due = row.resolve_due_at if clock == "resolve" else row.respond_due_at
    journal.write(
        SYSTEM, verb, "ticket", row.id, now, row.id,
        number=row.number, title=row.title, clock=clock, due_at=due.isoformat(), priority=row.priority,
        assignee=row.assignee.name if row.assignee else None, assignee_id=row.assignee_id,
    )  # fmt: skip
    return True


def close_done(now: datetime) -> list[int]:
    """Close what waits for nothing but a confirmation that did not come."""
    return [ticket_id for ticket_id in _waiting(now) if _close(ticket_id, now)]


def _deadline(state: State) -> timedelta:
    return tickets.CLOSE_AFTER_RESOLVED if state is State.RESOLVED else tickets.CLOSE_AFTER_FOLLOW_UP


@db.reading
def _waiting(now: datetime) -> list[int]:
    found: list[int] = []
    for state in (State.RESOLVED, State.FOLLOW_UP):
        query = TicketRow.select(TicketRow.id).where(
            TicketRow.state == state, TicketRow.resolved_at < now - _deadline(state)
        )
        found += [row.id for row in query.limit(MOST_AT_ONCE)]
    return found


@db.transaction
def _close(ticket_id: int, now: datetime) -> bool:
    row: Any = rows.lock(TicketRow, ticket_id, "ticket")
    if row.state not in (State.RESOLVED, State.FOLLOW_UP) or row.resolved_at is None:
        return False
    if row.resolved_at >= now - _deadline(State(row.state)):
        return False
    close = workflow.transition_of("close", State(row.state))
    ticket_states.take(SYSTEM, row, close, now, by="time")
    return True
