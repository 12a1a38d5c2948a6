"""Limits, bits and silence by example: delays, deadband, quality, restarts."""

from __future__ import annotations

import json
import math

import pytest

from core.domain import alarms
from core.domain.alarms import AlarmState, Cleared, Condition, Raised, Rule, Status
from core.domain.points import Quality, Reading
from tests.unit.alarm_runs import BAD, reading, run

HIGH = Rule("r", Condition.HIGH, limit=80, deadband=5, on_delay_s=10, off_delay_s=20)


def test_high_is_raised_after_its_on_delay_and_cleared_after_its_off_delay() -> None:
    state, changes = run(HIGH, [(0, reading(81)), (9, reading(90))])
    assert changes == [] and state.pending and alarms.due_s(HIGH, state) == 10
    state, changes = run(HIGH, [(10, None)], state)
    assert changes == [Raised(10, 90)] and state.status is Status.UNACK and alarms.due_s(HIGH, state) is None
    state, changes = run(HIGH, [(30, reading(75)), (49, None)], state)
    assert changes == [] and state.active
    state, changes = run(HIGH, [(51, reading(70))], state)
    assert changes == [Cleared(50, 75)] and state.status is Status.RTN_UNACK


def test_a_condition_that_goes_away_within_the_on_delay_raises_nothing() -> None:
    _state, changes = run(HIGH, [(0, reading(81)), (9, reading(79)), (30, reading(81)), (39.9, None)])
    assert changes == []


def test_the_deadband_holds_an_active_alarm_but_does_not_make_one() -> None:
    rule = Rule("r", Condition.HIGH, limit=80, deadband=5)
    state, changes = run(rule, [(0, reading(78)), (1, reading(80))])
    assert changes == [] and not state.active
    state, changes = run(rule, [(2, reading(80.1)), (3, reading(75.1)), (4, reading(75))], state)
    assert changes == [Raised(2, 80.1), Cleared(4, 75)]


def test_low_and_its_deadband() -> None:
    rule = Rule("r", Condition.LOW, limit=2, deadband=1)
    _state, changes = run(rule, [(0, reading(2)), (1, reading(1.9)), (2, reading(2.9)), (3, reading(3))])
    assert changes == [Raised(1, 1.9), Cleared(3, 3)]


@pytest.mark.parametrize("when", [True, False])
def test_bit_in_either_state(when: bool) -> None:
    rule = Rule("r", Condition.BIT, when=when)
    _state, changes = run(
        rule, [(0, reading(not when)), (1, reading(when)), (2, reading(1 if not when else 0))]
    )
    assert [type(change) for change in changes] == [Raised, Cleared]


@pytest.mark.parametrize("unusable", [BAD, reading("hot"), reading(None), reading(99, Quality.UNCERTAIN)])
def test_a_reading_that_is_not_good_pauses_the_delay_and_neither_raises_nor_clears(unusable: Reading) -> None:
    state, changes = run(HIGH, [(0, reading(81)), (6, unusable), (100, None), (101, unusable)])
    assert changes == [] and state.counted_s == 6 and alarms.due_s(HIGH, state) is None
    state, changes = run(HIGH, [(200, reading(82)), (203.9, None)], state)
    assert changes == []
    state, changes = run(HIGH, [(204, None), (210, unusable), (900, unusable)], state)
    assert changes == [Raised(204, 82)] and state.active


def test_no_data_counts_from_the_first_look_and_from_each_good_reading() -> None:
    rule = Rule("r", Condition.NO_DATA, after_s=30, on_delay_s=5)
    assert alarms.due_s(rule, AlarmState()) is None
    state, changes = run(rule, [(0, None), (20, reading(1)), (40, BAD), (49, None)])
    assert changes == [] and alarms.due_s(rule, state) == 50
    state, changes = run(rule, [(51, None)], state)
    assert changes == [] and alarms.due_s(rule, state) == 55
    state, changes = run(rule, [(60, BAD), (70, reading(2))], state)
    assert changes == [Raised(55, 1), Cleared(70, 2)]
    state, changes = run(rule, [(80, reading(3)), (109, None)], state)
    assert changes == [] and state.trouble is False


