"""The edge as a device of its own: what it measures of itself, at regular times, into points like any others.

Knows the figures of `core.wire.edge_config.EDGE_FIGURES`, no rules and no devices' protocols.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from core.domain.points import Quality
from core.wire.edge_config import EdgeConfig, EdgeItself
from edge_agent.channels import Feed, Value
from edge_agent.clock import Clock
from edge_agent.drivers.published import shaper
from edge_agent.line import LineFigures
from edge_agent.sinks import Health, Sink

PERIOD_S = 5.0
Figure = float | bool | None


class SelfHealth:
    """Feeds the points of the edge itself. `figures`: all figures by name, None for what is not known (yet)."""

    def __init__(
        self, sink: Sink, health: Health, clock: Clock, figures: Callable[[], Mapping[str, Figure]]
    ) -> None:
        self._sink, self._health, self._clock, self._figures = sink, health, clock, figures
        self._feeds: list[tuple[str, Feed]] = []
        self.period_s = PERIOD_S
        self._shapers: dict[str, Callable[[object], Value]] = {}

    def configure(self, config: EdgeConfig) -> None:
        """Measure for the points of `config`."""
        own = {device.id: device for device in config.devices if isinstance(device, EdgeItself)}
        self.period_s = min([device.poll_ms / 1000 for device in own.values()] or [PERIOD_S])
        self._feeds = []
        for point in config.points:
            if point.device in own:
                feed = Feed()
                self._sink.channel(point.id).attach(feed)
                self._feeds.append((point.id, feed))
                self._shapers[point.id] = shaper(point)
        for device in own.values():
            self._health(device.id, "ok", "", "", {})
        if own:
            self.sample()

    def sample(self) -> None:
        """Measure once."""
        figures = self._figures()
        for point_id, feed in self._feeds:
            channel = self._sink.channel(point_id)
            raw = figures.get(channel.point.path)
            if raw is None:
                if channel.quality is not Quality.UNCERTAIN:
                    feed.scans += 1
                    self._sink.put(channel, None, Quality.UNCERTAIN, "not known yet", feed.good_s)
                continue
            value = self._shapers[point_id](raw)
            previous_s = feed.good_s
            feed.good_s = self._clock.steady_s()
            feed.scans += 1
            if value != channel.value or channel.quality is not Quality.GOOD:
                self._sink.put(channel, value, Quality.GOOD, "", previous_s)
        self._sink.flush()


def of_lines(lines: list[LineFigures]) -> dict[str, Figure]:
    """The worst of all lines, and the sum of what they left out."""
    return {
        "scan_late_ms": round(max((line.worst_late_s for line in lines), default=0.0) * 1000, 1),
        "scans_skipped": float(sum(line.scans_skipped for line in lines)),
        "line_load": round(max((line.load for line in lines), default=0.0), 3),
    }


def memory_mib() -> float | None:
    """Resident memory of this process; None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def disk_free_mib(folder: Path) -> float | None:
    """Free space where the outbox lies."""
    try:
        return round(shutil.disk_usage(folder).free / 2**20, 1)
    except OSError:
        return None
