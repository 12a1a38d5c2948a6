"""What happened to a ticket, and the charts of its alarms, as tables too."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

from core.domain.people import Action, Actor, Scope, scope_of
from core.errors import NotFound
from core.services import journal, ticket_states, ticket_views
from core.storage import db
from core.storage.tables import AlarmRow, JournalRow, OccurrenceRow
from core.wire.tickets import ChartView, TimelineEntry


@db.reading
def timeline(actor: Actor, ticket_id: int) -> list[TimelineEntry]:
    """All journal rows of a ticket, oldest first."""
    ticket = ticket_views.readable(actor, ticket_id)
    query = JournalRow.select().where(JournalRow.ticket_id == ticket_id).order_by(JournalRow.id)
    # Reporters and vendors see what is theirs, but not what the team writes among itself.
    outsider = scope_of(actor, Action.TICKET_READ) is Scope.OWN
    money = ticket_states.permits(actor, ticket, Action.COST_READ)
    return [entry(row, money, outsider) for row in query if not journal.hidden(row, money, outsider)]


def entry(row: Any, money: bool = False, outsider: bool = False) -> TimelineEntry:
    """A journal row as a ticket's timeline tells it."""
    return TimelineEntry(
        id=row.id,
        at=row.at,
        actor=row.actor,
        actor_name=row.actor_name,
        verb=row.verb,
        data=journal.told_of(row, money, outsider),
    )


@db.reading
def charts(actor: Actor, ticket_id: int) -> list[ChartView]:
    """The charts of all raises of a ticket, newest first."""
    ticket_views.readable(actor, ticket_id)
    return [_chart(row) for row in _raises(ticket_id).order_by(OccurrenceRow.raised_at.desc()).limit(50)]


@db.reading
def chart_csv(actor: Actor, ticket_id: int, occurrence: str) -> str:
    """One chart as CSV: time, seconds from the raise, value, limit. NotFound `chart.not_found`."""
    ticket_views.readable(actor, ticket_id)
    row = _raises(ticket_id).where(OccurrenceRow.occurrence == occurrence).first()
    if row is None:
        raise NotFound("chart.not_found", f"no chart {occurrence}")
    chart = _chart(row)
    out = io.StringIO()
    table = csv.writer(out)
    unit = f" ({chart.unit})" if chart.unit else ""
    table.writerow(["time", "seconds_from_raise", f"value{unit}", "limit"])
    for offset_ms, value in zip(chart.offsets_ms, chart.values, strict=True):
        at = chart.raised_at + timedelta(milliseconds=offset_ms)
        table.writerow(
            [
                at.isoformat(timespec="milliseconds"),
                f"{offset_ms / 1000:.3f}",
                "" if value is None else value,
                "" if chart.limit is None else chart.limit,
            ]
        )
    return out.getvalue()


def _raises(ticket_id: int) -> Any:
    return (
        OccurrenceRow.select(OccurrenceRow, AlarmRow)
        .join(AlarmRow)
        .where(OccurrenceRow.ticket == ticket_id, OccurrenceRow.chart.is_null(False))
    )


def _chart(row: Any) -> ChartView:
    chart = row.chart
    return ChartView(
        occurrence=row.occurrence,
        rule_name=row.alarm.title,
        point_name=chart.get("point_name") or chart["point"],
        unit=chart.get("unit", ""),
        raised_at=row.raised_at,
        cleared_at=row.cleared_at,
        limit=chart.get("limit"),
        first_out=row.first_out,
        complete=chart.get("complete", True),
        offsets_ms=chart["offsets_ms"],
        values=chart["values"],
    )
