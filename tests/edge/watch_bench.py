"""A watch on a clock of the test's own, with scripted sources; shared by the tests of rules at work."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from core.domain.points import Quality
from core.wire.edge_config import EdgeConfig
from core.wire.uplink import AlarmCleared, AlarmRaised, AlarmReminded, ChartFrozen, ServiceChanged
from edge_agent.channels import Feed, Value
from edge_agent.clock import DataClock
from edge_agent.outbox import Batch
from edge_agent.watch import Watch

START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = [
    {
        "id": "hot",
        "name": "Hot",
        "point": "t",
        "condition": "high",
        "limit": 80,
        "on_delay_s": 10,
        "off_delay_s": 5,
    }
]


def config(rules: list[dict[str, object]] | None = None, **device: object) -> EdgeConfig:
    return EdgeConfig.model_validate(
        {
            "edge": "e", "version": 1,
            "devices": [{"kind": "modbus_tcp", "id": "d", "name": "D", "asset": "A-1", "host": "h",
                         "offline_after_s": 30} | device],
            "points": [{"id": "t", "device": "d", "name": "T", "unit": "°C"}, {"id": "u", "device": "d", "name": "U"}],
            "rules": RULES if rules is None else rules,
        }
    )  # fmt: skip


def plant(
    devices: list[dict[str, Any]], points: list[dict[str, Any]], rules: list[dict[str, Any]], **more: object
) -> EdgeConfig:
    """A configuration in few words."""
    return EdgeConfig.model_validate(
        {
            "edge": "e", "version": 1, "timezone": "Europe/Berlin",
            "devices": [
                {"kind": "modbus_tcp", "host": "h", "name": device["id"].upper(), "offline_after_s": 10} | device
                for device in devices
            ],
            "points": [{"name": point["id"].upper()} | point for point in points],
            "rules": [{"name": rule["id"].upper()} | rule for rule in rules],
        }
        | more
    )  # fmt: skip


class Bench:
    """A watch with a scripted source: `scan` is one good scan of a point."""

    def __init__(self, settings: EdgeConfig | None = None, at: datetime = START) -> None:
        self.clock = DataClock(at)
        self.batches: list[Batch] = []
        self.watch = Watch(self.clock, self.batches.append)
        self.feeds: dict[str, Feed] = {}
        self.settings: EdgeConfig | None = None
        self.kept: tuple[dict[str, dict[str, object]], dict[str, dict[str, object]]] = ({}, {})
        if settings is not None:
            self.configure(settings)

    def configure(self, settings: EdgeConfig) -> None:
        self.settings = settings
        self.watch.configure(settings)
        for point in settings.points:
            feed = self.feeds.setdefault(point.id, Feed())
            self.watch.channel(point.id).attach(feed)

    def go(self, seconds: float) -> None:
        """Let time pass, with each deadline at its moment."""
        end = self.clock.wall() + timedelta(seconds=seconds)
        while (due := self.watch.next_due_s()) is not None and self.clock.wall_of(due) <= end:
            self.clock.set(max(self.clock.wall(), self.clock.wall_of(due)))
            self.watch.tick()
            if self.watch.next_due_s() == due:
                break
        self.clock.set(end)
        self.watch.tick()

    def scan(self, value: Value, point: str = "t") -> None:
        channel, feed = self.watch.channel(point), self.feeds[point]
        before, feed.good_s = feed.good_s, self.clock.steady_s()
        feed.scans += 1
        feed.stale = False
        if value != channel.value or channel.quality is not Quality.GOOD:
            self.watch.put(channel, value, Quality.GOOD, "", before)
        self.watch.flush()

    def bad(self, point: str = "t") -> None:
        self.watch.put(self.watch.channel(point), None, Quality.BAD_COMM, "gone", self.feeds[point].good_s)
        self.watch.flush()

    def events(self, kind: type) -> list[object]:
        return [event for batch in self.batches for event in batch.events if isinstance(event, kind)]

    def raised(self) -> list[AlarmRaised]:
        return [event for event in self.events(AlarmRaised) if isinstance(event, AlarmRaised)]

    def cleared(self) -> list[AlarmCleared]:
        return [event for event in self.events(AlarmCleared) if isinstance(event, AlarmCleared)]

    def services(self) -> list[ServiceChanged]:
        return [event for event in self.events(ServiceChanged) if isinstance(event, ServiceChanged)]

    def reminded(self) -> list[AlarmReminded]:
        return [event for event in self.events(AlarmReminded) if isinstance(event, AlarmReminded)]

    def story(self) -> list[str]:
        """All that was told but charts, in order, short: `raised hot`, `cleared hot (shelved)`, `hot: shelved`."""
        words: list[str] = []
        for batch in self.batches:
            for event in batch.events:
                if isinstance(event, AlarmRaised):
                    words.append(f"raised {event.rule}")
                elif isinstance(event, AlarmCleared):
                    words.append(f"cleared {event.rule} ({event.reason})")
                elif isinstance(event, AlarmReminded):
                    words.append(f"reminded {event.rule}")
                elif isinstance(event, ServiceChanged):
                    words.append(f"{event.rule}: {event.service} ({event.why})")
        return words

    def charts(self) -> list[ChartFrozen]:
        return [event for event in self.events(ChartFrozen) if isinstance(event, ChartFrozen)]

    def restarted(self, down_s: float, settings: EdgeConfig | None = None) -> Bench:
        """A new process after a kill: only what was committed is there; its clock begins anew."""
        states, charts = self.kept
        for batch in self.batches:
            for kept, changes in ((states, batch.states), (charts, batch.charts)):
                for key, body in changes.items():
                    if body is None:
                        kept.pop(key, None)
                    else:
                        kept[key] = json.loads(json.dumps(body))
        after = Bench(at=self.clock.wall() + timedelta(seconds=down_s))
        after.kept = (states, charts)
        after.watch.restore(dict(states), dict(charts))
        after.configure(settings or self.settings or config())
        return after
