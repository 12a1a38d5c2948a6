"""Persons, teams, shifts and absences: who there is, who may what, and who is at work now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.domain.people import Action, Actor, Role, Scope, may, require, scope_of
from core.domain.workflow import OPEN
from core.errors import AppError, Conflict, NotFound
from core.services import journal, passwords, rosters, rows, sessions, settings
from core.storage import db
from core.storage.sql import fn
from core.storage.tables import (
    AbsenceRow,
    PersonRow,
    ShiftMemberRow,
    ShiftRow,
    TeamMemberRow,
    TeamRow,
    TicketRow,
)
from core.wire.base import Ref
from core.wire.people import (
    AbsenceView,
    AddAbsence,
    PersonView,
    SavePerson,
    SaveShift,
    SaveTeam,
    ShiftView,
    TeamView,
)

# ---------------------------------------------------------------- persons


@db.reading
def persons(actor: Actor, *, now: datetime) -> list[PersonView]:
    """Everybody, by name; money and notice addresses only for those who may."""
    require(actor, Action.PEOPLE_READ)
    return _views(actor, list(PersonRow.select().order_by(PersonRow.name)), now)


@db.reading
def person(actor: Actor, person_id: int, *, now: datetime) -> PersonView:
    """One person; oneself always."""
    if actor.id != person_id:
        require(actor, Action.PEOPLE_READ)
    return _views(actor, [rows.get(PersonRow, person_id, "person")], now)[0]


def create_person(actor: Actor, new: SavePerson, *, now: datetime) -> PersonView:
    """Add a person. Conflict `person.login_taken`; AppError `password.*`."""
    require(actor, Action.PEOPLE_EDIT)
    return _save_person(actor, None, new, _hash(new), now)


def edit_person(actor: Actor, person_id: int, new: SavePerson, *, now: datetime) -> PersonView:
    """Change a person; rights change at once. Conflict `person.changed`, `.login_taken`, `.last_admin`."""
    require(actor, Action.PEOPLE_EDIT)
    return _save_person(actor, person_id, new, _hash(new), now)


def _hash(new: SavePerson) -> str | None:
    if new.password is None:
        return None
    if new.login is None:
        raise AppError("person.password_without_login", "a password needs a login", {"login": "missing"})
    plain = new.password.get_secret_value()
    passwords.refuse_weak(plain, (new.login, new.name, settings.plant().name))
    return passwords.hashed(plain)


@db.transaction
def _save_person(
    actor: Actor, person_id: int | None, new: SavePerson, password_hash: str | None, now: datetime
) -> PersonView:
    row = None if person_id is None else rows.lock(PersonRow, person_id, "person", new.version)
    if Role.ADMIN in new.roles or (row is not None and Role.ADMIN in row.roles):
        require(actor, Action.SETTINGS_EDIT)  # a supervisor makes nobody an administrator, and unmakes none
    taken = new.login and PersonRow.get_or_none(PersonRow.login == new.login)
    if taken and taken.id != person_id:
        raise Conflict(
            "person.login_taken", f"login {new.login} is taken", {"login": "taken"}, login=new.login
        )
    values: dict[str, Any] = new.model_dump(
        mode="json", include={"name", "login", "roles", "skills", "phone", "email", "notify_urls", "language"}
    )
    values |= {"hourly_cost_minor": new.hourly_cost_minor, "active": new.active}
    secrets = {} if password_hash is None else {"password_hash": password_hash}
    if row is None:
        row = PersonRow.create(**values, **secrets)
        changed: dict[str, Any] = {}
    else:
        # Addresses of notices may hold keys of webhooks: the journal only tells that they changed.
        changed = rows.change(row, **values, **secrets)
        changed = {k: ["…", "…"] if k in ("password_hash", "notify_urls") else v for k, v in changed.items()}
        _refuse_no_admin()
    changed |= _replace(TeamMemberRow, "person", row.id, "team", new.team_ids, TeamRow)
    changed |= _replace(ShiftMemberRow, "person", row.id, "shift", new.shift_ids, ShiftRow)
    if password_hash is not None or not row.active:
        sessions.end_sessions(row.id)
    db.after_commit(sessions.rights_changed)
    verb = "person.created" if person_id is None else "person.edited"
    journal.write(actor, verb, "person", row.id, now, name=row.name, changed=changed)
    return _views(actor, [row], now)[0]


def _refuse_no_admin() -> None:
    able = PersonRow.select().where(
        PersonRow.active, PersonRow.login.is_null(False), PersonRow.password_hash.is_null(False)
    )
    if settings.plant().set_up and not any(Role.ADMIN in row.roles for row in able):
        raise Conflict(
            "person.last_admin", "one administrator who can log in must remain", {"roles": "last_admin"}
        )


def _replace(
    model: Any, mine: str, my_id: int, other: str, other_ids: Iterable[int], others: Any
) -> dict[str, Any]:
    """Set memberships of one side; the differences as {other_ids: [before, after]}."""
    wanted = set(other_ids)
    unknown = wanted - {row.id for row in others.select(others.id).where(others.id.in_(list(wanted)))}
    if unknown:
        raise NotFound(
            f"{other}.not_found", f"no {other} {unknown}", {f"{other}_ids": "unknown"}, id=min(unknown)
        )
    before = {getattr(row, f"{other}_id") for row in model.select().where(getattr(model, mine) == my_id)}
    if before - wanted:
        model.delete().where(
            getattr(model, mine) == my_id, getattr(model, other).in_(list(before - wanted))
        ).execute()
    for new_id in sorted(wanted - before):
        model.create(**{mine: my_id, other: new_id})
    return {} if before == wanted else {f"{other}_ids": [sorted(before), sorted(wanted)]}


def _views(actor: Actor, found: Sequence[Any], now: datetime) -> list[PersonView]:
    ids = [row.id for row in found]
    teams, turns = _memberships(TeamMemberRow, "team", ids), _memberships(ShiftMemberRow, "shift", ids)
    working, loads = rosters.on_shift(ids, now=now), open_tickets(ids)
    money, secrets = scope_of(actor, Action.COST_READ) is Scope.ALL, may(actor, Action.PEOPLE_EDIT)
    return [
        PersonView(
            id=row.id,
            version=row.version,
            name=row.name,
            login=row.login,
            roles=row.roles,
            skills=row.skills,
            phone=row.phone,
            email=row.email,
            notify_urls=row.notify_urls if secrets or row.id == actor.id else [],
            language=row.language,
            hourly_cost_minor=row.hourly_cost_minor if money else 0,
            active=row.active,
            teams=teams[row.id],
            shifts=turns[row.id],
            on_shift=row.id in working,
            open_tickets=loads.get(row.id, 0),
        )
        for row in found
    ]


def _memberships(model: Any, other: str, person_ids: Sequence[int]) -> dict[int, list[Ref]]:
    field = getattr(model, other)
    query = model.select(model, field.rel_model).join(field.rel_model).where(model.person.in_(person_ids))
    found: dict[int, list[Ref]] = defaultdict(list)
    for row in query.order_by(field.rel_model.name):
        group = getattr(row, other)
        found[row.person_id].append(Ref(id=group.id, name=group.name))
    return found


@db.reading
def open_tickets(person_ids: Sequence[int]) -> dict[int, int]:
    """How many tickets wait for each of these people (none: left out)."""
    query = (
        TicketRow.select(TicketRow.assignee, fn.COUNT(TicketRow.id).alias("n"))
        .where(TicketRow.assignee.in_(list(person_ids)), TicketRow.state.in_(list(OPEN)))
        .group_by(TicketRow.assignee)
    )
    return {row.assignee_id: int(row.n) for row in query}


# ---------------------------------------------------------------- teams and shifts


@db.reading
def teams(actor: Actor) -> list[TeamView]:
    """All teams with their members, by name."""
    require(actor, Action.PEOPLE_READ)
    return [_team(row) for row in TeamRow.select().order_by(TeamRow.name)]


@db.transaction
def save_team(actor: Actor, new: SaveTeam, team_id: int | None = None, *, now: datetime) -> TeamView:
    """Add (without `team_id`) or change a team. Conflict `team.changed`, `team.name_taken`."""
    row, changed = _save_group(actor, TeamRow, "team", new, team_id, {"name": new.name, "active": new.active})
    changed |= _replace(TeamMemberRow, "team", row.id, "person", new.member_ids, PersonRow)
    db.after_commit(sessions.rights_changed)  # what belongs to a team is its members' business
    _journal_group(actor, "team", row, team_id, changed, now)
    return _team(row)


@db.reading
def shifts(actor: Actor) -> list[ShiftView]:
    """All shifts with their members, by name."""
    require(actor, Action.PEOPLE_READ)
    return [_shift(row) for row in ShiftRow.select().order_by(ShiftRow.start_min, ShiftRow.name)]


@db.transaction
def save_shift(actor: Actor, new: SaveShift, shift_id: int | None = None, *, now: datetime) -> ShiftView:
    """Add (without `shift_id`) or change a shift. Conflict `shift.changed`, `shift.name_taken`."""
    values = new.model_dump(include={"name", "start_min", "end_min", "active"})
    values["weekdays"] = sorted(set(new.weekdays))
    row, changed = _save_group(actor, ShiftRow, "shift", new, shift_id, values)
    changed |= _replace(ShiftMemberRow, "shift", row.id, "person", new.member_ids, PersonRow)
    _journal_group(actor, "shift", row, shift_id, changed, now)
    return _shift(row)


def _save_group(
    actor: Actor, model: Any, noun: str, new: SaveTeam | SaveShift, row_id: int | None, values: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    require(actor, Action.PEOPLE_EDIT)
    taken = model.get_or_none(model.name == new.name)
    if taken is not None and taken.id != row_id:
        raise Conflict(f"{noun}.name_taken", f"{noun} {new.name} exists", {"name": "taken"}, name=new.name)
    if row_id is None:
        return model.create(**values), {}
    row = rows.lock(model, row_id, noun, new.version)
    return row, rows.change(row, **values)


def _journal_group(
    actor: Actor, noun: str, row: Any, row_id: int | None, changed: dict[str, Any], now: datetime
) -> None:
    verb = f"{noun}.created" if row_id is None else f"{noun}.edited"
    journal.write(actor, verb, noun, row.id, now, name=row.name, changed=changed)


def _members(model: Any, group: str, group_id: int) -> list[Ref]:
    query = PersonRow.select().join(model).where(getattr(model, group) == group_id).order_by(PersonRow.name)
    return [Ref(id=row.id, name=row.name) for row in query]


def _team(row: Any) -> TeamView:
    return TeamView(
        id=row.id,
        version=row.version,
        name=row.name,
        active=row.active,
        members=_members(TeamMemberRow, "team", row.id),
    )


def _shift(row: Any) -> ShiftView:
    return ShiftView(
        id=row.id,
        version=row.version,
        name=row.name,
        weekdays=row.weekdays,
        start_min=row.start_min,
        end_min=row.end_min,
        active=row.active,
        members=_members(ShiftMemberRow, "shift", row.id),
    )


# ---------------------------------------------------------------- absences


@db.reading
def absences(actor: Actor, *, now: datetime) -> list[AbsenceView]:
    """Absences that are not over for more than a month, by first day."""
    require(actor, Action.PEOPLE_READ)
    since = now.astimezone(settings.zone()).date() - timedelta(days=31)
    query = AbsenceRow.select(AbsenceRow, PersonRow).join(PersonRow).where(AbsenceRow.to_on >= since)
    return [_absence(row) for row in query.order_by(AbsenceRow.from_on)]


@db.transaction
def add_absence(actor: Actor, person_id: int, new: AddAbsence, *, now: datetime) -> AbsenceView:
    """Note that a person is away on these days, both included. AppError `absence.backwards`."""
    require(actor, Action.PEOPLE_EDIT)
    who = rows.get(PersonRow, person_id, "person")
    if new.to_on < new.from_on:
        raise AppError("absence.backwards", "the last day lies before the first", {"to_on": "before_from"})
    row = AbsenceRow.create(person=who, from_on=new.from_on, to_on=new.to_on, reason=new.reason)
    span: dict[str, Any] = {"from_on": str(new.from_on), "to_on": str(new.to_on)}
    journal.write(actor, "absence.added", "person", who.id, now, name=who.name, reason=new.reason, **span)
    return _absence(row)


@db.transaction
def remove_absence(actor: Actor, absence_id: int, *, now: datetime) -> None:
    """The person is there after all."""
    require(actor, Action.PEOPLE_EDIT)
    row = rows.get(AbsenceRow, absence_id, "absence")
    span: dict[str, Any] = {"from_on": str(row.from_on), "to_on": str(row.to_on)}
    row.delete_instance()
    journal.write(actor, "absence.removed", "person", row.person_id, now, name=row.person.name, **span)


def _absence(row: Any) -> AbsenceView:
    return AbsenceView(
        id=row.id,
        person=Ref(id=row.person_id, name=row.person.name),
        from_on=row.from_on,
        to_on=row.to_on,
        reason=row.reason,
    )
