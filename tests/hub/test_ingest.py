"""Delivery: each event of an edge is taken in exactly once, whatever way it comes."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.domain.people import SYSTEM
from core.errors import NotFound
from core.services import alarm_events, ingest
from core.storage.tables import (
    AlarmRow,
    DeadLetterRow,
    EpochRow,
    JournalRow,
    OccurrenceRow,
    TicketRow,
    UplinkEventRow,
)
from core.wire.uplink import ThirdPartyAlarm, UplinkBatch
from tests.hub.conftest import Plant
from tests.hub.uplink import EPOCH, OTHER_EPOCH, batch, born, chart, cleared, raised, voided


def accept(sent: UplinkBatch, now: datetime) -> Any:
    return ingest.accept(sent.edge, sent, now=now, received_at=now)


def test_a_raise_becomes_an_assigned_ticket_on_its_asset(plant: Plant, now: datetime) -> None:
    ack = accept(batch((1, born()), (2, raised("a", now)), at=now), now)
    assert (ack.through, ack.missing, ack.rejected, ack.new_epoch) == (2, [], [], False)
    (ticket,) = TicketRow.select()
    assert (ticket.number, ticket.state, ticket.asset_id) == ("T-2026-000001", "assigned", plant.press.id)
    assert ticket.priority == 2  # major on a critical asset
    assert ticket.assignee_id == plant.wang.id
    assert ticket.dispatch_why["mode"] == "rule"
    assert ticket.description == "92.5 ℃ > 85 ℃"
    verbs = [row.verb for row in JournalRow.select().order_by(JournalRow.id)]
    assert verbs == ["alarm.raised", "ticket.created", "ticket.assigned"]


def test_the_same_batch_again_changes_nothing_and_is_acknowledged(plant: Plant, now: datetime) -> None:
    sent = batch((1, born()), (2, raised("a", now)), (3, cleared("a", now)), at=now)
    first = accept(sent, now)
    journal = JournalRow.select().count()
    assert accept(sent, now) == first
    assert JournalRow.select().count() == journal
    assert TicketRow.select().count() == 1


def test_one_open_ticket_takes_every_new_raise_of_its_alarm(plant: Plant, now: datetime) -> None:
    accept(batch((1, raised("a", now)), (2, cleared("a", now)), (3, raised("b", now)), at=now), now)
    (ticket,) = TicketRow.select()
    assert ticket.occurrences == 2
    assert OccurrenceRow.select().where(OccurrenceRow.ticket == ticket).count() == 2
    assert AlarmRow.get().count == 2


def test_another_asset_or_rule_is_another_ticket(plant: Plant, now: datetime) -> None:
    accept(
        batch(
            (1, raised("a", now)),
            (2, raised("b", now, rule="trip")),
            (3, raised("c", now, asset="A-9")),
            at=now,
        ),
        now,
    )
    assert TicketRow.select().count() == 3


def test_an_unknown_asset_makes_a_ticket_that_nobody_owns(plant: Plant, now: datetime) -> None:
    accept(batch((1, raised("a", now, asset="A-99999")), at=now), now)
    (ticket,) = TicketRow.select()
    assert (ticket.asset_id, ticket.state, ticket.team_id) == (None, "new", None)
    assert "A-99999" in ticket.description
    assert ticket.dispatch_why == {"waiting": "no_team"}


def test_messages_that_wait_are_taken_in_together_with_one_answer(plant: Plant, now: datetime) -> None:
    sent = [batch((n, raised(f"{n}", now, rule=f"rule-{n % 3}")), at=now) for n in (1, 2, 4, 3, 2)]
    bytes_sent = [(one.model_dump_json().encode(), now) for one in sent]
    fresh = batch((1, born()), at=now, epoch=OTHER_EPOCH).model_dump_json().encode()
    acks = ingest.accept_payloads("edge-1", [*bytes_sent, (b"garbage", now), (fresh, now)])
    assert [(ack.epoch, ack.through, ack.missing) for ack in acks] == [(EPOCH, 4, []), (OTHER_EPOCH, 1, [])]
    assert OccurrenceRow.select().count() == 4
    assert TicketRow.select().count() == 3
    assert DeadLetterRow.select().count() == 1


def test_events_out_of_order_wait_and_the_gap_is_asked_for(plant: Plant, now: datetime) -> None:
    accept(batch((1, born()), at=now), now)
    late = accept(batch((3, cleared("a", now)), at=now), now)
    assert (late.through, late.missing) == (1, [])  # it may be on its way
    later = now + timedelta(seconds=3)
    again = accept(batch((4, raised("b", now)), at=later), later)
    assert (again.through, again.missing) == (1, [(2, 2)])
    assert TicketRow.select().count() == 0
    ((edge_id, ack),) = ingest.asked_again(later)
    assert (edge_id, ack.missing) == ("edge-1", [(2, 2)])
    filled = accept(batch((2, raised("a", now)), at=later), later)
    assert (filled.through, filled.missing) == (4, [])
    (ticket,) = TicketRow.select()
    assert ticket.occurrences == 2
    assert ingest.asked_again(later + timedelta(minutes=1)) == []


def test_any_order_with_repeats_gives_the_same_tickets(plant: Plant, now: datetime) -> None:
    events: list[tuple[int, Any]] = [(1, born())]
    for n in range(20):
        events.append((len(events) + 1, raised(f"{n}", now, rule=f"rule-{n % 4}")))
        events.append((len(events) + 1, cleared(f"{n}", now, rule=f"rule-{n % 4}")))
    shuffled = events * 2
    random.Random(7).shuffle(shuffled)
    ack = None
    for start in range(0, len(shuffled), 9):
        ack = accept(batch(*shuffled[start : start + 9], at=now), now)
    assert ack is not None and ack.through == len(events)
    assert TicketRow.select().count() == 4
    assert OccurrenceRow.select().count() == 20
    assert sum(ticket.occurrences for ticket in TicketRow.select()) == 20
    assert UplinkEventRow.select().where(UplinkEventRow.applied_at.is_null()).count() == 0
    assert AlarmRow.select().where(AlarmRow.active).count() == 0


def test_more_than_one_group_is_taken_in_whole(plant: Plant, now: datetime) -> None:
    events = [(n, raised(f"{n}", now, rule=f"rule-{n % 3}")) for n in range(1, 131)]
    assert accept(batch(*events, at=now), now).through == 130
    assert OccurrenceRow.select().count() == 130


def test_other_content_under_a_known_key_orders_a_new_epoch(plant: Plant, now: datetime) -> None:
    accept(batch((1, born()), (2, raised("a", now)), at=now), now)
    ack = accept(batch((2, raised("z", now)), (3, raised("y", now)), at=now), now)
    assert (ack.new_epoch, ack.through) == (True, 1)
    (letter,) = DeadLetterRow.select()
    assert (letter.code, letter.seq) == ("uplink.conflict", 2)
    assert OccurrenceRow.select().count() == 1  # nothing of the doubtful batch was taken in
    assert TicketRow.select().where(TicketRow.dedup_key == "conflict|edge-1").count() == 1
    # The edge begins anew and sends what was not acknowledged under the new epoch.
    fresh = accept(
        batch((1, born("a")), (2, raised("z", now)), (3, raised("y", now)), at=now, epoch=OTHER_EPOCH), now
    )
    assert (fresh.new_epoch, fresh.through) == (False, 3)
    assert OccurrenceRow.select().count() == 3
    # What comes late under the old epoch is refused, and told so.
    assert accept(batch((4, raised("x", now)), at=now), now).new_epoch


def test_a_raise_that_is_known_under_another_epoch_is_not_doubled(plant: Plant, now: datetime) -> None:
    accept(batch((1, raised("a", now)), at=now), now)
    accept(batch((1, born("a")), (2, raised("a", now)), at=now, epoch=OTHER_EPOCH), now)
    (ticket,) = TicketRow.select()
    assert ticket.occurrences == 1


def test_a_new_outbox_settles_what_the_lost_one_left_open(plant: Plant, now: datetime) -> None:
    accept(batch((1, raised("a", now)), (2, raised("b", now, rule="trip")), at=now), now)
    accept(batch((1, born("b")), at=now, epoch=OTHER_EPOCH), now)
    assert {row.rule_key for row in AlarmRow.select().where(AlarmRow.active)} == {"trip"}
    gone = OccurrenceRow.get(OccurrenceRow.occurrence == "occurrence-a")
    assert gone.cleared_at == now


def test_a_void_event_passes_the_mark_and_opens_a_data_gap_ticket(plant: Plant, now: datetime) -> None:
    ack = accept(batch((1, born()), (2, voided("disk full")), (3, raised("a", now)), at=now), now)
    assert ack.through == 3
    gap = TicketRow.get(TicketRow.dedup_key == "gap|edge-1")
    assert "disk full" in gap.description
    assert TicketRow.select().count() == 2


def test_a_clear_ends_only_the_raise_it_names(plant: Plant, now: datetime) -> None:
    accept(batch((1, raised("a", now)), (2, raised("b", now)), (3, cleared("a", now)), at=now), now)
    assert AlarmRow.get().active
    accept(batch((4, cleared("b", now)), at=now), now)
    alarm = AlarmRow.get()
    assert (alarm.active, alarm.state) == (False, "rtn_unack")
    verbs = [row.verb for row in JournalRow.select().where(JournalRow.ticket_id.is_null(False))]
    assert verbs.count("ticket.alarm_cleared") == 2


def test_a_chart_is_kept_and_an_incomplete_one_never_replaces_it(plant: Plant, now: datetime) -> None:
    accept(batch((1, raised("a", now)), (2, chart("a", now, complete=False, n=2)), at=now), now)
    assert len(OccurrenceRow.get().chart["values"]) == 2
    accept(batch((3, chart("a", now, n=5)), (4, chart("a", now, complete=False, n=2)), at=now), now)
    assert len(OccurrenceRow.get().chart["values"]) == 5


def test_a_broken_event_is_put_aside_and_the_others_are_taken(plant: Plant, now: datetime) -> None:
    whole = json.loads(
        batch((1, born()), (2, raised("a", now)), (3, raised("b", now)), at=now).model_dump_json()
    )
    whole["events"][1]["body"]["severity"] = "catastrophic"
    payload = json.dumps(whole).encode()
    ack = ingest.accept_payload("edge-1", payload, now=now)
    assert ack is not None
    assert ack.through == 3
    assert [(one.seq, one.code) for one in ack.rejected] == [(2, "uplink.schema")]
    assert OccurrenceRow.select().count() == 1
    again = ingest.accept_payload("edge-1", payload, now=now)
    assert again == ack
    assert DeadLetterRow.select().count() == 1


def test_an_event_above_the_limit_is_put_aside(plant: Plant, now: datetime) -> None:
    sent = batch((1, born()), (2, chart("a", now, n=9000)), at=now)
    ack = ingest.accept_payload("edge-1", sent.model_dump_json().encode(), now=now)
    assert ack is not None
    assert (ack.through, ack.rejected[0].code) == (2, "uplink.too_large")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"not json",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"v":1}',
        b'{"v":9,"edge":"edge-1","epoch":"'
        + EPOCH.encode()
        + b'","sent_at":"2026-03-10T02:00:00Z","events":[1]}',
        b'{"edge":"edge-2","epoch":"' + EPOCH.encode() + b'","sent_at":"2026-03-10T02:00:00Z","events":[{}]}',
        b'{"edge":"edge-1","epoch":"' + EPOCH.encode() + b'","sent_at":"2026-03-10T02:00:00Z","events":[{}]}',
        b'{"edge":"edge-1","epoch":"'
        + EPOCH.encode()
        + b'","sent_at":"2026-03-10T02:00:00Z","events":[NaN]}',
    ],
)
def test_garbage_is_a_dead_letter_and_nobody_is_answered(plant: Plant, now: datetime, payload: bytes) -> None:
    assert ingest.accept_payload("edge-1", payload, now=now) is None
    assert ingest.accept_payload("edge-1", payload, now=now) is None  # the same again is not kept twice
    assert DeadLetterRow.select().count() == 1
    assert EpochRow.select().count() == 0


def test_an_unknown_edge_is_refused(plant: Plant, now: datetime) -> None:
    with pytest.raises(NotFound) as caught:
        accept(batch((1, born()), at=now, edge="edge-7"), now)
    assert caught.value.code == "edge.unknown"


def test_an_event_that_crashes_is_retried_and_then_put_aside(
    plant: Plant, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = alarm_events.raised

    def crash(source: Any, event: Any, *, now: datetime) -> Any:
        ticket = real(source, event, now=now)
        if event.rule == "bad":
            raise ZeroDivisionError("a bug of ours")
        return ticket

    monkeypatch.setattr(alarm_events, "raised", crash)
    sent = batch(
        (1, raised("a", now)), (2, raised("b", now, rule="bad")), (3, raised("c", now, rule="ok")), at=now
    )
    assert [accept(sent, now).through for _ in range(3)] == [1, 1, 3]
    (letter,) = DeadLetterRow.select()
    assert (letter.code, letter.seq) == ("uplink.crash", 2)
    assert sorted(row.occurrence for row in OccurrenceRow.select()) == ["occurrence-a", "occurrence-c"]
    assert TicketRow.select().count() == 2


def test_a_wrong_clock_opens_one_ticket_and_sla_counts_from_receipt(plant: Plant, now: datetime) -> None:
    wrong = now - timedelta(hours=3)
    accept(batch((1, raised("a", wrong)), at=wrong), now)
    accept(batch((2, cleared("a", wrong)), at=wrong), now)
    assert TicketRow.select().where(TicketRow.dedup_key == "clock|edge-1").count() == 1
    ticket = TicketRow.get(TicketRow.dedup_key.contains("temp-high"))
    assert (ticket.reported_at, ticket.failed_at) == (now, wrong)


def test_a_third_partys_alarm_makes_one_ticket_and_its_end_clears_it(plant: Plant, now: datetime) -> None:
    told = ThirdPartyAlarm(id="1", key="spindle", asset="A-00001", title="主轴过载")
    number = ingest.third_party(SYSTEM, "mes", told, now=now)
    assert number == "T-2026-000001"
    assert ingest.third_party(SYSTEM, "mes", told, now=now) == number
    assert TicketRow.get().occurrences == 1
    ingest.third_party(SYSTEM, "mes", told.model_copy(update={"id": "2", "active": False}), now=now)
    assert not AlarmRow.get().active
