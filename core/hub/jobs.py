"""What the hub does by the clock: plans, SLA, silent edges, dispatch when shifts change, notices, tidying up.

Each job is harmless when it runs twice, and one that fails does not stop the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import schedule

from core import log
from core.hub import channels
from core.services import (
    dispatch,
    edge_watch,
    journal,
    notices,
    plans,
    restores,
    retention,
    search_index,
    settings,
    sla,
)

logger = log.get("hub.jobs")

Job = Callable[[datetime], object]


def clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


class Jobs:
    """The schedule; `run` keeps it until told to stop."""

    def __init__(self, now: Callable[[], datetime] = clock, tick_s: float = 0.5) -> None:
        self._now = now
        self._tick_s = tick_s
        self._scheduler = schedule.Scheduler()
        self._add("plans", 300, lambda now: plans.create_due(now=now))
        self._add("sla", 15, sla.watch)
        self._add("edges", 10, edge_watch.find_silent)
        self._add("dispatch", 20, dispatch.retry)
        self._add("restores", 10, lambda _now: restores.note(settings.hub().data_dir))
        self._add("close", 600, sla.close_done)
        self._add("tidy", 6 * 3600, retention.clean)

    def _add(self, name: str, every_s: int, job: Job) -> None:
        self._scheduler.every(every_s).seconds.do(self._do, name, job)

    def _do(self, name: str, job: Job) -> None:
        began = time.monotonic()
        try:
            done = job(self._now())
        except Exception:  # one job must not end the others, nor its own next turn
            logger.exception("a job failed", job=name)
            return
        if done:
            logger.info("job done", job=name, result=done, took_s=round(time.monotonic() - began, 3))

    def run(self, stop: threading.Event) -> None:
        """Do everything once, then each job in its time, until `stop` is set."""
        edge_watch.begin(self._now())
        self._scheduler.run_all()
        while not stop.wait(self._tick_s):
            self._scheduler.run_pending()


class Indexer:
    """Keeps the full-text index in step with the journal."""

    def __init__(self, every_s: float = 30.0) -> None:
        self._every_s = every_s

    def run(self, stop: threading.Event) -> None:
        """Index what has changed until `stop` is set."""
        wake = threading.Event()
        unlisten = journal.listen(wake.set)
        try:
            while not stop.is_set():
                wake.clear()
                try:
                    search_index.catch_up()
                except Exception:  # the loop goes on, whatever the database does
                    logger.exception("the search index could not be brought up to date")
                _rest(wake, stop, self._every_s)
                stop.wait(0.2)  # what comes together is indexed together
        finally:
            unlisten()


class Notifier:
    """Sends notices as soon as they are written, and again when a channel was away."""

    def __init__(
        self,
        now: Callable[[], datetime] = clock,
        send: Callable[[str, str, str], None] = channels.send,
        every_s: float = 5.0,
    ) -> None:
        self._now = now
        self._send = send
        self._every_s = every_s

    def run(self, stop: threading.Event) -> None:
        """Send what is due until `stop` is set."""
        wake = threading.Event()
        unlisten = journal.listen(wake.set)
        try:
            while not stop.is_set():
                wake.clear()
                try:
                    while notices.send_due(self._send, self._now()) and not stop.is_set():
                        continue
                except Exception:  # the loop goes on, whatever the database or a channel does
                    logger.exception("notices could not be sent")
                _rest(wake, stop, self._every_s)
        finally:
            unlisten()


def _rest(wake: threading.Event, stop: threading.Event, most_s: float) -> None:
    """Until there is something to do, it is time, or all ends."""
    until = time.monotonic() + most_s
    while time.monotonic() < until and not stop.is_set():
        if wake.wait(min(0.5, most_s)):
            return
