"""Live points: the last value of each with quality and times, and what telemetry tells of it. Knows no rules.

Values that do not change cost nothing per scan: their feed counts the scans, and sums are made when asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from core.domain.points import Quality
from core.wire.edge_config import PointConfig, RuleConfig
from core.wire.uplink import PointSample
from edge_agent.recorder import Trace

Value = float | bool | str | None
_GOOD = Quality.GOOD  # looking a member up costs more than comparing


class Feed:
    """What one or more points come from together: a block of registers, a topic. Counts its good scans."""

    __slots__ = ("good_s", "scans", "stale")

    def __init__(self) -> None:
        self.good_s = -math.inf  # steady time of the last good scan
        self.scans = 0
        self.stale = False  # its points have been called stale: the next reply is news, whatever it says


class Channel:
    """One live point.

    `ears`: what listens to it, None for nobody; the numbers from `calm_low` to `calm_high` need not be told them.
    """

    __slots__ = (
        "_told", "calm_high", "calm_low", "ears", "feed", "good_s", "high", "low", "mark", "n", "point", "quality",
        "reason", "total", "trace", "value",
    )  # fmt: skip

    def __init__(self, point: PointConfig) -> None:
        self.point = point
        self.feed = Feed()
        self.value: Value = None
        self.quality = Quality.BAD_STALE
        self.reason = "no reading yet"
        self.good_s = -math.inf  # of the last good reading before the present quality, see `last_good_s`
        self.trace: Trace | None = None
        self.ears: list[Any] | None = None
        self.calm_low, self.calm_high = math.inf, -math.inf
        self.mark = 0  # scans up to this one are in the sums
        self.n, self.total = 0, 0.0
        self.low, self.high = math.inf, -math.inf
        self._told: Quality | None = None

    @property
    def last_good_s(self) -> float:
        """Steady time of the last good reading; minus infinity for none."""
        return self.feed.good_s if self.quality is _GOOD else self.good_s

    def attach(self, feed: Feed) -> None:
        """Come from `feed` from now on."""
        self._settle(self.feed.scans)
        if self.quality is _GOOD:
            feed.good_s = max(feed.good_s, self.feed.good_s)
        self.feed = feed
        self.mark = feed.scans

    def change(
        self, value: Value, quality: Quality, reason: str, now_s: float, previous_good_s: float
    ) -> None:
        """Take a new value or quality at `now_s`; the feed has counted this scan already if the source answered.

        `previous_good_s`: the feed's last good scan before this one.
        """
        good = quality is _GOOD
        counted = good or quality is Quality.UNCERTAIN
        self._settle(self.feed.scans - 1 if counted else self.feed.scans)
        if self.quality is _GOOD:
            self.good_s = previous_good_s
        if self.trace is not None:
            number = value if good and isinstance(value, int | float) else None
            self.trace.note(now_s, None if number is None else float(number), previous_good_s)
        self.value, self.quality, self.reason = value, quality, reason
        if not good:
            self.mark = self.feed.scans

    def sample(self, at: datetime) -> PointSample | None:
        """What happened since the last call; None for nothing."""
        self._settle(self.feed.scans)
        if not self.n and self._told is self.quality:
            return None
        number = isinstance(self.value, int | float) and not isinstance(self.value, bool) and self.n > 0
        sample = (
            PointSample.model_construct(  # of our own making: checking thousands would cost more than polling
                id=self.point.id,
                at=at,
                quality=self.quality.value,
                last=_on_wire(self.value) if self.quality is _GOOD else None,
                low=float(self.low) if number else None,
                high=float(self.high) if number else None,
                mean=self.total / self.n if number else None,
                n=self.n,
            )
        )
        self._told = self.quality
        self.n, self.total = 0, 0.0
        self.low, self.high = math.inf, -math.inf
        return sample

    def _settle(self, scans: int) -> None:
        """Count the present value for the scans up to number `scans`."""
        held = scans - self.mark
        if held <= 0:
            return
        self.mark = scans
        if self.quality is not _GOOD:
            return
        self.n += held
        if isinstance(self.value, int | float):
            number = float(self.value)
            self.total += number * held
            self.low = min(self.low, number)
            self.high = max(self.high, number)


def move(
    channels: Sequence[Channel],
    changes: Iterable[tuple[int, Value]],
    now_s: float,
    previous_good_s: float,
    heard: list[tuple[Channel, Value]],
    odd: list[tuple[int, Value]],
) -> None:
    """Take what a good scan says anew of points that come from one feed: the one loop that every change goes through.

    `heard` gets the channels whose ears have to be told, before they have changed; `odd` those that are no usual
    case (a quality that changes), which are left alone. Written for speed: a million changes have to be cheap.
    """
    if not channels:
        return
    scans = channels[0].feed.scans - 1
    for index, value in changes:
        channel = channels[index]
        if channel.quality is not _GOOD or value is None:
            odd.append((index, value))
            continue
        old: Any = channel.value
        if value == old:
            continue
        held = scans - channel.mark
        if held > 0:
            channel.mark = scans
            channel.n += held
            if old.__class__ is not str:
                channel.total += old * held
                if old < channel.low:
                    channel.low = old
                if old > channel.high:
                    channel.high = old
        channel.value = value
        if channel.ears is not None:
            trace = channel.trace
            if trace is not None:
                trace.note(now_s, None if value.__class__ is str else value, previous_good_s)  # type: ignore[arg-type]
            if value.__class__ is str or not channel.calm_low <= value <= channel.calm_high:  # type: ignore[operator]
                heard.append((channel, value))


def share(items: Iterable[PointConfig] | Iterable[RuleConfig]) -> None:
    """Let what is equal in many points, or rules, be one object: of ten thousand it saves nearly half their memory."""
    texts: dict[str, str] = {}
    given: dict[frozenset[str], set[str]] = {}
    for item in items:
        fields = item.model_fields_set
        object.__setattr__(item, "__pydantic_fields_set__", given.setdefault(frozenset(fields), fields))
        values = item.__dict__  # frozen for all others; equal values take the place of equal values
        for name, value in values.items():
            if value.__class__ is str:
                values[name] = texts.setdefault(value, value)


def _on_wire(value: Value) -> Value:
    return float(value) if type(value) is int else value  # the contract knows one kind of number
