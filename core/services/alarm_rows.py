"""Finds alarms, occurrences and their tickets; for a group of events all at once, and each row as one object.

Knows nothing of what happens to them. In a gathered transaction (`db.gathered`) what was found, and what was not, is
kept, so that the second event of an alarm asks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from core.storage import db, gather, queries
from core.storage.sql import fn
from core.storage.tables import AlarmRow, AssetRow, DeviceRow, OccurrenceRow, PointRow, RuleRow, TicketRow

_ALL_BUT_CHART = [
    OccurrenceRow.id, OccurrenceRow.occurrence, OccurrenceRow.alarm, OccurrenceRow.ticket, OccurrenceRow.raised_at,
    OccurrenceRow.cleared_at, OccurrenceRow.received_at, OccurrenceRow.value, OccurrenceRow.limit_value,
    OccurrenceRow.first_out,
]  # fmt: skip


def prefetch_named(edge_id: int, assets: Collection[str], rules: Collection[str]) -> list[int]:
    """Look up the assets by number and the rules of an edge that a group of events names; the assets' ids."""
    group = gather.here()
    if group is None:
        return []
    for number in assets:
        group.known["asset", number] = None
    found = _assets(sorted(assets))
    for row in found:
        group.known["asset", row.number] = group.known[AssetRow, row.id] = row
    for name in rules:
        group.known["rule", edge_id, name] = None
    for row in _rules(sorted(int(name) for name in rules if _may_be_ours(name)), edge_id):
        group.known["rule", edge_id, str(row.id)] = group.known[RuleRow, row.id] = row
    return [row.id for row in found]


def prefetch(occurrences: Collection[str], keys: Collection[str]) -> None:
    """Look up what a group of events will ask for: occurrences by their names, alarms by their keys, tickets."""
    group = gather.here()
    if group is None:
        return
    known = group.known
    named = {row.occurrence: row for row in _occurrences(sorted(occurrences))}
    for name in occurrences:
        known["occurrence", name] = named.get(name)
    for row in named.values():
        known[OccurrenceRow, row.id] = row
    charted_ones = {row_id for (row_id,) in _charted([row.id for row in named.values()])}
    for row in named.values():
        if row.id not in charted_ones:
            known["chart", row.id] = None
    alarms = _alarms(sorted(keys))
    there = {row.id for row in alarms}
    alarms += _alarms_by_id(sorted({row.alarm_id for row in named.values()} - there))
    for row in alarms:
        known[AlarmRow, row.id] = row
        known["alarm", row.key] = row
    for key in keys:
        known.setdefault(("alarm", key), None)
    open_ones: dict[int, set[int]] = {row.id: set() for row in alarms}
    for occurrence_id, alarm_id in _open([row.id for row in alarms]):
        open_ones[alarm_id].add(occurrence_id)
    for alarm_id, ids in open_ones.items():
        known["open", alarm_id] = ids
    last = _tickets(sorted(keys))
    for key in keys:
        known["ticket", key] = last.get(key)
    for ticket in last.values():
        known[TicketRow, ticket.id] = ticket


def occurrence(name: str) -> Any:
    """The occurrence of this name, or None."""
    return _kept(("occurrence", name), lambda: queries.first(_occurrences([name])))


def alarm(key: str) -> Any:
    """The alarm of this key, or None."""
    return _kept(("alarm", key), lambda: queries.first(_alarms([key])))


def alarm_of(row: Any) -> Any:
    """The alarm of an occurrence."""
    return queries.by_id(AlarmRow, row.alarm_id)


def last_ticket(key: str) -> TicketRow | None:
    """The open ticket of an alarm, else its newest; held, so that nobody resolves it meanwhile."""
    found: TicketRow | None = _kept(("ticket", key), lambda: _tickets([key]).get(key))
    return found


def others_open(row: Any) -> bool:
    """Whether the alarm of an occurrence has another one that has not ended."""
    group = gather.here()
    if group is None or ("open", row.alarm_id) not in group.known:
        return bool(_others_open(row.alarm_id, row.id))
    return bool(group.known["open", row.alarm_id] - {row.id})


def began(row: Any, alarm_row: Any) -> None:
    """A new occurrence, and its alarm, which may be new, too."""
    group = gather.here()
    if group is not None:
        group.known["occurrence", row.occurrence] = row
        group.known["chart", row.id] = None
        group.known["alarm", alarm_row.key] = alarm_row
        group.known[AlarmRow, alarm_row.id] = alarm_row
        group.known.setdefault(("open", alarm_row.id), set()).add(row.id)


def chart(row: Any) -> dict[str, Any] | None:
    """The chart of an occurrence, which is not read with it: it is a hundred times as long as the rest."""
    found: dict[str, Any] | None = _kept(("chart", row.id), lambda: queries.first(_charts(row.id)))
    return found


