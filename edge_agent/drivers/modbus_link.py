"""One shape of link for three carriers, and who opens it: Modbus TCP, RTU on a serial port, RTU through TCP.

Knows which devices share a line and how long a line of each kind may be left alone; no points, no schedule.
"""

from __future__ import annotations

import asyncio
from typing import Literal, NamedTuple, Protocol

from core.wire.edge_config import ModbusDevice, ModbusRtuDevice, ModbusTcpDevice
from edge_agent.drivers.modbus_carriers import SerialSettings, connect, open_serial
from edge_agent.drivers.modbus_messages import Exchange
from edge_agent.drivers.modbus_rtu import Debts, ModbusRtuLink
from edge_agent.drivers.modbus_tcp import ModbusTcpLink

CONNECT_S = 3.0
TCP_LEFT_ALONE_S = 4.5  # a return is seen within 5 s, on serial lines within 10 s
SERIAL_LEFT_ALONE_S = 8.5


class Link(Protocol):
    """A connection to a line: at most one exchange under way; closes itself when it cannot be trusted any more."""

    strays: int

    @property
    def usable(self) -> bool: ...
    def run(self, exchange: Exchange, window: int, patience_s: float) -> asyncio.Future[None]: ...
    def close(self) -> None: ...


class Endpoint(NamedTuple):
    """Where a line begins; devices with equal endpoints share a line."""

    kind: Literal["modbus_tcp", "modbus_rtu_tcp", "modbus_rtu"]
    place: str  # host, or the serial port
    port: int  # TCP; 0 for serial


def endpoint_of(device: ModbusDevice) -> Endpoint:
    """The line that a device is on."""
    if isinstance(device, ModbusRtuDevice):
        return Endpoint(device.kind, device.serial_port, 0)
    return Endpoint(device.kind, device.host, device.port)


class Opener:
    """Opens links to the line of `device`, one after the other; remembers what may still come from an earlier one."""

    def __init__(self, device: ModbusDevice) -> None:
        self.endpoint = endpoint_of(device)
        self.left_alone_s = TCP_LEFT_ALONE_S if isinstance(device, ModbusTcpDevice) else SERIAL_LEFT_ALONE_S
        self.whole_scans = isinstance(device, ModbusTcpDevice)  # a scan's requests may go out together
        self._debts = Debts()
        self._serial: SerialSettings | None = None
        if isinstance(device, ModbusRtuDevice):
            self._serial = SerialSettings(
                device.serial_port, device.baud_rate, device.parity, device.stop_bits
            )

    @property
    def where(self) -> dict[str, str]:
        """What sentences about this line name: host and port, or serial port and speed."""
        port = self._serial.baud_rate if self._serial else self.endpoint.port
        return {"host": self.endpoint.place, "port": str(port)}

    async def open(self) -> Link:
        """Raises Unreachable."""
        kind, host, port = self.endpoint
        if self._serial is not None:
            link = ModbusRtuLink(self._debts, self._serial.char_s)
            open_serial(self._serial, link)
            return link
        if kind == "modbus_rtu_tcp":
            return await connect(host, port, CONNECT_S, lambda: ModbusRtuLink(self._debts))
        return await connect(host, port, CONNECT_S, ModbusTcpLink)
