"""Dispatch rules people set: to whom tickets go, with which skills and valid certificates, and why him."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from core.errors import AppError, Conflict, Forbidden
from core.services import dispatch, dispatch_rules, tickets
from core.storage.tables import LocationRow, PersonRow, TicketRow
from core.wire.dispatch import Certificate, SaveCertificates, SaveDispatchRule, SaveDispatchSettings
from core.wire.tickets import CreateTicket, MoveTicket
from tests.hub.conftest import NOW, Plant


@pytest.fixture(autouse=True)
def fresh() -> None:
    dispatch_rules.forget()


def rule(plant: Plant, **more: Any) -> None:
    dispatch_rules.save(plant.boss, None, SaveDispatchRule(**{"name": "规则"} | more), now=NOW)


def report(plant: Plant, **more: Any) -> TicketRow:
    new = CreateTicket(**{"type": "fault", "title": "漏油", "asset_id": plant.press.id} | more)
    found: TicketRow = TicketRow.get_by_id(tickets.create(plant.boss, new, now=NOW).id)
    return found


def certify(plant: Plant, person: PersonRow, expires_on: date | None) -> None:
    new = SaveCertificates(certificates=[Certificate(name="高压电工", expires_on=expires_on)])
    dispatch_rules.save_certificates(plant.boss, person.id, new, now=NOW)


def test_a_skill_that_is_asked_for_decides_before_load(plant: Plant) -> None:
    PersonRow.update(skills=["液压"]).where(PersonRow.id == plant.li.id).execute()
    rule(plant, categories=["press"], skills=["液压"])
    given = [report(plant) for _ in range(3)]
    assert {ticket.assignee_id for ticket in given} == {plant.li.id}
    why = given[0].dispatch_why
    assert (why["rule"], sorted(why["parts"])) == ("规则", ["distance", "fairness", "knows", "load"])


def test_a_certificate_counts_through_its_last_day(plant: Plant) -> None:
    rule(plant, certificates=["高压电工"])
    today = date(2026, 3, 10)
    certify(plant, plant.wang, today - timedelta(days=1))
    assert report(plant).assignee_id is None
    certify(plant, plant.wang, today)
    assert report(plant).assignee_id == plant.wang.id
    assert [one.valid for one in dispatch_rules.certificates(plant.boss, plant.wang.id, now=NOW)] == [True]
    found = dispatch.candidates(plant.boss, 1, now=NOW)
    missing = {one.person.id: one.why.get("missing") for one in found}
    assert missing[plant.li.id] == ["高压电工"] and missing[plant.wang.id] is None


def test_the_first_rule_that_fits_counts(plant: Plant) -> None:
    rule(plant, name="甲", position=2, mode="person", person_id=plant.wang.id)
    rule(plant, name="乙", position=1, priorities=[1], mode="person", person_id=plant.li.id)
    assert report(plant, priority=1).assignee_id == plant.li.id
    assert report(plant, priority=3).assignee_id == plant.wang.id


def test_a_pool_waits_for_somebody_to_grab(plant: Plant) -> None:
    rule(plant, mode="grab", team_id=plant.team.id)
    ticket = report(plant, asset_id=None)
    assert (ticket.state, ticket.team_id, ticket.dispatch_why) == ("new", plant.team.id, {"waiting": "pool"})


def test_nobody_grabs_more_than_his_share(plant: Plant) -> None:
    rule(plant, mode="grab", team_id=plant.team.id)
    new = SaveDispatchSettings(load=60, distance=10, knows=15, fairness=15, grab_most=2)
    dispatch_rules.tell(plant.boss, new, now=NOW)
    wang = plant.actor(plant.wang)
    for n in range(3):
        ticket = report(plant)
        if n < 2:
            tickets.move(wang, ticket.id, MoveTicket(move="grab"), now=NOW)
            continue
        with pytest.raises(Conflict) as refused:
            tickets.move(wang, ticket.id, MoveTicket(move="grab"), now=NOW)
        assert refused.value.code == "ticket.grab_cap"


def test_who_finished_tickets_on_the_machine_is_preferred(plant: Plant) -> None:
    for _ in range(3):
        done = report(plant)
        TicketRow.update(state="closed", assignee=plant.li.id).where(TicketRow.id == done.id).execute()
    dispatch_rules.tell(
        plant.boss, SaveDispatchSettings(load=50, distance=0, knows=50, fairness=0, grab_most=5), now=NOW
    )
    chosen = report(plant)
    assert chosen.assignee_id == plant.li.id and chosen.dispatch_why["knows"] == 3


def test_a_place_below_that_of_the_rule_counts(plant: Plant) -> None:
    site = LocationRow.create(kind="site", name="厂区")
    LocationRow.update(parent=site).where(LocationRow.id == plant.press.location_id).execute()
    rule(plant, location_id=site.id, mode="person", person_id=plant.wang.id)
    PersonRow.update(active=True).execute()
    assert report(plant).dispatch_why["rule"] == "规则"
    assert "rule" not in (report(plant, asset_id=None).dispatch_why or {})


def test_what_makes_no_sense_and_who_may_not(plant: Plant) -> None:
    with pytest.raises(AppError) as refused:
        rule(plant, mode="person")
    assert refused.value.fields == {"person_id": "missing"}
    with pytest.raises(AppError):
        twice = SaveCertificates(certificates=[Certificate(name="a"), Certificate(name="a")])
        dispatch_rules.save_certificates(plant.boss, plant.li.id, twice, now=NOW)
    with pytest.raises(Forbidden):
        dispatch_rules.save(plant.actor(plant.wang), None, SaveDispatchRule(name="x"), now=NOW)
