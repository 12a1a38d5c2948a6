"""What only Modbus TCP can do: several requests under way, answered in any order; and a server that is not ours."""

from __future__ import annotations

import asyncio

import pytest
from pyModbusTCP.server import ModbusServer

from edge_agent.drivers.modbus_link import Opener
from edge_agent.drivers.modbus_messages import NoAnswer, Refused, Unreachable
from edge_agent.drivers.modbus_messages import read as request
from tests.edge.hostile import HostileServer
from tests.edge.modbus_parts import against, ask, ask_all, device_of, right, words
from tests.edge.parts import free_port


@pytest.mark.parametrize("window", [1, 2, 4, 16])
def test_many_requests_are_answered_each_with_its_own_whatever_the_order(window: int) -> None:
    async def work(server: HostileServer, opener: Opener) -> None:
        server.chooser = lambda _unit, number: "swapped" if number % 3 == 0 else None
        link = await opener.open()
        asked = [request(1 + n % 3, 3 + n % 2, 10 * n, 8) for n in range(23)]
        found = await ask_all(link, asked, window, 0.5)
        assert sorted(found) == list(range(23))
        assert all(right(asked[index], data) for index, data in found.items())
        link.close()

    against(HostileServer(lambda _unit, _number: None), work)


def test_a_refused_request_among_others_is_the_only_one() -> None:
    async def work(server: HostileServer, opener: Opener) -> None:
        server.illegal = lambda address: address == 25
        link = await opener.open()
        with pytest.raises(Refused) as refusal:
            await ask_all(link, [request(1, 3, 10 * n, 8) for n in range(6)], 4, 0.5)
        assert refusal.value.exception == 2 and link.usable
        link.close()

    against(HostileServer(lambda _unit, _number: None), work)


def test_strays_are_counted_and_harm_nobody() -> None:
    async def work(server: HostileServer, opener: Opener) -> None:
        link = await opener.open()
        await ask(link, request(1, 3, 0, 4), 0.5)
        server.chooser = lambda _unit, _number: "stale"
        for _ in range(3):
            assert right(request(1, 3, 50, 4), await ask(link, request(1, 3, 50, 4), 0.5))
        assert link.strays == 3
        server.chooser = lambda _unit, _number: "wrong_transaction"
        with pytest.raises(NoAnswer):
            await ask(link, request(1, 3, 50, 4), 0.1)
        assert link.strays == 4 and not link.usable

    against(HostileServer(lambda _unit, _number: None), work)


def test_nobody_listening_is_said_with_the_address() -> None:
    port = free_port()
    opener = Opener(device_of(HostileServer(lambda _unit, _number: None), port))
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port}"):
        asyncio.run(opener.open())


def test_an_independent_server_is_read_in_all_four_areas(plc: ModbusServer) -> None:
    plc.data_bank.set_holding_registers(40, [1, 65535])
    plc.data_bank.set_input_registers(7, [513])
    plc.data_bank.set_coils(9, [True, False, True])
    plc.data_bank.set_discrete_inputs(0, [False, True])

    async def work() -> None:
        link = await Opener(device_of(HostileServer(lambda _unit, _number: None), plc.port)).open()
        assert words(await ask(link, request(1, 3, 40, 2), 1)) == [1, 65535]
        assert words(await ask(link, request(1, 4, 7, 1), 1)) == [513]
        assert await ask(link, request(1, 1, 9, 3), 1) == b"\x05"
        assert await ask(link, request(1, 2, 0, 2), 1) == b"\x02"
        link.close()

    asyncio.run(work())
