"""What the hub does by the clock: plans, SLA, silent edges, dispatch when shifts change, notices, tidying up.

Each job is harmless when it runs twice, and one that fails does not stop the others.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime

import schedule

from core import log
from core.errors import OutsideError
from core.hub import channels, outgoing
from core.services import (
    dispatch,
    edge_watch,
    history,
    journal,
    notices,
    plans,
    restores,
    retention,
    seals,
    search_index,
    settings,
    sla,
    webhooks,
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
        self._add("seals", 10, lambda now: seals.seal(now, settings.hub().data_dir))
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


class _Follower(ABC):
    """Does something after each commit that wrote to the journal, and now and then besides."""

    def __init__(self, name: str, every_s: float, gather_s: float = 0.0) -> None:
        """`gather_s`: how long to wait so that what comes together is done together."""
        self._name, self._every_s, self._gather_s = name, every_s, gather_s

    @abstractmethod
    def work(self) -> bool:
        """One round; whether there may be more to do at once."""

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set."""
        wake = threading.Event()
        unlisten = journal.listen(wake.set)
        try:
            while not stop.is_set():
                wake.clear()
                try:
                    while self.work() and not stop.is_set():
                        continue
                except Exception:  # the loop goes on, whatever the database or the other side does
                    logger.exception("what follows the journal failed", follower=self._name)
                _rest(wake, stop, self._every_s)
                stop.wait(self._gather_s)
        finally:
            unlisten()


class Indexer(_Follower):
    """Keeps the full-text index in step with the journal."""

    def __init__(self, every_s: float = 30.0) -> None:
        super().__init__("search", every_s, gather_s=0.2)

    def work(self) -> bool:
        """All there is; nothing remains."""
        search_index.catch_up()
        return False


class Caller(_Follower):
    """Calls webhooks as soon as there is something to tell, and again when an address was away."""

    def __init__(self, now: Callable[[], datetime] = clock, every_s: float = 5.0) -> None:
        super().__init__("webhooks", every_s)
        self._now = now

    def work(self) -> bool:
        """One round."""
        return webhooks.send_due(self._post, self._now()) > 0

    @staticmethod
    def _post(call: webhooks.Call) -> int:
        return outgoing.post(call.url, call.headers, call.body, call.allow_private)


class Notifier(_Follower):
    """Sends notices as soon as they are written, and again when a channel was away."""

    def __init__(
        self,
        now: Callable[[], datetime] = clock,
        send: Callable[[str, str, str], None] = channels.send,
        every_s: float = 5.0,
    ) -> None:
        super().__init__("notices", every_s)
        self._now = now
        self._send = send

    def work(self) -> bool:
        """One round."""
        return notices.send_due(self._send, self._now()) > 0


def _rest(wake: threading.Event, stop: threading.Event, most_s: float) -> None:
    """Until there is something to do, it is time, or all ends."""
    until = time.monotonic() + most_s
    while time.monotonic() < until and not stop.is_set():
        if wake.wait(min(0.5, most_s)):
            return


class Historian:
    """Writes what points did, and condenses it as it grows old."""

    def __init__(
        self, now: Callable[[], datetime] = clock, flush_s: float = 10.0, tidy_s: float = 300.0
    ) -> None:
        self._now = now
        self._flush_s = flush_s
        self._tidy_s = tidy_s

    def run(self, stop: threading.Event) -> None:
        """Write what is there every few seconds, and the rest once `stop` is set."""
        next_tidy_s = 0.0
        while not stop.wait(self._flush_s):
            self._do(history.flush)
            if time.monotonic() >= next_tidy_s:
                self._do(history.tidy)
                next_tidy_s = time.monotonic() + self._tidy_s
        self._do(lambda now: history.flush(now, everything=True))

    def _do(self, job: Callable[[datetime], int]) -> None:
        try:
            job(self._now())
        except OutsideError as error:
            logger.warning("readings cannot be kept now", reason=error.detail)
        except Exception:  # the loop goes on, whatever the disk does
            logger.exception("readings could not be kept")
