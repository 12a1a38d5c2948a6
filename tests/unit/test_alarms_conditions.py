"""Every condition of a rule by example: when it is met, what holds it, what says nothing."""

from __future__ import annotations

import math

import pytest

from core.domain import alarms
from core.domain.alarms import OWN, Condition, Rule, Term
from core.domain.points import Quality
from tests.unit.alarm_runs import BAD, Step, reading, run, told


def values(rule: Rule, *values: float | bool | str | None) -> list[tuple[str, float]]:
    """One reading a second."""
    return told(run(rule, [(float(at), reading(value)) for at, value in enumerate(values)])[1])


@pytest.mark.parametrize(
    ("rule", "given", "expected"),
    [
        (Rule("r", Condition.HIGH_HIGH, limit=90), (90, 91, 90), [("Raised", 1), ("Cleared", 2)]),
        (
            Rule("r", Condition.LOW_LOW, limit=1, deadband=1),
            (1, 0.5, 1.5, 2),
            [("Raised", 1), ("Cleared", 3)],
        ),
        (
            Rule("r", Condition.OUTSIDE, limit=10, limit_high=20, deadband=1),
            (10, 9.9, 10.5, 11, 20, 20.1, 19.5, 19),
            [("Raised", 1), ("Cleared", 3), ("Raised", 5), ("Cleared", 7)],
        ),
        (
            Rule("r", Condition.INSIDE, limit=10, limit_high=20, deadband=1),
            (9.9, 10, 9.5, 8.9, 20, 20.5, 21.1),
            [("Raised", 1), ("Cleared", 3), ("Raised", 4), ("Cleared", 6)],
        ),
        (Rule("r", Condition.EQUALS, equals=0.3), (0.1, 3 * 0.1, 0.31), [("Raised", 1), ("Cleared", 2)]),
        (
            Rule("r", Condition.EQUALS, equals=3.0, deadband=1),
            (2, 3, 4, 4.1),
            [("Raised", 1), ("Cleared", 3)],
        ),
        (Rule("r", Condition.EQUALS, equals=3.0, when=False), (3, 4, 3), [("Raised", 1), ("Cleared", 2)]),
        (
            Rule("r", Condition.EQUALS, equals="trip"),
            ("ok", "trip", 7, "ok"),
            [("Raised", 1), ("Cleared", 3)],
        ),
        (
            Rule("r", Condition.EQUALS, equals="ok", when=False),
            ("ok", "trip", "ok"),
            [("Raised", 1), ("Cleared", 2)],
        ),
        (Rule("r", Condition.EQUALS, equals=True), (False, True, 0), [("Raised", 1), ("Cleared", 2)]),
        (Rule("r", Condition.HIGH, limit=1), (math.inf, math.nan, 1.5), [("Raised", 2)]),
    ],
)
def test_conditions_over_the_value(
    rule: Rule, given: tuple[float | bool | str, ...], expected: list[tuple[str, float]]
) -> None:
    assert values(rule, *given) == expected


# ---- change within a window


def test_a_rise_within_the_window_is_raised_and_over_when_the_window_has_passed() -> None:
    rule = Rule("r", Condition.RATE, limit=5, window_s=10)
    state, changes = run(rule, [(0, reading(20)), (4, reading(24)), (8, reading(25)), (9, reading(25.1))])
    assert told(changes) == [("Raised", 9)]
    assert alarms.due_s(rule, state) == 14  # 20 was left at 4
    assert told(run(rule, [(30, None)], state)[1]) == [("Cleared", 14)]


def test_a_slow_rise_is_none_and_a_fall_is_for_a_negative_limit() -> None:
    rule = Rule("r", Condition.RATE, limit=-5, window_s=10)
    assert values(rule, *range(20, 0, -1)) == [("Raised", 6)]
    slow = [(float(at * 10), reading(value)) for at, value in enumerate(range(20, 0, -1))]
    assert run(rule, slow)[1] == []
    assert values(rule, 0, 10, 20) == []


