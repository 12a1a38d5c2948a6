"""Gives tickets to people: by rule when one is made or a shift begins, by hand, or to a team that grabs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from core.domain import dispatch, workflow
from core.domain.people import SYSTEM, Action, Actor, Role, require
from core.errors import AppError, Conflict
from core.services import journal, notices, rosters, rows, ticket_states
from core.storage import db, gather, queries
from core.storage.sql import fn
from core.storage.tables import PersonRow, TeamMemberRow, TeamRow, TicketRow
from core.wire.base import Ref
from core.wire.tickets import Candidate

_ASSIGN = workflow.transition_of("assign", workflow.State.NEW)
# Why a ticket waits; only this reason is looked at again when shifts change.
NOBODY = notices.NOBODY
POOL = "pool"
NO_TEAM = "no_team"
_OPEN = sorted(workflow.OPEN)
APPROVAL = "approval"  # somebody has to agree first
TRIAGE = "triage"  # beyond the limit of anonymous reports: a person looks first


def _people(found: Sequence[Any], members: Collection[int] | None, now: datetime) -> list[dispatch.Person]:
    """People with what decides; without `members` everybody counts as of the team."""
    ids = [person.id for person in found]
    at_work = _at_work(tuple(ids), now)
    load = _loads(ids)
    return [
        dispatch.Person(
            id=person.id,
            name=person.name,
            active=True,
            technician=Role.TECHNICIAN in person.roles,
            in_team=members is None or person.id in members,
            on_shift=person.id in at_work,
            open_tickets=load[person.id][0] if person.id in load else 0,
            last_assigned_at=load[person.id][1] if person.id in load else None,
        )
        for person in found
    ]


@gather.kept
def _at_work(ids: tuple[int, ...], now: datetime) -> set[int]:
    return rosters.on_shift(ids, now=now)


def _loads(ids: list[int]) -> dict[int, tuple[int, Any]]:
    """By person: how many open tickets, when the last was given; counted on while a transaction is gathered."""
    gathered = gather.here()
    of_all: dict[Any, Any] = {} if gathered is None else gathered.known.setdefault(ticket_states.LOADS, {})
    key = tuple(ids)
    if key not in of_all:
        of_all[key] = {person_id: (int(n), last_at) for person_id, n, last_at in _load(ids)}
    found: dict[int, tuple[int, Any]] = of_all[key]
    return found


@queries.prepared
def _load(person_ids: list[int]) -> Any:
    """(person, how many open tickets, when the last was given) of those who have any."""
    query = TicketRow.select(TicketRow.assignee, fn.COUNT(TicketRow.id), fn.MAX(TicketRow.assigned_at))
    query = query.where(TicketRow.assignee.in_(person_ids), TicketRow.state.in_(_OPEN))
    return query.group_by(TicketRow.assignee).tuples()


def _team(team_id: int | None, now: datetime) -> list[dispatch.Person]:
    """The active people of a team; without one, everybody."""
    return _people(_able(team_id), None, now)


@gather.kept
def _able(team_id: int | None) -> list[Any]:
    return _everybody() if team_id is None else _members(team_id)


@queries.prepared
def _everybody() -> Any:
    return PersonRow.select(PersonRow.id, PersonRow.name, PersonRow.roles).where(PersonRow.active)


@queries.prepared
def _members(team_id: int) -> Any:
    query = PersonRow.select(PersonRow.id, PersonRow.name, PersonRow.roles).join(TeamMemberRow)
    return query.where(PersonRow.active, TeamMemberRow.team == team_id)


def assign_by_rule(row: TicketRow, now: datetime, actor: Actor = SYSTEM) -> bool:
    """Give a new ticket to the least-loaded technician of its team on shift; whether there was one.

    Nobody: it stays new, team, dispatchers and supervisors are told, and the journal says why.
    """
    if row.team_id is None and row.asset_id is None:
        _wait(row, NO_TEAM, now, actor)
        return False
    ranked = dispatch.rank(_team(row.team_id, now))
    best = dispatch.choose(ranked)
    if best is None:
        _wait(row, NOBODY, now, actor)
        return False
    others = [
        {"id": c.person.id, "name": c.person.name, "score": c.score, **c.why} for c in ranked[:10] if c.fits
    ]
    row.assignee = queries.by_id(PersonRow, best.person.id)
    row.dispatch_why = {"mode": "rule", "score": best.score, **best.why, "candidates": others}
    _take_and_count(actor, row, best, now)
    return True


def _take_and_count(actor: Actor, row: TicketRow, best: dispatch.Candidate, now: datetime) -> None:
    gathered = gather.here()
    loads = None if gathered is None else gathered.known.get(ticket_states.LOADS)
    ticket_states.take(actor, row, _ASSIGN, now, by="rule", score=best.score)
    if gathered is not None and loads is not None:
        # It forgot the counts; they are as before, and this person has one more.
        for counts in loads.values():
            counts[best.person.id] = (counts.get(best.person.id, (0, None))[0] + 1, now)
        gathered.known[ticket_states.LOADS] = loads


def hold_back(row: TicketRow, now: datetime, why: str = POOL) -> None:
    """Leave a new ticket to a person's eyes first."""
    _wait(row, why, now, SYSTEM)


