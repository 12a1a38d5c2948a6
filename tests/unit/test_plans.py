"""Due dates of preventive work: month ends, fixed and floating, lead, grace, skipping."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.plans import History, Rhythm, coming, due, first_after, later, next_due, occurrences, overdue

D = date


@pytest.mark.parametrize(
    ("day", "periods", "period", "then"),
    [
        (D(2026, 3, 1), 10, "day", D(2026, 3, 11)),
        (D(2026, 3, 1), 2, "week", D(2026, 3, 15)),
        (D(2026, 1, 31), 1, "month", D(2026, 2, 28)),
        (D(2028, 1, 31), 1, "month", D(2028, 2, 29)),
        (D(2026, 1, 31), 2, "month", D(2026, 3, 31)),
        (D(2026, 12, 15), 1, "month", D(2027, 1, 15)),
        (D(2028, 2, 29), 1, "year", D(2029, 2, 28)),
        (D(2028, 2, 29), 4, "year", D(2032, 2, 29)),
    ],
)
def test_stepping(day: date, periods: int, period: str, then: date) -> None:
    assert later(day, periods, period) == then  # type: ignore[arg-type]


def test_a_short_month_moves_no_later_date() -> None:
    monthly = Rhythm(1, "month", D(2026, 1, 31))
    found = list(occurrences(monthly, None, D(2026, 5, 31)))
    assert found == [D(2026, 1, 31), D(2026, 2, 28), D(2026, 3, 31), D(2026, 4, 30), D(2026, 5, 31)]


FIXED = Rhythm(1, "month", D(2026, 1, 15), lead_days=5, grace_days=3)


def test_fixed_first_time_and_lead() -> None:
    assert due(FIXED, History(), D(2026, 1, 9)) is None
    assert due(FIXED, History(), D(2026, 1, 10)) == D(2026, 1, 15)
    assert next_due(FIXED, History(), D(2025, 12, 1)) == D(2026, 1, 15)


def test_fixed_goes_on_from_the_planned_date_however_late_it_was_done() -> None:
    done_late = History(made_on=D(2026, 1, 15), done_on=D(2026, 2, 3), done_due_on=D(2026, 1, 15))
    assert next_due(FIXED, done_late, D(2026, 2, 3)) == D(2026, 2, 15)
    assert due(FIXED, done_late, D(2026, 2, 3)) is None


def test_of_several_missed_dates_the_last_is_made_up_for() -> None:
    assert due(FIXED, History(made_on=D(2026, 1, 15)), D(2026, 6, 20)) == D(2026, 6, 15)
    assert due(FIXED, History(made_on=D(2026, 6, 15)), D(2026, 6, 20)) is None


def test_an_open_ticket_is_waited_for_unless_told_otherwise() -> None:
    still_open = History(made_on=D(2026, 1, 15), open=True)
    assert due(FIXED, still_open, D(2026, 2, 20)) is None
    eager = Rhythm(1, "month", D(2026, 1, 15), skip_if_open=False)
    assert due(eager, still_open, D(2026, 2, 20)) == D(2026, 2, 15)


FLOATING = Rhythm(30, "day", D(2026, 1, 15), "floating", lead_days=2)


def test_floating_counts_from_the_completion_early_or_late() -> None:
    assert due(FLOATING, History(), D(2026, 1, 13)) == D(2026, 1, 15)
    late = History(made_on=D(2026, 1, 15), done_on=D(2026, 1, 25), done_due_on=D(2026, 1, 15))
    assert next_due(FLOATING, late, D(2026, 1, 26)) == D(2026, 2, 24)
    early = History(made_on=D(2026, 1, 15), done_on=D(2026, 1, 13), done_due_on=D(2026, 1, 15))
    assert next_due(FLOATING, early, D(2026, 1, 26)) == D(2026, 2, 12)


def test_floating_waits_for_the_completion() -> None:
    assert next_due(FLOATING, History(made_on=D(2026, 1, 15), open=True), D(2026, 6, 1)) is None
    assert coming(FLOATING, History(made_on=D(2026, 1, 15), open=True), D(2026, 6, 1), D(2027, 6, 1)) == []


def test_floating_passes_over_a_cancelled_occurrence() -> None:
    never_done = History(made_on=D(2026, 1, 15))
    assert next_due(FLOATING, never_done, D(2026, 1, 20)) == D(2026, 2, 14)
    done_before = History(made_on=D(2026, 2, 14), done_on=D(2026, 1, 15), done_due_on=D(2026, 1, 15))
    assert next_due(FLOATING, done_before, D(2026, 2, 20)) == D(2026, 3, 16)


def test_coming_dates() -> None:
    assert coming(FIXED, History(), D(2026, 1, 1), D(2026, 3, 20)) == [
        D(2026, 1, 15),
        D(2026, 2, 15),
        D(2026, 3, 15),
    ]
    assert coming(FIXED, History(), D(2025, 1, 1), D(2025, 2, 1)) == []
    assert coming(FLOATING, History(), D(2026, 1, 1), D(2026, 3, 20)) == [D(2026, 1, 15)]


def test_grace() -> None:
    assert not overdue(D(2026, 1, 15), 3, D(2026, 1, 18)) and overdue(D(2026, 1, 15), 3, D(2026, 1, 19))


DAYS = st.dates(D(2000, 1, 1), D(2060, 1, 1))


@given(st.integers(1, 40), st.sampled_from(["day", "week", "month", "year"]), DAYS, st.integers(-400, 4000))
def test_first_after_is_the_first_one(every: int, period: str, start: date, offset: int) -> None:
    rhythm = Rhythm(every, period, start)  # type: ignore[arg-type]
    day = start + timedelta(days=offset)
    found = first_after(rhythm, day)
    n, expected = 0, start
    while expected <= day:
        n += 1
        expected = later(start, n * every, rhythm.period)
    assert found == expected
    assert list(occurrences(rhythm, day, found)) == [found]
