"""Lists of tickets: which, in what order, and each as a line of a table; nothing is asked once per row."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from operator import and_, or_
from typing import Any

from core.domain import tickets, words, workflow
from core.domain.people import Action, Actor, Scope, require, scope_of
from core.errors import AppError
from core.services import places, rows
from core.storage import db, queries, search
from core.storage.sql import JOIN, fn
from core.storage.tables import AlarmRow, AssetRow, JournalRow, PersonRow, TeamRow, TicketRow
from core.wire.base import Page, Ref
from core.wire.tickets import TicketFilter, TicketRowView

_OPEN = sorted(workflow.OPEN)
_MOST_FRESH = 500  # entries of the journal that the index may lag behind
_PAUSING = sorted(reason for reason, pauses in workflow.HOLD_PAUSES.items() if pauses)

# The columns of a ticket that a line of a table tells.
_OWN = (
    "id", "number", "type", "source", "state", "hold_reason", "priority", "title", "reporter_name", "reporter_id",
    "verified", "reported_at", "respond_due_at", "resolve_due_at", "acknowledged_at", "resolved_at",
    "occurrences", "updated_at",
)  # fmt: skip

# What each order sorts by, and the table it needs beside the tickets.
_SORTS: dict[str, tuple[Any, Any]] = {
    "number": (TicketRow.id, None),  # numbers are given out with the ids
    "priority": (TicketRow.priority, None),
    "reported_at": (TicketRow.reported_at, None),
    "resolve_due_at": (TicketRow.resolve_due_at, None),  # each ticket has one
    "state": (TicketRow.state, None),
    "title": (TicketRow.title, None),
    "asset": (fn.COALESCE(AssetRow.number, ""), AssetRow),
    "assignee": (fn.COALESCE(PersonRow.name, ""), PersonRow),
}
_BY_TEXT = frozenset({"state", "title", "asset", "assignee"})
# States that most tickets end in; a filter without them leaves few.
_COMMON = frozenset({"closed", "cancelled", "merged"})


def _sort(wanted: TicketFilter) -> tuple[Any, Any]:
    """The key to sort by and its table.

    Few tickets are sorted in memory: going through all of them in the order of an index until fifty of the few
    have turned up takes many times as long, and planners without histograms choose that.
    """
    key, table = _SORTS[wanted.sort.lstrip("-")]
    few = wanted.open is True or (wanted.state and not _COMMON.intersection(wanted.state))
    if few or wanted.asset_id is not None or wanted.overdue:
        key = fn.COALESCE(key, key)
    return key, table


def visible(actor: Actor) -> Any:
    """The condition under which `actor` may see a ticket; None: all of them. Raises Forbidden."""
    require(actor, Action.TICKET_READ)
    scope = scope_of(actor, Action.TICKET_READ)
    if scope is Scope.ALL:
        return None
    own = (TicketRow.assignee == actor.id) | (TicketRow.reporter == actor.id)
    if scope is Scope.TEAM:
        own |= TicketRow.team.in_(sorted(actor.team_ids))
    return own


def _conditions(actor: Actor, wanted: TicketFilter, now: datetime) -> list[Any]:
    found: list[Any] = []
    limits = visible(actor)
    if limits is not None:
        found.append(limits)
    if wanted.state:
        found.append(TicketRow.state.in_(list(wanted.state)))
    if wanted.type:
        found.append(TicketRow.type.in_(list(wanted.type)))
    if wanted.priority:
        found.append(TicketRow.priority.in_(list(wanted.priority)))
    for column, value in (
        (TicketRow.asset, wanted.asset_id),
        (TicketRow.assignee, wanted.assignee_id),
        (TicketRow.team, wanted.team_id),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.open is not None:
        found.append(TicketRow.state.in_(_OPEN) if wanted.open else TicketRow.state.not_in(_OPEN))
    if wanted.mine:
        me = actor.id or 0  # nothing is a program's own
        found.append((TicketRow.assignee == me) | (TicketRow.reporter == me))
    if wanted.overdue:
        found.append(overdue(now))
    if wanted.q:
        found.append(_search(wanted.q))
    return found


def overdue(now: datetime) -> Any:
    """Open, past its resolve time, and its clock running."""
    return (
        TicketRow.state.in_(_OPEN)
        & (TicketRow.resolve_due_at < now)
        & ~((TicketRow.state == workflow.State.ON_HOLD) & TicketRow.hold_reason.in_(_PAUSING))
    )


def _search(text: str) -> Any:
    """All words of `text`, in any order and place, or the end of a ticket's number; by the index once there is one."""
    terms, mark = words.query_terms(text), search.mark()
    if not terms or mark is None:
        return _containing(text)
    found = search.matching("ticket", terms, TicketRow.id) | (TicketRow.number == text.strip().upper())
    fresh = _fresh(mark, text)
    if fresh:
        found |= TicketRow.id.in_(fresh)
    if text.strip().isdecimal() and len(text.strip()) <= 6:  # people name a ticket by its last digits
        found |= TicketRow.number.in_([tickets.number_of(int(text), year) for year in _years()])
    return found


