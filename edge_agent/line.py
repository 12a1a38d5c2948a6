"""One Modbus line and all units on it: when each is asked, and what becomes of a unit that is dead.

A line is a TCP connection or a serial port. Scans run on absolute deadlines, earliest first; one that comes too late is
skipped and counted, never queued. A unit that does not answer is only probed, so that its neighbours keep their rate.
Orders (a write, a read) go before scans. Knows no rules and no hub; tells a `Sink` what it found.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from core import log
from core.domain.points import Quality
from core.errors import FettleError, OutsideError
from core.wire.edge_config import ModbusDevice, PointConfig
from core.wire.uplink import Value
from edge_agent import orders, planner, units
from edge_agent.access import Access
from edge_agent.clock import Clock
from edge_agent.drivers.modbus_link import Opener, endpoint_of
from edge_agent.drivers.modbus_messages import BadReply, Exchange, NoAnswer, Refused, Request, Unreachable
from edge_agent.readings import Readings
from edge_agent.sinks import Health, Sink
from edge_agent.units import Job, Scan, Unit

__all__ = ["Line", "LineFigures", "endpoint_of"]
_log = log.get(__name__)
OPEN_AFTER = 2  # timeouts in a row until a unit is only probed
PROBE_FIRST_S = 1.0
HOLE_RETRY_S = 60.0
_Order = tuple[Callable[[], Awaitable[Value]], "asyncio.Future[Value]"]


class LineFigures(NamedTuple):
    """How a line did since it was asked last."""

    worst_late_s: float
    scans_done: int
    scans_skipped: int
    load: float  # share of the time that it was busy


class Line:
    """Polls the units on one line until its task is cancelled."""

    def __init__(
        self,
        devices: Sequence[tuple[ModbusDevice, Sequence[PointConfig]]],
        sink: Sink,
        health: Health,
        clock: Clock,
    ) -> None:
        opener = Opener(devices[0][0])
        self.endpoint = opener.endpoint
        self._sink, self._health = sink, health
        self._readings = Readings(sink, health, clock, opener.where)
        self.scans_done = self.scans_skipped = 0
        self.worst_late_s = 0.0
        self.busy_s = 0.0
        self._told_figures = (0, 0, 0.0, 0.0)
        self._scans: list[Scan] = []
        self._idle = [device for device, points in devices if not points]
        self._units: dict[str, Unit] = {}
        for device, points in devices:
            if not points:
                continue
            unit = self._units[device.id] = Unit(device)
            for interval_ms, group in planner.intervals(device, points).items():
                scan = Scan(unit, interval_ms / 1000, list(group), [], 0.0)
                self._readings.plan(scan, group)
                self._scans.append(scan)
        self._access = Access(opener, list(self._units.values()), self._reachable)
        self._orders: deque[_Order] = deque()
        self._waiting: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Poll until cancelled."""
        loop = asyncio.get_running_loop()
        for device in self._idle:  # nothing is asked of it, so nothing is known: that must not look well
            detail = "no points are configured"
            self._health(device.id, "unknown", "device.no_points", detail, {"device": device.name})
        start_s = loop.time()
        for index, scan in enumerate(self._scans):  # spread, so that they do not all fall due together
            scan.due_s = start_s + index / len(self._scans) * min(scan.interval_s, 1.0)
        self._told_figures = (0, 0, 0.0, start_s)
        try:
            while self._scans:
                scan = self._next_scan(loop.time())
                late_s = loop.time() - scan.due_s
                if late_s < 0:
                    await self._wait_until(scan.due_s)
                    if self._orders:
                        await self._carry_out_orders()
                        continue
                    late_s = loop.time() - scan.due_s
                if late_s > self.worst_late_s and not scan.unit.probe_pause_s:
                    self.worst_late_s = late_s
                began_s = loop.time()
                await self._run_scan(scan)
                self._sink.flush()
                now_s = loop.time()
                self.busy_s += now_s - began_s
                self._next_due(scan, now_s)
                if self._orders:
                    await self._carry_out_orders()
        finally:
            self._access.close()
            for _work, answer in self._orders:
                answer.cancel()

    async def scan_once(self) -> None:
        """Run every scan once, now, whatever its deadline: a replay keeps its own time."""
        for scan in self._scans:
            await self._run_scan(scan)
        self._sink.flush()

    def close(self) -> None:
        """Drop the connection; for the caller of `scan_once` (`run` does it itself)."""
        self._access.close()

    def figures(self) -> LineFigures:
        """How the line did since the last call."""
        done, skipped, busy_s, since_s = self._told_figures
        now_s = asyncio.get_running_loop().time()
        load = (self.busy_s - busy_s) / (now_s - since_s) if now_s > since_s else 0.0
        told = LineFigures(
            self.worst_late_s, self.scans_done - done, self.scans_skipped - skipped, min(load, 1.0)
        )
        self._told_figures = (self.scans_done, self.scans_skipped, self.busy_s, now_s)
        self.worst_late_s = 0.0
        return told

    # -- orders

    async def write(self, point: PointConfig, value: Value) -> Value:
        """Write `value` to a point before the next scan; what is read back. AppError or OutsideError."""
        unit = self._units[point.device]
        return await self._order(lambda: orders.write(self._ask, self._sink, unit, point, value))

    async def read(self, point: PointConfig) -> Value:
        """Read a point now, before the next scan. AppError or OutsideError."""
        unit = self._units[point.device]
        return await self._order(lambda: orders.read_point(self._ask, self._sink, unit, point))

    async def _order(self, work: Callable[[], Awaitable[Value]]) -> Value:
        answer: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        self._orders.append((work, answer))
        self._wake()
        return await answer

    async def _carry_out_orders(self) -> None:
        while self._orders:
            work, answer = self._orders.popleft()
            if answer.done():
                continue  # who ordered it waits no more: then it must not happen
            began_s = asyncio.get_running_loop().time()
            try:
                value = await work()
            except FettleError as error:
                if not answer.done():
                    answer.set_exception(error)
            except BaseException:
                answer.cancel()
                raise
            else:
                if not answer.done():
                    answer.set_result(value)
            self.busy_s += asyncio.get_running_loop().time() - began_s

    async def _ask(self, unit: Unit, request: Request, again: bool = True) -> bytes:
        """One request outside of scans. Refused, NoAnswer, BadReply, Unreachable."""
        found: list[bytes] = []
        exchange = Exchange([request], lambda _index, data: found.append(data))
        await self._access.ask(unit, exchange, again)
        if exchange.refused:
            raise exchange.refused[0][1]
        return found[0]

    # -- scans

    async def _run_scan(self, scan: Scan) -> None:
        unit = scan.unit
        try:
            if unit.probe_pause_s:
                first = scan.jobs[0].request if scan.jobs else units.single(unit.device, scan.holes[0])
                with contextlib.suppress(Refused):  # it lives
                    await self._ask(unit, first)
                _log.info("device answers again", device=unit.device.name)
                self._recovered(unit)
            if scan.jobs:
                await self._ask_all(scan)
            if scan.holes and asyncio.get_running_loop().time() >= scan.holes_again_s:
                await self._retry_holes(scan)
            elif not scan.jobs:
                return  # nothing has been asked
            if scan.cut:
                self._readings.mend(scan)
        except (NoAnswer, BadReply, Unreachable) as error:
            self._failed(unit, error)
            return
        self.scans_done += 1
        unit.failures = 0
        self._readings.answers(unit)

    async def _ask_all(self, scan: Scan) -> None:
        unit, jobs = scan.unit, scan.jobs
        if self._access.opener.whole_scans and not unit.device.min_gap_ms:
            exchange = scan.exchange
            if exchange is None:
                exchange = scan.exchange = self._readings.exchange(jobs)
            await self._access.ask(unit, exchange)
            if exchange.refused:
                for index, refusal in exchange.refused:
                    await self._refused(scan, jobs[index], refusal)
            else:
                unit.busy_scans = 0
            return
        refused = False
        for job in list(jobs):
            refused = await self._ask_one(scan, job) or refused
            if self._orders:
                self._sink.flush()
                await self._carry_out_orders()
        if not refused:
            unit.busy_scans = 0

    async def _ask_one(self, scan: Scan, job: Job) -> bool:
        """Whether it was refused."""
        exchange = self._readings.exchange([job])
        await self._access.ask(scan.unit, exchange)
        for _index, refusal in exchange.refused:
            await self._refused(scan, job, refusal)
        return bool(exchange.refused)

    async def _refused(self, scan: Scan, job: Job, refusal: Refused) -> None:
        holes = len(scan.holes)
        for part in self._readings.refused(scan, job, refusal):
            await self._ask_one(scan, part)
        if len(scan.holes) > holes:
            scan.holes_again_s = asyncio.get_running_loop().time() + HOLE_RETRY_S

    async def _retry_holes(self, scan: Scan) -> None:
        """A device that has just been started, or mended, may take an address that it refused before."""
        pause_s = HOLE_RETRY_S if scan.jobs else self._access.opener.left_alone_s
        scan.holes_again_s = asyncio.get_running_loop().time() + pause_s
        try:
            await self._ask(scan.unit, units.single(scan.unit.device, scan.holes[0]))
        except Refused:
            scan.holes.append(scan.holes.pop(0))
            return
        self._readings.fill_holes(scan)

    # -- deadlines

    def _next_scan(self, now_s: float) -> Scan:
        """Of those that are due the one with the earliest deadline, else the one that is due first."""
        scans = self._scans
        if len(scans) == 1:
            return scans[0]
        due = [scan for scan in scans if scan.due_s <= now_s]
        if due:
            return min(due, key=lambda scan: scan.deadline_s)
        return min(scans, key=lambda scan: scan.due_s)

    async def _wait_until(self, until_s: float) -> None:
        loop = asyncio.get_running_loop()
        if self._orders:
            return
        self._waiting = loop.create_future()
        timer = loop.call_at(until_s, self._wake)
        try:
            await self._waiting
        finally:
            timer.cancel()
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _next_due(self, scan: Scan, now_s: float) -> None:
        if scan.unit.probe_pause_s:
            scan.due_s = now_s + scan.unit.probe_pause_s * random.uniform(0.7, 1)
            if self._access.refusal is not None:  # asking before the next attempt to connect is no use
                scan.due_s = max(self._access.retry_s, now_s)
            return
        scan.due_s += scan.interval_s
        if scan.due_s < now_s:
            late = int((now_s - scan.due_s) // scan.interval_s) + 1
            self.scans_skipped += late
            scan.due_s += late * scan.interval_s

    # -- breakers

    def _failed(self, unit: Unit, error: OutsideError) -> None:
        unit.failures += 1
        if unit.probe_pause_s:
            unit.probe_pause_s = min(unit.probe_pause_s * 2, self._access.opener.left_alone_s)
        elif unit.failures >= OPEN_AFTER:
            unit.probe_pause_s = PROBE_FIRST_S
            now_s = asyncio.get_running_loop().time()
            for scan in self._scans_of(unit):
                self._next_due(scan, now_s)
        for scan in self._scans_of(unit):
            for job in scan.jobs:
                self._readings.spoil(job, Quality.BAD_COMM, error.detail)
        self._readings.silent(unit, error.code, error.detail, error.params)

    def _recovered(self, unit: Unit) -> None:
        unit.probe_pause_s = 0.0
        unit.failures = 0
        now_s = asyncio.get_running_loop().time()
        for scan in self._scans_of(unit):
            scan.due_s = now_s

    def _reachable(self, reachable: bool) -> None:
        """The connection as a whole has failed, or is back: one trouble, not one for each unit."""
        if len(self._units) > 1:
            name = ":".join(self._readings.where.values()) if self.endpoint.port else self.endpoint.place
            self._sink.line_answers(name, list(self._units), reachable, name)

    def _scans_of(self, unit: Unit) -> list[Scan]:
        return [scan for scan in self._scans if scan.unit is unit]
