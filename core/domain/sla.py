"""Service levels: when a ticket should be answered and done, and when to warn. Knows no tickets, only times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Target:
    """From the report: until the first human action, and until the fault is gone."""

    respond: timedelta
    resolve: timedelta


# By priority, around the clock.
TARGETS: Mapping[int, Target] = {
    1: Target(timedelta(minutes=15), timedelta(hours=4)),
    2: Target(timedelta(hours=1), timedelta(hours=24)),
    3: Target(timedelta(hours=8), timedelta(days=3)),
    4: Target(timedelta(hours=24), timedelta(days=7)),
}
WARN_AT = 0.75  # of the time allowed


@dataclass(frozen=True, slots=True)
class Due:
    respond_at: datetime
    resolve_at: datetime


def due(priority: int, since: datetime, paused: timedelta = timedelta(0)) -> Due:
    """When a ticket of this priority is due whose clock runs from `since` and has stood still for `paused`."""
    target = TARGETS[priority]
    return Due(since + target.respond + paused, since + target.resolve + paused)


def warn_before(priority: int) -> timedelta:
    """How long before the resolve time the warning is due: the last quarter of the time allowed.

    Pauses move the due time, and the warning with it.
    """
    return TARGETS[priority].resolve * (1 - WARN_AT)
