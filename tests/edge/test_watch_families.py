"""Alarms that speak for others: gateways, lines, second levels; and what is first."""

from __future__ import annotations

import time
from typing import Any

from core.wire.edge_config import EdgeConfig
from edge_agent.rule_runs import line_rule_id
from tests.edge.watch_bench import Bench, plant

GATE: dict[str, Any] = {"id": "gate"}


def family(children: int = 3, rules: list[dict[str, Any]] | None = None, **child: object) -> EdgeConfig:
    devices = [GATE, *[{"id": f"c{n}", "parent": "gate", "asset": f"A-{n}"} | child for n in range(children)]]
    points = [{"id": f"p{n}", "device": f"c{n}"} for n in range(children)]
    return plant(devices, points, rules or [])


def all_answer(bench: Bench, answering: bool, *devices: str) -> None:
    for device in devices:
        bench.watch.answers(device, answering)
    bench.watch.flush()


def test_a_thousand_children_of_a_dead_gateway_are_one_raise() -> None:
    rules = [{"id": f"n{n}", "point": f"p{n}", "condition": "no_data", "after_s": 15} for n in range(1000)]
    bench = Bench(family(1000, rules))
    children = [f"c{n}" for n in range(1000)]
    for n in range(1000):
        bench.scan(1.0, f"p{n}")
    all_answer(bench, True, "gate", *children)
    bench.go(5)
    before_s = time.process_time()
    all_answer(bench, False, *children[:500], "gate", *children[500:])  # in any order
    bench.go(600)
    assert time.process_time() - before_s < 20  # seconds of a processor, on any machine: not quadratic
    (raised,) = bench.raised()
    assert (raised.rule, raised.children_count, len(raised.children), raised.first_out) == (
        "comm:gate",
        1000,
        500,
        True,
    )
    assert bench.story() == ["raised comm:gate"]


def test_children_that_stay_dead_speak_for_themselves_when_the_gateway_is_back() -> None:
    bench = Bench(family())
    all_answer(bench, True, "gate", "c0", "c1", "c2")
    all_answer(bench, False, "gate", "c0", "c1", "c2")
    bench.go(100)
    all_answer(bench, True, "gate")
    all_answer(bench, True, "c0")
    bench.go(9)
    assert bench.story() == ["raised comm:gate", "cleared comm:gate (normal)"]
    all_answer(bench, True, "c1")
    bench.go(3)
    assert bench.story()[2:] == ["raised comm:c2"]
    all_answer(bench, True, "c2")
    all_answer(bench, False, "c0")
    bench.go(5)
    all_answer(bench, True, "gate")  # now it is known that it is not the gateway
    bench.go(9)
    assert bench.story()[4:] == []
    bench.go(2)
    assert bench.story()[3:] == ["cleared comm:c2 (normal)", "raised comm:c0"]


def test_a_child_that_was_raised_first_gives_way_to_its_gateway() -> None:
    bench = Bench(family(offline_after_s=2))
    all_answer(bench, True, "gate", "c0", "c1", "c2")
    all_answer(bench, False, "c0")
    all_answer(bench, True, "gate")
    bench.go(4)
    all_answer(bench, False, "gate")
    bench.go(5)
    all_answer(bench, True, "gate")  # a hiccup of the gateway ends nothing
    assert bench.story() == ["raised comm:c0"]
    all_answer(bench, False, "gate", "c1", "c2")
    bench.go(30)
    assert bench.story() == ["raised comm:c0", "raised comm:gate", "cleared comm:c0 (suppressed)"]
    all_answer(bench, True, "gate")
    bench.go(9)
    all_answer(bench, True, "c1", "c2")
    bench.go(2)
    assert bench.story()[3:] == ["cleared comm:gate (normal)", "raised comm:c0"]


def test_a_process_alarm_stays_raised_behind_a_dead_gateway_and_new_ones_wait() -> None:
    rules = [{"id": f"hot{n}", "point": f"p{n}", "condition": "high", "limit": 80} for n in range(2)]
    bench = Bench(family(2, rules))
    all_answer(bench, True, "gate", "c0", "c1")
    bench.scan(90, "p0")
    bench.scan(10, "p1")
    all_answer(bench, False, "gate", "c0")
    bench.bad("p0")
    bench.go(60)
    bench.scan(95, "p1")  # the configuration is wrong: it answers although what it is behind does not
    bench.go(60)
    assert bench.story() == ["raised hot0", "raised comm:gate"]
    assert not bench.raised()[1].first_out or bench.raised()[1].asset == ""
    all_answer(bench, True, "gate", "c0")
    bench.scan(50, "p0")
    bench.go(1)
    assert bench.story()[2:] == ["cleared comm:gate (normal)", "raised hot1", "cleared hot0 (normal)"]


