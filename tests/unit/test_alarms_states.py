"""Latches, reminders, shelves, suppression and service by example, and all of it over a restart."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from core.domain import alarms
from core.domain.alarms import (
    AlarmState,
    Cleared,
    Condition,
    Operation,
    Raised,
    Reminded,
    Rule,
    ServiceChange,
    Status,
    Term,
)
from core.errors import AppError
from tests.unit.alarm_runs import BAD, Step, reading, run, told

HOT = Rule("r", Condition.HIGH, limit=80, on_delay_s=5, off_delay_s=2, deadband=5)
PLAIN = Rule("r", Condition.HIGH, limit=80)


def test_a_latch_holds_until_somebody_resets_it() -> None:
    rule = Rule("r", Condition.HIGH, limit=80, deadband=5, latching=True)
    state, changes = run(rule, [(0, reading(81)), (1, reading(60)), (2, reading(78))])
    assert told(changes) == [("Raised", 0)] and state.active and not state.up
    state, changes = alarms.operate(rule, state, Operation("reset"), 3)
    assert changes == [Cleared(3, 78, "reset")] and state.status is Status.RTN_UNACK
    assert alarms.operate(rule, state, Operation("reset"), 4)[1] == []
    state, _ = run(rule, [(5, reading(90))], state)
    state, _ = alarms.operate(rule, state, Operation("acknowledge"), 6)
    with pytest.raises(AppError) as refused:
        alarms.operate(rule, state, Operation("reset"), 7)
    assert (refused.value.code, refused.value.params) == ("rule.still_met", {"rule": "r"})
    state, _ = run(rule, [(8, reading(0)), (9, reading(90)), (10, reading(0))], state)
    state, changes = alarms.operate(rule, state, Operation("reset"), 11)
    assert told(changes) == [("Cleared", 11)] and state.status is Status.NORMAL


def test_only_a_latched_alarm_can_be_reset() -> None:
    state, _ = run(HOT, [(0, reading(81)), (6, reading(60))])
    with pytest.raises(AppError, match="still holds"):
        alarms.operate(HOT, state, Operation("reset"), 7)


def test_an_alarm_that_stays_is_told_again_and_is_unseen_again() -> None:
    rule = Rule("r", Condition.HIGH, limit=80, realarm_s=60)
    state, _ = run(rule, [(0, reading(81))])
    state = alarms.acknowledge(state)
    assert alarms.due_s(rule, state) == 60
    state, changes = run(rule, [(130, None)], state)
    assert changes == [Reminded(60, 81), Reminded(120, 81)] and state.status is Status.UNACK
    assert run(rule, [(140, reading(0)), (999, None)], state)[1] == [Cleared(140, 0)]


def test_a_shelved_alarm_is_over_and_comes_back_with_the_end_of_its_shelf() -> None:
    state, _ = run(HOT, [(0, reading(81)), (5, None)])
    state, changes = alarms.operate(HOT, state, Operation("shelve", "Li", "spare part", 600), 10)
    assert changes == [
        Cleared(10, 81, "shelved"),
        ServiceChange(10, "shelved", "operator", "Li", "spare part", 610),
    ]
    assert state.shown is Status.SHELVED and not state.active and alarms.due_s(HOT, state) == 610
    state, changes = run(HOT, [(100, reading(90)), (700, None)], state)
    assert changes == [ServiceChange(610, "in_service", "expired"), Raised(610, 90)]


def test_what_came_and_went_on_the_shelf_is_counted() -> None:
    state, _ = alarms.operate(
        PLAIN, AlarmState(), Operation("shelve", seconds=100, why="chatter", raises=3), 0
    )
    state, changes = run(
        PLAIN, [(10, reading(90)), (20, reading(0)), (30, reading(90)), (40, reading(0))], state
    )
    assert changes == []
    state, changes = alarms.operate(PLAIN, state, Operation("unshelve"), 50)
    assert changes == [ServiceChange(50, "in_service", "operator", raises=2)] and state.hushed == 0
    assert alarms.operate(PLAIN, state, Operation("unshelve"), 51)[1] == []


def test_a_shelf_may_be_for_one_occurrence() -> None:
    rule = Rule("r", Condition.HIGH, limit=80, off_delay_s=10)
    state, _ = alarms.operate(rule, AlarmState(), Operation("shelve", once=True), 0)
    state, changes = run(
        rule,
        [(1, reading(0)), (50, reading(90)), (60, reading(0)), (65, BAD), (90, reading(0)), (99, None)],
        state,
    )
    assert told(changes) == [("ServiceChange", 95)] and not state.quiet
    active, _ = run(rule, [(0, reading(90))])
    state, _ = alarms.operate(rule, active, Operation("shelve", once=True, seconds=60), 1)
    assert told(run(rule, [(100, None)], state)[1]) == [("ServiceChange", 61), ("Raised", 61)]


def test_a_shelf_can_be_made_longer_and_has_its_limit() -> None:
    state, _ = alarms.operate(PLAIN, AlarmState(), Operation("shelve", seconds=60), 0)
    state, changes = alarms.operate(PLAIN, state, Operation("shelve", seconds=60), 30)
    assert told(changes) == [("ServiceChange", 30)] and alarms.due_s(PLAIN, state) == 90
    for wrong, code in (
        (Operation("shelve", seconds=99_999), "rule.shelve_too_long"),
        (Operation("shelve"), "rule.shelve_needs_time"),
        (Operation("shelve", seconds=0), "rule.shelve_needs_time"),
    ):
        with pytest.raises(AppError) as refused:
            alarms.operate(PLAIN, state, wrong, 31)
        assert refused.value.code == code
    away, _ = alarms.operate(PLAIN, state, Operation("out_of_service"), 40)
    with pytest.raises(AppError) as refused:
        alarms.operate(PLAIN, away, Operation("shelve", seconds=60), 41)
    assert refused.value.code == "rule.out_of_service"


def test_out_of_service_until_put_back() -> None:
    state, _ = run(PLAIN, [(0, reading(90))])
    state, changes = alarms.operate(PLAIN, state, Operation("out_of_service", "Li", "being mended"), 1)
    assert told(changes) == [("Cleared", 1), ("ServiceChange", 1)] and state.shown is Status.OUT_OF_SERVICE
    assert changes[0] == Cleared(1, 90, "out_of_service")
    assert run(PLAIN, [(5, reading(95)), (9999, None)], state)[1] == []
    assert told(alarms.operate(PLAIN, state, Operation("in_service"), 10)[1]) == [
        ("ServiceChange", 10),
        ("Raised", 10),
    ]


def test_a_design_suppresses_while_it_is_met_and_a_bad_reading_of_it_changes_nothing() -> None:
    rule = Rule("r", Condition.LOW, limit=2, suppress_when=(Term(Condition.BIT, "run", when=False),))
    steps: list[Step] = [
        (0, reading(1)), (1, reading(True), "run"), (2, reading(False), "run"), (3, BAD, "run"), (4, reading(1)),
        (5, reading(True), "run"),
    ]  # fmt: skip
    state, changes = run(rule, steps)
    assert changes == [
        Raised(0, 1),
        Cleared(2, 1, "suppressed"),
        ServiceChange(2, "suppressed", "design"),
        ServiceChange(5, "in_service", "ended", raises=0),
        Raised(5, 1),
    ]
    unguarded = Rule("r", Condition.LOW, limit=2)
    state, _ = run(rule, [(6, reading(False), "run")], state)
    assert told(run(unguarded, [(7, None)], state)[1]) == [("ServiceChange", 7), ("Raised", 7)]


def test_reasons_for_quiet_are_told_one_after_the_other() -> None:
    state = AlarmState()
    seen = []
    for at_s, operation in enumerate(
        [
            Operation("suppress", why="parent"), Operation("suppress", why="schedule"),
            Operation("suppress", why="schedule"), Operation("shelve", seconds=60),
            Operation("unsuppress", why="schedule"),
            Operation("unshelve"), Operation("unsuppress", why="parent"), Operation("unsuppress", why="parent"),
        ]
    ):  # fmt: skip
        state, changes = alarms.operate(PLAIN, state, operation, float(at_s))
        seen += [(change.service, change.why) for change in changes if isinstance(change, ServiceChange)]
    assert seen == [
        ("suppressed", "parent"), ("suppressed", "schedule"), ("shelved", "operator"), ("suppressed", "parent"),
        ("in_service", "ended"),
    ]  # fmt: skip
    for wrong in (Operation("suppress"), Operation("unsuppress", why="design")):
        with pytest.raises(ValueError, match="suppression"):
            alarms.operate(PLAIN, state, wrong, 20)


def test_after_a_parent_delays_and_silences_begin_anew() -> None:
    rule = Rule("r", Condition.BIT, on_delay_s=10)
    state, _ = run(rule, [(0, reading(True))])
    state, _ = alarms.operate(rule, state, Operation("suppress", why="parent"), 5)
    state, changes = run(rule, [(50, None)], state)
    assert changes == [] and state.up
    state, changes = alarms.operate(rule, state, Operation("unsuppress", why="parent"), 60)
    assert told(changes) == [("ServiceChange", 60)]
    assert told(run(rule, [(100, None)], state)[1]) == [("Raised", 70)]
    silence = Rule("r", Condition.NO_DATA, after_s=10)
    state, _ = alarms.operate(silence, AlarmState(), Operation("suppress", why="parent"), 0)
    state, _ = alarms.operate(silence, state, Operation("unsuppress", why="parent"), 60)
    assert told(run(silence, [(100, None)], state)[1]) == [("Raised", 70)]
    calm, _ = run(rule, [(0, reading(False))])
    calm, _ = alarms.operate(rule, calm, Operation("suppress", why="parent"), 5)
    assert alarms.operate(rule, calm, Operation("unsuppress", why="parent"), 6)[0].since_s is None


def test_quiet_that_ends_while_nothing_good_is_known_raises_with_the_next_good_reading() -> None:
    state, _ = run(PLAIN, [(0, reading(90))])
    state, _ = alarms.operate(PLAIN, state, Operation("shelve", seconds=60), 1)
    state, changes = run(PLAIN, [(2, BAD), (100, BAD)], state)
    assert told(changes) == [("ServiceChange", 61)]
    assert told(run(PLAIN, [(110, reading(85))], state)[1]) == [("Raised", 110)]


def test_the_deadband_does_not_raise_what_it_would_have_held() -> None:
    rule = Rule("r", Condition.HIGH, limit=80, deadband=10)
    state, _ = run(rule, [(0, reading(90))])
    state, _ = alarms.operate(rule, state, Operation("shelve", seconds=60), 1)
    assert told(run(rule, [(2, reading(75)), (99, None)], state)[1]) == [("ServiceChange", 61)]


def test_shown_is_the_one_state_of_the_standard() -> None:
    assert AlarmState().shown is Status.NORMAL
    assert (
        alarms.operate(PLAIN, AlarmState(), Operation("suppress", why="parent"), 0)[0].shown
        is Status.SUPPRESSED
    )


def test_all_verbs_can_be_done_to_a_rule_at_rest() -> None:
    for verb in get_args(alarms.Verb):
        alarms.operate(PLAIN, AlarmState(), Operation(verb, seconds=60, why="parent"), 0)


# ---- restart


def again(state: AlarmState, now_s: float, then_s: float, away_s: float = 0.0) -> AlarmState:
    return alarms.thaw(json.loads(json.dumps(alarms.freeze(state, now_s))), then_s, away_s)


def test_everything_outlives_a_restart() -> None:
    rule = Rule(
        "r",
        Condition.HIGH,
        limit=80,
        realarm_s=100,
        suppress_when=(Term(Condition.NO_DATA, "b", after_s=10),),
    )
    state, _ = run(rule, [(0, reading(1), "b"), (0, reading(90))])
    kept = again(state, 30, 1000)
    assert alarms.due_s(rule, kept) == 980  # silence of b, 30 s of which have passed
    assert told(run(rule, [(1000, reading(2), "b"), (1075, reading(2), "b")], kept)[1])[-1][1] == 1075
    shelved, _ = alarms.operate(
        PLAIN, AlarmState(), Operation("shelve", "Li", "r", 60, once=True, raises=2), 0
    )
    back = again(shelved, 20, 500, away_s=10).shelf
    assert back is not None and shelved.shelf is not None
    assert (back.until_s, back.by, back.once, back.raises) == (530, "Li", True, 2)
    away, _ = alarms.operate(PLAIN, AlarmState(), Operation("out_of_service", "Li", "r"), 0)
    assert again(away, 1, 7).absence == away.absence
    quiet, _ = alarms.operate(PLAIN, AlarmState(), Operation("suppress", why="schedule"), 0)
    quiet, _ = run(PLAIN, [(1, reading(90))], quiet)
    assert again(quiet, 1, 7).suppressed == {"schedule"} and again(quiet, 1, 7).hushed == 1
    chatter, _ = alarms.operate(PLAIN, AlarmState(), Operation("shelve", seconds=60, why="chatter"), 0)
    assert again(chatter, 1, 7).shelf is not None


def test_changes_within_a_window_grow_old_while_nobody_looks() -> None:
    for rule, first, second in (
        (Rule("r", Condition.RATE, limit=5, window_s=60), 10, 20),
        (Rule("r", Condition.RATE, limit=-5, window_s=60), 20, 10),
        (Rule("r", Condition.STEP, limit=5, window_s=60), 10, 20),
    ):
        state, _ = run(rule, [(0, reading(first))])
        assert told(run(rule, [(1000, reading(second))], again(state, 5, 999))[1]) == [("Raised", 1000)]
        assert run(rule, [(1000, reading(second))], again(state, 5, 999, away_s=300))[1] == []
        closed, _ = run(rule, [(3, BAD)], state)
        assert told(run(rule, [(1000, reading(second))], again(closed, 5, 999))[1]) == [("Raised", 1000)]


def test_a_standstill_goes_on_with_the_next_good_reading() -> None:
    rule = Rule("r", Condition.STUCK, after_s=30)
    state, _ = run(rule, [(0, reading(7))])
    state, changes = run(
        rule, [(1000, reading(7)), (1009, reading(7)), (1011, reading(7))], again(state, 20, 999)
    )
    assert told(changes) == [("Raised", 1010)]
    assert run(rule, [(2000, reading(7))], again(state, 1020, 1999))[1] == []  # still active


def test_a_standstill_that_nothing_had_confirmed_yet_counts_from_the_reading_after_a_restart() -> None:
    for delay_s in (0, 1):
        rule = Rule("r", Condition.STUCK, after_s=1, on_delay_s=delay_s)
        state, changes = run(rule, [(0, reading(0)), (3, None)])
        assert changes == []
        thawed = again(state, 3, 999)
        assert run(rule, [(1005, None)], thawed)[1] == []
        assert run(rule, [(1005, reading(1))], thawed)[1] == []
        assert told(run(rule, [(1005, reading(0)), (1007, None)], thawed)[1]) == [("Raised", 1005 + delay_s)]


def test_a_deviation_compares_nothing_with_a_value_from_before_a_restart() -> None:
    rule = Rule("r", Condition.DEVIATION, limit=4, other="m")
    state, _ = run(rule, [(0, reading(1), "m"), (0, reading(0))])
    thawed = again(state, 3, 999)
    after, changes = run(rule, [(1000, reading(74), "m"), (1100, None)], thawed)
    assert changes == []
    assert told(run(rule, [(1101, reading(0))], after)[1]) == [("Raised", 1101)]


def test_states_that_version_0_1_stored_go_on() -> None:
    old = {"status": "acked", "trouble": True, "counted_s": 0.0, "quiet_s": 3.0, "value": 90.0}
    state, changes = run(HOT, [(100, reading(78)), (101, reading(75)), (104, None)], alarms.thaw(old, 99))
    assert told(changes) == [("Cleared", 103)] and state.status is Status.NORMAL
    counting = {"status": "normal", "trouble": True, "counted_s": 4.0, "quiet_s": 0.0, "value": 90.0}
    assert told(run(HOT, [(100, reading(85)), (105, None)], alarms.thaw(counting, 99))[1]) == [
        ("Raised", 101)
    ]
    silence = Rule("r", Condition.NO_DATA, after_s=30, on_delay_s=10)
    quiet = {"status": "normal", "trouble": False, "counted_s": 0.0, "quiet_s": 20.0, "value": None}
    assert told(run(silence, [(200, None)], alarms.thaw(quiet, 100))[1]) == [("Raised", 120)]
    silent = {"status": "normal", "trouble": True, "counted_s": 4.0, "quiet_s": 34.0, "value": None}
    assert told(run(silence, [(100, None), (200, None)], alarms.thaw(silent, 100))[1]) == [("Raised", 106)]
    fresh = {"status": "normal", "trouble": None, "counted_s": 0.0, "quiet_s": None, "value": None}
    assert alarms.thaw(fresh, 0).parts[0].good_s is None


def test_a_rule_of_another_condition_forgets_what_the_old_one_remembered() -> None:
    state, _ = run(HOT, [(0, reading(90)), (6, None)])
    stuck = Rule("r", Condition.STUCK, after_s=10)
    fitted = alarms.fit(stuck, state, 7)
    assert fitted.parts[0].value is None and fitted.active
    assert alarms.fit(stuck, fitted, 8) is fitted


@pytest.mark.parametrize(
    "damage",
    [
        {"trouble": "yes"}, {"value": [1]}, {"status": "odd"}, {"counted_s": "x"}, {"parts": "x"}, {"guards": 1},
        {"parts": [{"of": "rate", "trail": 1}]}, {"parts": [{}]}, {"shelf": 1}, {"shelf": {}}, {"absence": 1},
        {"suppressed": 1}, {"hushed": "x"}, {"told_ago_s": "x"},
    ],
)  # fmt: skip
def test_a_damaged_state_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        alarms.thaw(alarms.freeze(AlarmState(), 0) | damage, 0)