def _fresh(mark: int, text: str) -> list[int]:
    """Of the few tickets that have changed since the index was brought up to date: those that contain the text."""
    changed = JournalRow.select(JournalRow.ticket_id).where(
        JournalRow.id > mark, JournalRow.ticket_id.is_null(False)
    )
    ids = sorted({int(row.ticket_id or 0) for row in changed.limit(_MOST_FRESH)})
    return (
        [row.id for row in TicketRow.select(TicketRow.id).where(TicketRow.id.in_(ids), _containing(text))]
        if ids
        else []
    )


def _years() -> list[int]:
    """The years of which there are tickets."""
    oldest, newest = TicketRow.select(fn.MIN(TicketRow.reported_at), fn.MAX(TicketRow.reported_at)).scalar(
        as_tuple=True
    )
    return [] if oldest is None else list(range(oldest.year - 1, newest.year + 2))


def _containing(text: str) -> Any:
    assets = AssetRow.select(AssetRow.id).where(AssetRow.number.contains(text) | AssetRow.name.contains(text))
    return reduce(
        or_,
        (TicketRow.number.contains(text), TicketRow.title.contains(text), TicketRow.asset.in_(assets)),
    )


def _ordered(actor: Actor, wanted: TicketFilter, now: datetime, *columns: Any) -> tuple[Any, Any, bool]:
    down = wanted.sort.startswith("-")
    key, table = _sort(wanted)
    query = TicketRow.select(TicketRow.id, *columns)
    if table is AssetRow:
        query = query.join(AssetRow, JOIN.LEFT_OUTER)
    elif table is PersonRow:
        query = query.join(PersonRow, JOIN.LEFT_OUTER, on=(TicketRow.assignee == PersonRow.id))
    conditions = _conditions(actor, wanted, now)
    if conditions:
        query = query.where(reduce(and_, conditions))
    order = (key.desc(), TicketRow.id.desc()) if down else (key.asc(), TicketRow.id.asc())
    return query.order_by(*order), key, down


@db.reading
def ids(actor: Actor, wanted: TicketFilter, *, now: datetime) -> list[int]:
    """The ids of all tickets that fit, in order."""
    query, _key, _down = _ordered(actor, wanted, now)
    return _first(query)


@db.reading
def page(
    actor: Actor, wanted: TicketFilter, *, limit: int = 50, after: str | None = None, now: datetime
) -> Page[TicketRowView]:
    """The next `limit` tickets that fit, after where the page before ended."""
    query, key, down = _ordered(actor, wanted, now, _sort(wanted)[0].alias("sort_key"))
    if after is not None:
        value, last_id = _unpack(after, str if wanted.sort.lstrip("-") in _BY_TEXT else int)
        beyond = (key < value) if down else (key > value)
        tie = (TicketRow.id < last_id) if down else (TicketRow.id > last_id)
        query = query.where(beyond | ((key == value) & tie))
    found = list(query.limit(limit + 1).tuples())
    items = _views([row[0] for row in found[:limit]])
    following = _pack(found[limit - 1][1], found[limit - 1][0]) if len(found) > limit else None
    return Page[TicketRowView](items=items, next=following)


def _pack(value: Any, ticket_id: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([value, ticket_id], default=_micros).encode()).decode()


def _micros(value: datetime) -> int:
    return int(TicketRow.reported_at.db_value(value))


