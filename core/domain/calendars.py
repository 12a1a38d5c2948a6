"""When people work: weekly hours with breaks, holidays, make-up days; how much working time lies between two moments.

Hours are plant time, sums are elapsed time: a shift over the night on which clocks are put forward is an hour
shorter. Pure; where holidays come from is not known here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_MIN = 24 * 60
SEARCH_DAYS = 3660  # beyond ten years nothing is due


@dataclass(frozen=True, slots=True)
class Hours:
    """From … to …, in minutes after midnight of the day they belong to; beyond 1440 is the next morning."""

    from_min: int
    to_min: int

    def __post_init__(self) -> None:
        if not (0 <= self.from_min < self.to_min <= 2 * DAY_MIN and self.from_min < DAY_MIN):
            raise ValueError("hours run forward, begin on their day, and end on the next at the latest")


@dataclass(frozen=True)
class Calendar:
    """Weekly hours (seven entries, Monday first) and the dates that differ from them.

    `exceptions`: date → the hours of that day instead; empty for a day off, a weekday's hours for a make-up day.
    """

    zone: str
    week: tuple[tuple[Hours, ...], ...]
    exceptions: Mapping[date, tuple[Hours, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise ValueError("a week has seven days")
        ZoneInfo(self.zone)

    @property
    def works(self) -> bool:
        """Whether there is any regular working time: without it nothing would ever be due."""
        return any(self.week)

    def hours_on(self, day: date) -> tuple[Hours, ...]:
        """The hours that begin on a day."""
        special = self.exceptions.get(day)
        return self.week[day.weekday()] if special is None else special


ALWAYS = Calendar("UTC", ((Hours(0, DAY_MIN),),) * 7)
"""Around the clock."""


def working_s(calendar: Calendar, start: datetime, end: datetime) -> float:
    """Seconds of working time from `start` to `end` (both aware); 0 when `end` is not after `start`."""
    end = end.astimezone(UTC)  # within one zone Python subtracts hands of clocks
    total = timedelta(0)
    for open_at, close_at in spans(calendar, start):
        if open_at >= end:
            break
        total += min(close_at, end) - open_at
    return total.total_seconds()


def after(calendar: Calendar, start: datetime, seconds: float) -> datetime | None:
    """The moment when `seconds` of working time have passed since `start`; None for not within ten years.

    Zero seconds are over at once, also at night. A sum that ends with a shift ends then, not the next morning.
    """
    rest = timedelta(seconds=seconds)
    if rest <= timedelta(0):
        return start
    for open_at, close_at in spans(calendar, start):
        if close_at - open_at >= rest:
            return open_at + rest
        rest -= close_at - open_at
    return None


def spans(calendar: Calendar, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Working spans in UTC from `start` on, ascending, none overlapping the next; for ten years.

    Work without a break comes in pieces of a day, so that whoever asks for hours does not wait for years.
    """
    start = start.astimezone(UTC)
    # Hours that began two days ago may still run where a day has 25 hours.
    day = start.astimezone(ZoneInfo(calendar.zone)).date() - timedelta(days=2)
    until = start  # all before it has been told
    for _ in range(SEARCH_DAYS):
        for open_at, close_at in _of_day(calendar.zone, day, calendar.hours_on(day)):
            if close_at > until:
                yield max(open_at, until), close_at
                until = close_at
        day += timedelta(days=1)


@lru_cache(maxsize=4096)
def _of_day(zone: str, day: date, hours: tuple[Hours, ...]) -> tuple[tuple[datetime, datetime], ...]:
    found = [(_moment(zone, day, span.from_min), _moment(zone, day, span.to_min)) for span in hours]
    return tuple(sorted((a, b) for a, b in found if b > a))


def _moment(zone: str, day: date, minute: int) -> datetime:
    """When a clock on the wall first shows that minute; one that is left out is when it would have been."""
    midnight = datetime.combine(day, time(tzinfo=ZoneInfo(zone)))
    return (midnight + timedelta(minutes=minute)).astimezone(UTC)  # adding moves the hands, not the time


# ---------------------------------------------------------------- clocks that stand still


@dataclass(frozen=True, slots=True)
class Pause:
    """A clock stood still from … to …; still does when `to_at` is None."""

    from_at: datetime
    to_at: datetime | None


def elapsed_s(calendar: Calendar, since: datetime, pauses: Iterable[Pause], now: datetime) -> float:
    """Working seconds that have counted since `since`, pauses left out; overlapping pauses count once."""
    counted, at = 0.0, since
    for pause_from, pause_to in _joined(pauses, now):
        if pause_to <= at:
            continue
        counted += working_s(calendar, at, min(pause_from, now))
        at = max(at, pause_to)
    return counted + working_s(calendar, at, now)


def due_at(calendar: Calendar, since: datetime, pauses: Sequence[Pause], seconds: float) -> datetime | None:
    """When `seconds` of working time will have counted; None while the clock stands still before that, or for never."""
    rest, at = seconds, since
    for pause in _in_order(pauses):
        if pause.to_at is not None and pause.to_at <= at:
            continue
        end = after(calendar, at, rest)
        if end is None or end <= pause.from_at:
            return end
        rest -= working_s(calendar, at, pause.from_at)
        if pause.to_at is None:
            return None
        at = max(at, pause.to_at)
    return after(calendar, at, rest)


def _in_order(pauses: Iterable[Pause]) -> list[Pause]:
    return sorted(pauses, key=lambda pause: pause.from_at)


def _joined(pauses: Iterable[Pause], now: datetime) -> list[tuple[datetime, datetime]]:
    return [(pause.from_at, pause.to_at or now) for pause in _in_order(pauses) if pause.from_at < now]


def covers(times: Sequence[datetime], at: datetime) -> int:
    """How many of the ascending `times` are not after `at`: which level of an escalation has been reached."""
    return bisect_right(times, at)
