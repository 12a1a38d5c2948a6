"""Alarms as people see them, and what people do to them: acknowledge, shelve, take out of service, reset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.domain.people import Action, Actor, require
from core.errors import Conflict
from core.services import alarm_events, edge_commands, rows
from core.storage import db
from core.storage.sql import JOIN
from core.storage.tables import AlarmRow, AssetRow, EdgeRow, PersonRow, RuleRow, TicketRow
from core.wire.alarms import ShelveAlarm, TakeOutOfService
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


def ack(actor: Actor, alarm_id: int, *, now: datetime) -> AlarmView:
    """Say that one has seen it; this assigns nothing. The second time is harmless; the edge is told if it listens."""
    require(actor, Action.ALARM_ACK)
    edge_pk, rule_key = _acked(actor, alarm_id, now)
    if edge_pk is not None:
        edge_commands.tell(actor, edge_pk, edge_commands.order("acknowledge", rule=rule_key))
    return view(actor, alarm_id)


@db.transaction
def _acked(actor: Actor, alarm_id: int, now: datetime) -> tuple[int | None, str]:
    row = rows.lock(AlarmRow, alarm_id, "alarm")
    if row.state not in ("unack", "rtn_unack"):
        return None, ""
    row.state = "acked" if row.active else "normal"
    row.acked_at = now
    row.acked_by = PersonRow.get_or_none(PersonRow.id == actor.id) if actor.kind == "person" else None
    row.save()
    alarm_events.note(actor, "alarm.acked", row, now)
    return row.edge_id, row.rule_key


# ---------------------------------------------------------------- orders that the edge carries out


@dataclass(frozen=True, slots=True)
class Target:
    """Which rule of which edge an order is for, and how the hub calls its alarm."""

    edge_pk: int
    rule_key: str
    asset_number: str
    title: str
    severity: str


@db.reading
def of_alarm(actor: Actor, alarm_id: int) -> Target:
    """The rule behind an alarm. NotFound `alarm.not_found`; Conflict `alarm.not_of_edge`."""
    require(actor, Action.ALARM_READ)
    row = rows.get(AlarmRow, alarm_id, "alarm")
    if row.edge_id is None:
        raise Conflict("alarm.not_of_edge", "no edge of ours decides about this alarm", title=row.title)
    return Target(row.edge_id, row.rule_key, row.asset_number, row.title, row.severity)


@db.reading
def of_rule(actor: Actor, rule_id: int) -> Target:
    """A rule, which may never have raised. NotFound `rule.not_found`."""
    require(actor, Action.ALARM_SHELVE)
    row = rows.get(RuleRow, rule_id, "rule")
    asset = row.point.asset or row.point.device.asset
    number = "" if asset is None else asset.number
    return Target(row.point.device.edge_id, str(row.id), number, row.name, row.severity)


def shelve(actor: Actor, target: Target, how: ShelveAlarm, *, now: datetime) -> AlarmView:
    """Keep an alarm quiet for a time, or until its condition has ended. Errors as `edge_commands.ask`."""
    seconds = how.minutes * 60.0
    _order(actor, target, "shelve", reason=how.reason, seconds=seconds, once=how.once)
    until = now + timedelta(seconds=seconds)
    return _served(actor, target, "shelved", now, reason=how.reason, until=until)


def unshelve(actor: Actor, target: Target, *, now: datetime) -> AlarmView:
    """End a shelving before its time."""
    _order(actor, target, "unshelve")
    return _served(actor, target, alarm_events.IN_SERVICE, now)


def out_of_service(actor: Actor, target: Target, how: TakeOutOfService, *, now: datetime) -> AlarmView:
    """Keep an alarm quiet until somebody puts it back."""
    _order(actor, target, "out_of_service", reason=how.reason)
    return _served(actor, target, "out_of_service", now, reason=how.reason)


def in_service(actor: Actor, target: Target, *, now: datetime) -> AlarmView:
    """Put an alarm back in service."""
    _order(actor, target, "in_service")
    return _served(actor, target, alarm_events.IN_SERVICE, now)


def _order(actor: Actor, target: Target, name: str, **values: Any) -> None:
    require(actor, Action.ALARM_SHELVE)
    edge_commands.ask(actor, target.edge_pk, edge_commands.order(name, rule=target.rule_key, **values))


@db.transaction
def _served(
    actor: Actor,
    target: Target,
    service: str,
    now: datetime,
    *,
    reason: str = "",
    until: datetime | None = None,
) -> AlarmView:
    """Keep what the edge has agreed to; its own event of this comes later, and changes no more."""
    source = alarm_events.of_edge(rows.get(EdgeRow, target.edge_pk, "edge"))
    alarm = alarm_events.named(source, target.rule_key, target.asset_number, target.title, target.severity)
    alarm_events.serve(
        actor, alarm, service, now, why="operator", by=actor.name[:100], reason=reason, until=until
    )
    return view(actor, alarm.id)


def reset(actor: Actor, alarm_id: int, *, now: datetime) -> AlarmView:
    """Let a latching alarm go whose condition is over; its end comes as the edge's own event."""
    require(actor, Action.ALARM_ACK)
    target = of_alarm(actor, alarm_id)
    edge_commands.ask(actor, target.edge_pk, edge_commands.order("reset", rule=target.rule_key))
    _noted_reset(actor, alarm_id, now)
    return view(actor, alarm_id)


@db.transaction
def _noted_reset(actor: Actor, alarm_id: int, now: datetime) -> None:
    row = rows.lock(AlarmRow, alarm_id, "alarm")
    alarm_events.note(actor, "alarm.reset", row, now, alarm_events.open_ticket(row))


# ---------------------------------------------------------------- how they are told


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
