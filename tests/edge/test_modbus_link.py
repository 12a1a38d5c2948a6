"""A Modbus link on each carrier against a device that misbehaves: a right value or an error, never a wrong value."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from core.errors import OutsideError
from core.wire.edge_config import ModbusRtuDevice
from edge_agent.drivers import modbus_carriers
from edge_agent.drivers.modbus_link import Link, Opener
from edge_agent.drivers.modbus_messages import BadReply, NoAnswer, Refused, Unreachable
from edge_agent.drivers.modbus_messages import read as request
from tests.edge.hostile import FAULTS_OF, Carrier, HostileServer
from tests.edge.modbus_parts import against, ask, ask_all, right

CARRIERS: tuple[Carrier, ...] = ("tcp", "rtu_tcp", "serial")
OUTCOMES: dict[str, type[OutsideError] | None] = {
    "": None, "pieces": None, "late": NoAnswer, "silent": NoAnswer, "mute": NoAnswer, "short_honest": BadReply,
    "long": BadReply, "wrong_unit": BadReply, "wrong_function": BadReply, "garbage": BadReply,
    "exception_long": BadReply, "busy": Refused, "reset": Unreachable, "half": Unreachable, "swapped": None,
}  # fmt: skip
BY_CARRIER: dict[str, dict[str, type[OutsideError] | None]] = {
    "tcp": {"double": None, "double_later": None, "stale": None, "stale_pieces": None, "short": BadReply,
            "wrong_transaction": NoAnswer, "protocol": BadReply},
    "rtu_tcp": {"double": BadReply, "stale": BadReply, "stale_pieces": BadReply, "noise_after": BadReply,
                "noise_before": BadReply, "noise_inside": BadReply, "short": BadReply},
}  # fmt: skip
BY_CARRIER["serial"] = BY_CARRIER["rtu_tcp"]
CASES = [
    (carrier, fault, outcome)
    for carrier in CARRIERS
    for fault, outcome in (OUTCOMES | BY_CARRIER[carrier]).items()
    if not fault or fault in FAULTS_OF[carrier]
]


@pytest.mark.parametrize(("carrier", "fault", "outcome"), CASES)
def test_each_fault_gives_the_right_value_or_its_own_error(
    carrier: Carrier, fault: str, outcome: type[OutsideError] | None
) -> None:
    async def work(server: HostileServer, opener: Opener) -> None:
        link = await opener.open()
        await ask(link, request(3, 3, 99, 10), 0.15)  # so that there is an old answer
        server.chooser = lambda _unit, _number: fault or None
        for unit, function, address, count in ((3, 3, 100, 10), (4, 4, 7, 2), (5, 1, 20, 19), (6, 2, 3, 1)):
            asked = request(unit, function, address, count)
            try:
                data = await ask(link, asked, 0.1)
            except OutsideError as error:
                assert outcome is not None and type(error) is outcome, error
                if carrier == "tcp":
                    assert link.usable == (outcome is Refused)  # what cannot be trusted is not used again
                return
            assert outcome is None and right(asked, data)
        link.close()

    against(HostileServer(lambda _unit, _number: None, 0.5, carrier), work)


@pytest.mark.parametrize(("carrier", "requests"), [("tcp", 5000), ("rtu_tcp", 1200), ("serial", 1200)])
def test_no_wrong_value_in_thousands_of_requests_with_every_fault(carrier: Carrier, requests: int) -> None:
    rng = random.Random(20260101)

    async def work(server: HostileServer, opener: Opener) -> None:
        server.chooser = lambda _unit, _number: (
            rng.choice(FAULTS_OF[carrier]) if rng.random() < 0.06 else None
        )
        outcomes: Counter[str] = Counter()
        link: Link | None = None
        for _ in range(requests):
            if link is None or not link.usable:
                link = await opener.open()
            unit, function = rng.randrange(1, 4), rng.choice((1, 2, 3, 3, 3, 4))
            address, count = rng.randrange(0, 500), rng.choice((1, 2, 7, 60, 60, 125))
            asked = request(unit, function, address, count)
            try:
                data = await ask(link, asked, 0.03)
            except OutsideError as error:
                outcomes[type(error).__name__] += 1
                continue
            assert right(asked, data), (asked.unit, function, address, count)
            outcomes["right"] += 1
        assert outcomes["right"] > 0.85 * requests and len(server.faults) >= 0.9 * len(FAULTS_OF[carrier])
        if link is not None:
            link.close()

    against(HostileServer(lambda _unit, _number: None, late_s=0.05, carrier=carrier), work)


@pytest.mark.parametrize("carrier", ["rtu_tcp", "serial"])
def test_a_late_reply_is_never_taken_for_that_of_the_next_request(carrier: Carrier) -> None:
    """Nothing in the frame tells them apart: the registers of 100 must not come for 500."""

    async def work(server: HostileServer, opener: Opener) -> None:
        link = await opener.open()
        for late_s in (0.04, 0.09, 0.12, 0.2, 0.5):
            server.late_s = late_s / 0.9
            server.chooser = lambda _unit, _number: "late"
            with pytest.raises(NoAnswer):
                await ask(link, request(1, 3, 100, 4), 0.03)
            server.chooser = lambda _unit, _number: None
            got = None
            while got is None:
                if not link.usable:
                    link = await opener.open()
                try:
                    got = await ask(link, request(1, 3, 500, 4), 0.03)
                except (NoAnswer, BadReply):
                    continue
            assert right(request(1, 3, 500, 4), got)
        link.close()

    against(HostileServer(lambda _unit, _number: None, carrier=carrier), work)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_one_exchange_at_a_time(carrier: Carrier) -> None:
    async def work(_server: HostileServer, opener: Opener) -> None:
        link = await opener.open()
        first = asyncio.ensure_future(ask_all(link, [request(1, 3, 0, 1)], 1, 0.1))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one exchange"):
            await ask_all(link, [request(1, 3, 0, 1)], 1, 0.1)
        with pytest.raises(NoAnswer):
            await first
        link.close()

    against(HostileServer(lambda _unit, _number: "silent", carrier=carrier), work)


def test_a_serial_port_that_goes_away_is_told_and_opened_again() -> None:
    async def work(server: HostileServer, opener: Opener) -> None:
        link = await opener.open()
        assert right(request(1, 3, 0, 2), await ask(link, request(1, 3, 0, 2), 0.5))
        waiting = asyncio.ensure_future(ask(link, request(9, 3, 0, 2), 5))
        server.dead_units = {9}
        await asyncio.sleep(0.1)
        await server.stop()  # the cable is pulled
        with pytest.raises(Unreachable):
            await waiting
        assert not link.usable
        with pytest.raises(Unreachable) as told:
            await Opener(ModbusRtuDevice(id="x", name="x", serial_port="/dev/fettle-none")).open()
        assert told.value.code == "device.serial_port" and told.value.params["port"] == "9600"

    against(HostileServer(lambda _unit, _number: None, carrier="serial"), work)


def test_a_thread_reads_the_port_where_the_event_loop_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows; tried here on a pseudo-terminal."""
    monkeypatch.setattr(modbus_carriers, "THREADED", True)

    async def work(server: HostileServer, opener: Opener) -> None:
        link = await opener.open()
        for address in range(0, 300, 10):
            asked = request(1, 3, address, 9)
            assert right(asked, await ask(link, asked, 1))
        server.chooser = lambda _unit, _number: "noise_before"
        with pytest.raises(BadReply):
            await ask(link, request(1, 3, 0, 9), 0.3)
        link.close()
        await asyncio.sleep(0)
        assert not link.usable

    against(HostileServer(lambda _unit, _number: None, carrier="serial"), work)
