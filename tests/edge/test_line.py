"""A line with good, slow, dead and lying units: no wrong value, and the living keep their rate."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence

import pytest

from core.domain.points import Quality
from core.wire.edge_config import PointConfig
from edge_agent.channels import Channel, Value
from edge_agent.clock import Clock
from edge_agent.line import Line
from tests.edge.hostile import FAULTS_OF, Carrier, HostileServer, word
from tests.edge.modbus_parts import device_of


class Notebook:
    """A sink that checks each value against the only right one."""

    def __init__(self, points: list[PointConfig], units: dict[str, int]) -> None:
        self.channels = {point.id: Channel(point) for point in points}
        self.units = units
        self.wrong: list[tuple[str, Value]] = []
        self.scans: Counter[str] = Counter()
        self.qualities: Counter[Quality] = Counter()
        self.answering: dict[str, bool] = {}
        self.lines: list[tuple[str, tuple[str, ...], bool]] = []
        self.healths: dict[str, tuple[str, str, dict[str, str]]] = {}

    def channel(self, point_id: str) -> Channel:
        return self.channels[point_id]

    def put(
        self, channel: Channel, value: Value, quality: Quality, reason: str, previous_good_s: float
    ) -> None:
        channel.change(value, quality, reason, 0.0, -math.inf)
        self.qualities[quality] += 1
        if quality is Quality.GOOD and value != word(self.units[channel.point.device], channel.point.address):
            self.wrong.append((channel.point.id, value))

    def take(
        self,
        channels: Sequence[Channel],
        changes: Iterable[tuple[int, Value]],
        previous_good_s: float,
        reasons: Sequence[str] = (),
    ) -> None:
        for index, value in changes:
            self.put(channels[index], value, Quality.GOOD, "", previous_good_s)

    def line_answers(self, line_id: str, device_ids: Sequence[str], answering: bool, name: str) -> None:
        self.lines.append((line_id, tuple(device_ids), answering))

    def answers(self, device_id: str, answering: bool) -> None:
        self.answering[device_id] = answering
        self.scans[device_id] += answering

    def flush(self) -> None:
        pass

    def health(self, device_id: str, state: str, code: str, detail: str, params: dict[str, str]) -> None:
        self.healths[device_id] = (state, code, params)


def points_of(name: str, addresses: range) -> list[PointConfig]:
    return [PointConfig(id=f"{name}.{a}", device=name, name=f"{name}.{a}", address=a) for a in addresses]


async def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)


def on_a_line(
    server: HostileServer,
    units: dict[str, int],
    work: Callable[[Notebook, Line, int], Awaitable[None]],
    addresses: range = range(100, 110),
    **more: object,
) -> None:
    async def both() -> None:
        port = await server.start()
        points = {name: points_of(name, addresses) for name in units}
        book = Notebook([p for group in points.values() for p in group], units)
        devices = [
            (device_of(server, port, name, unit, **more), points[name]) for name, unit in units.items()
        ]
        line = Line(devices, book, book.health, Clock())
        task = asyncio.create_task(line.run())
        try:
            await work(book, line, port)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await server.stop()
        assert book.wrong == []

    asyncio.run(both())


@pytest.mark.parametrize("carrier", ["tcp", "rtu_tcp", "serial"])
def test_lies_and_delays_give_no_wrong_value_and_the_device_comes_back_each_time(carrier: Carrier) -> None:
    rng = random.Random(7)
    faults = FAULTS_OF[carrier]
    server = HostileServer(
        lambda _unit, _number: rng.choice(faults) if rng.random() < 0.05 else None, 0.3, carrier
    )

    async def work(book: Notebook, _line: Line, _port: int) -> None:
        await until(lambda: server.requests > 800, 60)
        assert min(book.scans.values()) > 100
        assert book.qualities[Quality.GOOD] > 40
        await until(lambda: all(c.quality is Quality.GOOD for c in book.channels.values()), 10)

    on_a_line(server, {"a": 3, "b": 4, "c": 5}, work, poll_ms=20, timeout_ms=100)


def test_dead_units_cost_their_living_neighbours_less_than_a_twentieth() -> None:
    server = HostileServer(lambda _unit, _number: None)
    server.dead_units = {8, 9}

    async def work(book: Notebook, line: Line, _port: int) -> None:
        loop = asyncio.get_running_loop()
        await until(lambda: book.answering.get("dead") is False and book.answering.get("gone") is False)
        await until(lambda: all(u.probe_pause_s > 0 for u in line._units.values() if u.device.unit >= 8), 20)
        before, began_s = dict(book.scans), loop.time()
        await until(lambda: loop.time() - began_s > 6.0)
        wanted = (loop.time() - began_s) / 0.05
        for name in ("a", "b", "c"):
            assert book.scans[name] - before[name] >= 0.95 * wanted - 1, name
        assert book.channels["dead.100"].quality is Quality.BAD_COMM
        state, code, params = book.healths["dead"]
        assert (state, code, params["unit"]) == ("failing", "device.no_answer", "8")

    on_a_line(server, {"a": 1, "b": 2, "c": 3, "dead": 8, "gone": 9}, work, timeout_ms=1000)


def test_a_units_return_is_seen_within_five_seconds() -> None:
    server = HostileServer(lambda _unit, _number: None)
    server.dead_units = {8}

    async def work(book: Notebook, line: Line, _port: int) -> None:
        await until(lambda: line._units["dead"].probe_pause_s >= 4, 30)
        server.dead_units = set()
        await until(lambda: book.channels["dead.100"].quality is Quality.GOOD, 5)
        await until(lambda: book.scans["dead"] > 5, 2)

    on_a_line(server, {"a": 1, "dead": 8}, work)


def test_a_hosts_return_is_seen_within_five_seconds() -> None:
    server = HostileServer(lambda _unit, _number: None)

    async def work(book: Notebook, line: Line, port: int) -> None:
        await until(lambda: book.scans["a"] > 2)
        await server.stop()
        await until(lambda: book.answering["a"] is False and line._access.retry_pause_s >= 4, 30)
        assert book.healths["a"][1] == "device.unreachable"
        assert book.lines[-1] == (f"127.0.0.1:{port}", ("a", "b"), False)
        await server.start(port)
        await until(lambda: book.channels["a.100"].quality is Quality.GOOD, 5)
        assert book.lines[-1] == (f"127.0.0.1:{port}", ("a", "b"), True)

    on_a_line(server, {"a": 1, "b": 2}, work)


def test_refused_registers_are_found_and_all_others_are_read() -> None:
    server = HostileServer(lambda _unit, _number: None)
    holes = {103, 117, 118, 139}
    server.illegal = lambda address: address in holes

    async def work(book: Notebook, line: Line, _port: int) -> None:
        await until(lambda: book.scans["a"] >= 2)
        bad = {c.point.address for c in book.channels.values() if c.quality is Quality.BAD_CONFIG}
        good = {c.point.address for c in book.channels.values() if c.quality is Quality.GOOD}
        assert bad == holes and good == set(range(100, 140)) - holes
        state, code, params = book.healths["a"]
        assert (state, code) == ("ok", "device.illegal_address") and params["address"] == "holding 103"
        before = server.requests
        await until(lambda: book.scans["a"] >= 6)
        assert server.requests - before <= 5 * 7  # the holes are remembered, not asked for again
        holes.clear()
        for scan in line._scans:
            scan.holes_again_s = 0.0
        await until(lambda: all(c.quality is Quality.GOOD for c in book.channels.values()))
        await until(lambda: book.healths["a"][1] == "")

    on_a_line(server, {"a": 1}, work, addresses=range(100, 140))


def test_a_device_that_is_busy_is_alive() -> None:
    server = HostileServer(lambda _unit, _number: "busy")

    async def work(book: Notebook, _line: Line, _port: int) -> None:
        await until(lambda: book.scans["a"] >= 3)
        assert book.channels["a.100"].quality is Quality.BAD_COMM and book.answering["a"] is True
        state, code, params = book.healths["a"]
        assert (state, code, params["exception"]) == ("failing", "device.refused", "6")
        server.chooser = lambda _unit, _number: None
        await until(lambda: book.healths["a"][0] == "ok")

    on_a_line(server, {"a": 1}, work)


def test_a_scan_that_is_too_late_is_skipped_and_counted_not_queued() -> None:
    server = HostileServer(lambda _unit, number: "late" if number % 3 == 0 else None, late_s=0.15)

    async def work(book: Notebook, line: Line, _port: int) -> None:
        began_s = asyncio.get_running_loop().time()
        await until(lambda: book.scans["a"] >= 30)
        elapsed_s = asyncio.get_running_loop().time() - began_s
        assert line.scans_skipped > 0
        assert line.scans_done + line.scans_skipped <= elapsed_s / 0.05 + 2

    on_a_line(server, {"a": 1}, work, timeout_ms=1000)


def test_points_called_stale_are_news_with_the_next_reply_even_if_it_says_the_same() -> None:
    server = HostileServer(lambda _unit, _number: None)

    async def work(book: Notebook, _line: Line, _port: int) -> None:
        await until(lambda: book.scans["a"] >= 2)
        channel = book.channels["a.100"]
        channel.feed.stale = True
        channel.change(channel.value, Quality.BAD_STALE, "", 0.0, 0.0)
        await until(lambda: channel.quality is Quality.GOOD)

    on_a_line(server, {"a": 1}, work)


def test_the_silence_a_device_needs_is_kept() -> None:
    moments: list[float] = []
    server = HostileServer(lambda _unit, _number: moments.append(asyncio.get_running_loop().time()))  # type: ignore[func-returns-value]  # None: no fault

    async def work(book: Notebook, _line: Line, _port: int) -> None:
        await until(lambda: book.scans["a"] >= 5)
        gaps = [after - before for before, after in itertools.pairwise(moments)]
        assert min(gaps) >= 0.029

    on_a_line(server, {"a": 1}, work, addresses=range(0, 300, 100), min_gap_ms=30, poll_ms=20)


def test_a_device_without_points_says_so() -> None:
    async def both() -> None:
        book = Notebook([], {})
        line = Line(
            [(device_of(HostileServer(lambda _unit, _number: None), 9, "bare"), [])],
            book,
            book.health,
            Clock(),
        )
        await line.run()
        assert book.healths["bare"] == ("unknown", "device.no_points", {"device": "bare"})

    asyncio.run(both())


def test_dead_units_on_a_serial_line_cost_the_living_less_than_a_twentieth() -> None:
    """Three of eight, at 19200 baud; a line that is waited on is a line that is not used."""
    server = HostileServer(lambda _unit, _number: None, carrier="serial", baud_rate=19_200)
    server.think_s = 0.005
    server.dead_units = {2, 5, 8}
    units = {f"u{number}": number for number in range(1, 9)}

    async def work(book: Notebook, line: Line, _port: int) -> None:
        loop = asyncio.get_running_loop()
        dead = [unit for unit in line._units.values() if unit.device.unit in server.dead_units]
        await until(lambda: all(unit.probe_pause_s >= 4 for unit in dead), 40)
        before, began_s = dict(book.scans), loop.time()
        await until(lambda: loop.time() - began_s > 8.0)
        wanted = (loop.time() - began_s) / 0.5
        for name, number in units.items():
            if number not in server.dead_units:
                assert book.scans[name] - before[name] >= 0.95 * wanted - 1, name
        server.dead_units = set()
        await until(lambda: all(unit.answering for unit in dead), 10)

    on_a_line(server, units, work, poll_ms=500, timeout_ms=300, baud_rate=19_200)


def test_more_goes_out_at_once_while_all_is_well_and_one_at_a_time_after_anything_odd() -> None:
    server = HostileServer(lambda _unit, _number: None)

    async def work(book: Notebook, line: Line, _port: int) -> None:
        unit = line._units["a"]
        await until(lambda: unit.window == 6)
        server.chooser = lambda _unit, _number: "wrong_transaction"
        await until(lambda: unit.window == 1)
        server.chooser = lambda _unit, _number: None
        before = book.scans["a"]
        await until(lambda: book.scans["a"] > before + 12)
        assert unit.window == 1 and book.answering["a"]
        unit.held_until_s = 0.0
        await until(lambda: unit.window == 6)

    on_a_line(server, {"a": 1}, work, addresses=range(100, 180), max_registers=10, pipeline=6, timeout_ms=100)


def test_a_device_that_hears_one_request_at_a_time_is_read_all_the_same() -> None:
    server = HostileServer(lambda _unit, _number: None)
    server.one_by_one = True

    async def work(book: Notebook, line: Line, _port: int) -> None:
        unit = line._units["a"]
        await until(lambda: unit.hold_s > 60)  # it was tried …
        assert unit.window == 1
        await until(lambda: book.scans["a"] > 10)
        assert book.qualities[Quality.BAD_COMM] == 0  # … and nothing was lost by it

    on_a_line(server, {"a": 1}, work, addresses=range(100, 180), max_registers=10, pipeline=8, timeout_ms=100)


def test_of_scans_that_are_due_the_important_one_goes_first() -> None:
    server = HostileServer(lambda _unit, _number: None)
    server.think_s = 0.03  # the line is too slow for all of them
    heard: list[int] = []
    server.chooser = lambda unit, _number: heard.append(unit)  # type: ignore[func-returns-value]  # None: no fault

    async def both() -> None:
        port = await server.start()
        units = {"low": 1, "normal": 2, "high": 3}
        points = {name: points_of(name, range(100, 102)) for name in units}
        book = Notebook([p for group in points.values() for p in group], units)
        devices = [
            (device_of(server, port, name, unit, priority=name, poll_ms=60), points[name])
            for name, unit in units.items()
        ]
        line = Line(devices, book, book.health, Clock())
        task = asyncio.create_task(line.run())
        await until(lambda: len(heard) > 60)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.stop()
        assert heard.count(3) > heard.count(2) > heard.count(1) > 3  # nobody is forgotten

    asyncio.run(both())


def test_figures_are_of_the_time_since_they_were_asked_for() -> None:
    server = HostileServer(lambda _unit, _number: None)
    server.think_s = 0.02

    async def work(book: Notebook, line: Line, _port: int) -> None:
        await until(lambda: book.scans["a"] >= 5)
        first = line.figures()
        assert first.scans_done >= 5 and 0.2 < first.load <= 1
        server.think_s = 0.0
        await until(lambda: book.scans["a"] >= 15)
        second = line.figures()
        assert 8 <= second.scans_done < 15 and second.load < first.load

    on_a_line(server, {"a": 1}, work)