def test_the_deadband_holds_a_rate_and_a_bad_reading_ends_what_was_before() -> None:
    rule = Rule("r", Condition.RATE, limit=5, window_s=10, deadband=2)
    _state, changes = run(rule, [(0, reading(0)), (1, reading(6)), (2, reading(4)), (3, reading(3))])
    assert told(changes) == [("Raised", 1), ("Cleared", 3)]
    _state, changes = run(rule, [(0, reading(0)), (5, BAD), (14, reading(6))])
    assert told(changes) == [("Raised", 14)]  # 0 was there at 5
    _state, changes = run(rule, [(0, reading(0)), (5, BAD), (16, reading(6))])
    assert changes == []


def test_a_window_with_very_many_values_stays_bounded() -> None:
    rule = Rule("r", Condition.RATE, limit=1e6, window_s=1000)
    state, _ = run(rule, [(at / 100, reading(float(at))) for at in range(20_000)])
    assert len(state.parts[0].trail) < 600
    rule = Rule("r", Condition.RATE, limit=9900, window_s=100)
    _state, changes = run(rule, [(at / 100, reading(float(at))) for at in range(20_000)])
    assert 99 <= changes[0].at_s <= 101


def test_a_counter_counts_over_rollover_and_reset() -> None:
    rule = Rule("r", Condition.STEP, limit=10, window_s=60)
    assert values(rule, 65_530, 65_534, 5) == [("Raised", 2)]  # 4, then 2 and 5 more
    assert values(rule, 2.0**32 - 3, 2) == []
    assert values(rule, 2.0**32 - 3, 9) == [("Raised", 1)]
    assert values(rule, 40_000, 0, 3) == []
    assert values(rule, 2.0**40, 0, 3) == []
    assert values(rule, 0, 10) == [] and values(rule, 0, 10.5) == [("Raised", 1)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (5, 9, 4),
        (65_535, 0, 1),
        (61_440, 4_095, 8_191),
        (61_439, 0, 0),
        (65_535, 4_096, 0),
        (2**32 - 1, 1, 2),
    ],
)
def test_how_far_a_counter_has_counted(old: float, new: float, expected: float) -> None:
    assert alarms.risen(old, new) == expected


# ---- standing still, silence


def test_a_value_that_stands_still_while_readings_come_is_stuck() -> None:
    rule = Rule("r", Condition.STUCK, after_s=30, on_delay_s=5)
    state, changes = run(rule, [(0, reading(7)), (20, reading(7)), (32, reading(7)), (36, reading(8))])
    assert told(changes) == [("Raised", 35), ("Cleared", 36)]
    assert alarms.look_s(rule, state) == 66 and alarms.due_s(rule, state) is None
    assert run(rule, [(500, None)], state)[1] == []  # nothing has come


def test_readings_without_a_step_each_count_for_a_standstill() -> None:
    rule = Rule("r", Condition.STUCK, after_s=30)
    state, _ = run(rule, [(0, reading(7))])
    assert alarms.calm(rule, state) == (-math.inf, math.inf)
    state = alarms.heard(rule, state, 29)
    assert run(rule, [(31, None)], state)[1] == []
    state = alarms.heard(rule, state, 33, "", 10, 8)  # changed at 10, without a step
    assert alarms.heard(rule, state, 33, "", 10, 8) == state
    assert alarms.heard(rule, state, 33, "", 10, 9).parts[0].value == 9
    assert alarms.look_s(rule, state) == 40 and run(rule, [(39, None)], state)[1] == []
    state, changes = run(rule, [(50, None)], alarms.heard(rule, state, 45))
    assert told(changes) == [("Raised", 40)] and alarms.look_s(rule, state) is None
    assert alarms.calm(rule, state) is None


