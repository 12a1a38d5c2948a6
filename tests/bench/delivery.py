"""`./dev bench delivery`: an alarm event published to a real broker until its ticket is committed and acknowledged.

Beside it in the same run the broker alone: the same payload to another client and its answer back.
"""

from __future__ import annotations

import argparse
import json
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from core.wire import topics
from core.wire.uplink import AlarmRaised, UplinkBatch, UplinkEvent
from tests.bench import _figures as figures
from tests.conftest import wait_for
from tests.faults.test_burst import Plant, listens

EDGE, EPOCH = "edge-1", "0" * 31 + "b"
PASSWORDS = {EDGE: "the-edges-own-password", "hub": "hub-password"}
BATCH, WINDOW = 50, 4  # events in a message, messages on their way


class Client:
    """One login at the broker; keeps when the answers came."""

    def __init__(self, port: int, login: str, listen_to: str, on_message: Callable[[bytes], None]) -> None:
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=login, protocol=paho.MQTTv311)
        self._client.username_pw_set(login, PASSWORDS[login])
        self._client.on_connect = lambda client, *_: _subscribe(client, listen_to)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _c, _d, message: on_message(bytes(message.payload))
        self._client.on_socket_open = _no_delay
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        if not self._ready.wait(20):
            raise SystemExit(f"{login} could not subscribe to {listen_to}")

    def publish(self, topic: str, payload: bytes) -> None:
        """At least once, as edges do."""
        self._client.publish(topic, payload, qos=1)

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()


def _subscribe(client: paho.Client, listen_to: str) -> None:
    client.subscribe(listen_to, 1)


def _no_delay(_client: paho.Client, _data: Any, opened: Any) -> None:
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Sender:
    """Plays an edge: one alarm of a rule of its own after the other, and when each was acknowledged."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self.through = 0
        self._sent_at: dict[int, float] = {}
        self.took_ms: list[float] = []
        self._moved = threading.Condition()
        ack = topics.topic(EDGE, topics.ACK)
        self._client = Client(port, EDGE, ack, self._acknowledged)
        self.close = self._client.close

    def _acknowledged(self, payload: bytes) -> None:
        now = time.perf_counter()
        told = json.loads(payload)
        with self._moved:
            for seq in range(self.through + 1, told["through"] + 1):
                self.took_ms.append((now - self._sent_at.pop(seq)) * 1000)
            self.through = max(self.through, told["through"])
            self._moved.notify_all()

    def send(self, events: int) -> None:
        """One message."""
        payload = batch(self.sent + 1, events)
        now = time.perf_counter()
        for seq in range(self.sent + 1, self.sent + events + 1):
            self._sent_at[seq] = now
        self.sent += events
        self._client.publish(topics.topic(EDGE, topics.UP), payload)

    def wait(self, behind: int = 0) -> None:
        """Until all but `behind` events are acknowledged."""
        with self._moved:
            if not self._moved.wait_for(lambda: self.through >= self.sent - behind, 120):
                raise SystemExit(f"acknowledged only {self.through} of {self.sent}")


def batch(first: int, events: int) -> bytes:
    """A message of so many raises."""
    now = datetime.now(UTC)
    return (
        UplinkBatch(
            edge=EDGE,
            epoch=EPOCH,
            sent_at=now,
            events=[UplinkEvent(seq=first + n, at=now, body=_raise(first + n, now)) for n in range(events)],
        )
        .model_dump_json()
        .encode()
    )


def _raise(seq: int, now: datetime) -> AlarmRaised:
    return AlarmRaised(
        occurrence=f"bench-{seq:010d}", rule=f"bench-{seq}", rule_name="Bearing too hot", asset="A-00001",
        severity="major", value=92.5, limit=85.0, unit="℃", raised_at=now,
    )  # fmt: skip


def main() -> int:
    """Both brokers, one after the other."""
    parser = argparse.ArgumentParser(prog="./dev bench delivery", description=__doc__)
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--drain", type=int, default=5_000)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    found = []
    figures.head()
    for broker in ("mosquitto", "amqtt"):
        with tempfile.TemporaryDirectory() as folder:
            found += _measure(Path(folder), broker, wanted.samples, wanted.drain)
    figures.write(wanted.json, {"rows": found})
    return 0


def _measure(folder: Path, broker: str, samples: int, drain: int) -> list[dict[str, Any]]:
    folder.chmod(0o755)  # Mosquitto gives up root
    plant = Plant(folder, broker)
    try:
        plant.hub.start()
        wait_for(lambda: (folder / "passwords").exists(), 60)
        plant.broker.start()
        wait_for(lambda: listens(plant.mqtt_port), 60)
        wait_for(lambda: "broker connected" in (folder / "hub.log").read_text(), 60)
        alone = _broker_alone(plant.mqtt_port, samples)
        edge = Sender(plant.mqtt_port)
        edge.send(1)
        edge.wait()
        found = [figures.row(f"{broker}: there and back, no hub", alone)]
        found.append(figures.row(f"{broker}: event → ticket, one at a time", _singly(edge, samples)))
        found.append(figures.row(f"{broker}: event → ticket at 100 events/s", _paced(edge, samples * 2)))
        took, per_s = _drained(edge, drain)
        name = f"{broker}: event → ticket, {drain} waiting"
        found.append(figures.row(name, took, drained_per_s=per_s))
        edge.close()
        counts = plant.of_hub("SELECT count(*), count(DISTINCT dedup_key) FROM ticket_row")
        if counts != [(edge.sent, edge.sent)]:
            raise SystemExit(f"{edge.sent} events became {counts[0]} tickets")
        return found
    finally:
        plant.hub.kill()
        plant.broker.kill()


def _broker_alone(port: int, samples: int) -> list[float]:
    """A payload of the same size to another client, which answers at once."""
    came = threading.Event()
    away = topics.topic(EDGE, topics.REPLY)
    back = topics.topic(EDGE, topics.ACK)
    other = Client(port, "hub", away, lambda _payload: other.publish(back, b"{}"))
    edge = Client(port, EDGE, back, lambda _payload: came.set())
    payload = batch(1, 1)

    def there_and_back() -> None:
        came.clear()
        edge.publish(away, payload)
        if not came.wait(10):
            raise SystemExit("the broker lost a message")

    took = figures.timed(there_and_back, samples)
    edge.close()
    other.close()
    return took


def _singly(edge: Sender, samples: int) -> list[float]:
    edge.took_ms.clear()
    for _ in range(samples):
        edge.send(1)
        edge.wait()
    return list(edge.took_ms)


def _paced(edge: Sender, events: int) -> list[float]:
    """One event every 10 ms, whether the one before is through or not."""
    edge.took_ms.clear()
    began = time.perf_counter()
    for n in range(events):
        time.sleep(max(0.0, began + n / 100 - time.perf_counter()))
        edge.send(1)
    edge.wait()
    return list(edge.took_ms)


def _drained(edge: Sender, events: int) -> tuple[list[float], int]:
    """All that waited, in full messages, a window at a time."""
    edge.took_ms.clear()
    began = time.perf_counter()
    for _ in range(0, events, BATCH):
        edge.send(BATCH)
        edge.wait(behind=(WINDOW - 1) * BATCH)
    edge.wait()
    return list(edge.took_ms), round(events / (time.perf_counter() - began))


if __name__ == "__main__":
    raise SystemExit(main())
