"""Alarms as edges report them: raises and clears, reminders, what may not raise; and the ticket each belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.domain import tickets as domain
from core.domain.people import Actor
from core.services import alarm_rows, alarm_tickets, dispatch, journal
from core.storage import queries
from core.storage.tables import (
    AlarmRow,
    AssetRow,
    DeviceRow,
    EdgeRow,
    OccurrenceRow,
    TicketRow,
)
from core.storage.tables.base import JsonText
from core.wire.uplink import AlarmCleared, AlarmRaised, AlarmReminded, ChartFrozen, ServiceChanged

IN_SERVICE = "in_service"
MOST_CHILDREN_TOLD = 20  # in the journal; the alarm keeps all that were named
# Ends that people or the design of the plant have made: nobody need take note of them.
_QUIET_ENDS = frozenset({"shelved", "suppressed", "out_of_service", "reset"})


@dataclass(frozen=True, slots=True)
class Source:
    """Who reports alarms: an edge, or a program without our agent (`edge` None). `key` sets its rules apart."""

    actor: Actor
    key: str
    edge: EdgeRow | None = None


def of_edge(edge: EdgeRow) -> Source:
    """An edge as a source."""
    return Source(Actor("edge", edge.id, edge.name), edge.edge_id, edge)


def expect(edge: EdgeRow, events: Sequence[Any]) -> None:
    """Look up at once what these events of an edge will ask for one after the other."""
    about = [event for event in events if isinstance(event, AlarmRaised | ServiceChanged)]
    assets = {event.asset for event in about}
    asset_ids = alarm_rows.prefetch_named(edge.id, assets, {event.rule for event in about})
    if any(isinstance(event, AlarmRaised) for event in about):
        dispatch.expect(asset_ids)
    alarm_rows.prefetch(
        {event.occurrence for event in events if hasattr(event, "occurrence")},
        {domain.key_of(edge.edge_id, event.rule, event.asset) for event in about},
    )


def raised(source: Source, event: AlarmRaised, *, now: datetime) -> TicketRow | None:
    """A raise: the alarm's state, its occurrence, and the ticket it opens, reopens or adds to."""
    before = alarm_rows.occurrence(event.occurrence)
    if before is not None:
        ticket_before: TicketRow | None = queries.by_id(TicketRow, before.ticket_id)
        return ticket_before  # it was here before, under another epoch
    actor = source.actor
    title = event.rule_name[:200] or event.point_name[:200] or event.rule
    alarm = named(source, event.rule, event.asset, title, event.severity)
    alarm.state = "unack"
    alarm.active = True
    alarm.value = event.value
    alarm.limit_value = event.limit
    alarm.unit = event.unit
    alarm.raised_at = event.raised_at
    alarm.cleared_at = alarm.acked_at = alarm.acked_by = None
    alarm.count += 1
    alarm.first_out = event.first_out
    alarm.reminded_at = None
    alarm.children = _device_names(source.edge, event.children)
    alarm.children_count = max(event.children_count, len(event.children))
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
    alarm_rows.began(occurrence, alarm)
    told: dict[str, Any] = {"flood": True} if event.flood else {}
    note(
        actor, "alarm.raised", alarm, now,
        occurrence=event.occurrence, point=event.point_name, **told, **_children(alarm),
    )  # fmt: skip
    rule = alarm.rule
    if rule is not None and not rule.makes_ticket:
        return None
    ticket = alarm_tickets.for_raise(actor, alarm, occurrence, now)
    alarm.ticket = ticket
    alarm.save()
    occurrence.ticket = ticket
    occurrence.save()
    if event.flood or alarm.children_count:
        journal.write(
            actor, "ticket.alarm_scope", "ticket", ticket.id, now, ticket.id,
            alarm_id=alarm.id, title=alarm.title, device=_device_name(source.edge, event.device),
            **told, **_children(alarm),
        )  # fmt: skip
    return ticket


