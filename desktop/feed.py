"""The live feed of the console: reads the hub's journal stream in a thread, gives each entry to the GUI once, in order.

The cursor is the journal number; after a cut it resumes from there, so nothing is lost and nothing comes twice.
"""

from __future__ import annotations

import random
import threading
import time

from PySide6.QtCore import QObject, QTimer, Signal

from core import log
from core.errors import FettleError, Unauthenticated
from core.wire.journal import JournalEntry
from desktop import tasks
from desktop.hub_client import HubClient

BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)

_log = log.get(__name__)


class Feed(QObject):
    """`entry` for each change, `online`/`offline` when the line comes and goes, `expired` when the log-in has ended."""

    entry = Signal(object)
    online = Signal()
    offline = Signal(object)
    expired = Signal()
    _arrived = Signal(object)

    def __init__(self, hub: HubClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.cursor = -1
        self.is_online = False
        self._hub = hub
        self._stop = threading.Event()
        self._retry = threading.Event()
        self._thread: threading.Thread | None = None
        self._arrived.connect(self._on_arrived)

    def start(self, cursor: int = -1) -> None:
        """Begin after `cursor`; -1 from now on."""
        self.cursor = cursor
        self._thread = tasks.start_thread(self._read_for_ever, "feed")

    def stop(self) -> None:
        """No more signals after this; the thread ends by itself at its next wake-up."""
        self._stop.set()
        self._retry.set()

    def retry_now(self) -> None:
        """Do not wait for the back-off."""
        self._retry.set()

    def _on_arrived(self, event: object) -> None:
        if self._stop.is_set():
            return
        if isinstance(event, JournalEntry):
            self.entry.emit(event)
        elif isinstance(event, Unauthenticated):
            self._set_online(False, event)
            self.expired.emit()
        elif isinstance(event, FettleError):
            self._set_online(False, event)
        else:
            self._set_online(True, None)

    def _set_online(self, now: bool, error: FettleError | None) -> None:
        if now and not self.is_online:
            self.is_online = True
            self.online.emit()
        elif not now and (self.is_online or error is not None):
            self.is_online = False
            self.offline.emit(error)

    def _read_for_ever(self) -> None:
        # A line of its own, closed by the thread that reads it: the window's one may be closed at any time.
        line = self._hub.another()
        try:
            self._read(line)
        finally:
            line.close()

    def _read(self, line: HubClient) -> None:
        failures = 0
        while not self._stop.is_set():
            error: FettleError | None = None
            try:
                head = line.journal_head()
                if self.cursor < 0 or head < self.cursor:
                    self.cursor = head  # a hub restored from an older backup counts from there again
                for entry in line.stream(self.cursor):
                    failures = 0
                    if self._stop.is_set():
                        return
                    if entry is None:
                        self._tell("beat")
                    elif entry.id > self.cursor:
                        self.cursor = entry.id
                        self._tell(entry)
            except FettleError as found:
                error = found
            self._tell(error or FettleError("hub.away", "the stream ended", address=self._hub.address))
            if isinstance(error, Unauthenticated):
                return
            # A little chance, so that fifty consoles do not all come back in the same instant.
            wait_s = BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)] * random.uniform(0.8, 1.2)
            failures += 1
            self._retry.wait(wait_s)
            self._retry.clear()

    def _tell(self, event: object) -> None:
        if not self._stop.is_set():
            try:
                self._arrived.emit(event)
            except RuntimeError:  # the window went away in this instant
                self._stop.set()


class Gatherer(QObject):
    """Collects keys for a moment and gives them as one set, so that a burst of entries asks the hub once.

    The first after a quiet time is given at once: a single change must not wait for others that never come.
    """

    gathered = Signal(object)

    def __init__(self, wait_ms: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._keys: set[object] = set()
        self._wait_s = wait_ms / 1000
        self._given_at = 0.0
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._give)

    def add(self, key: object) -> None:
        """One more."""
        self._keys.add(key)
        if not self._timer.isActive():
            left_s = self._given_at + self._wait_s - time.monotonic()
            self._timer.start(max(0, round(left_s * 1000)))

    def _give(self) -> None:
        keys, self._keys = self._keys, set()
        self._given_at = time.monotonic()
        self.gathered.emit(keys)
