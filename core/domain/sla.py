"""Service levels: by when a ticket should be answered and done, when to warn and whom to call. Knows only times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.domain import calendars
from core.domain.calendars import ALWAYS, Calendar, Pause
from core.domain.matching import ANY, Match


@dataclass(frozen=True, slots=True)
class Target:
    """Working time from the report: until the first human action, and until the fault is gone."""

    respond: timedelta
    resolve: timedelta


# By priority, around the clock: for tickets that no policy speaks of.
TARGETS: Mapping[int, Target] = {
    1: Target(timedelta(minutes=15), timedelta(hours=4)),
    2: Target(timedelta(hours=1), timedelta(hours=24)),
    3: Target(timedelta(hours=8), timedelta(days=3)),
    4: Target(timedelta(hours=24), timedelta(days=7)),
}
WARN_AT = 0.75  # of the time allowed


@dataclass(frozen=True, slots=True)
class Level:
    """One step of an escalation: so long after the breach, these people are told."""

    after: timedelta
    roles: tuple[str, ...] = ()
    person_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """What tickets may take, on whose working time, and for which it is."""

    id: int
    target: Target
    calendar: Calendar = ALWAYS
    warn_at: float = WARN_AT
    match: Match = ANY
    levels: tuple[Level, ...] = ()
    remind_every: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """When the first answer, the warning and the end are due."""

    respond_at: datetime
    warn_at: datetime
    resolve_at: datetime


def chosen(
    policies: Iterable[Policy], type_: str, priority: int, category: str, location_id: int | None
) -> Policy | None:
    """The first that covers the ticket; None for the targets by priority."""
    return next((p for p in policies if p.match.covers(type_, priority, category, location_id)), None)


def due(policy: Policy | None, priority: int, since: datetime, pauses: Sequence[Pause] = ()) -> Due:
    """What is due when, for a clock that runs from `since` and stands still in `pauses`.

    One that stands still now counts as if it went on at once: its true end is known when it does.
    """
    target = policy.target if policy else TARGETS[priority]
    calendar = policy.calendar if policy else ALWAYS
    share = policy.warn_at if policy else WARN_AT
    ended = [pause for pause in pauses if pause.to_at is not None]

    def at(allowed: timedelta) -> datetime:
        found = calendars.due_at(calendar, since, ended, allowed.total_seconds())
        return found or since + allowed  # a calendar without any hours is refused when it is saved

    return Due(at(target.respond), at(target.resolve * share), at(target.resolve))


def level_at(policy: Policy, breached_at: datetime, now: datetime) -> int:
    """How many levels of the escalation have been reached."""
    return calendars.covers(sorted(breached_at + level.after for level in policy.levels), now)
