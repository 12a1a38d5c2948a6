"""The contenders of the edge's benchmark that are written in Python: ours, raw asyncio loops, pymodbus's client.

`python -m tests.bench._edge_pollers NAME UNIT PERIOD_MS PORT…` polls until killed. All poll the same blocks on
deadlines
of the same period and decode every point; only ours also judges rules (on one point in nine) and keeps quality.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import Awaitable, Sequence
from typing import Any

from tests.bench import _edge_machine as edge_machine

RULE_EVERY = 9
HOST = "127.0.0.1"


def main(arguments: list[str]) -> None:
    """Poll until killed."""
    name, unit, period_ms = arguments[0], int(arguments[1]), int(arguments[2])
    ports = [int(port) for port in arguments[3:]]
    work = _work(name, unit, period_ms, ports)
    if "asyncio" in name or "pymodbus" in name:
        asyncio.run(work)
    else:
        import uvloop

        uvloop.run(work)


async def _work(name: str, unit: int, period_ms: int, ports: list[int]) -> None:
    polls: Sequence[Awaitable[None]]
    if name.startswith("ours"):
        polls = _ours(name, unit, period_ms, ports)
    elif name.startswith("pymodbus-gathered"):
        polls = [
            _gathered(unit, period_ms, ports, {} if "defaults" in name else {"timeout": 1, "retries": 0})
        ]
    elif name.startswith("pymodbus"):
        polls = [_pymodbus(port, unit, period_ms, "convert" in name) for port in ports]
    elif name == "raw-lines":
        polls = [_raw_units(port, unit, period_ms) for port in ports]
    else:
        polls = [_raw(port, unit, period_ms, "pipelined" in name) for port in ports]
    done, _ = await asyncio.wait(
        [asyncio.ensure_future(p) for p in polls], return_when=asyncio.FIRST_COMPLETED
    )
    raise SystemExit(f"a poll ended: {[task.exception() for task in done]}")


# ---------------------------------------------------------------- ours


def _ours(name: str, unit: int, period_ms: int, ports: list[int]) -> list[Awaitable[None]]:
    from edge_agent.clock import Clock
    from edge_agent.line import Line
    from edge_agent.watch import Watch

    chosen = edge_machine.points()
    devices = [(port, unit) for port in ports]
    if "lines" in name:  # twenty units behind each port, 125 registers each
        chosen = [*edge_machine.first_block(), *((at, "uint16", "ABCD", 1.0) for at in (94, 104, 114, 124))]
        devices = [(port, unit + at) for port in ports for at in range(edge_machine.DEVICES)]
    elif "hundred" in name:  # five times twenty devices of a hundred points
        chosen = chosen[:100]
        devices = [(port, unit + at) for port in ports for at in range(5)]
    config = configuration(devices, chosen, period_ms, 8 if "pipelined" in name else 1)
    watch = Watch(Clock(), lambda _batch: None)
    watch.configure(config)
    lines: list[Awaitable[None]] = []
    mine: dict[str, list[Any]] = {}
    for point in config.points:
        mine.setdefault(point.device, []).append(point)
    by_port: dict[int, list[Any]] = {}
    for device in config.devices:
        assert device.kind == "modbus_tcp"
        by_port.setdefault(device.port, []).append((device, mine[device.id]))
    for on_line in by_port.values():
        lines.append(Line(on_line, watch, _health, Clock()).run())
    return lines


def configuration(
    devices: Sequence[tuple[int, int]], points: Sequence[edge_machine.Point], period_ms: int, pipeline: int
) -> Any:
    """What an edge with these devices (port, unit) and the same points on each is told."""
    from core.wire.edge_config import EdgeConfig

    told: dict[str, Any] = {"edge": "bench", "version": 1, "devices": [], "points": [], "rules": []}
    for number, (port, unit) in enumerate(devices):
        told["devices"].append(
            {"kind": "modbus_tcp", "id": f"d{number}", "name": f"D{number}", "host": HOST, "port": port,
             "unit": unit, "poll_ms": period_ms, "pipeline": pipeline}
        )  # fmt: skip
        for address, type_, order, scale in points:
            told["points"].append(
                {"id": f"d{number}.{address}", "device": f"d{number}", "name": f"P{address}", "address": address,
                 "type": type_, "order": order, "scale": scale}
            )  # fmt: skip
    for number, point in enumerate(told["points"][::RULE_EVERY]):
        told["rules"].append(
            {"id": f"r{number}", "name": f"R{number}", "point": point["id"], "condition": "high", "limit": 1e6,
             "deadband": 2}
        )  # fmt: skip
    return EdgeConfig.model_validate(told)


def _health(device: str, state: str, code: str, detail: str, params: dict[str, str]) -> None:
    """Nobody asks here."""


# ---------------------------------------------------------------- the least that is a Modbus client


class _Raw(asyncio.Protocol):
    """Checks nothing but lengths; calls back when as many replies have come as were asked for."""

    def __init__(self) -> None:
        self.replies: asyncio.Future[list[bytes]] | None = None
        self.wanted = 1
        self._buffer = b""
        self._found: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        at = 0
        while len(buffer) - at >= 9 and len(buffer) - at >= 9 + buffer[at + 8]:
            end = at + 9 + buffer[at + 8]
            self._found.append(buffer[at + 9 : end])
            at = end
        self._buffer = buffer[at:]
        if len(self._found) == self.wanted and self.replies is not None:
            self.replies.set_result(self._found)
            self._found = []


_swap = struct.Struct(">f").unpack


def _unpacker(address: int, points: Sequence[edge_machine.Point]) -> struct.Struct:
    format_, end = ">", address
    for at, type_, order, _scale in points:
        format_ += f"{2 * (at - end)}x" if at > end else ""
        format_ += (
            "4s" if order == "CDAB" else {"int16": "h", "uint16": "H", "uint32": "I", "float32": "f"}[type_]
        )
        end = at + edge_machine.words_of(type_)
    return struct.Struct(format_)


def _values(unpacker: struct.Struct, scales: Sequence[float], data: bytes) -> list[float]:
    raws = unpacker.unpack_from(data)
    return [
        (_swap(raw[2:] + raw[:2])[0] if isinstance(raw, bytes) else raw) * scale
        for raw, scale in zip(raws, scales, strict=True)
    ]


def _scales(points: Sequence[edge_machine.Point]) -> list[float]:
    return [scale for _at, _type, _order, scale in points]


async def _raw(port: int, unit: int, period_ms: int, pipelined: bool) -> None:
    loop = asyncio.get_running_loop()
    transport, link = await loop.create_connection(_Raw, HOST, port)
    blocks = [
        (
            struct.pack(">HHHBBHH", 1, 0, 6, unit, 3, address, count),
            _unpacker(address, points),
            _scales(points),
        )
        for address, count, points in edge_machine.spans()
    ]
    turns = [blocks] if pipelined else [[block] for block in blocks]
    due_s = loop.time()
    while True:
        for turn in turns:
            link.wanted = len(turn)
            link.replies = loop.create_future()
            transport.write(b"".join(frame for frame, _unpacker, _scales in turn))
            for (_frame, unpacker, scales), data in zip(turn, await link.replies, strict=True):
                _values(unpacker, scales, data)
        due_s = await _next(loop, due_s, period_ms)


async def _raw_units(port: int, unit: int, period_ms: int) -> None:
    """Twenty units behind one port, one request of 125 registers each."""
    loop = asyncio.get_running_loop()
    transport, link = await loop.create_connection(_Raw, HOST, port)
    points = edge_machine.first_block()
    unpacker, scales = _unpacker(0, points), _scales(points)
    frames = [struct.pack(">HHHBBHH", 1, 0, 6, unit + at, 3, 0, 125) for at in range(edge_machine.DEVICES)]
    due_s = loop.time()
    while True:
        for frame in frames:
            link.replies = loop.create_future()
            transport.write(frame)
            (data,) = await link.replies
            _values(unpacker, scales, data)
        due_s = await _next(loop, due_s, period_ms)


# ---------------------------------------------------------------- pymodbus


async def _pymodbus(port: int, unit: int, period_ms: int, convert: bool) -> None:
    from pymodbus.client import AsyncModbusTcpClient

    client = AsyncModbusTcpClient(HOST, port=port)
    await client.connect()
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    scan = _conversions(client) if convert else _structs()
    while True:
        for address, count, use in scan:
            reply = await client.read_holding_registers(address, count=count, device_id=unit)
            use(reply.registers)
        due_s = await _next(loop, due_s, period_ms)


def _structs() -> list[tuple[int, int, Any]]:
    """With a Struct of one's own for each block."""
    found = []
    for address, count, points in edge_machine.spans():
        packer, unpacker, scales = struct.Struct(f">{count}H"), _unpacker(address, points), _scales(points)

        def use(
            registers: list[int], packer: Any = packer, unpacker: Any = unpacker, scales: Any = scales
        ) -> None:
            _values(unpacker, scales, packer.pack(*registers))

        found.append((address, count, use))
    return found


