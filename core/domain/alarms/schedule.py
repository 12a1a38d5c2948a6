"""When a rule counts by the plant's clock: days and times, over midnight and over changes of summer time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

_DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class ActiveTimes:
    """From `start_min` to `end_min` (minutes of the local day) on `days` (0 is Monday).

    An end that is not after the start is of the next day; the day that counts is that of the start.
    """

    days: frozenset[int] = frozenset(range(7))
    start_min: int = 0
    end_min: int = _DAY_MIN

    def __post_init__(self) -> None:
        if not (0 <= self.start_min < _DAY_MIN and 0 <= self.end_min <= _DAY_MIN):
            raise ValueError("times of day are between 00:00 and 24:00")

    def holds(self, local: datetime) -> bool:
        """Whether it counts at a local time."""
        minute = local.hour * 60 + local.minute
        if self.start_min < self.end_min:
            return local.weekday() in self.days and self.start_min <= minute < self.end_min
        if minute >= self.start_min:
            return local.weekday() in self.days
        return minute < self.end_min and (local.weekday() - 1) % 7 in self.days


def counts(times: Sequence[ActiveTimes], local: datetime) -> bool:
    """Whether a rule with these times counts at `local`, as the clock on the wall shows it; always without any."""
    return not times or any(one.holds(local) for one in times)


def next_turn(times: Sequence[ActiveTimes], at: datetime, zone: tzinfo) -> datetime | None:
    """The first moment after `at` (aware) at which `counts` changes; None when it never does.

    An hour that summer time skips cannot count, one that comes twice counts twice.
    """
    if not times:
        return None
    now = counts(times, at.astimezone(zone))
    first = at.astimezone(zone).date() - timedelta(days=1)
    moments: set[datetime] = set()
    for day in (first + timedelta(days=number) for number in range(10)):
        midnight = datetime.combine(day, time(), zone)
        for minute in {minute for one in times for minute in (one.start_min, one.end_min)}:
            local = midnight + timedelta(minutes=minute)  # of the clock on the wall
            moments |= {local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
        shift = _clock_change(midnight.astimezone(UTC), zone)
        if shift is not None:
            moments.add(shift)
    for moment in sorted(moments):
        if moment > at and counts(times, moment.astimezone(zone)) != now:
            return moment
    return None


def _clock_change(midnight: datetime, zone: tzinfo) -> datetime | None:
    """When the zone's clocks are put forward or back in the day from `midnight` (UTC) on; None for not at all."""
    low, high = 0, _DAY_MIN
    before = midnight.astimezone(zone).utcoffset()
    if (midnight + timedelta(minutes=high)).astimezone(zone).utcoffset() == before:
        return None
    while high - low > 1:  # clocks change on a full minute
        middle = (low + high) // 2
        if (midnight + timedelta(minutes=middle)).astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return midnight + timedelta(minutes=high)
