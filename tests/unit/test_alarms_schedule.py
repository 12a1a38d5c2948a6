"""The plant's clock: nights, weekends, and the two nights a year on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import alarms
from core.domain.alarms import ActiveTimes

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
NIGHT = ActiveTimes(frozenset({4}), 22 * 60, 6 * 60)  # Friday to Saturday
EARLY = ActiveTimes(frozenset(range(7)), 2 * 60, 3 * 60)
HALF = ActiveTimes(frozenset(range(7)), 2 * 60 + 30, 5 * 60)


def turns(times: list[ActiveTimes], at: datetime, zone: ZoneInfo, number: int) -> list[str]:
    found = []
    for _ in range(number):
        turn = alarms.next_turn(times, at, zone)
        assert turn is not None
        counts = alarms.counts(times, turn.astimezone(zone))
        assert counts != alarms.counts(times, (turn - timedelta(seconds=1)).astimezone(zone))
        found.append(f"{turn.astimezone(zone):%a %d %H:%M} {'on' if counts else 'off'}")
        at = turn
    return found


def test_over_midnight_the_day_of_the_start_counts() -> None:
    at = datetime(2026, 6, 3, 12, tzinfo=UTC)
    assert turns([NIGHT], at, SHANGHAI, 3) == ["Fri 05 22:00 on", "Sat 06 06:00 off", "Fri 12 22:00 on"]


def test_an_hour_that_summer_time_skips_does_not_count_and_one_that_comes_twice_counts_twice() -> None:
    march = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert turns([EARLY], march, BERLIN, 1) == ["Mon 30 02:00 on"]
    assert turns([HALF], march, BERLIN, 2) == ["Sun 29 03:00 on", "Sun 29 05:00 off"]
    october = datetime(2026, 10, 24, 12, tzinfo=UTC)
    first = alarms.next_turn([EARLY], october, BERLIN)
    assert first is not None
    last = alarms.next_turn([EARLY], first, BERLIN)
    assert last is not None and last - first == timedelta(hours=2)
    half = ActiveTimes(start_min=2 * 60 + 15, end_min=2 * 60 + 45)
    assert turns([half], october, BERLIN, 4) == [
        "Sun 25 02:15 on", "Sun 25 02:45 off", "Sun 25 02:15 on", "Sun 25 02:45 off",
    ]  # fmt: skip


def test_without_times_a_rule_always_counts_and_all_times_are_one_day() -> None:
    at = datetime(2026, 6, 3, tzinfo=UTC)
    assert alarms.counts([], at) and alarms.next_turn([], at, SHANGHAI) is None
    assert alarms.next_turn([ActiveTimes()], at, SHANGHAI) is None
    assert alarms.counts([ActiveTimes(frozenset({2}), 0, 0)], at)
    assert not alarms.counts([ActiveTimes(frozenset({3}), 0, 0)], at)


def test_a_time_of_day_is_between_0_and_24() -> None:
    with pytest.raises(ValueError, match="24:00"):
        ActiveTimes(start_min=24 * 60)


times = st.builds(
    ActiveTimes,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 24 * 60 - 1),
    st.integers(0, 24 * 60),
)


@given(
    st.lists(times, min_size=1, max_size=3),
    st.integers(0, 230 * 24 * 60),
    st.sampled_from([BERLIN, SHANGHAI, ZoneInfo("Australia/Lord_Howe")]),
    st.lists(st.integers(1, 7 * 24 * 60), max_size=30),
)
def test_nothing_changes_before_the_next_turn(
    given_times: list[ActiveTimes], minute: int, zone: ZoneInfo, minutes: list[int]
) -> None:
    at = datetime(2026, 3, 20, tzinfo=UTC) + timedelta(minutes=minute)
    now, turn = alarms.counts(given_times, at.astimezone(zone)), alarms.next_turn(given_times, at, zone)
    for later in minutes:
        moment = at + timedelta(minutes=later)
        if turn is None or moment < turn:
            assert alarms.counts(given_times, moment.astimezone(zone)) == now
    if turn is not None:
        assert turn > at and alarms.counts(given_times, turn.astimezone(zone)) != now
