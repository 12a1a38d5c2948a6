"""When rules count by the plant's clock: looks the schedule up, and says when to look again. Knows no alarm states."""

from __future__ import annotations

import math
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core import log
from core.domain import alarms
from core.domain.alarms import ActiveTimes
from edge_agent.clock import Clock

_log = log.get(__name__)
_LOOK_AGAIN_S = 60.0  # somebody may set this computer's clock


class Schedules:
    """The plant's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zone = ZoneInfo("UTC")
        self._turns: dict[tuple[ActiveTimes, ...], tuple[datetime, datetime | None]] = {}

    def use(self, timezone: str) -> None:
        """Go by the clocks of a time zone (IANA name)."""
        self._turns.clear()
        try:
            self._zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError):
            _log.error("time zone is not known, schedules go by UTC", timezone=timezone)
            self._zone = ZoneInfo("UTC")

    def counts(self, times: tuple[ActiveTimes, ...]) -> bool:
        """Whether a rule with these times counts now."""
        return alarms.counts(times, self._clock.wall().astimezone(self._zone))

    def look_s(self, times: tuple[ActiveTimes, ...]) -> float:
        """When to ask again, on the steady clock; never without times."""
        if not times:
            return math.inf
        now = self._clock.wall()
        since, turn = self._turns.get(times, (now, now))
        if turn is None:
            return math.inf
        if turn <= now or now < since:  # over, or the clock was put back
            turn = alarms.next_turn(times, now, self._zone)
            self._turns[times] = (now, turn)
        wait_s = math.inf if turn is None else (turn - now).total_seconds()
        return self._clock.steady_s() + min(wait_s, _LOOK_AGAIN_S)
