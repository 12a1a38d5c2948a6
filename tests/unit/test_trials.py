"""Rules over recordings: what is raised, how long, chatter, flood, schedules, comparison; and readings passed over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.domain import alarms, trials
from core.domain.alarms import ActiveTimes, Condition, Rule, Term
from core.domain.points import Quality, Reading
from core.domain.trials import Compared, Figures, Outcome, Raise, Trial, Watched

T0 = datetime(2026, 3, 9, 0, 0, tzinfo=UTC)  # a Monday, 8 o'clock in Shanghai
SHANGHAI = ZoneInfo("Asia/Shanghai")
HIGH = Rule("hot", Condition.HIGH, 80.0, deadband=5)


def reading(value: Any) -> Reading:
    return Reading(value, Quality.BAD_COMM if value is None else Quality.GOOD, T0, T0)


def run(
    rules: Rule | Iterable[Rule], rows: Iterable[tuple[float, Any]], end_s: float, **more: Any
) -> Outcome:
    given = [rules] if isinstance(rules, Rule) else list(rules)
    trial = Trial([Watched("t", rule) for rule in given], T0, **more)
    for at_s, value in rows:
        trial.put("t", reading(value), at_s)
    return trial.finish(end_s)


def test_raises_with_their_ends_and_how_long() -> None:
    found = run(HIGH, [(0, 70), (10, 81), (20, 77), (30, 75), (40, 90)], 100)
    assert found.raises == [Raise("hot", 10, 81, 30), Raise("hot", 40, 90)]
    assert found.total == found.per_rule["hot"] == Figures(2, 0, 80)
    assert (found.windows, found.flooded, found.flood_share, found.length_s) == (1, 0, 0, 100)


def test_what_falls_due_after_the_last_reading_counts() -> None:
    slow = Rule("slow", Condition.HIGH, 80.0, on_delay_s=60)
    assert run(slow, [(0, 81)], 59).total.count == 0
    assert run(slow, [(0, 81)], 90).raises == [Raise("slow", 60, 81)]
    silent = Rule("silent", Condition.NO_DATA, after_s=60)
    assert run(silent, [(0, 1), (30, 1)], 120).raises == [Raise("silent", 90, 1)]


def test_three_raises_a_minute_are_chatter_each_counted_once() -> None:
    def blink(*moments: float) -> int:
        rows = [(0.0, 70)] + [row for at_s in moments for row in ((at_s, 90), (at_s + 1, 70))]
        return run(HIGH, rows, 10_000).total.chattering

    assert blink(10, 30) == 0
    assert blink(10, 30, 70) == 3
    assert blink(10, 30, 71) == 0  # the third comes after a minute
    assert blink(10, 20, 30, 40, 50) == 5
    assert blink(10, 20, 30, 500, 510, 520) == 6
    assert blink(10, 40, 65, 95, 200) == 4


def test_flood_is_more_than_ten_raises_in_ten_minutes_of_all_rules_together() -> None:
    rules = [Rule(f"r{n}", Condition.HIGH, 80.0) for n in range(11)]
    rows = [(0, 70), (100, 90), (200, 70), (700, 90), (800, 70), (1900, 70)]
    found = run(rules[:10], rows, 1800)
    assert (found.total.count, found.flooded, found.windows) == (20, 0, 3)
    found = run(rules, rows, 1801)
    assert (found.flooded, found.windows, found.flood_share) == (2, 4, 0.5)
    assert run(HIGH, [], 0).flood_share == 0


def test_more_raises_than_are_kept_are_counted() -> None:
    rows = [(n * 10.0, 90 if n % 2 else 70) for n in range(100)]
    found = run(HIGH, rows, 1000, keep=7)
    assert len(found.raises) == 7 and found.total.count == 50
    assert found.total.active_s == 500
    assert all(one.cleared_s == one.raised_s + 10 for one in found.raises)


def test_a_rule_over_two_points_hears_both() -> None:
    both = Rule(
        "both", Condition.ALL, terms=(Term(Condition.HIGH, limit=80.0), Term(Condition.BIT, "m", when=True))
    )
    trial = Trial([Watched("t", both)], T0)
    assert list(trial.points) == ["t", "m"]
    for at_s, point, value in ((0, "t", 90), (10, "m", False), (20, "m", True), (30, "t", 70), (40, "x", 1)):
        trial.put(point, reading(value), at_s)
    assert trial.finish(100).raises == [Raise("both", 20, 90, 30)]


def test_a_rule_counts_by_the_plants_clock_only() -> None:
    shift = Rule("shift", Condition.HIGH, 80.0, schedule=(ActiveTimes(frozenset({0}), 9 * 60, 10 * 60),))
    rows = [(n * 60.0, 90) for n in range(600)]
    found = run(shift, rows, 36_000, zone=SHANGHAI)
    assert found.raises == [Raise("shift", 3600, 90, 7200)]
    assert run(shift, rows, 36_000, zone=UTC).raises == [Raise("shift", 9 * 3600, 90, 36_000)]
    assert run(shift, [(0, 90)], 36_000, zone=SHANGHAI).total.active_s == 3600  # also without a reading there


def test_two_rules_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="hot"):
        Trial([Watched("t", HIGH), Watched("u", HIGH)], T0)


def test_two_sets_are_compared_rule_by_rule() -> None:
    rows = [(0, 70), (10, 81), (20, 70), (30, 95), (40, 70)]
    before = run([HIGH, Rule("gone", Condition.LOW, 0.0)], rows, 60)
    after = run([Rule("hot", Condition.HIGH, 90.0), Rule("new", Condition.LOW, 75.0)], rows, 60)
    assert trials.compare(before, after) == [
        Compared("hot", Figures(2, 0, 20), Figures(1, 0, 10)),
        Compared("gone", Figures(), None),
        Compared("new", None, Figures(3, 3, 40)),
    ]


values = st.one_of(st.none(), st.booleans(), st.sampled_from(["x"]), st.integers(74, 86).map(float))
SIMPLE = [
    Term(Condition.HIGH, limit=80.0, deadband=3.0),
    Term(Condition.LOW, "m", limit=80.0),
    Term(Condition.BIT, "m"),
    Term(Condition.EQUALS, "m", equals=78.0),
    Term(Condition.OUTSIDE, limit=76.0, limit_high=84.0, deadband=1.0),
    Term(Condition.INSIDE, limit=78.0, limit_high=82.0),
    Term(Condition.DEVIATION, limit=4.0, other="m"),
]
TIMED = [Term(Condition.NO_DATA, after_s=50.0), Term(Condition.RATE, limit=5.0, window_s=60.0)]


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Rules of one condition or several, over one point or two."""
    terms = draw(st.lists(st.sampled_from(SIMPLE + TIMED), min_size=1, max_size=3))
    guards = draw(st.lists(st.sampled_from(SIMPLE), max_size=1))
    return Rule(
        "r",
        draw(st.sampled_from([Condition.ALL, Condition.ANY])),
        terms=tuple(terms),
        suppress_when=tuple(guards),
        on_delay_s=draw(st.sampled_from([0.0, 15.0])),
        off_delay_s=draw(st.sampled_from([0.0, 25.0])),
        latching=draw(st.booleans()),
    )


