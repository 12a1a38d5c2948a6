"""Who works when: weekly shift patterns in plant time, over midnight too, and absences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Shift:
    """Starts on `weekdays` (0 Monday) at `start_min` after midnight; an end not after the start is the next day's."""

    weekdays: frozenset[int]
    start_min: int
    end_min: int


@dataclass(frozen=True, slots=True)
class Absence:
    """Both days included; a night shift belongs to the day on which it starts."""

    from_on: date
    to_on: date


def started_on(shift: Shift, local: datetime) -> date | None:
    """The day on which the turn of `shift` that runs at `local` (plant time) began; None when it does not run."""
    minute = local.hour * 60 + local.minute
    today = local.date()
    over_midnight = shift.end_min <= shift.start_min
    begun = today.weekday() in shift.weekdays and minute >= shift.start_min
    if begun and (over_midnight or minute < shift.end_min):
        return today
    yesterday = today - timedelta(days=1)
    if over_midnight and yesterday.weekday() in shift.weekdays and minute < shift.end_min:
        return yesterday
    return None


def on_shift(shifts: Iterable[Shift], absences: Iterable[Absence], local: datetime) -> bool:
    """Whether a person with these shifts and absences is at work at `local` (plant time)."""
    away = list(absences)
    days = (started_on(shift, local) for shift in shifts)
    return any(day is not None and not absent(away, day) for day in days)


def absent(absences: Iterable[Absence], day: date) -> bool:
    """Whether one of the absences covers `day`."""
    return any(a.from_on <= day <= a.to_on for a in absences)
