"""Alarms as people see them, and what people do to them: acknowledge, shelve, take out of service, reset."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.domain.people import Action, Actor, require
from core.services import alarm_events, rows
from core.storage import db
from core.storage.sql import JOIN
from core.storage.tables import AlarmRow, AssetRow, EdgeRow, PersonRow, TicketRow
from core.wire.base import Ref
from core.wire.tickets import AlarmView

MOST_LISTED = 1000
_OF_ITSELF = ("parent", "schedule")  # why an alarm is out of the way for reasons that need nobody


@db.reading
def listed(actor: Actor, *, active: bool | None = None) -> list[AlarmView]:
    """Alarms, the newest raise first, at most 1000.

    Active: raised and not cleared, cleared and not yet seen, or kept from raising by people, chatter or design.
    """
    require(actor, Action.ALARM_READ)
    query = _joined().order_by(AlarmRow.raised_at.desc(nulls="LAST"), AlarmRow.id.desc()).limit(MOST_LISTED)
    if active is not None:
        kept_quiet = (AlarmRow.service != alarm_events.IN_SERVICE) & AlarmRow.service_why.not_in(_OF_ITSELF)
        wanted = (AlarmRow.state != "normal") | kept_quiet
        query = query.where(wanted if active else ~wanted)
    return [_view(row) for row in query]


@db.reading
def view(actor: Actor, alarm_id: int) -> AlarmView:
    """One alarm. NotFound `alarm.not_found`."""
    require(actor, Action.ALARM_READ)
    row = _joined().where(AlarmRow.id == alarm_id).first()
    return _view(row if row is not None else rows.get(AlarmRow, alarm_id, "alarm"))


@db.transaction
def ack(actor: Actor, alarm_id: int, *, now: datetime) -> AlarmView:
    """Say that one has seen it; this assigns nothing. The second time is harmless."""
    require(actor, Action.ALARM_ACK)
    row = AlarmRow.get_or_none(AlarmRow.id == alarm_id) or rows.get(AlarmRow, alarm_id, "alarm")
    if row.state in ("unack", "rtn_unack"):
        row.state = "acked" if row.active else "normal"
        row.acked_at = now
        row.acked_by = PersonRow.get_or_none(PersonRow.id == actor.id) if actor.kind == "person" else None
        row.save()
        alarm_events.note(actor, "alarm.acked", row, now)
    return view(actor, alarm_id)


def _joined() -> Any:
    return (
        AlarmRow.select(AlarmRow, AssetRow, EdgeRow, TicketRow, PersonRow)
        .join(AssetRow, JOIN.LEFT_OUTER)
        .switch(AlarmRow)
        .join(EdgeRow, JOIN.LEFT_OUTER)
        .switch(AlarmRow)
        .join(TicketRow, JOIN.LEFT_OUTER)
        .switch(AlarmRow)
        .join(PersonRow, JOIN.LEFT_OUTER, on=(AlarmRow.acked_by == PersonRow.id))
    )


def _view(row: Any) -> AlarmView:
    ticket = row.ticket
    return AlarmView(
        id=row.id,
        title=row.title,
        severity=row.severity,
        state=row.state,
        active=row.active,
        asset=rows.ref(row.asset),
        asset_number=row.asset_number,
        edge=None if row.edge is None else Ref(id=row.edge.id, name=row.edge.name, number=row.edge.edge_id),
        value=row.value,
        limit=row.limit_value,
        unit=row.unit,
        raised_at=row.raised_at,
        cleared_at=row.cleared_at,
        acked_at=row.acked_at,
        acked_by=row.acked_by.name if row.acked_by else "",
        count=row.count,
        first_out=row.first_out,
        ticket=None if ticket is None else Ref(id=ticket.id, name=ticket.title, number=ticket.number),
        service=row.service,
        service_why=row.service_why,
        service_by=row.service_by,
        service_reason=row.service_reason,
        service_until=row.service_until,
        children=row.children,
        children_count=row.children_count,
    )
