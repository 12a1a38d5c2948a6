"""One ticket whole, as a reader may see it: with parts, files, cost, and the moves open to that reader."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from core.domain import workflow
from core.domain.people import Action, Actor, Scope, require, scope_of
from core.errors import Forbidden, NotFound
from core.services import files, places, rows, ticket_costs, ticket_parts, ticket_rows, ticket_states
from core.storage import db, queries
from core.storage.sql import fn
from core.storage.tables import (
    AlarmRow,
    AttachmentRow,
    LabourRow,
    OccurrenceRow,
    PlanRow,
    ReservationRow,
    StockMoveRow,
    TicketRow,
)
from core.wire.base import Ref
from core.wire.tickets import AllowedMove, Step, TicketView


def readable(actor: Actor, ticket_id: int) -> TicketRow:
    """The row, when the actor may read it; otherwise it is as if it were not there."""
    require(actor, Action.TICKET_READ)
    row: TicketRow | None = queries.by_id(TicketRow, ticket_id)
    if row is None or not ticket_states.permits(actor, row, Action.TICKET_READ):
        raise NotFound("ticket.not_found", f"no ticket {ticket_id}", id=ticket_id)
    return row


def locked(actor: Actor, ticket_id: int, action: Action, version: int | None = None) -> TicketRow:
    """The row held for a change, when the actor may do `action` to it."""
    row: TicketRow = seen(actor, ticket_id)
    if not ticket_states.permits(actor, row, action):
        raise Forbidden("auth.forbidden", f"{actor.ref} may not {action} on {row.number}", action=action)
    rows.refuse_changed(row, "ticket", version)
    return row


def seen(actor: Actor, ticket_id: int) -> TicketRow:
    """The row held for a change, when the actor may read it; otherwise it is as if it were not there."""
    require(actor, Action.TICKET_READ)
    row: TicketRow = rows.lock(TicketRow, ticket_id, "ticket")
    if not ticket_states.permits(actor, row, Action.TICKET_READ):
        raise NotFound("ticket.not_found", f"no ticket {ticket_id}", id=ticket_id)
    return row


@db.reading
def view(actor: Actor, ticket_id: int, *, now: datetime | None = None) -> TicketView:
    """One ticket, whole. NotFound `ticket.not_found`."""
    return of(actor, readable(actor, ticket_id), now or datetime.now(UTC))


def of(actor: Actor, row: TicketRow, now: datetime) -> TicketView:
    """A row that the actor may see, as the API tells it."""
    ((alarming, has_parts, has_files, has_labour, has_moves, charts),) = _attached(row.id)
    facts = ticket_states.facts(row, now, bool(alarming))
    paths = places.paths({row.asset.location_id} if row.asset else set())
    sees_cost = ticket_states.permits(actor, row, Action.COST_READ)
    # A vendor's engineer is told what is wrong, not how to reach people or how busy they are.
    outsider = scope_of(actor, Action.TICKET_READ) is Scope.OWN
    sees_contact = not outsider or row.reporter_id == actor.id
    return TicketView(
        **ticket_rows.line(row, bool(alarming), paths),
        version=row.version,
        description=row.description,
        priority_reason=row.priority_reason,
        reporter_contact=row.reporter_contact if sees_contact else "",
        dispatch_why=None if outsider else row.dispatch_why,
        failure_mode=row.failure_mode,
        failure_cause=row.failure_cause,
        failure_remedy=row.failure_remedy,
        resolution=row.resolution,
        procedure=[Step.model_validate(step) for step in row.procedure],
        parent=_ticket_ref(actor, row.parent),
        merged_into=_ticket_ref(actor, row.merged_into),
        recurrence_of=_ticket_ref(actor, row.recurrence_of),
        plan=_plan_ref(row.plan_id),
        plan_due_on=row.plan_due_on,
        failed_at=row.failed_at,
        assigned_at=row.assigned_at,
        acknowledged_at=row.acknowledged_at,
        started_at=row.started_at,
        closed_at=row.closed_at,
        restored_at=row.restored_at,
        paused_s=row.paused_s,
        reopen_count=row.reopen_count,
        urge_count=row.urge_count,
        rating=row.rating,
        rating_comment=row.rating_comment,
        moves=moves(actor, row, facts),
        parts=ticket_parts.of_ticket(row.id) if has_parts else [],
        files=files.of_ticket(row.id) if has_files else [],
        cost=ticket_costs.of(row, now, bool(has_labour or has_moves)) if sees_cost else None,
        charts=charts,
        has_form=row.template_id is not None,
    )


@queries.prepared
def _attached(ticket_id: int) -> Any:
    """What there is to read of a ticket at all, in one question: most have little."""
    charts = OccurrenceRow.select(fn.COUNT(OccurrenceRow.id)).where(
        OccurrenceRow.ticket == ticket_id, OccurrenceRow.chart.is_null(False)
    )
    alarms = AlarmRow.select(AlarmRow.id).where(AlarmRow.ticket == ticket_id, AlarmRow.active)
    others = (
        row.select(row.id).where(row.ticket == ticket_id)
        for row in (ReservationRow, AttachmentRow, LabourRow, StockMoveRow)
    )
    query = TicketRow.select(fn.EXISTS(alarms), *(fn.EXISTS(other) for other in others), charts)
    return query.where(TicketRow.id == ticket_id).tuples()


def moves(actor: Actor, row: TicketRow, facts: workflow.Facts) -> list[AllowedMove]:
    """What this actor may do next."""
    choices = workflow.allowed(facts, lambda action: ticket_states.permits(actor, row, action))
    return [
        AllowedMove.model_validate(
            {
                "move": choice.transition.move,
                "to": choice.transition.to.value,
                "needs": list(choice.needs),
                "blocked": list(choice.blocked),
            }
        )
        for choice in choices
    ]


def _ticket_ref(actor: Actor, row: Any) -> Ref | None:
    """Another ticket; of one that the reader may not see its number, to speak of, and not what it is about."""
    if row is None:
        return None
    title = row.title if ticket_states.permits(actor, row, Action.TICKET_READ) else ""
    return Ref(id=row.id, name=title, number=row.number)


def _plan_ref(plan_id: int | None) -> Ref | None:
    return None if plan_id is None else rows.ref(PlanRow.get_or_none(PlanRow.id == plan_id))
