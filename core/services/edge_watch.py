"""Whether edges are there: their status, telemetry and silence. What they report as events is for `ingest`."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from core.domain.people import SYSTEM, Actor
from core.errors import NotFound
from core.i18n import _, fill
from core.services import alarm_tickets, fleet, history, journal, settings
from core.storage import db, queries
from core.storage.tables import EdgeConfigRow, EdgeRow, TicketRow
from core.wire.uplink import EdgeStatus, Telemetry

# An edge tells something every few seconds; this long without a word is worth a ticket.
SILENT_AFTER = timedelta(seconds=60)
# Well within that silence: of several workers on one database only one may have heard the edge.
WRITE_EVERY = timedelta(seconds=20)

_lock = threading.Lock()
_heard: dict[str, datetime] = {}
_since = datetime.now(UTC)


def begin(now: datetime) -> None:
    """The hub has just started: until now it could not hear anybody."""
    global _since
    with _lock:
        _since = now
        _heard.clear()


def heard(edge_id: str, now: datetime) -> None:
    """An edge has said something; kept in memory, written by `find_silent`."""
    with _lock:
        if len(_heard) < 100_000:
            _heard[edge_id] = now


def locked(edge_id: str) -> EdgeRow:
    """The row of an edge by its id in topics, held. NotFound `edge.unknown`."""
    row: EdgeRow | None = queries.first(_of_topic(edge_id))
    if row is None:
        raise NotFound("edge.unknown", f"no active edge {edge_id}", edge_id=edge_id)
    return row


@queries.prepared
def _of_topic(edge_id: str) -> Any:
    query = EdgeRow.select().where(EdgeRow.edge_id == edge_id, EdgeRow.active)
    return query.for_update() if db.is_postgresql() else query


@db.transaction
def status(told: EdgeStatus, *, now: datetime) -> None:
    """An edge's birth, change or last will; journalled where it differs from what was known."""
    heard(told.edge, now)
    row: Any = locked(told.edge)
    before = EdgeStatus.model_validate(row.status) if row.status else None
    if before is not None and not told.online and not told.devices:
        told = told.model_copy(update={"devices": before.devices})  # a last will may be too long to name them
    if before is not None and told == before and row.online == told.online:
        return
    actor = Actor("edge", row.id, row.name)
    was_online = row.online
    row.status = told.model_dump(mode="json")
    row.online = told.online
    row.seen_at = now
    row.save()
    if told.online != was_online:
        verb = "edge.online" if told.online else "edge.offline"
        journal.write(actor, verb, "edge", row.id, now, name=row.name, agent_version=told.agent_version)
        if told.online:
            _back(row, now)
    if told.config_version and (before is None or told.config_version != before.config_version):
        journal.write(
            actor, "edge.config_applied", "edge", row.id, now, name=row.name, version=told.config_version
        )
    if told.config_refused and (before is None or told.config_refused != before.config_refused):
        errors = [error.model_dump() for error in told.config_errors[:20]]
        journal.write(
            actor, "edge.config_refused", "edge", row.id, now,
            name=row.name, version=told.config_refused, errors=errors,
        )  # fmt: skip


def _offline_key(row: EdgeRow) -> str:
    return f"offline|{row.edge_id}"


def _back(row: EdgeRow, now: datetime) -> None:
    ticket = TicketRow.get_or_none(TicketRow.open_key == _offline_key(row))
    if ticket is not None:
        language = settings.plant().language
        text = fill(_("Edge {name} is back.", language), {"name": row.name})
        journal.write(
            SYSTEM, "ticket.noted", "ticket", ticket.id, now, ticket.id,
            number=ticket.number, title=ticket.title, text=text, internal=True,
        )  # fmt: skip


def telemetry(told: Telemetry, *, now: datetime) -> None:
    """What points did: the latest values at once, all of it for their history."""
    heard(told.edge, now)
    fleet.remember(told)
    history.keep(told, now)


def find_silent(now: datetime) -> list[str]:
    """Write when edges were last heard, and open a ticket for each joined one that has fallen silent."""
    with _lock:
        last = dict(_heard)
    found = []
    for edge_id, seen_at in _joined():
        heard_at = last.get(edge_id)
        # Not written at each word: an edge that goes on talking costs few transactions.
        if heard_at and seen_at and now - heard_at < SILENT_AFTER and heard_at - seen_at < WRITE_EVERY:
            continue
        if _look(edge_id, heard_at, now):
            found.append(edge_id)
    return found


@db.reading
def _joined() -> list[tuple[str, datetime | None]]:
    query = EdgeRow.select(EdgeRow.edge_id, EdgeRow.seen_at).where(
        EdgeRow.active, EdgeRow.joined_at.is_null(False)
    )
    return [(row.edge_id, row.seen_at) for row in query]


@db.transaction
def _look(edge_id: str, heard_at: datetime | None, now: datetime) -> bool:
    row: Any = locked(edge_id)
    if heard_at is not None and (row.seen_at is None or heard_at > row.seen_at):
        row.seen_at = heard_at
        row.save()
    reference = max(time for time in (row.seen_at, _since, row.joined_at) if time is not None)
    if now - reference < SILENT_AFTER:
        return False
    if row.online:
        row.online = False
        row.save()
        journal.write(SYSTEM, "edge.offline", "edge", row.id, now, name=row.name, silent=True)
    language = settings.plant().language
    title = fill(_("Edge {name} is silent", language), {"name": row.name})
    text = _("Nothing has been heard from it. Check its power, its network and its program.", language)
    already = TicketRow.select().where(TicketRow.open_key == _offline_key(row)).exists()
    alarm_tickets.of_hub(_offline_key(row), title, text, row, now, once=True)
    return not already


@db.reading
def configs(known: Mapping[str, int]) -> list[tuple[str, int, bytes]]:
    """(edge_id, version, body) of pushed configurations newer than `known`; an empty body for an edge shut out."""
    newer = [
        row
        for row in EdgeRow.select().where(EdgeRow.config_version > 0)
        if known.get(row.edge_id) != (row.config_version if row.active else -1)
    ]
    found = []
    for row in newer:
        pushed: Any = EdgeConfigRow.get_or_none(
            (EdgeConfigRow.edge == row.id) & (EdgeConfigRow.config_version == row.config_version)
        )
        if row.active and pushed is not None:
            body = json.dumps(pushed.body, ensure_ascii=False).encode()
            found.append((row.edge_id, int(row.config_version), body))
        elif not row.active:
            found.append((row.edge_id, -1, b""))
    return found


@db.reading
def logins() -> dict[str, str]:
    """Password hashes of the edges that may come to the broker, by their ids."""
    query = EdgeRow.select(EdgeRow.edge_id, EdgeRow.password_hash).where(
        EdgeRow.active, EdgeRow.password_hash.is_null(False)
    )
    return {row.edge_id: row.password_hash for row in query if row.password_hash}
