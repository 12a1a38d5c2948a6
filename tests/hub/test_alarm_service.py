"""Alarms that may not raise, reminders, and what an alarm covers: as edges tell it, and as people see it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from core.services import alarms, ingest, timeline
from core.storage.tables import AlarmRow, DeviceRow, JournalRow, NoticeRow, PointRow, RuleRow, TicketRow
from core.wire.uplink import AlarmCleared, AlarmReminded, Event, ServiceChanged
from tests.hub.conftest import Plant
from tests.hub.uplink import batch, cleared, raised


class Line:
    """An edge's events, numbered."""

    def __init__(self) -> None:
        self.seq = 0

    def send(self, now: datetime, *events: Event) -> None:
        numbered = [(self.seq + n, event) for n, event in enumerate(events, start=1)]
        self.seq += len(events)
        assert ingest.accept("edge-1", batch(*numbered, at=now), now=now).through == self.seq


@pytest.fixture
def line() -> Line:
    return Line()


def service(now: datetime, what: str, why: str = "operator", **more: Any) -> ServiceChanged:
    values = {"rule": "temp-high", "rule_name": "轴承温度高", "asset": "A-00001", "changed_at": now, **more}
    return ServiceChanged.model_validate({**values, "service": what, "why": why})


def verbs() -> list[str]:
    return [row.verb for row in JournalRow.select().order_by(JournalRow.id) if row.verb.startswith("alarm.")]


def test_a_rule_that_never_raised_is_shelved_and_comes_back(plant: Plant, line: Line, now: datetime) -> None:
    until = now + timedelta(hours=1)
    line.send(now, service(now, "shelved", by="李娜", reason="换传感器", until=until))
    (alarm,) = alarms.listed(plant.boss, active=True)
    assert (alarm.title, alarm.state, alarm.active, alarm.raised_at) == ("轴承温度高", "normal", False, None)
    assert (alarm.service, alarm.service_why, alarm.service_by) == ("shelved", "operator", "李娜")
    assert (alarm.service_reason, alarm.service_until, alarm.asset_number) == ("换传感器", until, "A-00001")
    line.send(until, service(until, "in_service", "expired"))
    assert alarms.listed(plant.boss, active=True) == []
    (alarm,) = alarms.listed(plant.boss, active=False)
    assert (alarm.service, alarm.service_by, alarm.service_until) == ("in_service", "", None)
    assert verbs() == ["alarm.shelved", "alarm.unshelved"]
    last: Any = JournalRow.select().order_by(JournalRow.id.desc()).get()
    assert last.data["why"] == "expired" and last.ticket_id is None


def test_the_ticket_of_a_shelved_alarm_stays_with_a_note(plant: Plant, line: Line, now: datetime) -> None:
    end = AlarmCleared(
        occurrence="occurrence-a", rule="temp-high", asset="A-00001", cleared_at=now, reason="shelved"
    )
    line.send(now, raised("a", now), service(now, "shelved", "chatter", raises=4), end)
    ticket: Any = TicketRow.get()
    assert ticket.state == "assigned"
    entries = timeline.timeline(plant.boss, ticket.id)
    (note,) = [entry for entry in entries if entry.verb == "alarm.shelved"]
    assert (note.data["why"], note.data["raises"]) == ("chatter", 4)
    assert entries[-1].verb == "ticket.alarm_cleared" and entries[-1].data["reason"] == "shelved"
    (alarm,) = alarms.listed(plant.boss, active=True)  # for it is shelved, and all must see that
    assert (alarm.state, alarm.active, alarm.service_why) == ("normal", False, "chatter")


def test_what_is_suppressed_by_its_gateway_or_by_the_hour_needs_nobody(
    plant: Plant, line: Line, now: datetime
) -> None:
    line.send(now, service(now, "suppressed", "parent"), service(now, "suppressed", "schedule", rule="b"))
    line.send(now, service(now, "suppressed", "design", rule="c"), service(now, "out_of_service", rule="d"))
    assert [alarm.service for alarm in alarms.listed(plant.boss, active=True)] == [
        "out_of_service",
        "suppressed",
    ]
    assert len(alarms.listed(plant.boss)) == 4
    assert verbs() == ["alarm.suppressed"] * 3 + ["alarm.out_of_service"]
    line.send(now, service(now, "in_service", rule="d"), service(now, "in_service", rule="d"))
    assert verbs()[4:] == ["alarm.in_service"]  # told twice, kept once


