"""One TCP connection to Modbus units: asks for a block, checks every part of the reply, knows no points.

pymodbus gives the framer and the messages; the exchange itself is ours, because a reply must match in
transaction, unit, function and exact byte count or it is no value. A connection that has timed out or said
something impossible is closed and never used again. Nobody but the owner of a link reconnects.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from typing import NamedTuple, cast

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from core.errors import OutsideError

MBAP_BYTES = 7
MAX_ADU_BYTES = 260
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
GATEWAY_NO_PATH, GATEWAY_NO_ANSWER = 10, 11
_REQUESTS: dict[int, type[ModbusPDU]] = {
    1: ReadCoilsRequest,
    2: ReadDiscreteInputsRequest,
    3: ReadHoldingRegistersRequest,
    4: ReadInputRegistersRequest,
}


class _RawReply(ModbusPDU):
    """A read reply that keeps its bytes: the block's plan decodes them all at once."""

    payload = b""

    def decode(self, data: bytes) -> None:
        self.payload = data

    def __str__(self) -> str:
        return "raw reply"


def _raw(code: int) -> type[ModbusPDU]:
    return type(f"_Raw{code}", (_RawReply,), {"function_code": code})


_DECODER = DecodePDU(is_server=False)
for _code in _REQUESTS:
    _DECODER.register(_raw(_code))
_FRAMER = FramerSocket(_DECODER)


class Unreachable(OutsideError):
    """No TCP connection to the address, or it broke."""


class NoAnswer(OutsideError):
    """The unit said nothing in time."""


class BadReply(OutsideError):
    """The bytes that came cannot be the answer to what was asked."""


class Refused(OutsideError):
    """The unit answered with a Modbus exception."""

    def __init__(self, exception: int) -> None:
        super().__init__("device.refused", f"Modbus exception {exception}", exception=exception)
        self.exception = exception


class Request(NamedTuple):
    """A read, framed once; only the transaction id changes from one time to the next."""

    unit: int
    function: int
    data_bytes: int
    frame: bytes
    right_head: bytes  # what a right reply says before its data, after the transaction id


def request(unit: int, function: int, address: int, count: int) -> Request:
    """Frame a read of `count` registers or bits from `address` (as on the wire, from 0)."""
    pdu = _REQUESTS[function](address=address, count=count, dev_id=unit)
    data_bytes = count * 2 if function >= 3 else (count + 7) // 8
    right_head = struct.pack(">HHBBB", 0, data_bytes + 3, unit, function, data_bytes & 0xFF)
    return Request(unit, function, data_bytes, _FRAMER.buildFrame(pdu), right_head)


