"""The machines of the edge's benchmark: a fast Modbus TCP server in a process of its own, and what its registers mean.

Serves frames out of ready images and counts the requests; shares no code with the edge or pymodbus. The unit asked
decides how lively it is: 1 never changes, 2 changes a tenth of its points from scan to scan, 3 changes all of them.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

DEVICES = 20
STILL, TENTH, ALL = 1, 2, 3
BLOCK_STARTS = (0, 200, 400, 600)
_IMAGES = 8
_WORDS = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2}
_FORMATS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "float32": "f"}
# type, byte order, scale, how many in a block
MIX = (
    ("int16", "ABCD", 0.1, 24), ("uint16", "ABCD", 1.0, 16), ("float32", "ABCD", 1.0, 14), ("uint32", "ABCD", 1.0, 4),
    ("float32", "CDAB", 1.0, 4),
)  # fmt: skip


def points() -> list[tuple[int, str, str, float]]:
    """(address, type, order, scale) of the 250 points of one device, sorted by address."""
    found = []
    for start in BLOCK_STARTS:
        at = start
        for type_, order, scale, count in MIX:
            for _ in range(count):
                found.append((at, type_, order, scale))
                at += _WORDS[type_]
    found += [
        (700 + at, "uint16", "ABCD", 1.0) for at in range(250 - len(found))
    ]  # behind the last block, near it
    return found


def spans() -> list[tuple[int, int, list[tuple[int, str, str, float]]]]:
    """(address, count, points) of the requests that a person would choose: one for each block."""
    all_points = points()
    chosen = []
    for start in BLOCK_STARTS:
        mine = [p for p in all_points if start <= p[0] < start + 200]
        chosen.append((start, mine[-1][0] + _WORDS[mine[-1][1]] - start, mine))
    return chosen


def image(number: int, every: int) -> bytes:
    """All registers; from one number to the next each `every`-th point has another value (0: none)."""
    memory = bytearray(2 * 1024)
    for index, (address, type_, order, _scale) in enumerate(points()):
        moves = number if every and index % every == 0 else 0
        value = 100 + index + moves
        raw = struct.pack(">" + _FORMATS[type_], value + 0.5 if type_ == "float32" else value)
        if order == "CDAB":
            raw = raw[2:] + raw[:2]
        memory[2 * address : 2 * address + len(raw)] = raw
    return bytes(memory)


class _Machine(asyncio.Protocol):
    def __init__(self, images: dict[int, Sequence[bytes]], counts: Any) -> None:
        self._images, self._counts = images, counts
        self._buffer = b""
        self._asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        at, replies = 0, []
        while len(buffer) - at >= 12:
            unit, function, address, count = struct.unpack_from(">BBHH", buffer, at + 6)
            images = self._images[unit]
            memory = images[self._asked // len(BLOCK_STARTS) % len(images)]
            self._asked += 1
            self._counts[unit] += 1
            head = struct.pack(">HBBB", 3 + 2 * count, unit, function, 2 * count)
            replies.append(buffer[at : at + 4] + head + memory[2 * address : 2 * (address + count)])
            at += 12
        self._buffer = buffer[at:]
        self._transport.write(b"".join(replies))


def serve(line: Connection, counts: Any) -> None:
    """Listen on twenty ports of this computer, send them through `line`, serve until killed."""
    import uvloop

    images: dict[int, Sequence[bytes]] = {
        STILL: [image(0, 0)],
        TENTH: [image(number, 10) for number in range(_IMAGES)],
        ALL: [image(number, 1) for number in range(_IMAGES)],
    }

    async def work() -> None:
        loop = asyncio.get_running_loop()
        servers = [
            await loop.create_server(lambda: _Machine(images, counts), "127.0.0.1", 0) for _ in range(DEVICES)
        ]
        line.send([server.sockets[0].getsockname()[1] for server in servers])
        await asyncio.Event().wait()

    uvloop.run(work())