def _wait(row: TicketRow, why: str, now: datetime, actor: Actor) -> None:
    if row.dispatch_why == {"waiting": why}:
        return
    row.dispatch_why = {"waiting": why}
    ticket_states.save(row, now)
    team = queries.by_id(TeamRow, row.team_id)
    journal.write(
        actor, "ticket.assigned", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, assignee_id=None, team_id=row.team_id,
        team=team.name if team else None, waiting=why,
    )  # fmt: skip


def assign(
    actor: Actor, row: TicketRow, person_id: int | None, team_id: int | None, reason: str, now: datetime
) -> None:
    """Give a ticket by hand: to a person, to a team that may grab it, or (neither) by rule."""
    transition = workflow.transition_of("assign", workflow.State(row.state))
    if workflow.blocked(transition, ticket_states.facts(row, now)):
        raise Conflict("ticket.approval_pending", f"{row.number} waits for an approval", number=row.number)
    if team_id is not None:
        row.team = rows.get(TeamRow, team_id, "team")
    if person_id is None:
        _to_team(actor, row, team_id, reason, now)
        return
    person: Any = rows.get(PersonRow, person_id, "person")
    if not person.active:
        raise AppError(
            "ticket.person_inactive",
            f"{person.name} is not active",
            {"person_id": "inactive"},
            name=person.name,
        )
    row.assignee = person
    row.dispatch_why = {"mode": "hand", "by": actor.name}
    ticket_states.take(actor, row, transition, now, by="hand", reason=reason)


def _to_team(actor: Actor, row: TicketRow, team_id: int | None, reason: str, now: datetime) -> None:
    if row.state != workflow.State.NEW:
        back = workflow.transition_of("return", workflow.State(row.state))
        ticket_states.take(actor, row, back, now, reason=reason)
    if team_id is None:
        assign_by_rule(row, now, actor)
    else:
        _wait(row, POOL, now, actor)


@db.reading
def candidates(actor: Actor, ticket_id: int, *, now: datetime) -> list[Candidate]:
    """Everybody active for one ticket, the best first, with why (not)."""
    require(actor, Action.TICKET_ASSIGN)
    row = rows.get(TicketRow, ticket_id, "ticket")
    everybody = list(PersonRow.select().where(PersonRow.active))
    members = {m.person_id for m in TeamMemberRow.select().where(TeamMemberRow.team == row.team_id)}
    ranked = dispatch.rank(_people(everybody, None if row.team_id is None else members, now))
    return [
        Candidate(
            person=Ref(id=c.person.id, name=c.person.name),
            on_shift=c.person.on_shift,
            open_tickets=c.person.open_tickets,
            score=c.score,
            why=c.why,
            fits=c.fits,
        )
        for c in ranked
    ]


def retry(now: datetime, limit: int = 100) -> list[int]:
    """Try again for tickets that nobody could take when they came; return those that were given out."""
    waiting = TicketRow.select(TicketRow.id, TicketRow.dispatch_why).where(
        TicketRow.state == workflow.State.NEW, TicketRow.assignee.is_null()
    )
    ids = _read(waiting, limit)
    return [ticket_id for ticket_id in ids if _retry(ticket_id, now)]


@db.reading
def _read(query: Any, limit: int) -> list[int]:
    return [row.id for row in query if (row.dispatch_why or {}).get("waiting") == NOBODY][:limit]


@db.transaction
def _retry(ticket_id: int, now: datetime) -> bool:
    row = rows.lock(TicketRow, ticket_id, "ticket")
    if row.state != workflow.State.NEW or row.assignee_id is not None:
        return False
    return assign_by_rule(row, now)
