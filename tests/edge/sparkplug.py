"""A Sparkplug B node for the tests, made after the public specification: births, data by alias, deaths, rebirth."""

from __future__ import annotations

import socket
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.drivers import sparkplug_payload


def metric(name: str, value: object, alias: int | None = None, **more: Any) -> dict[str, Any]:
    """A metric as the specification writes it: Double, Boolean, Int32 or String, null for None."""
    made: dict[str, Any] = {"name": name} if name else {}
    if alias is not None:
        made["alias"] = alias
    if value is None:
        made |= {"datatype": 10, "is_null": True}
    elif isinstance(value, bool):
        made |= {"datatype": 11, "boolean_value": value}
    elif isinstance(value, int):
        made |= {"datatype": 3, "int_value": value & 0xFFFFFFFF}
    elif isinstance(value, float):
        made |= {"datatype": 10, "double_value": value}
    else:
        made |= {"datatype": 12, "string_value": str(value)}
    return made | more


class NodeMessages:
    """What a node says, message by message: (topic, payload). Knows its values and its sequence numbers."""

    def __init__(self, group: str = "G", node: str = "N") -> None:
        self.group, self.node = group, node
        self.values: dict[str, dict[str, object]] = {"": {}}
        self.bd_seq, self.seq = 0, 255
        self._aliases: dict[tuple[str, str], int] = {}

    def topic(self, kind: str, device: str = "") -> str:
        return f"spBv1.0/{self.group}/{kind}/{self.node}" + (f"/{device}" if device else "")

    def _next(self) -> int:
        self.seq = (self.seq + 1) % 256
        return self.seq

    def _alias(self, device: str, name: str) -> int:
        return self._aliases.setdefault((device, name), len(self._aliases) + 1)

    def renumber(self, first: int) -> None:
        """Give all metrics other aliases at the next birth."""
        keys = [(device, name) for device, values in self.values.items() for name in values]
        self._aliases = {key: first + index for index, key in enumerate(reversed(keys))}

    def births(self) -> list[tuple[str, bytes]]:
        self.seq = 255
        made = []
        for device, values in self.values.items():
            metrics = [metric(name, value, self._alias(device, name)) for name, value in values.items()]
            if not device:
                metrics.append({"name": "bdSeq", "datatype": 4, "long_value": self.bd_seq})
            kind = "DBIRTH" if device else "NBIRTH"
            made.append((self.topic(kind, device), sparkplug_payload.encode(metrics, seq=self._next())))
        return made

    def data(self, name: str, value: object, device: str = "", **more: Any) -> tuple[str, bytes]:
        self.values[device][name] = value
        made = metric("", value, self._alias(device, name), **more)
        kind = "DDATA" if device else "NDATA"
        return self.topic(kind, device), sparkplug_payload.encode([made], seq=self._next())

    def death(self) -> tuple[str, bytes]:
        payload = sparkplug_payload.encode([{"name": "bdSeq", "datatype": 4, "long_value": self.bd_seq}])
        return self.topic("NDEATH"), payload

    def device_death(self, device: str) -> tuple[str, bytes]:
        return self.topic("DDEATH", device), sparkplug_payload.encode([], seq=self._next())


class SparkplugMachine(NodeMessages):
    """The node at a broker: dies by its last will, is born again when asked."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port
        self.asked = 0
        self.obeys = True
        self.client: paho.Client | None = None

    def start(self) -> None:
        self.bd_seq += 1
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="node", reconnect_on_failure=False)
        self.client = client
        topic, payload = self.death()
        client.will_set(topic, payload, 1)
        client.on_connect = lambda *_: client.subscribe(self.topic("NCMD"), 1)
        client.on_subscribe = lambda *_: self.be_born()
        client.on_message = lambda _client, _data, message: self._ordered(message)
        client.connect("127.0.0.1", self.port)
        client.loop_start()

    def be_born(self) -> None:
        for topic, payload in self.births():
            self.send(topic, payload)

    def say(self, name: str, value: object, device: str = "", **more: Any) -> None:
        self.send(*self.data(name, value, device, **more))

    def send(self, topic: str, payload: bytes) -> None:
        assert self.client is not None
        self.client.publish(topic, payload, 0)

    def _ordered(self, message: paho.MQTTMessage) -> None:
        if message.topic != self.topic("NCMD"):  # amqtt gives a client that comes back what others retain
            return
        (order,) = sparkplug_payload.decode(message.payload).metrics
        assert (order.name, order.value(11)) == ("Node Control/Rebirth", True)
        self.asked += 1
        if self.obeys:
            self.be_born()

    def break_off(self) -> None:
        """The connection is cut: the broker sends the last will."""
        assert self.client is not None
        client, self.client = self.client, None
        client.on_connect = client.on_message = None
        sock = client.socket()
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)  # without a goodbye
        client.loop_stop()
