"""The contenders of the edge's benchmark that are written in Python: ours, a raw asyncio loop, pymodbus's client.

Called as `python -m tests.bench._edge_pollers NAME UNIT SECONDS PERIOD_S PORT…`; prints `begin` when warm, then
`end CPU_SECONDS RSS_KIB`. All poll the same blocks on deadlines of the same period and decode every point.
"""

from __future__ import annotations

import asyncio
import os
import resource
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.bench import _edge_machine as edge_machine

WARM_S = 1.0
RULE_EVERY = 9
Poller = Callable[[int, int, float], Awaitable[None]]


def main(arguments: list[str]) -> None:
    """Poll until the time is over."""
    name, unit, seconds, period_s = arguments[0], int(arguments[1]), float(arguments[2]), float(arguments[3])
    ports = [int(port) for port in arguments[4:]]
    work = _work(name, unit, seconds, period_s, ports)
    if name in ("ours", "raw-uvloop"):
        import uvloop

        uvloop.run(work)
    else:
        asyncio.run(work)


async def _work(name: str, unit: int, seconds: float, period_s: float, ports: list[int]) -> None:
    if name.startswith("ours"):
        polls = _ours(unit, period_s, ports)
    else:
        poller: Poller = _pymodbus if name == "pymodbus" else _raw
        polls = [poller(port, unit, period_s) for port in ports]
    tasks = [asyncio.ensure_future(poll) for poll in polls]
    await asyncio.sleep(WARM_S)
    print("begin", flush=True)
    before_s = time.process_time()
    await asyncio.sleep(seconds)
    cpu_s = time.process_time() - before_s
    print("end", cpu_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
    failed = [task.exception() for task in tasks if task.done()]
    if failed:
        print(f"a poll ended: {failed[0]!r}", file=sys.stderr)
    sys.stdout.flush()
    os._exit(1 if failed else 0)  # pymodbus's client takes a cancellation for a time-out and asks again


def _ours(unit: int, period_s: float, ports: list[int]) -> list[Awaitable[None]]:
    from core.wire.edge_config import EdgeConfig
    from edge_agent.clock import Clock
    from edge_agent.line import Line
    from edge_agent.watch import Watch

    devices = [
        {"kind": "modbus_tcp", "id": f"d{number}", "name": f"D{number}", "host": "127.0.0.1", "port": port,
         "unit": unit, "poll_ms": round(period_s * 1000)}
        for number, port in enumerate(ports)
    ]  # fmt: skip
    points = [
        {"id": f"{device['id']}.{address}", "device": device["id"], "name": f"P{address}", "address": address,
         "type": type_, "order": order, "scale": scale}
        for device in devices
        for address, type_, order, scale in edge_machine.points()
    ]  # fmt: skip
    rules = [
        {"id": f"r{number}", "name": f"R{number}", "point": point["id"], "condition": "high", "limit": 1e6,
         "deadband": 2}
        for number, point in enumerate(points[::RULE_EVERY])
    ]  # fmt: skip
    document = {"edge": "bench", "version": 1, "devices": devices, "points": points, "rules": rules}
    config = EdgeConfig.model_validate(document)
    watch = Watch(Clock(), lambda _batch: None)
    watch.configure(config)

    def health(device: str, state: str, code: str, detail: str, params: dict[str, str]) -> None:
        if state != "ok":
            raise SystemExit(f"{device}: {state} {code} {detail} {params}")

    lines: list[Awaitable[None]] = []
    for device in config.devices:
        assert device.kind == "modbus_tcp"
        mine = [point for point in config.points if point.device == device.id]
        lines.append(Line(device.host, device.port, [(device, mine)], watch, health, Clock()).run())
    return lines


class _Raw(asyncio.Protocol):
    """The least that is a Modbus client: no checks but the length."""

    def __init__(self) -> None:
        self.reply: asyncio.Future[bytes] | None = None
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= 9 and len(self._buffer) >= 9 + self._buffer[8] and self.reply is not None:
            self.reply.set_result(self._buffer[9:])
            self._buffer = b""


async def _raw(port: int, unit: int, period_s: float) -> None:
    loop = asyncio.get_running_loop()
    transport, link = await loop.create_connection(_Raw, "127.0.0.1", port)
    swap = struct.Struct(">f").unpack
    blocks = []
    for address, count, points in edge_machine.spans():
        frame = struct.pack(">HHHBBHH", 1, 0, 6, unit, 3, address, count)
        format_, end = ">", address
        for at, type_, order, _scale in points:
            format_ += f"{2 * (at - end)}x" if at > end else ""
            format_ += (
                "4s"
                if order == "CDAB"
                else {"int16": "h", "uint16": "H", "uint32": "I", "float32": "f"}[type_]
            )
            end = at + (2 if type_ in ("uint32", "float32") else 1)
        blocks.append((frame, struct.Struct(format_), [scale for _at, _type, _order, scale in points]))
    due_s = loop.time()
    while True:
        for frame, unpacker, scales in blocks:
            link.reply = loop.create_future()
            transport.write(frame)
            raws = unpacker.unpack(await link.reply)
            [
                (swap(raw[2:] + raw[:2])[0] if isinstance(raw, bytes) else raw) * scale
                for raw, scale in zip(raws, scales, strict=True)
            ]
        due_s = await _next(loop, due_s, period_s)


async def _pymodbus(port: int, unit: int, period_s: float) -> None:
    from pymodbus.client import AsyncModbusTcpClient

    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    await client.connect()
    types = {
        "int16": client.DATATYPE.INT16, "uint16": client.DATATYPE.UINT16, "uint32": client.DATATYPE.UINT32,
        "float32": client.DATATYPE.FLOAT32,
    }  # fmt: skip
    # Points of one type and order that follow each other are converted in one call, as a careful user would.
    blocks = []
    for address, count, points in edge_machine.spans():
        runs: list[list[Any]] = []
        end = address
        for at, type_, order, scale in points:
            words = 2 if type_ in ("uint32", "float32") else 1
            if runs and runs[-1][:3] == [type_, order, scale] and at == end:
                runs[-1][4] += words
            else:
                runs.append([type_, order, scale, at - address, words])
            end = at + words
        blocks.append((address, count, runs))
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        for address, count, runs in blocks:
            reply = await client.read_holding_registers(address, count=count, device_id=unit)
            for type_, order, scale, start, words in runs:
                values = client.convert_from_registers(
                    reply.registers[start : start + words], types[type_],
                    word_order="little" if order == "CDAB" else "big",
                )  # fmt: skip
                [value * scale for value in (values if isinstance(values, list) else [values])]
        due_s = await _next(loop, due_s, period_s)


async def _next(loop: asyncio.AbstractEventLoop, due_s: float, period_s: float) -> float:
    """Wait for the next deadline; one that has passed is not made up for."""
    now_s = loop.time()
    due_s = max(due_s + period_s, now_s)
    await asyncio.sleep(due_s - now_s)
    return due_s


if __name__ == "__main__":
    main(sys.argv[1:])
