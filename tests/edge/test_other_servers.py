"""Values of other people's Modbus servers come out of the edge as they were put in: every type, order and area.

pyModbusTCP, libmodbus, jsmodbus and modbus-serial serve, over TCP and over a serial line; mbpoll writes into them,
and reads our simulator as a second opinion.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.domain.points import Quality
from core.wire.edge_config import EdgeConfig
from edge_agent.clock import Clock
from edge_agent.line import Line
from edge_agent.plant import Plant
from edge_agent.plant_base import ModbusMachine
from edge_agent.simulator import Simulator
from edge_agent.watch import Watch
from tests.edge import other_servers

SERVERS = ["pymodbustcp", "libmodbus", "jsmodbus", "modbus-serial", "libmodbus-rtu", "modbus-serial-rtu"]
REGISTERS, BITS = 400, 60
ORDERS = ("ABCD", "BADC", "CDAB", "DCBA")
# What is put in, by type: the least, the greatest, and what shows a wrong order or sign.
VALUES: Mapping[str, tuple[Any, ...]] = {
    "int16": (-32768, 32767, -2, 4660), "uint16": (0, 65535, 258),
    "int32": (-(2**31), 2**31 - 1, 0x01020304), "uint32": (2**32 - 1, 0x0A0B0C0D),
    "int64": (-(2**63) + 1, 0x0102030405060708), "uint64": (0x0102030405060708, 2**53),
    "float32": (-0.15625, 3.4028234663852886e38, 1.1754943508222875e-38), "float64": (-1e300, 2.5, 0.1),
}  # fmt: skip
FORMATS = {
    "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q", "float32": "f",
    "float64": "d",
}  # fmt: skip


def registers_of(type_: str, order: str, value: Any) -> list[int]:
    """The registers that hold a value, made without any of our code: A is the highest byte."""
    raw = struct.pack(">" + FORMATS[type_], value)
    words = [raw[at : at + 2] for at in range(0, len(raw), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return [int.from_bytes(word, "big") for word in words]


class Image:
    """Tables full of values, the points that read them, and what each must be."""

    def __init__(self) -> None:
        self.tables = {
            "coil": [at * 7 % 3 % 2 for at in range(BITS)], "discrete": [at * 5 % 4 % 2 for at in range(BITS)],
            "holding": [0] * REGISTERS, "input": [0] * REGISTERS,
        }  # fmt: skip
        self.points: list[dict[str, Any]] = []
        self.wanted: dict[str, Any] = {}
        for area, start in (
            ("holding", 3),
            ("input", 11),
        ):  # the same values elsewhere: areas are not mixed up
            self._numbers(area, start)
        for area in ("coil", "discrete"):
            for at in (0, 1, 7, 8, 9, 31, BITS - 1):
                self._point(area, at, bool(self.tables[area][at]), type="bool")

    def _numbers(self, area: str, at: int) -> None:
        for type_, values in VALUES.items():
            for order in ORDERS:
                for value in values:
                    words = registers_of(type_, order, value)
                    self._put(area, at, words, value, type=type_, order=order)
                    at += len(words)
        self._put(area, at, [0x1234], 1234, type="bcd16")
        self._put(area, at + 1, [0x1234, 0x5678], 12345678, type="bcd32")
        self._put(area, at + 3, [0x5678, 0x1234], 12345678, type="bcd32", order="CDAB")
        text = "Ölpumpe 3".encode() + b"\0"
        words = [int.from_bytes(text[n : n + 2].ljust(2, b"\0"), "big") for n in range(0, len(text), 2)]
        self._put(area, at + 5, words, "Ölpumpe 3", type="string", words=len(words))
        at += 5 + len(words)
        self._put(area, at, [0b0000_1010_0110_0000], True, type="bool", bit=5)
        self._point(area, at, False, type="bool", bit=7)
        self._point(area, at, 0b1010, type="uint16", bit=8, bits=4)
        self._point(area, at, 0b0000_1010_0110_0000 / 8 + 3, type="uint16", scale=0.125, offset=3)
        self._point(area, at, "runs", type="uint16", words_of={str(0b0000_1010_0110_0000): "runs"})

    def _put(self, area: str, at: int, memory: list[int], wanted: Any, **reads: Any) -> None:
        self.tables[area][at : at + len(memory)] = memory
        self._point(area, at, wanted, **reads)

    def _point(self, area: str, at: int, wanted: Any, **reads: Any) -> None:
        name = f"{area[0]}{len(self.points)}"
        self.points.append({"id": name, "device": "d", "name": name, "area": area, "address": at, **reads})
        self.wanted[name] = wanted


def read(address: Mapping[str, Any], points: list[dict[str, Any]]) -> dict[str, tuple[Any, Quality]]:
    """What the edge reads of these points in one scan."""
    device = {"id": "d", "name": "D", "unit": 1, "timeout_ms": 2000, "poll_ms": 1000, **address}
    config = EdgeConfig.model_validate({"edge": "e", "version": 1, "devices": [device], "points": points})
    watch = Watch(Clock(), lambda _batch: None)
    watch.configure(config)
    (modbus,) = config.devices

    async def scan() -> None:
        line = Line([(modbus, config.points)], watch, lambda *_: None, Clock())  # type: ignore[list-item]
        try:
            await line.scan_once()
        finally:
            line.close()

    asyncio.run(scan())
    found = {}
    for point in points:
        channel = watch.channel(point["id"])
        found[point["id"]] = (channel.value, channel.quality)
    return found


@pytest.mark.parametrize("kind", SERVERS)
def test_every_type_order_and_area_is_read_as_it_was_put_in(kind: str, tmp_path: Path) -> None:
    image = Image()
    with other_servers.serving(kind, image.tables, tmp_path) as address:
        found = read(address, image.points)
    reads = {point["id"]: point for point in image.points}
    wrong = {
        name: (reads[name], value, quality, image.wanted[name])
        for name, (value, quality) in found.items()
        if value != image.wanted[name] or quality is not Quality.GOOD
    }
    assert not wrong
    assert len(found) > 150


# ---------------------------------------------------------------- mbpoll


def mbpoll(port: int, *arguments: str) -> str:
    """What mbpoll says, references counted from 0."""
    program = shutil.which("mbpoll")
    if program is None:
        other_servers.missing("mbpoll is not installed: apt-get install mbpoll")
    command = [program, "-m", "tcp", "-0", "-1", "-p", str(port), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", ["libmodbus", "modbus-serial"])
def test_what_mbpoll_writes_the_edge_reads(kind: str, tmp_path: Path) -> None:
    tables = {"coil": [0] * 20, "discrete": [0] * 20, "holding": [0] * 50, "input": [0] * 50}
    with other_servers.serving(kind, tables, tmp_path) as address:
        port = address["port"]
        mbpoll(port, "-t", "4", "-r", "2", "127.0.0.1", "4711", "65535")
        mbpoll(port, "-t", "4:int", "-B", "-r", "10", "127.0.0.1", "--", "-123456789")
        mbpoll(port, "-t", "4:int", "-r", "12", "127.0.0.1", "305419896")
        mbpoll(port, "-t", "4:float", "-B", "-r", "20", "127.0.0.1", "--", "-12.75")
        mbpoll(port, "-t", "4:float", "-r", "22", "127.0.0.1", "0.5")
        mbpoll(port, "-t", "0", "-r", "3", "127.0.0.1", "1", "0", "1")
        reads: list[tuple[str, dict[str, Any], Any]] = [
            ("a", {"address": 2}, 4711), ("b", {"address": 3, "type": "int16"}, -1),
            ("c", {"address": 10, "type": "int32"}, -123456789),
            ("d", {"address": 12, "type": "uint32", "order": "CDAB"}, 305419896),
            ("e", {"address": 20, "type": "float32"}, -12.75),
            ("f", {"address": 22, "type": "float32", "order": "CDAB"}, 0.5),
            ("g", {"address": 3, "area": "coil", "type": "bool"}, True),
            ("h", {"address": 4, "area": "coil", "type": "bool"}, False),
            ("i", {"address": 5, "area": "coil", "type": "bool"}, True),
        ]  # fmt: skip
        found = read(
            address, [{"id": name, "device": "d", "name": name, **point} for name, point, _ in reads]
        )
    assert found == {name: (wanted, Quality.GOOD) for name, _point, wanted in reads}


def said_by(mbpoll_said: str) -> dict[int, float]:
    """The values in lines like `[12]: 345`, `[12]: 65535 (-1)` or `[12]: 21.5`."""
    found = re.findall(r"^\[(\d+)\]:\s*(-?[\d.e+-]+)", mbpoll_said, re.MULTILINE)
    return {int(at): float(value) for at, value in found}


@pytest.mark.parametrize("name", ["moulding", "compressor"])
def test_mbpoll_reads_of_our_simulator_what_the_edge_reads(name: str) -> None:
    plant = Plant(5)
    for _ in range(100):
        plant.step()
    machine = plant.machines[name]
    assert isinstance(machine, ModbusMachine)
    tables = {area: machine.table(area) for area in ("holding", "input", "coil", "discrete")}
    reads: dict[str, tuple[str, int, dict[str, Any]]] = {}
    for area, table in tables.items():
        for at in range(len(table)):
            plain = {"type": "bool"} if area in ("coil", "discrete") else {"type": "uint16"}
            reads[f"{area}-{at}"] = (_kind_of(area), at, {"area": area, "address": at, **plain})
            if area in ("holding", "input") and at + 1 < len(table):
                whole = {"area": area, "address": at, "type": "int32"}
                reads[f"{area}-{at}-long"] = (_kind_of(area) + ":int -B", at, whole)
                reads[f"{area}-{at}-swapped"] = (_kind_of(area) + ":int", at, whole | {"order": "CDAB"})
    points = [{"id": key, "device": "d", "name": key, **how} for key, (_kind, _at, how) in reads.items()]

    async def both(unit: int) -> tuple[dict[str, tuple[Any, Quality]], dict[str, float]]:
        simulator = Simulator(plant)  # its time is not let pass: nothing moves while two look at it
        await simulator.start()
        try:
            address = {"kind": "modbus_tcp", "host": "127.0.0.1", "port": simulator.ports[name], "unit": unit}
            ours = await asyncio.to_thread(read, address, points)
            theirs = await asyncio.to_thread(_all_by_mbpoll, simulator.ports[name], unit, reads)
        finally:
            await simulator.close()
        return ours, theirs

    ours, theirs = asyncio.run(both(machine.unit))
    assert {key: float(value) for key, (value, _quality) in ours.items()} == theirs
    assert {quality for _value, quality in ours.values()} == {Quality.GOOD}
    assert len(set(theirs.values())) > 10


def _kind_of(area: str) -> str:
    return {"coil": "0", "discrete": "1", "input": "3", "holding": "4"}[area]


def _all_by_mbpoll(port: int, unit: int, reads: Mapping[str, tuple[str, int, Any]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for kind in {kind for kind, _at, _how in reads.values()}:
        type_, *more = kind.split()
        wanted = {at: key for key, (one, at, _how) in reads.items() if one == kind}
        for at, key in wanted.items() if ":" in kind else [(min(wanted), "")]:
            count = "1" if ":" in kind else str(len(wanted))
            said = said_by(
                mbpoll(port, "-a", str(unit), "-t", type_, *more, "-r", str(at), "-c", count, "127.0.0.1")
            )
            found |= {key: said[at]} if key else {wanted[one]: value for one, value in said.items()}
    return found
