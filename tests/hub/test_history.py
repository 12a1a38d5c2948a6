"""What points did: taken in, written, condensed, let go, and looked back at; latest values outlive the hub."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.domain.people import Role
from core.errors import AppError, Forbidden, OutsideError
from core.hub import jobs
from core.services import edge_watch, fleet, history, settings
from core.settings import HistorySettings
from core.storage import samples, telemetry
from core.storage.samples import Sample
from core.storage.tables import DeviceRow, EdgeRow, PointRow
from core.wire.history import PointHistory
from core.wire.uplink import PointSample, Telemetry
from tests.conftest import wait_for
from tests.hub.actors import hub_in, person
from tests.hub.conftest import Plant

MIB = 1024 * 1024
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def point(plant: Plant, tmp_path: Path) -> Iterator[int]:
    """A point of `edge-1`, with a fresh store."""
    with hub_in(tmp_path):
        history.begin(tmp_path)
        fleet._latest.clear()
        store = history._store
        assert store is not None
        for table in ("telemetry_block", "telemetry_latest", "telemetry_mark"):
            with store.held(writing=True):
                store._run(f"DELETE FROM {table}")
        device = DeviceRow.create(edge=plant.edge, name="PLC", kind="modbus_tcp")
        yield PointRow.create(device=device, name="温度", unit="℃", config={}).id
        history.end()


def told(point: int, at: datetime, last: Any, **more: Any) -> Telemetry:
    values = {"id": str(point), "at": at, "quality": "good", "last": last, "n": 5, **more}
    return Telemetry(edge="edge-1", at=at, points=[PointSample.model_validate(values)])


def wave(point: int, start: datetime, hours: float, step_s: float = 30.0) -> None:
    """A sine of one hour around 50, taken in and written as time goes."""
    for n in range(int(hours * 3600 / step_s)):
        at = start + timedelta(seconds=n * step_s)
        value = round(50 + 10 * math.sin(n * step_s / 3600 * 2 * math.pi), 2)
        edge_watch.telemetry(told(point, at, value, low=value - 1, high=value + 1, mean=value), now=at)
        if n % 20 == 0:
            history.flush(at)


def asked(plant: Plant, point: int, from_at: datetime, to_at: datetime, most: int = 2000) -> PointHistory:
    return history.of_point(plant.boss, point, from_at, to_at, most)


def plain(found: PointHistory) -> list[tuple[Any, ...]]:
    """The mean is kept with seven digits."""
    return [(one.at, one.last, one.low, one.high, round(one.mean or 0, 3), one.n) for one in found.samples]


def test_samples_are_told_as_they_came_written_or_not(plant: Plant, point: int, now: datetime) -> None:
    wave(point, now, 0.5)
    end = now + HOUR
    before = asked(plant, point, now - HOUR, end)
    assert len(before.samples) == 60 and before.samples[0].at == now
    assert (before.name, before.unit, before.oldest_at) == ("温度", "℃", now)
    first = before.samples[0]
    assert (first.last, first.low, first.high, first.mean, first.n) == (50, 49, 51, 50, 5)
    assert history.flush(end) > 0
    assert plain(asked(plant, point, now - HOUR, end)) == plain(before)
    history.flush(end, everything=True)
    assert plain(asked(plant, point, now - HOUR, end)) == plain(before)
    assert [one.at for one in asked(plant, point, now + MINUTE, now + 2 * MINUTE).samples] == [
        now + timedelta(seconds=s) for s in (60, 90, 120)
    ]


def test_many_samples_become_as_many_as_are_wanted(plant: Plant, point: int, now: datetime) -> None:
    wave(point, now, 2)
    few = asked(plant, point, now, now + 2 * HOUR, most=20).samples
    assert 10 <= len(few) <= 20
    assert min(one.low for one in few if one.low is not None) == 39
    assert max(one.high for one in few if one.high is not None) == 61
    assert sum(one.n for one in few) == 240 * 5


def test_hours_are_condensed_and_the_old_is_let_go(plant: Plant, point: int, now: datetime) -> None:
    start = now.replace(hour=0, minute=0)
    wave(point, start, 30, step_s=60)
    end = start + 30 * HOUR
    history.flush(end, everything=True)
    assert history.tidy(end) == 30 - 1 + 1  # 29 hours that are over, and one day
    assert history.tidy(end) == 0
    later = start + 30 * HOUR + timedelta(minutes=5)
    assert history.tidy(later) == 1
    whole = asked(plant, point, start, later, most=20_000).samples
    assert len(whole) == 1800 and whole[0].at == start
    by_minute = asked(plant, point, start, later, most=31 * 60).samples
    assert sum(one.n for one in by_minute) == 1800 * 5
    by_hour = asked(plant, point, start, start + 40 * HOUR, most=20).samples
    assert len(by_hour) <= 20 and sum(one.n for one in by_hour) == 1800 * 5
    # Four days on the raw ones are gone, a hundred days on the minutes; the hours are still there.
    history.tidy(start + 5 * DAY)
    store = history._store
    assert store is not None
    assert store.bounds(telemetry.RAW, point) is None and store.bounds(telemetry.MINUTES, point) is not None
    assert sum(one.n for one in asked(plant, point, start, later, most=20_000).samples) == 1800 * 5
    history.tidy(start + 100 * DAY)
    assert store.bounds(telemetry.MINUTES, point) is None
    left = asked(plant, point, start, later, most=20_000).samples
    assert len(left) == 30 and left[0].low == 39 and left[0].high == 61
    history.tidy(start + 2000 * DAY)
    assert asked(plant, point, start, later).samples == []


def test_a_gap_and_a_bad_reading_are_no_value(plant: Plant, point: int, now: datetime) -> None:
    edge_watch.telemetry(told(point, now, 1.0), now=now)
    bad = told(point, now + MINUTE, 1.0, quality="bad_comm", n=0)
    edge_watch.telemetry(bad, now=now + MINUTE)
    edge_watch.telemetry(told(point, now + 2 * MINUTE, 2.0), now=now + 2 * MINUTE)
    found = asked(plant, point, now, now + HOUR).samples
    assert [(one.last, one.n) for one in found] == [(1.0, 5), (None, 0), (2.0, 5)]


@pytest.mark.parametrize("words", [(False, True), ("停止", "运行")])
def test_a_switch_is_told_by_its_changes(
    plant: Plant, point: int, now: datetime, words: tuple[Any, Any]
) -> None:
    for n in range(300):
        at = now + timedelta(seconds=5 * n)
        edge_watch.telemetry(told(point, at, words[100 <= n < 200]), now=at)
    history.flush(now + HOUR)
    found = asked(plant, point, now, now + HOUR, most=100).samples
    assert [one.last for one in found] == [words[0], words[1], words[0], words[0]]
    assert [one.at for one in found] == [now + timedelta(seconds=5 * n) for n in (0, 100, 200, 299)]


def test_nobody_writes_the_history_of_anothers_points(plant: Plant, point: int, now: datetime) -> None:
    EdgeRow.create(edge_id="edge-2", name="二车间")
    theft = Telemetry(edge="edge-2", at=now, points=told(point, now, 99.0).points)
    edge_watch.telemetry(theft, now=now)
    for id_ in ("999999", "x", "-1", "9" * 30):
        sample = PointSample(id=id_, at=now, quality="good", last=1.0)
        edge_watch.telemetry(Telemetry(edge="edge-1", at=now, points=[sample]), now=now)
    wild = told(point, now + 400 * DAY, 1.0)
    edge_watch.telemetry(wild, now=now)
    assert history.flush(now, everything=True) == 0
    assert asked(plant, point, now - HOUR, now + HOUR).samples == []


def test_the_latest_values_outlive_the_hub(plant: Plant, point: int, now: datetime, tmp_path: Path) -> None:
    edge_watch.telemetry(told(point, now, 21.5), now=now)
    history.flush(now, everything=True)
    history.end()
    fleet._latest.clear()
    assert fleet.latest("edge-1", point) is None
    history.begin(tmp_path)
    latest = fleet.latest("edge-1", point)
    assert latest is not None and (latest.last, latest.at) == (21.5, now)


def test_two_hubs_that_hear_the_same_keep_it_once(plant: Plant, point: int, now: datetime) -> None:
    wave(point, now, 0.2)
    history.flush(now + HOUR)
    wave(point, now, 0.2)
    history.flush(now + HOUR, everything=True)
    assert len(asked(plant, point, now, now + HOUR).samples) == 24


def test_what_cannot_be_written_now_is_written_later(
    plant: Plant, point: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave(point, now, 0.2)
    store = history._store
    assert store is not None

    def full(_blocks: object) -> int:
        raise OutsideError("database.failed", "disk full")

    with monkeypatch.context() as patched:
        patched.setattr(store, "add", full)
        with pytest.raises(OutsideError):
            history.flush(now + HOUR)
        assert len(asked(plant, point, now, now + HOUR).samples) == 24
    assert history.flush(now + HOUR) > 0
    assert len(asked(plant, point, now, now + HOUR).samples) == 24


def test_memory_is_bounded_when_nothing_is_written(
    plant: Plant, point: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_BUFFERED", 10)
    for n in range(50):
        edge_watch.telemetry(told(point, now + timedelta(seconds=n), float(n)), now=now)
    assert len(asked(plant, point, now, now + HOUR).samples) == 10
    assert fleet.latest("edge-1", point).last == 49.0  # type: ignore[union-attr]


def test_who_may_look_and_at_what(plant: Plant, point: int, now: datetime) -> None:
    with pytest.raises(Forbidden):
        history.of_point(person("V", Role.VENDOR), point, now, now + HOUR)
    for to_at in (now, now - HOUR, now + 40_000 * DAY):
        with pytest.raises(AppError) as caught:
            asked(plant, point, now, to_at)
        assert caught.value.code == "history.span"


# ---------------------------------------------------------------- the SQLite file


def test_the_oldest_go_when_the_quota_is_used_up(sqlite_plant: Plant, tmp_path: Path, now: datetime) -> None:
    with hub_in(tmp_path):
        history.begin(tmp_path)
        store = history._store
        assert store is not None
        noise = random.Random(1)
        blocks = []
        for hour in range(60):
            first_ms = history._ms(now) - (60 - hour) * history.HOUR_MS
            row = [Sample(first_ms + n * 500, noise.random(), n=1) for n in range(7200)]
            packed = samples.pack(row)
            blocks.append(telemetry.Block(telemetry.RAW, 1, row[0].at_ms, row[-1].at_ms, 7200, packed))
        store.add(blocks)
        used = store.bytes_used()
        assert used is not None and used > 2 * MIB
        half = HistorySettings.model_construct(
            raw_days=3, minute_days=90, hour_days=9, quota_mib=used // MIB // 2
        )
        settings.use(settings.hub().model_copy(update={"history": half}))
        history._let_go(store, [1], now)
        left = store.bytes_used()
        assert left is not None and left <= half.quota_mib * MIB
        bounds = store.bounds(telemetry.RAW, 1)
        assert bounds is not None and bounds[1] == blocks[-1].to_ms  # the youngest are there
        assert (tmp_path / "telemetry.db").stat().st_size < used * 0.8  # and the file has shrunk
        history.end()


def test_a_broken_file_is_put_aside_and_the_hub_goes_on(
    sqlite_plant: Plant, tmp_path: Path, now: datetime
) -> None:
    (tmp_path / "telemetry.db").write_bytes(b"this is no database at all" * 1000)
    with hub_in(tmp_path):
        history.begin(tmp_path)
        assert len(list(tmp_path.glob("telemetry.db.broken-*"))) == 1
        assert history.flush(now) == 0
        history.end()


def test_without_a_place_for_it_the_hub_works_without_history(
    sqlite_plant: Plant, tmp_path: Path, now: datetime
) -> None:
    device = DeviceRow.create(edge=sqlite_plant.edge, name="PLC", kind="modbus_tcp")
    point = PointRow.create(device=device, name="温度", config={}).id
    (tmp_path / "telemetry.db").mkdir()
    with hub_in(tmp_path):
        history.begin(tmp_path)
        edge_watch.telemetry(told(point, now, 1.0), now=now)
        assert fleet.latest("edge-1", point) is not None
        assert history.flush(now) == history.tidy(now) == 0
        assert asked(sqlite_plant, point, now - HOUR, now + HOUR).samples == []
        assert (tmp_path / "telemetry.db").is_dir()  # it was not put aside


def test_the_historian_writes_what_is_left_when_it_is_stopped(
    sqlite_plant: Plant, tmp_path: Path, now: datetime
) -> None:
    device = DeviceRow.create(edge=sqlite_plant.edge, name="PLC", kind="modbus_tcp")
    point = PointRow.create(device=device, name="温度", config={}).id
    with hub_in(tmp_path):
        history.begin(tmp_path)
        stop = threading.Event()
        historian = threading.Thread(
            target=jobs.Historian(lambda: now, flush_s=0.01, tidy_s=0.01).run, args=(stop,)
        )
        historian.start()
        edge_watch.telemetry(told(point, now - 2 * MINUTE, 1.0), now=now)
        store = history._store
        assert store is not None
        wait_for(lambda: store.bounds(telemetry.RAW, point))
        edge_watch.telemetry(told(point, now, 2.0), now=now)
        stop.set()
        historian.join(10)
        bounds = store.bounds(telemetry.RAW, point)
        assert bounds is not None and bounds[1] == history._ms(now)
        history.end()


# ---------------------------------------------------------------- blocks


def test_a_block_holds_what_was_put_in() -> None:
    noise = random.Random(7)
    for kind in ("number", "bool", "text", "mixed"):
        values: dict[str, Any] = {
            "number": [noise.choice([None, 1.5, -2e300, 12345678.9]) for _ in range(99)],
            "bool": [noise.choice([None, True, False]) for _ in range(99)],
            "text": [noise.choice([None, "运行", "", "E07"]) for _ in range(99)],
            "mixed": [noise.choice([None, True, 3.0, "x"]) for _ in range(99)],
        }
        row = [Sample(1_700_000_000_000 + n * 5003, value, n=n % 7) for n, value in enumerate(values[kind])]
        found = samples.unpack(samples.pack(row))
        assert [(one.at_ms, one.last, one.n) for one in found] == [(o.at_ms, o.last, o.n) for o in row]
        assert [type(one.last) for one in found] == [type(one.last) for one in row]
    wide = [Sample(n * 1000, float(n), n - 0.25, n + 0.25, n + 0.125, 5) for n in range(50)]
    assert samples.unpack(samples.pack(wide)) == wide
    with pytest.raises(ValueError, match="no block"):
        samples.unpack(b"\x00" * 40)


def test_a_switch_that_was_both_keeps_that_when_it_is_condensed() -> None:
    row = [Sample(n * 1000, n % 2 == 0, n=1) for n in range(9)]
    (one,) = samples.by_width(row, 60_000)
    assert (one.last, one.low, one.high, one.n) == (True, 0.0, 1.0, 9)
    assert samples.unpack(samples.pack([one]))[0]._replace(mean=None) == one._replace(mean=None)
