"""A parent that has imported edge, hub and broker once and forks a child for each start, so that starting costs little.

The child is a process like any other: its own files, sockets, threads and memory, and it dies of kill -9. What a test
changes in it (a fault built in, shorter pauses) is named in the order to start it; the product knows nothing of this.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

_PDEATHSIG = 1
_PROGRAMS = (
    "core.cli", "core.hub.app", "core.hub.broker", "core.hub.cli", "edge_agent.agent", "edge_agent.cli",
    "tests.faults.changes", "tests.faults.mutants",
)  # fmt: skip
_LIBC = ctypes.CDLL(None)


class Nursery:
    """The parent, seen from the harness: `start` gives the pid of a new program."""

    def __init__(self, preload: Path | None = None) -> None:
        environment = dict(os.environ)
        if preload is not None:
            environment["LD_PRELOAD"] = str(preload)
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.prefork"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
        )  # fmt: skip
        self._ask({})  # returns once everything is imported

    def start(
        self,
        argv: Sequence[str],
        log: Path,
        changes: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> int:
        """Run `fettle ARGV` with these changes of `changes.py`; its output is added to `log`."""
        answer = self._ask(
            {"argv": list(argv), "log": str(log), "changes": list(changes), "env": dict(env or {})}
        )
        return int(answer["pid"])

    def ended(self, pid: int, wait: bool = False) -> bool:
        """Whether a program has ended; with `wait` it returns when it has."""
        return bool(self._ask({"ended": pid, "wait": wait})["ended"])

    def close(self) -> None:
        """End the parent, and with it whatever still runs."""
        self._parent.kill()
        self._parent.wait()
        for pipe in (self._parent.stdin, self._parent.stdout):
            if pipe is not None:
                pipe.close()

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._parent.stdin is not None and self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(order).encode() + b"\n")
        self._parent.stdin.flush()
        line = self._parent.stdout.readline()
        if not line:
            raise RuntimeError("the parent of the programs has died")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Program:
    """One of the programs under test: killed without warning, and started again."""

    def __init__(self, nursery: Nursery, name: str, log: Path, *argv: str) -> None:
        self.name, self.argv, self.log = name, argv, log
        self.changes: list[str] = []
        self.env: dict[str, str] = {}
        self._nursery = nursery
        self._pid = 0

    @property
    def pid(self) -> int:
        """0 when it does not run."""
        return self._pid

    def start(self) -> None:
        """Start it unless it runs."""
        if self._pid and self._nursery.ended(self._pid):
            self._pid = 0
        if not self._pid:
            self._pid = self._nursery.start(self.argv, self.log, self.changes, self.env)

    def has_ended(self) -> bool:
        """Whether it has ended by itself."""
        return not self._pid or self._nursery.ended(self._pid)

    def kill(self) -> None:
        """With -9; returns when it is gone."""
        self.stop(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """By a signal; returns when it is gone."""
        if self._pid:
            if not self._nursery.ended(self._pid):
                os.kill(self._pid, how)
                self._nursery.ended(self._pid, wait=True)
            self._pid = 0


# ---------------------------------------------------------------- inside the parent


def _serve() -> None:
    _import_everything()
    gc.collect()
    gc.freeze()
    orders = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    gone: set[int] = set()
    for line in orders:
        order = json.loads(line)
        answer: dict[str, object] = {}
        if "argv" in order:
            pid = os.fork()
            if pid == 0:
                _be(order, (orders.fileno(), answers.fileno()))
            answer = {"pid": pid}
        elif "ended" in order:
            pid = order["ended"]
            if pid not in gone:
                done, _status = os.waitpid(pid, 0 if order["wait"] else os.WNOHANG)
                if done:
                    gone.add(pid)
            answer = {"ended": pid in gone}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _import_everything() -> None:
    for name in _PROGRAMS:
        import_module(name)


def _be(order: Mapping[str, Any], not_mine: Sequence[int]) -> None:
    """Turn into one program; never returns."""
    code = 70
    try:
        parent = os.getppid()
        _LIBC.prctl(_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(code)
        for descriptor in not_mine:
            os.close(descriptor)
        nothing = os.open(os.devnull, os.O_RDONLY)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for descriptor, source in ((0, nothing), (1, log), (2, log)):
            os.dup2(source, descriptor)
        os.environ.update(order["env"])
        from core.cli import main
        from tests.faults import changes

        for name in order["changes"]:
            changes.CHANGES[name]()
        code = int(main(order["argv"]) or 0)
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:  # noqa: BLE001 - the top of a program: its log is where it is looked for
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
