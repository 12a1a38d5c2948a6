"""Programs that the demo starts, watches and ends; each writes to a log of its own; their ports."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
_TAIL_BYTES = 3000


class Died(Exception):
    """A program ended that should have stayed; carries its last words."""


class Children:
    """Programs by name, ended in reverse order of their start."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = {**os.environ, **environment}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """Run `fettle ARGUMENTS` in this interpreter's environment."""
        self._logs.mkdir(parents=True, exist_ok=True)
        with self._log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "core.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self._environment, **(environment or {})},
                # Ctrl+C at the terminal is for the demo alone, which then ends its programs in order.
                start_new_session=os.name == "posix",
            )

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run `fettle ARGUMENTS` to its end and give what it printed; Died when it failed."""
        done = subprocess.run(
            [sys.executable, "-m", "core.cli", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**self._environment, **(environment or {})},
            timeout=60,
        )
        if done.returncode:
            shown = " ".join(arguments[:2])
            raise Died(f"fettle {shown}: exit code {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def check(self, besides: Sequence[str] = ()) -> None:
        """Died when one of them has ended (those named in `besides` may)."""
        for name, process in self._running.items():
            code = process.poll()
            if code is not None and name not in besides:
                raise Died(f"{name} ended with exit code {code}: {self.last_words(name)}")

    def ended(self, name: str) -> bool:
        """Whether this one has ended, or was never started."""
        process = self._running.get(name)
        return process is None or process.poll() is not None

    def last_words(self, name: str) -> str:
        """The end of its log."""
        try:
            return self._log(name).read_bytes()[-_TAIL_BYTES:].decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def stop(self) -> None:
        """End all: ask first, then force."""
        for process in reversed(self._running.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(self._running.values()):
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def wait(condition: Callable[[], T], what: str, children: Children, timeout_s: float = START_TIMEOUT_S) -> T:
    """The first truthy result; Died naming `what` when it does not come, or when a program ends meanwhile."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        children.check()
        if time.monotonic() > deadline:
            raise Died(f"{what}: not within {timeout_s:.0f} s")
        time.sleep(0.1)


def free_port(wanted: int) -> int:
    """`wanted` when nobody listens there, else any free port.

    Any: from below those that systems give to connections, lest one take it between this look and the program's start.
    """
    for port in (*([wanted] if wanted else []), *random.sample(range(20_000, 32_000), 50)):
        with socket.socket() as probe:
            if os.name == "posix":  # a port of the run before may still be fading away
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Died("no free port")


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False
