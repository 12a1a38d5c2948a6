"""Rules over live points on a clock of the test's own: delays, charts, silence, restarts, changes of configuration."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from core.domain.points import Quality
from core.wire.uplink import MAX_EVENT_BYTES, UplinkEvent
from edge_agent.clock import DataClock
from tests.edge.watch_bench import RULES, START, Bench, config


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

    jumped = Jumped(START)
    bench.watch._clock = bench.watch._runner._clock = bench.watch._runner._reports._clock = jumped
    jumped.set(START + timedelta(seconds=5))
    bench.watch.tick()
    assert bench.raised() == []
