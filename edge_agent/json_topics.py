"""JSON and plain values on the topics of one machine, into its points. Knows topics and paths; no broker, no rules.

Garbage makes the points it should have fed bad, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from core.domain.points import Quality
from core.wire.edge_config import PointConfig
from edge_agent.clock import Clock
from edge_agent.drivers import mqtt_json
from edge_agent.published_points import PublishedPoint
from edge_agent.sinks import PublishingSink

MOST_TOPICS = 2000  # remembered with their points; a machine that makes up topics shall not fill the memory


class _Aim:
    """A point, and where it looks."""

    __slots__ = ("path", "point", "topic")

    def __init__(self, point: PublishedPoint) -> None:
        self.point = point
        self.topic = point.channel.point.topic
        self.path = mqtt_json.parse_path(point.channel.point.path)


class JsonTopics:
    """All points of a machine that publishes JSON or plain values."""

    def __init__(self, points: Iterable[PointConfig], sink: PublishingSink, clock: Clock) -> None:
        self._aims = [_Aim(PublishedPoint(point.id, sink, clock)) for point in points]
        self._exact: dict[str, list[_Aim]] = {}
        self._wide: list[_Aim] = []
        for aim in self._aims:
            if aim.topic and not set(aim.topic) & set("+#"):
                self._exact.setdefault(aim.topic, []).append(aim)
            else:
                self._wide.append(aim)
        self._known: dict[str, list[_Aim]] = {}

    @property
    def points(self) -> list[PublishedPoint]:
        """All points that are fed here."""
        return [aim.point for aim in self._aims]

    def asks_for(self, topic: str) -> bool:
        """Whether a point names this topic as its own."""
        return topic in self._exact

    def receive(self, topic: str, payload: bytes, retained: bool) -> str:
        """Take one message; what was wrong with it, or nothing."""
        aims = self._aims_of(topic)
        if not aims:
            return ""
        try:
            document = mqtt_json.parse(payload)
        except mqtt_json.Unreadable as error:
            reason = f"{topic}: {error}"
            for aim in aims:
                aim.point.lose(Quality.BAD_CONFIG, reason)
            return reason
        wrong = ""
        for aim in aims:
            find = partial(mqtt_json.find, document, aim.path)
            reason = aim.point.take(find, retained, expected=bool(aim.topic))
            wrong = wrong or (reason and f"{topic}: {reason}")
        return wrong

    def _aims_of(self, topic: str) -> list[_Aim]:
        found = self._known.get(topic)
        if found is None:
            wide = [aim for aim in self._wide if not aim.topic or mqtt_json.matches(aim.topic, topic)]
            found = [*self._exact.get(topic, ()), *wide]
            if len(self._known) >= MOST_TOPICS:
                self._known.clear()
            self._known[topic] = found
        return found