def named(source: Source, rule_key: str, asset_number: str, title: str, severity: str) -> Any:
    """The alarm of a rule on an asset, made when there is none; not saved."""
    key = domain.key_of(source.key, rule_key, asset_number)
    alarm: Any = alarm_rows.alarm(key) or AlarmRow(key=key, count=0, state="normal")
    alarm.edge = source.edge
    alarm.rule = alarm_rows.rule(source.edge.id, rule_key) if source.edge is not None else None
    alarm.rule_key = rule_key[:60]
    alarm.title = title or alarm.title or rule_key
    alarm.asset = alarm_rows.asset(asset_number) if asset_number else None
    alarm.asset_number = asset_number
    alarm.severity = severity
    return alarm


def _children(alarm: Any) -> dict[str, Any]:
    if not alarm.children_count:
        return {}
    return {"children": alarm.children[:MOST_CHILDREN_TOLD], "children_count": alarm.children_count}


def _device_names(edge: EdgeRow | None, ids: list[str]) -> list[str]:
    """The hub's names of an edge's devices; an edge with its own file has some that the hub does not know."""
    known = [int(one) for one in ids if one.isdecimal() and len(one) <= 18]
    if edge is None or not known:
        return list(ids)
    names = {str(row.id): row.name for row in _devices(edge.id, known)}
    return [names.get(one, one) for one in ids]


@queries.prepared
def _devices(edge_id: int, ids: list[int]) -> Any:
    return DeviceRow.select().where(DeviceRow.edge == edge_id, DeviceRow.id.in_(ids))


def _device_name(edge: EdgeRow | None, device_id: str) -> str:
    return _device_names(edge, [device_id])[0] if device_id else ""


def cleared(source: Source, event: AlarmCleared, *, now: datetime) -> None:
    """A clear: only of the occurrence whose raise it names. The ticket hears of it, and stays."""
    occurrence = alarm_rows.occurrence(event.occurrence)
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
    alarm_rows.ended(occurrence)
    alarm = alarm_rows.alarm_of(occurrence)
    if not alarm_rows.others_open(occurrence):
        alarm.active = False
        alarm.cleared_at = at
        alarm.state = "rtn_unack" if alarm.state == "unack" and reason not in _QUIET_ENDS else "normal"
        alarm.value = value if value is not None else alarm.value
        alarm.save()
    told = {"occurrence": occurrence.occurrence, "reason": reason}
    note(actor, "alarm.cleared", alarm, now, **told)
    if occurrence.ticket_id is not None:
        journal.write(
            actor, "ticket.alarm_cleared", "ticket", occurrence.ticket_id, now, occurrence.ticket_id,
            alarm_id=alarm.id, title=alarm.title, cleared_at=at.isoformat(), **told,
        )  # fmt: skip


def charted(source: Source, event: ChartFrozen, *, now: datetime) -> None:
    """The black-box chart of a raise; an incomplete one never replaces a complete one."""
    occurrence = alarm_rows.occurrence(event.occurrence)
    if occurrence is None:
        return
    before = alarm_rows.chart(occurrence)
    if before is not None and before.get("complete", True) and not event.complete:
        return
    occurrence.chart = JsonText(event.model_dump_json())
    occurrence.save()
    alarm_rows.charted(occurrence, event.complete)
    if occurrence.ticket_id is not None and before is None:
        journal.write(
            source.actor, "ticket.chart_added", "ticket", occurrence.ticket_id, now, occurrence.ticket_id,
            occurrence=event.occurrence, point=event.point_name, values=len(event.values),
        )  # fmt: skip


def settle(edge: EdgeRow, still_active: list[str], *, now: datetime) -> int:
    """Agree with what a new outbox lists as active: end all other raises of this edge, and open again those of
    them that are over here (an older copy of the outbox was put back, which knows of no end)."""
    query: Any = (
        OccurrenceRow.select(OccurrenceRow, AlarmRow)
        .join(AlarmRow)
        .where(AlarmRow.edge == edge.id, OccurrenceRow.cleared_at.is_null())
    )
    stale = [row for row in query if row.occurrence not in set(still_active)]
    for occurrence in stale:
        _end(of_edge(edge).actor, occurrence, now, None, "settled", now)
    for name in still_active:
        known = alarm_rows.occurrence(name)
        if known is not None and known.cleared_at is not None:
            _open_again(edge, known, now)
    return len(stale)


