"""What a search behind an address finds: units, ranges, names, SunSpec models, and how an expected value is kept."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from pymodbus.pdu.device import ModbusDeviceIdentification
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from core.errors import OutsideError
from core.wire.edge_commands import ProbeRequest
from edge_agent import config, guesses, probe, probe_cli
from tests.edge.hostile import HostileServer, word
from tests.edge.modbus_parts import device_of

SUNSPEC = Path(__file__).parents[1] / "data" / "sunspec"


def quiet(_unit: int, _number: int) -> str | None:
    return None


def searched(server: HostileServer, first: int, last: int, **more: Any) -> dict[str, Any]:
    """What a search finds at `server`."""

    async def both() -> dict[str, Any]:
        port = await server.start()
        try:
            return await probe.search(
                device_of(server, port, timeout_ms=100), first, last, breath_s=0, **more
            )
        finally:
            await server.stop()

    return asyncio.run(both())


def ranges(unit: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [(one["area"], one["first"], one["last"]) for one in unit["ranges"]]


@pytest.mark.parametrize("carrier", ["tcp", "rtu_tcp", "serial"])
def test_units_and_ranges_are_found_on_each_carrier(carrier: Any) -> None:
    server = HostileServer(quiet, carrier=carrier)
    server.dead_units = {1, 3}
    server.unknown_functions = {1, 2}
    server.illegal = lambda address: not (7 <= address <= 43 or 300 <= address <= 471 or address == 0x2100)
    found = searched(server, 1, 3)
    (unit,) = found["units"]
    assert unit["unit"] == 2 and unit["exception"] == 2 and found["complete"]
    assert ranges(unit) == [
        (area, first, last) for area in ("holding", "input") for first, last in ((300, 471), (0x2100, 0x2100))
    ]  # 7-43 has none of the addresses where a search begins
    for run in unit["registers"]:
        assert run["words"] == [word(2, run["address"] + index) for index in range(len(run["words"]))]


def test_a_device_that_answers_everywhere_ends_the_search() -> None:
    server = HostileServer(quiet)
    found = searched(server, 1, 1)
    unit = found["units"][0]
    assert ranges(unit)[0] == ("coil", 0, 5000) or ranges(unit)[0][2] >= 5000
    assert all(one["more"] for one in unit["ranges"]) and found["requests"] < 800
    assert sum(len(run["words"]) for run in unit["registers"]) <= 500 + 125


def test_a_short_time_is_kept() -> None:
    found = searched(HostileServer(quiet), 1, 1, most_s=0.05)
    assert not found["complete"] and found["units"][0]["answers"]


def test_nobody_at_home() -> None:
    with pytest.raises(OutsideError):
        asyncio.run(probe.probe(ProbeRequest(host="127.0.0.1", port=1)))
    server = HostileServer(quiet)
    server.dead_units = {1, 2}
    assert searched(server, 1, 2)["units"] == []


def test_a_search_can_be_cancelled() -> None:
    async def work() -> None:
        server = HostileServer(quiet)
        port = await server.start()
        asked: list[int] = []
        task = asyncio.create_task(
            probe.search(device_of(server, port), 1, 1, lambda _stage, _unit, number: asked.append(number))
        )
        while len(asked) < 20:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        before = server.requests
        await asyncio.sleep(0.05)
        assert server.requests == before
        await server.stop()

    asyncio.run(work())


def registers(*blocks: tuple[int, bytes]) -> list[SimData]:
    return [
        SimData(
            address,
            values=[int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)],
            datatype=DataType.REGISTERS,
        )
        for address, data in blocks
    ]


async def with_server(blocks: list[SimData], work: Callable[[int], Coroutine[Any, Any, Any]]) -> Any:
    identity = ModbusDeviceIdentification(
        info_name={"VendorName": "Fettle Works", "ProductCode": "FW-1", "MajorMinorRevision": "2.5"}
    )
    server = ModbusTcpServer(SimDevice(1, blocks), address=("127.0.0.1", 0), identity=identity)
    await server.serve_forever(background=True)
    try:
        return await work(server.transport.sockets[0].getsockname()[1])  # type: ignore[union-attr]  # it listens
    finally:
        await server.shutdown()


def sunspec_blocks() -> list[SimData]:
    inverter = bytearray(struct.pack(">HH", 103, 50) + b"\x80\0" * 50)
    struct.pack_into(">HHHHH", inverter, 2 * 10, 2305, 2310, 2315, 0xFFFF, 0)
    return registers((40_000, b"SunS" + struct.pack(">HH", 1, 65) + bytes(130) + inverter + b"\xff\xff\0\0"))


def test_a_sunspec_device_is_recognised_and_named() -> None:
    async def work(port: int) -> dict[str, Any]:
        return await probe.probe(ProbeRequest(host="127.0.0.1", port=port, first_unit=1, last_unit=1))

    (unit,) = asyncio.run(with_server(sunspec_blocks(), work))["units"]
    assert unit["sunspec"] == 40_000
    assert unit["models"] == [
        {"id": 1, "address": 40_002, "length": 65},
        {"id": 103, "address": 40_069, "length": 50},
    ]
    assert unit["identity"] == {"maker": "Fettle Works", "product": "FW-1", "revision": "2.5"}


def command(port: int, *more: str) -> int:
    return probe_cli.main([f"127.0.0.1:{port}", "--units", "1", "--timeout-ms", "200", *more])


def test_the_command_saves_what_the_edge_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "found.yaml"

    async def work(port: int) -> int:
        return await asyncio.to_thread(command, port, "--save", str(file), "--models", str(SUNSPEC), "--json")

    assert asyncio.run(with_server(sunspec_blocks(), work)) == 0
    out = capsys.readouterr().out
    assert json.loads(out[: out.rindex("}") + 1])["units"][0]["sunspec"] == 40_000
    saved = config.from_file(file)
    assert saved.devices[0].name == "FW-1"
    points = {point.id: point for point in saved.points}
    assert points["unit-1-m103-phvpha"].scale_point == "unit-1-m103-v_sf"
    assert points["unit-1-m103-phvpha"].address == 40_079


def test_the_command_guesses_and_saves_the_best(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = struct.pack(">HHfH", 7, 9, 61.25, 412)
    swapped = content[:4] + content[6:8] + content[4:6] + content[8:]
    file = tmp_path / "found.yaml"

    async def work(port: int) -> int:
        more = ("--expect", "61.2±0.3", "--expect", "41.2", "--save", str(file))
        return await asyncio.to_thread(command, port, *more)

    assert asyncio.run(with_server(registers((100, swapped)), work)) == 0
    assert "100-104" in capsys.readouterr().out
    first, second = config.from_file(file).points
    assert (first.address, first.type, first.order) == (102, "float32", "CDAB")
    assert (second.address, second.type, second.scale) == (104, "int16", 0.1)


@pytest.mark.parametrize(
    "argv", [[], ["h", "--units", "9-1"], ["h", "--units", "x"], ["h:502", "--expect", "warm"]]
)
def test_a_wrong_call_says_so(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert probe_cli.main(argv) in (1, 2)
    assert capsys.readouterr().err.startswith("fettle edge probe: ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("23.5±0.5", (23.5, 0.5)),
        ("23.5+-1", (23.5, 1)),
        ("-4 +/- 2", (-4, 2)),
        ("100", (100, 2)),
        ("0.5", (0.5, 0.1)),
    ],
)
def test_expected_values(text: str, value: tuple[float, float]) -> None:
    assert guesses.expected(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("data", "value", "wanted"),
    [
        (struct.pack(">f", 23.46), 23.5, ("float32", "ABCD", 1)),
        (struct.pack("<f", 23.46), 23.5, ("float32", "DCBA", 1)),
        (struct.pack(">h", -105), -10.5, ("int16", "ABCD", 0.1)),
        (struct.pack(">H", 2201), 220, ("int16", "ABCD", 0.1)),
        (struct.pack(">i", 12_345_678), 123_456.8, ("int32", "ABCD", 0.01)),
        (struct.pack(">HH", 0, 500), 50.0, ("int16", "ABCD", 0.1)),
    ],
)
def test_the_likeliest_reading_comes_first(data: bytes, value: float, wanted: tuple[str, str, float]) -> None:
    best = guesses.rank(value, abs(value) * 0.005, [("holding", 10, data)])[0]
    assert (best.type, best.order, best.scale) == wanted