def charted(row: Any, complete: bool) -> None:
    """An occurrence has got its chart."""
    group = gather.here()
    if group is not None:
        group.known["chart", row.id] = {"complete": complete}


def ended(row: Any) -> None:
    """An occurrence is over."""
    group = gather.here()
    if group is not None and ("open", row.alarm_id) in group.known:
        group.known["open", row.alarm_id].discard(row.id)


def opened_again(row: Any) -> None:
    """An occurrence is not over after all."""
    group = gather.here()
    if group is not None and ("open", row.alarm_id) in group.known:
        group.known["open", row.alarm_id].add(row.id)


def ticketed(key: str, ticket: TicketRow) -> None:
    """The newest ticket of an alarm."""
    group = gather.here()
    if group is not None:
        group.known["ticket", key] = ticket


def asset(number: str) -> Any:
    """The asset of this number, or None."""
    return _kept(("asset", number), lambda: queries.first(_assets([number])))


def rule(edge_id: int, name: str) -> RuleRow | None:
    """The rule of the hub that an edge names; an edge with its own file has rules the hub does not know."""
    if not _may_be_ours(name):
        return None
    found: RuleRow | None = _kept(
        ("rule", edge_id, name), lambda: queries.first(_rules([int(name)], edge_id))
    )
    return found


def _may_be_ours(name: str) -> bool:
    return name.isdecimal() and len(name) <= 18


def _tickets(keys: list[str]) -> dict[str, TicketRow]:
    found = {row.open_key: row for row in _open_tickets(keys)}
    rest = [key for key in keys if key not in found]
    return found | {row.dedup_key: row for row in _newest_tickets(rest)}


def _kept(key: Any, ask: Callable[[], Any]) -> Any:
    group = gather.here()
    if group is None:
        return ask()
    if key not in group.known:
        group.known[key] = ask()
    return group.known[key]


@queries.prepared
def _occurrences(names: list[str]) -> Any:
    return OccurrenceRow.select(*_ALL_BUT_CHART).where(OccurrenceRow.occurrence.in_(names))


@queries.prepared
def _charted(ids: list[int]) -> Any:
    return (
        OccurrenceRow.select(OccurrenceRow.id)
        .where(OccurrenceRow.id.in_(ids), OccurrenceRow.chart.is_null(False))
        .tuples()
    )


def _charts(occurrence_id: int) -> list[Any]:
    return [row.chart for row in _with_chart(occurrence_id)]


@queries.prepared
def _with_chart(occurrence_id: int) -> Any:
    return OccurrenceRow.select(OccurrenceRow.id, OccurrenceRow.chart).where(
        OccurrenceRow.id == occurrence_id
    )


@queries.prepared
def _alarms(keys: list[str]) -> Any:
    return _held(AlarmRow.select().where(AlarmRow.key.in_(keys)))


@queries.prepared
def _alarms_by_id(ids: list[int]) -> Any:
    return _held(AlarmRow.select().where(AlarmRow.id.in_(ids)))


def _held(query: Any) -> Any:
    """Nobody else changes these rows until the running transaction ends; SQLite has one writer anyway."""
    query = query.order_by(query.model.id)
    return query.for_update() if db.is_postgresql() else query


@queries.prepared
def _open(alarm_ids: list[int]) -> Any:
    query = OccurrenceRow.select(OccurrenceRow.id, OccurrenceRow.alarm)
    return query.where(OccurrenceRow.alarm.in_(alarm_ids), OccurrenceRow.cleared_at.is_null()).tuples()


@queries.prepared
def _others_open(alarm_id: int, but: int) -> Any:
    query = OccurrenceRow.select(OccurrenceRow.id).where(
        OccurrenceRow.alarm == alarm_id, OccurrenceRow.cleared_at.is_null(), OccurrenceRow.id != but
    )
    return query.limit(1)


@queries.prepared
def _open_tickets(keys: list[str]) -> Any:
    return _held(TicketRow.select().where(TicketRow.open_key.in_(keys)))


@queries.prepared
def _newest_tickets(keys: list[str]) -> Any:
    newest = TicketRow.select(fn.MAX(TicketRow.id)).where(TicketRow.dedup_key.in_(keys))
    return _held(TicketRow.select().where(TicketRow.id.in_(newest.group_by(TicketRow.dedup_key))))


@queries.prepared
def _assets(numbers: list[str]) -> Any:
    return AssetRow.select().where(AssetRow.number.in_(numbers))


@queries.prepared
def _rules(ids: list[int], edge_id: int) -> Any:
    query = RuleRow.select().join(PointRow).join(DeviceRow)
    return query.where(RuleRow.id.in_(ids), DeviceRow.edge == edge_id)
