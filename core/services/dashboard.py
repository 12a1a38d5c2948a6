"""The figures of the console's first page, counted when asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from core.domain import workflow
from core.domain.people import Action, Actor, Scope, require, scope_of
from core.services import parts, plans, ticket_rows
from core.storage import db
from core.storage.sql import fn
from core.storage.tables import AlarmRow, EdgeRow, OccurrenceRow, TicketRow
from core.wire.journal import Dashboard

HOURS = 24


@db.reading
def view(actor: Actor, *, now: datetime) -> Dashboard:
    """Counts over all tickets that the actor may see; what is not theirs to see counts as nothing."""
    require(actor, Action.TICKET_READ)
    limits = ticket_rows.visible(actor)
    by_state = _by_state(limits)
    late = TicketRow.select().where(ticket_rows.overdue(now))
    free = TicketRow.select().where(TicketRow.state.in_(sorted(workflow.OPEN)), TicketRow.assignee.is_null())
    if limits is not None:
        late, free = late.where(limits), free.where(limits)
    everywhere = scope_of(actor, Action.ALARM_READ) is Scope.ALL
    return Dashboard(
        open_tickets=sum(by_state.get(state, 0) for state in workflow.OPEN),
        unassigned=free.count(),
        overdue=late.count(),
        in_progress=by_state.get(workflow.State.IN_PROGRESS, 0),
        active_alarms=AlarmRow.select().where(AlarmRow.active).count() if everywhere else 0,
        unacked_alarms=_unacked() if everywhere else 0,
        edges_offline=_offline() if everywhere else 0,
        parts_low=parts.count_low() if everywhere else 0,
        plans_due=plans.count_due(now=now) if everywhere else 0,
        by_state=by_state,
        raised_by_hour=_raised_by_hour(now) if everywhere else [0] * HOURS,
    )


def _by_state(limits: Any) -> dict[str, int]:
    query = TicketRow.select(TicketRow.state, fn.COUNT(TicketRow.id)).group_by(TicketRow.state)
    if limits is not None:
        query = query.where(limits)
    counted: Any = query.tuples()
    return {state: int(n) for state, n in counted}


def _unacked() -> int:
    return int(AlarmRow.select().where(AlarmRow.state.in_(["unack", "rtn_unack"])).count())


def _offline() -> int:
    joined = EdgeRow.joined_at.is_null(False)
    return int(EdgeRow.select().where(EdgeRow.active, joined, ~EdgeRow.online).count())


def _raised_by_hour(now: datetime) -> list[int]:
    """Raises in each of the last 24 hours, the oldest first."""
    since = now - timedelta(hours=HOURS)
    counts = [0] * HOURS
    for row in OccurrenceRow.select(OccurrenceRow.raised_at).where(
        OccurrenceRow.raised_at > since, OccurrenceRow.raised_at <= now
    ):
        hours_ago = int((now - row.raised_at).total_seconds() // 3600)
        counts[HOURS - 1 - min(hours_ago, HOURS - 1)] += 1
    return counts
