"""Service levels people set: calendars with holidays, policies, what moves when they change, who is called when."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.errors import AppError, Conflict, Forbidden
from core.services import sla, sla_policies, tickets
from core.storage.tables import JournalRow, NoticeRow, PersonRow, SlaPauseRow, TicketRow
from core.wire.sla import CalendarView, EscalationLevel, PolicyView, SaveCalendar, SavePolicy
from core.wire.tickets import AssignTicket, CreateTicket, EditTicket, MoveTicket
from tests.hub.conftest import Plant

OFFICE = [[(480, 720), (780, 1020)]] * 5 + [[], []]
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))


TUESDAY = at("2026-03-10T10:00")


def calendar(plant: Plant, **more: Any) -> CalendarView:
    return sla_policies.save_calendar(
        plant.boss, None, SaveCalendar(name="白班", week=OFFICE, **more), now=TUESDAY
    )


def policy(plant: Plant, **more: Any) -> PolicyView:
    wanted = {"name": "冲压", "respond_min": 60, "resolve_min": 480} | more
    return sla_policies.save_policy(plant.boss, None, SavePolicy(**wanted), now=TUESDAY)


def report(plant: Plant, now: datetime = TUESDAY, **more: Any) -> TicketRow:
    new = CreateTicket(**{"type": "fault", "title": "漏油", "asset_id": plant.press.id} | more)
    return row(tickets.create(plant.boss, new, now=now).id)


def row(ticket_id: int) -> TicketRow:
    found: TicketRow = TicketRow.get_by_id(ticket_id)
    return found


def give(plant: Plant, ticket: TicketRow) -> None:
    tickets.assign(plant.boss, ticket.id, AssignTicket(person_id=plant.wang.id), now=TUESDAY)


def said(verb: str) -> list[dict[str, Any]]:
    return [
        entry.data for entry in JournalRow.select().where(JournalRow.verb == verb).order_by(JournalRow.id)
    ]


def test_a_ticket_is_due_on_the_working_time_of_its_policy(plant: Plant) -> None:
    made = policy(plant, calendar_id=calendar(plant).id, categories=["press"], types=["fault"])
    ticket = report(plant)
    assert ticket.sla_policy_id == made.id
    assert ticket.respond_due_at == at("2026-03-10T11:00")
    assert ticket.warn_due_at == at("2026-03-10T17:00")
    assert ticket.resolve_due_at == at("2026-03-11T10:00")
    assert report(plant, type="request").sla_policy_id is None


def test_the_place_of_an_asset_may_lie_below_the_policys(plant: Plant) -> None:
    assert plant.press.location_id is not None
    made = policy(plant, location_id=plant.press.location_id)
    assert report(plant).sla_policy_id == made.id
    assert report(plant, asset_id=None).sla_policy_id is None


def test_national_day_is_off_and_its_make_up_day_is_worked(plant: Plant) -> None:
    made = calendar(plant, country="CN")
    policy(plant, calendar_id=made.id)
    assert report(plant, at("2026-09-30T16:00")).resolve_due_at == at("2026-10-08T16:00")
    assert report(plant, at("2026-10-10T08:00")).respond_due_at == at("2026-10-10T09:00")  # a Saturday
    days = sla_policies.days(plant.boss, made.id, 2026)
    assert [day.worked for day in days if day.on == date(2026, 10, 10)] == [True]
    assert len([day for day in days if not day.worked]) > 15


def test_own_exceptions_come_before_the_holidays(plant: Plant) -> None:
    exceptions = {date(2026, 10, 1): [(480, 720)], date(2026, 3, 10): []}
    made = calendar(plant, country="CN", exceptions=exceptions)
    policy(plant, calendar_id=made.id, respond_min=60)
    assert report(plant).respond_due_at == at("2026-03-11T09:00")
    assert report(plant, at("2026-10-01T09:00")).respond_due_at == at("2026-10-01T10:00")
    own = [day for day in sla_policies.days(plant.boss, made.id, 2026) if day.source == "own"]
    assert [(day.on, day.worked) for day in own] == [(date(2026, 3, 10), False), (date(2026, 10, 1), True)]


def test_a_hold_that_stops_the_clock_moves_what_is_due_by_working_time(plant: Plant) -> None:
    policy(plant, calendar_id=calendar(plant).id)
    ticket = report(plant)

    def move(name: str, when: str, **more: Any) -> None:
        tickets.move(plant.boss, ticket.id, MoveTicket(move=name, **more), now=at(when))

    if row(ticket.id).state == "new":
        give(plant, ticket)
    move("start", "2026-03-10T10:30")
    move("hold", "2026-03-10T11:00", hold_reason="waiting_parts")
    move("resume", "2026-03-10T14:00")  # an hour of the morning, an hour of the afternoon
    assert row(ticket.id).resolve_due_at == at("2026-03-11T12:00")
    (pause,) = SlaPauseRow.select()
    assert (pause.reason, pause.to_at - pause.from_at) == ("waiting_parts", 3 * HOUR)
    move("hold", "2026-03-10T15:00", hold_reason="waiting_vendor")  # the clock goes on
    move("resume", "2026-03-10T16:00")
    assert row(ticket.id).resolve_due_at == at("2026-03-11T12:00")


def test_changes_of_calendar_and_policy_move_open_tickets(plant: Plant) -> None:
    made = calendar(plant)
    level = policy(plant, calendar_id=made.id)
    ticket = report(plant)
    longer = SaveCalendar(version=made.version, name=made.name, week=[[(480, 1020)]] * 5 + [[], []])
    sla_policies.save_calendar(plant.boss, made.id, longer, now=TUESDAY)
    assert row(ticket.id).resolve_due_at == at("2026-03-11T09:00")
    wanted = SavePolicy(version=level.version, name="快", respond_min=5, resolve_min=30)
    sla_policies.save_policy(plant.boss, level.id, wanted, now=TUESDAY)
    assert row(ticket.id).resolve_due_at == TUESDAY + timedelta(minutes=30)
    off = wanted.model_copy(update={"version": level.version + 1, "active": False})
    sla_policies.save_policy(plant.boss, level.id, off, now=TUESDAY)
    assert (row(ticket.id).sla_policy_id, row(ticket.id).resolve_due_at) == (None, TUESDAY + 24 * HOUR)
    assert said("sla.edited")[-1]["tickets"] == 1


def test_another_priority_has_another_policy(plant: Plant) -> None:
    policy(plant, name="一级", priorities=[1], respond_min=5, resolve_min=60)
    ticket = report(plant, priority=3)
    change = EditTicket(version=ticket.version, priority=1, priority_reason="停线")
    tickets.edit(plant.boss, ticket.id, change, now=TUESDAY + HOUR / 2)
    assert row(ticket.id).resolve_due_at == TUESDAY + HOUR


def test_levels_are_called_once_each_and_their_people_told(plant: Plant) -> None:
    PersonRow.update(notify_urls=["json://127.0.0.1:9/"]).execute()
    levels = [
        EscalationLevel(after_min=30, roles=["supervisor"]),
        EscalationLevel(after_min=120, person_ids=[plant.li.id]),
    ]
    policy(plant, resolve_min=60, levels=levels)
    ticket = report(plant)
    for minutes in (61, 89, 90, 100, 180, 600):
        sla.watch(TUESDAY + timedelta(minutes=minutes))
        sla.watch(TUESDAY + timedelta(minutes=minutes))
    assert [data["level"] for data in said("ticket.escalated")] == [1, 2]
    told = [
        notice.person_id
        for notice in NoticeRow.select().join(JournalRow).where(JournalRow.verb == "ticket.escalated")
    ]
    assert sorted(told) == sorted([plant.chief.id, plant.li.id])
    assert row(ticket.id).state in ("new", "assigned")


def test_who_does_not_accept_is_reminded_until_he_does(plant: Plant) -> None:
    policy(plant, remind_min=15)
    ticket = report(plant)
    if row(ticket.id).state == "new":
        tickets.move(plant.boss, ticket.id, MoveTicket(move="assign", person_id=plant.wang.id), now=TUESDAY)
    for minutes in (14, 15, 16, 31, 45):
        sla.watch(TUESDAY + timedelta(minutes=minutes))
    assert [data["turn"] for data in said("ticket.reminded")] == [1, 2, 3]
    tickets.move(plant.boss, ticket.id, MoveTicket(move="accept"), now=TUESDAY + HOUR)
    sla.watch(TUESDAY + 2 * HOUR)
    assert len(said("ticket.reminded")) == 3


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"week": [[]] * 7}, "calendar.no_hours"),
        ({"week": [[(600, 500)]] + [[]] * 6}, "calendar.bad_hours"),
        ({"country": "ZZ"}, "calendar.unknown_country"),
        ({"country": "DE-XX"}, "calendar.unknown_country"),
    ],
)
def test_calendars_that_make_no_sense(plant: Plant, fields: dict[str, Any], code: str) -> None:
    with pytest.raises(AppError) as refused:
        sla_policies.save_calendar(
            plant.boss, None, SaveCalendar(**{"name": "x", "week": OFFICE} | fields), now=TUESDAY
        )
    assert refused.value.code == code and refused.value.fields


def test_names_are_given_once_and_rights_are_asked(plant: Plant) -> None:
    calendar(plant)
    with pytest.raises(Conflict):
        calendar(plant)
    with pytest.raises(AppError):
        policy(plant, respond_min=60, resolve_min=30)
    with pytest.raises(Forbidden):
        sla_policies.save_policy(
            plant.actor(plant.wang), None, SavePolicy(name="x", respond_min=1, resolve_min=1), now=TUESDAY
        )
