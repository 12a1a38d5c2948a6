"""How the whole edge does: its figures, and the snapshot for `fettle edge status`. Knows all parts, changes none."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from core.wire.edge_config import EdgeConfig
from edge_agent import self_health, status
from edge_agent.clock import Clock
from edge_agent.commits import Commits
from edge_agent.polls import Polls
from edge_agent.self_health import Figure
from edge_agent.status import AlarmState, LineState, ServiceState, Snapshot, StatusBook
from edge_agent.watch import Watch


class Overview:
    """`uplink`: whether the broker of the hub is there; None for an edge without a hub."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        book: StatusBook,
        watch: Watch,
        polls: Polls,
        commits: Commits,
        uplink: Callable[[], bool | None],
    ) -> None:
        self._folder, self._clock, self._book = folder, clock, book
        self._watch, self._polls, self._commits, self._uplink = watch, polls, commits, uplink
        self._started_at = clock.wall()
        self._ahead: timedelta | None = None  # of the hub's clock
        self._lines: list[LineState] = []
        self._figures: dict[str, Figure] = {}

    def hub_says(self, at: datetime) -> None:
        """The hub's clock, just now."""
        self._ahead = self._clock.wall() - at

    def hub_time(self) -> datetime:
        """The hub's clock as far as it is known."""
        return self._clock.wall() - (self._ahead or timedelta())

    def figures(self) -> Mapping[str, Figure]:
        """All figures of the edge itself, measured since the last call."""
        told = [(line.endpoint, devices, line.figures()) for line, devices in self._polls.lines()]
        self._lines = [
            LineState(
                name=f"{endpoint.place}:{endpoint.port}" if endpoint.port else endpoint.place,
                devices=devices,
                load=round(figures.load, 3),
                worst_late_ms=round(figures.worst_late_s * 1000, 1),
                scans_done=figures.scans_done,
                scans_skipped=figures.scans_skipped,
            )
            for endpoint, devices, figures in told
        ]
        self._figures = {
            **self_health.of_lines([figures for _endpoint, _devices, figures in told]),
            "outbox_depth": float(self._book.outbox_depth),
            "backlog": float(self._commits.waiting),
            "clock_skew_s": None if self._ahead is None else round(self._ahead / timedelta(seconds=1), 3),
            "memory_mib": self_health.memory_mib(),
            "disk_free_mib": self_health.disk_free_mib(self._folder),
            "devices_failing": float(self._book.failing()),
            "alarms_active": float(len(self._watch.active())),
            "uplink_connected": self._uplink(),
        }
        return self._figures

    def snapshot(self, config: EdgeConfig | None, online: bool) -> Snapshot:
        """All that people see of this edge on its own computer."""
        connected = self._uplink()
        qualities: dict[str, Counter[str]] = {}
        for point in config.points if config is not None else ():
            quality = self._watch.channel(point.id).quality
            qualities.setdefault(point.device, Counter())[quality.value] += 1
        return Snapshot(
            status=self._book.report(online),
            uplink="none" if connected is None else "broker" if connected else "away",
            process=os.getpid(),
            started_at=self._started_at,
            names={device.id: device.name for device in config.devices} if config is not None else {},
            qualities={device: dict(counts) for device, counts in qualities.items()},
            lines=self._lines,
            alarms=[
                AlarmState(
                    name=run.config.name,
                    asset=run.asset,
                    severity=run.config.severity,
                    raised_at=run.raised_at,
                )
                for run in self._watch.active_runs()
            ],
            services=[ServiceState.model_validate(service) for service in self._watch.services()],
            figures=self._figures,
        )

    def write(self, snapshot: Snapshot) -> None:
        """Keep it for `fettle edge status`."""
        status.write(self._folder / "status.json", snapshot)
