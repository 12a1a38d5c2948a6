"""A Modbus device of our own that misbehaves on purpose, on three carriers; every register has one right value.

So a wrong one shows. TCP, RTU through TCP, RTU on a pseudo-terminal. Shares no code with the edge or pymodbus.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import struct
import tty
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from tests.edge.hostile_faults import ACTS, FAULTS_OF, SAYS, Carrier

__all__ = ["FAULTS_OF", "Ask", "Carrier", "HostileServer", "Talk", "bit", "crc", "word"]

Chooser = Callable[[int, int], str | None]


def word(unit: int, address: int) -> int:
    """The only right value of a register."""
    return (address * 31 + unit * 7919 + 17) & 0xFFFF


def bit(unit: int, address: int) -> bool:
    """The only right value of a coil."""
    return bool(word(unit, address) >> 3 & 1)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as it came."""

    transaction: int
    unit: int
    function: int
    address: int
    count: int
    value: bytes = b""  # what is to be written


class HostileServer:
    """Answers any unit; a `chooser` (of unit and number of the request) names the fault, or nothing.

    `late_s`: how late a late answer is. `baud_rate`: a serial line then takes its time, as a real one does.
    """

    def __init__(
        self, chooser: Chooser, late_s: float = 0.2, carrier: Carrier = "tcp", baud_rate: int = 0
    ) -> None:
        self.chooser, self.late_s = chooser, late_s
        self.carrier: Carrier = carrier
        self.char_s = 11 / baud_rate if baud_rate else 0.0
        self.think_s = 0.0  # until an answer begins
        self.requests = 0
        self.faults: Counter[str] = Counter()
        self.connections = 0
        self.dead_units: set[int] = set()
        self.one_by_one = False  # of requests that come together only the first is heard
        self.illegal: Callable[[int], bool] = lambda _address: False
        self.unknown_functions: set[int] = set()
        self.written: dict[tuple[int, str, int], int] = {}
        self.asked: list[Ask] = []  # the writes
        self.wishes = 0  # bytes that were no request
        self.serial_port = ""
        self._server: asyncio.Server | None = None
        self._talks: set[Talk] = set()
        self._master = -1
        self._slave = -1

    async def start(self, port: int = 0) -> int:
        """Listen; the port, or 0 for a serial line, whose name is then in `serial_port`."""
        loop = asyncio.get_running_loop()
        if self.carrier == "serial":
            self._master, self._slave = os.openpty()
            tty.setraw(self._master)
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            self.serial_port = os.ttyname(self._slave)
            talk = Talk(self, self._write_serial)
            loop.add_reader(self._master, self._read_serial, talk)
            return 0
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Away at once, with all connections."""
        if self._server is not None:
            self._server.close()
        for talk in list(self._talks):
            talk.cut()
        if self._master >= 0:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._slave)
            os.close(self._master)
            self._master = -1

    def _read_serial(self, talk: Talk) -> None:
        try:
            talk.feed(os.read(self._master, 4096))
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EIO):  # EIO: nobody has the other end open
                raise

    def _write_serial(self, data: bytes) -> None:
        if self._master >= 0:
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, data)

    # -- what the registers say

    def data(self, unit: int, function: int, address: int, count: int) -> bytes:
        """What a right answer to a read carries."""
        if function >= 3:
            area = "holding" if function == 3 else "input"
            if not self.written:
                return b"".join(struct.pack(">H", word(unit, address + at)) for at in range(count))
            values = (
                self.written.get((unit, area, address + at), word(unit, address + at)) for at in range(count)
            )
            return b"".join(struct.pack(">H", value) for value in values)
        area = "coil" if function == 1 else "discrete"
        bits = (self.written.get((unit, area, address + at), bit(unit, address + at)) for at in range(count))
        number = sum(int(one) << at for at, one in enumerate(bits))
        return number.to_bytes((count + 7) // 8, "little")

    def right(self, ask: Ask) -> bytes:
        """Function and content of the right answer; writes are carried out."""
        if ask.function in self.unknown_functions:
            return bytes([ask.function | 0x80, 1])
        if any(self.illegal(at) for at in range(ask.address, ask.address + ask.count)):
            return bytes([ask.function | 0x80, 2])
        if ask.function <= 4:
            data = self.data(ask.unit, ask.function, ask.address, ask.count)
            return bytes([ask.function, len(data)]) + data
        self.asked.append(ask)
        if ask.function in (5, 15):
            on = ask.value[0] & 1 if ask.function == 15 else int(ask.value == b"\xff\0")
            self.written[(ask.unit, "coil", ask.address)] = on
        else:
            for at, (value,) in enumerate(struct.iter_unpack(">H", ask.value)):
                self.written[(ask.unit, "holding", ask.address + at)] = value
        echo = ask.value if ask.function in (5, 6) else struct.pack(">H", ask.count)
        return struct.pack(">BH", ask.function, ask.address) + echo


class Talk:
    """One connection: requests come in, answers go out in order, and none while one is late."""

    def __init__(
        self, device: HostileServer, send: Callable[[bytes], None], cut: Callable[[], None] = lambda: None
    ) -> None:
        self.device, self._way, self._cut = device, send, cut
        self._gone = False
        self.tcp = device.carrier == "tcp"
        self._buffer = b""
        self._waiting: deque[Ask] = deque()
        self._busy = False
        self._mute = False
        self._previous = b""
        self._held = b""  # an answer that lets the next one go first
        self._loop = asyncio.get_running_loop()

    def feed(self, data: bytes) -> None:
        """Bytes from the client."""
        self._buffer += data
        asks = list(iter(self._next, None))
        self._waiting.extend(asks[:1] if self.device.one_by_one else asks)
        self._serve()

    def _serve(self) -> None:
        while self._waiting and not self._busy:
            self._answer(self._waiting.popleft())

    def _next(self) -> Ask | None:
        buffer = self._buffer
        head = 6 if self.tcp else 0
        if len(buffer) < head + 6:
            return None
        transaction = int.from_bytes(buffer[:2], "big") if self.tcp else 0
        unit, function, address, count = struct.unpack_from(">BBHH", buffer, head)
        size, value = 6, b""
        if function in (5, 6):
            value, count = buffer[head + 4 : head + 6], 1
        elif function in (15, 16):
            size = 7 + buffer[head + 6]
            value = buffer[head + 7 : head + size]
        whole = head + size + (0 if self.tcp else 2)
        if len(buffer) < whole:
            return None
        if not self.tcp and crc(buffer[: whole - 2]) != buffer[whole - 2 : whole]:
            self.device.wishes += len(buffer)
            self._buffer = b""
            return None
        self._buffer = buffer[whole:]
        return Ask(transaction, unit, function, address, count, value)

    def frame(
        self, ask: Ask, content: bytes, unit: int | None = None, transaction: int | None = None
    ) -> bytes:
        """`content` as an answer to `ask`."""
        unit = ask.unit if unit is None else unit
        if self.tcp:
            number = (ask.transaction if transaction is None else transaction) & 0xFFFF
            return struct.pack(">HHHB", number, 0, len(content) + 1, unit) + content
        return bytes([unit]) + content + crc(bytes([unit]) + content)

    def _answer(self, ask: Ask) -> None:
        device = self.device
        device.requests += 1
        if ask.unit in device.dead_units or self._mute:
            return
        right = self.frame(ask, device.right(ask))
        fault = device.chooser(ask.unit, device.requests)
        previous, self._previous = self._previous, right
        if fault is not None:
            device.faults[fault] += 1
            if fault in SAYS and (ask.function <= 4 or fault == "silent"):
                right = SAYS[fault](self, ask)
            elif fault in ACTS:
                ACTS[fault](self, ask, right, previous)
                return
        self.say(right)

    # -- ways to say it

    def _send(self, data: bytes) -> None:
        if not self._gone:
            self._way(data)

    def cut(self) -> None:
        """Break the connection."""
        self._gone = True
        self._cut()

    def say(self, data: bytes, after_s: float = 0.0) -> None:
        """Send after a while, and nothing else before."""
        device = self.device
        after_s += device.think_s + device.char_s * (8 + len(data))
        if after_s <= 0:
            self._send(data + self._take_held())
            return
        self._busy = True
        self._loop.call_later(after_s, self._say_now, data)

    def _say_now(self, data: bytes) -> None:
        self._busy = False
        self._send(data + self._take_held())
        self._serve()

    def _take_held(self) -> bytes:
        held, self._held = self._held, b""
        return held

    def in_pieces(self, data: bytes) -> None:
        """One byte at a time."""
        self._busy = True

        def next_piece(at: int) -> None:
            self._send(data[at : at + 1])
            if at + 1 < len(data):
                self._loop.call_soon(next_piece, at + 1)
            else:
                self._say_now(b"")

        next_piece(0)

    def twice(self, data: bytes, after_s: float) -> None:
        """The same again a little later, but not in the middle of another answer."""
        self._send(data)
        self._loop.call_later(after_s, self._between, data)

    def behind_the_next(self, data: bytes) -> None:
        """Let the next answer go first, if one comes soon."""
        self._held += data
        self._loop.call_later(0.005, self._between, b"")

    def _between(self, data: bytes) -> None:
        self._held += data
        if not self._busy:
            self._send(self._take_held())

    def half_then_cut(self, data: bytes) -> None:
        """The connection breaks in the middle of it."""
        self._busy = True
        self._send(data[: len(data) // 2])
        self._loop.call_soon(self.cut)

    def mute(self) -> None:
        """Never a word again on this connection."""
        self._mute = True


class _Connection(asyncio.Protocol):
    def __init__(self, device: HostileServer) -> None:
        self._device = device

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        way = cast(asyncio.WriteTransport, transport)  # uvloop's is none by class, but is one
        self._device.connections += 1
        self._talk = Talk(self._device, way.write, way.abort)
        self._device._talks.add(self._talk)

    def data_received(self, data: bytes) -> None:
        self._talk.feed(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._talk.cut()
        self._device._talks.discard(self._talk)


def crc(data: bytes) -> bytes:
    """The checksum of an RTU frame, low byte first."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _CRC[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")


def _crc_of(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ 0xA001 if byte & 1 else byte >> 1
    return byte


_CRC = [_crc_of(byte) for byte in range(256)]
