"""Plans: their tickets once each, kits reserved, last done read from the tickets."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from core.domain.people import Actor, Role
from core.errors import AppError, Conflict, Forbidden, NotFound
from core.services import assets, parts, people, plans, purchases, ticket_parts
from core.storage.tables import PlanRow, TicketRow
from core.wire.assets import SaveAsset
from core.wire.parts import MoveStock, SavePart
from core.wire.people import SaveTeam
from core.wire.plans import KitLine, SavePlan
from core.wire.tickets import Step
from tests.hub.actors import person


@pytest.fixture
def admin(database: str) -> Actor:
    return person("Root", Role.ADMIN)


@pytest.fixture
def press(admin: Actor, now: datetime) -> int:
    return assets.create(admin, SaveAsset(name="Press"), now=now).id


def monthly(*asset_ids: int, **values: object) -> SavePlan:
    given = {"name": "Lubricate", "every": 1, "period": "month", "start_on": date(2026, 3, 10)}
    return SavePlan.model_validate({**given, "asset_ids": list(asset_ids), **values})


def finish(ticket_id: int, at: datetime, state: str = "closed") -> None:
    TicketRow.update(state=state, resolved_at=at).where(TicketRow.id == ticket_id).execute()


def test_a_due_plan_makes_one_ticket_however_often_asked(admin: Actor, press: int, now: datetime) -> None:
    team = people.save_team(admin, SaveTeam(name="Mechanics"), now=now)
    steps = [
        Step(key="1", kind="tick", title="Clean", answer=True),
        Step(key="2", kind="number", title="Bar"),
    ]
    plan = plans.create(admin, monthly(press, procedure=steps, team_id=team.id, priority=4), now=now)
    assert plan.next_due_on == date(2026, 3, 10) and plan.last_done_on is None
    assert plan.procedure[0].answer is None, "an answer is no part of a plan"
    made = plans.create_due(now=now)
    assert len(made) == 1 and plans.create_due(now=now) == []
    row = TicketRow.get_by_id(made[0])
    assert (row.type, row.source, row.title, row.priority) == ("maintenance", "plan", "Lubricate", 4)
    assert (row.plan_id, row.plan_due_on, row.team_id) == (plan.id, date(2026, 3, 10), team.id)
    assert [step["key"] for step in row.procedure] == ["1", "2"]


def test_the_kit_is_reserved_and_what_is_short_is_asked_for(admin: Actor, press: int, now: datetime) -> None:
    grease = parts.create(admin, SavePart(name="Grease", unit="kg"), now=now)
    parts.move(admin, grease.id, MoveStock(kind="receive", qty=Decimal(1), unit_cost_minor=900), now=now)
    kit = [KitLine(part_id=grease.id, qty=Decimal("1.5"))]
    plan = plans.create(admin, monthly(press, kit=kit), now=now)
    assert [(line.name, line.unit, line.available) for line in plan.kit] == [("Grease", "kg", Decimal(1))]
    (ticket_id,) = plans.create_due(now=now)
    (line,) = ticket_parts.of_ticket(ticket_id)
    assert (line.wanted, line.short) == (Decimal("1.5"), Decimal("0.5"))
    (asked,) = purchases.requests(admin)
    assert asked.qty == Decimal("0.5") and asked.ticket is not None and asked.ticket.id == ticket_id
    with pytest.raises(NotFound) as caught:
        plans.create(admin, monthly(press, kit=[KitLine(part_id=99, qty=Decimal(1))]), now=now)
    assert caught.value.code == "part.not_found" and caught.value.fields == {"kit": "unknown"}


def test_last_done_is_read_from_the_tickets(admin: Actor, press: int, now: datetime) -> None:
    plan = plans.create(admin, monthly(press), now=now)
    (ticket_id,) = plans.create_due(now=now)
    assert plans.create_due(now=now + timedelta(days=40)) == [], "one is open still"
    done_at = now + timedelta(days=41, hours=15)  # one in the morning of the next day in Shanghai
    finish(ticket_id, done_at)
    shown = plans.view(admin, plan.id, now=done_at)
    assert shown.last_done_on == date(2026, 4, 21) and shown.next_due_on == date(2026, 4, 10)
    (second,) = plans.create_due(now=done_at)
    assert TicketRow.get_by_id(second).plan_due_on == date(2026, 4, 10)
    finish(second, done_at, "cancelled")
    assert plans.create_due(now=done_at) == [], "a cancelled occurrence is not made again"
    assert plans.view(admin, plan.id, now=done_at).last_done_on == date(2026, 4, 21)


def test_floating_plan_counts_from_completion(admin: Actor, press: int, now: datetime) -> None:
    plan = plans.create(admin, monthly(press, mode="floating", every=2, period="week"), now=now)
    (ticket_id,) = plans.create_due(now=now)
    assert plans.view(admin, plan.id, now=now).next_due_on is None
    finish(ticket_id, now + timedelta(days=3), "resolved")
    assert plans.view(admin, plan.id, now=now).next_due_on == date(2026, 3, 27)


def test_each_asset_has_its_own_rhythm(admin: Actor, press: int, now: datetime) -> None:
    mill = assets.create(admin, SaveAsset(name="Mill"), now=now).id
    gone = assets.create(admin, SaveAsset(name="Old", retired=True), now=now).id
    plan = plans.create(admin, monthly(press, mill, gone), now=now)
    made = plans.create_due(now=now)
    assert {TicketRow.get_by_id(i).asset_id for i in made} == {press, mill}
    assert [asset.name for asset in plan.assets] == ["Press", "Mill", "Old"]
    fewer = plans.save(admin, plan.id, monthly(press, version=1), now=now)
    assert [asset.name for asset in fewer.assets] == ["Press"]


def test_the_due_list_shows_open_and_coming(admin: Actor, press: int, now: datetime) -> None:
    plans.create(admin, monthly(press, grace_days=2), now=now)
    coming = plans.due(admin, days=70, now=now)
    assert [line.due_on for line in coming] == [date(2026, 3, 10), date(2026, 4, 10), date(2026, 5, 10)]
    (ticket_id,) = plans.create_due(now=now)
    lines = plans.due(admin, days=31, now=now + timedelta(days=3))
    assert [(line.due_on, line.ticket and line.ticket.id, line.overdue) for line in lines] == [
        (date(2026, 3, 10), ticket_id, True),
        (date(2026, 4, 10), None, False),
    ]
    assert plans.count_due(now=now) == 1


def test_inactive_plans_rest(admin: Actor, press: int, now: datetime) -> None:
    plan = plans.create(admin, monthly(press, active=False), now=now)
    assert (
        plan.next_due_on is None
        and plans.create_due(now=now) == []
        and plans.due(admin, days=9, now=now) == []
    )


def test_one_plan_that_cannot_does_not_stop_the_others(
    admin: Actor, press: int, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    broken = plans.create(admin, monthly(press, name="Broken"), now=now)
    PlanRow.update(kit=[{"part_id": 99, "qty": "1"}]).where(PlanRow.id == broken.id).execute()
    mill = assets.create(admin, SaveAsset(name="Mill"), now=now).id
    plans.create(admin, monthly(mill), now=now)
    (made,) = plans.create_due(now=now)
    assert TicketRow.get_by_id(made).asset_id == mill and TicketRow.select().count() == 1


def test_bad_plans_are_refused(admin: Actor, press: int, now: datetime) -> None:
    twice = [Step(key="1", kind="tick", title="a"), Step(key="1", kind="tick", title="b")]
    for wrong, code in (
        (monthly(press, procedure=twice), "plan.step_twice"),
        (monthly(press, team_id=99), "team.not_found"),
        (monthly(99), "asset.not_found"),
    ):
        with pytest.raises(AppError) as caught:
            plans.create(admin, wrong, now=now)
        assert caught.value.code == code
    assert PlanRow.select().count() == 0
    plan = plans.create(admin, monthly(press), now=now)
    plans.save(admin, plan.id, monthly(press, name="New", version=1), now=now)
    with pytest.raises(Conflict):
        plans.save(admin, plan.id, monthly(press, version=1), now=now)
    with pytest.raises(Forbidden):
        plans.create(person("T", Role.TECHNICIAN), monthly(press), now=now)
