"""From the replies of a line's units to what the sink is told of their points; knows no sockets and no deadlines."""

from __future__ import annotations

from collections.abc import Sequence

from core import log
from core.domain.points import Quality
from core.wire.edge_config import PointConfig
from edge_agent import planner, units
from edge_agent.clock import Clock
from edge_agent.drivers.modbus_messages import ILLEGAL_FUNCTION, Exchange, Refused
from edge_agent.sinks import Health, Sink
from edge_agent.units import Job, Scan, Unit

_log = log.get(__name__)
BUSY_SCANS = 3  # once or twice is a hiccup


class Readings:
    """What is read on one line. `where`: what sentences about it name, host and port."""

    def __init__(self, sink: Sink, health: Health, clock: Clock, where: dict[str, str]) -> None:
        self.sink = sink
        self._health, self._clock, self.where = health, clock, where

    def exchange(self, jobs: Sequence[Job]) -> Exchange:
        """What asks all `jobs` and takes their replies as they come."""
        steady_s, sink_take = self._clock.steady_s, self.sink.take

        def heard(index: int, data: bytes) -> None:
            job = jobs[index]
            feed = job.feed
            previous_s = feed.good_s
            feed.good_s = steady_s()
            feed.scans += 1
            if feed.stale:
                feed.stale, job.last = False, None
                job.before.clear()
            decoder = job.block.decoder
            if data == job.last and not decoder.outside:
                return
            job.last = data
            sink_take(job.channels, decoder.changes(data, job.before), previous_s, decoder.reasons)

        return Exchange([job.request for job in jobs], heard)

    def spoil(self, job: Job, quality: Quality, reason: str) -> None:
        """The points of a block have no value now."""
        job.last = None
        job.before.clear()
        for channel in job.channels:
            if channel.quality is not quality:
                self.sink.put(channel, None, quality, reason, job.feed.good_s)

    # -- refusals

    def refused(self, scan: Scan, job: Job, refusal: Refused) -> list[Job]:
        """A block got an exception. 1 to 3: the returned parts are to be read instead. Else: busy or broken."""
        if not ILLEGAL_FUNCTION <= refusal.exception <= 3:
            self.spoil(job, Quality.BAD_COMM, refusal.detail)
            scan.unit.busy_scans += 1
            if scan.unit.busy_scans >= BUSY_SCANS:
                params = self.address(scan.unit) | refusal.params
                self.tell(scan.unit, "failing", refusal.code, refusal.detail, params)
            return []
        scan.torn = scan.torn or scan.mended  # putting it together again was not well
        scan.cut = True
        parts = planner.halves(job.block) if refusal.exception != ILLEGAL_FUNCTION else [job.block]
        scan.jobs = [other for other in scan.jobs if other is not job]
        scan.exchange = None
        if len(parts) == 1:
            self._dig(scan, job, refusal)
            return []
        halves = [units.job(scan.unit.device, part, self.sink) for part in parts]
        scan.jobs = [*scan.jobs, *halves]
        return halves

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
                self.sink.put(channel, None, Quality.BAD_CONFIG, reason, job.feed.good_s)
        _log.warning(
            "address refused", device=scan.unit.device.name, block=job.block.label, reason=refusal.detail
        )

    def fill_holes(self, scan: Scan) -> None:
        """The device takes what it refused before: read everything again."""
        for point in scan.holes:
            scan.unit.holes.pop(point.name, None)
        scan.holes.clear()
        self.plan(scan, scan.points)

    def plan(self, scan: Scan, points: Sequence[PointConfig]) -> None:
        """Plan the requests of a scan."""
        scan.jobs, scan.exchange = units.jobs(scan.unit.device, points, self.sink), None

    def mend(self, scan: Scan) -> None:
        """After a search for refused addresses: few requests again."""
        jobs = scan.jobs
        units.mend(scan, self.sink)
        if scan.jobs is not jobs:
            scan.exchange = None

    # -- how a unit does

    def answers(self, unit: Unit) -> None:
        """It has answered, though perhaps not with all that was asked for."""
        if unit.answering is not True:
            unit.answering = True
        self.sink.answers(unit.device.id, True)
        if unit.busy_scans:
            return
        if not unit.holes:
            self.tell(unit, "ok", "", "", {})
            return
        point, (code, address) = next(iter(unit.holes.items()))
        more = len(unit.holes) - 1
        detail = f"{address} of point {point} was refused" + (f", and {more} more" if more else "")
        self.tell(unit, "ok", code, detail, self.address(unit) | {"address": address, "point": point})

    def silent(self, unit: Unit, code: str, detail: str, params: dict[str, str]) -> None:
        """It has not answered."""
        if unit.answering is not False:
            unit.answering = False
            _log.warning("device does not answer", device=unit.device.name, reason=detail)
        self.sink.answers(unit.device.id, False)
        self.tell(unit, "failing", code, detail, self.address(unit) | params)

    def tell(self, unit: Unit, state: str, code: str, detail: str, params: dict[str, str]) -> None:
        """Tell of a unit's health, if it is news."""
        if unit.told != (state + code, detail):
            unit.told = (state + code, detail)
            self._health(unit.device.id, state, code, detail, params)

    def address(self, unit: Unit) -> dict[str, str]:
        """What sentences about a unit name."""
        return {"device": unit.device.name, "unit": str(unit.device.unit)} | self.where
