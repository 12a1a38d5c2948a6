"""Modbus requests framed once for either framing, what a right reply must say, and the ways an exchange can fail.

pymodbus makes messages and frames; how a reply is judged is written down here, byte by byte, and nowhere else.
Knows no connection.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadDiscreteInputsRequest,
    WriteMultipleCoilsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from core.errors import OutsideError

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
GATEWAY_NO_PATH, GATEWAY_NO_ANSWER = 10, 11
WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS = 5, 6, 15, 16
READS_WHAT = {1: 1, 2: 2, 3: 3, 4: 4, WRITE_COIL: 1, WRITE_COILS: 1, WRITE_REGISTER: 3, WRITE_REGISTERS: 3}
"""The function that reads what a function is about."""
_READS: dict[int, type[ModbusPDU]] = {
    1: ReadCoilsRequest,
    2: ReadDiscreteInputsRequest,
    3: ReadHoldingRegistersRequest,
    4: ReadInputRegistersRequest,
}
_TCP = FramerSocket(DecodePDU(is_server=False))
_RTU = FramerRTU(DecodePDU(is_server=False))


class Unreachable(OutsideError):
    """No connection to the address, or it broke."""


class NoAnswer(OutsideError):
    """The unit said nothing in time."""


class BadReply(OutsideError):
    """The bytes that came cannot be the answer to what was asked."""


class Refused(OutsideError):
    """The unit answered with a Modbus exception."""

    def __init__(self, exception: int) -> None:
        super().__init__("device.refused", f"Modbus exception {exception}", exception=exception)
        self.exception = exception


def gateway_says(exception: int) -> NoAnswer | None:
    """A gateway's exception for a unit behind it that is silent."""
    if exception not in (GATEWAY_NO_PATH, GATEWAY_NO_ANSWER):
        return None
    return NoAnswer("device.no_answer", f"the gateway says: exception {exception}")


@dataclass(frozen=True, slots=True)
class Request:
    """One request in both framings, and what its right reply looks like."""

    unit: int
    function: int
    address: int
    count: int
    data_bytes: int  # of a right reply, behind its head: exactly so many
    tcp_tail: bytes  # the frame behind its transaction id
    tcp_head: bytes  # of a right reply, behind its transaction id
    tcp_bytes: int  # of a right reply, whole
    rtu_frame: bytes
    rtu_head: bytes
    rtu_bytes: int

    @property
    def likeness(self) -> tuple[int, int, int]:
        """Replies to requests of one likeness cannot be told apart where there is no transaction id."""
        return self.unit, self.function, self.data_bytes


def read(unit: int, function: int, address: int, count: int) -> Request:
    """Read `count` registers or bits from `address` (as on the wire, from 0)."""
    data_bytes = count * 2 if function >= 3 else (count + 7) // 8
    pdu = _READS[function](address=address, count=count, dev_id=unit)
    return _request(pdu, unit, bytes([function, data_bytes & 0xFF]), count, data_bytes)


def write_registers(unit: int, address: int, data: bytes, several: bool = False) -> Request:
    """Write whole registers, given as their bytes; function 16 for more than one, or when `several`."""
    registers = list(struct.unpack(f">{len(data) // 2}H", data))
    if len(registers) == 1 and not several:
        one = WriteSingleRegisterRequest(address=address, registers=registers, dev_id=unit)
        return _request(one, unit, struct.pack(">BHH", WRITE_REGISTER, address, registers[0]), 1, 0)
    many = WriteMultipleRegistersRequest(address=address, registers=registers, dev_id=unit)
    right = struct.pack(">BHH", WRITE_REGISTERS, address, len(registers))
    return _request(many, unit, right, len(registers), 0)


def write_coil(unit: int, address: int, on: bool, several: bool = False) -> Request:
    """Write one coil by function 5, or 15 when `several`."""
    if not several:
        one = WriteSingleCoilRequest(address=address, bits=[on], dev_id=unit)
        return _request(one, unit, struct.pack(">BHH", WRITE_COIL, address, 0xFF00 if on else 0), 1, 0)
    many = WriteMultipleCoilsRequest(address=address, bits=[on], dev_id=unit)
    return _request(many, unit, struct.pack(">BHH", WRITE_COILS, address, 1), 1, 0)


def _request(pdu: ModbusPDU, unit: int, right: bytes, count: int, data_bytes: int) -> Request:
    """`right`: the reply's function and what follows it up to the data."""
    tcp_head = struct.pack(">HHB", 0, 1 + len(right) + data_bytes, unit) + right
    rtu_head = bytes([unit]) + right
    return Request(
        unit,
        pdu.function_code,
        pdu.address,
        count,
        data_bytes,
        _TCP.buildFrame(pdu)[2:],
        tcp_head,
        2 + len(tcp_head) + data_bytes,
        _RTU.buildFrame(pdu),
        rtu_head,
        len(rtu_head) + data_bytes + 2,
    )


def crc_is_right(frame: bytes) -> bool:
    """Whether the last two bytes of an RTU frame are its checksum."""
    return len(frame) > 3 and FramerRTU.compute_CRC(frame[:-2]).to_bytes(2, "big") == frame[-2:]


class Exchange:
    """Requests that are asked together, and who hears the data of each right reply, as it comes.

    After a link has failed `left` says which were not answered; `refused` collects the Modbus exceptions.
    """

    __slots__ = ("asked", "heard", "left", "refused")

    def __init__(self, asked: Sequence[Request], heard: Callable[[int, bytes], None]) -> None:
        self.asked = asked
        self.heard = heard
        self.left: Sequence[int] = range(len(asked))
        self.refused: list[tuple[int, Refused]] = []

    def begin(self) -> None:
        """Ask everything again."""
        self.left = range(len(self.asked))
        if self.refused:
            self.refused = []
