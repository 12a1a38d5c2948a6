"""Alarms as edges report them, and the ticket each raise belongs to; acknowledging one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.domain import tickets as domain
from core.domain.people import Action, Actor, require
from core.services import alarm_tickets, journal, rows
from core.storage import db, queries
from core.storage.sql import JOIN
from core.storage.tables import (
    AlarmRow,
    AssetRow,
    DeviceRow,
    EdgeRow,
    OccurrenceRow,
    PersonRow,
    PointRow,
    RuleRow,
    TicketRow,
)
from core.wire.base import Ref
from core.wire.tickets import AlarmView
from core.wire.uplink import AlarmCleared, AlarmRaised, ChartFrozen

MOST_LISTED = 1000

# ---------------------------------------------------------------- what edges report


@dataclass(frozen=True, slots=True)
class Source:
    """Who reports alarms: an edge, or a program without our agent (`edge` None). `key` sets its rules apart."""

    actor: Actor
    key: str
    edge: EdgeRow | None = None


def of_edge(edge: EdgeRow) -> Source:
    """An edge as a source."""
    return Source(Actor("edge", edge.id, edge.name), edge.edge_id, edge)


def raised(source: Source, event: AlarmRaised, *, now: datetime) -> TicketRow | None:
    """A raise: the alarm's state, its occurrence, and the ticket it opens, reopens or adds to."""
    before = queries.first(_occurrence(event.occurrence))
    if before is not None:
        ticket_before: TicketRow | None = before.ticket
        return ticket_before  # it was here before, under another epoch
    actor = source.actor
    asset = queries.first(_asset(event.asset)) if event.asset else None
    rule = _rule(source.edge, event.rule)
    key = domain.key_of(source.key, event.rule, event.asset)
    alarm: Any = queries.first(_alarm(key)) or AlarmRow(key=key, count=0)
    alarm.edge = source.edge
    alarm.rule = rule
    alarm.rule_key = event.rule[:60]
    alarm.title = event.rule_name[:200] or event.point_name[:200] or event.rule
    alarm.asset = asset
    alarm.asset_number = event.asset
    alarm.severity = event.severity
    alarm.state = "unack"
    alarm.active = True
    alarm.value = event.value
    alarm.limit_value = event.limit
    alarm.unit = event.unit
    alarm.raised_at = event.raised_at
    alarm.cleared_at = alarm.acked_at = alarm.acked_by = None
    alarm.count += 1
    alarm.first_out = event.first_out
    alarm.save()
    occurrence = OccurrenceRow.create(
        occurrence=event.occurrence,
        alarm=alarm,
        raised_at=event.raised_at,
        received_at=now,
        value=event.value,
        limit_value=event.limit,
        first_out=event.first_out,
    )
    _note(actor, "alarm.raised", alarm, now, occurrence=event.occurrence, point=event.point_name)
    if rule is not None and not rule.makes_ticket:
        return None
    ticket = alarm_tickets.for_raise(actor, alarm, occurrence, now)
    alarm.ticket = ticket
    alarm.save()
    occurrence.ticket = ticket
    occurrence.save()
    return ticket


@queries.prepared
def _occurrence(occurrence: str) -> Any:
    return OccurrenceRow.select().where(OccurrenceRow.occurrence == occurrence)


@queries.prepared
def _asset(number: str) -> Any:
    return AssetRow.select().where(AssetRow.number == number)


@queries.prepared
def _alarm(key: str) -> Any:
    return AlarmRow.select().where(AlarmRow.key == key)


def _rule(edge: EdgeRow | None, rule_id: str) -> RuleRow | None:
    """The rule of the hub that an edge names; an edge with its own file has rules the hub does not know."""
    if edge is None or not rule_id.isdecimal() or len(rule_id) > 18:
        return None
    rule: RuleRow | None = queries.first(_rule_of(int(rule_id), edge.id))
    return rule


@queries.prepared
def _rule_of(rule_id: int, edge_id: int) -> Any:
    query = RuleRow.select().join(PointRow).join(DeviceRow)
    return query.where(RuleRow.id == rule_id, DeviceRow.edge == edge_id)


def cleared(source: Source, event: AlarmCleared, *, now: datetime) -> None:
    """A clear: only of the occurrence whose raise it names. The ticket hears of it, and stays."""
    occurrence = queries.first(_occurrence(event.occurrence))
    if occurrence is not None:
        _end(source.actor, occurrence, event.cleared_at, event.value, event.reason, now)


