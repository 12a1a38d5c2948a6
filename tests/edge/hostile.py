"""A Modbus TCP server of our own that misbehaves on purpose; every register has one right value, so a wrong one shows.

Shares no code with the edge or pymodbus.
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple


def word(unit: int, address: int) -> int:
    """The only right value of a register."""
    return (address * 31 + unit * 7919 + 17) & 0xFFFF


def bit(unit: int, address: int) -> bool:
    """The only right value of a coil."""
    return bool(word(unit, address) >> 3 & 1)


class HostileServer:
    """Answers reads of any unit; a `chooser` names the fault of each request, or nothing."""

    def __init__(self, chooser: Callable[[int, int], str | None], late_s: float = 0.2) -> None:
        self._chooser, self._late_s = chooser, late_s
        self.requests = 0
        self.faults: Counter[str] = Counter()
        self.connections = 0
        self.dead_units: set[int] = set()
        self.illegal: Callable[[int], bool] = lambda _address: False
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        previous = b""
        try:
            while True:
                head = await reader.readexactly(7)
                transaction, _protocol, length, unit = struct.unpack(">HHHB", head)
                function, address, count = struct.unpack(">BHH", await reader.readexactly(length - 1))
                self.requests += 1
                previous = await self._answer(
                    writer, Ask(transaction, unit, function, address, count), previous
                )
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, writer: asyncio.StreamWriter, ask: Ask, previous: bytes) -> bytes:
        if ask.unit in self.dead_units:
            return previous
        right = _frame(ask.transaction, ask.unit, bytes([ask.function, len(ask.data)]) + ask.data)
        if any(self.illegal(at) for at in range(ask.address, ask.address + ask.count)):
            right = _frame(ask.transaction, ask.unit, bytes([ask.function | 0x80, 2]))
        fault = self._chooser(ask.unit, self.requests)
        if fault is None:
            writer.write(right)
            return right
        self.faults[fault] += 1
        if fault in _SAYS:
            writer.write(_SAYS[fault](ask))
        elif fault == "late":
            await asyncio.sleep(self._late_s)
            writer.write(right)
        elif fault == "double":
            writer.write(right + right)
        elif fault == "stale":  # an old answer first, then the right one
            writer.write(previous + right)
        elif fault == "pieces":
            for at in range(len(right)):
                writer.write(right[at : at + 1])
                await writer.drain()
        elif fault in ("reset", "half"):
            writer.write(right[: len(right) // 2] if fault == "half" else b"")
            await writer.drain()
            writer.transport.abort()
        return right


class Ask(NamedTuple):
    transaction: int
    unit: int
    function: int
    address: int
    count: int

    @property
    def data(self) -> bytes:
        return _data(self.unit, self.function, self.address, self.count)

    def say(self, content: bytes, unit: int | None = None, transaction: int | None = None) -> bytes:
        return _frame(
            self.transaction if transaction is None else transaction,
            self.unit if unit is None else unit,
            content,
        )

    @property
    def wrong(self) -> bytes:
        """What the neighbour's registers say."""
        other = _data(self.unit, self.function, self.address + 1, self.count)
        return bytes([len(other)]) + other


_SAYS: dict[str, Callable[[Ask], bytes]] = {
    # claims all, brings less; a well-formed reply of fewer registers; more than asked
    "short": lambda ask: ask.say(bytes([ask.function, len(ask.data)]) + ask.data[:-2]),
    "short_honest": lambda ask: ask.say(bytes([ask.function, max(0, len(ask.data) - 2)]) + ask.data[:-2]),
    "long": lambda ask: ask.say(bytes([ask.function, len(ask.data) + 2]) + ask.data + b"\x12\x34"),
    "wrong_unit": lambda ask: ask.say(bytes([ask.function]) + ask.wrong, unit=ask.unit ^ 1),
    "wrong_function": lambda ask: ask.say(
        bytes([(7 if ask.function >= 3 else 3) - ask.function]) + ask.wrong
    ),
    "wrong_transaction": lambda ask: ask.say(
        bytes([ask.function]) + ask.wrong, transaction=ask.transaction - 1
    ),
    "garbage": lambda ask: random.Random(ask.transaction).randbytes(40),
    "busy": lambda ask: ask.say(bytes([ask.function | 0x80, 6])),
    "exception_long": lambda ask: ask.say(bytes([ask.function | 0x80, 2, 9, 9])),
    "protocol": lambda ask: (
        ask.say(bytes([ask.function]) + ask.wrong)[:2] + b"\0\7" + ask.say(b"\3\2\0\0")[4:]
    ),
    "silent": lambda ask: b"",
}
FAULTS = (*_SAYS, "late", "double", "stale", "pieces", "reset", "half")


def _data(unit: int, function: int, address: int, count: int) -> bytes:
    if function >= 3:
        return b"".join(struct.pack(">H", word(unit, address + at)) for at in range(count))
    number = sum(bit(unit, address + at) << at for at in range(count))
    return number.to_bytes((count + 7) // 8, "little")


def _frame(transaction: int, unit: int, content: bytes) -> bytes:
    return struct.pack(">HHHB", transaction & 0xFFFF, 0, len(content) + 1, unit) + content
