"""Service levels by priority."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.domain import sla

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)


def test_the_targets_of_the_highest_and_lowest() -> None:
    assert sla.due(1, NOW) == sla.Due(NOW + timedelta(minutes=15), NOW + timedelta(hours=4))
    assert sla.due(4, NOW) == sla.Due(NOW + timedelta(hours=24), NOW + timedelta(days=7))


def test_a_lower_priority_never_has_less_time() -> None:
    times = [(target.respond, target.resolve) for _, target in sorted(sla.TARGETS.items())]
    assert times == sorted(times)


@given(st.sampled_from(sorted(sla.TARGETS)), st.timedeltas(timedelta(0), timedelta(days=30)))
def test_pauses_move_what_is_due_and_the_warning_with_it(priority: int, paused: timedelta) -> None:
    due = sla.due(priority, NOW, paused)
    assert due.resolve_at - sla.due(priority, NOW).resolve_at == paused
    warned_at = due.resolve_at - sla.warn_before(priority)
    assert warned_at - NOW - paused == sla.TARGETS[priority].resolve * 0.75
