"""Dispatch against the real roster: shifts, absences, load; and again when a shift begins."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from core.services import dispatch, tickets
from core.storage.tables import AbsenceRow, AssetRow, JournalRow, PersonRow, TeamRow, TicketRow
from core.wire.tickets import CreateTicket
from tests.hub.conftest import Plant

NIGHT = timedelta(hours=14)  # after the fixture's moment it is midnight in the plant


def make(plant: Plant, now: datetime, asset_id: int | None = None) -> TicketRow:
    new = CreateTicket(title="异响", source="console", asset_id=asset_id or plant.press.id)
    return TicketRow.get_by_id(tickets.create(plant.boss, new, now=now).id)


def test_work_is_shared_by_load(plant: Plant, now: datetime) -> None:
    given = [make(plant, now + timedelta(seconds=n)).assignee_id for n in range(4)]
    assert given == [plant.wang.id, plant.li.id, plant.wang.id, plant.li.id]
    why = TicketRow.get_by_id(4).dispatch_why
    assert (why["mode"], why["open_tickets"]) == ("rule", 1)
    assert [one["name"] for one in why["candidates"]] == ["李娜", "王伟"]


def test_nobody_absent_or_off_shift_is_asked(plant: Plant, now: datetime) -> None:
    AbsenceRow.create(person=plant.wang, from_on=date(2026, 3, 10), to_on=date(2026, 3, 10))
    assert make(plant, now).assignee_id == plant.li.id
    night = make(plant, now + NIGHT)
    assert (night.state, night.assignee_id, night.team_id) == ("new", None, plant.team.id)
    assert night.dispatch_why == {"waiting": "nobody_on_shift"}
    told = JournalRow.select().order_by(JournalRow.id.desc()).first()
    assert (told.verb, told.data["waiting"], told.data["team"]) == (
        "ticket.assigned",
        "nobody_on_shift",
        "钳工班",
    )


def test_what_waited_is_given_out_when_the_shift_begins(plant: Plant, now: datetime) -> None:
    night = make(plant, now + NIGHT)
    assert dispatch.retry(now + NIGHT + timedelta(hours=1)) == []
    journal = JournalRow.select().count()
    assert dispatch.retry(now + NIGHT + timedelta(hours=2)) == []
    assert JournalRow.select().count() == journal  # trying again in vain is not told again
    assert dispatch.retry(now + NIGHT + timedelta(hours=9)) == [night.id]
    assert TicketRow.get_by_id(night.id).state == "assigned"


def test_the_pool_is_left_to_its_team(plant: Plant, now: datetime) -> None:
    ticket = make(plant, now)
    TicketRow.update(state="new", assignee=None, dispatch_why={"waiting": "pool"}).execute()
    assert dispatch.retry(now) == []
    assert TicketRow.get_by_id(ticket.id).assignee_id is None


def test_without_any_team_every_technician_counts(plant: Plant, now: datetime) -> None:
    other = AssetRow.create(number="A-00002", name="空压机")
    assert make(plant, now, other.id).assignee_id == plant.wang.id


def test_a_team_without_people_on_shift_gets_it_as_a_team(plant: Plant, now: datetime) -> None:
    empty = TeamRow.create(name="电工班")
    other = AssetRow.create(number="A-00002", name="空压机", team=empty)
    row = make(plant, now, other.id)
    assert (row.state, row.team_id) == ("new", empty.id)


def test_candidates_are_everybody_with_why(plant: Plant, now: datetime) -> None:
    ticket = make(plant, now)
    found = dispatch.candidates(plant.boss, ticket.id, now=now)
    assert [(c.person.name, c.fits, c.open_tickets) for c in found] == [
        ("李娜", True, 0), ("王伟", True, 1), ("陈主管", False, 0),
    ]  # fmt: skip
    assert found[2].why["technician"] is False
    PersonRow.update(active=False).where(PersonRow.id == plant.li.id).execute()
    assert len(dispatch.candidates(plant.boss, ticket.id, now=now)) == 2
