"""One publishing machine: what comes from its topics becomes readings of its points.

Knows topics and paths, no rules. Garbage makes the points it should have fed bad, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from core import log
from core.domain.points import Quality
from core.wire.edge_config import MqttDevice, PointConfig
from edge_agent.channels import Channel, Feed
from edge_agent.clock import Clock
from edge_agent.drivers import mqtt_json
from edge_agent.drivers.mqtt_link import Broker, MqttLink
from edge_agent.sinks import Health, PublishingSink

_log = log.get(__name__)
_RETAINED = "kept by the broker, nobody knows since when"


class Subscription:
    """The topics of one device at the plant's broker."""

    def __init__(
        self,
        device: MqttDevice,
        points: Iterable[PointConfig],
        sink: PublishingSink,
        health: Health,
        clock: Clock,
        client_id: str,
    ) -> None:
        self.device = device
        self._sink, self._health, self._clock = sink, health, clock
        self._points: list[tuple[Channel, str, mqtt_json.Path]] = []
        self._told: str | None = None
        for point in points:
            channel = sink.channel(point.id)
            channel.attach(Feed())
            self._points.append((channel, point.topic, mqtt_json.parse_path(point.path)))
        url = urlsplit(device.url)
        tls = url.scheme == "mqtts"
        broker = Broker(
            host=url.hostname or "",
            port=url.port or (8883 if tls else 1883),
            username=device.username,
            password=device.password,
            tls=tls,
            client_id=client_id,
        )
        self._link = MqttLink(broker, [(device.topic, 0)], self.receive, self._connection)

    async def run(self) -> None:
        """Listen until cancelled."""
        await self._link.run()

    def receive(self, topic: str, payload: bytes, retained: bool) -> None:
        """Take one message. A retained one tells neither when it was said nor that the machine is there now."""
        if not retained:
            self._sink.heard(self.device.id)
        points = [
            (c, path, bool(own)) for c, own, path in self._points if not own or mqtt_json.matches(own, topic)
        ]
        wrong = []
        try:
            document = mqtt_json.parse(payload)
        except mqtt_json.Unreadable as error:
            wrong.append(f"{topic}: {error}")
            for channel, _path, _own in points:
                self._bad(channel, wrong[0])
        else:
            for channel, path, own_topic in points:
                reason = self._feed(channel, document, path, topic, own_topic, retained)
                if reason:
                    wrong.append(reason)
        self._tell(wrong[0] if wrong else "")
        self._sink.flush()

    def _feed(
        self,
        channel: Channel,
        document: object,
        path: mqtt_json.Path,
        topic: str,
        own_topic: bool,
        retained: bool,
    ) -> str:
        """Feed one point; what was wrong, or nothing."""
        point = channel.point
        try:
            value = mqtt_json.pick(document, path, point.scale, point.offset)
        except mqtt_json.Missing:
            # Machines publish different or partial messages on one topic: only a path never seen is wrong.
            if own_topic and channel.quality is not Quality.GOOD:
                reason = f"{topic}: nothing at '{point.path}'"
                self._bad(channel, reason)
                return reason
            return ""
        except mqtt_json.Unreadable as error:
            reason = f"{topic}: '{point.path}': {error}"
            self._bad(channel, reason)
            return reason
        if point.type == "bool" and isinstance(value, float):
            value = value != 0
        feed = channel.feed
        previous_s = feed.good_s
        if retained:
            if value != channel.value or channel.quality not in (Quality.GOOD, Quality.UNCERTAIN):
                feed.scans += 1
                self._sink.put(channel, value, Quality.UNCERTAIN, _RETAINED, previous_s)
            return ""
        feed.good_s = self._clock.steady_s()
        feed.scans += 1
        if value != channel.value or channel.quality is not Quality.GOOD:
            self._sink.put(channel, value, Quality.GOOD, "", previous_s)
        return ""

    def _bad(self, channel: Channel, reason: str) -> None:
        if channel.quality is not Quality.BAD_CONFIG:
            self._sink.put(channel, None, Quality.BAD_CONFIG, reason, channel.feed.good_s)

    def _tell(self, wrong: str) -> None:
        if wrong == self._told:
            return
        self._told = wrong
        if wrong:
            _log.warning("message without a value", device=self.device.name, reason=wrong)
        code = "device.bad_payload" if wrong else ""
        self._health(self.device.id, "ok", code, wrong, {"device": self.device.name, "reason": wrong})

    def _connection(self, connected: bool, reason: str) -> None:
        self._told = None
        if connected:
            self._health(self.device.id, "unknown", "", "", {})
        else:
            address = self._link.broker.address
            params = {"device": self.device.name, "host": address, "reason": reason}
            self._health(
                self.device.id, "failing", "device.no_broker", f"no connection to {address}: {reason}", params
            )
