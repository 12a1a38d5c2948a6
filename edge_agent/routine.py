"""What the edge does at regular times: checkpoints, tidying, telemetry, measuring itself, telling that it lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core import log
from core.settings import EdgeSettings
from core.wire.uplink import PointSample
from edge_agent import service_notice
from edge_agent.clock import Clock
from edge_agent.commits import Commits
from edge_agent.self_health import SelfHealth
from edge_agent.tasks import Work
from edge_agent.watch import Watch

_log = log.get(__name__)
CHECKPOINT_S = 5.0
HOUSEKEEPING_S = 30.0


class Routine:
    """`tell` sends what the points did; `changed` hears when the hub should know of the outbox."""

    def __init__(
        self,
        settings: EdgeSettings,
        clock: Clock,
        watch: Watch,
        commits: Commits,
        itself: SelfHealth,
        tell: Callable[[list[PointSample]], None],
        changed: Callable[[], None],
    ) -> None:
        self._settings, self._clock, self._watch, self._commits = settings, clock, watch, commits
        self._itself, self._tell, self._changed = itself, tell, changed
        self.telemetry_s = 1.0

    def work(self) -> tuple[Work, ...]:
        """All that goes on for ever."""
        return self._checkpoints, self._housekeeping, self._telemetry, self._measure, self._watchdog

    async def _checkpoints(self) -> None:
        while True:
            await asyncio.sleep(CHECKPOINT_S)
            self._watch.checkpoint()

    async def _housekeeping(self) -> None:
        keep_h, quota = self._settings.keep_acked_h, self._settings.outbox_quota_mib * 1024 * 1024
        while True:
            dropped = await self._commits.db(self._commits.outbox.tidy, self._clock.wall(), keep_h, quota)
            if dropped:
                _log.info("events deleted from the outbox", events=dropped)
            self._changed()
            await asyncio.sleep(HOUSEKEEPING_S)

    async def _telemetry(self) -> None:
        while True:
            await asyncio.sleep(self.telemetry_s)
            samples = self._watch.telemetry()
            if samples:
                self._tell(samples)

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(self._itself.period_s)
            self._itself.sample()

    async def _watchdog(self) -> None:
        """As long as this loop turns, systemd leaves the process alone."""
        pause_s = service_notice.watchdog_s()
        while pause_s is not None:
            service_notice.notify("WATCHDOG=1")
            await asyncio.sleep(pause_s)
