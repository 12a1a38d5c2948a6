"""Alarm rules: every branch by example, and what must hold for any sequence of readings."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain import alarms
from core.domain.alarms import AlarmState, Change, Cleared, Condition, Raised, Rule, Status
from core.domain.points import Quality, Reading

AT = datetime(2026, 1, 1, tzinfo=UTC)
HIGH = Rule("r", Condition.HIGH, limit=80, deadband=5, on_delay_s=10, off_delay_s=20)


def reading(value: float | bool | str | None, quality: Quality = Quality.GOOD) -> Reading:
    return Reading(value, quality, AT, AT)


BAD = reading(None, Quality.BAD_COMM)


def run(
    rule: Rule, steps: list[tuple[float, Reading | None]], state: AlarmState | None = None
) -> tuple[AlarmState, list[Change]]:
    state, all_changes = state or AlarmState(), list[Change]()
    for at_s, what in steps:
        state, changes = (
            alarms.tick(rule, state, at_s) if what is None else alarms.step(rule, state, what, at_s)
        )
        all_changes += changes
    return state, all_changes


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
    assert alarms.due_s(rule, alarms.heard(state, 100)) == 130
    assert alarms.due_s(rule, alarms.heard(alarms.heard(state, 100), 50)) == 130


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


# ---- for any sequence

values = st.one_of(
    st.sampled_from([60.0, 74.9, 75.0, 79.0, 80.0, 80.1, 95.0]).map(reading),
    st.sampled_from([BAD, reading("x"), reading(True), reading(99.0, Quality.UNCERTAIN)]),
    st.none(),
)
gaps = st.sampled_from([0.0, 0.5, 1.0, 3.0, 10.0, 60.0])
histories = st.lists(st.tuples(gaps, values), max_size=40)
rules = st.builds(
    Rule,
    id=st.just("r"),
    condition=st.sampled_from([Condition.HIGH, Condition.LOW, Condition.BIT, Condition.NO_DATA]),
    limit=st.just(80.0),
    when=st.booleans(),
    after_s=st.sampled_from([1.0, 5.0, 30.0]),
    on_delay_s=st.sampled_from([0.0, 1.0, 7.0]),
    off_delay_s=st.sampled_from([0.0, 2.0, 20.0]),
    deadband=st.sampled_from([0.0, 5.0]),
)


def timed(history: list[tuple[float, Reading | None]]) -> list[tuple[float, Reading | None]]:
    at_s, steps = 0.0, []
    for gap, what in history:
        at_s += gap
        steps.append((at_s, what))
    return steps


@given(rules, histories)
def test_raises_and_clears_alternate_and_never_go_back_in_time(
    rule: Rule, history: list[tuple[float, Reading | None]]
) -> None:
    state, changes = run(rule, timed(history))
    assert [isinstance(change, Raised) for change in changes] == [
        index % 2 == 0 for index in range(len(changes))
    ]
    assert state.active == (len(changes) % 2 == 1)
    moments = [change.at_s for change in changes]
    assert moments == sorted(moments)


def met_by(rule: Rule, r: Reading) -> bool | None:
    """The condition by its definition, without deadband."""
    if not r.good or r.value is None or isinstance(r.value, str):
        return None
    if rule.condition is Condition.BIT:
        return bool(r.value) == rule.when
    return r.value > 80 if rule.condition is Condition.HIGH else r.value < 80


@given(rules.filter(lambda rule: rule.condition is not Condition.NO_DATA), histories)
def test_no_raise_without_the_condition_for_its_on_delay(
    rule: Rule, history: list[tuple[float, Reading | None]]
) -> None:
    steps = timed(history)
    _state, changes = run(rule, steps)
    for change in changes:
        if isinstance(change, Raised):
            held_s = 0.0
            good = [(at, r) for at, r in steps if r is not None and at < change.at_s]
            for (at, r), after in zip(
                reversed(good), [change.at_s, *[at for at, _ in reversed(good)]], strict=False
            ):
                met = met_by(rule, r)
                if met is None:
                    continue  # pauses: neither counts nor breaks
                if not met:
                    break
                held_s += after - at
            assert held_s >= rule.on_delay_s - 1e-9


@given(rules, histories)
def test_looking_in_between_changes_nothing(rule: Rule, history: list[tuple[float, Reading | None]]) -> None:
    steps = timed(history)
    often: list[tuple[float, Reading | None]] = []
    before = 0.0
    for at_s, what in steps:
        often += [(before + (at_s - before) * part / 4, None) for part in (1, 2, 3)] + [(at_s, what)]
        before = at_s
    start, _ = alarms.tick(rule, AlarmState(), 0.0)
    (one, changes), (other, more) = run(rule, steps, start), run(rule, often, start)
    assert [type(c) for c in changes] == [type(c) for c in more] and one.active == other.active
    assert [c.at_s for c in changes] == pytest.approx([c.at_s for c in more])


@given(rules, histories, st.integers(0, 40))
@settings(max_examples=300)
def test_a_restart_anywhere_changes_nothing(
    rule: Rule, history: list[tuple[float, Reading | None]], cut: int
) -> None:
    """The clock begins anew, and the last reading is there again at once, as it is when polling begins."""
    steps = timed(history)
    cut = min(cut, len(steps))
    now_s = steps[cut - 1][0] if cut else 0.0
    before, _ = run(rule, [(0.0, None), *steps[:cut]])
    last = next((r for _at, r in reversed(steps[:cut]) if r is not None), None)
    shift = 5000.0 - now_s
    thawed = alarms.thaw(json.loads(json.dumps(alarms.freeze(before, now_s))), 5000.0)
    again: list[tuple[float, Reading | None]] = [
        (5000.0, None if rule.condition is Condition.NO_DATA else last)
    ]
    later = [(at + shift, r) for at, r in steps[cut:]]
    _state, restarted = run(rule, again + later, thawed)
    _state, straight = run(rule, steps[cut:], before)
    assert [type(c) for c in restarted] == [type(c) for c in straight]
    assert [c.at_s - shift for c in restarted] == pytest.approx([c.at_s for c in straight])


@given(rules, histories)
def test_due_is_when_something_falls_due(rule: Rule, history: list[tuple[float, Reading | None]]) -> None:
    state, _ = run(rule, timed(history))
    due = alarms.due_s(rule, state)
    if due is not None:
        assert alarms.tick(rule, state, due - 1e-6)[1] == []
        after, changes = alarms.tick(rule, state, due + 1e-6)
        assert changes or after != state


@given(rules, histories, st.one_of(st.floats(0, 200, width=32), st.integers(70, 90)))
def test_numbers_that_are_called_calm_decide_nothing(
    rule: Rule, history: list[tuple[float, Reading | None]], value: float
) -> None:
    state, now_s = AlarmState(), 0.0
    for gap_s, told in history:
        now_s += gap_s
        if told is None:
            state, _ = alarms.tick(rule, state, now_s)
        else:
            state, _ = alarms.step(rule, state, told, now_s)
    band = alarms.calm(rule, state)
    if band is None or not band[0] <= value <= band[1]:
        return
    after, changes = alarms.step(rule, state, reading(value), now_s + 1)
    assert changes == []
    good_s = now_s + 1 if rule.condition is Condition.NO_DATA else None
    assert after == replace(state, value=value, parts=(replace(state.parts[0], value=value, good_s=good_s),))


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
