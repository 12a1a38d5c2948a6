"""The outbox file: whole or not at all, quota, damage, and the hub's acknowledgements."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.wire.uplink import AlarmRaised, ChartFrozen, UplinkEvent, Voided
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


@pytest.mark.parametrize("damage", ["overwritten", "cut", "empty text"])
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
    else:
        file.write_bytes(b"this is no database at all, " * 100)
    again = Outbox(file, "e", NOW)
    assert again.epoch != epoch and kinds(again) == ["born"]
    assert len(list(file.parent.glob("outbox.db.broken-*"))) == 1
    again.close()


def test_the_quota_takes_acknowledged_events_first_then_charts_never_alarms(file: Path) -> None:
    box = Outbox(file, "e", NOW)
    for number in range(40):
        box.commit([Batch(events=[raised(number), chart(number)])], NOW)
    box.ack(31, NOW)
    used = box.used_bytes()
    assert box.tidy(NOW, 72, used) == 0
    box.tidy(NOW, 72, used * 3 // 4)
    assert box._db.execute("SELECT min(seq) FROM events").fetchone() == (32,)
    assert kinds(box)[31:] == ["alarm_raised", "chart_frozen"] * 25
    box.tidy(NOW, 72, 64 * 1024)
    after = kinds(box)[31:]
    assert after[::2] == ["alarm_raised"] * 25 and "voided" in after[1::2]
    assert box.last_seq == 81
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
