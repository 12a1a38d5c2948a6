"""Notices: who is told of what, written with its cause, sent afterwards with patience.

Knows people and their addresses, not how a channel works: `send_due` is given what sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from core import log
from core.domain.people import Role
from core.errors import FettleError
from core.i18n import _, fill, label
from core.storage import db, gather, queries
from core.storage.tables import JournalRow, NoticeRow, PersonRow, TeamMemberRow, TicketRow

_log = log.get(__name__)

MOST_ATTEMPTS = 8
FIRST_BACKOFF_S = 30
LONGEST_BACKOFF_S = 3600
# While one process sends, no other takes the same notice; after a crash it is taken again.
LEASE_S = 300
# Why `dispatch` could give a ticket to nobody.
NOBODY = "nobody_on_shift"


def _titles(language: str) -> dict[str, str]:
    """What is told at all, by verb, in that language."""
    return {
        "ticket.assigned": _("{number} is yours: {title}", language),
        "ticket.assigned.team": _("{number} waits for somebody of your team: {title}", language),
        "ticket.assigned.nobody": _("{number} waits, nobody for it is on shift: {title}", language),
        "ticket.declined": _("{number} was given back: {title}", language),
        "ticket.urged": _("{number} is urged: {title}", language),
        "ticket.sla_warned": _("{number} is due soon: {title}", language),
        "ticket.sla_breached": _("{number} is overdue: {title}", language),
        "ticket.escalated": _("{number} is long overdue: {title}", language),
        "ticket.reminded": _("{number} still waits for you: {title}", language),
        "ticket.resolved": _("{number} is done, please confirm: {title}", language),
        "ticket.reopened": _("{number} is open again: {title}", language),
        "alarm.reminded": _("{number}: its alarm is still active: {title}", language),
    }


_TOLD = frozenset(_titles("en"))
_NEEDED = (
    TicketRow.id, TicketRow.number, TicketRow.title, TicketRow.priority, TicketRow.state, TicketRow.asset,
    TicketRow.assignee, TicketRow.team, TicketRow.reporter,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A notice on its way."""

    id: int
    address: str
    title: str
    body: str
    attempts: int


def queue(row: JournalRow, now: datetime) -> None:
    """Write the notices that `row` causes, in its transaction."""
    if row.verb not in _TOLD or row.ticket_id is None:
        return
    gathered = gather.here()
    known = gathered and gathered.known.get((TicketRow, row.ticket_id))
    ticket: TicketRow = known or queries.first(_ticket(row.ticket_id))
    kind = row.verb
    if kind == "ticket.assigned" and row.data.get("assignee_id") is None:
        kind = "ticket.assigned.nobody" if row.data.get("waiting") == NOBODY else "ticket.assigned.team"
    for person in _who(kind, ticket, row.data):
        if row.actor == f"person:{person.id}" or not person.notify_urls:
            continue  # nobody needs to be told what they did
        title, body = _words(kind, ticket, row, person.language)
        for address in person.notify_urls:
            NoticeRow.create(
                journal=row,
                person=person,
                channel=(urlsplit(address).scheme or "unknown")[:20],
                address=address,
                title=title[:200],
                body=body,
                created_at=now,
                next_try_at=now,
            )


@queries.prepared
def _ticket(ticket_id: int) -> Any:
    return TicketRow.select(*_NEEDED).where(TicketRow.id == ticket_id)


