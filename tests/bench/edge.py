"""What polling costs and how it keeps its time, ours beside other ways, in one run at one server.

`./dev bench edge [--quick] [--only PART…] [--json FILE]`. Parts: points (processor seconds for a million points), dead
(five of twenty devices dead, scans of the others), thousand (devices on fifty lines), memory (a hundred devices),
gateway (the loss of one with a thousand devices behind it). The server counts; each contender is a process of its
own, one after the other, measured from outside.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench import _edge_gateway
from tests.bench import _edge_machine as edge_machine
from tests.bench import _edge_others as others
from tests.bench import _figures as figures

PERIOD_MS = 20
WINDOWS = 10  # each program is measured in; the least of them is nearest to an idle machine
POINTS = len(edge_machine.points())
LIVELY = {
    edge_machine.STILL: "nothing changes",
    edge_machine.TENTH: "a tenth changes",
    edge_machine.ALL: "everything changes",
}
OURS = {
    "ours": "ours: poll, decode, rules",
    "ours-pipelined": "ours, pipeline 8",
    "ours-asyncio": "ours, without uvloop",
    "ours-asyncio-pipelined": "ours, pipeline 8, without uvloop",
}
PYTHONS = OURS | {
    "raw-asyncio": "raw asyncio.Protocol + Struct",
    "raw-asyncio-pipelined": "the same, pipelined",
    "raw-pipelined": "the same, pipelined, on uvloop",
    "pymodbus-struct": "pymodbus async, own Struct",
    "pymodbus-convert": "pymodbus async, its convert",
}
SLOW = {
    "libmodbus": "libmodbus in C, in sequence",
    "modpoll": f"modpoll ({others.MODPOLL.split('==')[1]})",
    "thingsboard": f"ThingsBoard Gateway ({others.THINGSBOARD.split('==')[1]})",
}
PARTS = ("points", "dead", "thousand", "memory", "gateway")
DEAD = 5
REFUSED = 2  # of the dead; the others take connections and never answer


class Bench:
    """The server, and what is known of each contender."""

    def __init__(self, folder: Path, quick: bool, programs: Sequence[str] = ()) -> None:
        self.folder = folder
        self._programs = frozenset(programs)
        self.machines = edge_machine.Machines(folder)
        self.libmodbus = edge_machine.build(folder, "_edge_libmodbus.c", "-lmodbus")
        if self.libmodbus is None:
            print("libmodbus is left out: it wants  apt-get install gcc libmodbus-dev")
        self.seconds = 2.0 if quick else 5.0
        self.quick = quick

    def command(self, name: str, unit: int, period_ms: int, ports: list[int]) -> list[str] | None:
        """How to start a contender; None when it cannot be had here."""
        if name == "libmodbus":
            if self.libmodbus is None:
                return None
            return [str(self.libmodbus), str(unit), str(period_ms), *map(str, ports)]
        if name == "modpoll":
            return others.modpoll(self.folder, self.machines.shared_port, unit, period_ms)
        if name == "thingsboard":
            return others.thingsboard(self.folder, ports, unit, period_ms)
        command = [sys.executable, "-m", "tests.bench._edge_pollers", name]
        return [*command, str(unit), str(period_ms), *map(str, ports)]

    @contextlib.contextmanager
    def running(self, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
        """A contender, until the end of the block."""
        with (self.folder / "contender.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield process
        finally:
            for pid in reversed(others.processes(process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            process.wait()

    def said(self) -> str:
        """The end of what the last contender wrote."""
        return (self.folder / "contender.log").read_text(errors="replace")[-500:]

    def wanted(self, name: str) -> bool:
        """Whether this contender is to run."""
        return not self._programs or name in self._programs

    def until(self, scans: int, process: subprocess.Popen[bytes], timeout_s: float) -> bool:
        """Wait until so many more scans are done; False when that takes too long."""
        wanted = self.machines.scans() + scans
        deadline = time.monotonic() + timeout_s
        while self.machines.scans() < wanted:
            if time.monotonic() > deadline or process.poll() is not None:
                return False
            time.sleep(0.02)
        return True


def points_part(bench: Bench) -> list[dict[str, Any]]:
    """CPU seconds for a million points, by how much changes."""
    found = []
    for unit, words in LIVELY.items():
        names: dict[str, str] = PYTHONS | SLOW
        if unit != edge_machine.TENTH:  # what the others do does not depend on it
            names = {name: title for name, title in names.items() if name.startswith(("ours", "libmodbus"))}
        first = 0.0
        print(
            f"\n{words:<44}{'CPU s / 10^6':>13}{'least':>8}{'x ours':>8}{'points/s':>11}{'MiB':>6}",
            flush=True,
        )
        for name, title in names.items():
            if not bench.wanted(name):
                continue
            row = _points_of(bench, name, title, unit)
            if row is None:
                continue
            first = first or row["least"]
            found.append({"part": "points", "program": name, "changes": words} | row)
            print(
                f"{title:<44}{row['cpu_s_per_million']:>13.3f}{row['least']:>8.3f}{row['least'] / first:>8.1f}"
                f"{row['points_per_s']:>11,.0f}{row['rss_mib']:>6.0f}",
                flush=True,
            )
    return found


def _points_of(bench: Bench, name: str, title: str, unit: int) -> dict[str, Any] | None:
    slow = name == "thingsboard"  # one request for each point; faster than this it times out on itself
    command = bench.command(name, unit, 1000 if slow else PERIOD_MS, bench.machines.ports)
    if command is None:
        return None
    with bench.running(command) as process:
        # The slowest takes seconds for its first scan, and longer to begin.
        if not bench.until(2 * edge_machine.DEVICES, process, 90):
            print(
                f"{name} is left out: it did not poll:", (bench.folder / "contender.log").read_text()[-300:]
            )
            return None
        time.sleep(1)
        seconds = bench.seconds * (3 if slow else 1)
        samples = []
        for at in range(WINDOWS + 1):
            # A request of the slow one is a point.
            done = sum(bench.machines.counts.requests) if slow else bench.machines.scans() * POINTS
            samples.append((time.monotonic(), others.cpu_s(process.pid), done))
            time.sleep(seconds / WINDOWS if at < WINDOWS else 0)
        rss_mib = others.rss_mib(process.pid)
    if samples[-1][2] == samples[0][2]:
        print(f"{title} is left out: no scan came to its end in {seconds:.0f} s: {bench.said()}")
        return None
    per_million = [
        (cpu - cpu_before) / (done - done_before) * 1e6
        for (_, cpu_before, done_before), (_, cpu, done) in itertools.pairwise(samples)
        if done > done_before
    ]
    (began_s, cpu_before, done_before), (ended_s, cpu, done) = samples[0], samples[-1]
    return {
        "cpu_s_per_million": (cpu - cpu_before) / (done - done_before) * 1e6,
        "least": min(per_million),
        "points_per_s": (done - done_before) / (ended_s - began_s),
        "rss_mib": rss_mib,
        "load": figures.load(),
    }


def dead_part(bench: Bench) -> list[dict[str, Any]]:
    """Scans of the live devices when five of twenty are dead, and how late they began."""
    seconds = 10 if bench.quick else 30
    with contextlib.closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refused
        nobody = int(closed.getsockname()[1])
        alive = edge_machine.DEVICES - DEAD
        ports = bench.machines.ports[: edge_machine.DEVICES - REFUSED] + [nobody] * REFUSED
        title = f"{DEAD} of {edge_machine.DEVICES} devices dead, a scan a second"
        print(f"\n{title:<44}{'scans of ' + str(seconds):>13}{'p99 late ms':>14}{'worst':>8}", flush=True)
        found = []
        names = ("ours", "libmodbus", "modpoll", "pymodbus-gathered", "pymodbus-gathered-defaults")
        for name in filter(bench.wanted, names):
            bench.machines.counts.silent_from = alive
            command = bench.command(name, edge_machine.STILL, 1000, ports)
            if command is None:
                continue
            with bench.running(command) as process:
                bench.until(1, process, 60)
                time.sleep(3)
                began_s = time.monotonic()
                time.sleep(seconds)
            scans, late_ms = _lateness(bench, alive, began_s, began_s + seconds)
            p99_ms = round(figures.percentile(late_ms, 0.99), 2) if scans else None
            found.append(
                {"part": "dead", "program": name, "scans": scans, "of": seconds, "p99_late_ms": p99_ms,
                 "worst_late_ms": round(max(late_ms), 2) if scans else None, "load": figures.load()}
            )  # fmt: skip
            late = f"{p99_ms:>14.1f}{max(late_ms):>8.1f}" if scans else f"{'-':>14}{'-':>8}"
            print(f"{name:<44}{scans:>13}{late}", flush=True)
        bench.machines.counts.silent_from = edge_machine.DEVICES
    return found


def _lateness(bench: Bench, alive: int, began_s: float, ended_s: float) -> tuple[int, list[float]]:
    """The fewest scans that a live device had, and how far behind its own seconds each scan began, in ms."""
    fewest, late_ms = sys.maxsize, [0.0]
    for device in range(alive):
        at_s = [one for one in bench.machines.begun_s(device) if began_s <= one < ended_s]
        fewest = min(fewest, len(at_s))
        if not at_s:
            continue
        # A device's own phase is where its earliest scan lies within its second.
        within = [(one - at_s[0] + 0.5) % 1.0 - 0.5 for one in at_s]
        late_ms += [(one - min(within)) * 1000 for one in within]
    return fewest, late_ms


def thousand_part(bench: Bench) -> list[dict[str, Any]]:
    """A thousand devices of 125 registers and 63 points, once a second, on fifty lines."""
    seconds = 10 if bench.quick else 20
    print(
        f"\n{'1,000 devices x 125 registers, 1 Hz, 50 lines':<48}{'% of a core':>12}{'scans/s':>10}{'MiB':>6}"
    )
    found = []
    for name in filter(bench.wanted, ("ours-lines", "raw-lines")):
        counts = bench.machines.counts
        command = bench.command(name, edge_machine.TENTH, 1000, bench.machines.line_ports)
        assert command is not None
        with bench.running(command) as process:
            deadline, before = time.monotonic() + 60, sum(counts.requests)
            while sum(counts.requests) < before + 3000 and time.monotonic() < deadline:
                time.sleep(0.1)
            time.sleep(2)
            requests, cpu_s, began_s = sum(counts.requests), others.cpu_s(process.pid), time.monotonic()
            time.sleep(seconds)
            took_s = time.monotonic() - began_s
            requests, cpu_s = sum(counts.requests) - requests, others.cpu_s(process.pid) - cpu_s
            rss_mib = others.rss_mib(process.pid)
        row = {
            "part": "thousand", "program": name, "core_percent": cpu_s / took_s * 100, "scans_per_s": requests / took_s,
            "rss_mib": rss_mib, "load": figures.load(),
        }  # fmt: skip
        found.append(row)
        print(f"{name:<48}{row['core_percent']:>12.1f}{row['scans_per_s']:>10.0f}{rss_mib:>6.0f}", flush=True)
    return found


def memory_part(bench: Bench) -> list[dict[str, Any]]:
    """A hundred devices with a hundred points each, once a second."""
    command = bench.command("ours-hundred", edge_machine.TENTH, 1000, bench.machines.ports)
    assert command is not None
    with bench.running(command) as process:
        bench.until(0, process, 60)
        time.sleep(10)
        rss_mib, cpu_s = others.rss_mib(process.pid), others.cpu_s(process.pid)
        time.sleep(5)
        percent = (others.cpu_s(process.pid) - cpu_s) / 5 * 100
    print(f"\n{'100 devices, 10,000 points':<48}{rss_mib:>6.0f} MiB{percent:>8.1f} % of a core", flush=True)
    return [{"part": "memory", "program": "ours", "rss_mib": rss_mib, "core_percent": percent}]


def gateway_part(bench: Bench) -> list[dict[str, Any]]:
    """A gateway with a thousand devices behind it goes away."""
    found = _edge_gateway.measure(bench.folder / "gateway")
    print(
        f"\n{'gateway lost with ' + str(_edge_gateway.CHILDREN) + ' devices behind it':<48}"
        f"{found['tickets']:>4} ticket(s) after {found['seconds']:.2f} s, of which {found['delay_s']:.0f} s is its"
        f" delay; it speaks for {found['children']}",
        flush=True,
    )
    return [{"part": "gateway", "program": "ours"} | found]


def main() -> int:
    """Run the parts; print each as a table, then all as JSON."""
    parser = argparse.ArgumentParser("./dev bench edge", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter, to try it out")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--programs", nargs="*", default=(), help="these contenders alone")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    parts = {
        "points": points_part, "dead": dead_part, "thousand": thousand_part, "memory": memory_part,
        "gateway": gateway_part,
    }  # fmt: skip
    print(
        f"{edge_machine.DEVICES} devices of {POINTS} points in {len(edge_machine.BLOCK_STARTS)} requests, scans every"
        f" {PERIOD_MS} ms where not said otherwise; load {figures.load()} on {os.cpu_count()} cores"
    )
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), given.quick, given.programs)
        try:
            for name in given.only:
                found += parts[name](bench)
        finally:
            bench.machines.stop()
    figures.write(given.json, {"bench": "edge", "rows": found})
    print(json.dumps({"bench": "edge", "cores": os.cpu_count(), "rows": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