def test_readings_that_may_be_left_out_for_a_standstill_are_asked_for_when_it_would_last_too_long() -> None:
    rule = Rule("r", Condition.STUCK, after_s=30)
    state, _ = run(rule, [(0, reading(7)), (30, None)])
    assert alarms.calm(rule, state) == (-math.inf, math.inf) and alarms.look_s(rule, state) == 30
    assert told(run(rule, [(31, None)], alarms.heard(rule, state, 31))[1]) == [("Raised", 30)]
    assert run(rule, [(31, None)], alarms.heard(rule, state, 31, "", 31, 8))[1] == []


def test_a_standstill_confirmed_late_does_not_make_up_a_delay_for_what_came_later() -> None:
    hot = Term(Condition.HIGH, limit=80)
    stuck = Term(Condition.STUCK, "b", after_s=10)
    rule = Rule("r", Condition.ALL, terms=(hot, stuck), on_delay_s=5)
    start: list[Step] = [(0.0, reading(7), "b"), (0.0, reading(70))]
    assert told(run(rule, [*start, (20, reading(90)), (21, reading(7), "b"), (30, None)])[1]) == [
        ("Raised", 25)
    ]
    early: list[Step] = [*start, (5.0, reading(90)), (9.0, reading(91)), (40.0, reading(7), "b")]
    assert told(run(rule, early)[1]) == [("Raised", 15)]  # both were so since 10
    silence = Term(Condition.NO_DATA, after_s=20)
    rule = Rule("r", Condition.ALL, terms=(silence, stuck), on_delay_s=5)
    assert told(run(rule, [*start, (21, None), (22, reading(7), "b"), (30, None)])[1]) == [("Raised", 25)]


def test_a_deviation_forgets_what_is_no_number_any_more_though_there_was_nothing_to_compare() -> None:
    rule = Rule("r", Condition.DEVIATION, limit=4, other="m")
    for gone in (BAD, reading("x")):
        steps: list[Step] = [(0, reading(0)), (1, gone), (2, reading(74), "m"), (50, None)]
        state, changes = run(rule, steps)
        assert changes == [] and state.trouble is None
        assert told(run(rule, [(60, reading(1))], state)[1]) == [("Raised", 60)]


def test_a_standstill_pauses_over_bad_readings_and_knows_words_and_deadbands() -> None:
    rule = Rule("r", Condition.STUCK, after_s=30, deadband=1)
    state, changes = run(rule, [(0, reading(7)), (20, BAD), (100, reading(7.5)), (109, reading(6.5))])
    assert changes == [] and alarms.calm(rule, state) == (6, 8)
    near = alarms.heard(rule, state, 109, "", 105, 7)
    assert near.parts == state.parts  # within the deadband
    assert alarms.heard(rule, run(rule, [(110, BAD)], state)[0], 500).parts[0].good_s == 109
    assert told(run(rule, [(110, reading(7))], state)[1]) == [("Raised", 110)]
    assert values(Rule("r", Condition.STUCK, after_s=2), "a", "a", "a", "b") == [
        ("Raised", 2),
        ("Cleared", 3),
    ]
    words, _ = run(Rule("r", Condition.STUCK, after_s=2), [(0, reading("a"))])
    assert alarms.calm(Rule("r", Condition.STUCK, after_s=2), words) is None


def test_silence_may_be_known_before_its_time() -> None:
    rule = Rule("r", Condition.NO_DATA, after_s=60)
    state, _ = run(rule, [(0, reading(1))])
    assert told(run(rule, [(5, None)], alarms.silent(rule, state, 5))[1]) == [("Raised", 5)]


# ---- several points


def test_a_deviation_needs_both_points_to_be_good() -> None:
    rule = Rule("r", Condition.DEVIATION, limit=5, other="b", deadband=2)
    assert rule.points == ("b",)
    steps: list[Step] = [
        (0, reading(20)), (1, reading(14), "b"), (2, BAD, "b"), (3, reading(99)), (4, reading(95.9), "b"),
        (5, reading(95.8), "b"), (6, BAD), (7, reading(50), "b"), (8, reading(53)), (9, reading(True), "b"),
    ]  # fmt: skip
    state, changes = run(rule, steps)
    assert told(changes) == [("Raised", 1), ("Cleared", 8), ("Raised", 9)]
    assert alarms.calm(rule, state) is None and alarms.calm(rule, state, "b") is None


