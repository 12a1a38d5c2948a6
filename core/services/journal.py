"""The journal: every change, written in the change's own transaction; read as audit trail and live feed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from core.domain.people import Action, Actor, Scope, may, scope_of
from core.services import notices, ticket_rows
from core.storage import db, gather
from core.storage.tables import JournalRow, TicketRow
from core.wire.journal import JournalEntry

# Any two committed rows must become visible in the order of their ids, or a reader that has seen the
# higher one never sees the lower. SQLite has one writer; PostgreSQL needs this lock until the commit.
_ORDER_LOCK = 7_460_001
_ABOUT_PEOPLE = ("person", "session", "hub")

_listeners: list[Callable[[], None]] = []


def listen(wake: Callable[[], None]) -> Callable[[], None]:
    """Call `wake` after each commit that wrote to the journal, from any thread; returns how to stop it."""
    _listeners.append(wake)
    return lambda: _listeners.remove(wake)


def _wake() -> None:
    for wake in list(_listeners):
        wake()


def write(
    actor: Actor,
    verb: str,
    subject: str,
    subject_id: int | None,
    now: datetime,
    ticket_id: int | None = None,
    **data: Any,
) -> int:
    """Append one row to the running transaction, with the notices it causes; return its cursor.

    `verb` is past tense, such as `ticket.created`; `data` holds what a reader needs later: before and after
    values, names, reasons. Dates and decimals as strings.
    """
    _in_order()
    row = JournalRow.create(
        at=now,
        actor=actor.ref,
        actor_name=actor.name[:100],
        verb=verb,
        subject=subject,
        subject_id=subject_id,
        ticket_id=ticket_id,
        data=data,
    )
    notices.queue(row, now)
    return int(row.id)


@gather.kept
def _in_order() -> None:
    """Before the first row of a transaction: hold the order, and tell the readers when it is committed."""
    if db.is_postgresql():
        db.database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (_ORDER_LOCK,))
    db.after_commit(_wake)


@db.reading
def after(actor: Actor, cursor: int, limit: int = 500) -> list[JournalEntry]:
    """Rows with an id above `cursor`, oldest first, that `actor` may see.

    With the right to the journal all of them; without it none about people and their log-ins, and whoever
    sees only some tickets sees only what concerns those, without internal notes. Money is for who may see all costs.
    """
    query = JournalRow.select().where(JournalRow.id > cursor).order_by(JournalRow.id).limit(limit)
    mine = ticket_rows.visible(actor)
    if mine is not None:
        tickets = TicketRow.select(TicketRow.id).where(mine)
        query = query.where(JournalRow.ticket_id.in_(tickets))
    elif not may(actor, Action.JOURNAL_READ):
        query = query.where(JournalRow.subject.not_in(_ABOUT_PEOPLE))
    money = scope_of(actor, Action.COST_READ) is Scope.ALL
    found = list(query)
    outsider = mine is not None
    told = [view(row, money, outsider) for row in found if not hidden(row, money, outsider)]
    if not told and len(found) == limit:
        return after(actor, found[-1].id, limit)  # a reader waits for ever at an empty answer
    return told


def hidden(row: JournalRow, money: bool, outsider: bool) -> bool:
    """Whether a row is kept from a reader: internal notes from reporters and vendors, costs from many."""
    return (outsider and bool(row.data.get("internal"))) or (not money and row.verb == "ticket.cost_frozen")


def shown(data: dict[str, Any], money: bool) -> dict[str, Any]:
    """A row's data, without amounts for who may not see money."""
    if money:
        return data
    kept = {name: value for name, value in data.items() if "_minor" not in name}
    changed = kept.get("changed")
    return kept | {"changed": shown(changed, money)} if isinstance(changed, dict) else kept


@db.reading
def head() -> int:
    """The id of the newest row; 0 when there is none."""
    row = JournalRow.select(JournalRow.id).order_by(JournalRow.id.desc()).first()
    return 0 if row is None else int(row.id)


def told_of(row: JournalRow, money: bool, outsider: bool) -> dict[str, Any]:
    """A row's data for a reader: reporters and vendors get no way to reach people, nor what approvers say."""
    data = shown(row.data, money)
    if not outsider:
        return data
    kept = {name: value for name, value in data.items() if name != "reason" or row.verb != "ticket.approved"}
    changed = kept.get("changed")
    if isinstance(changed, dict):
        kept["changed"] = {name: value for name, value in changed.items() if name != "reporter_contact"}
    return kept


def view(row: JournalRow, money: bool, outsider: bool = False) -> JournalEntry:
    """A row as the API tells it."""
    return JournalEntry(
        id=row.id,
        at=row.at,
        actor=row.actor,
        actor_name=row.actor_name,
        verb=row.verb,
        subject=row.subject,
        subject_id=row.subject_id,
        ticket_id=row.ticket_id,
        data=told_of(row, money, outsider),
    )