def test_good_readings_without_a_step_each_hold_off_no_data() -> None:
    rule = Rule("r", Condition.NO_DATA, after_s=30)
    state, _ = run(rule, [(0, reading(1))])
    assert alarms.due_s(rule, alarms.heard(rule, state, 100)) == 130
    assert alarms.due_s(rule, alarms.heard(rule, alarms.heard(rule, state, 100), 50)) == 130


def test_acknowledging() -> None:
    seen = {status: alarms.acknowledge(AlarmState(status)).status for status in Status}
    assert seen.pop(Status.UNACK) is Status.ACKED and seen.pop(Status.RTN_UNACK) is Status.NORMAL
    assert all(before is after for before, after in seen.items())
    acked = AlarmState(Status.ACKED, trouble=True, up=True)
    state, changes = run(Rule("r", Condition.HIGH, limit=1), [(0, reading(0))], acked)
    assert [type(c) for c in changes] == [Cleared] and state.status is Status.NORMAL


def test_a_restart_keeps_the_elapsed_time_and_does_not_raise_again() -> None:
    state, _ = run(HIGH, [(0, reading(81))])
    state = alarms.thaw(json.loads(json.dumps(alarms.freeze(state, 7))), 1000)
    assert alarms.due_s(HIGH, state) is None  # nothing on hearsay
    state, changes = run(HIGH, [(1001, reading(81)), (1003.9, None), (1004, None)], state)
    assert changes == [Raised(1004, 81)]
    state = alarms.thaw(alarms.freeze(state, 1010), 5)
    state, changes = run(HIGH, [(6, reading(90)), (600, reading(90))], state)
    assert changes == [] and state.status is Status.UNACK


def test_a_restart_keeps_the_silence_of_no_data_and_its_delay() -> None:
    rule = Rule("r", Condition.NO_DATA, after_s=30, on_delay_s=10)
    state, _ = run(rule, [(0, reading(1))])
    state = alarms.thaw(alarms.freeze(state, 20), 100)
    assert alarms.due_s(rule, state) == 110
    state, _ = run(rule, [(115, None)], state)
    state = alarms.thaw(alarms.freeze(state, 116), 200)
    _state, changes = run(rule, [(200, None), (203.9, None), (204, None)], state)
    assert changes == [Raised(204, 1)]


@pytest.mark.parametrize(
    "damage", [{"trouble": "yes"}, {"value": [1]}, {"status": "odd"}, {"counted_s": "x"}, {"parts": "x"}]
)
def test_a_damaged_state_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        alarms.thaw(alarms.freeze(AlarmState(), 0) | damage, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"condition": Condition.HIGH},
        {"condition": Condition.LOW},
        {"condition": Condition.NO_DATA},
        {"condition": Condition.NO_DATA, "after_s": 0},
        {"condition": Condition.BIT, "on_delay_s": -1},
    ],
)
def test_a_rule_that_cannot_work_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="rule r"):
        Rule("r", **wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_a_rule_at_rest_is_calm_up_to_its_limit_and_an_active_one_down_to_its_deadband() -> None:
    high = Rule("r", Condition.HIGH, limit=80.0, deadband=5.0)
    low = Rule("r", Condition.LOW, limit=10.0, deadband=2.0)
    (normal, _), (active, _) = (
        run(high, [(0, reading(70))]),
        run(high, [(0, reading(81)), (9, reading(81)), (99, None)]),
    )
    active = alarms.acknowledge(active)
    assert alarms.calm(high, normal) == (-math.inf, 80.0)
    assert alarms.calm(low, run(low, [(0, reading(11))])[0]) == (10.0, math.inf)
    assert alarms.calm(high, active) == (math.nextafter(75.0, math.inf), math.inf)
    assert alarms.calm(low, run(low, [(0, reading(9))])[0]) == (-math.inf, math.nextafter(12.0, -math.inf))
    bit = Rule("r", Condition.BIT, limit=1.0)
    assert alarms.calm(bit, run(bit, [(0, reading(False))])[0]) is None
    assert alarms.calm(high, AlarmState()) is None
