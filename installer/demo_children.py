"""Programs that the demo starts, watches and ends; each writes to a log of its own. Knows no Fettle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

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
