"""The only place of the console that starts threads: short calls in a pool, and the long reader of the feed.

`run(call, done, failed, owner)` is the whole interface for pages. Answers come on the GUI thread, and are
dropped when the owner has been closed meanwhile.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal
from shiboken6 import isValid

from core import log
from core.errors import FettleError

T = TypeVar("T")

_log = log.get(__name__)
_numbers = count(1)


class _Relay(QObject):
    """Carries answers over to the GUI thread; lives there."""

    answered = Signal(int, object, object)

    def __init__(self) -> None:
        super().__init__()
        self.waiting: dict[
            int, tuple[Callable[[Any], None] | None, Callable[[FettleError], None] | None, QObject]
        ]
        self.waiting = {}
        self.answered.connect(self._on_answered, Qt.ConnectionType.QueuedConnection)

    def _on_answered(self, number: int, result: object, error: FettleError | None) -> None:
        done, failed, owner = self.waiting.pop(number, (None, None, self))
        if not isValid(owner):
            return
        if error is None and done is not None:
            done(result)
        elif error is not None and failed is not None:
            failed(error)


class _Job(QRunnable):
    def __init__(self, number: int, call: Callable[[], object], relay: _Relay) -> None:
        super().__init__()
        self._number = number
        self._call = call
        self._relay = relay
        # The language is a context variable: the worker must speak the one of the screen.
        self._context = contextvars.copy_context()

    def run(self) -> None:
        result: object = None
        error: FettleError | None = None
        try:
            result = self._context.run(self._call)
        except FettleError as found:
            error = found
        except Exception as found:  # noqa: BLE001 - the top of a worker: whatever it is must reach the screen
            _log.exception("a task failed")
            error = FettleError("internal", repr(found), trace="")
        if isValid(self._relay):
            self._relay.answered.emit(self._number, result, error)


_relay: _Relay | None = None


def _the_relay() -> _Relay:
    global _relay
    if _relay is None or not isValid(_relay):
        _relay = _Relay()
        QThreadPool.globalInstance().setMaxThreadCount(6)
    return _relay


def run(
    call: Callable[[], T],
    done: Callable[[T], None] | None,
    failed: Callable[[FettleError], None] | None,
    owner: QObject,
) -> None:
    """Do `call` in the background, then `done(result)` or `failed(error)` on the GUI thread."""
    relay = _the_relay()
    number = next(_numbers)
    relay.waiting[number] = (done, failed, owner)
    QThreadPool.globalInstance().start(_Job(number, call, relay))


def pending() -> int:
    """How many calls have not been answered; for tests and for leaving."""
    return 0 if _relay is None else len(_relay.waiting)


def finish(timeout_ms: int = 3000) -> bool:
    """Wait for the pool at the end of the program."""
    return QThreadPool.globalInstance().waitForDone(timeout_ms)


def start_thread(target: Callable[[], None], name: str) -> threading.Thread:
    """A thread for something that runs as long as the program, in the language of the caller."""
    context = contextvars.copy_context()
    thread = threading.Thread(target=lambda: context.run(target), name=name, daemon=True)
    thread.start()
    return thread
