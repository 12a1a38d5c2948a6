"""What benchmarks of the hub share: a hub of their own, percentiles, the table and the JSON they print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.conftest import wait_for

PASSWORD = "correct horse battery"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def summary(values_ms: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 of times in ms."""
    return {f"p{int(share * 100)}_ms": round(percentile(values_ms, share), 2) for share in (0.5, 0.95, 0.99)}


def timed(call: Callable[[], Any], times: int) -> list[float]:
    """How long each of so many calls took, in ms."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * 1000)
    return found


def load() -> float:
    """What else this computer is doing: the load average of the last minute."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else -1.0


def row(name: str, values_ms: Sequence[float], **more: Any) -> dict[str, Any]:
    """One line of the report, printed at once."""
    found = {"what": name, **summary(values_ms), "n": len(values_ms), **more, "load": load()}
    figures = "".join(f"{found[key]:>9.2f}" for key in ("p50_ms", "p95_ms", "p99_ms"))
    told = "  ".join(f"{key} {value}" for key, value in more.items())
    print(f"{name:<52}{figures}   load {found['load']:<6}{told}", flush=True)
    return found


def head() -> None:
    """The head of the table."""
    print(f"{'ms':<52}{'p50':>9}{'p95':>9}{'p99':>9}", flush=True)


def write(file: Path | None, found: dict[str, Any]) -> None:
    """Keep the figures as JSON, with the computer they come from."""
    if file is not None:
        found = {"cores": os.cpu_count(), "python": sys.version.split()[0], **found}
        file.write_text(json.dumps(found, indent=2, ensure_ascii=False), encoding="utf-8")


class HubProcess:
    """`fettle hub` on free ports with a fresh folder, as users run it."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "hub"
        self._log = (folder / "hub.log").open("ab")
        command = [sys.executable, "-m", "core.cli", "hub", "--data", str(self.data)]
        self._process = subprocess.Popen(
            [*command, "--port", "0", "--mqtt-port", "0"], stdout=self._log, stderr=self._log
        )
        facts = wait_for(self._facts, 60)
        self.port = int(facts["http_port"])

    def _facts(self) -> dict[str, Any] | None:
        file = self.data / "run.json"
        return json.loads(file.read_text()) if file.exists() else None

    def setup_code(self) -> str:
        """The one-time code of the first set-up."""
        command = [sys.executable, "-m", "core.cli", "hub", "--data", str(self.data), "setup-code"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]

    def cpu_s(self) -> float:
        """Processor time it has used so far; 0 where the system does not tell."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(20)
        self._log.close()