def _conversions(client: Any) -> list[tuple[int, int, Any]]:
    """With `convert_from_registers`; points of one type and order that follow each other in one call."""
    types = {
        "int16": client.DATATYPE.INT16, "uint16": client.DATATYPE.UINT16, "uint32": client.DATATYPE.UINT32,
        "float32": client.DATATYPE.FLOAT32,
    }  # fmt: skip
    found = []
    for address, count, points in edge_machine.spans():
        runs: list[list[Any]] = []
        end = address
        for at, type_, order, scale in points:
            words = edge_machine.words_of(type_)
            if runs and runs[-1][:3] == [type_, order, scale] and at == end:
                runs[-1][4] += words
            else:
                runs.append([type_, order, scale, at - address, words])
            end = at + words

        def use(registers: list[int], runs: list[list[Any]] = runs) -> None:
            for type_, order, scale, start, words in runs:
                values = client.convert_from_registers(
                    registers[start : start + words], types[type_],
                    word_order="little" if order == "CDAB" else "big",
                )  # fmt: skip
                [value * scale for value in (values if isinstance(values, list) else [values])]

        found.append((address, count, use))
    return found


async def _gathered(unit: int, period_ms: int, ports: list[int], patience: dict[str, Any]) -> None:
    """All devices at once, the next scan when the last has answered or been given up."""
    from pymodbus.client import AsyncModbusTcpClient
    from pymodbus.exceptions import ModbusException

    clients = [AsyncModbusTcpClient(HOST, port=port, **patience) for port in ports]
    for client in clients:
        await client.connect()
    scan = _structs()

    async def read(client: Any) -> None:
        try:
            for address, count, use in scan:
                reply = await client.read_holding_registers(address, count=count, device_id=unit)
                use(reply.registers)
        except ModbusException:
            return

    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        await asyncio.gather(*(read(client) for client in clients))
        due_s = await _next(loop, due_s, period_ms)


async def _next(loop: asyncio.AbstractEventLoop, due_s: float, period_ms: int) -> float:
    """Wait for the next deadline; one that has passed is not made up for."""
    now_s = loop.time()
    due_s = max(due_s + period_ms / 1000, now_s)
    await asyncio.sleep(due_s - now_s)
    return due_s


if __name__ == "__main__":
    main(sys.argv[1:])
