"""Working time: against a count of every single minute, over changes of the clock, with pauses and odd days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.calendars import (
    ALWAYS,
    Calendar,
    Hours,
    Pause,
    after,
    covers,
    due_at,
    elapsed_s,
    spans,
    working_s,
)

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
OFFICE = (Hours(8 * 60, 12 * 60), Hours(13 * 60, 17 * 60 + 30))
SHOP = Calendar("Asia/Shanghai", (OFFICE,) * 5 + ((), ()))
MINUTE = timedelta(minutes=1)
# Hours end or begin at any half hour but the ones that a change of the clock takes out or shows twice.
MARKS = [m for m in range(0, 2 * 1440, 30) if not 60 < m % 1440 < 210]


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))


@st.composite
def hours(draw: st.DrawFn) -> tuple[Hours, ...]:
    count = draw(st.integers(0, 2))
    found = []
    for _ in range(count):
        begin = draw(st.sampled_from([m for m in MARKS if m < 1440]))
        end = draw(st.sampled_from([m for m in MARKS if m > begin]))
        found.append(Hours(begin, end))
    return tuple(found)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    days = draw(
        st.lists(st.sampled_from([date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1)]), max_size=2)
    )
    return Calendar(
        draw(st.sampled_from(ZONES)),
        tuple(draw(hours()) for _ in range(7)),
        {day: draw(hours()) for day in days},
    )


# Around the nights on which clocks change in Berlin, New York and on Lord Howe Island, and an ordinary week.
STARTS = st.sampled_from(
    [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC),
     datetime(2026, 4, 4, tzinfo=UTC), datetime(2026, 7, 6, tzinfo=UTC)]
)  # fmt: skip


def works_at(calendar: Calendar, at: datetime) -> bool:
    """Whether a worker who looks at the clock on the wall is at work in this minute."""
    wall = at.astimezone(ZoneInfo(calendar.zone)).replace(tzinfo=None)
    for back in (0, 1, 2):
        day = wall.date() - timedelta(days=back)
        minute = (wall.date() - day).days * 1440 + wall.hour * 60 + wall.minute
        if any(span.from_min <= minute < span.to_min for span in calendar.hours_on(day)):
            return True
    return False


@settings(max_examples=60, deadline=None)
@given(calendars(), STARTS, st.integers(0, 2880), st.integers(0, 4000))
def test_working_time_is_what_counting_every_minute_gives(
    calendar: Calendar, start: datetime, offset_min: int, length_min: int
) -> None:
    begin = start + offset_min * MINUTE
    counted = sum(works_at(calendar, begin + n * MINUTE) for n in range(length_min))
    assert working_s(calendar, begin, begin + length_min * MINUTE) == counted * 60


@settings(max_examples=80, deadline=None)
@given(calendars(), STARTS, st.integers(0, 172_800), st.integers(1, 200_000))
def test_the_due_moment_has_exactly_the_working_time_before_it(
    calendar: Calendar, start: datetime, offset_s: int, seconds: int
) -> None:
    begin = start + timedelta(seconds=offset_s)
    end = after(calendar, begin, seconds)
    if end is None:
        assert not calendar.works
        return
    assert working_s(calendar, begin, end) == seconds
    assert working_s(calendar, begin, end - timedelta(seconds=1)) == seconds - 1


@settings(max_examples=60, deadline=None)
@given(
    calendars(),
    STARTS,
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 1500)), max_size=4),
    st.integers(1, 200_000),
)
def test_paused_time_never_counts_and_is_never_lost(
    calendar: Calendar, start: datetime, stops: list[tuple[int, int]], seconds: int
) -> None:
    pauses = [Pause(start + a * MINUTE, start + (a + b) * MINUTE) for a, b in stops]
    end = due_at(calendar, start, pauses, seconds)
    if end is None:
        assert not calendar.works
        return
    assert elapsed_s(calendar, start, pauses, end) == seconds
    assert elapsed_s(calendar, start, pauses, end - timedelta(seconds=1)) == seconds - 1


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-11-20T16:30", 60, "2026-11-20T17:30"),  # ends with the day, not on Monday
        ("2026-11-20T16:30", 61, "2026-11-23T08:01"),  # over the weekend
        ("2026-11-20T11:30", 60, "2026-11-20T13:30"),  # over lunch
        ("2026-11-21T10:00", 30, "2026-11-23T08:30"),  # reported on a Saturday
        ("2026-11-20T16:30", 0, "2026-11-20T16:30"),
    ],
)
def test_a_week_in_the_shop(start: str, minutes: int, end: str) -> None:
    assert after(SHOP, shanghai(start), minutes * 60) == shanghai(end)


def test_holidays_and_make_up_days_take_the_place_of_the_week() -> None:
    # National Day 2026 off on Thursday 1 October; Saturday 10 October is worked like a weekday.
    calendar = Calendar(SHOP.zone, SHOP.week, {date(2026, 10, 1): (), date(2026, 10, 10): OFFICE})
    assert after(calendar, shanghai("2026-09-30T17:00"), 3600) == shanghai("2026-10-02T08:30")
    assert after(calendar, shanghai("2026-10-09T17:00"), 3600) == shanghai("2026-10-10T08:30")


def test_the_night_on_which_clocks_change_is_as_long_as_it_is() -> None:
    night = Calendar("Europe/Berlin", ((Hours(22 * 60, 30 * 60),),) * 7)
    berlin = ZoneInfo("Europe/Berlin")
    spring = datetime(2026, 3, 28, 22, tzinfo=berlin)
    autumn = datetime(2026, 10, 24, 22, tzinfo=berlin)
    assert working_s(night, spring, spring + timedelta(hours=12)) == 7 * 3600
    assert working_s(night, autumn, datetime(2026, 10, 25, 12, tzinfo=berlin)) == 9 * 3600
    assert working_s(
        night, datetime(2026, 10, 25, 1, tzinfo=berlin), datetime(2026, 10, 25, 5, tzinfo=berlin)
    ) == (5 * 3600)


def test_a_clock_that_stands_still_has_no_due_time_unless_it_was_due_before() -> None:
    start = shanghai("2026-11-23T08:00")
    waiting = [Pause(shanghai("2026-11-23T09:00"), None)]
    assert due_at(SHOP, start, waiting, 7200) is None
    assert due_at(SHOP, start, waiting, 3600) == shanghai("2026-11-23T09:00")


def test_around_the_clock_is_plain_time() -> None:
    start = shanghai("2026-11-23T03:00")
    assert after(ALWAYS, start, 90_000) == start + timedelta(seconds=90_000)


def test_around_the_clock_has_no_gap() -> None:
    start = shanghai("2026-11-23T03:00")
    pieces = list(spans(ALWAYS, start))
    assert pieces[0][0] == start
    assert all(one[1] == following[0] for one, following in pairwise(pieces))
    assert pieces[-1][1] - start > timedelta(days=3600)


@settings(deadline=None)
@given(calendars(), STARTS)
def test_spans_ascend_and_do_not_overlap(calendar: Calendar, start: datetime) -> None:
    pieces = list(islice(spans(calendar, start), 40))
    assert all(start <= begin < end for begin, end in pieces)
    assert all(one[1] <= following[0] for one, following in pairwise(pieces))


def test_no_working_time_means_never_due() -> None:
    assert after(Calendar("UTC", ((),) * 7), shanghai("2026-11-23T03:00"), 1) is None


@pytest.mark.parametrize("span", [(600, 600), (700, 600), (-1, 5), (0, 2881), (1440, 1500)])
def test_hours_that_run_backwards_are_refused(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="hours run forward"):
        Hours(*span)


def test_levels_reached() -> None:
    at = shanghai("2026-11-23T08:00")
    levels = [at, at + timedelta(hours=1), at + timedelta(hours=4)]
    assert [covers(levels, at + timedelta(minutes=m)) for m in (-1, 0, 59, 60, 600)] == [0, 1, 1, 2, 3]


def test_a_calendar_has_seven_days() -> None:
    with pytest.raises(ValueError, match="seven days"):
        Calendar("UTC", ((),) * 6)
    assert not Calendar("UTC", ((),) * 7).works and ALWAYS.works


def test_one_single_day_of_work_is_all_there_is() -> None:
    once = Calendar("UTC", ((),) * 7, {date(2026, 11, 25): (Hours(0, 60),)})
    start = datetime(2026, 11, 23, tzinfo=UTC)
    assert after(once, start, 3600) == datetime(2026, 11, 25, 1, tzinfo=UTC)
    assert after(once, start, 3601) is None
