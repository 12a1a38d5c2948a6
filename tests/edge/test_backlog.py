"""What waits while the disk is full: bounded, and right once there is space again."""

from __future__ import annotations

import random
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.wire.edge_config import AlarmLimits
from core.wire.uplink import AlarmCleared, AlarmRaised, ChartFrozen, UplinkEvent
from edge_agent.backlog import Backlog
from edge_agent.ballast import Ballast
from edge_agent.clock import DataClock
from edge_agent.outbox import Batch, Outbox
from edge_agent.watch import Watch
from tests.edge.test_outbox import chart, raised
from tests.edge.test_watch import Bench, config

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def events(box: Outbox) -> list[object]:
    rows = box.between(1, box.last_seq, 100_000, 2**30)
    return [UplinkEvent.model_validate_json(body).body for _seq, body in rows]


def test_a_flood_on_a_full_disk_stays_small_and_ends_in_what_is_true(tmp_path: Path) -> None:
    rng = random.Random(11)
    backlog = Backlog(most_events=100)
    rules = [
        {"id": f"r{n}", "name": "R", "point": point, "condition": "high", "limit": n}
        for n in range(1, 11)
        for point in "t"
    ]
    settled = config(rules).model_copy(
        update={"alarms": AlarmLimits(chatter_raises=100, chatter_window_s=10)}
    )  # nothing shelves itself here: it is the disk that is tried
    bench = Bench()
    bench.watch = Watch(bench.clock, backlog.add)
    bench.configure(settled)
    box = Outbox(tmp_path / "outbox.db", "e", NOW)
    most = 0
    for number in range(5000):
        bench.go(1)
        bench.scan(rng.randrange(0, 13))
        if number % 50 == 0:  # each try to commit fails; what comes meanwhile queues behind
            backlog.take()
            bench.scan(rng.randrange(0, 13))
            backlog.failed()
        most = max(most, sum(len(batch.events) for batch in backlog._waiting))
    assert most < 400 and backlog.alarms_shed > 1000 and backlog.charts_shed > 100
    box.commit(backlog.take(), NOW)
    backlog.done()
    for _ in range(20):  # charts of alarms that nobody has heard of are not sent later either
        bench.go(30)
    if backlog:
        box.commit(backlog.take(), NOW)
        backlog.done()
    told = events(box)
    up: dict[str, str] = {}
    for event in told:
        if isinstance(event, AlarmRaised):
            assert event.rule not in up
            up[event.rule] = event.occurrence
        elif isinstance(event, AlarmCleared):
            assert up.pop(event.rule) == event.occurrence
    assert sorted(up.values()) == sorted(bench.watch.active())
    known = {event.occurrence for event in told if isinstance(event, AlarmRaised)}
    assert {event.occurrence for event in told if isinstance(event, ChartFrozen)} <= known
    again = Watch(DataClock(NOW + timedelta(days=1)), lambda _batch: None)
    again.restore(box.states(), box.charts())
    again.configure(settled)
    assert sorted(again.active()) == sorted(up.values())  # states and outbox say the same
    box.close()


def test_the_clear_of_an_alarm_that_is_known_is_never_shed() -> None:
    backlog = Backlog(most_events=4)
    over = AlarmCleared(occurrence="occurrence-0", rule="r", cleared_at=NOW)
    backlog.add(Batch(events=[over], states={"r": {"n": 0}}))
    for number in range(1, 30):
        gone = AlarmCleared(occurrence=f"occurrence-{number}", rule="r", cleared_at=NOW)
        backlog.add(Batch(events=[raised(number), chart(number, 3), gone], states={"r": {"n": number}}))
    backlog.add(Batch(events=[raised(99)], states={"r": {"n": 99}}))
    left = [event for batch in backlog.take() for event in batch.events]
    assert left[0] == over and left[-1] == raised(99) and len(left) < 10


def test_a_full_disk_costs_the_ballast_first_and_it_comes_back(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "outbox.db", "e", NOW)
    ballast = tmp_path / "ballast.bin"
    assert ballast.stat().st_size == 16 * 1024 * 1024 and ballast.stat().st_blocks * 512 >= 16 * 1024 * 1024
    box.commit([Batch(events=[chart(n) for n in range(20)])], NOW)
    box.ack(15, NOW)
    (pages,) = box._db.execute("PRAGMA page_count").fetchone()
    box._db.execute(f"PRAGMA max_page_count={pages}")  # SQLite's own "disk is full"
    flood = [Batch(events=[chart(n) for n in range(30, 40)])]
    with pytest.raises(sqlite3.OperationalError, match="full") as full:
        box.commit(flood, NOW)
    assert box.relieve(full.value, NOW) and not ballast.exists()
    assert box.commit(flood, NOW) == 31  # into the room of what the hub has already
    assert not box.relieve(full.value, NOW)  # there is no second one
    box.tidy(NOW, 72, 2**40)
    assert ballast.exists()
    box.close()


def test_another_error_does_not_cost_the_ballast(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "outbox.db", "e", NOW)
    with pytest.raises(sqlite3.OperationalError) as wrong:
        box._db.execute("SELECT nothing FROM nowhere")
    assert not box.relieve(wrong.value, NOW) and (tmp_path / "ballast.bin").exists()
    box.close()


def test_without_room_there_is_no_ballast_and_no_error(tmp_path: Path) -> None:
    assert not Ballast(tmp_path / "b", 2**60).take()
    assert not Ballast(tmp_path / "b", 2**60).give_up()