def test_a_restart_in_the_middle_of_an_outage_changes_nothing() -> None:
    bench = Bench(family())
    all_answer(bench, True, "gate", "c0", "c1", "c2")
    all_answer(bench, False, "gate", "c0", "c1", "c2")
    bench.go(60)
    assert bench.story() == ["raised comm:gate"]
    after = bench.restarted(down_s=30)
    all_answer(after, False, "c0", "c1", "c2", "gate")
    after.go(600)
    assert after.story() == []
    again = after.restarted(down_s=30)
    all_answer(again, True, "gate", "c0", "c1")
    all_answer(again, False, "c2")
    again.go(60)
    assert again.story() == ["cleared comm:gate (normal)", "raised comm:c2"]


def test_gateways_behind_gateways_and_circles() -> None:
    devices = [{"id": "a"}, {"id": "b", "parent": "a"}, {"id": "c", "parent": "b"}]
    bench = Bench(plant(devices, [], []))
    all_answer(bench, True, "a", "b", "c")
    all_answer(bench, False, "a", "b", "c")
    bench.go(60)
    assert bench.story() == ["raised comm:a"] and bench.raised()[0].children == ["b", "c"]
    circle = Bench(plant([{"id": "a", "parent": "b"}, {"id": "b", "parent": "a"}], [], []))
    all_answer(circle, False, "a", "b")
    circle.go(60)


def line(bench: Bench, answering: bool, *devices: str) -> None:
    bench.watch.line_answers("10.0.0.9:502", devices or ("c0", "c1", "c2"), answering, "10.0.0.9:502")
    bench.watch.flush()


def on_a_line() -> EdgeConfig:
    devices = [{"id": f"c{n}", "asset": "A-7", "offline_after_s": 10 - 2 * n} for n in range(3)]
    return plant(devices, [{"id": "p0", "device": "c0"}], [])


LINE = line_rule_id("10.0.0.9:502")


def test_a_dead_line_speaks_for_its_devices() -> None:
    bench = Bench(on_a_line())
    line(bench, True)
    all_answer(bench, True, "c0", "c1", "c2")
    line(bench, False)
    all_answer(bench, False, "c0", "c1", "c2")
    bench.go(5.9)
    assert bench.story() == []
    bench.go(60)
    (raised,) = bench.raised()
    assert (raised.rule, raised.asset, raised.children, raised.children_count) == (
        LINE,
        "A-7",
        ["c0", "c1", "c2"],
        3,
    )
    assert raised.rule_name.startswith("10.0.0.9:502") and raised.first_out
    line(bench, True)
    all_answer(bench, True, "c0")
    all_answer(bench, False, "c1", "c2")
    bench.go(30)
    assert bench.story() == [f"raised {LINE}", f"cleared {LINE} (normal)", "raised comm:c1", "raised comm:c2"]


def test_a_line_outlives_a_restart_and_an_answer_of_a_device_ends_its_alarm() -> None:
    bench = Bench(on_a_line())
    line(bench, False)
    all_answer(bench, False, "c0", "c1", "c2")
    bench.go(60)
    (raised,) = bench.raised()
    after = bench.restarted(down_s=10)
    assert after.watch.active() == [raised.occurrence]
    line(after, False)
    all_answer(after, False, "c0", "c1", "c2")
    after.go(60)
    assert after.story() == []
    all_answer(after, True, "c1")
    assert [event.occurrence for event in after.cleared()] == [raised.occurrence]
    after.go(60)
    assert sorted(after.story()[1:]) == ["raised comm:c0", "raised comm:c2"]


def test_a_line_that_is_no_more_is_cleared() -> None:
    bench = Bench(on_a_line())
    line(bench, False)
    all_answer(bench, False, "c0", "c1", "c2")
    bench.go(60)
    bench.watch.line_answers("10.0.0.10:502", ("c0", "c1", "c2"), False, "other")
    bench.go(60)
    other = line_rule_id("10.0.0.10:502")
    assert bench.story() == [f"raised {LINE}", f"cleared {LINE} (rule_removed)", f"raised {other}"]
    bench.configure(plant([{"id": "c0"}, {"id": "x"}], [], []))
    assert bench.story()[3:] == [f"cleared {other} (rule_removed)"]
    gone = Bench(on_a_line())
    line(gone, False)
    gone.go(60)
    after = gone.restarted(down_s=1, settings=plant([{"id": "c0"}], [], []))
    assert after.story() == [f"cleared {LINE} (rule_removed)"]


def test_lines_of_one_device_and_long_names() -> None:
    bench = Bench(on_a_line())
    bench.watch.line_answers("x", ("c0",), False, "x")
    bench.watch.line_answers("y", ("c0", "unknown"), False, "y")
    bench.go(60)
    assert bench.story() == []
    long = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"
    assert len(line_rule_id(long)) <= 40 and line_rule_id(long) != line_rule_id(long + "1")
    bench.watch.line_answers(long, ("c0", "c1"), False, "x")
    all_answer(bench, False, "c0", "c1")
    bench.go(60)
    all_answer(bench, True, "c0", "c1")
    bench.go(60)
    assert bench.story() == [f"raised {line_rule_id(long)}", f"cleared {line_rule_id(long)} (normal)"]