def cleared_all(source: Source, rule: str, asset: str, at: datetime, *, now: datetime) -> None:
    """A clear by a source that names no occurrence: all open ones of that alarm."""
    key = domain.key_of(source.key, rule, asset)
    query: Any = OccurrenceRow.select(OccurrenceRow, AlarmRow).join(AlarmRow)
    for occurrence in query.where(AlarmRow.key == key, OccurrenceRow.cleared_at.is_null()):
        _end(source.actor, occurrence, at, None, "normal", now)


def _end(actor: Actor, occurrence: Any, at: datetime, value: Any, reason: str, now: datetime) -> None:
    if occurrence.cleared_at is not None:
        return
    occurrence.cleared_at = at
    occurrence.save()
    alarm = queries.by_id(AlarmRow, occurrence.alarm_id)
    if not _others_open(alarm.id, occurrence.id):
        alarm.active = False
        alarm.cleared_at = at
        alarm.state = "rtn_unack" if alarm.state == "unack" else "normal"
        alarm.value = value if value is not None else alarm.value
        alarm.save()
    told = {"occurrence": occurrence.occurrence, "reason": reason}
    _note(actor, "alarm.cleared", alarm, now, **told)
    if occurrence.ticket_id is not None:
        journal.write(
            actor, "ticket.alarm_cleared", "ticket", occurrence.ticket_id, now, occurrence.ticket_id,
            alarm_id=alarm.id, title=alarm.title, cleared_at=at.isoformat(), **told,
        )  # fmt: skip


@queries.prepared
def _others_open(alarm_id: int, but: int) -> Any:
    query = OccurrenceRow.select(OccurrenceRow.id).where(
        OccurrenceRow.alarm == alarm_id, OccurrenceRow.cleared_at.is_null(), OccurrenceRow.id != but
    )
    return query.limit(1)


def charted(source: Source, event: ChartFrozen, *, now: datetime) -> None:
    """The black-box chart of a raise; an incomplete one never replaces a complete one."""
    occurrence = queries.first(_occurrence(event.occurrence))
    if occurrence is None:
        return
    before = occurrence.chart
    if before is not None and before.get("complete", True) and not event.complete:
        return
    occurrence.chart = event.model_dump(mode="json")
    occurrence.save()
    if occurrence.ticket_id is not None and before is None:
        journal.write(
            source.actor, "ticket.chart_added", "ticket", occurrence.ticket_id, now, occurrence.ticket_id,
            occurrence=event.occurrence, point=event.point_name, values=len(event.values),
        )  # fmt: skip


def settle(edge: EdgeRow, still_active: list[str], *, now: datetime) -> int:
    """End what a lost outbox left open: all raises of this edge that its new one does not list."""
    query: Any = (
        OccurrenceRow.select(OccurrenceRow, AlarmRow)
        .join(AlarmRow)
        .where(AlarmRow.edge == edge.id, OccurrenceRow.cleared_at.is_null())
    )
    stale = [row for row in query if row.occurrence not in set(still_active)]
    for occurrence in stale:
        _end(of_edge(edge).actor, occurrence, now, None, "settled", now)
    return len(stale)


def _note(actor: Actor, verb: str, alarm: Any, now: datetime, **data: Any) -> None:
    journal.write(
        actor, verb, "alarm", alarm.id, now,
        title=alarm.title, severity=alarm.severity, asset=alarm.asset.name if alarm.asset else "",
        asset_number=alarm.asset_number, value=alarm.value, limit=alarm.limit_value, unit=alarm.unit, **data,
    )  # fmt: skip


# ---------------------------------------------------------------- what people see and do


@db.reading
def listed(actor: Actor, *, active: bool | None = None) -> list[AlarmView]:
    """Alarms, the newest raise first, at most 1000. Active: raised and not cleared, or cleared and not yet seen."""
    require(actor, Action.ALARM_READ)
    query = _joined().order_by(AlarmRow.raised_at.desc(), AlarmRow.id.desc()).limit(MOST_LISTED)
    if active is not None:
        query = query.where(AlarmRow.state != "normal" if active else AlarmRow.state == "normal")
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
        _note(actor, "alarm.acked", row, now)
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
