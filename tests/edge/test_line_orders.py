"""Orders to a line: writing by all four functions and reading back, before scans, on each carrier."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from core.domain.points import Quality
from core.errors import AppError, OutsideError
from core.wire.edge_config import PointConfig
from edge_agent.clock import Clock
from edge_agent.line import Line
from tests.edge.hostile import Carrier, HostileServer
from tests.edge.modbus_parts import device_of
from tests.edge.test_line import Notebook, points_of, until

CARRIERS: tuple[Carrier, ...] = ("tcp", "rtu_tcp", "serial")


def point(name: str, address: int, **more: object) -> PointConfig:
    values: dict[str, object] = {
        "id": name,
        "device": "a",
        "name": name,
        "address": address,
        "writable": True,
    }
    return PointConfig.model_validate(values | more)


SETPOINT = point("setpoint", 500)
SPEED = point("speed", 510, type="float32", order="CDAB")
TENTHS = point("tenths", 520, type="int16", scale=0.1)
BIT = point("bit", 530, bit=5)
COIL = point("coil", 40, area="coil", type="bool")
ALL = [SETPOINT, SPEED, TENTHS, BIT, COIL]


def with_line(server: HostileServer, work: Callable[[Line], Awaitable[None]], **more: object) -> None:
    async def both() -> None:
        port = await server.start()
        points = points_of("a", range(100, 105))
        book = Notebook([*points, *ALL], {"a": 1})
        line = Line([(device_of(server, port, **more), [*points])], book, book.health, Clock())
        task = asyncio.create_task(line.run())
        try:
            await until(lambda: book.channels["a.100"].quality is Quality.GOOD)
            await work(line)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await server.stop()
        assert book.wrong == []

    asyncio.run(both())


def honest(carrier: Carrier) -> HostileServer:
    return HostileServer(lambda _unit, _number: None, carrier=carrier)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_is_written_is_in_the_device_and_read_back(carrier: Carrier) -> None:
    server = honest(carrier)
    server.written[(1, "holding", 530)] = 0b1010_0000_0000_0001

    async def work(line: Line) -> None:
        assert await line.write(SETPOINT, 1234) == 1234
        assert await line.write(SPEED, 12.5) == 12.5
        assert await line.write(TENTHS, -3.7) == -3.7
        assert await line.write(BIT, True) is True
        assert await line.write(COIL, True) is True and await line.write(COIL, False) is False
        assert [ask.function for ask in server.asked] == [6, 16, 6, 6, 5, 5]
        assert server.written[(1, "holding", 500)] == 1234
        assert server.written[(1, "holding", 520)] == 0xFFFF - 36
        assert server.written[(1, "holding", 530)] == 0b1010_0000_0010_0001  # the other bits are as they were
        assert await line.read(TENTHS) == -3.7 and await line.read(COIL) is False

    with_line(server, work)


def test_a_device_that_knows_only_the_functions_for_several_gets_these() -> None:
    server = honest("tcp")
    server.unknown_functions = {5, 6}

    async def work(line: Line) -> None:
        assert await line.write(SETPOINT, 7) == 7
        assert await line.write(COIL, True) is True
        assert [ask.function for ask in server.asked] == [16, 15]
        server.unknown_functions = {5, 6, 15, 16}
        with pytest.raises(AppError) as error:
            await line.write(SETPOINT, 8)
        assert (error.value.code, error.value.params["exception"]) == ("write.refused", "1")

    with_line(server, work)


def test_what_may_not_be_written_or_does_not_fit_never_goes_out() -> None:
    server = honest("tcp")

    async def work(line: Line) -> None:
        for where, value, code in (
            (SETPOINT.model_copy(update={"writable": False}), 1, "write.not_allowed"),
            (SETPOINT.model_copy(update={"write_high": 10.0}), 11, "write.out_of_bounds"),
            (SETPOINT, 70_000, "write.does_not_fit"),
        ):
            with pytest.raises(AppError) as error:
                await line.write(where, value)
            assert error.value.code == code
        assert server.asked == []

    with_line(server, work)


def test_a_device_that_does_not_take_it_is_told_of_with_what_it_shows() -> None:
    server = honest("tcp")
    stubborn = server.right

    def right(ask):  # type: ignore[no-untyped-def]
        answer = stubborn(ask)
        server.written.pop((1, "holding", 500), None)
        return answer

    server.right = right  # type: ignore[method-assign]

    async def work(line: Line) -> None:
        with pytest.raises(AppError) as error:
            await line.write(SETPOINT, 3)
        assert error.value.code == "write.not_taken"
        assert error.value.params["value"] == "3" and error.value.params["shown"] != "3"

    with_line(server, work)


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("fault", ["silent", "late"])
def test_a_write_whose_answer_is_lost_is_not_repeated_but_looked_after(carrier: Carrier, fault: str) -> None:
    server = honest(carrier)
    server.late_s = 0.5

    async def work(line: Line) -> None:
        said = server.right

        def right(ask):  # type: ignore[no-untyped-def]
            server.chooser = (lambda _unit, _number: fault) if ask.function == 6 else (lambda _u, _n: None)
            return said(ask)

        server.right = right  # type: ignore[method-assign]
        try:
            assert await line.write(SETPOINT, 4321) == 4321
        except OutsideError as error:  # the device was busy with the late answer for too long
            assert fault == "late" and error.code == "device.no_answer"
        assert [ask.value for ask in server.asked] == [(4321).to_bytes(2, "big")]

    with_line(server, work)


def test_an_order_does_not_wait_for_all_blocks_of_a_slow_scan() -> None:
    """On a serial line an order comes between two blocks."""
    server = honest("serial")
    server.think_s = 0.05

    async def both() -> None:
        await server.start()
        points = points_of("a", range(100, 200))
        book = Notebook([*points, *ALL], {"a": 1})
        device = device_of(server, 0, max_registers=10, poll_ms=1000, timeout_ms=1000)
        line = Line([(device, points)], book, book.health, Clock())
        task = asyncio.create_task(line.run())
        await until(lambda: server.requests >= 2)
        assert await line.write(SETPOINT, 9) == 9
        assert server.requests < 9  # ten blocks would have been before it
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.stop()

    asyncio.run(both())


def test_an_order_nobody_waits_for_any_more_is_not_carried_out() -> None:
    server = honest("tcp")

    async def work(line: Line) -> None:
        server.think_s = 0.3
        await until(lambda: server.requests >= 2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await line.write(SETPOINT, 5)
        server.think_s = 0.0
        assert await line.write(TENTHS, 1.5) == 1.5
        assert [ask.address for ask in server.asked] == [520]

    with_line(server, work, timeout_ms=1000)
