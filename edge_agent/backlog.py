"""What has been decided and not yet committed: bounded, also while the disk is full for days.

Over the limit everything that waits becomes one batch, and is shed in this order: charts, then alarms that were raised
and cleared again within what waits. What is left is at most one raise and one clear for each rule, so that once there
is space again the hub's picture of every alarm is the present one. Numbers are given out at the commit, so nothing
that is shed leaves a gap. Knows no files.
"""

from __future__ import annotations

from core import log
from core.wire.uplink import AlarmCleared, AlarmRaised, AlarmReminded, ChartFrozen
from edge_agent.outbox import Batch

_log = log.get(__name__)
MOST_EVENTS = 2000
MOST_BATCHES = 5000


class Backlog:
    """Batches in order of deciding. `take` one lot, then `done` or `failed`."""

    def __init__(self, most_events: int = MOST_EVENTS) -> None:
        self._most_events = most_events
        self._waiting: list[Batch] = []
        self._going: list[Batch] = []
        self._forgotten: set[str] = set()  # shed alarms whose chart is still being recorded
        self._shed_after = most_events
        self.charts_shed = self.alarms_shed = 0

    def __bool__(self) -> bool:
        return bool(self._waiting or self._going)

    def add(self, batch: Batch) -> None:
        """The next decisions."""
        if self._forgotten:
            self._forget_charts(batch)
        self._waiting.append(batch)
        if len(self._waiting) > MOST_BATCHES or self._events() > self._shed_after:
            self._shed()

    def take(self) -> list[Batch]:
        """All that waits; it is committed whole or not at all."""
        self._going, self._waiting = self._waiting, []
        return self._going

    def done(self) -> None:
        """What was taken is committed."""
        self._going = []
        self._shed_after = self._most_events

    def failed(self) -> None:
        """What was taken is not committed: it waits again, in front of what came meanwhile."""
        self._waiting, self._going = self._going + self._waiting, []
        if len(self._waiting) > MOST_BATCHES or self._events() > self._shed_after:
            self._shed()

    def _events(self) -> int:
        return sum(len(batch.events) for batch in self._waiting)

    def _shed(self) -> None:
        whole = Batch()
        for batch in self._waiting:
            whole.events += batch.events
            whole.states |= batch.states
            whole.charts |= batch.charts
        before = len(whole.events)
        whole.events = [event for event in whole.events if not isinstance(event, ChartFrozen)]
        charts = before - len(whole.events)
        alarms = 0
        if len(whole.events) > self._most_events // 2:
            raised = {event.occurrence for event in whole.events if isinstance(event, AlarmRaised)}
            cleared = {event.occurrence for event in whole.events if isinstance(event, AlarmCleared)}
            over = raised & cleared
            whole.events = [
                event
                for event in whole.events
                if not (
                    isinstance(event, AlarmRaised | AlarmCleared | AlarmReminded) and event.occurrence in over
                )
            ]
            alarms = len(over)
            for occurrence in over & whole.charts.keys():
                if whole.charts[occurrence] is not None:
                    self._forgotten.add(occurrence)
                whole.charts[occurrence] = None
        self._waiting = [whole]
        self._shed_after = max(self._most_events, len(whole.events) + self._most_events // 2)
        if not charts and not alarms:
            return
        self.charts_shed += charts
        self.alarms_shed += alarms
        _log.error(
            "too much waits for the disk, shed",
            charts=self.charts_shed,
            alarms_over_again=self.alarms_shed,
            waiting=len(whole.events),
        )

    def _forget_charts(self, batch: Batch) -> None:
        batch.events[:] = [
            event
            for event in batch.events
            if not (isinstance(event, ChartFrozen) and event.occurrence in self._forgotten)
        ]
        self._forgotten -= {key for key, stored in batch.charts.items() if stored is None}
