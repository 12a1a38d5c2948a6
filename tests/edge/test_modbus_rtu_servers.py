"""RTU servers that are not ours: pymodbus's, on a pseudo-terminal and through TCP."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Awaitable, Callable

from pymodbus.framer import FramerRTU, FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from core.wire.edge_config import ModbusRtuDevice, ModbusRtuTcpDevice
from edge_agent.drivers.modbus_link import Opener
from edge_agent.drivers.modbus_messages import read as request
from edge_agent.drivers.modbus_messages import write_coil, write_registers
from tests.edge.hostile import crc
from tests.edge.modbus_parts import ask, words
from tests.edge.parts import free_port


def device(unit: int) -> SimDevice:
    registers = [SimData(0, values=list(range(1000, 1100)), datatype=DataType.REGISTERS)]
    bits = [SimData(0, values=[True, False] * 32, datatype=DataType.BITS)]
    return SimDevice(unit, (bits, bits, registers, registers))


async def tried(opener: Opener) -> None:
    link = await opener.open()
    for _ in range(20):
        assert words(await ask(link, request(3, 3, 40, 30), 1)) == list(range(1040, 1070))
        assert words(await ask(link, request(3, 4, 7, 1), 1)) == [1007]
        assert await ask(link, request(3, 1, 0, 10), 1) == b"\x55\x01"
    assert await ask(link, write_registers(3, 50, b"\x00\x07"), 1) == b""
    assert await ask(link, write_registers(3, 51, b"\x00\x08\x00\x09"), 1) == b""
    assert await ask(link, write_coil(3, 1, True), 1) == b""
    assert await ask(link, write_coil(3, 3, True, several=True), 1) == b""
    assert words(await ask(link, request(3, 3, 49, 5), 1)) == [1049, 7, 8, 9, 1053]
    assert await ask(link, request(3, 1, 0, 8), 1) == b"\x5f"
    link.close()


def served(start: Callable[[], Awaitable[tuple[ModbusSerialServer | ModbusTcpServer, Opener]]]) -> None:
    async def work() -> None:
        server, opener = await start()
        await server.serve_forever(background=True)
        try:
            await tried(opener)
        finally:
            await server.shutdown()

    asyncio.run(work())


def test_rtu_through_tcp() -> None:
    async def start() -> tuple[ModbusTcpServer, Opener]:
        port = free_port()
        server = ModbusTcpServer(device(3), framer=FramerType.RTU, address=("127.0.0.1", port))
        return server, Opener(ModbusRtuTcpDevice(id="a", name="a", host="127.0.0.1", port=port, unit=3))

    served(start)


def test_rtu_on_a_serial_line() -> None:
    near, far = os.openpty(), os.openpty()
    for end in (*near, *far):
        tty.setraw(end)

    async def start() -> tuple[ModbusSerialServer, Opener]:
        loop = asyncio.get_running_loop()  # the cable between the two ends
        loop.add_reader(near[0], lambda: os.write(far[0], os.read(near[0], 4096)))
        loop.add_reader(far[0], lambda: os.write(near[0], os.read(far[0], 4096)))
        server = ModbusSerialServer(device(3), port=os.ttyname(far[1]), baudrate=115_200)
        here = ModbusRtuDevice(id="a", name="a", serial_port=os.ttyname(near[1]), baud_rate=115_200, unit=3)
        return server, Opener(here)

    try:
        served(start)
    finally:
        for end in (*near, *far):
            os.close(end)


def test_checksums_agree() -> None:
    for length in range(1, 260, 7):
        data = bytes((length * at * 31 + 5) & 0xFF for at in range(length))
        assert FramerRTU.compute_CRC(data).to_bytes(2, "big") == crc(data)