def test_all_and_any_decide_as_soon_as_they_can() -> None:
    hot, stopped = Term(Condition.HIGH, limit=80), Term(Condition.BIT, "run", when=False)
    both, either = (
        Rule("r", Condition.ALL, terms=(hot, stopped)),
        Rule("r", Condition.ANY, terms=(hot, stopped)),
    )
    steps: list[Step] = [
        (0, reading(90)),
        (1, reading(False), "run"),
        (2, BAD, "run"),
        (3, reading(70)),
        (4, reading(85)),
    ]
    assert told(run(both, steps)[1]) == [("Raised", 1), ("Cleared", 3)]
    state, changes = run(either, steps)
    assert told(changes) == [("Raised", 0)]  # at 3 only the bad one could say that it is over
    state, changes = run(either, [(5, reading(70)), (6, reading(True), "run")], state)
    assert told(changes) == [("Cleared", 6)] and state.value == 70


def test_a_deadband_holds_only_the_term_that_was_met() -> None:
    rule = Rule(
        "r",
        Condition.ANY,
        terms=(Term(Condition.HIGH, limit=80, deadband=10), Term(Condition.HIGH, "b", limit=80, deadband=10)),
    )
    steps: list[Step] = [
        (0, reading(75)),
        (1, reading(85), "b"),
        (2, reading(75)),
        (3, reading(75), "b"),
        (4, reading(69), "b"),
    ]
    assert told(run(rule, steps)[1]) == [("Raised", 1), ("Cleared", 4)]


def test_a_term_may_compare_another_point_with_the_rules_own() -> None:
    rule = Rule("r", Condition.ANY, terms=(Term(Condition.DEVIATION, "b", limit=1, other=OWN),))
    assert rule.points == ("b",)
    _state, changes = run(
        rule, [(0, reading(1)), (1, reading(1), "b"), (2, reading(3)), (3, reading(3), "b")]
    )
    assert told(changes) == [("Raised", 2), ("Cleared", 3)]


def test_terms_of_silence_and_standstill_go_with_time() -> None:
    rule = Rule(
        "r",
        Condition.ALL,
        terms=(Term(Condition.NO_DATA, "b", after_s=10), Term(Condition.STUCK, after_s=5)),
        suppress_when=(Term(Condition.NO_DATA, "c", after_s=1000),),
    )
    state, changes = run(rule, [(0, reading(1)), (4, reading(2), "b"), (6, reading(1)), (14, None)])
    assert told(changes) == [("Raised", 14)]
    state = alarms.silent(rule, state, 20)  # of its own point only, and that is no term of silence
    assert told(run(rule, [(21, reading(1), "b")], state)[1]) == [("Cleared", 21)]


# ---- calm


def calm(rule: Rule, *steps: tuple[float, str] | float | str, point: str = "") -> tuple[float, float] | None:
    state = run(
        rule,
        [
            (0.0, reading(step[0]), step[1]) if isinstance(step, tuple) else (0.0, reading(step))
            for step in steps
        ],
    )[0]
    return alarms.calm(rule, state, point)


def above(limit: float) -> float:
    return math.nextafter(limit, math.inf)


def below(limit: float) -> float:
    return math.nextafter(limit, -math.inf)