def _unpack(after: str, kind: type) -> tuple[Any, int]:
    """What the page before ended with; one of a list in another order is none."""
    try:
        value, ticket_id = json.loads(base64.urlsafe_b64decode(after.encode()))
        if not (value is None or type(value) is kind) or type(ticket_id) is not int:
            raise TypeError("not what we pack")
        return value, ticket_id
    except (ValueError, TypeError, RecursionError):
        raise AppError(
            "request.bad_page", "`after` is not the `next` of a page", {"after": "unknown"}
        ) from None


@db.reading
def listed(actor: Actor, wanted: Sequence[int]) -> list[TicketRowView]:
    """These tickets in the order asked for; missing ones, and those the actor may not see, are left out."""
    limits = visible(actor)
    allowed = list(wanted)
    if limits is not None:
        query = TicketRow.select(TicketRow.id).where(TicketRow.id.in_(allowed) & limits)
        mine = set(_first(query))
        allowed = [ticket_id for ticket_id in allowed if ticket_id in mine]
    return _views(allowed)


@db.reading
def of_asset(actor: Actor, asset_id: int) -> list[TicketRowView]:
    """The newest 200 tickets of an asset."""
    query = TicketRow.select(TicketRow.id).where(TicketRow.asset == asset_id)
    limits = visible(actor)
    if limits is not None:
        query = query.where(limits)
    found = query.order_by(TicketRow.reported_at.desc(), TicketRow.id.desc()).limit(200)
    return _views(_first(found))


def _views(wanted: Sequence[int]) -> list[TicketRowView]:
    """Lines in the order of `wanted`, in three queries for however many."""
    read = {row[0]: row for row in _lines(list(wanted))}
    alarming = {ticket_id for (ticket_id,) in _alarming(list(read))}
    paths = places.paths({row[-1] for row in read.values()})
    return [
        TicketRowView(**_line_of(read[ticket_id], ticket_id in alarming, paths))
        for ticket_id in wanted
        if ticket_id in read
    ]


@queries.prepared
def _lines(wanted: list[int]) -> Any:
    """Bare values: making rows of 120 columns in four tables takes ten times as long as reading them."""
    query = TicketRow.select(
        *(getattr(TicketRow, name) for name in _OWN),
        AssetRow.id, AssetRow.name, AssetRow.number, TeamRow.id, TeamRow.name, PersonRow.id, PersonRow.name,
        AssetRow.location,
    )  # fmt: skip
    return (
        query.join(AssetRow, JOIN.LEFT_OUTER, on=(TicketRow.asset == AssetRow.id))
        .join(TeamRow, JOIN.LEFT_OUTER, on=(TicketRow.team == TeamRow.id))
        .join(PersonRow, JOIN.LEFT_OUTER, on=(TicketRow.assignee == PersonRow.id))
        .where(TicketRow.id.in_(wanted))
        .tuples()
    )


def _line_of(read: tuple[Any, ...], alarm_active: bool, paths: dict[int, str]) -> dict[str, Any]:
    asset_id, asset, number, team_id, team, assignee_id, assignee, location_id = read[len(_OWN) :]
    return _told(dict(zip(_OWN, read, strict=False))) | {
        "asset": None if asset_id is None else Ref(id=asset_id, name=asset, number=number),
        "location_path": paths.get(location_id, ""),
        "team": None if team_id is None else Ref(id=team_id, name=team),
        "assignee": None if assignee_id is None else Ref(id=assignee_id, name=assignee),
        "alarm_active": alarm_active,
    }


def _first(query: Any) -> list[int]:
    """The first column, straight from the driver: a million ids pass here."""
    return [row[0] for row in db.database.execute(query)]


@queries.prepared
def _alarming(wanted: list[int]) -> Any:
    return AlarmRow.select(AlarmRow.ticket).where(AlarmRow.ticket.in_(wanted), AlarmRow.active).tuples()


def line(row: Any, alarm_active: bool, paths: dict[int, str]) -> dict[str, Any]:
    """The fields of TicketRowView, of a row."""
    return _told({name: getattr(row, name) for name in _OWN}) | {
        "asset": rows.ref(row.asset),
        "location_path": paths.get(row.asset.location_id, "") if row.asset else "",
        "team": rows.ref(row.team),
        "assignee": rows.ref(row.assignee),
        "alarm_active": alarm_active,
    }


def _told(own: dict[str, Any]) -> dict[str, Any]:
    own["responded"] = own.pop("acknowledged_at") is not None
    own["updated_at"] = own["updated_at"] or own["reported_at"]
    return own
