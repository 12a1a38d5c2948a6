"""The metrics of one Sparkplug B node, or of one device of it, into points. Knows sessions; no broker, no rules."""

from __future__ import annotations

from collections.abc import Iterable

from core.domain.points import Quality
from core.wire.edge_config import MqttDevice, PointConfig
from edge_agent.clock import Clock
from edge_agent.drivers import sparkplug_payload
from edge_agent.drivers.mqtt_json import Unreadable
from edge_agent.drivers.sparkplug_node import ROOT, Node, Told, address
from edge_agent.drivers.sparkplug_payload import Metric
from edge_agent.published_points import PublishedPoint
from edge_agent.sinks import PublishingSink


class SparkplugPoints:
    """All points of a node, or of one device of it."""

    def __init__(
        self, device: MqttDevice, points: Iterable[PointConfig], sink: PublishingSink, clock: Clock
    ) -> None:
        self.address = address(device.topic)
        self._node = Node()
        self._by_source: dict[str, dict[str, list[PublishedPoint]]] = {}
        for config in points:
            source = self.address.device or config.topic.rpartition("/")[2]
            metrics = self._by_source.setdefault(source, {})
            metrics.setdefault(config.path, []).append(PublishedPoint(config.id, sink, clock))
        self.doubt = ""  # why a rebirth is wanted; empty while all is sure
        self.alive: bool | None = None  # as births and deaths say

    @property
    def points(self) -> list[PublishedPoint]:
        """All points that are fed here."""
        return [point for source in self._by_source for point in self._of(source)]

    def connected(self) -> None:
        """The connection is new: only a rebirth tells what is true now."""
        self._node.forget()
        self.alive = None
        self._lose_sight("connected anew")

    def receive(self, topic: str, payload: bytes, retained: bool) -> str | None:
        """Take one message; what was wrong with it, empty for nothing, None for one that is not of the session.

        See `doubt` and `alive` after it.
        """
        levels = topic.split("/")
        orders = len(levels) > 2 and levels[2] in ("NCMD", "DCMD")  # also our own
        if levels[0] != ROOT or not 4 <= len(levels) <= 5 or orders or retained:  # a session retains nothing
            return None
        try:
            message = sparkplug_payload.decode(payload)
            told = self._node.take(levels[2], levels[4] if len(levels) == 5 else "", message)
        except Unreadable as error:
            self._node.forget()
            self._lose_sight(f"{topic}: {error}")
            return f"{topic}: {error}"
        return self._take(told)

    def _take(self, told: Told) -> str:
        if told.doubt:
            if (
                not self._node.born or told.device in self._by_source
            ):  # else it is about a device of no interest
                self._lose_sight(told.doubt)
            return ""
        if told.died:
            self._died(told.device)
            return ""
        if told.birth and not told.device:
            self.doubt = ""
            self._doubt_all("waits for the birth of its device", but="")
        mine = told.device == self.address.device
        if mine and (told.birth or told.metrics):
            self.alive = True
        points = self._by_source.get(told.device, {})
        wrong = ""
        for name, metric, datatype in told.metrics:
            for point in points.get(name, ()):
                reason = _feed(point, metric, datatype)
                wrong = wrong or reason
        if told.birth:
            wrong = wrong or self._not_born(told, points)
        return wrong

    def _not_born(self, told: Told, points: dict[str, list[PublishedPoint]]) -> str:
        """Points whose metric the birth does not have are wrong in the configuration."""
        there = {name for name, _metric, _datatype in told.metrics}
        source = f"device {told.device}" if told.device else f"node {self.address.node}"
        wrong = ""
        for name in points.keys() - there:
            reason = f"'{name}' is no metric in the birth of {source}"
            for point in points[name]:
                point.lose(Quality.BAD_CONFIG, reason)
            wrong = wrong or reason
        return wrong

    def _died(self, device: str) -> None:
        reason = f"device {device} is gone" if device else f"node {self.address.node} is gone"
        for point in self._of(device) if device else self.points:
            point.lose(Quality.BAD_COMM, reason)
        if device == self.address.device or not device:
            self.alive = False
        if not device:
            self.doubt = ""  # who is dead is not asked

    def _lose_sight(self, reason: str) -> None:
        self.doubt = reason
        self._doubt_all(reason)

    def _doubt_all(self, reason: str, but: str | None = None) -> None:
        for source in self._by_source:
            if source != but:
                for point in self._of(source):
                    point.doubt(reason)

    def _of(self, source: str) -> list[PublishedPoint]:
        return [point for points in self._by_source.get(source, {}).values() for point in points]


def _feed(point: PublishedPoint, metric: Metric, datatype: int) -> str:
    if metric.historical:  # was kept while the node was away: true then, not now
        return ""
    if metric.bad:
        point.lose(Quality.BAD_COMM, "the machine calls this value bad")
        return ""
    if metric.stale:
        point.lose(Quality.BAD_STALE, "the machine calls this value stale")
        return ""
    return point.take(lambda: metric.value(datatype), retained=False)
