"""Rules over live points: standstill, several points, schedules, chatter, floods, people's orders, restarts."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.domain.points import Quality
from core.errors import AppError, NotFound
from core.wire.edge_config import EdgeConfig
from edge_agent.channels import Feed
from edge_agent.clock import DataClock
from tests.edge.watch_bench import START, Bench, plant

DEVICE = {"id": "d", "asset": "A-1"}
POINTS = [{"id": name, "device": "d"} for name in ("t", "u", "run")]


def one(rule: dict[str, Any], **more: object) -> EdgeConfig:
    return plant([DEVICE], POINTS, [{"id": "r", "point": "t"} | rule], **more)


HOT: dict[str, Any] = {"condition": "high", "limit": 80}


def test_a_value_that_stands_still_is_seen_without_a_step_for_each_scan() -> None:
    bench = Bench(one({"condition": "stuck", "after_s": 60}))
    for second in range(50):
        bench.scan(float(second))
        bench.go(1)
    for _ in range(59):
        bench.scan(49.0)
        bench.go(1)
    assert bench.raised() == []
    for _ in range(3):
        bench.scan(49.0)
        bench.go(1)
    (raised,) = bench.raised()
    assert raised.raised_at == START + timedelta(seconds=109) and raised.value == 49
    bench.scan(50.0)
    assert bench.story() == ["raised r", "cleared r (normal)"]


def test_a_value_that_comes_back_to_what_it_was_has_moved() -> None:
    bench = Bench(one({"condition": "stuck", "after_s": 60}))
    for _ in range(20):
        bench.scan(1.0)
        bench.go(20)
        bench.scan(2.0)
        bench.scan(1.0)
    assert bench.raised() == []


def test_silence_is_no_standstill() -> None:
    bench = Bench(one({"condition": "stuck", "after_s": 60}))
    bench.scan(1.0)
    bench.go(50)
    bench.scan(1.0)
    bench.go(3600)  # nothing comes, and nobody says so
    assert bench.raised() == []
    bench.scan(1.0)
    bench.go(40)
    assert len(bench.raised()) == 1


def test_a_deviation_hears_both_points_though_most_readings_decide_nothing() -> None:
    bench = Bench(one({"condition": "deviation", "other": "u", "limit": 10}))
    bench.scan(50.0, "t")
    bench.scan(52.0, "u")
    for value in (51.0, 53.0, 54.0, 55.0):
        bench.scan(value, "t")
        bench.scan(value + 1, "u")
    assert bench.raised() == []
    bench.scan(66.5, "u")
    (raised,) = bench.raised()
    assert raised.value == 55
    bench.scan(60.0, "t")
    assert bench.story() == ["raised r", "cleared r (normal)"]


@pytest.mark.parametrize("seed", range(8))
def test_leaving_out_what_decides_nothing_changes_nothing(seed: int) -> None:
    """The same readings, once through the live channels and once step by step, end in the same alarms."""
    chance = random.Random(seed)
    rules: list[dict[str, Any]] = [
        {"id": "a", "point": "t", "condition": "deviation", "other": "u", "limit": 6, "deadband": 2},
        {"id": "b", "point": "t", "condition": "outside", "limit": 44, "limit_high": 56, "on_delay_s": 3},
        {"id": "c", "point": "u", "condition": "stuck", "after_s": 7},
        {"id": "d", "point": "u", "condition": "rate", "limit": 5, "window_s": 4},
        {"id": "e", "point": "t", "condition": "any", "terms": [
            {"condition": "high", "limit": 55, "deadband": 3},
            {"condition": "low", "point": "u", "limit": 45},
            {"condition": "stuck", "point": "u", "after_s": 9},
        ]},
        {"id": "f", "point": "t", "condition": "inside", "limit": 49, "limit_high": 51,
         "suppress_when": [{"condition": "high", "point": "u", "limit": 52}]},
        {"id": "g", "point": "u", "condition": "no_data", "after_s": 6},
    ]  # fmt: skip
    config = plant([DEVICE], POINTS, rules)
    lazy, eager = Bench(config), Bench(config)
    for run in eager.watch._runner._families.runs.values():
        run.settle = lambda: None  # type: ignore[method-assign]  # nothing is ever calm
        for ear in run.ears:
            ear.low, ear.high = math.inf, -math.inf
            ear.channel.calm_low, ear.channel.calm_high = math.inf, -math.inf
    t, u = 50.0, 50.0
    for _ in range(400):
        t += chance.choice([0, 0, 0.5, -0.5, 4, -4]) + (50 - t) * 0.1
        u += chance.choice([0, 0, 0, 0, 1, -1, 5, -5]) * chance.choice([0, 1]) + (
            50 - u
        ) * 0.02 * chance.choice([0, 1])
        odd = chance.random()
        for bench in (lazy, eager):
            bench.go(1)
            if odd < 0.02:
                bench.bad("t")
            else:
                bench.scan(t, "t")
            if odd > 0.98:
                bench.bad("u")
            elif odd > 0.5:
                bench.scan(u, "u")
                if bench is eager:
                    at, channel = bench.clock.steady_s(), bench.watch.channel("u")
                    bench.watch._runner.listen(channel, u, Quality.GOOD, "", at, channel.last_good_s)
                    bench.watch.flush()
    told = [sorted((event.rule, event.raised_at) for event in bench.raised()) for bench in (lazy, eager)]
    over = [
        sorted((event.rule, event.cleared_at, event.reason) for event in bench.cleared())
        for bench in (lazy, eager)
    ]
    assert told[0] == told[1] and over[0] == over[1] and len(told[0]) > 10
    assert sorted(lazy.story()) == sorted(eager.story())


def test_a_machine_that_stands_suppresses_its_low_pressure_by_design() -> None:
    rule = {
        "condition": "low",
        "limit": 2,
        "suppress_when": [{"point": "run", "condition": "bit", "when": False}],
    }
    bench = Bench(one(rule))
    bench.scan(True, "run")
    bench.scan(1.0)
    bench.scan(False, "run")
    assert bench.story() == ["raised r", "cleared r (suppressed)", "r: suppressed (design)"]
    assert [shown["why"] for shown in bench.watch.services()] == ["design"]
    after = bench.restarted(down_s=5)
    after.scan(1.0)
    after.scan(False, "run")
    assert after.story() == []
    after.scan(True, "run")
    assert after.story() == ["r: in_service (ended)", "raised r"]


def test_a_machine_whose_last_will_came_needs_no_silence() -> None:
    device = {
        "kind": "mqtt",
        "id": "m",
        "name": "M",
        "url": "mqtt://h",
        "topic": "a/#",
        "offline_after_s": 300,
    }
    config = EdgeConfig.model_validate(
        {"edge": "e", "version": 1, "devices": [device], "points": [{"id": "p", "device": "m", "name": "P"}]}
    )
    bench = Bench(config)
    bench.watch.heard("m")
    bench.scan(1.0, "p")
    bench.go(5)
    bench.watch.gone("m")
    bench.watch.flush()
    assert bench.story() == ["raised comm:m"] and bench.watch.channel("p").quality is Quality.BAD_STALE
    bench.watch.heard("m")
    bench.watch.flush()
    bench.go(299)
    assert bench.story() == ["raised comm:m", "cleared comm:m (normal)"]
    bench.go(2)
    assert bench.story()[2:] == ["raised comm:m"]
    bench.watch.gone("nobody")
    polled = Bench(one(HOT))
    polled.watch.gone("d")
    assert polled.story() == []


def test_a_silent_point_goes_stale_also_while_its_alarm_is_shelved() -> None:
    bench = Bench(one({"condition": "no_data", "after_s": 20}))
    bench.scan(1.0)
    bench.watch.operate("r", "shelve", "Li", "", 600)
    bench.go(30)
    assert bench.raised() == [] and bench.watch.channel("t").quality is Quality.BAD_STALE


# ---- too many


def test_a_chattering_rule_shelves_itself_visibly_and_comes_back() -> None:
    bench = Bench(one(HOT))
    for _ in range(20):
        bench.scan(90.0)
        bench.go(1)
        bench.scan(10.0)
        bench.go(1)
    bench.go(60)
    bench.watch.checkpoint()
    assert bench.story() == [
        "raised r", "cleared r (normal)", "raised r", "cleared r (normal)", "raised r", "cleared r (shelved)",
        "r: shelved (chatter)",
    ]  # fmt: skip
    (shelved,) = bench.services()
    assert shelved.raises == 3 and shelved.until == shelved.changed_at + timedelta(seconds=1800)
    after = bench.restarted(down_s=300)
    after.scan(90.0)
    after.go(1400)
    assert after.story() == []
    after.go(200)
    assert after.story() == ["r: in_service (expired)", "raised r"]
    assert after.services()[0].raises == 18 and after.services()[0].until is None


def test_slow_raises_are_no_chatter() -> None:
    bench = Bench(one(HOT, alarms={"chatter_raises": 3, "chatter_window_s": 60}))
    for _ in range(10):
        bench.scan(90.0)
        bench.scan(10.0)
        bench.go(31)
    assert bench.services() == []


def test_raises_beyond_what_people_can_follow_are_marked() -> None:
    points = [{"id": f"p{n}", "device": "d"} for n in range(15)]
    rules = [{"id": f"r{n}", "point": f"p{n}", "condition": "high", "limit": 1} for n in range(15)]
    bench = Bench(plant([DEVICE], points, rules))
    for n in range(12):
        bench.scan(2.0, f"p{n}")
        bench.go(10)
    assert [event.flood for event in bench.raised()] == [False] * 10 + [True] * 2
    after = bench.restarted(down_s=60)
    after.scan(2.0, "p12")
    assert [event.flood for event in after.raised()] == [True]
    after.go(900)
    after.scan(2.0, "p13")
    assert [event.flood for event in after.raised()] == [True, False]


# ---- people


def test_people_shelve_and_put_out_of_service_over_a_restart() -> None:
    bench = Bench(one(HOT))
    bench.scan(90.0)
    bench.watch.operate("r", "shelve", by="Li", reason="part ordered", seconds=3600)
    assert bench.story() == ["raised r", "cleared r (shelved)", "r: shelved (operator)"]
    (told,) = bench.services()
    assert (told.by, told.reason, told.until) == ("Li", "part ordered", START + timedelta(hours=1))
    (shown,) = bench.watch.services()
    assert (shown["rule"], shown["name"], shown["until"]) == (
        "r",
        "R",
        (START + timedelta(hours=1)).isoformat(),
    )
    after = bench.restarted(down_s=1800)
    after.scan(90.0)
    after.go(1799)
    assert after.story() == []
    after.watch.operate("r", "out_of_service", by="Li")
    after.go(100_000)
    assert after.story() == ["r: out_of_service (operator)"]
    third = after.restarted(down_s=5)
    third.scan(90.0)
    third.watch.operate("r", "in_service", by="Li")
    assert third.story() == ["r: in_service (operator)", "raised r"] and third.watch.services() == []


def test_orders_that_cannot_be_carried_out_say_why() -> None:
    bench = Bench(one(HOT | {"shelve_most_s": 600, "latching": True}))
    bench.scan(90.0)
    with pytest.raises(NotFound) as missing:
        bench.watch.operate("other", "reset")
    assert (missing.value.code, missing.value.params) == ("rule.not_here", {"rule": "other"})
    for order, code in (
        (("reset",), "rule.still_met"),
        (("shelve", "Li", "", 601.0), "rule.shelve_too_long"),
        (("shelve",), "rule.shelve_needs_time"),
        (("suppress",), "rule.unknown_operation"),
    ):
        with pytest.raises(AppError) as refused:
            bench.watch.operate("r", *order)
        assert refused.value.code == code and refused.value.params.get("rule", "R") == "R"
    bench.scan(10.0)
    bench.watch.operate("r", "acknowledge", by="Li")
    assert bench.story() == ["raised r"]
    bench.watch.operate("r", "reset", by="Li")
    assert bench.story() == ["raised r", "cleared r (reset)"]
    acked = bench.restarted(down_s=1)
    acked.scan(10.0)
    assert acked.story() == []


def test_an_alarm_that_stays_is_told_again_once_however_late() -> None:
    bench = Bench(one(HOT | {"realarm_s": 60}))
    bench.scan(90.0)
    bench.go(61)
    assert bench.story() == ["raised r", "reminded r"]
    bench.clock.set(bench.clock.wall() + timedelta(seconds=600))
    bench.watch.tick()
    assert bench.story() == ["raised r", "reminded r", "reminded r"]
    assert bench.reminded()[0].occurrence == bench.raised()[0].occurrence and bench.reminded()[0].value == 90


# ---- the plant's clock


NIGHT = {"days": [0, 1, 2, 3, 4], "start": "22:00", "end": "06:00"}


def test_a_rule_of_the_night_shift_counts_at_night() -> None:
    bench = Bench(at=datetime(2026, 3, 27, 12, tzinfo=UTC))  # a Friday; clocks go forward on Sunday
    bench.configure(one(HOT | {"schedule": [NIGHT]}))
    assert bench.story() == ["r: suppressed (schedule)"]
    bench.scan(90.0)
    bench.go(8 * 3600 + 3599)
    assert len(bench.story()) == 1
    bench.go(2)
    assert bench.story()[1:] == ["r: in_service (ended)", "raised r"]
    assert bench.raised()[0].raised_at == datetime(2026, 3, 27, 21, tzinfo=UTC)
    bench.go(2 * 86_400)
    assert bench.story()[3:5] == ["cleared r (suppressed)", "r: suppressed (schedule)"]
    assert bench.cleared()[0].cleared_at == datetime(2026, 3, 28, 5, tzinfo=UTC)
    assert [event.raised_at for event in bench.raised()][1:] == []
    bench.go(86_400)
    assert bench.raised()[1].raised_at == datetime(2026, 3, 30, 20, tzinfo=UTC)  # summer time


def test_a_schedule_that_is_taken_away_counts_no_more_and_bad_zones_are_survived() -> None:
    bench = Bench(at=datetime(2026, 3, 27, 12, tzinfo=UTC))
    bench.configure(one(HOT | {"schedule": [NIGHT]}, timezone="Mars/Olympus"))
    bench.scan(90.0)
    after = bench.restarted(down_s=1, settings=one(HOT))
    after.scan(90.0)
    assert after.story() == ["r: in_service (ended)", "raised r"]


def test_a_clock_that_is_set_is_noticed() -> None:
    bench = Bench(at=datetime(2026, 3, 27, 12, tzinfo=UTC))
    bench.configure(one(HOT | {"schedule": [NIGHT]}))
    bench.scan(90.0)

    class Ahead(DataClock):
        """The same clock, set ten hours ahead."""

        def wall(self) -> datetime:
            return super().wall() + timedelta(hours=10)

    bench.clock.__class__ = Ahead
    due_s = bench.watch.next_due_s()
    assert due_s is not None and due_s - bench.clock.steady_s() < 36_000 + 61
    bench.clock._at += timedelta(seconds=61)
    bench.watch.tick()
    assert bench.story()[-1] == "raised r"


# ---- configurations and restarts


def test_a_change_of_condition_goes_on_with_the_same_alarm() -> None:
    bench = Bench(one(HOT))
    bench.scan(90.0)
    bench.configure(one({"condition": "outside", "limit": 0, "limit_high": 85}))
    assert bench.story() == ["raised r"] and len(bench.watch.active()) == 1
    bench.configure(one({"condition": "stuck", "after_s": 60}))
    assert bench.story() == ["raised r", "cleared r (normal)"]


def test_a_rule_that_is_taken_away_is_kept_quiet_no_more() -> None:
    bench = Bench(one(HOT))
    bench.watch.operate("r", "shelve", "Li", "", 600)
    bench.configure(plant([DEVICE], POINTS, []))
    assert bench.story() == ["r: shelved (operator)", "r: in_service (ended)"]


def test_what_version_0_1_stored_goes_on_and_rubbish_is_left() -> None:
    old = {
        "state": {"status": "unack", "trouble": True, "counted_s": 0.0, "quiet_s": 1.0, "value": 90.0},
        "occurrence": "0123456789", "point": "t", "asset": "A-1", "raised_at": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    damaged = old | {"state": {"status": "unack"}, "occurrence": "9876543210"}
    after = Bench()
    after.watch.restore({"r": old, "s": damaged, "comm:line:x": {"state": 1}}, {"9876543210": {"point": "t"}})
    after.configure(
        plant(
            [DEVICE],
            POINTS,
            [{"id": "r", "point": "t"} | HOT, {"id": "s", "point": "t"} | HOT | {"limit": 999}],
        )
    )
    assert after.watch.active() == ["0123456789"]
    assert [(event.rule, event.reason) for event in after.cleared()] == [("s", "rule_removed")]
    after.scan(10.0)
    assert [event.occurrence for event in after.cleared()][1:] == ["0123456789"]


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_at_any_moment_changes_no_alarm(seed: int) -> None:
    """With a checkpoint just before: the same raises and clears, at the same moments, as without the kill."""
    chance = random.Random(seed)
    rules = [
        {"id": "a", "point": "t", "condition": "high", "limit": 55, "on_delay_s": 8, "off_delay_s": 4, "deadband": 2},
        {"id": "b", "point": "t", "condition": "deviation", "other": "u", "limit": 8, "on_delay_s": 3,
         "latching": True},
        {"id": "c", "point": "u", "condition": "stuck", "after_s": 12},
        {"id": "d", "point": "u", "condition": "step", "limit": 6, "window_s": 20},
    ]  # fmt: skip
    config = plant([DEVICE], POINTS, rules)
    plain, killed = Bench(config), Bench(config)
    stories: list[list[tuple[str, datetime]]] = [[], []]
    t, u = 50.0, 50.0

    def read(bench: Bench, number: int) -> None:
        stories[number] += [(f"raised {e.rule}", e.raised_at) for e in bench.raised()]
        stories[number] += [(f"cleared {e.rule}", e.cleared_at) for e in bench.cleared()]

    for second in range(300):
        t = min(65, max(35, t + chance.choice([0, 2, -2, 5, -5])))
        u = u + chance.choice([0, 0, 0, 0, 0, 0, 0, 0, 1, 4])
        for bench in (plain, killed):
            bench.scan(t, "t")
            bench.scan(u, "u")
            bench.go(1)
        if second % 17 == 16:
            killed.watch.checkpoint(whole=True)
            read(killed, 1)
            killed = killed.restarted(down_s=0)
    read(plain, 0)
    read(killed, 1)
    assert sorted(stories[0]) == sorted(stories[1]) and len(stories[0]) > 5


def test_taking_a_scan_tells_rules_charts_and_telemetry() -> None:
    bench = Bench(one(HOT))
    channels = [bench.watch.channel(name) for name in ("t", "u", "run")]
    feed = Feed()
    for channel in channels:
        channel.attach(feed)

    def scan(*changes: tuple[int, float | str | bool | None]) -> None:
        before, feed.good_s = feed.good_s, bench.clock.steady_s()
        feed.scans += 1
        bench.watch.take(channels, changes, before, ["", "not implemented", ""])
        bench.watch.flush()
        bench.go(1)

    scan((0, 70.0), (1, 1.0), (2, "idle"))
    scan((0, 75.0), (1, None), (2, "busy"))
    scan((0, 75.0), (1, None))
    scan((0, 90.0), (1, 5.0), (2, "idle"))
    scan((2, "idle"))
    assert bench.story() == ["raised r"] and bench.raised()[0].value == 90
    told = {sample.id: sample for sample in bench.watch.telemetry()}
    assert (told["t"].n, told["t"].low, told["t"].high, told["t"].mean) == (5, 70, 90, 80)
    assert (told["u"].n, told["u"].low, told["u"].last) == (3, 1, 5)
    assert (told["run"].n, told["run"].last, told["run"].mean) == (5, "idle", None)
    bench.watch.take([], [], 0.0)


def test_points_that_share_what_is_equal_are_still_the_same_points() -> None:
    config = one(HOT)
    twin = EdgeConfig.model_validate_json(config.model_dump_json(exclude_unset=True))
    Bench(config)
    assert config == twin and config.model_dump_json(exclude_unset=True) == twin.model_dump_json(
        exclude_unset=True
    )
    assert config.points[0].model_fields_set is config.points[1].model_fields_set
