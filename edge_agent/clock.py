"""The edge's two clocks: one for people (UTC), one that never goes back (delays, deadlines).

A replay gives its own pair, driven by the time column of a recording.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """This computer's clocks."""

    def wall(self) -> datetime:
        """Aware UTC; may jump when somebody sets the clock."""
        return datetime.now(UTC)

    def steady_s(self) -> float:
        """Seconds since some moment; never goes back."""
        return time.monotonic()

    def wall_of(self, steady_s: float) -> datetime:
        """The UTC time of a moment of the steady clock, as this computer's clock is set now."""
        return self.wall() - timedelta(seconds=self.steady_s() - steady_s)


class DataClock(Clock):
    """Both clocks set by the caller: time of recorded data."""

    def __init__(self, at: datetime) -> None:
        self._start = at
        self._at = at

    def set(self, at: datetime) -> None:
        """Go on to `at`; going back is ignored by the steady clock's users, so don't."""
        self._at = at

    def wall(self) -> datetime:
        return self._at

    def steady_s(self) -> float:
        return (self._at - self._start).total_seconds()
