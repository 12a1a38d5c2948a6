"""What comes late or from a copy: dead letters taken in after all, older outboxes, restored databases."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from core.domain.people import SYSTEM
from core.errors import AppError, Conflict, Forbidden, NotFound
from core.services import alarm_events, dead_letters, fleet, ingest, letter_replays, restores, settings
from core.storage.tables import AlarmRow, DeadLetterRow, JournalRow, OccurrenceRow, TicketRow
from tests.hub.conftest import Plant, leave
from tests.hub.test_ingest import accept
from tests.hub.uplink import EPOCH, OTHER_EPOCH, batch, born, cleared, raised


def payload(now: datetime, *events: object) -> bytes:
    head = {"v": 1, "edge": "edge-1", "epoch": EPOCH, "sent_at": now.isoformat(), "events": list(events)}
    return json.dumps(head).encode()


def letter() -> DeadLetterRow:
    (row,) = DeadLetterRow.select().where(DeadLetterRow.settled_at.is_null())
    return row


def test_an_event_that_crashed_is_taken_in_after_all_with_what_came_about_it_since(
    plant: Plant, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(alarm_events, "raised", lambda *_args, **_more: 1 / 0)
        for _ in range(3):
            ack = accept(batch((1, born()), (2, raised("a", now)), at=now), now)
    assert ack.through == 2 and letter().code == "uplink.crash"
    accept(batch((3, cleared("a", now)), at=now), now)
    assert TicketRow.select().count() == 0
    letter_replays.replay(plant.boss, letter().id, now=now)
    (alarm,) = AlarmRow.select()
    assert not alarm.active and TicketRow.select().count() == 1  # its end had come before it
    assert fleet.dead_letters(plant.boss) == []
    assert JournalRow.select().where(JournalRow.verb == "dead_letter.replayed").count() == 1
    (row,) = DeadLetterRow.select()
    with pytest.raises(Conflict) as again:
        letter_replays.replay(plant.boss, row.id, now=now)
    assert again.value.code == "dead_letter.settled" and TicketRow.select().get().occurrences == 1


def test_of_two_who_ask_for_the_same_at_once_one_takes_it_in(plant: Plant, now: datetime) -> None:
    event = {"seq": 1, "at": now.isoformat(), "body": {"kind": "alarm_hummed"}}
    ingest.accept_payload("edge-1", payload(now, event), now=now)
    body = raised("a", now).model_dump_json()
    DeadLetterRow.update(payload=body).execute()
    letter_id = letter().id

    def replay(_turn: int) -> None:
        with contextlib.suppress(Conflict):
            letter_replays.replay(plant.boss, letter_id, now=now)
        leave()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(replay, range(4)))
    assert JournalRow.select().where(JournalRow.verb == "dead_letter.replayed").count() == 1
    assert TicketRow.select().get().occurrences == 1 == OccurrenceRow.select().count()


def test_what_is_still_no_message_stays_a_dead_letter(plant: Plant, now: datetime) -> None:
    strange = {"seq": 1, "at": now.isoformat(), "body": {"kind": "alarm_hummed"}}
    ack = ingest.accept_payload("edge-1", payload(now, strange), now=now)
    assert ack is not None and ack.through == 1
    with pytest.raises(AppError) as error:
        letter_replays.replay(SYSTEM, letter().id, now=now)
    assert error.value.code == "dead_letter.still_bad" and "alarm_hummed" in error.value.detail
    assert letter().settled_at is None


def test_a_whole_message_is_taken_in_as_if_it_came_now(plant: Plant, now: datetime) -> None:
    event = {"seq": 1, "at": now.isoformat(), "body": raised("a", now).model_dump(mode="json")}
    dead_letters.keep("edge-1", "uplink.version", "too new", payload(now, event), now=now)
    letter_replays.replay(SYSTEM, letter().id, now=now)
    assert TicketRow.select().count() == 1
    dead_letters.keep("in/scada", "uplink.schema", "no title", b'{"id": "1", "key": "k"}', now=now)
    with pytest.raises(AppError):
        letter_replays.replay(SYSTEM, letter().id, now=now)
    DeadLetterRow.update(payload='{"id": "1", "key": "k", "title": "Hot"}').execute()
    letter_replays.replay(SYSTEM, letter().id, now=now)
    assert TicketRow.select().count() == 2


def test_a_conflict_need_not_be_taken_in_and_not_everybody_may(plant: Plant, now: datetime) -> None:
    accept(batch((1, raised("a", now)), at=now), now)
    accept(batch((1, raised("b", now)), at=now), now)
    with pytest.raises(Conflict) as error:
        letter_replays.replay(plant.boss, letter().id, now=now)
    assert error.value.code == "dead_letter.came_anew"
    with pytest.raises(Forbidden):
        letter_replays.replay(plant.actor(plant.wang), letter().id, now=now)
    with pytest.raises(NotFound):
        letter_replays.replay(plant.boss, 99, now=now)


def test_an_older_copy_of_an_outbox_has_its_active_alarms_active_again(plant: Plant, now: datetime) -> None:
    accept(batch((1, raised("a", now)), (2, cleared("a", now)), (3, raised("b", now)), at=now), now)
    accept(
        batch((1, born("a")), (2, cleared("b", now)), at=now, epoch=OTHER_EPOCH), now
    )  # it knows of no end of a
    open_ones = OccurrenceRow.select().where(OccurrenceRow.cleared_at.is_null())
    assert [row.occurrence for row in open_ones] == ["occurrence-a"]
    (alarm,) = AlarmRow.select()
    assert alarm.active and alarm.state == "unack" and alarm.count == 2
    accept(batch((3, cleared("a", now)), at=now, epoch=OTHER_EPOCH), now)
    assert not AlarmRow.get().active


def test_an_edge_hears_how_far_this_database_has_come(plant: Plant, now: datetime) -> None:
    accept(batch((1, born()), (2, raised("a", now)), at=now), now)
    told = restores.standing("edge-1", EPOCH)
    assert told is not None and told.unasked and (told.through, told.hub_epoch) == (2, settings.hub_epoch())
    fresh = restores.standing("edge-1", OTHER_EPOCH)
    assert fresh is not None and fresh.through == 0 and not fresh.new_epoch
    assert restores.standing("nobody", EPOCH) is None
    accept(batch((2, raised("z", now)), at=now), now)
    conflict = restores.standing("edge-1", EPOCH)
    assert conflict is not None and conflict.new_epoch and conflict.through == 1
