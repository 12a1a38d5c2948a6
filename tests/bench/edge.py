"""What polling costs: processor seconds for a million points, ours beside other ways, in one run at one server.

`./dev bench edge [--seconds N]`. Twenty devices of 250 points in four requests each are scanned every 20 ms, or as fast
as a program can. The server, in a process of its own, counts the requests; each contender runs in a process of its
own, one after the other. Only ours also judges rules (on one point in nine) and keeps charts and quality;
its telemetry, one message every few seconds, is left out because the others have none.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

from tests.bench import _edge_machine as edge_machine

PERIOD_S = 0.02
POINTS_A_SCAN = len(edge_machine.points())
PROGRAMS = {
    "ours": "ours: poll, decode, rules (uvloop)",
    "ours-asyncio": "ours without uvloop",
    "raw": "raw asyncio.Protocol + Struct",
    "raw-uvloop": "the same on uvloop",
    "pymodbus": "pymodbus async, convert_from_registers",
    "libmodbus": "libmodbus in C, in sequence",
}
LIVELY = {
    edge_machine.STILL: "nothing changes",
    edge_machine.TENTH: "a tenth changes",
    edge_machine.ALL: "everything changes",
}


def main() -> int:
    """Run every contender at every liveliness; print the table, then the same as JSON."""
    parser = argparse.ArgumentParser("./dev bench edge")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each one is measured")
    parser.add_argument("--only", nargs="*", choices=PROGRAMS, help="leave the others out")
    given = parser.parse_args()
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    counts = context.RawArray("Q", 4)
    server = context.Process(target=edge_machine.serve, args=(theirs, counts), daemon=True)
    server.start()
    found: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        ports = list(ours.recv())
        libmodbus = _build_libmodbus(Path(folder))
        for unit in LIVELY:
            for name in given.only or PROGRAMS:
                if name == "libmodbus" and libmodbus is None:
                    continue
                command = _command(name, libmodbus, unit, given.seconds, ports)
                found.append({"program": name, "unit": unit} | _measure(command, counts, unit))
    server.terminate()
    server.join(5)
    _print(found)
    print(
        json.dumps({"bench": "edge", "cores": os.cpu_count(), "load": os.getloadavg()[0], "results": found})
    )
    return 0


def _command(name: str, libmodbus: Path | None, unit: int, seconds: float, ports: list[int]) -> list[str]:
    arguments = [str(unit), str(seconds), str(PERIOD_S), *map(str, ports)]
    if name == "libmodbus":
        return [str(libmodbus), *arguments]
    return [sys.executable, "-m", "tests.bench._edge_pollers", name, *arguments]


def _measure(command: list[str], counts: object, unit: int) -> dict[str, object]:
    """A poller says `begin` when warm, then `end CPU_SECONDS RSS_KIB`; requests are counted at the server."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    requests, began_s, words = 0, 0.0, list[str]()
    for line in process.stdout:
        words = line.split()
        if words[0] == "begin":
            requests, began_s = counts[unit], time.monotonic()  # type: ignore[index]  # ctypes has no words for it
        elif words[0] == "end":
            requests = counts[unit] - requests  # type: ignore[index]
            break
    took_s = time.monotonic() - began_s
    if process.wait() or len(words) != 3:
        raise SystemExit(f"bench: {' '.join(command)} failed")
    points = requests * POINTS_A_SCAN / len(edge_machine.BLOCK_STARTS)
    cpu_s = float(words[1])
    return {
        "cpu_s_per_million": cpu_s / points * 1e6,
        "points_per_s": points / took_s,
        "rss_mib": int(words[2]) / 1024,
        "load": os.getloadavg()[0],
    }


def _build_libmodbus(folder: Path) -> Path | None:
    source = Path(__file__).with_name("_edge_libmodbus.c")
    compiler = shutil.which("gcc")
    if compiler is None or not Path("/usr/include/modbus/modbus.h").exists():
        print("libmodbus is left out: it wants  apt-get install gcc libmodbus-dev")
        return None
    program = folder / "edge_libmodbus"
    built = subprocess.run(
        [compiler, "-O2", "-o", str(program), str(source), "-lmodbus"], capture_output=True, text=True
    )
    if built.returncode:
        print(f"libmodbus is left out: {built.stderr.strip()[:300]}")
        return None
    return program


def _print(found: list[dict[str, object]]) -> None:
    print(
        f"{edge_machine.DEVICES} devices, {POINTS_A_SCAN} points each in {len(edge_machine.BLOCK_STARTS)} requests,"
        f" scans every {PERIOD_S * 1000:.0f} ms; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    for unit, words in LIVELY.items():
        rows = [row for row in found if row["unit"] == unit]
        if not rows:
            continue
        first = float(str(rows[0]["cpu_s_per_million"]))
        print(f"\n{words:<42}{'CPU s / 10^6':>13}{'x ours':>8}{'points/s':>11}{'MiB':>6}")
        for row in rows:
            cpu_s = float(str(row["cpu_s_per_million"]))
            print(
                f"{PROGRAMS[str(row['program'])]:<42}{cpu_s:>13.2f}{cpu_s / first:>8.1f}"
                f"{float(str(row['points_per_s'])):>11,.0f}{float(str(row['rss_mib'])):>6.0f}"
            )


if __name__ == "__main__":
    sys.exit(main())