def _who(kind: str, ticket: TicketRow, data: dict[str, Any]) -> Iterable[PersonRow]:
    people: list[PersonRow | None]
    assignee = queries.by_id(PersonRow, ticket.assignee_id)
    if kind == "ticket.resolved":
        people = [ticket.reporter]
    elif kind == "ticket.assigned.team":
        people = [*(_team(ticket.team_id) or _with_role(Role.DISPATCHER))]
    elif kind == "ticket.assigned.nobody":  # whoever can call somebody in has to know, too
        people = [*_team(ticket.team_id), *_with_role(Role.DISPATCHER), *_with_role(Role.SUPERVISOR)]
    elif kind == "ticket.declined":
        people = [*(_with_role(Role.DISPATCHER) or _with_role(Role.SUPERVISOR))]
    elif kind == "ticket.escalated":
        wanted = set(data.get("person_ids", ()))
        people = [person for role in data.get("roles", ()) for person in _with_role(Role(role))]
        people += [person for person in _active_kept() if person.id in wanted]
    elif kind == "ticket.sla_breached":
        people = [*_with_role(Role.SUPERVISOR), assignee]
    elif assignee is None:
        people = [*_team(ticket.team_id)]
    else:
        people = [assignee]
    told = {person.id: person for person in people if person is not None and person.active}
    return told.values()


def _team(team_id: int | None) -> list[PersonRow]:
    if team_id is None:
        return []
    found: list[PersonRow] = _members_kept(team_id)
    return found


@gather.kept
def _members_kept(team_id: int) -> list[PersonRow]:
    return _members(team_id)


@queries.prepared
def _members(team_id: int) -> Any:
    return PersonRow.select().join(TeamMemberRow).where(TeamMemberRow.team == team_id)


def _with_role(role: Role) -> list[PersonRow]:
    return [person for person in _active_kept() if role in person.roles]


@gather.kept
def _active_kept() -> list[PersonRow]:
    return _active()


@queries.prepared
def _active() -> Any:
    return PersonRow.select().where(PersonRow.active)


def _words(kind: str, ticket: TicketRow, row: JournalRow, language: str) -> tuple[str, str]:
    params = {"number": ticket.number, "title": ticket.title}
    facts = [
        (_("Asset", language), f"{ticket.asset.number} {ticket.asset.name}" if ticket.asset else ""),
        (_("Priority", language), label(f"ticket.priority.{ticket.priority}", language)),
        (_("State", language), label(f"ticket.state.{ticket.state}", language)),
        (_("Reason", language), str(row.data.get("reason") or "")),
    ]
    body = "\n".join(f"{name}: {value}" for name, value in facts if value)
    return fill(_titles(language)[kind], params), body


def send_due(send: Callable[[str, str, str], None], now: datetime, limit: int = 50) -> int:
    """Send what is due through `send(address, title, body)`, which raises on failure; return how many went out."""
    sent = 0
    for notice in _take(now, limit):
        failure = ""
        try:
            send(notice.address, notice.title, notice.body)
            sent += 1
        except (FettleError, OSError, ValueError) as error:
            failure = str(error) or type(error).__name__
            _log.warning(
                "a notice could not be sent", notice=notice.id, attempt=notice.attempts, reason=failure
            )
        _settle(notice, failure, now)
    return sent


@db.transaction
def _take(now: datetime, limit: int) -> list[Outgoing]:
    query = (
        NoticeRow.select()
        .where(NoticeRow.next_try_at <= now)
        .order_by(NoticeRow.next_try_at, NoticeRow.id)
        .limit(limit)
    )
    rows = list(query.for_update(skip_locked=True) if db.is_postgresql() else query)
    for row in rows:
        row.attempts += 1
        row.next_try_at = now + timedelta(seconds=LEASE_S)
        row.save()
    return [Outgoing(row.id, row.address, row.title, row.body, row.attempts) for row in rows]


@db.transaction
def _settle(notice: Outgoing, failure: str, now: datetime) -> None:
    row = NoticeRow.get_by_id(notice.id)
    row.failure = failure[:200]
    if not failure:
        row.sent_at = now
        row.next_try_at = None
    elif notice.attempts >= MOST_ATTEMPTS:
        row.next_try_at = None
        _log.error("a notice was given up", notice=notice.id, reason=failure)
    else:
        wait_s = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (notice.attempts - 1))
        row.next_try_at = now + timedelta(seconds=wait_s)
    row.save()
