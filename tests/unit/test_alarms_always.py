"""What holds for any rule and any sequence of readings, operations and restarts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.domain import alarms
from core.domain.alarms import AlarmState, Change, Cleared, Condition, Operation, Raised, Rule, Term
from core.domain.points import Quality, Reading
from core.errors import AppError
from tests.unit.alarm_runs import reading

POINTS = ("", "b")
BY_TIME = (Condition.NO_DATA, Condition.STUCK, Condition.RATE, Condition.STEP)

numbers = st.sampled_from([0.0, 1.0, 5.0, 9.5, 10.0, 10.5, 19.0, 20.5, 30.0])
readings = st.one_of(
    numbers.map(reading),
    numbers.map(reading),
    st.sampled_from(
        [reading(None, Quality.BAD_COMM), reading("trip"), reading(True), reading(9, Quality.UNCERTAIN)]
    ),
)
operations = st.builds(
    Operation,
    verb=st.sampled_from(["acknowledge", "reset", "shelve", "unshelve", "out_of_service", "in_service"]),
    seconds=st.sampled_from([5.0, 30.0]),
    once=st.booleans(),
) | st.builds(
    Operation,
    verb=st.sampled_from(["suppress", "unsuppress"]),
    why=st.sampled_from(["schedule", "parent", "eclipse"]),
)
What = Reading | Operation | None
History = list[tuple[float, What, str]]
histories = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 1.0, 3.0, 10.0, 60.0]),
        st.one_of(readings, readings, st.none(), operations),
        st.sampled_from(POINTS),
    ),
    max_size=30,
)
fields = {
    "limit": st.just(10.0),
    "limit_high": st.just(20.0),
    "equals": st.sampled_from([10.0, "trip", True]),
    "when": st.booleans(),
    "after_s": st.sampled_from([1.0, 5.0, 30.0]),
    "window_s": st.sampled_from([2.0, 20.0]),
    "other": st.just("b"),
    "deadband": st.sampled_from([0.0, 2.0]),
}
simple = [condition for condition in Condition if condition not in alarms.COMBINED]
terms = st.builds(
    Term, condition=st.sampled_from([c for c in simple if c is not Condition.DEVIATION]),
    point=st.sampled_from(POINTS), **fields,
)  # fmt: skip
common = {
    "id": st.just("r"),
    "on_delay_s": st.sampled_from([0.0, 1.0, 7.0]),
    "off_delay_s": st.sampled_from([0.0, 2.0, 20.0]),
    "latching": st.booleans(),
    "realarm_s": st.sampled_from([None, 7.0, 100.0]),
    "suppress_when": st.one_of(st.just(()), st.tuples(terms)),
}
rules = st.one_of(
    st.builds(Rule, condition=st.sampled_from(simple), **common, **fields),
    st.builds(
        Rule, condition=st.sampled_from(alarms.COMBINED), terms=st.lists(terms, min_size=1, max_size=3).map(tuple),
        **common,
    ),
)  # fmt: skip


def apply(
    rule: Rule, state: AlarmState, what: What, at_s: float, point: str
) -> tuple[AlarmState, list[Change]]:
    if what is None:
        return alarms.tick(rule, state, at_s)
    if isinstance(what, Reading):
        return alarms.step(rule, state, what, at_s, point)
    try:
        return alarms.operate(rule, state, what, at_s)
    except AppError:
        return alarms.tick(rule, state, at_s)


def timed(history: History) -> History:
    at_s, steps = 0.0, []
    for gap_s, what, point in history:
        at_s += gap_s
        steps.append((at_s, what, point))
    return steps


def run(rule: Rule, steps: History, state: AlarmState | None = None) -> tuple[AlarmState, list[Change]]:
    state, changes = state or AlarmState(), list[Change]()
    for at_s, what, point in steps:
        state, more = apply(rule, state, what, at_s, point)
        changes += more
    return state, changes


@given(rules, histories)
@settings(max_examples=200)
def test_each_raise_has_at_most_one_clear_and_nothing_quiet_is_raised(rule: Rule, history: History) -> None:
    state = AlarmState()
    for at_s, what, point in timed(history):
        before = state
        state, changes = apply(rule, state, what, at_s, point)
        active = before.active
        for change in changes:
            if isinstance(change, Raised):
                assert not active
                active = True
            elif isinstance(change, Cleared):
                assert active
                active = False
        assert active == state.active
        assert not (state.quiet and state.active)
        if before.quiet and state.quiet and not isinstance(what, Operation):
            shelf = before.shelf
            if (
                before.absence
                or before.suppressed - {"design"}
                or (shelf and shelf.until_s > at_s and not shelf.once)
            ):
                assert not any(isinstance(change, Raised) for change in changes)


def by_definition(rule: Rule, last: dict[str, Reading]) -> bool | None:
    """Whether conditions that know no time are met, without deadband."""
    answers = []
    for term in rule.parts:
        told, other = last.get(term.point), last.get(term.other)
        value = told.value if told is not None and told.good else None
        met: bool | None = None
        if term.condition is Condition.EQUALS:
            if value is not None and isinstance(value, str) == isinstance(term.equals, str):
                met = (value == term.equals) == term.when
        elif isinstance(value, float | int):
            theirs = other.value if other is not None and other.good else None
            limit, high = term.limit or 0.0, term.limit_high or 0.0
            met = {
                Condition.HIGH: value > limit,
                Condition.HIGH_HIGH: value > limit,
                Condition.LOW: value < limit,
                Condition.LOW_LOW: value < limit,
                Condition.OUTSIDE: not limit <= value <= high,
                Condition.INSIDE: limit <= value <= high,
                Condition.BIT: bool(value) == term.when,
                Condition.DEVIATION: abs(value - theirs) > limit if isinstance(theirs, float | int) else None,
            }[term.condition]
        answers.append(met)
    if rule.condition is Condition.ALL:
        return False if False in answers else None if None in answers else True
    return True if True in answers else None if None in answers else False


timeless = rules.filter(lambda rule: all(t.condition not in BY_TIME for t in rule.parts))


@given(timeless, histories)
@settings(max_examples=250)
def test_no_raise_without_the_condition_for_its_on_delay(rule: Rule, history: History) -> None:
    """Time in which the condition is not known neither counts nor breaks the delay."""
    state, last = AlarmState(), dict[str, Reading]()
    met, held_s, now_s = None, 0.0, 0.0
    for at_s, what, point in timed(history):
        state, changes = alarms.tick(rule, state, at_s)
        for change in changes:
            if isinstance(change, Raised):
                assert met and held_s + change.at_s - now_s >= rule.on_delay_s - 1e-9
        held_s += at_s - now_s if met else 0.0
        now_s = at_s
        if isinstance(what, Reading):
            last[point] = what
            met = by_definition(rule, last)
            held_s = 0.0 if met is False else held_s
        state, changes = apply(rule, state, what, at_s, point)
        if any(isinstance(change, Raised) for change in changes):
            assert met and held_s >= rule.on_delay_s - 1e-9


@given(rules, histories)
@settings(max_examples=200)
def test_looking_in_between_changes_nothing(rule: Rule, history: History) -> None:
    steps = timed(history)
    often: History = []
    before_s = 0.0
    for at_s, what, point in steps:
        often += [(before_s + (at_s - before_s) * part / 4, None, "") for part in (1, 2, 3)]
        often.append((at_s, what, point))
        before_s = at_s
    start, _ = alarms.tick(rule, AlarmState(), 0.0)
    (one, changes), (other, more) = run(rule, steps, start), run(rule, often, start)
    assert [type(c) for c in changes] == [type(c) for c in more] and one.status == other.status
    assert [c.at_s for c in changes] == pytest.approx([c.at_s for c in more])


@given(rules, histories, st.integers(0, 30))
@example(Rule("r", Condition.STUCK, after_s=1), [(0.0, reading(0.0), ""), (3.0, None, "")], 2)
@example(Rule("r", Condition.STUCK, after_s=1, on_delay_s=1), [(0.0, reading(0.0), ""), (3.0, None, "")], 2)
@settings(max_examples=250)
def test_a_restart_anywhere_changes_nothing(rule: Rule, history: History, cut: int) -> None:
    """The clock begins anew; polling begins with the last reading of each point, which one that went on reads too.

    What stood still has been read until the stop: nothing else would say that it did.
    """
    steps = timed(history)
    cut = min(cut, len(steps))
    now_s = steps[cut - 1][0] if cut else 0.0
    last = {point: what for _at, what, point in steps[:cut] if isinstance(what, Reading)}
    stood: History = [
        (now_s, what, point) for point, what in last.items() if has(rule, Condition.STUCK, point)
    ]
    before, _ = run(rule, [(0.0, None, ""), *steps[:cut], *stood])
    shift = 5000.0 - now_s
    thawed = alarms.thaw(json.loads(json.dumps(alarms.freeze(before, now_s))), 5000.0)
    told_again: History = [(now_s, what, point) for point, what in last.items() if not hides(rule, point)]
    later: History = [(now_s, None, ""), *told_again, *steps[cut:]]  # a start looks at once: silence goes on
    _state, restarted = run(rule, [(at_s + shift, what, point) for at_s, what, point in later], thawed)
    _state, straight = run(rule, later, before)
    assert [type(c) for c in restarted] == [type(c) for c in straight]
    assert [c.at_s - shift for c in restarted] == pytest.approx([c.at_s for c in straight])


def hides(rule: Rule, point: str) -> bool:
    """A reading told again would be news of a point that has gone silent."""
    return has(rule, Condition.NO_DATA, point) and not has(rule, Condition.STUCK, point)


def has(rule: Rule, condition: Condition, point: str) -> bool:
    return any(t.condition is condition and t.point == point for t in rule.parts + rule.suppress_when)


@given(rules, histories, readings.filter(lambda r: not r.good), st.sampled_from(POINTS))
def test_a_bad_reading_decides_nothing(rule: Rule, history: History, bad: Reading, point: str) -> None:
    steps = timed(history)
    state, _ = run(rule, steps)
    now_s = steps[-1][0] if steps else 0.0
    state, _ = alarms.tick(rule, state, now_s)
    after, changes = alarms.step(rule, state, bad, now_s, point)
    decided = [change for change in changes if isinstance(change, Raised | Cleared)]
    if (
        rule.condition not in alarms.COMBINED
    ):  # of several points the others may decide once one is out of the way
        assert decided == [] and after.status == state.status


@given(rules, histories, st.sampled_from([-1e4, 0.125, 3e5]))
def test_only_differences_of_time_count(rule: Rule, history: History, shift_s: float) -> None:
    steps = timed(history)
    _state, changes = run(rule, steps)
    _state, shifted = run(rule, [(at_s + shift_s, what, point) for at_s, what, point in steps])
    assert [type(c) for c in changes] == [type(c) for c in shifted]
    assert [c.at_s + shift_s for c in changes] == pytest.approx([c.at_s for c in shifted], abs=1e-6)


@given(rules, histories)
def test_due_is_when_something_falls_due(rule: Rule, history: History) -> None:
    state, _ = run(rule, timed(history))
    due_s = alarms.due_s(rule, state)
    if due_s is not None:
        assert alarms.tick(rule, state, due_s - 1e-6)[1] == []
        after, changes = alarms.tick(rule, state, due_s + 1e-6)
        assert changes or after != state


STILL_AND_HIGH = (Term(Condition.HIGH_HIGH, limit=10), Term(Condition.STUCK, "b", after_s=1))
LATE: History = [(0.0, reading(0.0), "b"), (0.0, reading(10.5), ""), (1.0, None, "")]


@given(rules, histories, st.lists(st.tuples(st.sampled_from(POINTS), st.floats(0, 35, width=32)), max_size=4))
@example(Rule("r", Condition.ALL, terms=STILL_AND_HIGH), LATE, [("b", 0.0)])
@example(Rule("r", Condition.ALL, terms=STILL_AND_HIGH, on_delay_s=1), LATE, [("b", 0.0)])
@settings(max_examples=200)
def test_numbers_that_are_called_calm_decide_nothing(
    rule: Rule, history: History, later: list[tuple[str, float]]
) -> None:
    steps = timed(history)
    state, _ = run(rule, steps)
    now_s = steps[-1][0] if steps else 0.0
    state, _ = alarms.tick(rule, state, now_s)
    bands = {point: alarms.calm(rule, state, point) for point in POINTS}
    for point, value in later:
        band, look_s = bands[point], alarms.look_s(rule, state)
        if look_s is not None and look_s <= now_s:
            break  # from then on the caller tells what it has heard
        if band is not None and band[0] <= value <= band[1]:
            after, changes = alarms.step(rule, state, reading(value), now_s, point)
            assert changes == []
            assert (after.status, after.trouble, after.up, after.since_s) == (
                state.status, state.trouble, state.up, state.since_s,
            )  # fmt: skip
            state = replace(after, parts=after.parts)


@given(rules, histories)
def test_a_frozen_state_is_json_and_thaws_to_the_same(rule: Rule, history: History) -> None:
    steps = timed(history)
    state, _ = run(rule, steps)
    now_s = steps[-1][0] if steps else 0.0
    frozen = alarms.freeze(state, now_s)
    assert json.loads(json.dumps(frozen)) == frozen
    thawed = alarms.thaw(frozen, 77.0)
    assert (thawed.status, thawed.trouble, thawed.up, thawed.quiet) == (
        state.status, state.trouble, state.up, state.quiet,
    )  # fmt: skip
    assert thawed.shown is state.shown and thawed.hushed == state.hushed
