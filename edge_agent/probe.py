"""Looks for Modbus units behind an address, and for what can be read of them; asks politely and changes nothing.

Finds ranges from usual beginnings, by doubling and bisecting; a device that refuses or is silent costs few requests.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.wire import sunspec
from core.wire.edge_commands import ProbeRequest
from core.wire.edge_config import ModbusDevice, ModbusTcpDevice
from edge_agent.drivers.modbus_identity import identity
from edge_agent.drivers.modbus_link import Link, Opener
from edge_agent.drivers.modbus_messages import (
    ILLEGAL_FUNCTION,
    BadReply,
    Exchange,
    NoAnswer,
    Refused,
    Unreachable,
    gateway_says,
    read,
)
from edge_agent.planner import FUNCTIONS

Progress = Callable[[str, int, int], None]  # stage, unit, requests so far
_STARTS = (
    *range(0, 1000, 100), *range(0x100, 0x1000, 0x100), *range(1000, 10_000, 1000), *range(0x1000, 0x10000, 0x1000),
    0x2100, 0x2200, 0x0201, 1, 30_000, 30_001, 40_001, 50_000,
)  # fmt: skip
_SILENT_MOST = 3  # time-outs in a row that end the search in an area
_BLOCK = 125
_RANGE_MOST = 2000  # registers of a range that are looked at: some devices answer everywhere
_AREA_MOST = 5000  # registers of an area, after which a device is taken to answer everywhere
_KEPT_MOST = 500  # registers whose content is told
_DEEP_MOST = 8  # units that are looked at closely
_SUNSPEC_MODELS = 60


class _OutOfTime(Exception):
    """The time for the search has passed; what was found is told."""


@dataclass
class Found:
    """What is known of one unit."""

    unit: int
    exception: int | None = None
    identity: dict[str, str] = field(default_factory=dict)
    sunspec: int | None = None
    models: list[dict[str, int]] = field(default_factory=list)
    ranges: list[dict[str, Any]] = field(default_factory=list)
    registers: list[dict[str, Any]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"answers": True, **vars(self)}


async def probe(
    request: ProbeRequest, progress: Progress | None = None, most_s: float = 60.0
) -> dict[str, Any]:
    """What is behind a TCP address; see `search`. OutsideError when there is no connection at all."""
    device = ModbusTcpDevice(
        id="probe", name="probe", host=request.host, port=request.port, timeout_ms=request.timeout_ms
    )
    return await search(device, request.first_unit, request.last_unit, progress, most_s)


async def search(
    device: ModbusDevice,
    first_unit: int,
    last_unit: int,
    progress: Progress | None = None,
    most_s: float = 60.0,
    breath_s: float | None = None,
) -> dict[str, Any]:
    """Units from first to last that answer, with what each says and lets be read.

    `{"units": [{"unit", "answers", "exception", "identity": {maker, product, …}, "sunspec": address or null,
    "models": [{"id", "address", "length"}], "ranges": [{"area", "first", "last", "more"}], "registers": [{"area",
    "address", "words": […]}]}], "requests", "seconds", "complete"}`.
    `breath_s`: pause between requests. Raises Unreachable when nobody listens there.
    """
    if breath_s is None:
        breath_s = 0.005 if isinstance(device, ModbusTcpDevice) else 0.02
    asker = _Asker(device, progress or (lambda _stage, _unit, _requests: None), most_s, breath_s)
    found: list[Found] = []
    complete = True
    try:
        await asker.connect()
        for unit in range(first_unit, last_unit + 1):
            one = await _answers(asker, unit)
            if one is not None:
                found.append(one)
        for one in found[:_DEEP_MOST]:
            await _look_closely(asker, one)
        complete = len(found) <= _DEEP_MOST
    except _OutOfTime:
        complete = False
    finally:
        asker.close()
    return {
        "units": [one.shown() for one in found],
        "requests": asker.requests,
        "seconds": round(time.monotonic() - asker.begun_s, 1),
        "complete": complete,
    }


class _Asker:
    """One request at a time, with a breath between; None for silence."""

    def __init__(self, device: ModbusDevice, progress: Progress, most_s: float, breath_s: float) -> None:
        self.device, self._progress = device, progress
        self._breath_s = breath_s
        self._opener = Opener(device)
        self._link: Link | None = None
        self.begun_s = time.monotonic()
        self._until_s = self.begun_s + most_s
        self.requests = 0

    async def connect(self) -> Link:
        """Raises Unreachable."""
        if self._link is None or not self._link.usable:
            try:
                self._link = await self._opener.open()
            except Unreachable as refusal:
                refusal.params.setdefault("device", self._opener.endpoint.place)
                raise
        return self._link

    async def read(self, unit: int, area: str, address: int, count: int) -> bytes | None:
        """The data of a right reply, None for no usable one. Raises Refused, _OutOfTime, Unreachable."""
        if time.monotonic() > self._until_s:
            raise _OutOfTime
        self._progress(area, unit, self.requests)
        self.requests += 1
        heard: list[bytes] = []
        exchange = Exchange(
            [read(unit, FUNCTIONS[area], address, count)], lambda _index, data: heard.append(data)
        )
        await asyncio.sleep(self._breath_s)
        for attempt in (1, 2):  # a device may close a connection that it thinks is old
            link = await self.connect()
            try:
                await link.run(exchange, 1, self.device.timeout_ms / 1000)
                break
            except (NoAnswer, BadReply):
                self.close()
                return None
            except Unreachable:
                self.close()
                if attempt == 2:
                    return None
                exchange.begin()
        if exchange.refused:
            refusal = exchange.refused[0][1]
            if gateway_says(refusal.exception):
                return None
            raise refusal
        return heard[0] if heard else None

    def close(self) -> None:
        """Drop the connection."""
        if self._link is not None:
            self._link.close()
            self._link = None


async def _answers(asker: _Asker, unit: int) -> Found | None:
    for area in ("holding", "input"):
        try:
            if await asker.read(unit, area, 0, 1) is not None:
                return Found(unit)
        except Refused as refusal:
            return Found(unit, exception=refusal.exception)
    return None


async def _look_closely(asker: _Asker, one: Found) -> None:
    await _sunspec(asker, one)
    for area in FUNCTIONS:
        await _area(asker, one, area)
    asker.close()  # a serial port has one owner
    one.identity = await identity(
        asker.device.model_copy(update={"unit": one.unit}), asker.device.timeout_ms / 1000
    )


# ---------------------------------------------------------------- ranges


async def _area(asker: _Asker, one: Found, area: str) -> None:
    """The readable ranges of one area, and what they hold."""
    known: list[tuple[int, int]] = []
    silent = 0
    for start in sorted(set(_STARTS)):
        if any(first <= start <= last for first, last in known):
            continue
        try:
            data = await _one(asker, one.unit, area, start)
        except Refused as refusal:
            if refusal.exception == ILLEGAL_FUNCTION:
                return
            silent = 0
            continue
        if data is None:
            silent += 1
            if silent == _SILENT_MOST:
                return
            continue
        silent = 0
        least = max((last + 1 for _first, last in known if last < start), default=0)
        first = await _edge(asker, one.unit, area, start, -1, max(least, start - _RANGE_MOST))
        last = await _edge(asker, one.unit, area, start, 1, min(65_535, start + _RANGE_MOST))
        more = last == start + _RANGE_MOST
        if known and known[-1][1] == first - 1:
            known[-1] = (known[-1][0], last)
            one.ranges[-1].update(last=last, more=more)
        else:
            known.append((first, last))
            one.ranges.append({"area": area, "first": first, "last": last, "more": more})
        await _keep(asker, one, area, first, last)
        if more and sum(last - first for first, last in known) > _AREA_MOST:
            return


async def _one(asker: _Asker, unit: int, area: str, address: int) -> bytes | None:
    """One register, or two where a device gives only whole numbers of two."""
    try:
        return await asker.read(unit, area, address, 1)
    except Refused as refusal:
        if refusal.exception == ILLEGAL_FUNCTION or area in ("coil", "discrete") or address == 65_535:
            raise
        return await asker.read(unit, area, address, 2)


async def _edge(asker: _Asker, unit: int, area: str, start: int, way: int, limit: int) -> int:
    """The last readable address from `start` on in one direction, at most `limit`."""

    async def readable(count: int) -> bool:
        end = good + way * count
        if not 0 <= end <= 65_535 or count > abs(limit - good):
            return False
        try:
            data = await asker.read(unit, area, min(good + way, end), count)
        except Refused:
            return False
        return data is not None

    good, grain, most = start, 1, _BLOCK
    while good != limit:
        step = grain
        if not await readable(step):
            if grain == 2 or area in ("coil", "discrete") or not await readable(2):
                return good
            grain = step = 2  # a device that refuses half of a number of two registers
        while True:
            good += way * step
            step = min(step * 2, most, abs(limit - good)) // grain * grain
            if step == 0 or not await readable(step):
                break
        low, high = 0, step // grain  # so many grains more can be read, so many cannot
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if await readable(middle * grain) else (low, middle)
        good += way * low * grain
        most = max(step - grain, grain)  # the end of the range, or the most that the device gives at a time
    return good


async def _keep(asker: _Asker, one: Found, area: str, first: int, last: int) -> None:
    """What a range of registers holds now, for guesses."""
    kept = sum(len(run["words"]) for run in one.registers)
    at, step = first, _BLOCK
    while area in ("holding", "input") and at <= last and kept < _KEPT_MOST:
        count = min(step, last - at + 1)
        try:
            data = await asker.read(one.unit, area, at, count)
        except Refused:
            data = None
        if data is None:
            if step == 1:
                return
            step = max(1, step // 2)
            continue
        words = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
        one.registers.append({"area": area, "address": at, "words": words})
        kept += count
        at += count


# ---------------------------------------------------------------- SunSpec


async def _sunspec(asker: _Asker, one: Found) -> None:
    """Where the mark is, and which models follow it."""
    for base in sunspec.BASES:
        try:
            if await asker.read(one.unit, "holding", base, 2) != sunspec.MARK:
                continue
            one.sunspec = base
            address = base + 2
            for _number in range(_SUNSPEC_MODELS):
                head = await asker.read(one.unit, "holding", address, 2)
                if head is None or head[:2] == b"\xff\xff":
                    return
                model, length = int.from_bytes(head[:2], "big"), int.from_bytes(head[2:], "big")
                one.models.append({"id": model, "address": address, "length": length})
                address += length + 2
                if address > 65_500:
                    return
            return
        except Refused:
            continue
