"""From decisions to the outbox file: commits what waits, in order, in one thread, and tries again while it cannot.

Knows batches and the outbox; no rules, no network.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from core import log
from edge_agent.backlog import Backlog
from edge_agent.clock import Clock
from edge_agent.outbox import Batch, Outbox

_log = log.get(__name__)
RETRY_S = 1.0
P = ParamSpec("P")
R = TypeVar("R")


class Commits:
    """The outbox's one writer. `committed` is called after each commit, with whether it held events."""

    def __init__(self, clock: Clock, committed: Callable[[bool], None]) -> None:
        self._clock, self._committed = clock, committed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._backlog = Backlog()
        self._to_commit = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.outbox: Outbox
        self._decided = self._done = 0

    @property
    def waiting(self) -> int:
        """Batches that are decided and not committed yet."""
        return self._decided - self._done

    async def open(self, file: Path, edge: str) -> None:
        """Open the outbox, or make it."""
        self._loop = asyncio.get_running_loop()
        self.outbox = await self.db(lambda: Outbox(file, edge, self._clock.wall()))

    def add(self, batch: Batch) -> None:
        """Commit `batch` soon; never blocks."""
        self._backlog.add(batch)
        self._decided += 1
        self._idle.clear()
        self._to_commit.set()

    def db(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        """Run a call of the outbox in its thread, in order of calling."""
        return self._loop.run_in_executor(self._thread, lambda: call(*args, **kwargs))

    async def run(self) -> None:
        """Commit until cancelled."""
        while True:
            await self._to_commit.wait()
            self._to_commit.clear()
            await self._commit_all()
            self._idle.set()

    async def settle(self, timeout_s: float) -> bool:
        """Wait until nothing waits; False when that takes too long (a full disk)."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Close the file; what waits still is decided again at the next start."""
        await self.db(self.outbox.close)
        self._thread.shutdown()

    async def _commit_all(self) -> None:
        """Commit what waits, in order; a full disk or a locked file is tried again, see `Backlog`."""
        failing = False
        while self._backlog:
            batches = self._backlog.take()
            decided = self._decided
            try:
                await self.db(self.outbox.commit, batches, self._clock.wall())
            except sqlite3.OperationalError as error:
                self._backlog.failed()
                if not failing:
                    _log.error("outbox cannot be written, trying again", reason=str(error))
                failing = True
                if not await self.db(self.outbox.relieve, error, self._clock.wall()):
                    await asyncio.sleep(RETRY_S)
                continue
            failing = False
            self._backlog.done()
            self._done = decided
            self._committed(any(batch.events for batch in batches))
