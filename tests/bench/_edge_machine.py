"""The machines of the edge's benchmark: what their registers mean, and the server in C that serves and counts them.

The server shares no code with the edge or pymodbus, answers pipelined requests, and costs a few microseconds for each.
"""

from __future__ import annotations

import ctypes
import mmap
import shutil
import struct
import subprocess
from pathlib import Path

DEVICES = 20
LINES = 50  # ports behind which there are 20 units each
STILL, TENTH, ALL = 1, 21, 41  # the first unit that is so lively
BLOCK_STARTS = (0, 200, 400, 600)
_IMAGES, _REGISTERS, _MOST_SCANS = 8, 1024, 4096
_WORDS = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2}
_FORMATS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "float32": "f"}
# type, byte order, scale, how many in a block
MIX = (
    ("int16", "ABCD", 0.1, 24), ("uint16", "ABCD", 1.0, 16), ("float32", "ABCD", 1.0, 14), ("uint32", "ABCD", 1.0, 4),
    ("float32", "CDAB", 1.0, 4),
)  # fmt: skip
Point = tuple[int, str, str, float]


def points() -> list[Point]:
    """(address, type, order, scale) of the 250 points of one device, sorted by address."""
    found = []
    for start in BLOCK_STARTS:
        at = start
        for type_, order, scale, count in MIX:
            for _ in range(count):
                found.append((at, type_, order, scale))
                at += _WORDS[type_]
    # The rest lies behind the last block, near it.
    found += [(700 + at, "uint16", "ABCD", 1.0) for at in range(250 - len(found))]
    return found


def first_block() -> list[Point]:
    """62 points within 84 registers, of which one request reads 125."""
    return [point for point in points() if point[0] < BLOCK_STARTS[1]]


def spans() -> list[tuple[int, int, list[Point]]]:
    """(address, count, points) of the requests that a person would choose: one for each block."""
    all_points = points()
    chosen = []
    for start in BLOCK_STARTS:
        mine = [p for p in all_points if start <= p[0] < start + 200]
        chosen.append((start, mine[-1][0] + _WORDS[mine[-1][1]] - start, mine))
    return chosen


def words_of(type_: str) -> int:
    """Registers that one value takes."""
    return _WORDS[type_]


def image(number: int, every: int) -> bytes:
    """All registers; from one number to the next each `every`-th point has another value (0: none)."""
    memory = bytearray(2 * _REGISTERS)
    for index, (address, type_, order, _scale) in enumerate(points()):
        moves = number if every and index % every == 0 else 0
        value = 100 + index + moves
        raw = struct.pack(">" + _FORMATS[type_], value + 0.5 if type_ == "float32" else value)
        if order == "CDAB":
            raw = raw[2:] + raw[:2]
        memory[2 * address : 2 * address + len(raw)] = raw
    return bytes(memory)


class Counts(ctypes.Structure):
    """`struct counts` of the server."""

    _fields_ = [
        ("silent_from", ctypes.c_uint64),
        ("requests", ctypes.c_uint64 * 3),
        ("registers", ctypes.c_uint64 * 3),
        ("done", ctypes.c_uint64 * DEVICES),
        ("begun", ctypes.c_uint64 * DEVICES),
        ("begun_ns", (ctypes.c_int64 * _MOST_SCANS) * DEVICES),
    ]


class Machines:
    """Twenty devices on ports of their own, the same behind one port, and fifty lines of twenty units each."""

    def __init__(self, folder: Path) -> None:
        program = build(folder, "_edge_server.c")
        if program is None:
            raise SystemExit("bench: the server wants a C compiler:  apt-get install gcc")
        images = b"".join(image(number, every) for every in (0, 10, 1) for number in range(_IMAGES))
        (folder / "images").write_bytes(images)
        with (folder / "counts").open("w+b") as shared:
            shared.truncate(ctypes.sizeof(Counts))
            self.counts = Counts.from_buffer(mmap.mmap(shared.fileno(), 0))
        self.counts.silent_from = DEVICES
        command = [str(program), str(folder / "counts"), str(folder / "images"), str(DEVICES + 1 + LINES)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ports = [int(port) for port in self._process.stdout.readline().split()]
        self.ports, self.shared_port, self.line_ports = ports[:DEVICES], ports[DEVICES], ports[DEVICES + 1 :]

    def stop(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()

    def scans(self) -> int:
        """How many scans all devices together have had to their end."""
        return sum(self.counts.done)

    def begun_s(self, device: int) -> list[float]:
        """When the scans of a device began, by the monotonic clock; the last 4096."""
        count = self.counts.begun[device]
        taken = range(max(0, count - _MOST_SCANS), count)
        return [self.counts.begun_ns[device][at % _MOST_SCANS] / 1e9 for at in taken]


def build(folder: Path, source: str, *libraries: str) -> Path | None:
    """A program of this folder, compiled; None, and why not, when it could not be."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    program = folder / source.removesuffix(".c").lstrip("_")
    command = [compiler, "-O2", "-o", str(program), str(Path(__file__).with_name(source)), *libraries]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode:
        print(f"{source} could not be compiled: {built.stderr.strip()[:300]}")
        return None
    return program
