"""The connection of a line: opened when needed, renewed with jitter, and asked with the patience each unit deserves.

Knows how long a unit that does not answer may be waited for, and how many requests may be under way; no scans.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from edge_agent.drivers.modbus_link import Link, Opener
from edge_agent.drivers.modbus_messages import BadReply, Exchange, NoAnswer, Unreachable
from edge_agent.units import Unit

PROBE_SHARE = 0.02  # of the line's time for units that do not answer, when it has others that do
FULL_PROBE_SHARE = 0.02  # … and as much again for probes with full patience: a slow unit may be among them
RETRY_FIRST_S = 0.25


class Access:
    """The way to the units of one line. `changed` hears whether the line can be reached at all."""

    def __init__(self, opener: Opener, units: Sequence[Unit], changed: Callable[[bool], None]) -> None:
        self.opener = opener
        self._units, self._changed = units, changed
        self._link: Link | None = None
        self._connected_s = 0.0
        self.retry_s, self.retry_pause_s = 0.0, 0.0
        self.refusal: Unreachable | None = None  # the last vain attempt to connect
        self._full_probe_s = 0.0  # from when on a dead unit may be waited for with full patience

    async def ask(self, unit: Unit, exchange: Exchange, again: bool = True) -> None:
        """Put all questions of `exchange` to `unit`. NoAnswer, BadReply or Unreachable when it is not answered.

        A connection that broke or spoke nonsense is renewed once, and what is left is asked again, unless not `again`.
        Silence is not asked again, unless several requests were under way: that may have been too much.
        """
        loop = asyncio.get_running_loop()
        exchange.begin()
        count = len(exchange.asked)
        patience_s = unit.device.timeout_ms / 1000 if not unit.probe_pause_s else self._probe_s(unit)
        again = again and not unit.probe_pause_s
        while True:
            link = self._link
            if link is None or not link.usable:
                link = await self._connected()
            if unit.device.min_gap_ms or unit.device.warm_up_ms:
                await self._keep_silence(unit)
            window, strays, sent_s = unit.window, link.strays, loop.time()
            try:
                await link.run(exchange, window, patience_s)
            except NoAnswer:
                unit.went_odd(loop.time())
                if window == 1 or not again:
                    raise
            except (Unreachable, BadReply):
                unit.went_odd(loop.time())
                if not again:
                    raise
            else:
                now_s = loop.time()
                unit.latency_s = max(unit.latency_s * 0.98, (now_s - sent_s) / count)
                if link.strays != strays:
                    unit.went_odd(now_s)
                elif count > 1 and unit.window_most > 1:
                    unit.went_well(now_s)
                return
            finally:
                unit.quiet_from_s = loop.time()
            again = False

    def close(self) -> None:
        """Drop the connection."""
        if self._link is not None:
            self._link.close()
            self._link = None

    async def _keep_silence(self, unit: Unit) -> None:
        device, now_s = unit.device, asyncio.get_running_loop().time()
        until_s = max(
            unit.quiet_from_s + device.min_gap_ms / 1000, self._connected_s + device.warm_up_ms / 1000
        )
        if until_s > now_s:
            await asyncio.sleep(until_s - now_s)

    def _probe_s(self, unit: Unit) -> float:
        """How long to wait for a unit that is silent lately: as long as it, or a neighbour, needs to answer."""
        full_s = unit.device.timeout_ms / 1000
        living = [other.latency_s for other in self._units if other.answering]
        if not living:
            return full_s
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._full_probe_s:
            first, self._full_probe_s = not self._full_probe_s, now_s + full_s / FULL_PROBE_SHARE
            if not first:
                return full_s
        dead = sum(1 for other in self._units if other.probe_pause_s)
        share_s = PROBE_SHARE * unit.probe_pause_s / dead
        return min(full_s, max(share_s, 3 * (unit.latency_s or max(living))))

    async def _connected(self) -> Link:
        loop = asyncio.get_running_loop()
        if self.refusal is not None and loop.time() < self.retry_s:
            raise self.refusal
        try:
            self._link = link = await self.opener.open()
        except Unreachable as refusal:
            self.refusal = refusal
            self.retry_pause_s = min(2 * self.retry_pause_s or RETRY_FIRST_S, self.opener.left_alone_s)
            self.retry_s = loop.time() + self.retry_pause_s * random.uniform(0.5, 1)
            self._changed(False)
            raise
        self._connected_s = loop.time()
        self.refusal = None
        self.retry_pause_s = 0.0
        self._changed(True)
        return link
