"""Alarms become tickets: one open per alarm, reopened when a repair did not hold, linked when it came back later."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.domain.people import Actor
from core.errors import Conflict, Forbidden, NotFound
from core.services import alarms, dashboard, ingest, parts, tickets
from core.storage.tables import AlarmRow, DeviceRow, FailureCodeRow, JournalRow, PointRow, RuleRow, TicketRow
from core.wire.parts import SavePart
from core.wire.tickets import MoveTicket
from core.wire.uplink import Event
from tests.hub.conftest import Plant
from tests.hub.uplink import batch, cleared, raised


class Line:
    """An edge that numbers its events."""

    def __init__(self) -> None:
        self.seq = 0

    def send(self, event: Event, now: datetime) -> None:
        self.seq += 1
        ack = ingest.accept("edge-1", batch((self.seq, event), at=now), now=now)
        assert ack.through == self.seq and not ack.rejected


@pytest.fixture
def line() -> Line:
    return Line()


def work(plant: Plant, ticket_id: int, now: datetime, *moves: str, **more: Any) -> None:
    for move in moves:
        tickets.move(plant.boss, ticket_id, MoveTicket(move=move, **more), now=now)


def mended(plant: Plant, line: Line, now: datetime) -> TicketRow:
    """A ticket of the alarm `temp-high`, resolved."""
    line.send(raised("first", now), now)
    line.send(cleared("first", now), now)
    ticket = TicketRow.get()
    work(plant, ticket.id, now, "start", "resolve", resolution="润滑")
    return TicketRow.get()


def test_a_raise_within_a_day_of_the_repair_reopens_the_ticket(
    plant: Plant, line: Line, now: datetime
) -> None:
    ticket = mended(plant, line, now)
    assert (ticket.state, ticket.open_key) == ("resolved", None)
    later = now + timedelta(hours=24)
    line.send(raised("second", later), later)
    ticket = TicketRow.get()
    assert (ticket.state, ticket.reopen_count, ticket.occurrences) == ("in_progress", 1, 2)
    assert ticket.open_key == ticket.dedup_key
    told = JournalRow.get(JournalRow.verb == "ticket.reopened").data
    assert (told["why"], told["value"]) == ("recurrence", 92.5)
    line.send(raised("third", later), later)
    assert TicketRow.get().occurrences == 3


def test_a_raise_later_than_that_is_a_new_ticket_linked_to_it(
    plant: Plant, line: Line, now: datetime
) -> None:
    first = mended(plant, line, now)
    later = now + timedelta(hours=24, seconds=1)
    line.send(raised("second", later), later)
    second = TicketRow.get(TicketRow.id != first.id)
    assert (second.recurrence_of_id, second.state) == (first.id, "assigned")
    view = tickets.view(plant.boss, second.id)
    assert view.recurrence_of is not None and view.recurrence_of.number == first.number


def test_a_closed_ticket_is_never_reopened_by_an_alarm(plant: Plant, line: Line, now: datetime) -> None:
    first = mended(plant, line, now)
    work(plant, first.id, now, "close")
    line.send(raised("second", now), now)
    second = TicketRow.get(TicketRow.id != first.id)
    assert second.recurrence_of_id == first.id
    with pytest.raises(Conflict) as caught:  # and by hand only when no other is open for the alarm
        work(plant, first.id, now, "reopen", reason="x")
    assert caught.value.code == "ticket.open_twin"


def test_a_cancelled_ticket_is_followed_by_a_new_one_without_a_link(
    plant: Plant, line: Line, now: datetime
) -> None:
    line.send(raised("first", now), now)
    work(plant, TicketRow.get().id, now, "cancel", reason="试验")
    line.send(raised("second", now), now)
    second = TicketRow.select().order_by(TicketRow.id.desc()).first()
    assert second.recurrence_of_id is None


def test_the_ticket_waits_for_the_alarm_to_clear(plant: Plant, line: Line, now: datetime) -> None:
    line.send(raised("first", now), now)
    ticket_id = TicketRow.get().id
    work(plant, ticket_id, now, "start")
    with pytest.raises(Conflict) as caught:
        work(plant, ticket_id, now, "resolve", resolution="ok")
    assert caught.value.code == "ticket.alarm_active"
    later = now + timedelta(minutes=7)
    line.send(cleared("first", later), later)
    work(plant, ticket_id, now + timedelta(minutes=9), "resolve", resolution="ok")
    assert TicketRow.get().restored_at == later  # production had it back before the paper said so


def rule_on(plant: Plant, **more: Any) -> RuleRow:
    device = DeviceRow.create(edge=plant.edge, name="PLC", kind="modbus_tcp")
    point = PointRow.create(device=device, name="温度", asset=plant.press)
    return RuleRow.create(point=point, name="轴承温度高", **more)


def test_the_hubs_rule_gives_team_failure_mode_and_kit(plant: Plant, line: Line, now: datetime) -> None:
    part = parts.create(plant.boss, SavePart(name="轴承"), now=now)
    FailureCodeRow.create(category="press", kind="mode", code="BRG", name="轴承磨损")
    rule = rule_on(plant, failure_mode="BRG", kit=[{"part_id": part.id, "qty": "1"}])
    line.send(raised("first", now, rule=str(rule.id)), now)
    ticket = tickets.view(plant.boss, TicketRow.get().id)
    assert ticket.failure_mode == "BRG"
    assert [(p.part.name, p.wanted, p.short) for p in ticket.parts] == [("轴承", Decimal(1), Decimal(1))]


def test_a_rule_may_raise_without_a_ticket(plant: Plant, line: Line, now: datetime) -> None:
    rule = rule_on(plant, makes_ticket=False)
    line.send(raised("first", now, rule=str(rule.id)), now)
    assert TicketRow.select().count() == 0
    assert AlarmRow.get().active


def test_acknowledging_is_not_assigning_and_clearing_is_not_resolving(
    plant: Plant, line: Line, now: datetime
) -> None:
    line.send(raised("first", now), now)
    (alarm,) = alarms.listed(plant.boss, active=True)
    assert (alarm.state, alarm.active, alarm.ticket is not None) == ("unack", True, True)
    assert alarm.asset is not None and alarm.edge is not None and alarm.edge.number == "edge-1"
    seen = alarms.ack(plant.boss, alarm.id, now=now)
    assert (seen.state, seen.acked_by) == ("acked", "陈主管")
    assert alarms.ack(plant.boss, alarm.id, now=now) == seen
    line.send(cleared("first", now), now)
    assert alarms.view(plant.boss, alarm.id).state == "normal"
    assert alarms.listed(plant.boss, active=True) == []
    assert TicketRow.get().state == "assigned"


def test_a_clear_before_anybody_saw_it_stays_in_the_list(plant: Plant, line: Line, now: datetime) -> None:
    line.send(raised("first", now), now)
    line.send(cleared("first", now), now)
    (alarm,) = alarms.listed(plant.boss, active=True)
    assert (alarm.state, alarm.active) == ("rtn_unack", False)
    assert alarms.ack(plant.boss, alarm.id, now=now).state == "normal"


def test_alarms_are_for_those_who_may(plant: Plant, line: Line, now: datetime) -> None:
    line.send(raised("first", now), now)
    reporter = Actor("person", 9, "x", frozenset({"reporter"}))
    with pytest.raises(Forbidden):
        alarms.listed(reporter)
    with pytest.raises(NotFound):
        alarms.view(plant.boss, 999)


def test_the_dashboard_counts(plant: Plant, line: Line, now: datetime) -> None:
    line.send(raised("a", now), now)
    line.send(raised("b", now - timedelta(hours=2), rule="trip", asset="A-9"), now)
    figures = dashboard.view(plant.boss, now=now)
    assert (figures.open_tickets, figures.unassigned, figures.in_progress, figures.overdue) == (2, 1, 0, 0)
    assert (figures.active_alarms, figures.unacked_alarms, figures.edges_offline) == (2, 2, 1)
    assert figures.by_state == {"assigned": 1, "new": 1}
    assert (sum(figures.raised_by_hour), figures.raised_by_hour[-1], figures.raised_by_hour[-3]) == (2, 1, 1)
    assert dashboard.view(plant.boss, now=now + timedelta(days=9)).overdue == 2
