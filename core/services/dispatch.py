"""Gives tickets to people: by rule when one is made or a shift begins, by hand, or to a team that grabs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from core.domain import dispatch, workflow
from core.domain.people import SYSTEM, Action, Actor, Role, require
from core.errors import AppError, Conflict
from core.services import dispatch_rules, journal, notices, places, rosters, rows, ticket_states
from core.services.dispatch_rules import Rule
from core.storage import db, gather, queries
from core.storage.sql import fn
from core.storage.tables import AssetRow, PersonRow, TeamMemberRow, TeamRow, TicketRow
from core.wire.base import Ref
from core.wire.tickets import Candidate

_ASSIGN = workflow.transition_of("assign", workflow.State.NEW)
# Why a ticket waits; only this reason is looked at again when shifts change.
NOBODY = notices.NOBODY
POOL = "pool"
NO_TEAM = "no_team"
_OPEN = sorted(workflow.OPEN)
_DONE = sorted(workflow.DONE)
_OF_PERSON = (PersonRow.id, PersonRow.name, PersonRow.roles, PersonRow.skills)
_TOLD = 5  # how many of the compared a ticket remembers
_NEWEST_OF_ASSET = 50
_NEWEST_OF_PLANT = 100
APPROVAL = "approval"  # somebody has to agree first
TRIAGE = "triage"  # beyond the limit of anonymous reports: a person looks first


def _people(
    found: Sequence[_Able], members: Collection[int] | None, now: datetime, row: Any, rule: Rule | None
) -> list[dispatch.Person]:
    """People with what decides about a ticket; without `members` everybody counts as of the team."""
    ids = [person.id for person in found]
    at_work = _at_work(tuple(ids), now)
    load = _loads(ids)
    weights = dispatch_rules.weights()
    asset = row.asset if row.asset_id is not None else None
    knows = _knows(asset.id) if asset is not None and weights.knows else {}
    recent = _recent() if weights.fairness else {}
    place = asset.location_id if asset is not None else None
    where = _where(tuple(ids)) if place is not None and weights.distance else {}
    certified = dispatch_rules.valid(ids, now) if rule is not None and rule.need.certificates else {}
    return [
        dispatch.Person(
            id=person.id,
            name=person.name,
            active=True,
            technician=person.technician,
            in_team=members is None or person.id in members,
            on_shift=person.id in at_work,
            open_tickets=load[person.id][0] if person.id in load else 0,
            last_assigned_at=load[person.id][1] if person.id in load else None,
            skills=person.skills,
            certificates=certified.get(person.id, frozenset()),
            distance=places.apart(place, where[person.id]) if person.id in where else None,
            knows=knows.get(person.id, 0),
            recent=recent.get(person.id, 0),
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


def _ranked(row: Any, rule: Rule | None, now: datetime) -> list[dispatch.Candidate]:
    """The active people of the ticket's team (without one, everybody), the best first."""
    return _rank(_people(_able(row.team_id), None, now, row, rule), rule)


def _rank(people: Sequence[dispatch.Person], rule: Rule | None) -> list[dispatch.Candidate]:
    return dispatch.rank(people, rule.need if rule else dispatch.Need(), dispatch_rules.weights())


@gather.kept
def _knows(asset_id: int) -> dict[int, int]:
    """Who finished how many of an asset's newest tickets."""
    return {person_id: int(n) for person_id, n in _finished(asset_id)}


def expect(asset_ids: Collection[int]) -> None:
    """Tickets on these assets are about to be made: look up at once who knows them, before anything is written."""
    if gather.here() is not None and dispatch_rules.weights().knows:
        for asset_id in asset_ids:
            _knows(asset_id)


@queries.prepared
def _finished(asset_id: int) -> Any:
    newest = TicketRow.select(TicketRow.assignee, TicketRow.state).where(
        TicketRow.asset == asset_id, TicketRow.assignee.is_null(False)
    )
    newest = newest.order_by(TicketRow.reported_at.desc()).limit(_NEWEST_OF_ASSET).alias("newest")
    query = TicketRow.select(newest.c.assignee_id, fn.COUNT(newest.c.assignee_id)).from_(newest)
    return query.where(newest.c.state.in_(_DONE)).group_by(newest.c.assignee_id).tuples()


@gather.kept
def _recent() -> dict[int, int]:
    """Who was given how many of the plant's newest tickets."""
    return {person_id: int(n) for person_id, n in _newest()}


