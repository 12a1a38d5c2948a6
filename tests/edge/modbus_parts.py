"""What tests of Modbus share: a link to a device that misbehaves, on each carrier, and judging what was read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from core.wire.edge_config import ModbusDevice, ModbusRtuDevice, ModbusRtuTcpDevice, ModbusTcpDevice
from edge_agent.drivers.modbus_link import Link, Opener
from edge_agent.drivers.modbus_messages import Exchange, Refused, Request, read
from tests.edge.hostile import HostileServer, bit, word

FAST_BAUD = 4_000_000  # a pseudo-terminal is not slower


def device_of(
    server: HostileServer, port: int, name: str = "a", unit: int = 1, **more: object
) -> ModbusDevice:
    """A device at `server`."""
    values: dict[str, object] = {"id": name, "name": name, "unit": unit, "poll_ms": 50, "timeout_ms": 200}
    if server.carrier == "serial":
        values |= {"serial_port": server.serial_port, "baud_rate": FAST_BAUD}
        return ModbusRtuDevice.model_validate(values | more)
    values |= {"host": "127.0.0.1", "port": port}
    if server.carrier == "rtu_tcp":
        return ModbusRtuTcpDevice.model_validate(values | more)
    return ModbusTcpDevice.model_validate(values | more)


def against(
    server: HostileServer, work: Callable[[HostileServer, Opener], Coroutine[Any, Any, None]]
) -> None:
    """Run `work` with `server` up."""

    async def both() -> None:
        port = await server.start()
        try:
            await work(server, Opener(device_of(server, port)))
        finally:
            await server.stop()

    asyncio.run(both())


async def ask(link: Link, request: Request, patience_s: float) -> bytes:
    """The data of one reply; raises as links do, and Refused."""
    return (await ask_all(link, [request], 1, patience_s))[0]


async def ask_all(link: Link, requests: list[Request], window: int, patience_s: float) -> dict[int, bytes]:
    """The data of several."""
    found: dict[int, bytes] = {}

    def heard(index: int, data: bytes) -> None:
        assert index not in found, "answered twice"
        found[index] = data

    exchange = Exchange(requests, heard)
    await link.run(exchange, window, patience_s)
    if exchange.refused:
        raise Refused(exchange.refused[0][1].exception)
    return found


def right(request: Request, data: bytes) -> bool:
    """Whether `data` is what the registers asked for say."""
    unit, function, address, count = request.unit, request.function, request.address, request.count
    if function >= 3:
        return words(data) == [word(unit, address + at) for at in range(count)]
    number = int.from_bytes(data, "little")
    return len(data) == (count + 7) // 8 and all(
        bool(number >> at & 1) == bit(unit, address + at) for at in range(count)
    )


def words(data: bytes) -> list[int]:
    """Registers as numbers."""
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


__all__ = ["FAST_BAUD", "against", "ask", "ask_all", "device_of", "read", "right", "words"]
