"""Rules over live points on a clock of the test's own: delays, charts, silence, restarts, changes of configuration."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta

from core.domain.points import Quality
from core.wire.edge_config import EdgeConfig
from core.wire.uplink import MAX_EVENT_BYTES, AlarmCleared, AlarmRaised, ChartFrozen, UplinkEvent
from edge_agent.channels import Feed, Value
from edge_agent.clock import DataClock
from edge_agent.outbox import Batch
from edge_agent.watch import Watch

START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = [
    {
        "id": "hot",
        "name": "Hot",
        "point": "t",
        "condition": "high",
        "limit": 80,
        "on_delay_s": 10,
        "off_delay_s": 5,
    }
]


def config(rules: list[dict[str, object]] | None = None, **device: object) -> EdgeConfig:
    return EdgeConfig.model_validate(
        {
            "edge": "e", "version": 1,
            "devices": [{"kind": "modbus_tcp", "id": "d", "name": "D", "asset": "A-1", "host": "h",
                         "offline_after_s": 30} | device],
            "points": [{"id": "t", "device": "d", "name": "T", "unit": "°C"}, {"id": "u", "device": "d", "name": "U"}],
            "rules": RULES if rules is None else rules,
        }
    )  # fmt: skip


class Bench:
    """A watch with a scripted source: `scan` is one good scan of a point."""

    def __init__(self, settings: EdgeConfig | None = None, at: datetime = START) -> None:
        self.clock = DataClock(at)
        self.batches: list[Batch] = []
        self.watch = Watch(self.clock, self.batches.append)
        self.feeds: dict[str, Feed] = {}
        if settings is not None:
            self.configure(settings)

    def configure(self, settings: EdgeConfig) -> None:
        self.watch.configure(settings)
        for point in settings.points:
            feed = self.feeds.setdefault(point.id, Feed())
            self.watch.channel(point.id).attach(feed)

    def go(self, seconds: float) -> None:
        """Let time pass, with each deadline at its moment."""
        end = self.clock.wall() + timedelta(seconds=seconds)
        while (due := self.watch.next_due_s()) is not None and self.clock.wall_of(due) <= end:
            self.clock.set(max(self.clock.wall(), self.clock.wall_of(due)))
            self.watch.tick()
            if self.watch.next_due_s() == due:
                break
        self.clock.set(end)
        self.watch.tick()

    def scan(self, value: Value, point: str = "t") -> None:
        channel, feed = self.watch.channel(point), self.feeds[point]
        before, feed.good_s = feed.good_s, self.clock.steady_s()
        feed.scans += 1
        feed.stale = False
        if value != channel.value or channel.quality is not Quality.GOOD:
            self.watch.put(channel, value, Quality.GOOD, "", before)
        self.watch.flush()

    def bad(self, point: str = "t") -> None:
        self.watch.put(self.watch.channel(point), None, Quality.BAD_COMM, "gone", self.feeds[point].good_s)
        self.watch.flush()

    def events(self, kind: type) -> list[object]:
        return [event for batch in self.batches for event in batch.events if isinstance(event, kind)]

    def raised(self) -> list[AlarmRaised]:
        return [event for event in self.events(AlarmRaised) if isinstance(event, AlarmRaised)]

    def cleared(self) -> list[AlarmCleared]:
        return [event for event in self.events(AlarmCleared) if isinstance(event, AlarmCleared)]

    def charts(self) -> list[ChartFrozen]:
        return [event for event in self.events(ChartFrozen) if isinstance(event, ChartFrozen)]

    def restarted(self, down_s: float, settings: EdgeConfig | None = None) -> Bench:
        """A new process after a kill: only what was committed is there; its clock begins anew."""
        states: dict[str, dict[str, object]] = {}
        charts: dict[str, dict[str, object]] = {}
        for batch in self.batches:
            for kept, changes in ((states, batch.states), (charts, batch.charts)):
                for key, body in changes.items():
                    if body is None:
                        kept.pop(key, None)
                    else:
                        kept[key] = json.loads(json.dumps(body))
        after = Bench(at=self.clock.wall() + timedelta(seconds=down_s))
        after.watch.restore(states, charts)
        after.configure(settings or config())
        return after


def test_a_raise_carries_the_moment_its_delay_ended_and_the_value_seen_last() -> None:
    bench = Bench(config())
    bench.scan(70)
    bench.go(60)
    bench.scan(85)
    bench.go(4)
    bench.scan(90)
    bench.go(30)
    (raised,) = bench.raised()
    assert raised.raised_at == START + timedelta(seconds=70) and raised.value == 90
    assert (raised.asset, raised.device, raised.point_name, raised.unit, raised.limit) == (
        "A-1",
        "d",
        "T",
        "°C",
        80,
    )


def test_values_that_stand_still_are_no_silence_and_no_data_is() -> None:
    rule = {"id": "n", "name": "N", "point": "t", "condition": "no_data", "after_s": 20}
    bench = Bench(config([rule]))
    for _ in range(10):
        bench.scan(1)
        bench.go(10)
    assert bench.raised() == []
    bench.go(15)
    (raised,) = bench.raised()
    assert raised.raised_at == START + timedelta(seconds=110)
    assert bench.watch.channel("t").quality is Quality.BAD_STALE
    bench.scan(1)
    assert len(bench.cleared()) == 1


def test_a_device_that_does_not_answer_suppresses_the_silence_of_its_points() -> None:
    rule = {"id": "n", "name": "N", "point": "t", "condition": "no_data", "after_s": 60}
    bench = Bench(config([rule]))
    bench.scan(1)
    bench.watch.answers("d", True)
    bench.go(1)
    bench.watch.answers("d", False)
    bench.bad()
    bench.go(3600)
    assert [event.rule for event in bench.raised()] == ["comm:d"]
    bench.watch.answers("d", True)
    bench.scan(1)
    bench.go(50)
    assert [event.rule for event in bench.raised()] == ["comm:d"] and len(bench.cleared()) == 1
    bench.go(11)
    assert [event.rule for event in bench.raised()] == ["comm:d", "n"]


def test_the_chart_comes_at_once_and_again_whole_after_two_minutes() -> None:
    bench = Bench(config())
    for second in range(900):
        bench.scan(60 + (second % 7) * 0.1)
        bench.go(1)
    for second in range(300):
        bench.scan(85 + (second % 7) * 0.1)
        bench.go(1)
    early, final = bench.charts()
    assert (early.complete, final.complete) == (False, True)
    assert early.offsets_ms[0] >= -600_000 and early.offsets_ms[-1] <= 0
    assert -600_000 <= final.offsets_ms[0] <= -599_000 and 119_000 <= final.offsets_ms[-1] <= 120_000
    assert len(final.offsets_ms) >= 719  # the edge's own resolution
    assert final.offsets_ms == sorted(set(final.offsets_ms))
    assert {v for o, v in zip(final.offsets_ms, final.values, strict=True) if o < -11_000} <= {
        60.0,
        60.1,
        60.2,
        60.3,
        60.4,
        60.5,
        60.6,
    }


def test_a_fast_point_gives_a_chart_below_the_limit_of_an_event_with_its_peaks() -> None:
    bench = Bench(config([{"id": "hot", "name": "Hot", "point": "t", "condition": "high", "limit": 80}]))
    for tick in range(20 * 720):
        value = 1000 / 3 * math.sin(tick / 50) / 10 + tick / 1e7
        bench.scan(95.123456789 if tick == 10_000 else value)
        bench.go(0.05)
    bench.go(120)
    final = bench.charts()[-1]
    size = len(UplinkEvent(seq=1, at=START, body=final).model_dump_json())
    assert final.complete and size < MAX_EVENT_BYTES and len(final.values) > 1000
    assert max(v for v in final.values if v is not None) == 95.12346


def test_a_gap_of_bad_quality_is_a_gap_in_the_chart() -> None:
    bench = Bench(config([{"id": "hot", "name": "Hot", "point": "t", "condition": "high", "limit": 80}]))
    bench.scan(70)
    bench.go(10)
    bench.bad()
    bench.go(10)
    bench.scan(90)
    (early,) = bench.charts()
    assert (early.offsets_ms, early.values) == ([-20000, -10000, 0], [70, None, 90])


def test_a_restart_keeps_delays_alarms_and_charts() -> None:
    bench = Bench(config())
    bench.scan(85)
    bench.go(6)
    bench.watch.checkpoint()
    after = bench.restarted(down_s=100)
    after.scan(85)
    after.go(3.9)
    assert after.raised() == []
    after.go(0.2)
    (raised,) = after.raised()
    after.go(30)
    third = after.restarted(down_s=10)
    third.scan(85)
    third.go(300)
    assert third.raised() == []
    (chart,) = third.charts()
    assert not chart.complete and chart.occurrence == raised.occurrence
    third.scan(10)
    third.go(10)
    assert list(zip(chart.offsets_ms, chart.values, strict=True))[-2:] == [(-3999, None), (40_100, 85)]
    (cleared,) = third.cleared()
    assert cleared.occurrence == raised.occurrence


def test_a_restart_after_the_two_minutes_sends_what_there_is() -> None:
    bench = Bench(config())
    bench.scan(85)
    bench.go(15)
    after = bench.restarted(down_s=1000)
    (chart,) = after.charts()
    assert not chart.complete and chart.values == [85.0, None]
    assert after.restarted(down_s=1).charts() == []


def test_a_change_of_limit_judges_the_present_value_anew() -> None:
    bench = Bench(config())
    bench.scan(70)
    bench.go(100)
    bench.configure(config([RULES[0] | {"limit": 60}]))
    bench.go(10)
    (raised,) = bench.raised()
    assert raised.limit == 60
    bench.configure(config([RULES[0] | {"limit": 90}]))
    bench.go(5)
    assert [event.reason for event in bench.cleared()] == ["normal"]


def test_a_rule_that_moves_to_another_point_ends_its_alarm() -> None:
    bench = Bench(config())
    bench.scan(90)
    bench.go(20)
    bench.configure(config([RULES[0] | {"point": "u"}]))
    assert [event.reason for event in bench.cleared()] == ["rule_removed"]
    assert not list(bench.watch.active_runs())
    offline = Bench(config())
    offline.scan(90)
    offline.go(20)
    gone = offline.restarted(down_s=5, settings=config([]))
    assert [event.reason for event in gone.cleared()] == ["rule_removed"]
    assert gone.restarted(down_s=5, settings=config([])).cleared() == []


def test_the_first_of_several_alarms_of_an_asset_is_marked() -> None:
    rules = [
        {"id": f"r{n}", "name": "R", "point": p, "condition": "high", "limit": 1} for n, p in enumerate("tu")
    ]
    bench = Bench(config(rules))
    bench.scan(2, "u")
    bench.scan(2, "t")
    assert [(event.rule, event.first_out) for event in bench.raised()] == [("r1", True), ("r0", False)]


def test_telemetry_counts_scans_and_tells_extremes_once() -> None:
    bench = Bench(config())
    for value in (1, 1, 5, 3, 3, 3):
        bench.scan(value)
    told = {sample.id: sample for sample in bench.watch.telemetry()}
    t = told["t"]
    assert (
        (t.n, t.low, t.high, t.last) == (6, 1, 5, 3) and t.mean is not None and math.isclose(t.mean, 16 / 6)
    )
    assert told["u"].quality == "bad_stale" and told["u"].n == 0
    assert bench.watch.telemetry() == []
    bench.scan(3)
    (again,) = bench.watch.telemetry()
    assert (again.n, again.low, again.high) == (1, 3, 3)
    bench.bad()
    (bad,) = bench.watch.telemetry()
    assert (bad.quality, bad.last, bad.n) == ("bad_comm", None, 0)


def test_the_clock_of_the_wall_may_jump_without_a_delay_being_cut_short() -> None:
    bench = Bench(config())
    bench.scan(85)

    class Jumped(DataClock):
        def wall(self) -> datetime:
            return super().wall() + timedelta(days=1)

    bench.watch._clock = jumped = Jumped(START)
    jumped.set(START + timedelta(seconds=5))
    bench.watch.tick()
    assert bench.raised() == []
