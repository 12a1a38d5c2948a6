"""Connections of the web server: whoever opens one and then says nothing, or hardly anything, does not keep it.

Without this a thousand silent connections would leave no file handle for the database.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_S = 15.0  # for a request's line and headers, from the first byte or the opening
STALL_S = 30.0  # between two pieces of a body
BODY_S = 900.0  # for a whole body: 25 MiB of photos over a poor connection
_MOST_FILES = 65_536


class PatientLine(H11Protocol):
    """One connection with an end to patience; answers, and streams of events, take as long as they take."""

    _ending: asyncio.TimerHandle | None = None
    _body_since_s: float | None = None

    def connection_made(self, transport: Any) -> None:
        """The caller has so long to say what it wants."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Something came: look at what is still missing."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more to wait for."""
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        state, now_s = self.conn.their_state, self.loop.time()
        if state is h11.IDLE:
            self._body_since_s = None
            if self._ending is None:  # more headers do not win more time
                self._ending = self.loop.call_later(HEADER_S, self._end)
        elif state is h11.SEND_BODY:
            self._forget()
            since_s = self._body_since_s = self._body_since_s or now_s
            self._ending = self.loop.call_at(min(now_s + STALL_S, since_s + BODY_S), self._end)
        else:
            self._forget()
            self._body_since_s = None

    def _forget(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    def _end(self) -> None:
        self._ending = None
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            return
        if self.flow.read_paused:  # it is we who are slow
            self._watch()
            return
        self.transport.close()


def allow_many_files() -> None:
    """Each connection is a file to the system, and the usual 1024 are few for a hub."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