@queries.prepared
def _newest() -> Any:
    last = TicketRow.select(fn.MAX(TicketRow.id) - _NEWEST_OF_PLANT)
    query = TicketRow.select(TicketRow.assignee, fn.COUNT(TicketRow.id))
    query = query.where(TicketRow.id > last, TicketRow.assignee.is_null(False))
    return query.group_by(TicketRow.assignee).tuples()


@gather.kept
def _where(ids: tuple[int, ...]) -> dict[int, int]:
    """Where people are who work on something now."""
    return {person_id: location_id for person_id, location_id in _working(list(ids)) if location_id}


@queries.prepared
def _working(person_ids: list[int]) -> Any:
    query = TicketRow.select(TicketRow.assignee, AssetRow.location).join(AssetRow)
    query = query.where(TicketRow.assignee.in_(person_ids), TicketRow.state == workflow.State.IN_PROGRESS)
    return query.order_by(TicketRow.started_at).tuples()


class _Able(NamedTuple):
    """What of a person does not change while tickets are given out; a row is dearer to ask."""

    id: int
    name: str
    technician: bool
    skills: frozenset[str]


@gather.kept
def _able(team_id: int | None) -> list[_Able]:
    """The active people of a team; without one, everybody."""
    return [
        _Able(person.id, person.name, Role.TECHNICIAN in person.roles, frozenset(person.skills))
        for person in (_everybody() if team_id is None else _members(team_id))
    ]


@queries.prepared
def _everybody() -> Any:
    return PersonRow.select(*_OF_PERSON).where(PersonRow.active)


@queries.prepared
def _members(team_id: int) -> Any:
    query = PersonRow.select(*_OF_PERSON).join(TeamMemberRow)
    return query.where(PersonRow.active, TeamMemberRow.team == team_id)


def assign_by_rule(row: TicketRow, now: datetime, actor: Actor = SYSTEM) -> bool:
    """Give a new ticket to whom its rule names, or to the best of its team on shift; whether there was one.

    Nobody: it stays new, team, dispatchers and supervisors are told, and the journal says why.
    """
    rule = dispatch_rules.of(row)
    if rule is not None and rule.team_id is not None:
        row.team = queries.by_id(TeamRow, rule.team_id)
    if row.team_id is None and row.asset_id is None and rule is None:
        _wait(row, NO_TEAM, now, actor)
        return False
    if rule is not None and rule.mode == "grab":
        _wait(row, POOL, now, actor)
        return False
    ranked = _ranked(row, rule, now)
    if rule is not None and rule.mode == "person":
        ranked = [c for c in ranked if c.person.id == rule.person_id]
    best = dispatch.choose(ranked)
    if best is None:
        _wait(row, NOBODY, now, actor)
        return False
    others = [{"id": c.person.id, "name": c.person.name, "score": c.score} for c in ranked[:_TOLD] if c.fits]
    row.assignee = queries.by_id(PersonRow, best.person.id)
    named = {"rule": rule.name} if rule is not None else {}
    row.dispatch_why = {"mode": "rule", **named, "score": best.score, **best.why, "candidates": others}
    _take_and_count(actor, row, best, now)
    return True


def _take_and_count(actor: Actor, row: TicketRow, best: dispatch.Candidate, now: datetime) -> None:
    gathered = gather.here()
    loads = None if gathered is None else gathered.known.get(ticket_states.LOADS)
    if gathered is not None and dispatch_rules.weights().fairness:
        recent = _recent()  # the one that was kept when people were compared
        recent[best.person.id] = recent.get(best.person.id, 0) + 1
    ticket_states.take(actor, row, _ASSIGN, now, by="rule", score=best.score)
    if gathered is not None and loads is not None:
        # It forgot the counts; they are as before, and this person has one more.
        for counts in loads.values():
            counts[best.person.id] = (counts.get(best.person.id, (0, None))[0] + 1, now)
        gathered.known[ticket_states.LOADS] = loads


def refuse_greed(actor: Actor, row: TicketRow) -> None:
    """Conflict `ticket.grab_cap` for who holds as many open tickets as one may grab: others want some, too."""
    most = dispatch_rules.grab_most()
    held = TicketRow.select().where(TicketRow.assignee == actor.id, TicketRow.state.in_(_OPEN)).count()
    if held >= most:
        raise Conflict("ticket.grab_cap", f"{held} of {most}", number=row.number, most=most)


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
    members = {m.person_id for m in TeamMemberRow.select().where(TeamMemberRow.team == row.team_id)}
    rule = dispatch_rules.of(row)
    ranked = _rank(_people(_able(None), None if row.team_id is None else members, now, row, rule), rule)
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