def test_a_clear_nobody_waited_for_is_not_to_be_acknowledged(plant: Plant, line: Line, now: datetime) -> None:
    ends = [("a", "normal", "rtn_unack"), ("b", "reset", "normal"), ("c", "out_of_service", "normal")]
    for rule, reason, state in ends:
        end = AlarmCleared(occurrence=f"occurrence-{rule}", rule=rule, cleared_at=now, reason=reason)  # type: ignore[arg-type]
        line.send(now, raised(rule, now, rule=rule, asset=""), end)
        assert AlarmRow.get(AlarmRow.rule_key == rule).state == state


def test_a_reminder_reaches_whoever_has_the_ticket(plant: Plant, line: Line, now: datetime) -> None:
    for person in (plant.wang, plant.li):
        person.notify_urls = [f"json://{person.login}"]
        person.save()
    later = now + timedelta(minutes=30)
    remind = AlarmReminded(
        occurrence="occurrence-a", rule="temp-high", asset="A-00001", value=99.5, reminded_at=later
    )
    line.send(now, raised("a", now))
    ticket: Any = TicketRow.get()
    line.send(later, remind)
    entry = timeline.timeline(plant.boss, ticket.id)[-1]
    assert (entry.verb, entry.data["value"]) == ("alarm.reminded", 99.5)
    (notice,) = [row for row in NoticeRow.select() if row.journal.verb == "alarm.reminded"]
    assert notice.person_id == ticket.assignee_id and ticket.number in notice.title
    alarm: Any = AlarmRow.get()
    assert (alarm.reminded_at, alarm.value) == (later, 99.5)
    line.send(later, cleared("a", later), remind)  # late: it is over, nobody is told again
    assert verbs().count("alarm.reminded") == 1


def test_a_gateway_speaks_for_its_thousand_devices(plant: Plant, line: Line, now: datetime) -> None:
    gateway = DeviceRow.create(edge=plant.edge, name="网关 3", kind="modbus_tcp")
    behind = [DeviceRow.create(edge=plant.edge, name=f"电表 {n}", kind="modbus_tcp") for n in range(30)]
    children = [str(device.id) for device in behind] + ["not-of-the-hub"]
    event = raised(
        "a", now, rule="comm|3", rule_name="网关 3", asset="", value=None, limit=None, unit="", flood=True,
        device=str(gateway.id), children=children, children_count=1000,
    )  # fmt: skip
    line.send(now, event)
    (alarm,) = alarms.listed(plant.boss, active=True)
    assert alarm.children == [device.name for device in behind] + ["not-of-the-hub"]
    assert alarm.children_count == 1000
    ticket: Any = TicketRow.get()
    (scope,) = [e for e in timeline.timeline(plant.boss, ticket.id) if e.verb == "ticket.alarm_scope"]
    assert scope.data["device"] == "网关 3" and scope.data["flood"] is True
    assert scope.data["children"] == [device.name for device in behind[:20]]
    assert scope.data["children_count"] == 1000
    assert ticket.description.splitlines()[-1].startswith("⤷ 1000: 电表 0, 电表 1")
    line.send(now, cleared("a", now, rule="comm|3", asset=""))
    line.send(now, raised("b", now, rule="comm|3", rule_name="网关 3", asset=""))
    assert AlarmRow.get().children_count == 0  # those of the raise before are not those of this one


def test_an_edge_cannot_name_the_devices_of_another(plant: Plant, line: Line, now: datetime) -> None:
    from core.storage.tables import EdgeRow

    other = DeviceRow.create(
        edge=EdgeRow.create(edge_id="edge-2", name="二车间"), name="秘密", kind="modbus_tcp"
    )
    line.send(now, raised("a", now, children=[str(other.id)]))
    assert AlarmRow.get().children == [str(other.id)]


def test_the_hubs_own_rule_is_known_when_it_is_shelved(plant: Plant, line: Line, now: datetime) -> None:
    device = DeviceRow.create(edge=plant.edge, name="PLC", kind="modbus_tcp")
    point = PointRow.create(device=device, name="温度", asset=plant.press)
    rule: Any = RuleRow.create(point=point, name="轴承温度高")
    line.send(now, service(now, "shelved", rule=str(rule.id)))
    alarm: Any = AlarmRow.get()
    assert alarm.rule_id == rule.id and alarm.asset_id == plant.press.id
    line.send(
        now, service(now, "in_service", "ended", rule=str(rule.id)), raised("a", now, rule=str(rule.id))
    )
    assert AlarmRow.select().count() == 1 and AlarmRow.get().count == 1
