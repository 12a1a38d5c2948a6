"""Live points: the last value of each with quality and times, and what telemetry tells of it. Knows no rules.

Values that do not change cost nothing per scan: their feed counts the scans, and sums are made when asked for.
"""

from __future__ import annotations

import math
from datetime import datetime

from core.domain.points import Quality
from core.wire.edge_config import PointConfig
from core.wire.uplink import PointSample
from edge_agent.recorder import Trace

Value = float | bool | str | None


class Feed:
    """What one or more points come from together: a block of registers, a topic. Counts its good scans."""

    __slots__ = ("good_s", "scans", "stale")

    def __init__(self) -> None:
        self.good_s = -math.inf  # steady time of the last good scan
        self.scans = 0
        self.stale = False  # its points have been called stale: the next reply is news, whatever it says


class Channel:
    """One live point."""

    __slots__ = (
        "_high", "_low", "_mark", "_n", "_told", "_total",
        "feed", "good_s", "point", "quality", "reason", "trace", "value",
    )  # fmt: skip

    def __init__(self, point: PointConfig) -> None:
        self.point = point
        self.feed = Feed()
        self.value: Value = None
        self.quality = Quality.BAD_STALE
        self.reason = "no reading yet"
        self.good_s = -math.inf  # of the last good reading before the present quality, see `last_good_s`
        self.trace: Trace | None = None
        self._mark = 0
        self._n, self._total = 0, 0.0
        self._low, self._high = math.inf, -math.inf
        self._told: Quality | None = None

    @property
    def last_good_s(self) -> float:
        """Steady time of the last good reading; minus infinity for none."""
        return self.feed.good_s if self.quality is Quality.GOOD else self.good_s

    def attach(self, feed: Feed) -> None:
        """Come from `feed` from now on."""
        self._settle(self.feed.scans)
        if self.quality is Quality.GOOD:
            feed.good_s = max(feed.good_s, self.feed.good_s)
        self.feed = feed
        self._mark = feed.scans

    def change(
        self, value: Value, quality: Quality, reason: str, now_s: float, previous_good_s: float
    ) -> None:
        """Take a new value or quality at `now_s`; the feed has counted this scan already if the source answered.

        `previous_good_s`: the feed's last good scan before this one.
        """
        good = quality is Quality.GOOD
        counted = good or quality is Quality.UNCERTAIN
        self._settle(self.feed.scans - 1 if counted else self.feed.scans)
        if self.quality is Quality.GOOD:
            self.good_s = previous_good_s
        if self.trace is not None:
            number = value if good and isinstance(value, int | float) else None
            self.trace.note(now_s, None if number is None else float(number), previous_good_s)
        self.value, self.quality, self.reason = value, quality, reason
        if not good:
            self._mark = self.feed.scans

    def move(self, value: Value) -> None:
        """A good reading follows a good one: `change` for the usual case, kept short. Does not feed the trace."""
        held = self.feed.scans - 1 - self._mark
        if held > 0:
            self._mark += held
            self._n += held
            old = self.value
            if isinstance(old, (int, float)):
                self._total += old * held
                if old < self._low:
                    self._low = old
                if old > self._high:
                    self._high = old
        self.value = value

    def sample(self, at: datetime) -> PointSample | None:
        """What happened since the last call; None for nothing."""
        self._settle(self.feed.scans)
        if not self._n and self._told is self.quality:
            return None
        number = isinstance(self.value, int | float) and not isinstance(self.value, bool) and self._n > 0
        sample = (
            PointSample.model_construct(  # of our own making: checking thousands would cost more than polling
                id=self.point.id,
                at=at,
                quality=self.quality.value,
                last=_on_wire(self.value) if self.quality is Quality.GOOD else None,
                low=float(self._low) if number else None,
                high=float(self._high) if number else None,
                mean=self._total / self._n if number else None,
                n=self._n,
            )
        )
        self._told = self.quality
        self._n, self._total = 0, 0.0
        self._low, self._high = math.inf, -math.inf
        return sample

    def _settle(self, scans: int) -> None:
        """Count the present value for the scans up to number `scans`."""
        held = scans - self._mark
        if held <= 0:
            return
        self._mark = scans
        if self.quality is not Quality.GOOD:
            return
        self._n += held
        if isinstance(self.value, int | float):
            number = float(self.value)
            self._total += number * held
            self._low = min(self._low, number)
            self._high = max(self._high, number)


def _on_wire(value: Value) -> Value:
    return float(value) if type(value) is int else value  # the contract knows one kind of number