def test_a_shelved_gateway_still_speaks_for_its_children() -> None:
    bench = Bench(family())
    all_answer(bench, True, "gate", "c0", "c1", "c2")
    bench.watch.operate("comm:gate", "shelve", "Li", "being moved", 3600)
    all_answer(bench, False, "gate", "c0", "c1", "c2")
    bench.go(600)
    assert bench.story() == ["comm:gate: shelved (operator)"]


LEVELS: list[dict[str, Any]] = [
    {"id": "high", "point": "t", "condition": "high", "limit": 80},
    {"id": "hihi", "point": "t", "condition": "high_high", "limit": 90},
]


def test_the_second_level_eclipses_the_first() -> None:
    bench = Bench(plant([{"id": "d"}], [{"id": "t", "device": "d"}], LEVELS))
    bench.scan(10, "t")
    bench.scan(95, "t")
    assert bench.story() == ["raised hihi"]
    bench.scan(85, "t")
    assert bench.story()[1:] == ["cleared hihi (normal)", "raised high"]
    bench.scan(95, "t")
    bench.scan(70, "t")
    assert sorted(bench.story()[3:]) == ["cleared high (normal)", "cleared hihi (normal)", "raised hihi"]
    assert bench.services() == []


def test_a_first_level_that_clears_behind_the_second_is_not_raised_again() -> None:
    levels = [LEVELS[0] | {"limit": 80}, LEVELS[1] | {"off_delay_s": 100}]
    bench = Bench(plant([{"id": "d"}], [{"id": "t", "device": "d"}], levels))
    bench.scan(85, "t")
    bench.scan(95, "t")
    bench.scan(70, "t")
    bench.scan(85, "t")
    assert bench.story() == ["raised high", "raised hihi", "cleared high (normal)"]
    after = bench.restarted(down_s=1)
    after.scan(85, "t")
    assert after.story() == []
    after.go(100)
    assert after.story() == ["cleared hihi (normal)", "raised high"]


def test_first_out_is_told_by_the_edges_time_and_on_the_chart() -> None:
    rules = [
        {"id": "slow", "point": "a", "condition": "high", "limit": 1, "on_delay_s": 5},
        {"id": "fast", "point": "b", "condition": "high", "limit": 1},
    ]
    points = [{"id": "a", "device": "d", "asset": "A-1"}, {"id": "b", "device": "d", "asset": "A-1"}]
    bench = Bench(plant([{"id": "d"}], points, rules))
    bench.scan(2, "a")
    bench.go(4.5)
    bench.clock.set(bench.clock.wall().replace(second=6))  # the timer has not run yet
    bench.scan(2, "b")
    assert [(event.rule, event.first_out) for event in bench.raised()] == [("slow", True), ("fast", False)]
    assert [(chart.rule, chart.first_out) for chart in bench.charts()] == [("slow", True), ("fast", False)]
    bench.go(200)
    assert bench.charts()[-2].first_out != bench.charts()[-1].first_out


def test_lines_behind_a_gateway_give_way_to_it_also_when_they_were_noticed_first() -> None:
    """As many lines as a gateway has ports; the gateway itself is looked at last."""
    ports = 50
    devices = [{"id": "gate", "offline_after_s": 1}]
    devices += [
        {"id": f"c{port}.{n}", "parent": "gate", "offline_after_s": 1}
        for port in range(ports)
        for n in range(20)
    ]
    bench = Bench(plant(devices, [], []))

    def all_of(port: int, answering: bool) -> None:
        names = [f"c{port}.{n}" for n in range(20)]
        bench.watch.line_answers(f"h:{port}", names, answering, f"h:{port}")
        all_answer(bench, answering, *names)

    for port in range(ports):
        all_of(port, True)
    all_answer(bench, True, "gate")
    for port in range(ports):
        all_of(port, False)
        bench.go(0.3)
        if port == 30:
            all_answer(bench, False, "gate")
    bench.go(60)
    assert bench.story() == ["raised comm:gate"] and bench.raised()[0].children_count == 1000
    after = bench.restarted(down_s=5)
    for port in range(ports):
        for number in range(20):
            after.watch.answers(f"c{port}.{number}", False)
    after.go(60)
    assert after.story() == []
    after.watch.line_answers("h:7", [f"c7.{n}" for n in range(20)], False, "h:7")
    all_answer(after, True, "gate")
    after.go(9)
    for port in range(ports):
        if port != 7:
            all_answer(after, True, *(f"c{port}.{n}" for n in range(20)))
    after.go(60)
    assert after.story() == ["cleared comm:gate (normal)", f"raised {line_rule_id('h:7')}"]


def test_a_gateway_that_is_hardly_ever_asked_is_not_waited_for_without_end() -> None:
    bench = Bench(family())
    all_answer(bench, True, "gate", "c0", "c1", "c2")
    all_answer(bench, False, "c0")
    bench.go(39)
    assert bench.story() == []
    bench.go(2)
    assert bench.story() == ["raised comm:c0"]
    all_answer(bench, False, "c1")
    all_answer(bench, True, "c1")
    all_answer(bench, True, "gate")
    bench.go(60)
    assert bench.story() == ["raised comm:c0"]
