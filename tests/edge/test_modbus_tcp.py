"""The Modbus link against a server that misbehaves: a right value or an error, never a wrong value."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from pyModbusTCP.server import ModbusServer

from core.errors import OutsideError
from edge_agent.drivers.modbus_tcp import BadReply, ModbusTcpLink, NoAnswer, Refused, Unreachable, request
from tests.edge.hostile import FAULTS, HostileServer, bit, word
from tests.edge.parts import free_port


def words(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def right(unit: int, function: int, address: int, count: int, data: bytes) -> bool:
    if function >= 3:
        return words(data) == [word(unit, address + at) for at in range(count)]
    number = int.from_bytes(data, "little")
    return len(data) == (count + 7) // 8 and all(
        bool(number >> at & 1) == bit(unit, address + at) for at in range(count)
    )


def against(
    chooser: Callable[[int, int], str | None], work: Callable[[HostileServer, int], Coroutine[Any, Any, None]]
) -> None:
    async def both() -> None:
        server = HostileServer(chooser)
        port = await server.start()
        try:
            await work(server, port)
        finally:
            await server.stop()

    asyncio.run(both())


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (None, None), ("pieces", None), ("double", None), ("stale", None),
        ("late", NoAnswer), ("silent", NoAnswer), ("wrong_transaction", NoAnswer),
        ("short", BadReply), ("short_honest", BadReply), ("long", BadReply), ("wrong_unit", BadReply),
        ("wrong_function", BadReply), ("garbage", BadReply), ("protocol", BadReply), ("exception_long", BadReply),
        ("reset", Unreachable), ("half", Unreachable), ("busy", Refused),
    ],
)  # fmt: skip
def test_each_fault_gives_the_right_value_or_its_own_error(
    fault: str | None, outcome: type[OutsideError] | None
) -> None:
    async def work(_server: HostileServer, port: int) -> None:
        link = await ModbusTcpLink.connect("127.0.0.1", port, 2)
        for unit, function, address, count in ((3, 3, 100, 10), (4, 4, 7, 2), (5, 1, 20, 19), (6, 2, 3, 1)):
            try:
                data = await link.read(request(unit, function, address, count), 0.15)
            except OutsideError as error:
                assert outcome is not None and type(error) is outcome
                assert link.usable == (outcome is Refused)  # what cannot be trusted is not used again
                with pytest.raises((Unreachable, Refused)):
                    await link.read(request(unit, function, address, count), 0.15)
                return
            assert outcome is None and right(unit, function, address, count, data)
        assert link.strays == {"double": 4, "stale": 3}.get(str(fault), 0) or fault == "double"
        link.close()

    against(lambda _unit, _number: fault, work)


def test_no_wrong_value_in_thousands_of_requests_with_every_fault() -> None:
    rng = random.Random(20260101)

    async def work(server: HostileServer, port: int) -> None:
        outcomes: Counter[str] = Counter()
        link: ModbusTcpLink | None = None
        for _ in range(8000):
            if link is None or not link.usable:
                link = await ModbusTcpLink.connect("127.0.0.1", port, 2)
            function = rng.choice((1, 2, 3, 4))
            unit, address = rng.randrange(1, 9), rng.randrange(0, 500)
            count = rng.choice((1, 2, 7, 60, 125))
            try:
                data = await link.read(request(unit, function, address, count), 0.03)
            except OutsideError as error:
                outcomes[type(error).__name__] += 1
                continue
            assert right(unit, function, address, count, data), (unit, function, address, count)
            outcomes["right"] += 1
        assert outcomes["right"] > 7000 and set(server.faults) == set(FAULTS)
        if link is not None:
            link.close()

    against(lambda _unit, _number: rng.choice(FAULTS) if rng.random() < 0.06 else None, work)


def test_nobody_listening_is_said_with_the_address() -> None:
    port = free_port()
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port}"):
        asyncio.run(ModbusTcpLink.connect("127.0.0.1", port, 2))


def test_one_request_at_a_time() -> None:
    async def work(_server: HostileServer, port: int) -> None:
        link = await ModbusTcpLink.connect("127.0.0.1", port, 2)
        first = asyncio.create_task(link.read(request(1, 3, 0, 1), 0.1))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one request"):
            await link.read(request(1, 3, 0, 1), 0.1)
        with pytest.raises(NoAnswer):
            await first

    against(lambda _unit, _number: "silent", work)


def test_an_independent_server_is_read_in_all_four_areas(plc: ModbusServer) -> None:
    plc.data_bank.set_holding_registers(40, [1, 65535])
    plc.data_bank.set_input_registers(7, [513])
    plc.data_bank.set_coils(9, [True, False, True])
    plc.data_bank.set_discrete_inputs(0, [False, True])

    async def work() -> None:
        link = await ModbusTcpLink.connect("127.0.0.1", plc.port, 2)
        assert words(await link.read(request(1, 3, 40, 2), 1)) == [1, 65535]
        assert words(await link.read(request(1, 4, 7, 1), 1)) == [513]
        assert await link.read(request(1, 1, 9, 3), 1) == b"\x05"
        assert await link.read(request(1, 2, 0, 2), 1) == b"\x02"
        link.close()

    asyncio.run(work())
