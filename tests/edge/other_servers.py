"""Modbus servers that are not ours, started with given tables: pyModbusTCP, libmodbus, jsmodbus, modbus-serial.

libmodbus comes from Debian and is compiled here; the others from npm come into a folder under var/, by the lock file in
tests/data/npm. What is missing is skipped with a word, except in CI.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pyModbusTCP.server import ModbusServer

from tests.edge.parts import free_port

ROOT = Path(__file__).parents[2]
NPM = ROOT / "tests" / "data" / "npm"
Tables = Mapping[str, list[int]]  # coil, discrete, holding, input


def missing(what: str) -> NoReturn:
    """Leave the test out; in CI everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


# ---------------------------------------------------------------- getting them


def libmodbus_server(folder: Path) -> Path:
    """The server made of libmodbus, compiled."""
    compiler = shutil.which("gcc")
    if compiler is None or not Path("/usr/include/modbus/modbus.h").exists():
        missing("libmodbus is not installed: apt-get install gcc libc6-dev libmodbus-dev")
    program = folder / "libmodbus_server"
    source = Path(__file__).with_name("_libmodbus_server.c")
    subprocess.run([compiler, "-O1", "-o", str(program), str(source), "-lmodbus"], check=True)
    return program


def node_modules() -> Path:
    """The npm packages of the lock file, installed at the first use and after a change of it."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        missing("Node.js is not installed: apt-get install nodejs npm")
    folder = ROOT / "var" / "npm"
    lock = (NPM / "package-lock.json").read_text()
    stamp = folder / "installed-lock.json"
    if stamp.exists() and stamp.read_text() == lock:
        return folder / "node_modules"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(NPM / name, folder)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode:
        missing(f"the npm packages could not be installed: {done.stderr[-300:]}")
    stamp.write_text(lock)
    return folder / "node_modules"


# ---------------------------------------------------------------- serial lines


class PtyPair:
    """Two serial ports joined by a cable: what is written into one end comes out of the other."""

    def __init__(self) -> None:
        self._ends = [os.openpty() for _ in range(2)]
        for master, slave in self._ends:
            tty.setraw(master)
            tty.setraw(slave)
        self.ports = [os.ttyname(slave) for _master, slave in self._ends]
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def _carry(self) -> None:
        one, other = (master for master, _slave in self._ends)
        across = {one: other, other: one}
        while True:
            ready, _, _ = select.select([one, other, self._stop_read], [], [])
            if self._stop_read in ready:
                return
            for end in ready:
                os.write(across[end], os.read(end, 4096))

    def close(self) -> None:
        """Pull the cable."""
        os.write(self._stop_write, b"x")
        self._thread.join(5)
        for pair in (*self._ends, (self._stop_read, self._stop_write)):
            for handle in pair:
                os.close(handle)


# ---------------------------------------------------------------- running them


@contextmanager
def serving(kind: str, tables: Tables, folder: Path) -> Iterator[dict[str, Any]]:
    """One of them with these tables; gives the kind and address of the device it is for the edge."""
    if kind == "pymodbustcp":
        with _pymodbustcp(tables) as port:
            yield {"kind": "modbus_tcp", "host": "127.0.0.1", "port": port}
    elif kind.endswith("-rtu"):
        line = PtyPair()
        try:
            with _program(kind, line.ports[0], tables, folder):
                yield {"kind": "modbus_rtu", "serial_port": line.ports[1], "baud_rate": 19200}
        finally:
            line.close()
    else:
        port = free_port()
        with _program(kind, str(port), tables, folder):
            yield {"kind": "modbus_tcp", "host": "127.0.0.1", "port": port}


@contextmanager
def _pymodbustcp(tables: Tables) -> Iterator[int]:
    server = ModbusServer("127.0.0.1", free_port(), no_block=True)
    server.start()
    bank = server.data_bank
    bank.set_coils(0, [bool(one) for one in tables["coil"]])
    bank.set_discrete_inputs(0, [bool(one) for one in tables["discrete"]])
    bank.set_holding_registers(0, tables["holding"])
    bank.set_input_registers(0, tables["input"])
    try:
        yield int(server.port)
    finally:
        server.stop()


@contextmanager
def _program(kind: str, where: str, tables: Tables, folder: Path) -> Iterator[None]:
    environment = dict(os.environ)
    told = b""
    if kind.startswith("libmodbus"):
        command = [str(libmodbus_server(folder)), "rtu" if kind.endswith("-rtu") else "tcp", where]
        in_order = [tables[area] for area in ("coil", "discrete", "holding", "input")]
        numbers = [len(one) for one in in_order] + [value for one in in_order for value in one]
        told = " ".join(map(str, numbers)).encode()
    else:
        environment["NODE_PATH"] = str(node_modules())
        file = folder / "tables.json"
        file.write_text(json.dumps(dict(tables)))
        command = [str(shutil.which("node")), str(NPM / "servers.js"), kind, where, str(file)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=sys.stderr, env=environment) as program:
        assert program.stdin is not None and program.stdout is not None
        try:
            program.stdin.write(told)
            program.stdin.close()
            assert program.stdout.readline() == b"ready\n", f"{kind} did not start"
            yield
        finally:
            program.kill()