@given(rules(), st.lists(st.tuples(st.integers(1, 40), st.sampled_from("ttm"), values), max_size=60))
@example(
    Rule("r", Condition.ALL, terms=(Term(Condition.DEVIATION, limit=4.0, other="m"),)),
    [(1, "t", False), (1, "t", "x"), (1, "m", False), (1, "t", "x"), (1, "m", 74.0)],
)
def test_readings_passed_over_would_have_changed_nothing(
    rule: Rule, steps: list[tuple[int, str, Any]]
) -> None:
    state, told, at_s = alarms.AlarmState(), [], 0.0
    trial = Trial([Watched("t", rule)], T0)
    for after_s, point, value in steps:
        at_s += after_s
        trial.put(point, reading(value), at_s)
        if point == "t" or point in rule.points:
            name = "" if point == "t" else point
            state, changes = alarms.step(rule, state, reading(value), at_s, name)
            told += changes
    state, changes = alarms.tick(rule, state, at_s + 100)
    told += changes
    found = trial.finish(at_s + 100)
    assert [one.raised_s for one in found.raises] == [t.at_s for t in told if isinstance(t, alarms.Raised)]
    cleared = [one.cleared_s for one in found.raises if one.cleared_s is not None]
    assert cleared == [t.at_s for t in told if isinstance(t, alarms.Cleared)]
