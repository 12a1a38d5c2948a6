"""A hub on this very computer, run as a child process of the console: found, started, watched, stopped. Knows no Qt.

The hub says how to reach it in `run.json` of its data folder, and keeps the one-time set-up code beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from core.errors import FettleError, OutsideError
from core.paths import data_dir, private_dir
from desktop.hub_client import HubClient

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
_TAIL_BYTES = 4000


@dataclass(frozen=True)
class Running:
    """Where a hub of this computer answers."""

    url: str
    pid: int


class LocalHub:
    """At most one hub for one data folder; one that already runs is used as it is."""

    def __init__(
        self, folder: Path | None = None, port: int | None = None, mqtt_port: int | None = None
    ) -> None:
        self.folder = folder or data_dir("hub")
        self._ports = (port, mqtt_port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log_file(self) -> Path:
        """What the hub wrote to its standard error."""
        return self.folder / "hub.log"

    def running(self) -> Running | None:
        """The hub that answers for this folder now, whoever started it."""
        try:
            facts = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
            found = Running(f"http://127.0.0.1:{int(facts['http_port'])}", int(facts["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if str(facts.get("url", "")).startswith("https://"):
            found = Running(str(facts["url"]), found.pid)
        client = HubClient(found.url, timeout_s=5)
        try:
            client.health()
        except FettleError:
            return None
        finally:
            client.close()
        return found

    def ensure(self) -> Running:
        """The running hub, started when there is none. Blocks; OutsideError `hub.did_not_start` with its own words."""
        found = self.running()
        if found is not None:
            return found
        if self._process is None or self._process.poll() is not None:
            self._start()
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            found = self.running()
            if found is not None:
                return found
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise OutsideError("hub.did_not_start", "the hub did not start", reason=self._last_words())

    def setup_code(self) -> str | None:
        """The one-time code of the first set-up, while the hub waits for it."""
        try:
            return (self.folder / "setup-code").read_text(encoding="utf-8").strip() or None
        except OSError:
            return None

    @property
    def is_mine(self) -> bool:
        """Whether this console started the hub that runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the hub if this console started it."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> None:
        private_dir(self.folder)
        command = [sys.executable, "-m", "core.cli", "hub", "--data", str(self.folder)]
        http_port, mqtt_port = self._ports
        if http_port is not None:
            command += ["--port", str(http_port)]
        if mqtt_port is not None:
            command += ["--mqtt-port", str(mqtt_port)]
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows only: no black window
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                creationflags=flags,
                # Its own session: Ctrl+C at the console's terminal must not kill the hub in mid-write.
                start_new_session=os.name == "posix",
            )

    def _last_words(self) -> str:
        try:
            text = self.log_file.read_bytes()[-_TAIL_BYTES:].decode("utf-8", "replace")
        except OSError:
            return ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = [line for line in lines if line.startswith("fettle hub:")]
        return (said or lines or [""])[-1].removeprefix("fettle hub: ")
