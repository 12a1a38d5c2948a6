"""Reads a device that misbehaves on purpose, on all three carriers, and counts what was wrong: it must be nothing.

`./dev faults modbus [--requests N] [--rtu N] [--seed S]`. Whole lines are at work (planner, breakers, pipelining,
decoding); each register's only right value follows from its unit and address. Then the same for links that were made
careless on purpose: if one of these is not caught, the verdicts above are worth nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from core import log
from core.domain.points import Quality
from core.errors import OutsideError
from core.wire.edge_config import ModbusDevice, PointConfig
from edge_agent import access
from edge_agent.channels import Channel, Value
from edge_agent.clock import Clock
from edge_agent.drivers.modbus_messages import Exchange
from edge_agent.line import Line
from edge_agent.units import Unit
from tests.edge.hostile import FAULTS_OF, Carrier, HostileServer, bit, word
from tests.edge.modbus_parts import device_of
from tests.faults.modbus_mutants import MUTANTS, Mutant, careless

CARRIERS: tuple[Carrier, ...] = ("tcp", "rtu_tcp", "serial")
SHARE = 0.01  # of requests that get a fault
MUTANT_SHARE, MUTANT_REQUESTS = 0.08, 12_000
PATIENCE_MS = 20
LATE_S = 0.05  # some late answers come within the patience, most behind it, some behind the draining
LINES = {"tcp": 12, "rtu_tcp": 48, "serial": 48}  # at once
UNITS = 3
THINK_S = 0.004  # of some devices on RTU lines, until they answer
MOST_S = 1800.0


@dataclass
class Tally:
    """What happened on one carrier."""

    requests: int = 0
    faults: int = 0
    values: int = 0
    wrong: int = 0
    crashes: int = 0
    timeouts: int = 0
    bad_replies: int = 0
    broken: int = 0
    reconnects: int = 0
    strays: int = 0
    seconds: float = 0.0
    first_wrong: str = ""
    kinds: Counter[str] = field(default_factory=Counter)


class Judge:
    """A sink that knows the only right value of each point."""

    def __init__(self, devices: dict[str, int], points: list[PointConfig], tally: Tally) -> None:
        self._channels = {point.id: Channel(point) for point in points}
        self._units = devices
        self._tally = tally

    def channel(self, point_id: str) -> Channel:
        return self._channels[point_id]

    def put(
        self, channel: Channel, value: Value, quality: Quality, reason: str, previous_good_s: float
    ) -> None:
        channel.change(value, quality, reason, 0.0, -math.inf)
        if quality is not Quality.GOOD:
            return
        point, tally = channel.point, self._tally
        unit = self._units[point.device]
        tally.values += 1
        right = bit(unit, point.address) if point.area == "coil" else word(unit, point.address)
        if value != right:
            tally.wrong += 1
            tally.first_wrong = tally.first_wrong or f"{point.id} says {value}, {right} is right"

    def take(self, channels, changes, previous_good_s, *_more) -> None:  # type: ignore[no-untyped-def]
        for index, value in changes:
            self.put(channels[index], value, Quality.GOOD, "", previous_good_s)

    def answers(self, device_id: str, answering: bool) -> None: ...
    def line_answers(self, *_what: object) -> None: ...
    def flush(self) -> None: ...
    def health(self, *_what: object) -> None: ...


def points_of(device: str, alone: bool) -> list[PointConfig]:
    """Blocks that look alike, so that a reply of one could pass for that of another; nothing else when `alone`."""
    registers = [("holding", at) for at in range(100, 140)]
    registers += [] if alone else [("input", at) for at in range(300, 310)]
    bits = [] if alone else [("coil", at) for at in range(0, 32)]
    return [
        PointConfig.model_validate(
            {"id": f"{device}.{area}.{at}", "device": device, "name": f"{area} {at}", "area": area, "address": at,
             "type": "bool" if area == "coil" else "uint16"}
        )
        for area, at in (*registers, *bits)
    ]  # fmt: skip


async def one_line(
    carrier: Carrier, wanted: int, share: float, seed: int, tally: Tally, faults: tuple[str, ...]
) -> None:
    """One line with its own device, scanned until that has had `wanted` requests."""
    rng = random.Random(seed)
    server = HostileServer(
        lambda _unit, _number: rng.choice(faults) if rng.random() < share else None, LATE_S, carrier
    )
    port = await server.start()
    devices: list[tuple[ModbusDevice, list[PointConfig]]] = []
    alone = seed % 2 == 1  # on its line, a unit is asked again the soonest
    if carrier != "tcp" and seed % 4 < 2:
        server.think_s = THINK_S
    for unit in range(1, 2 if alone else UNITS + 1):
        name = f"d{unit}"
        more: dict[str, object] = {"max_registers": 10, "max_bits": 16, "timeout_ms": PATIENCE_MS}
        if carrier == "tcp":
            more["pipeline"] = 1 if seed % 3 == 0 else 4 * unit
        devices.append((device_of(server, port, name, unit, **more), points_of(name, alone)))
    units = {device.id: device.unit for device, _points in devices}
    judge = Judge(units, [point for _device, points in devices for point in points], tally)
    line = Line(devices, judge, judge.health, Clock())
    try:
        while server.requests < wanted:
            try:
                await line.scan_once()
            except Exception as error:  # noqa: BLE001 - the top of the harness: what should never happen is counted
                tally.crashes += 1
                tally.first_wrong = tally.first_wrong or f"{type(error).__name__}: {error}"
                line.close()
            if tally.wrong + tally.crashes > 20:
                break
            for unit_state in line._units.values():
                unit_state.held_until_s = 0.0  # wide windows again at once: they are what is tried
    finally:
        line.close()
        await asyncio.sleep(0)
        await server.stop()
    tally.requests += server.requests
    tally.faults += sum(server.faults.values())
    tally.kinds.update(server.faults)
    tally.reconnects += max(0, server.connections - 1)


@contextmanager
def counted(tally: Tally) -> Iterator[None]:
    """Count how each exchange ended that was not answered."""
    ask = access.Access.ask

    async def asks(self: access.Access, unit: Unit, exchange: Exchange, again: bool = True) -> None:
        try:
            await ask(self, unit, exchange, again)
        except OutsideError as error:
            kind = type(error).__name__
            tally.timeouts += kind == "NoAnswer"
            tally.bad_replies += kind == "BadReply"
            tally.broken += kind == "Unreachable"
            raise

    access.Access.ask = asks  # type: ignore[method-assign]
    try:
        yield
    finally:
        access.Access.ask = ask  # type: ignore[method-assign]


def run(
    carrier: Carrier,
    requests: int,
    seed: int,
    share: float = SHARE,
    lines: int = 0,
    faults: tuple[str, ...] = (),
) -> Tally:
    """All lines of one carrier at once."""
    tally = Tally()
    lines = lines or LINES[carrier]

    async def work() -> None:
        async with asyncio.timeout(MOST_S):
            await asyncio.gather(
                *(
                    one_line(
                        carrier,
                        -(-requests // lines),
                        share,
                        seed * 1000 + number,
                        tally,
                        faults or FAULTS_OF[carrier],
                    )
                    for number in range(lines)
                )
            )

    began_s = time.monotonic()
    with counted(tally):
        if sys.platform == "win32":
            asyncio.run(work())
        else:
            import uvloop

            uvloop.run(work())
    tally.seconds = time.monotonic() - began_s
    return tally


def try_mutant(mutant: Mutant, seed: int) -> Tally:
    """A careless link against many faults; it should be caught."""
    with careless(mutant):
        return run(mutant.carrier, MUTANT_REQUESTS, seed, MUTANT_SHARE, 12, mutant.only)


def main() -> int:
    """Print the tables; 1 when a value was wrong, something crashed, or a careless link got through."""
    parser = argparse.ArgumentParser("./dev faults modbus")
    parser.add_argument("--requests", type=int, default=1_000_000, help="on Modbus TCP")
    parser.add_argument("--rtu", type=int, default=100_000, help="on each RTU framing")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-mutants", action="store_true")
    given = parser.parse_args()
    log.configure(level="critical")  # careless links fail loudly
    failed = False
    tallies: dict[str, Tally] = {}
    print(
        f"{'carrier':<9}{'requests':>10}{'faults':>8}{'values':>9}{'wrong':>7}{'crashes':>9}{'timeouts':>10}"
        f"{'bad':>7}{'broken':>8}{'reconnects':>12}{'seconds':>9}"
    )
    for carrier in CARRIERS:
        tally = run(carrier, given.requests if carrier == "tcp" else given.rtu, given.seed)
        tallies[carrier] = tally
        print(
            f"{carrier:<9}{tally.requests:>10,}{tally.faults:>8,}{tally.values:>9,}{tally.wrong:>7}{tally.crashes:>9}"
            f"{tally.timeouts:>10,}{tally.bad_replies:>7,}{tally.broken:>8,}{tally.reconnects:>12,}{tally.seconds:>9.0f}",
            flush=True,
        )
        missing = set(FAULTS_OF[carrier]) - set(tally.kinds)
        if missing and tally.requests > 50_000:
            print(f"  never tried: {', '.join(sorted(missing))}")
        if tally.first_wrong:
            print(f"  {tally.first_wrong}")
        failed = failed or bool(tally.wrong or tally.crashes or (missing and tally.requests > 50_000))
    caught: dict[str, bool] = {}
    for mutant in () if given.no_mutants else MUTANTS:
        tally = try_mutant(mutant, given.seed)
        caught[f"{mutant.carrier}: {mutant.name}"] = found = bool(tally.wrong or tally.crashes)
        how = f"{tally.wrong} wrong, {tally.crashes} crashes in {tally.requests:,}"
        print(
            f"careless {mutant.carrier:<8} {mutant.name:<52} {'caught' if found else 'NOT CAUGHT':<11} {how}",
            flush=True,
        )
        failed = failed or not found
    figures = {
        name: {key: value for key, value in vars(tally).items() if key != "kinds"}
        for name, tally in tallies.items()
    }
    print(json.dumps({"faults": "modbus", "seed": given.seed, "carriers": figures, "caught": caught}))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
