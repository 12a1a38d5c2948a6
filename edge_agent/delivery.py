"""Delivers the outbox in order until the hub has committed it: window, acknowledgements, repeats, replays.

Knows batches and acknowledgements, not how they travel. An event is done with when the hub says so, never when a
broker does; everything may be sent twice.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import ParamSpec, Protocol, TypeVar

from core import log
from core.wire.uplink import MAX_BATCH, VERSION, UplinkAck
from edge_agent.clock import Clock
from edge_agent.outbox import Outbox

_log = log.get(__name__)
BATCH_BYTES = 256 * 1024
RESEND_FIRST_S, RESEND_MOST_S = 3.0, 30.0
P = ParamSpec("P")
R = TypeVar("R")


class InDatabase(Protocol):
    """Runs a call of the outbox in its own thread, in order of calling."""

    def __call__(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]: ...


class Delivery:
    """What is under way. `active` names the occurrences for the first event of an ordered new epoch."""

    def __init__(
        self, outbox: Outbox, db: InDatabase, window: int, clock: Clock, active: Callable[[], list[str]]
    ) -> None:
        self._outbox, self._db, self._window, self._clock = outbox, db, window, clock
        self._active = active
        self._acks: deque[UplinkAck] = deque()
        self._wake = asyncio.Event()
        self._sent = 0
        self._pause_s = RESEND_FIRST_S
        self.pressed = False  # more waits than the window holds: what may be lost should give way

    def wake(self) -> None:
        """There is something new to send."""
        self._wake.set()

    def restart(self) -> None:
        """The way to the hub is new: send again what it has not acknowledged."""
        self._sent = 0
        self._pause_s = RESEND_FIRST_S
        self._wake.set()

    def take(self, ack: UplinkAck) -> None:
        """An acknowledgement has come."""
        self._acks.append(ack)
        self._wake.set()

    async def run(self, send: Callable[[bytes], bool]) -> None:
        """Send until cancelled. `send` says whether the batch could be handed over."""
        while True:
            try:
                async with asyncio.timeout(random.uniform(RESEND_FIRST_S / 2, self._pause_s)):
                    await self._wake.wait()
            except TimeoutError:
                if self._sent > await self._db(lambda: self._outbox.acked):
                    self._pause_s = min(self._pause_s * 2, RESEND_MOST_S)
                    self._sent = 0  # no answer: from the first unacknowledged one again
            self._wake.clear()
            while self._acks:
                for batch in await self._settle(self._acks.popleft()):
                    send(batch)
            while not self._acks and (found := await self._next(self._window)):
                batch, last = found
                if not send(batch):
                    break  # no connection; `restart` comes with the next one
                self._sent = last

    async def bulk(self, exchange: Callable[[bytes], Awaitable[UplinkAck]]) -> None:
        """Deliver everything by requests with an answer, up to 500 events each, while that makes progress."""

        def mark() -> tuple[str, int]:
            return self._outbox.epoch, self._outbox.acked

        while True:
            self._sent = 0
            before = await self._db(mark)
            found = await self._next(MAX_BATCH)
            if found is None:
                return
            for missing in await self._settle(await exchange(found[0])):
                await self._settle(await exchange(missing))
            if before == await self._db(mark):
                return

    async def _next(self, window: int) -> tuple[bytes, int] | None:
        """The next batch that the window allows, and its last number."""

        def read() -> tuple[bytes, int] | None:
            outbox = self._outbox
            self.pressed = outbox.depth() > self._window
            first = max(self._sent, outbox.acked) + 1
            last = min(outbox.acked + window, outbox.last_seq)
            return self._batch(first, last)

        return await self._db(read)

    async def _settle(self, ack: UplinkAck) -> list[bytes]:
        """Note what an acknowledgement says; the batches it wants again."""

        def note() -> list[bytes]:
            outbox, now = self._outbox, self._clock.wall()
            if ack.epoch != outbox.epoch:
                return []
            self._pause_s = RESEND_FIRST_S  # the hub is there: what it lacks need not wait long
            if ack.new_epoch or ack.through > outbox.last_seq:
                # The hub knows numbers that this file never gave out, or others under them: an old copy was put back.
                _log.error("outbox and hub disagree, new epoch", through=ack.through, last=outbox.last_seq)
                outbox.new_epoch(outbox.edge, "ordered", self._active(), now)
                self._sent = 0
                return []
            if outbox.hub_epoch and ack.hub_epoch != outbox.hub_epoch:
                _log.warning("the hub was restored, sending again", after=ack.through, acked=outbox.acked)
                outbox.replay_after(ack.through, ack.hub_epoch)
                self._sent = ack.through
            else:
                if not outbox.hub_epoch:
                    outbox.remember_hub(ack.hub_epoch)
                if ack.through > outbox.acked and not ack.unasked:
                    outbox.ack(ack.through, now)
            wanted = (self._batch(first, last) for first, last in ack.missing[:10])
            return [found[0] for found in wanted if found is not None]

        for dead in ack.rejected:
            _log.error("the hub could not use an event", seq=dead.seq, reason=dead.code, detail=dead.detail)
        return await self._db(note)

    def _batch(self, first: int, last: int) -> tuple[bytes, int] | None:
        """UplinkBatch as JSON, around events that are JSON already; runs in the outbox's thread, so that epoch and
        numbers belong together."""
        outbox, now = self._outbox, self._clock.wall()
        rows = outbox.between(first, last, MAX_BATCH, BATCH_BYTES)
        if not rows:
            return None
        head = {"v": VERSION, "edge": outbox.edge, "epoch": outbox.epoch, "sent_at": now.isoformat()}
        events = ",".join(body for _seq, body in rows)
        return f'{json.dumps(head)[:-1]}, "events": [{events}]}}'.encode(), rows[-1][0]
