"""One TCP connection and all Modbus units behind it: when each is asked, and what becomes of a unit that is dead.

Scans run on absolute deadlines, earliest first; one that comes too late is skipped and counted, never queued.
A unit that does not answer is only probed, with a short patience, so that its neighbours keep their rate. Knows
no rules and no hub; tells a `Sink` what it found.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from core import log
from core.domain.points import Quality
from core.errors import OutsideError
from core.wire.edge_config import ModbusTcpDevice, PointConfig
from edge_agent import planner, units
from edge_agent.clock import Clock
from edge_agent.drivers.modbus_tcp import (
    GATEWAY_NO_ANSWER,
    GATEWAY_NO_PATH,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    BadReply,
    ModbusTcpLink,
    NoAnswer,
    Refused,
    Request,
    Unreachable,
)
from edge_agent.sinks import Health, Sink
from edge_agent.units import Job, Scan, Unit

_log = log.get(__name__)
OPEN_AFTER = 2  # timeouts in a row until a unit is only probed
PROBE_MOST_S = 4.5  # longest time between two probes: a return is seen within 5 s
PROBE_SHARE = 0.02  # of the line's time, when it has other units that live
FULL_PROBE_EVERY = (
    20  # … and once in so many probes the full patience, for a slow unit that was never seen alive
)
CONNECT_S = 3.0
HOLE_RETRY_S = 60.0
BUSY_SCANS = 3


class Line:
    """Polls the units at one host and port until its task is cancelled."""

    def __init__(
        self,
        host: str,
        port: int,
        devices: Sequence[tuple[ModbusTcpDevice, Sequence[PointConfig]]],
        sink: Sink,
        health: Health,
        clock: Clock,
    ) -> None:
        self.host, self.port = host, port
        self._sink, self._health, self._clock = sink, health, clock
        self._link: ModbusTcpLink | None = None
        self._retry_s, self._retry_pause_s = 0.0, 0.0
        self._refusal: Unreachable | None = None  # the last vain attempt to connect
        self.scans_done = self.scans_skipped = 0
        self.worst_late_s = 0.0
        self._scans: list[Scan] = []
        self._idle = [device for device, points in devices if not points]
        for device, points in devices:
            unit = Unit(device)
            for interval_ms, group in planner.intervals(device, points).items():
                jobs = units.jobs(device, group, sink)
                self._scans.append(Scan(unit, interval_ms / 1000, list(group), jobs, 0.0))
        self._units = {scan.unit.device.id: scan.unit for scan in self._scans}

    async def run(self) -> None:
        """Poll until cancelled."""
        loop = asyncio.get_running_loop()
        for (
            device
        ) in self._idle:  # nothing is asked of it, so nothing is known of it: that must not look well
            detail = "no points are configured"
            self._health(device.id, "unknown", "device.no_points", detail, {"device": device.name})
        start = loop.time()
        for index, scan in enumerate(self._scans):  # spread, so that they do not all fall due together
            scan.due_s = start + index / len(self._scans) * min(scan.interval_s, 1.0)
        try:
            while self._scans:
                scan = min(self._scans, key=lambda scan: scan.due_s)
                wait_s = scan.due_s - loop.time()
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
                else:
                    self.worst_late_s = max(self.worst_late_s, -wait_s)
                await self._run_scan(scan)
                self._sink.flush()
                self._next_due(scan, loop.time())
        finally:
            self._drop_link()

    async def scan_once(self) -> None:
        """Run every scan once, now, whatever its deadline: a replay keeps its own time."""
        for scan in self._scans:
            await self._run_scan(scan)
        self._sink.flush()

    def close(self) -> None:
        """Drop the connection; for the caller of `scan_once` (`run` does it itself)."""
        self._drop_link()

    # -- scans

    async def _run_scan(self, scan: Scan) -> None:
        unit = scan.unit
        try:
            if unit.probe_pause_s:
                await self._read(
                    unit, scan.jobs[0].request if scan.jobs else units.single(unit.device, scan.holes[0])
                )
                _log.info("device answers again", device=unit.device.name)
                self._recovered(unit)
            for job in list(scan.jobs):
                await self._run_job(scan, job)
            if scan.holes and asyncio.get_running_loop().time() >= scan.holes_again_s:
                await self._retry_holes(scan)
            elif not scan.jobs:
                return  # nothing has been asked
            units.mend(scan, self._sink)
        except Refused:  # of a probe: it lives
            self._recovered(unit)
        except (NoAnswer, BadReply, Unreachable) as error:
            self._failed(unit, error)
            return
        self.scans_done += 1
        unit.failures = 0
        self._answers(unit)

    async def _run_job(self, scan: Scan, job: Job) -> None:
        try:
            data = await self._read(scan.unit, job.request)
        except Refused as refusal:
            await self._refused(scan, job, refusal)
            return
        scan.unit.busy_scans = 0
        self._take(job, data)

    def _take(self, job: Job, data: bytes) -> None:
        feed = job.feed
        previous_s = feed.good_s
        feed.good_s = self._clock.steady_s()
        feed.scans += 1
        if feed.stale:
            feed.stale, job.last = False, None
            job.before.clear()
        if data == job.last:
            return
        job.last = data
        put, good, channels = self._sink.put, Quality.GOOD, job.channels
        for index, value in job.block.decoder.changes(data, job.before):
            channel = channels[index]
            if value is None:
                if channel.quality is not Quality.UNCERTAIN:
                    put(channel, None, Quality.UNCERTAIN, "not a number", previous_s)
            elif value != channel.value or channel.quality is not good:
                put(channel, value, good, "", previous_s)

    def _spoil(self, job: Job, quality: Quality, reason: str) -> None:
        job.last = None
        job.before.clear()
        for channel in job.channels:
            if channel.quality is not quality:
                self._sink.put(channel, None, quality, reason, job.feed.good_s)

    # -- one exchange

    async def _read(self, unit: Unit, asked: Request) -> bytes:
        """A checked reply. A connection that broke or spoke nonsense is renewed once; silence is not asked again."""
        loop = asyncio.get_running_loop()
        patience_s = self._patience_s(unit)
        for attempt in (1, 2):
            link = await self._connected()
            pause_s = unit.quiet_from_s + unit.device.min_gap_ms / 1000 - loop.time()
            if pause_s > 0:
                await asyncio.sleep(pause_s)
            sent_s = loop.time()
            try:
                data = await link.read(asked, patience_s)
            except (Unreachable, BadReply):
                self._drop_link()
                if attempt == 2 or unit.probe_pause_s:
                    raise
            except NoAnswer:
                self._drop_link()
                raise
            except Refused as refusal:
                if refusal.exception in (GATEWAY_NO_PATH, GATEWAY_NO_ANSWER):
                    raise NoAnswer(
                        "device.no_answer", f"the gateway says: exception {refusal.exception}"
                    ) from None
                raise
            else:
                unit.latency_s = max(unit.latency_s * 0.98, loop.time() - sent_s)
                return data
            finally:
                unit.quiet_from_s = loop.time()
        raise AssertionError("the second attempt returns or raises")

    def _patience_s(self, unit: Unit) -> float:
        full_s = unit.device.timeout_ms / 1000
        if not unit.probe_pause_s or not any(u.answering for u in self._units.values() if u is not unit):
            return full_s
        dead = sum(1 for u in self._units.values() if u.probe_pause_s)
        if unit.failures % (FULL_PROBE_EVERY * dead) == 0:
            return full_s
        share_s = PROBE_SHARE * unit.probe_pause_s / dead
        return min(full_s, max(share_s, 3 * unit.latency_s))

    async def _connected(self) -> ModbusTcpLink:
        if self._link is not None and self._link.usable:
            return self._link
        loop = asyncio.get_running_loop()
        if self._refusal is not None and loop.time() < self._retry_s:
            raise self._refusal
        try:
            self._link = await ModbusTcpLink.connect(self.host, self.port, CONNECT_S)
        except Unreachable as refusal:
            self._refusal = refusal
            self._retry_pause_s = min(2 * self._retry_pause_s or 0.25, PROBE_MOST_S)
            self._retry_s = loop.time() + self._retry_pause_s * random.uniform(0.5, 1)
            raise
        self._refusal = None
        self._retry_pause_s = 0.0
        return self._link

    def _drop_link(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    # -- deadlines and breakers

    def _next_due(self, scan: Scan, now_s: float) -> None:
        if scan.unit.probe_pause_s:
            scan.due_s = now_s + scan.unit.probe_pause_s * random.uniform(0.7, 1)
            if (
                self._refusal is not None
            ):  # asking before the next attempt to connect is no use, waiting longer neither
                scan.due_s = max(self._retry_s, now_s)
            return
        scan.due_s += scan.interval_s
        if scan.due_s < now_s:
            late = int((now_s - scan.due_s) // scan.interval_s) + 1
            self.scans_skipped += late
            scan.due_s += late * scan.interval_s

    def _failed(self, unit: Unit, error: OutsideError) -> None:
        unit.failures += 1
        if unit.probe_pause_s:
            unit.probe_pause_s = min(unit.probe_pause_s * 2, PROBE_MOST_S)
        elif unit.failures >= OPEN_AFTER:
            unit.probe_pause_s = 1.0
            now_s = asyncio.get_running_loop().time()
            for scan in self._scans:
                if scan.unit is unit:
                    self._next_due(scan, now_s)
        for scan in self._scans:
            if scan.unit is unit:
                for job in scan.jobs:
                    self._spoil(job, Quality.BAD_COMM, error.detail)
        if unit.answering is not False:
            unit.answering = False
            _log.warning("device does not answer", device=unit.device.name, reason=error.detail)
        self._sink.answers(unit.device.id, False)
        self._tell(unit, "failing", error.code, error.detail, self._address(unit) | error.params)

    def _recovered(self, unit: Unit) -> None:
        unit.probe_pause_s = 0.0
        unit.failures = 0
        now_s = asyncio.get_running_loop().time()
        for scan in self._scans:
            if scan.unit is unit:
                scan.due_s = now_s

    def _answers(self, unit: Unit) -> None:
        if unit.answering is not True:
            unit.answering = True
        self._sink.answers(unit.device.id, True)
        if unit.busy_scans:
            return
        if not unit.holes:
            self._tell(unit, "ok", "", "", {})
            return
        point, (code, address) = next(iter(unit.holes.items()))
        more = len(unit.holes) - 1
        detail = f"{address} of point {point} was refused" + (f", and {more} more" if more else "")
        self._tell(unit, "ok", code, detail, self._address(unit) | {"address": address, "point": point})

    def _tell(self, unit: Unit, state: str, code: str, detail: str, params: dict[str, str]) -> None:
        if unit.told != (state + code, detail):
            unit.told = (state + code, detail)
            self._health(unit.device.id, state, code, detail, params)

    def _address(self, unit: Unit) -> dict[str, str]:
        device = unit.device
        return {
            "device": device.name,
            "host": device.host,
            "port": str(device.port),
            "unit": str(device.unit),
        }

    # -- refusals

    async def _refused(self, scan: Scan, job: Job, refusal: Refused) -> None:
        """Exceptions 1 to 3: find the points that are refused and go on with the others. Else: busy or broken."""
        if not ILLEGAL_FUNCTION <= refusal.exception <= ILLEGAL_VALUE:
            self._spoil(job, Quality.BAD_COMM, refusal.detail)
            scan.unit.busy_scans += 1
            if scan.unit.busy_scans >= BUSY_SCANS:  # once or twice is a hiccup
                params = self._address(scan.unit) | refusal.params
                self._tell(scan.unit, "failing", refusal.code, refusal.detail, params)
            return
        scan.torn = scan.torn or scan.mended  # putting it together again was not well
        scan.cut = True
        parts = planner.halves(job.block) if refusal.exception != ILLEGAL_FUNCTION else [job.block]
        scan.jobs.remove(job)
        if len(parts) == 1:
            self._dig(scan, job, refusal)
            return
        halves = [units.job(scan.unit.device, part, self._sink) for part in parts]
        scan.jobs.extend(halves)
        for half in halves:
            await self._run_job(scan, half)

    def _dig(self, scan: Scan, job: Job, refusal: Refused) -> None:
        """Remember a hole: its points are wrong in the configuration until the device takes them."""
        code = (
            "device.illegal_function" if refusal.exception == ILLEGAL_FUNCTION else "device.illegal_address"
        )
        for channel in job.channels:
            scan.unit.holes[channel.point.name] = (code, job.block.label)
            scan.holes.append(channel.point)
            if channel.quality is not Quality.BAD_CONFIG:
                reason = f"{refusal.detail} for {job.block.label}"
                self._sink.put(channel, None, Quality.BAD_CONFIG, reason, job.feed.good_s)
        _log.warning(
            "address refused", device=scan.unit.device.name, block=job.block.label, reason=refusal.detail
        )
        scan.holes_again_s = asyncio.get_running_loop().time() + HOLE_RETRY_S

    async def _retry_holes(self, scan: Scan) -> None:
        """A device that has just been started, or mended, may take an address that it refused before."""
        scan.holes_again_s = asyncio.get_running_loop().time() + (HOLE_RETRY_S if scan.jobs else PROBE_MOST_S)
        try:
            await self._read(scan.unit, units.single(scan.unit.device, scan.holes[0]))
        except Refused:
            scan.holes.append(scan.holes.pop(0))
            return
        for point in scan.holes:
            scan.unit.holes.pop(point.name, None)
        scan.holes.clear()
        scan.jobs = units.jobs(scan.unit.device, scan.points, self._sink)
