"""The live feed: journal rows as server-sent events, resumed by their number, sent as soon as they are committed.

Knows the stream's shape and its pulse; what a reader may see is decided by `services.journal`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import anyio
import anyio.to_thread

from core import log
from core.domain.people import Actor
from core.errors import FettleError
from core.services import journal
from core.wire.journal import JournalEntry

logger = log.get("hub.feed")

BEAT_S = 15.0
BATCH = 500
READERS = 4  # threads that read for all streams, apart from those that serve requests


class Feed:
    """All open streams; woken by commits from any thread."""

    def __init__(self, beat_s: float = BEAT_S) -> None:
        self._beat_s = beat_s
        self._wakes: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unlisten: Callable[[], None] | None = None
        self._readers: anyio.CapacityLimiter | None = None
        self.stopping = False

    @property
    def streams(self) -> int:
        """How many are open."""
        return len(self._wakes)

    def start(self) -> None:
        """Begin to listen for commits; called in the event loop that serves."""
        self._loop = asyncio.get_running_loop()
        self._readers = anyio.CapacityLimiter(READERS)
        self._unlisten = journal.listen(self._wake)

    def stop(self) -> None:
        """End all streams soon; may be called from any thread, or twice."""
        self.stopping = True
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        for wake in self._wakes:
            wake.set()

    async def stream(self, actor: Actor, after: int, renew: Callable[[], Actor]) -> AsyncIterator[bytes]:
        """Rows above `after` for ever, as event-stream text; `renew` (blocking) tells who reads, or that nobody may."""
        wake = asyncio.Event()
        self._wakes.add(wake)
        cursor = after

        def read() -> list[JournalEntry]:
            # Asked each time: what somebody may see ends with the log-in, not with the next beat.
            return journal.after(renew(), cursor, BATCH)

        loop = asyncio.get_running_loop()
        beat_at = loop.time() + self._beat_s
        try:
            yield f": from {cursor}\nretry: 1000\n\n".encode()
            while not self.stopping:
                wake.clear()
                entries = await anyio.to_thread.run_sync(read, limiter=self._readers)
                if entries:
                    cursor = entries[-1].id
                    yield b"".join(event(entry) for entry in entries)
                if len(entries) == BATCH:
                    continue
                if loop.time() >= beat_at:
                    beat_at = loop.time() + self._beat_s
                    yield b": beat\n\n"
                await _wait(wake, beat_at - loop.time())
        except FettleError as error:
            # The log-in has ended, or the database is away: the client comes back and learns it from the answer.
            logger.info("stream ended", actor=actor.ref, error=error.code)
        finally:
            self._wakes.discard(wake)


async def _wait(wake: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(max(timeout_s, 0)):
            await wake.wait()
    except TimeoutError:
        pass


def event(entry: JournalEntry) -> bytes:
    """One row in event-stream form; JSON has no bare line ends, so one data line is enough."""
    return f"id: {entry.id}\ndata: {entry.model_dump_json()}\n\n".encode()