def _open_again(edge: EdgeRow, occurrence: Any, now: datetime) -> None:
    alarm = alarm_rows.alarm_of(occurrence)
    if alarm.edge_id != edge.id:
        return
    occurrence.cleared_at = None
    occurrence.save()
    alarm_rows.opened_again(occurrence)
    alarm.active, alarm.state, alarm.cleared_at = True, "unack", None
    alarm.save()
    note(of_edge(edge).actor, "alarm.raised", alarm, now, occurrence=occurrence.occurrence, reason="settled")


def reminded(source: Source, event: AlarmReminded, *, now: datetime) -> None:
    """An alarm that is still active: its ticket hears of it, and whoever has the ticket."""
    occurrence = alarm_rows.occurrence(event.occurrence)
    if occurrence is None or occurrence.cleared_at is not None:
        return  # over meanwhile: nobody need be told
    alarm = alarm_rows.alarm_of(occurrence)
    alarm.reminded_at = event.reminded_at
    alarm.value = event.value if event.value is not None else alarm.value
    alarm.save()
    note(source.actor, "alarm.reminded", alarm, now, occurrence.ticket_id, occurrence=event.occurrence)


def service_changed(source: Source, event: ServiceChanged, *, now: datetime) -> None:
    """Whether a rule may raise has changed; its alarm is made when the rule has never raised."""
    alarm = named(source, event.rule, event.asset, event.rule_name[:200], event.severity)
    serve(
        source.actor, alarm, event.service, now,
        why=event.why, by=event.by, reason=event.reason, until=event.until, raises=event.raises,
    )  # fmt: skip


def serve(
    actor: Actor,
    alarm: Any,
    service: str,
    now: datetime,
    *,
    why: str,
    by: str = "",
    reason: str = "",
    until: datetime | None = None,
    raises: int = 0,
) -> None:
    """Keep whether an alarm's rule may raise, and who said so; the second time is harmless."""
    before = (alarm.service or IN_SERVICE, alarm.service_why, alarm.service_by, alarm.service_reason)
    out = service != IN_SERVICE
    after = (service, why, by, reason) if out else (service, "", "", "")
    alarm.service, alarm.service_why, alarm.service_by, alarm.service_reason = after
    # The same shelving told by the hub's order and again by the edge differs by their clocks alone.
    alarm.service_until = until if out else None
    alarm.save()
    if before == after:
        return
    data: dict[str, Any] = {"why": why, "by": by, "reason": reason}
    if until is not None:
        data["until"] = until.isoformat()
    if raises:
        data["raises"] = raises
    note(actor, _verb(before[0], service), alarm, now, open_ticket(alarm), **data)


def _verb(before: str, service: str) -> str:
    if service == IN_SERVICE:
        return "alarm.unshelved" if before == "shelved" else "alarm.in_service"
    return f"alarm.{service}"


def open_ticket(alarm: Any) -> int | None:
    """The ticket of an alarm, while somebody has work with it."""
    ticket = queries.by_id(TicketRow, alarm.ticket_id)
    return int(ticket.id) if ticket is not None and ticket.open_key is not None else None


def note(
    actor: Actor, verb: str, alarm: Any, now: datetime, ticket_id: int | None = None, **data: Any
) -> None:
    """A row of the journal about an alarm; on a ticket's timeline too, when it is named."""
    asset = queries.by_id(AssetRow, alarm.asset_id)
    journal.write(
        actor, verb, "alarm", alarm.id, now, ticket_id,
        title=alarm.title, severity=alarm.severity, asset=asset.name if asset else "",
        asset_number=alarm.asset_number, value=alarm.value, limit=alarm.limit_value, unit=alarm.unit, **data,
    )  # fmt: skip
