"""One publishing machine: listens to its topics, knows whether it is there, asks it for what is missing.

Knows the broker and liveness, no rules; what payloads mean is read elsewhere. A machine is there when it speaks, or
while its broker or its births say so; gone at once when its last will says so, and after a silence otherwise.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterable
from urllib.parse import urlsplit

from core import log
from core.domain.points import Quality
from core.wire.edge_config import MqttDevice, PointConfig
from edge_agent.clock import Clock
from edge_agent.drivers import mqtt_json
from edge_agent.drivers.mqtt_link import Broker, Message, MqttLink
from edge_agent.drivers.sparkplug_payload import rebirth
from edge_agent.json_topics import JsonTopics
from edge_agent.sinks import Health, PublishingSink
from edge_agent.sparkplug_points import SparkplugPoints

_log = log.get(__name__)
ASK_FIRST_S, ASK_MOST_S = 2.0, 60.0
ATTEND_S = 1.0
MOST_ALIVE_TOPICS = 1000


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
        self._told: str | None = None
        self._alive: bool | None = None
        self._alive_topics: dict[str, bool] = {}
        self._alive_words = {word.strip().casefold() for word in device.alive_values}
        self._ask_at_s, self._ask_pause_s = 0.0, ASK_FIRST_S
        self._reader: JsonTopics | SparkplugPoints
        if device.payload == "sparkplug_b":
            self._reader = SparkplugPoints(device, points, sink, clock)
            wanted = [(self._reader.address.filter, 1)]
        else:
            self._reader = JsonTopics(points, sink, clock)
            wanted = [(device.topic, 0)]
        if device.alive_topic:
            wanted.append((device.alive_topic, 1))
        self._link = MqttLink(_broker(device, client_id), wanted, self.receive, self._connection, newest=True)

    async def run(self) -> None:
        """Listen until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._link.run())
            group.create_task(self._attend())

    def receive(self, topic: str, payload: bytes, retained: bool) -> None:
        """Take one message. A retained one tells neither when it was said nor that the machine is there now; but where
        it says whether the machine is there, it is the broker's own present word."""
        device, reader = self.device, self._reader
        if device.alive_topic and mqtt_json.matches(device.alive_topic, topic):
            self._liveness(topic, payload)
            if isinstance(reader, JsonTopics) and reader.asks_for(topic):
                reader.receive(topic, payload, retained)
        elif isinstance(reader, JsonTopics):
            if not retained:
                self._heard()
            self._tell("device.bad_payload", reader.receive(topic, payload, retained))
        else:
            self._session(reader, reader.receive(topic, payload, retained))
        self._sink.flush()

    # -- is it there?

    def _liveness(self, topic: str, payload: bytes) -> None:
        if not payload:  # takes the retained message off the broker
            self._alive_topics.pop(topic, None)
            return
        if len(self._alive_topics) > MOST_ALIVE_TOPICS:
            self._alive_topics.clear()
        self._alive_topics[topic] = _word(payload) in self._alive_words
        self._say_alive(all(self._alive_topics.values()))

    def _session(self, reader: SparkplugPoints, wrong: str | None) -> None:
        """What a message of a Sparkplug node has changed about being there."""
        if wrong is None:
            return
        if reader.alive is not None:
            self._say_alive(reader.alive)
        if reader.doubt:
            self._tell("device.no_birth", reader.doubt)
            return
        if self._clock.steady_s() > self._ask_at_s + ASK_MOST_S:  # sure for long: the next doubt is a new one
            self._ask_pause_s = ASK_FIRST_S
        self._tell("device.bad_payload", wrong)

    def _say_alive(self, alive: bool) -> None:
        if alive:
            was, self._alive = self._alive, True
            self._sink.heard(self.device.id)
            if was is not True:
                self._told = None
                self._tell("", "")
            return
        if self._alive is False:
            return
        self._alive = False
        reason = "its last will has come"
        for point in self._reader.points:
            point.lose(Quality.BAD_COMM, reason)
        self._sink.gone(self.device.id)
        self._told = None
        self._health(self.device.id, "failing", "device.gone", reason, {"device": self.device.name})
        _log.warning("machine is gone", device=self.device.name)

    def _heard(self) -> None:
        """It speaks: whatever its last will said, it is there."""
        if self._alive is False:
            self._alive = None
            self._alive_topics.clear()
        self._sink.heard(self.device.id)

    async def _attend(self) -> None:
        """While the machine is known to be there its silence means nothing; what is missing is asked for."""
        while True:
            await asyncio.sleep(min(ATTEND_S, max(self.device.offline_after_s, 0.2) / 4))
            if not self._link.connected:
                continue
            if self._alive:
                self._sink.heard(self.device.id)
                self._sink.flush()
            if isinstance(self._reader, SparkplugPoints) and self._reader.doubt:
                self._ask_for_birth(self._reader)

    def _ask_for_birth(self, reader: SparkplugPoints) -> None:
        """Seldom: a node that is not heard must not be kept busy with telling everything."""
        now_s = self._clock.steady_s()
        if now_s < self._ask_at_s:
            return
        self._ask_at_s = now_s + self._ask_pause_s * random.uniform(0.8, 1.2)
        self._ask_pause_s = min(self._ask_pause_s * 2, ASK_MOST_S)
        self._link.publish(Message(reader.address.orders, rebirth(self._clock.wall())))
        _log.info("rebirth asked for", device=self.device.name, reason=reader.doubt)

    # -- health

    def _tell(self, code: str, reason: str) -> None:
        if reason == self._told or self._alive is False:
            return
        self._told = reason
        if reason:
            _log.warning("machine tells nothing of use", device=self.device.name, reason=reason)
        params = {"device": self.device.name, "reason": reason}
        self._health(self.device.id, "ok", code if reason else "", reason, params)

    def _connection(self, connected: bool, reason: str) -> None:
        self._told = None
        self._alive_topics.clear()
        if self._alive or connected:
            self._alive = None
        if not connected:
            address = self._link.broker.address
            params = {"device": self.device.name, "host": address, "reason": reason}
            detail = f"no connection to {address}: {reason}"
            self._health(self.device.id, "failing", "device.no_broker", detail, params)
            return
        self._health(self.device.id, "unknown", "", "", {})
        if isinstance(self._reader, SparkplugPoints):
            self._reader.connected()
            self._sink.flush()
            self._ask_at_s, self._ask_pause_s = 0.0, ASK_FIRST_S
            self._ask_for_birth(self._reader)


def _broker(device: MqttDevice, client_id: str) -> Broker:
    url = urlsplit(device.url)
    tls = url.scheme == "mqtts"
    return Broker(
        host=url.hostname or "",
        port=url.port or (8883 if tls else 1883),
        username=device.username,
        password=device.password,
        tls=tls,
        client_id=client_id,
    )


def _word(payload: bytes) -> str:
    """What a liveness message says: its text, or the text at `state` of its JSON."""
    try:
        document = mqtt_json.parse(payload)
    except mqtt_json.Unreadable:
        return ""
    if isinstance(document, dict):
        document = document.get("state", "")
    return json.dumps(document).casefold() if not isinstance(document, str) else document.strip().casefold()
