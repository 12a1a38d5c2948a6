"""Who works when: weekly patterns, over midnight, absences."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from core.domain.shifts import Absence, Shift, on_shift

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = frozenset(range(5))
EARLY = Shift(WEEK, 6 * 60, 14 * 60)
NIGHT = Shift(WEEK, 22 * 60, 6 * 60)
WHOLE_DAY = Shift(WEEK, 0, 1440)
ROUND_THE_CLOCK = Shift(frozenset(range(7)), 8 * 60, 8 * 60)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZONE)  # 9 March 2026 is a Monday


@pytest.mark.parametrize(
    ("shift", "moment", "works"),
    [
        (EARLY, at(9, 6), True),
        (EARLY, at(9, 13, 59), True),
        (EARLY, at(9, 14), False),
        (EARLY, at(14, 8), False),  # Saturday
        (NIGHT, at(9, 23), True),
        (NIGHT, at(10, 5, 59), True),
        (NIGHT, at(10, 6), False),
        (NIGHT, at(9, 3), False),  # Sunday night has no shift
        (NIGHT, at(14, 3), True),  # Friday's night reaches into Saturday
        (NIGHT, at(14, 23), False),
        (WHOLE_DAY, at(9, 23, 59), True),
        (WHOLE_DAY, at(14, 0), False),
        (ROUND_THE_CLOCK, at(9, 3), True),
        (ROUND_THE_CLOCK, at(9, 8), True),
    ],
)
def test_pattern(shift: Shift, moment: datetime, works: bool) -> None:
    assert on_shift([shift], [], moment) is works


def test_absence_takes_the_whole_night_that_starts_on_its_day() -> None:
    away = [Absence(date(2026, 3, 9), date(2026, 3, 9))]
    assert not on_shift([NIGHT], away, at(9, 23))
    assert not on_shift([NIGHT], away, at(10, 3)), "the night of the 9th"
    assert on_shift([NIGHT], away, at(10, 23))


def test_any_of_several_shifts_counts() -> None:
    assert on_shift([EARLY, NIGHT], [], at(9, 23)) and not on_shift([], [], at(9, 10))
