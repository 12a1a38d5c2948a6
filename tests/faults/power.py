"""Power cuts and wrong clocks for the programs under test, by `shim.c` loaded in front of them; no hook in them.

A cut is a kill -9, after which every write that was never synced is taken back: all of it, or a random part in
sectors, as a disk does that writes in an order of its own.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
from pathlib import Path

from tests.faults.prefork import Program

SECTOR = 512
_HERE = Path(__file__).parent


def build(folder: Path) -> Path:
    """Compile the shim; for `Nursery(preload=…)`."""
    made = folder / "shim.so"
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise RuntimeError("a C compiler is needed: apt-get install gcc libc6-dev")
    command = [
        compiler,
        "-O1",
        "-fPIC",
        "-shared",
        "-o",
        str(made),
        str(_HERE / "shim.c"),
        "-ldl",
        "-lpthread",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return made


class Power:
    """The power of one program, whose files lie in `folder`."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program, self._folder = program, folder
        self._log = folder.with_name(f"{folder.name}.unsynced")
        program.env |= {"FETTLE_CUT_DIR": str(folder), "FETTLE_CUT_LOG": str(self._log)}

    def cut(self, chance: random.Random | None = None) -> int:
        """Kill it and take back what was not synced (with `chance`: some of it); how many writes were lost."""
        self._program.kill()
        return self.take_back(chance)

    def take_back(self, chance: random.Random | None = None) -> int:
        """After it has been killed."""
        pending: dict[str, list[tuple[int, int, bytes]]] = {}
        for (
            kind,
            path,
            offset,
            size,
            old,
        ) in self._records():
            if kind == "s":
                pending.pop(path, None)
            else:
                pending.setdefault(path, []).append((offset, size, old))
        for path, writes in pending.items():
            if os.path.exists(path):
                _undo(Path(path), writes, chance)
        for memory in self._folder.rglob("*-shm"):
            memory.unlink()
        self._log.unlink(missing_ok=True)
        return sum(len(writes) for writes in pending.values())

    def _records(self) -> list[tuple[str, str, int, int, bytes]]:
        if not self._log.exists():
            return []
        data, at, found = self._log.read_bytes(), 0, []
        while at + 5 <= len(data):
            kind = chr(data[at])
            (length,) = struct.unpack_from("=i", data, at + 1)
            path = data[at + 5 : at + 5 + length].decode()
            at += 5 + length
            offset, size, n = struct.unpack_from("=qqq", data, at)
            found.append((kind, path, offset, size, data[at + 24 : at + 24 + n]))
            at += 24 + n
        return found


def _undo(path: Path, writes: list[tuple[int, int, bytes]], chance: random.Random | None) -> None:
    now = path.read_bytes()
    before = bytearray(now)
    for offset, size, old in reversed(writes):
        before[offset : offset + len(old)] = old
        del before[size:]
    if chance is not None:  # some sectors had reached the disk already
        longest = max(len(now), len(before)) if chance.random() < 0.5 else len(before)
        before += bytes(longest - len(before))
        for start in range(0, longest, SECTOR):
            if chance.random() < 0.5 and start + SECTOR <= len(now):
                before[start : start + SECTOR] = now[start : start + SECTOR]
    path.write_bytes(before)


class WrongClock:
    """A program's CLOCK_REALTIME, set while it runs; its steady clock goes on as it should."""

    def __init__(self, program: Program, file: Path) -> None:
        self._file = file
        file.write_bytes(bytes(8))
        program.env["FETTLE_CLOCK"] = str(file)

    def set(self, seconds: float) -> None:
        """So many seconds off."""
        with self._file.open("r+b", buffering=0) as out:
            out.write(struct.pack("=q", int(seconds * 1_000_000_000)))