def test_numbers_that_need_no_step() -> None:
    outside = Rule("r", Condition.OUTSIDE, limit=10, limit_high=20, deadband=1)
    inside = Rule("r", Condition.INSIDE, limit=10, limit_high=20, deadband=1)
    assert calm(outside, 15) == (10, 20)
    assert calm(outside, 5) == (-math.inf, below(11)) and calm(outside, 25) == (above(19), math.inf)
    assert calm(inside, 15) == (9, 21)
    assert calm(inside, 5) == (-math.inf, below(10)) and calm(inside, 25) == (above(20), math.inf)
    assert calm(Rule("r", Condition.OUTSIDE, limit=10, limit_high=10.5, deadband=1), 10.2) == (10, 10.5)
    assert calm(Rule("r", Condition.RATE, limit=1, window_s=1), 5) is None
    assert calm(Rule("r", Condition.EQUALS, equals=1.0), 5) is None
    assert calm(Rule("r", Condition.NO_DATA, after_s=1), 5) == (-math.inf, math.inf)
    late = Rule("r", Condition.HIGH, limit=1, on_delay_s=5)
    assert calm(late, 5) is None  # counting


def test_each_of_two_points_has_room_whatever_the_other_does() -> None:
    rule = Rule("r", Condition.DEVIATION, limit=10, other="b")
    mine, theirs = calm(rule, 50, (54, "b")), calm(rule, 50, (54, "b"), point="b")
    assert mine is not None and theirs is not None
    assert mine == pytest.approx((47, 53)) and theirs == pytest.approx((51, 57))
    assert theirs[1] - mine[0] <= 10 and calm(rule, 50, (60, "b")) is None
    both = Rule("r", Condition.ALL, terms=(Term(Condition.HIGH, limit=80), Term(Condition.LOW, "b", limit=5)))
    assert calm(both, 50, (9, "b")) == (-math.inf, 80)
    assert calm(both, 50, (9, "b"), point="b") == (5, math.inf)
    assert calm(both, 50) == (-math.inf, 80)  # decided already: one of them is not met


def test_a_rule_with_guards_listens_to_them() -> None:
    rule = Rule("r", Condition.HIGH, limit=80, suppress_when=(Term(Condition.LOW, "speed", limit=10),))
    assert calm(rule, 50, (20, "speed"), point="speed") == (10, math.inf)
    assert calm(rule, 50, (20, "speed")) == (-math.inf, 80)


# ---- what cannot work


@pytest.mark.parametrize(
    "wrong",
    [
        {"condition": Condition.OUTSIDE, "limit": 1},
        {"condition": Condition.INSIDE, "limit": 2, "limit_high": 1},
        {"condition": Condition.EQUALS},
        {"condition": Condition.EQUALS, "equals": ""},
        {"condition": Condition.RATE, "limit": 0, "window_s": 1},
        {"condition": Condition.RATE, "limit": 1, "window_s": -1},
        {"condition": Condition.RATE, "limit": 1},
        {"condition": Condition.STUCK},
        {"condition": Condition.DEVIATION, "limit": 1},
        {"condition": Condition.DEVIATION, "limit": -1, "other": "b"},
        {"condition": Condition.STEP, "limit": -1, "window_s": 5},
        {"condition": Condition.ALL},
        {"condition": Condition.BIT, "realarm_s": 0},
    ],
)
def test_a_rule_that_cannot_work_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="rule r"):
        Rule("r", **wrong)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "wrong",
    [
        {"condition": Condition.ALL},
        {"condition": Condition.HIGH},
        {"condition": Condition.BIT, "deadband": -1},
    ],
)
def test_a_term_that_cannot_work_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"term|deadband"):
        Term(**wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_uncertain_readings_decide_nothing() -> None:
    for rule in (
        Rule("r", Condition.EQUALS, equals=1.0),
        Rule("r", Condition.RATE, limit=1, window_s=10),
        Rule("r", Condition.DEVIATION, limit=1, other="b"),
    ):
        _state, changes = run(
            rule,
            [(0, reading(0)), (0, reading(0), "b"), (1, reading(1, Quality.UNCERTAIN)), (2, reading("x"))],
        )
        assert changes == []


def test_what_is_heard_concerns_silence_and_standstill_only() -> None:
    rule = Rule("r", Condition.HIGH, limit=80)
    state, _ = run(rule, [(0, reading(1))])
    assert alarms.look_s(rule, state) is None and alarms.heard(rule, state, 50) == state
