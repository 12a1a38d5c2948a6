"""Tickets: made once, worked on by whom they belong to, frozen at completion, listed fast."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.domain.people import PUBLIC, SYSTEM, Actor
from core.errors import AppError, Conflict, Forbidden, NotFound, TooMany, Unauthenticated
from core.services import parts, sla, tickets
from core.storage.tables import (
    AlarmRow,
    FailureCodeRow,
    JournalRow,
    OccurrenceRow,
    PersonRow,
    ReservationRow,
    TicketRow,
)
from core.wire.parts import MoveStock, SavePart
from core.wire.tickets import (
    AddLabour,
    AddNote,
    AnswerStep,
    AssignTicket,
    CreateTicket,
    EditTicket,
    MoveTicket,
    RateTicket,
    Step,
    TicketFilter,
    TicketView,
    UseParts,
)
from tests.hub.conftest import Plant, leave

STEPS = [
    Step(key="lock", kind="tick", title="挂牌上锁"),
    Step(key="temp", kind="number", title="轴承温度", unit="℃", low=20, high=60),
]


def make(plant: Plant, now: datetime, actor: Actor | None = None, **more: Any) -> TicketView:
    links = {key: more.pop(key) for key in list(more) if key in tickets.Links.__annotations__}
    values = {"title": "漏油", "source": "console", "asset_id": plant.press.id, **more}
    return tickets.create(actor or plant.boss, CreateTicket(**values), now=now, **links)


def move(actor: Actor, ticket: TicketView, name: str, now: datetime, **more: Any) -> TicketView:
    return tickets.move(actor, ticket.id, MoveTicket(move=name, **more), now=now)


def verbs(ticket_id: int) -> list[str]:
    query = JournalRow.select().where(JournalRow.ticket_id == ticket_id).order_by(JournalRow.id)
    return [row.verb.removeprefix("ticket.") for row in query]


def code_of(caught: pytest.ExceptionInfo[AppError]) -> str:
    return caught.value.code


# ---------------------------------------------------------------- making


def test_a_ticket_is_numbered_ranked_due_and_given_out(plant: Plant, now: datetime) -> None:
    ticket = make(plant, now)
    assert (ticket.number, ticket.state, ticket.priority) == ("T-2026-000001", "assigned", 2)
    assert ticket.respond_due_at == now + timedelta(hours=1)
    assert ticket.resolve_due_at == now + timedelta(hours=24)
    assert ticket.team is not None and ticket.team.name == "钳工班"
    assert ticket.assignee is not None and ticket.assignee.id == plant.wang.id
    assert ticket.location_path == "一号线"
    assert (ticket.reporter_name, ticket.verified) == ("陈主管", True)
    assert make(plant, now).assignee.id == plant.li.id  # type: ignore[union-attr]  # asserted by the comparison
    assert verbs(ticket.id) == ["created", "assigned"]


def test_the_same_request_gives_the_same_ticket(plant: Plant, now: datetime) -> None:
    first = make(plant, now, request_id="a-double-tap")
    assert tickets.seen("a-double-tap")
    assert make(plant, now, request_id="a-double-tap", title="else").id == first.id
    assert TicketRow.select().count() == 1


def test_two_taps_at_the_same_moment_make_one_ticket(plant: Plant, now: datetime) -> None:
    made: list[int] = []

    def tap() -> None:
        made.append(make(plant, now, request_id="at-the-same-moment").id)
        leave()

    threads = [threading.Thread(target=tap) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6 and len(set(made)) == 1
    assert TicketRow.select().count() == 1


def test_an_anonymous_report_is_unverified_and_never_the_highest(plant: Plant, now: datetime) -> None:
    ticket_id = make(plant, now, actor=PUBLIC, source="qr", priority=1, reporter_name="小张").id
    row = TicketRow.get_by_id(ticket_id)
    assert (row.priority, row.verified, row.reporter_name) == (2, False, "小张")
    with pytest.raises(Unauthenticated):
        make(plant, now, actor=PUBLIC, source="api")


def test_numbers_follow_the_plants_year(plant: Plant, now: datetime) -> None:
    last_evening = datetime.fromisoformat("2026-12-31T15:59:59+00:00")
    assert make(plant, last_evening).number == "T-2026-000001"
    assert make(plant, last_evening + timedelta(seconds=1)).number == "T-2027-000001"


# ---------------------------------------------------------------- walking the lifecycle


def test_a_repair_from_report_to_closure(plant: Plant, now: datetime) -> None:
    wang = plant.actor(plant.wang)
    ticket = make(plant, now)
    ticket = move(wang, ticket, "accept", now + timedelta(minutes=2))
    assert "accept" not in [m.move for m in ticket.moves]
    ticket = move(wang, ticket, "start", now + timedelta(minutes=5))
    assert ticket.acknowledged_at == now + timedelta(minutes=2)
    tickets.add_labour(wang, ticket.id, AddLabour(minutes=30, note="拆检"), now=now)
    done_at = now + timedelta(minutes=65)
    ticket = move(wang, ticket, "resolve", done_at, resolution="更换油封", labour_min=20)
    assert ticket.state == "follow_up"  # there is a reporter to ask
    assert ticket.cost is not None and ticket.cost.frozen
    assert ticket.cost.total_minor == 5000  # 50 minutes at 60.00 an hour
    assert (ticket.cost.downtime_min, ticket.cost.downtime_loss_minor) == (65, 65_000)
    PersonRow.update(hourly_cost_minor=99_999).execute()
    assert tickets.view(plant.boss, ticket.id).cost == ticket.cost
    ticket = move(plant.boss, ticket, "close", done_at)
    assert (ticket.state, ticket.closed_at) == ("closed", done_at)
    assert verbs(ticket.id) == [
        "created", "assigned", "accepted", "started", "labour_added", "labour_added", "resolved", "follow_up",
        "cost_frozen", "closed",
    ]  # fmt: skip


def test_the_hold_stops_the_clock_by_its_reason(plant: Plant, now: datetime) -> None:
    wang = plant.actor(plant.wang)
    ticket = move(wang, make(plant, now), "start", now)
    due = ticket.resolve_due_at
    assert due is not None
    move(wang, ticket, "hold", now, hold_reason="waiting_parts")
    later = now + timedelta(hours=3)
    ticket = move(wang, ticket, "resume", later)
    assert (ticket.paused_s, ticket.resolve_due_at) == (3 * 3600, due + timedelta(hours=3))
    move(wang, ticket, "hold", later, hold_reason="waiting_vendor")
    ticket = move(wang, ticket, "resume", later + timedelta(hours=1))
    assert (ticket.paused_s, ticket.hold_reason) == (3 * 3600, "")
    told = [
        row.data
        for row in JournalRow.select().where(JournalRow.verb == "ticket.resumed").order_by(JournalRow.id)
    ]
    assert [(one["hold_reason"], one["held_s"]) for one in told] == [
        ("waiting_parts", 10800),
        ("waiting_vendor", 3600),
    ]


def test_what_blocks_completion_is_told_and_can_be_overridden(plant: Plant, now: datetime) -> None:
    FailureCodeRow.create(category="press", kind="mode", code="BRG", name="轴承磨损")
    wang = plant.actor(plant.wang)
    ticket = move(wang, make(plant, now, procedure=STEPS), "start", now)
    AlarmRow.create(
        key="k", rule_key="r", title="t", severity="major", state="unack", active=True, ticket=ticket.id
    )
    ticket = tickets.view(wang, ticket.id)
    (resolve,) = [m for m in ticket.moves if m.move == "resolve"]
    assert resolve.needs == ["resolution", "failure_mode"]
    assert resolve.blocked == ["steps_open", "alarm_active"]
    filled: dict[str, Any] = {"resolution": "ok", "failure_mode": "BRG"}
    with pytest.raises(Conflict) as steps:
        move(wang, ticket, "resolve", now, **filled)
    assert (code_of(steps), steps.value.params["count"]) == ("ticket.steps_open", "2")
    tickets.answer_step(wang, ticket.id, "lock", AnswerStep(answer=True), now=now)
    tickets.answer_step(wang, ticket.id, "temp", AnswerStep(answer=75.0), now=now)
    assert JournalRow.select().order_by(JournalRow.id.desc()).first().data["outside"] is True
    with pytest.raises(Conflict) as alarm:
        move(wang, ticket, "resolve", now, **filled)
    assert code_of(alarm) == "ticket.alarm_active"
    with pytest.raises(Forbidden):
        move(wang, ticket, "resolve", now, override=True, reason="传感器坏", **filled)
    with pytest.raises(AppError) as unknown:
        move(
            plant.boss,
            ticket,
            "resolve",
            now,
            override=True,
            reason="x",
            resolution="ok",
            failure_mode="NONE",
        )
    assert code_of(unknown) == "failure_code.unknown"
    done = move(plant.boss, ticket, "resolve", now, override=True, reason="传感器坏", **filled)
    assert done.failure_mode == "BRG"


def test_decline_returns_it_to_the_pool_where_the_team_may_grab_it(plant: Plant, now: datetime) -> None:
    wang, li = plant.actor(plant.wang), plant.actor(plant.li)
    ticket = make(plant, now)
    with pytest.raises(AppError) as caught:
        move(wang, ticket, "decline", now)
    assert code_of(caught) == "ticket.reason_needed"
    with pytest.raises(Forbidden):
        move(li, ticket, "decline", now, reason="not mine")
    ticket = move(wang, ticket, "decline", now, reason="没有证书")
    assert (ticket.state, ticket.assignee, ticket.dispatch_why) == ("new", None, {"waiting": "pool"})
    stranger = replace(li, team_ids=frozenset())
    with pytest.raises(Forbidden):
        move(stranger, ticket, "grab", now)
    ticket = move(li, ticket, "grab", now)
    assert ticket.assignee is not None and ticket.assignee.id == plant.li.id


def test_a_rejected_repair_is_reopened_and_its_cost_free_again(plant: Plant, now: datetime) -> None:
    wang = plant.actor(plant.wang)
    ticket = move(wang, move(wang, make(plant, now), "start", now), "resolve", now, resolution="ok")
    ticket = move(plant.boss, ticket, "reject", now + timedelta(hours=1), reason="还在漏")
    assert (ticket.state, ticket.reopen_count, ticket.resolved_at) == ("in_progress", 1, None)
    assert ticket.cost is not None and not ticket.cost.frozen
    assert ticket.resolve_due_at == now + timedelta(hours=25)
    ticket = move(plant.boss, move(wang, ticket, "resolve", now, resolution="ok"), "close", now)
    with pytest.raises(Conflict) as caught:
        move(plant.boss, ticket, "reopen", now + timedelta(days=8), reason="again")
    assert code_of(caught) == "ticket.reopen_too_late"
    assert move(plant.boss, ticket, "reopen", now + timedelta(days=6), reason="again").state == "in_progress"


def test_the_version_guards_against_overwriting(plant: Plant, now: datetime) -> None:
    ticket = make(plant, now)
    edited = tickets.edit(
        plant.boss, ticket.id, EditTicket(version=ticket.version, title="大量漏油"), now=now
    )
    assert edited.title == "大量漏油"
    with pytest.raises(Conflict) as caught:
        tickets.edit(plant.boss, ticket.id, EditTicket(version=ticket.version, title="x"), now=now)
    assert code_of(caught) == "ticket.changed"
    with pytest.raises(Conflict):
        move(plant.actor(plant.wang), ticket, "start", now, version=ticket.version)


def test_an_edit_is_journalled_and_moves_what_is_due(plant: Plant, now: datetime) -> None:
    ticket = make(plant, now)
    change = EditTicket(version=ticket.version, priority=1, priority_reason="停产")
    edited = tickets.edit(plant.boss, ticket.id, change, now=now + timedelta(minutes=5))
    assert edited.resolve_due_at == now + timedelta(hours=4)
    data = JournalRow.select().order_by(JournalRow.id.desc()).first().data
    assert data["changed"] == {"priority": [2, 1], "priority_reason": ["", "停产"]}
    same = tickets.edit(plant.boss, ticket.id, EditTicket(version=edited.version, priority=1), now=now)
    assert same.version == edited.version


# ---------------------------------------------------------------- who may


def test_others_tickets_are_as_if_they_were_not_there(plant: Plant, now: datetime) -> None:
    ticket = make(plant, now)
    reporter = Actor("person", 99, "x", frozenset({"reporter"}))
    for call in (
        lambda: tickets.view(reporter, ticket.id),
        lambda: tickets.timeline(reporter, ticket.id),
        lambda: tickets.add_note(reporter, ticket.id, AddNote(text="x"), now=now),
        lambda: move(reporter, ticket, "cancel", now, reason="x"),
    ):
        with pytest.raises(NotFound):
            call()
    assert tickets.ids(reporter, TicketFilter(), now=now) == []
    assert tickets.rows(reporter, [ticket.id]) == []
    with pytest.raises(Unauthenticated):
        tickets.view(PUBLIC, ticket.id)
    with pytest.raises(NotFound):
        tickets.view(plant.boss, 999)


def test_only_who_may_sees_the_cost(plant: Plant, now: datetime) -> None:
    ticket = make(plant, now)
    assert tickets.view(plant.actor(plant.wang), ticket.id).cost is not None
    assert tickets.view(plant.actor(plant.li), ticket.id).cost is None


# ---------------------------------------------------------------- work


def test_parts_are_reserved_issued_and_the_rest_released_at_completion(plant: Plant, now: datetime) -> None:
    part = parts.create(plant.boss, SavePart(name="轴承 6204", unit="个"), now=now)
    parts.move(plant.boss, part.id, MoveStock(kind="receive", qty=Decimal(5), unit_cost_minor=4500), now=now)
    wang = plant.actor(plant.wang)
    ticket = move(wang, make(plant, now, kit=[{"part_id": part.id, "qty": "2"}]), "start", now)
    assert [(p.wanted, p.issued, p.short) for p in ticket.parts] == [(Decimal(2), Decimal(0), Decimal(0))]
    ticket = tickets.use_parts(
        wang, ticket.id, UseParts(do="issue", part_id=part.id, qty=Decimal(1)), now=now
    )
    assert ticket.cost is not None and ticket.cost.total_minor == 4500
    ticket = move(wang, ticket, "resolve", now, resolution="换轴承")
    assert not ReservationRow.get().open
    assert parts.view(plant.boss, part.id).available == 4
    with pytest.raises(Conflict) as caught:
        tickets.use_parts(wang, ticket.id, UseParts(do="issue", part_id=part.id, qty=Decimal(1)), now=now)
    assert code_of(caught) == "ticket.cost_frozen"


def test_urging_is_counted_and_limited(plant: Plant, now: datetime) -> None:
    ticket = make(plant, now)
    assert tickets.urge(plant.boss, ticket.id, now=now).urge_count == 1
    with pytest.raises(TooMany) as caught:
        tickets.urge(plant.boss, ticket.id, now=now + timedelta(minutes=9))
    assert caught.value.params["retry_after_s"] == "61"
    assert tickets.urge(plant.boss, ticket.id, now=now + timedelta(minutes=10)).urge_count == 2


def test_the_reporters_rating_closes_it_once(plant: Plant, now: datetime) -> None:
    wang = plant.actor(plant.wang)
    ticket = make(plant, now)
    rating = RateTicket(rating=5, comment="很快")
    with pytest.raises(Conflict) as early:
        tickets.rate(PUBLIC, ticket.id, rating, now=now)
    assert code_of(early) == "ticket.not_done_yet"
    move(wang, move(wang, ticket, "start", now), "resolve", now, resolution="ok")
    tickets.rate(PUBLIC, ticket.id, rating, now=now)
    row = TicketRow.get_by_id(ticket.id)
    assert (row.state, row.rating) == ("closed", 5)
    with pytest.raises(Conflict) as twice:
        tickets.rate(PUBLIC, ticket.id, rating, now=now)
    assert code_of(twice) == "ticket.rated_already"


def test_time_of_a_colleague_is_noted_by_a_dispatcher_only(plant: Plant, now: datetime) -> None:
    ticket = make(plant, now)
    with pytest.raises(Forbidden):
        tickets.add_labour(
            plant.actor(plant.wang), ticket.id, AddLabour(person_id=plant.li.id, minutes=5), now=now
        )
    noted = tickets.add_labour(plant.boss, ticket.id, AddLabour(person_id=plant.li.id, minutes=60), now=now)
    assert noted.cost is not None and noted.cost.total_minor == 7200


def test_charts_come_as_views_and_as_csv(plant: Plant, now: datetime) -> None:
    ticket = make(plant, now)
    alarm = AlarmRow.create(key="k", rule_key="r", title="温度高", severity="major", state="unack")
    chart = {
        "point": "p", "point_name": "温度", "unit": "℃", "limit": 85.0, "offsets_ms": [-1000, 0, 1000],
        "values": [80.0, None, 90.5], "complete": True,
    }  # fmt: skip
    OccurrenceRow.create(
        occurrence="o-1", alarm=alarm, ticket=ticket.id, raised_at=now, received_at=now, chart=chart
    )
    (view,) = tickets.charts(plant.boss, ticket.id)
    assert (view.point_name, view.limit, view.values) == ("温度", 85.0, [80.0, None, 90.5])
    assert tickets.view(plant.boss, ticket.id).charts == 1
    lines = tickets.chart_csv(plant.boss, ticket.id, "o-1").splitlines()
    assert lines[0] == "time,seconds_from_raise,value (℃),limit"
    assert lines[2] == "2026-03-10T02:00:00.000+00:00,0.000,,85.0"
    with pytest.raises(NotFound):
        tickets.chart_csv(plant.boss, ticket.id, "o-2")


def test_waiting_for_a_confirmation_ends_by_itself(plant: Plant, now: datetime) -> None:
    wang = plant.actor(plant.wang)
    asked = move(wang, move(wang, make(plant, now), "start", now), "resolve", now, resolution="ok")
    nobody = make(plant, now, actor=SYSTEM, source="plan", type="maintenance")
    done = move(plant.boss, move(plant.boss, nobody, "start", now), "resolve", now, resolution="ok")
    assert (asked.state, done.state) == ("follow_up", "resolved")
    assert sla.close_done(now + timedelta(days=3)) == []
    assert sla.close_done(now + timedelta(days=3, seconds=1)) == [done.id]
    assert sla.close_done(now + timedelta(days=7, seconds=1)) == [asked.id]


# ---------------------------------------------------------------- lists


@pytest.fixture
def many(plant: Plant, now: datetime) -> Plant:
    for n in range(12):
        make(
            plant,
            now + timedelta(minutes=n),
            title=f"票 {n:02}",
            priority=1 + n % 4,
            type="fault" if n % 2 else "request",
        )
    return plant


@pytest.mark.parametrize(
    "sort", ["number", "priority", "reported_at", "resolve_due_at", "state", "title", "asset", "assignee"]
)
@pytest.mark.parametrize("sign", ["", "-"])
def test_pages_hold_every_ticket_once_in_the_order_of_the_ids(
    many: Plant, now: datetime, sort: str, sign: str
) -> None:
    wanted = TicketFilter.model_validate({"sort": sign + sort})
    whole = tickets.ids(many.boss, wanted, now=now)
    assert len(whole) == 12
    found: list[int] = []
    after: str | None = None
    for _ in range(4):
        page = tickets.page(many.boss, wanted, limit=5, after=after, now=now)
        found += [row.id for row in page.items]
        after = page.next
        if after is None:
            break
    assert found == whole


@pytest.mark.parametrize(
    ("wanted", "n"),
    [
        ({"type": ["fault"]}, 6),
        ({"state": ["new", "closed"]}, 0),
        ({"open": True}, 12),
        ({"open": False}, 0),
        ({"q": "票 03"}, 1),
        ({"q": "冲压"}, 12),
        ({"q": "A-00001"}, 12),
        ({"q": "000007"}, 1),
        ({"q": "100%"}, 0),
        ({"overdue": True}, 0),
        ({"mine": True}, 12),
        ({"asset_id": 999}, 0),
    ],
)
def test_filters(many: Plant, now: datetime, wanted: dict[str, Any], n: int) -> None:
    assert len(tickets.ids(many.boss, TicketFilter.model_validate(wanted), now=now)) == n


def test_overdue_leaves_out_what_a_hold_has_stopped(many: Plant, now: datetime) -> None:
    late = now + timedelta(days=30)
    wanted = TicketFilter(overdue=True)
    first = tickets.ids(many.boss, wanted, now=late)
    assert len(first) == 12
    held = tickets.view(many.boss, first[0])
    move(many.boss, held, "hold", now, hold_reason="waiting_stop")
    assert tickets.ids(many.boss, wanted, now=late) == first[1:]


def test_rows_keep_the_order_asked_for_and_leave_out_missing_ones(many: Plant) -> None:
    assert [row.id for row in tickets.rows(many.boss, [7, 3, 999, 5])] == [7, 3, 5]


def test_a_bad_page_mark_is_told(many: Plant, now: datetime) -> None:
    with pytest.raises(AppError) as caught:
        tickets.page(many.boss, TicketFilter(), after="%%", now=now)
    assert code_of(caught) == "request.bad_page"


def test_hands_are_given_by_person_team_and_rule(plant: Plant, now: datetime) -> None:
    ticket = make(plant, now)
    given = tickets.assign(plant.boss, ticket.id, AssignTicket(person_id=plant.li.id, reason="熟悉"), now=now)
    assert given.assignee is not None and given.assignee.id == plant.li.id
    pooled = tickets.assign(plant.boss, ticket.id, AssignTicket(team_id=plant.team.id), now=now)
    assert (pooled.state, pooled.assignee) == ("new", None)
    by_rule = tickets.assign(plant.boss, ticket.id, AssignTicket(), now=now)
    assert by_rule.state == "assigned"
    with pytest.raises(Forbidden):
        tickets.assign(plant.actor(plant.wang), ticket.id, AssignTicket(), now=now)
    PersonRow.update(active=False).where(PersonRow.id == plant.li.id).execute()
    with pytest.raises(AppError) as caught:
        tickets.assign(plant.boss, ticket.id, AssignTicket(person_id=plant.li.id), now=now)
    assert code_of(caught) == "ticket.person_inactive"
