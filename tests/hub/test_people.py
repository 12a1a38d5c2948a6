"""Persons, teams, shifts, absences: rights, conflicts, the last administrator, and who is at work."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from pydantic import SecretStr

from core.domain.people import PUBLIC, Actor, Role
from core.errors import AppError, Conflict, Forbidden, NotFound, Unauthenticated
from core.services import people, rosters, settings
from core.storage.tables import JournalRow, PersonRow
from core.wire.people import AddAbsence, SavePerson, SaveShift, SaveTeam
from tests.hub.actors import person, ticket

PASSWORD = SecretStr("Kran7 gelb Donnerstag")


@pytest.fixture
def admin(database: str) -> Actor:
    return person("Root", Role.ADMIN, login="root")


def test_a_person_is_made_shown_and_journalled(admin: Actor, now: datetime) -> None:
    team = people.save_team(admin, SaveTeam(name="Mechanics"), now=now)
    made = people.create_person(
        admin,
        SavePerson(
            name=" Li Wei ", login="liwei", password=PASSWORD, roles=[Role.TECHNICIAN], team_ids=[team.id]
        ),
        now=now,
    )
    assert made.name == "Li Wei" and [ref.name for ref in made.teams] == ["Mechanics"]
    stored = PersonRow.get_by_id(made.id)
    assert stored.password_hash.startswith("$argon2id$v=19$m=47104,t=2,p=1$")
    row = JournalRow.get(JournalRow.verb == "person.created")
    assert row.data["name"] == "Li Wei" and row.subject_id == made.id
    assert PASSWORD.get_secret_value() not in str(list(JournalRow.select().dicts()))
    (shown,) = people.teams(admin)
    assert [member.name for member in shown.members] == ["Li Wei"]


def test_a_login_is_taken_once(admin: Actor, now: datetime) -> None:
    with pytest.raises(Conflict) as caught:
        people.create_person(admin, SavePerson(name="X", login="root"), now=now)
    assert caught.value.code == "person.login_taken" and caught.value.fields == {"login": "taken"}
    assert people.create_person(admin, SavePerson(name="A"), now=now).login is None
    assert people.create_person(admin, SavePerson(name="B"), now=now).login is None


def test_a_weak_password_is_refused(admin: Actor, now: datetime) -> None:
    with pytest.raises(AppError) as caught:
        people.create_person(
            admin, SavePerson(name="X", login="liwei", password=SecretStr("liwei-liwei-1")), now=now
        )
    assert caught.value.code == "password.name"
    with pytest.raises(AppError, match="needs a login"):
        people.create_person(admin, SavePerson(name="X", password=PASSWORD), now=now)


def test_an_older_version_is_refused(admin: Actor, now: datetime) -> None:
    made = people.create_person(admin, SavePerson(name="A"), now=now)
    people.edit_person(admin, made.id, SavePerson(name="B", version=made.version), now=now)
    with pytest.raises(Conflict) as caught:
        people.edit_person(admin, made.id, SavePerson(name="C", version=made.version), now=now)
    assert caught.value.code == "person.changed" and caught.value.params["name"] == "B"


def test_the_last_administrator_stays(admin: Actor, now: datetime) -> None:
    settings.change_plant(name="Works", set_up=True)
    settings.forget()
    boss = people.create_person(
        admin, SavePerson(name="Boss", login="boss", password=PASSWORD, roles=[Role.ADMIN]), now=now
    )
    for changed in (
        SavePerson(name="Boss", login="boss", roles=[Role.TECHNICIAN]),
        SavePerson(name="Boss", login="boss", roles=[Role.ADMIN], active=False),
        SavePerson(name="Boss", login=None, roles=[Role.ADMIN]),
    ):
        with pytest.raises(Conflict) as caught:
            people.edit_person(admin, boss.id, changed, now=now)
        assert caught.value.code == "person.last_admin"
    assert PersonRow.get_by_id(boss.id).version == 1, "nothing half-done"


def test_a_supervisor_makes_nobody_administrator(admin: Actor, now: datetime) -> None:
    supervisor = person("Sun", Role.SUPERVISOR)
    with pytest.raises(Forbidden):
        people.create_person(supervisor, SavePerson(name="X", roles=[Role.ADMIN]), now=now)
    assert admin.id is not None
    with pytest.raises(Forbidden):
        people.edit_person(supervisor, admin.id, SavePerson(name="Root", login="root"), now=now)
    people.create_person(supervisor, SavePerson(name="X", roles=[Role.TECHNICIAN]), now=now)


def test_who_may_not_sees_and_changes_nothing(admin: Actor, now: datetime) -> None:
    technician = person("Tek", Role.TECHNICIAN)
    with pytest.raises(Forbidden):
        people.persons(technician, now=now)
    with pytest.raises(Forbidden):
        people.save_team(technician, SaveTeam(name="X"), now=now)
    with pytest.raises(Unauthenticated):
        people.persons(PUBLIC, now=now)
    assert technician.id is not None
    assert people.person(technician, technician.id, now=now).name == "Tek"


def test_money_and_addresses_are_for_few(admin: Actor, now: datetime) -> None:
    paid = SavePerson(name="A", hourly_cost_minor=5000, notify_urls=["json://key@host"])
    people.create_person(admin, paid, now=now)
    dispatcher = person("Di", Role.DISPATCHER)
    shown = next(p for p in people.persons(dispatcher, now=now) if p.name == "A")
    assert shown.hourly_cost_minor == 0 and shown.notify_urls == []
    shown = next(p for p in people.persons(admin, now=now) if p.name == "A")
    assert shown.hourly_cost_minor == 5000 and shown.notify_urls == ["json://key@host"]
    assert "key@host" not in str(list(JournalRow.select().dicts()))


def test_unknown_members_are_named(admin: Actor, now: datetime) -> None:
    with pytest.raises(NotFound) as caught:
        people.save_team(admin, SaveTeam(name="X", member_ids=[99]), now=now)
    assert caught.value.code == "person.not_found" and caught.value.fields == {"person_ids": "unknown"}
    with pytest.raises(Conflict, match="exists"):
        people.save_team(admin, SaveTeam(name="X"), now=now)
        people.save_team(admin, SaveTeam(name="X"), now=now)


def test_who_is_at_work(admin: Actor, now: datetime) -> None:
    day, night = person("Day", Role.TECHNICIAN), person("Night", Role.TECHNICIAN)
    ids = [i for i in (day.id, night.id) if i is not None]
    assert rosters.on_shift(ids, now=now) == set(ids), "no shifts in this plant: everybody"
    weekdays = list(range(5))
    people.save_shift(
        admin,
        SaveShift(name="Day", weekdays=weekdays, start_min=480, end_min=1020, member_ids=[ids[0]]),
        now=now,
    )
    people.save_shift(
        admin,
        SaveShift(name="Night", weekdays=weekdays, start_min=1320, end_min=360, member_ids=[ids[1]]),
        now=now,
    )
    assert rosters.on_shift(ids, now=now) == {ids[0]}, "10:00 in Shanghai"
    assert rosters.on_shift(ids, now=now + timedelta(hours=18)) == {ids[1]}, "04:00 in Shanghai"
    absence = people.add_absence(
        admin, ids[0], AddAbsence(from_on=date(2026, 3, 9), to_on=date(2026, 3, 10), reason="leave"), now=now
    )
    assert rosters.on_shift(ids, now=now) == set()
    assert [a.id for a in people.absences(admin, now=now)] == [absence.id]
    people.remove_absence(admin, absence.id, now=now)
    assert rosters.on_shift(ids, now=now) == {ids[0]}
    with pytest.raises(AppError, match="before the first"):
        people.add_absence(
            admin, ids[0], AddAbsence(from_on=date(2026, 3, 9), to_on=date(2026, 3, 8)), now=now
        )


def test_open_tickets_are_counted(admin: Actor, now: datetime) -> None:
    technician = person("Tek", Role.TECHNICIAN)
    for n, state in enumerate(("assigned", "on_hold", "closed", "resolved")):
        ticket(f"T-{n}", state=state, assignee=technician.id)
    shown = {p.name: p.open_tickets for p in people.persons(admin, now=now)}
    assert shown == {"Root": 0, "Tek": 2}