class ModbusTcpLink(asyncio.Protocol):
    """A connection and at most one request under way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._asked: Request | None = None
        self._transaction = random.randrange(0x10000)
        self._transaction_id = b""
        self._reply: asyncio.Future[bytes] | None = None
        self._patience_s, self._until_s = 0.0, 0.0
        self._watchdog: asyncio.TimerHandle | None = None  # one for many reads: it looks when it fires
        self.strays = 0  # whole frames that answered nothing: late or doubled

    @classmethod
    async def connect(cls, host: str, port: int, timeout_s: float) -> ModbusTcpLink:
        """Raises Unreachable."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                _transport, link = await loop.create_connection(cls, host, port)
        except (OSError, TimeoutError) as error:
            reason = "connecting timed out" if isinstance(error, TimeoutError) else str(error)
            raise Unreachable(
                "device.unreachable",
                f"no connection to {host}:{port}: {reason}",
                host=host,
                port=port,
                reason=reason,
            ) from None
        return link

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def read(self, asked: Request, timeout_s: float) -> bytes:
        """The data bytes of the reply, exactly as many as asked for.

        Raises NoAnswer, BadReply, Unreachable (the link is then closed), or Refused (it is not).
        """
        if self._transport is None or self._transport.is_closing():
            raise Unreachable("device.connection_lost", "the connection was closed by the device")
        if self._reply is not None:
            raise RuntimeError("one request at a time")
        loop = asyncio.get_running_loop()
        self._transaction = (self._transaction + 1) & 0xFFFF
        self._transaction_id = self._transaction.to_bytes(2, "big")
        self._asked = asked
        self._reply = loop.create_future()
        self._patience_s, self._until_s = timeout_s, loop.time() + timeout_s
        watchdog = self._watchdog
        if watchdog is None or watchdog.when() > self._until_s:
            if watchdog is not None:
                watchdog.cancel()
            self._watchdog = loop.call_at(self._until_s, self._look)
        try:
            self._transport.write(self._transaction_id + asked.frame[2:])
            return await self._reply
        finally:
            self._asked = self._reply = None

    def close(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class, but is one
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):  # not offered everywhere
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._watchdog is not None:
            self._watchdog.cancel()
        reason = "the device closed the connection" if exc is None else f"connection broke: {exc}"
        self._fail(Unreachable("device.connection_lost", reason))

    def data_received(self, data: bytes) -> None:
        asked, reply = self._asked, self._reply
        if (  # nearly always: one whole right reply, nothing before or behind it; all else takes the long way
            asked is not None
            and reply is not None
            and len(data) == asked.data_bytes + 9
            and data[2:9] == asked.right_head
            and data[:2] == self._transaction_id
            and not self._buffer
            and not reply.done()
        ):
            reply.set_result(data[9:])
            return
        self._buffer += data
        while len(self._buffer) > MBAP_BYTES:
            length = int.from_bytes(self._buffer[4:6], "big")
            if self._buffer[2:4] != b"\0\0" or not 2 < length <= MAX_ADU_BYTES - 6:
                self._distrust(f"no Modbus TCP frame begins with {bytes(self._buffer[:8]).hex(' ')}")
                return
            if len(self._buffer) < length + 6:
                return
            frame = bytes(self._buffer[: length + 6])
            del self._buffer[: length + 6]
            self._take(frame)

    # -- checks

    def _take(self, frame: bytes) -> None:
        _used, unit, transaction, content = _FRAMER.decode(frame)
        asked, reply = self._asked, self._reply
        if asked is None or reply is None or reply.done() or transaction != self._transaction:
            self.strays += (
                1  # a late or doubled reply can never be taken for another one: its number is spent
            )
            return
        if unit != asked.unit:
            self._distrust(f"unit {unit} answered, unit {asked.unit} was asked")
            return
        try:
            pdu = _DECODER.decode(content)
        except ModbusException as error:
            self._distrust(str(error))
            return
        if pdu is None:
            self._distrust(f"function {content[0]} answered, function {asked.function} was asked")
        elif pdu.function_code == asked.function | 0x80 and len(content) == 2:
            reply.set_exception(Refused(pdu.exception_code))
        elif pdu.function_code != asked.function or not isinstance(pdu, _RawReply):
            self._distrust(f"function {pdu.function_code} answered, function {asked.function} was asked")
        elif len(pdu.payload) != asked.data_bytes + 1 or pdu.payload[0] != asked.data_bytes:
            self._distrust(f"{len(pdu.payload) - 1} bytes came, {asked.data_bytes} were asked for")
        else:
            reply.set_result(pdu.payload[1:])

    def _distrust(self, reason: str) -> None:
        self._fail(BadReply("device.bad_reply", reason, reason=reason))
        self.close()

    def _look(self) -> None:
        """Is a reply overdue?"""
        self._watchdog = None
        if self._reply is None:
            return  # the next read sets it again
        loop = asyncio.get_running_loop()
        if loop.time() < self._until_s:
            self._watchdog = loop.call_at(self._until_s, self._look)
            return
        self._fail(NoAnswer("device.no_answer", f"no answer within {self._patience_s * 1000:.0f} ms"))
        self.close()

    def _fail(self, error: OutsideError) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)
