"""What a Modbus unit says of itself (function 43, type 14): the one reply whose length nobody knows beforehand.

Asked on a connection of its own, which is closed afterwards: nothing of it can be taken for a reading.
Source: MODBUS Application Protocol V1.1b3, 6.21.
"""

from __future__ import annotations

import asyncio
import struct

from core.wire.edge_config import ModbusDevice, ModbusRtuDevice, ModbusTcpDevice
from edge_agent.drivers.modbus_carriers import Carrier, SerialSettings, connect, open_serial
from edge_agent.drivers.modbus_messages import Unreachable, crc_is_right

_ASK = bytes([0x2B, 0x0E, 0x01, 0x00])  # basic: maker, product code, revision
_NAMES = {0: "maker", 1: "product", 2: "revision", 3: "url", 4: "product_name", 5: "model", 6: "application"}
_TRANSACTION = 0x4654
_MOST_BYTES = 512


class _Listener(asyncio.Protocol):
    """Keeps what comes, and tells when something has."""

    def __init__(self) -> None:
        self.transport: Carrier | None = None
        self.heard = bytearray()
        self.news = asyncio.Event()

    @property
    def open(self) -> bool:
        """Whether more can come."""
        return self.transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a carrier, whichever it is

    def data_received(self, data: bytes) -> None:
        if len(self.heard) < _MOST_BYTES:
            self.heard += data
        self.news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.news.set()


async def identity(device: ModbusDevice, timeout_s: float) -> dict[str, str]:
    """What the unit calls itself; empty when it does not say."""
    listener = _Listener()
    try:
        if isinstance(device, ModbusRtuDevice):
            settings = SerialSettings(device.serial_port, device.baud_rate, device.parity, device.stop_bits)
            open_serial(settings, listener)
        else:
            await connect(device.host, device.port, 3.0, lambda: listener)
    except Unreachable:
        return {}
    tcp = isinstance(device, ModbusTcpDevice)
    try:
        if listener.transport is None:
            return {}
        listener.transport.write(_frame(device.unit, tcp))
        loop = asyncio.get_running_loop()
        until_s = loop.time() + timeout_s
        while (left_s := until_s - loop.time()) > 0:
            objects = _objects(bytes(listener.heard), device.unit, tcp)
            if objects is not None:
                return objects
            if not listener.open:
                break
            listener.news.clear()
            try:
                await asyncio.wait_for(listener.news.wait(), left_s)
            except TimeoutError:
                break
        return {}
    finally:
        if listener.transport is not None:
            listener.transport.abort()


def _frame(unit: int, tcp: bool) -> bytes:
    if tcp:
        return struct.pack(">HHHB", _TRANSACTION, 0, len(_ASK) + 1, unit) + _ASK
    body = bytes([unit]) + _ASK
    return body + _crc(body)


def _crc(body: bytes) -> bytes:
    """The checksum whose right value `crc_is_right` knows: the polynomial of the standard, low byte first."""
    value = 0xFFFF
    for byte in body:
        value ^= byte
        for _bit in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def _objects(heard: bytes, unit: int, tcp: bool) -> dict[str, str] | None:
    """The objects of a whole right reply; empty for a refusal; None while there is none."""
    if tcp:
        if len(heard) < 8:
            return None
        transaction, protocol, length, who = struct.unpack(">HHHB", heard[:7])
        if (transaction, protocol, who) != (_TRANSACTION, 0, unit) or len(heard) < 6 + length:
            return None
        pdu = heard[7 : 6 + length]
    else:
        if len(heard) < 5 or heard[0] != unit or not crc_is_right(heard):
            return None
        pdu = heard[1:-2]
    if pdu[0] == 0xAB:
        return {}
    if len(pdu) < 7 or pdu[:2] != _ASK[:2]:
        return None
    found: dict[str, str] = {}
    at = 7
    for _number in range(pdu[6]):
        if at + 2 > len(pdu) or at + 2 + pdu[at + 1] > len(pdu):
            break
        text = pdu[at + 2 : at + 2 + pdu[at + 1]].decode("utf-8", "replace").strip("\0 ")
        if text:
            found[_NAMES.get(pdu[at], f"object_{pdu[at]}")] = text[:100]
        at += 2 + pdu[at + 1]
    return found
