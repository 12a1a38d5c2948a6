"""What a person orders of a point: write it and read it back, or read it now. Knows no schedule.

Asked through a line, so that an order waits for the request under way and goes before the next scan.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from core import log
from core.errors import AppError, OutsideError
from core.wire.edge_config import PointConfig
from core.wire.uplink import Value
from edge_agent import planner
from edge_agent.drivers import encode
from edge_agent.drivers.modbus_messages import (
    ILLEGAL_FUNCTION,
    BadReply,
    NoAnswer,
    Refused,
    Request,
    Unreachable,
    read,
    write_coil,
    write_registers,
)
from edge_agent.sinks import Sink
from edge_agent.units import Unit

_log = log.get(__name__)
LOOKS = 4  # a device may take a moment until it shows what was written
LOOK_AGAIN_S = 0.15


class Ask(Protocol):
    """Put one request to a unit; the data of its reply. Refused, NoAnswer, BadReply, Unreachable."""

    async def __call__(self, unit: Unit, request: Request, again: bool = True) -> bytes: ...


async def read_point(ask: Ask, sink: Sink, unit: Unit, point: PointConfig) -> Value:
    """The present value of a point."""
    return (await _look(ask, sink, unit, point))[0]


async def write(ask: Ask, sink: Sink, unit: Unit, point: PointConfig, value: Value) -> Value:
    """Write `value` to a point, look whether the device has it, and return what it shows.

    AppError of `encode`, `write.refused`, `write.not_taken`; OutsideError when the unit cannot be asked.
    """
    power = sink.channel(point.scale_point) if point.scale_point else None
    wanted = encode.encode(point, value, power)
    unsure: OutsideError | None = None
    try:
        await _write(ask, unit, point, wanted)
    except (NoAnswer, BadReply, Unreachable) as error:
        unsure = error  # a write is never repeated; what came of it shows when the point is read
    shown: Value = None
    for look in range(LOOKS):
        if look:
            await asyncio.sleep(LOOK_AGAIN_S)
        shown, data = await _look(ask, sink, unit, point)
        if _has(data, wanted):
            _log.info("point written", device=unit.device.name, point=point.name, value=value)
            return shown
    if unsure is not None:
        raise unsure
    raise AppError(
        "write.not_taken",
        f"{point.name} shows {shown} after {value} was written",
        point=point.name,
        value=value,
        shown=shown,
    )


async def _write(ask: Ask, unit: Unit, point: PointConfig, wanted: encode.Written) -> None:
    registers = wanted.registers
    if not wanted.coil and not wanted.whole and wanted.area == "holding":
        held = await ask(unit, read(unit.device.unit, 3, wanted.address, 1))
        registers = (wanted.over(int.from_bytes(held, "big")),)
    data = b"".join(register.to_bytes(2, "big") for register in registers)
    for several in (False, True):  # some devices know only the functions for several, some only those for one
        if wanted.area == "coil":
            request = write_coil(unit.device.unit, wanted.address, wanted.coil, several)
        else:
            request = write_registers(unit.device.unit, wanted.address, data, several)
        try:
            await ask(unit, request, again=False)
            return
        except Refused as refusal:
            if several or len(data) > 2 or refusal.exception != ILLEGAL_FUNCTION:
                raise AppError(
                    "write.refused", refusal.detail, point=point.name, exception=refusal.exception
                ) from None


async def _look(ask: Ask, sink: Sink, unit: Unit, point: PointConfig) -> tuple[Value, bytes]:
    block = planner.make(planner.FUNCTIONS[point.area], [point])
    if block.decoder.outside:
        block.decoder.bind({id_: sink.channel(id_) for id_ in block.decoder.outside})
    data = await ask(unit, read(unit.device.unit, block.function, block.address, block.count))
    return block.decoder.values(data)[0], data


def _has(data: bytes, wanted: encode.Written) -> bool:
    """Whether what was read back is what was written, bit for bit."""
    if wanted.area == "coil":
        return bool(data[0] & 1) == wanted.coil
    held = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
    return len(held) == len(wanted.registers) and all(
        (one ^ other) & wanted.mask == 0 for one, other in zip(held, wanted.registers, strict=True)
    )
