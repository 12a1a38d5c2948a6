"""Service levels: which policy counts, what is due on whose working time, when to warn and whom to call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.domain import sla
from core.domain.calendars import Calendar, Hours, Pause
from core.domain.matching import Match
from core.domain.sla import Level, Policy, Target

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)  # a Tuesday, 10:00 in Shanghai
HOUR = timedelta(hours=1)
OFFICE = Calendar("Asia/Shanghai", ((Hours(480, 720), Hours(780, 1020)),) * 5 + ((), ()))
QUICK = Policy(7, Target(HOUR, 8 * HOUR), OFFICE, levels=(Level(HOUR), Level(4 * HOUR)))


def test_without_a_policy_the_priority_decides_around_the_clock() -> None:
    due = sla.due(None, 1, NOW)
    assert (due.respond_at, due.warn_at, due.resolve_at) == (
        NOW + timedelta(minutes=15), NOW + 3 * HOUR, NOW + 4 * HOUR,
    )  # fmt: skip
    assert sla.due(None, 4, NOW).resolve_at == NOW + timedelta(days=7)


def test_a_lower_priority_never_has_less_time() -> None:
    times = [(target.respond, target.resolve) for _, target in sorted(sla.TARGETS.items())]
    assert times == sorted(times)


def test_a_policy_counts_working_time() -> None:
    due = sla.due(QUICK, 1, NOW)  # two hours to lunch, four in the afternoon, two tomorrow
    assert due.respond_at == NOW + HOUR
    assert due.warn_at == NOW + 7 * HOUR  # six working hours, an hour of lunch
    assert due.resolve_at == NOW + timedelta(days=1)


@given(st.sampled_from(sorted(sla.TARGETS)), st.timedeltas(timedelta(0), timedelta(days=30)))
def test_pauses_move_what_is_due_and_the_warning_with_it(priority: int, paused: timedelta) -> None:
    plain = sla.due(None, priority, NOW)
    moved = sla.due(None, priority, NOW, [Pause(NOW, NOW + paused)])
    assert moved.resolve_at - plain.resolve_at == moved.warn_at - plain.warn_at == paused


def test_a_clock_that_stands_still_is_reckoned_as_if_it_went_on() -> None:
    assert sla.due(None, 2, NOW, [Pause(NOW, None)]) == sla.due(None, 2, NOW)


def test_the_first_policy_that_covers_a_ticket_counts() -> None:
    urgent = Policy(1, QUICK.target, match=Match(frozenset({"fault"}), frozenset({1})))
    presses = Policy(
        2, QUICK.target, match=Match(categories=frozenset({"press"}), location_ids=frozenset({5, 6}))
    )
    both = [urgent, presses]
    assert sla.chosen(both, "fault", 1, "press", 5) is urgent
    assert sla.chosen(both, "fault", 2, "press", 6) is presses
    assert sla.chosen(both, "fault", 2, "press", None) is None
    assert sla.chosen(both, "request", 1, "oven", 5) is None


def test_levels_are_reached_one_after_the_other() -> None:
    hours = (-1, 0, 1, 3, 4, 90)
    assert [sla.level_at(QUICK, NOW, NOW + n * HOUR) for n in hours] == [0, 0, 1, 1, 2, 2]
