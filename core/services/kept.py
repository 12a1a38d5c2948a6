"""Things read from the database and trusted for seconds: what is asked with every ticket and changed once a month."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from core.storage import db

T = TypeVar("T")


class Kept(Generic[T]):
    """What `load` read last; read anew after `trust_s` (another hub process may have changed it), or when told."""

    def __init__(self, load: Callable[[], T], trust_s: float) -> None:
        self._load, self._trust_s = load, trust_s
        self._lock = threading.Lock()
        self._found: tuple[T, float, object] | None = None  # with when it was read, and from which database

    def get(self) -> T:
        """The thing."""
        found, now_s = self._found, time.monotonic()
        if found is None or now_s - found[1] > self._trust_s or found[2] is not db.database.obj:
            found = (self._load(), now_s, db.database.obj)
            with self._lock:
                self._found = found
        return found[0]

    def forget(self) -> None:
        """Read it anew at the next question."""
        with self._lock:
            self._found = None
