"""The outbox file: whole or not at all, quota, damage, and the hub's acknowledgements."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.wire.uplink import AlarmCleared, AlarmRaised, Born, ChartFrozen, UplinkEvent, Voided
from edge_agent.outbox import Batch, Outbox

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def raised(number: int) -> AlarmRaised:
    return AlarmRaised(occurrence=f"occurrence-{number}", rule="r", rule_name="R", raised_at=NOW)


def chart(number: int, samples: int = 2000) -> ChartFrozen:
    return ChartFrozen(
        occurrence=f"occurrence-{number}", rule="r", point="p", raised_at=NOW,
        offsets_ms=list(range(samples)), values=[1.234567] * samples,
    )  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def kinds(box: Outbox) -> list[str]:
    rows = box.between(1, box.last_seq, 10_000, 2**30)
    return [UplinkEvent.model_validate_json(body).body.kind for _seq, body in rows]


def test_an_event_and_its_state_are_committed_together_or_not_at_all(file: Path) -> None:
    box = Outbox(file, "e", NOW)
    box.commit([Batch(events=[raised(1)], states={"r": {"x": 1}}, charts={"occurrence-1": {"y": 2}})], NOW)
    broken = Batch(events=[raised(2)], states={"r": {"x": object()}})
    with pytest.raises(TypeError):
        box.commit([broken], NOW)
    box.close()
    again = Outbox(file, "e", NOW)
    assert kinds(again) == ["born", "alarm_raised"] and again.last_seq == 2
    assert again.states() == {"r": {"x": 1}} and again.charts() == {"occurrence-1": {"y": 2}}
    again.commit([Batch(states={"r": None}, charts={"occurrence-1": None})], NOW)
    assert again.states() == {} == again.charts() and again.last_seq == 2
    again.close()


def test_each_commit_waits_for_the_disk(file: Path) -> None:
    box = Outbox(file, "e", NOW)
    assert box._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert box._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert file.stat().st_mode & 0o077 == 0
    box.close()


def test_another_edges_login_begins_a_new_epoch_without_the_old_ones_events(file: Path) -> None:
    box = Outbox(file, "e", NOW)
    box.commit([Batch(events=[raised(1)])], NOW)
    box.remember_hub("hub")
    epoch = box.epoch
    box.close()
    other = Outbox(file, "f", NOW)
    assert other.epoch != epoch and other.edge == "f" and kinds(other) == ["born"]
    other.close()


@pytest.mark.parametrize("damage", ["overwritten", "cut", "a page", "empty text"])
def test_a_damaged_file_is_set_aside_and_a_new_epoch_begun(file: Path, damage: str) -> None:
    box = Outbox(file, "e", NOW)
    box.commit([Batch(events=[raised(n) for n in range(200)])], NOW)
    epoch = box.epoch
    box._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    box.close()
    whole = file.read_bytes()
    if damage == "overwritten":
        file.write_bytes(whole[:4096] + b"\x5a" * 8192 + whole[12288:])
    elif damage == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "a page":
        file.write_bytes(whole[: len(whole) // 2] + b"\x5a" * 4096 + whole[len(whole) // 2 + 4096 :])
    else:
        file.write_bytes(b"this is no database at all, " * 100)
    again = Outbox(file, "e", NOW)
    assert again.epoch != epoch and kinds(again)[0] == "born"
    if damage == "a page":  # what can be read of it comes again, and is over at once: its states are lost
        saved = kinds(again)[1:-1]
        assert len(saved) > 100 and set(saved) == {"alarm_raised"} and kinds(again)[-1] == "born"
    else:
        assert kinds(again) == ["born"]
    assert len(list(file.parent.glob("outbox.db.broken-*"))) == 1
    again.close()


def test_a_changed_letter_in_an_event_is_a_void_and_in_what_steers_a_damaged_file(file: Path) -> None:
    box = Outbox(file, "e", NOW)
    box.commit([Batch(events=[raised(1), raised(2)], states={"r": {"x": 1}})], NOW)
    epoch = box.epoch
    box._db.execute("UPDATE events SET body = replace(body, 'occurrence-1', 'occurrence-7') WHERE seq = 2")
    assert kinds(box) == ["born", "voided", "alarm_raised"]
    box._db.execute("""UPDATE states SET body = '{"x": 2}'""")
    box.close()
    again = Outbox(file, "e", NOW)
    assert again.epoch != epoch and again.states() == {}
    assert kinds(again) == ["born", "alarm_raised", "born"]  # the one event that is whole
    again._db.execute("UPDATE meta SET value = '7' WHERE key = 'acked'")
    again.close()
    third = Outbox(file, "e", NOW)
    assert third.acked == 0
    third.close()
    for _ in range(5):
        file.write_bytes(b"no database")
        Outbox(file, "e", NOW + timedelta(seconds=_)).close()
    assert len(list(file.parent.glob("outbox.db.broken-*"))) == 3  # damage fills no disk


def test_an_outbox_of_before_there_were_checksums_goes_on(file: Path) -> None:
    box = Outbox(file, "e", NOW)
    box.commit([Batch(events=[raised(1)], states={"r": {"x": 1}})], NOW)
    epoch = box.epoch
    box.close()
    with closing(sqlite3.connect(file)) as old, old:
        for table in ("meta", "events", "states", "charts"):
            old.execute(f"ALTER TABLE {table} DROP COLUMN crc")
    again = Outbox(file, "e", NOW)
    assert (
        again.epoch == epoch
        and kinds(again) == ["born", "alarm_raised"]
        and again.states() == {"r": {"x": 1}}
    )
    assert again.commit([Batch(events=[raised(2)])], NOW) == 3
    again.close()


def test_the_quota_takes_acknowledged_events_first_then_charts_never_alarms(file: Path) -> None:
    box = Outbox(file, "e", NOW)
    for number in range(40):
        box.commit([Batch(events=[raised(number), chart(number)])], NOW)
    box.ack(31, NOW)
    used = box.used_bytes()
    assert box.tidy(NOW, 72, used * 2) == 0
    box.tidy(NOW, 72, used * 11 // 10)  # nearly full: what the hub has goes early, and that is enough
    assert box._db.execute("SELECT min(seq) FROM events").fetchone() == (32,)
    assert kinds(box)[31:] == ["alarm_raised", "chart_frozen"] * 25
    box.tidy(NOW, 72, 64 * 1024)
    after = kinds(box)[31:81]
    assert after[::2] == ["alarm_raised"] * 25 and "voided" in after[1::2]
    assert box.last_seq == 82 and kinds(box)[81] == "alarm_raised"  # the edge's own: its disk is nearly full
    box.close()


def test_a_nearly_full_quota_is_an_alarm_of_the_edge_until_there_is_room_again(file: Path) -> None:
    box = Outbox(file, "e", NOW)
    box.commit([Batch(events=[chart(n) for n in range(30)])], NOW)
    full = box.used_bytes() * 10 // 9
    for _ in range(2):  # once, however often one looks, and after a restart too
        box.tidy(NOW, 72, full)
        box.close()
        box = Outbox(file, "e", NOW)
    told = [UplinkEvent.model_validate_json(body).body for _seq, body in box.between(32, 99, 10, 2**20)]
    (raise_,) = told
    assert isinstance(raise_, AlarmRaised) and raise_.rule == "outbox_quota" and raise_.limit == 80
    box.new_epoch("e", "ordered", [], NOW)
    born = UplinkEvent.model_validate_json(box.between(1, 1, 1, 2**20)[0][1]).body
    assert isinstance(born, Born) and born.active == [raise_.occurrence]
    box.ack(box.last_seq, NOW)
    box.tidy(NOW, 72, full)
    (over,) = [
        UplinkEvent.model_validate_json(body).body for _seq, body in box.between(box.last_seq, 99, 9, 2**20)
    ]
    assert isinstance(over, AlarmCleared) and over.occurrence == raise_.occurrence
    box.close()


def test_an_event_that_is_too_large_leaves_a_void_in_its_place(file: Path) -> None:
    box = Outbox(file, "e", NOW)
    box.commit([Batch(events=[chart(1, samples=9000), raised(2)])], NOW)
    assert kinds(box) == ["born", "voided", "alarm_raised"]
    box.close()


def test_what_is_gone_is_voided_in_the_same_words_each_time(file: Path) -> None:
    box = Outbox(file, "e", NOW)
    box.commit([Batch(events=[raised(1), raised(2)])], NOW)
    box.ack(3, NOW)
    assert box.tidy(NOW + timedelta(hours=73), 72, 2**40) == 3
    first, second = box.between(2, 3, 10, 2**20), box.between(2, 2, 10, 2**20)
    assert first[0] == second[0] and isinstance(UplinkEvent.model_validate_json(first[0][1]).body, Voided)
    box.close()


def test_batches_are_limited_in_number_and_size(file: Path) -> None:
    box = Outbox(file, "e", NOW)
    box.commit([Batch(events=[chart(n) for n in range(20)])], NOW)
    assert [seq for seq, _ in box.between(1, 99, 5, 2**30)] == [1, 2, 3, 4, 5]
    assert 2 <= len(box.between(1, 99, 500, 100_000)) <= 6
    assert len(box.between(5, 99, 500, 10)) == 1  # one at least, or nothing would ever go on
    box.close()


def test_a_locked_file_is_an_operational_error_and_not_set_aside(file: Path) -> None:
    box = Outbox(file, "e", NOW)
    box._db.execute("PRAGMA busy_timeout=10")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError):
        box.commit([Batch(events=[raised(1)])], NOW)
    other.execute("ROLLBACK")
    other.close()
    assert box.commit([Batch(events=[raised(1)])], NOW) == 2
    box.close()
