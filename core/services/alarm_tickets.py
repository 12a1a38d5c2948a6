"""Which ticket a raise belongs to: the open one, the one whose repair did not hold, or a new one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.domain import tickets as domain
from core.domain import workflow
from core.domain.people import SYSTEM, Actor
from core.domain.workflow import State
from core.services import alarm_rows, journal, ticket_states, tickets
from core.storage import queries
from core.storage.tables import AssetRow, EdgeRow, RuleRow, TicketRow
from core.wire.tickets import CreateTicket

MOST_CHILDREN = 20  # named in a description; the alarm has them all


def for_raise(actor: Actor, alarm: Any, occurrence: Any, now: datetime) -> TicketRow:
    """The ticket of this raise, in the running transaction; one is open per alarm at any time."""
    last = alarm_rows.last_ticket(alarm.key)
    if last is not None and last.open_key is not None:
        _add(actor, last, alarm, occurrence, now)
        return last
    if last is not None and _repair_failed(last, now):
        last.occurrences += 1
        reject = workflow.transition_of("reject", State(last.state))
        ticket_states.take(actor, last, reject, now, why="recurrence", **_told(alarm, occurrence))
        return last
    return _make(actor, alarm, occurrence, _linked(last, now), now)


def _repair_failed(last: TicketRow, now: datetime) -> bool:
    if last.state not in (State.RESOLVED, State.FOLLOW_UP) or last.resolved_at is None:
        return False
    return bool(now - last.resolved_at <= domain.RECURRENCE_WINDOW)


def _linked(last: TicketRow | None, now: datetime) -> int | None:
    if last is None or State(last.state) not in workflow.DONE or last.resolved_at is None:
        return None
    return int(last.id) if now - last.resolved_at <= domain.RECURRENCE_LINK else None


def _add(actor: Actor, ticket: TicketRow, alarm: Any, occurrence: Any, now: datetime) -> None:
    ticket.occurrences += 1
    ticket_states.save(ticket, now)
    journal.write(
        actor, "ticket.occurrence", "ticket", ticket.id, now, ticket.id,
        number=ticket.number, ticket=ticket.title, n=ticket.occurrences, **_told(alarm, occurrence),
    )  # fmt: skip


def _told(alarm: Any, occurrence: Any) -> dict[str, Any]:
    return {
        "alarm_id": alarm.id,
        "alarm": alarm.title,
        "occurrence": occurrence.occurrence,
        "value": alarm.value,
        "limit": alarm.limit_value,
        "unit": alarm.unit,
        "raised_at": occurrence.raised_at.isoformat(),
        "first_out": occurrence.first_out,
    }


def _make(actor: Actor, alarm: Any, occurrence: Any, recurrence_of: int | None, now: datetime) -> TicketRow:
    asset = queries.by_id(AssetRow, alarm.asset_id)
    rule = queries.by_id(RuleRow, alarm.rule_id)
    new = CreateTicket(
        type="fault",
        source="alarm",
        title=alarm.title,
        description=_description(alarm),
        asset_id=asset.id if asset else None,
        priority=domain.priority_of(alarm.severity, asset.criticality if asset else "B"),
        failed_at=occurrence.raised_at,
    )
    links: tickets.Links = {
        "dedup_key": alarm.key,
        "failure_mode": rule.failure_mode if rule else "",
        "kit": rule.kit if rule else [],
        "recurrence_of_id": recurrence_of,
        "occurrences": 1,
        "team_id": rule.team_id if rule else None,
    }
    ticket = tickets.make(actor, new, now, links)
    alarm_rows.ticketed(alarm.key, ticket)
    return ticket


def _description(alarm: Any) -> str:
    """Value, limit, the asset's number when nobody here knows it, the devices behind: what needs no translation."""
    lines = []
    if alarm.value is not None and not isinstance(alarm.value, bool):
        unit = f" {alarm.unit}" if alarm.unit else ""
        limit = ""
        if alarm.limit_value is not None and isinstance(alarm.value, int | float):
            sign = ">" if alarm.value > alarm.limit_value else "<" if alarm.value < alarm.limit_value else "="
            limit = f" {sign} {alarm.limit_value:g}{unit}"
        value = f"{alarm.value:g}" if isinstance(alarm.value, int | float) else str(alarm.value)
        lines.append(f"{value}{unit}{limit}")
    if alarm.asset_id is None and alarm.asset_number:
        lines.append(alarm.asset_number)
    if alarm.children_count:
        more = ", …" if alarm.children_count > MOST_CHILDREN else ""
        lines.append(f"⤷ {alarm.children_count}: {', '.join(alarm.children[:MOST_CHILDREN])}{more}")
    return "\n".join(lines)


def of_hub(
    key: str, title: str, description: str, edge: EdgeRow | None, now: datetime, once: bool = False
) -> TicketRow:
    """A ticket that the hub itself opens (a silent edge, a data gap, a conflict): one open per key.

    `once`: while it is open, the same trouble again is not even counted.
    """
    open_one: TicketRow | None = TicketRow.get_or_none(TicketRow.open_key == key)
    if open_one is not None and once:
        return open_one
    if open_one is not None:
        open_one.occurrences += 1
        ticket_states.save(open_one, now)
        journal.write(
            SYSTEM, "ticket.occurrence", "ticket", open_one.id, now, open_one.id,
            number=open_one.number, ticket=open_one.title, n=open_one.occurrences, text=description,
            edge=edge.name if edge else "",
        )  # fmt: skip
        return open_one
    new = CreateTicket(
        type="fault",
        source="alarm",
        title=title[:200],
        description=description[:8000],
        priority=2,
        failed_at=now,
    )
    return tickets.make(SYSTEM, new, now, {"dedup_key": key, "occurrences": 1})
