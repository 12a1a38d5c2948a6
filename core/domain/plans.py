"""When preventive work falls due: stepping through the calendar, fixed or floating, lead time and grace."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Period = Literal["day", "week", "month", "year"]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Every `every` periods from `start_on`; fixed: along the calendar, floating: from the last completion."""

    every: int
    period: Period
    start_on: date
    mode: Literal["fixed", "floating"] = "fixed"
    lead_days: int = 0
    grace_days: int = 0
    skip_if_open: bool = True


@dataclass(frozen=True, slots=True)
class History:
    """What the tickets of a plan on one asset tell.

    `made_on`: the last due date that got a ticket; `done_on`: the day of the last completion, and `done_due_on`
    the due date of that ticket; `open`: whether one is being worked on.
    """

    made_on: date | None = None
    done_on: date | None = None
    done_due_on: date | None = None
    open: bool = False


def later(day: date, periods: int, period: Period) -> date:
    """`day` plus so many periods; in a month without that day its last one (31 January + 1 month: 28 February)."""
    if period in ("day", "week"):
        return day + timedelta(days=periods * (7 if period == "week" else 1))
    months = day.year * 12 + day.month - 1 + periods * (12 if period == "year" else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def occurrences(rhythm: Rhythm, after: date | None, until: date) -> Iterator[date]:
    """The calendar dates of a rhythm after `after` (from the start when None) up to and with `until`.

    Each is stepped from the start, so that a short month moves no later date.
    """
    n = 0 if after is None else max(0, _nearly(rhythm, after))
    while (day := later(rhythm.start_on, n * rhythm.every, rhythm.period)) <= until:
        if after is None or day > after:
            yield day
        n += 1


def _nearly(rhythm: Rhythm, day: date) -> int:
    """An occurrence's number that is surely not beyond the first one after `day`: no counting from the start."""
    longest = {"day": 1, "week": 7, "month": 31, "year": 366}[rhythm.period] * rhythm.every
    return (day - rhythm.start_on).days // longest


def next_due(rhythm: Rhythm, history: History, today: date) -> date | None:
    """The date of the next occurrence that has no ticket yet; None while a floating one waits for its completion.

    Of several missed dates of a fixed rhythm only the last is made up for: the hub may have been off for a
    month, or the plan begins in the past, and nobody lubricates five times at once.
    """
    if rhythm.mode == "floating":
        if history.open:
            return None
        base = _floating_base(history)
        return rhythm.start_on if base is None else later(base, rhythm.every, rhythm.period)
    horizon = today + timedelta(days=rhythm.lead_days)
    missed = list(occurrences(rhythm, history.made_on, horizon))
    if missed:
        return missed[-1]
    return first_after(rhythm, max(history.made_on or date.min, horizon))


def _floating_base(history: History) -> date | None:
    """From where a floating rhythm counts: the last completion, early or late; a cancelled occurrence's own date."""
    if history.done_on is None or history.made_on is None:
        return history.done_on or history.made_on
    cancelled_since = history.done_due_on is not None and history.made_on > history.done_due_on
    return max(history.made_on, history.done_on) if cancelled_since else history.done_on


def first_after(rhythm: Rhythm, day: date) -> date:
    """The first calendar date of the rhythm after `day`."""
    if day < rhythm.start_on:
        return rhythm.start_on
    n = max(0, _nearly(rhythm, day))
    while (found := later(rhythm.start_on, n * rhythm.every, rhythm.period)) <= day:
        n += 1
    return found


def due(rhythm: Rhythm, history: History, today: date) -> date | None:
    """The occurrence that needs its ticket today; None when there is none, or an open one stands in the way."""
    if history.open and rhythm.skip_if_open:
        return None
    day = next_due(rhythm, history, today)
    return day if day is not None and day - timedelta(days=rhythm.lead_days) <= today else None


def coming(rhythm: Rhythm, history: History, today: date, until: date) -> list[date]:
    """Dates without a ticket up to `until`: one of a floating rhythm, all of a fixed one."""
    first = next_due(rhythm, history, today)
    if first is None or first > until:
        return []
    if rhythm.mode == "floating":
        return [first]
    return [first, *occurrences(rhythm, first, until)]


def overdue(due_on: date, grace_days: int, today: date) -> bool:
    """Whether an occurrence not done has outrun its grace."""
    return today > due_on + timedelta(days=grace_days)
