"""`./dev bench delivery`: an alarm event published to a real broker until its ticket is committed and acknowledged.

Hub, broker and edge are the real programs; each raise is of a rule of its own, so that each makes a ticket that is
dispatched. Beside it in the same run the broker alone, and a prototype that writes a row and acknowledges.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
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
from edge_agent.outbox import Batch as OutboxBatch
from edge_agent.outbox import Outbox
from tests.bench import _edge_others as others
from tests.bench import _figures as figures
from tests.conftest import wait_for
from tests.faults.test_burst import Plant, listens

EDGE, EPOCH = "edge-1", "0" * 31 + "b"
PASSWORDS = {EDGE: "the-edges-own-password", "hub": "hub-password"}
BROKERS = ("mosquitto", "amqtt")
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

    def __init__(self, port: int, epoch: str = EPOCH) -> None:
        self.sent = 0
        self._epoch = epoch
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

    def send(self, events: int, payload: bytes | None = None) -> None:
        """One message."""
        payload = payload or batch(self.sent + 1, events, self._epoch)
        now = time.perf_counter()
        for seq in range(self.sent + 1, self.sent + events + 1):
            self._sent_at[seq] = now
        self.sent += events
        self._client.publish(topics.topic(EDGE, topics.UP), payload)

    def batch(self, ahead: int, events: int) -> bytes:
        """The message after `ahead` more events."""
        return batch(self.sent + ahead + 1, events, self._epoch)

    def wait(self, behind: int = 0) -> None:
        """Until all but `behind` events are acknowledged."""
        with self._moved:
            if not self._moved.wait_for(lambda: self.through >= self.sent - behind, 120):
                raise SystemExit(f"acknowledged only {self.through} of {self.sent}")


def batch(first: int, events: int, epoch: str = EPOCH) -> bytes:
    """A message of so many raises."""
    now = datetime.now(UTC)
    return (
        UplinkBatch(
            edge=EDGE,
            epoch=epoch,
            sent_at=now,
            events=[UplinkEvent(seq=first + n, at=now, body=_raise(first + n, now)) for n in range(events)],
        )
        .model_dump_json()
        .encode()
    )


def _raise(seq: int, now: datetime, kind: str = "bench") -> AlarmRaised:
    return AlarmRaised(
        occurrence=f"{kind}-{seq:010d}", rule=f"{kind}-{seq}", rule_name="Bearing too hot", asset="A-00001",
        severity="major", value=92.5, limit=85.0, unit="℃", raised_at=now,
    )  # fmt: skip


def main() -> int:
    """Both brokers, one after the other."""
    parser = argparse.ArgumentParser(prog="./dev bench delivery", description=__doc__)
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--drain", type=int, default=10_000)
    parser.add_argument("--broker", choices=BROKERS, nargs="*", default=BROKERS)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    found = []
    figures.head()
    for broker in wanted.broker:
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
        found = [figures.row(f"{broker}: there and back, no hub", _broker_alone(plant.mqtt_port, samples))]
        edge = Sender(plant.mqtt_port)
        edge.send(1)
        edge.wait()
        found.append(figures.row(f"{broker}: event → ticket, one at a time", _singly(edge, samples)))
        found.append(figures.row(f"{broker}: event → ticket at 100 events/s", _paced(edge, samples * 2)))
        before_s = _cpu_s(plant)
        took, ours_per_s = _drained(edge, drain)
        hub_cpu_ms = round((_cpu_s(plant) - before_s) * 1000 / drain, 3)
        name = f"{broker}: event → ticket, {drain} waiting"
        found.append(figures.row(name, took, drained_per_s=ours_per_s, hub_cpu_ms_per_event=hub_cpu_ms))
        edge.close()
        _check_tickets(plant, edge.sent)
        found.append(_outbox_drained(plant, broker, drain, edge.sent))
        plant.hub.kill()
        found += _prototype(plant, broker, samples, drain, ours_per_s)
        return found
    finally:
        plant.edge.kill()
        plant.hub.kill()
        plant.broker.kill()


def _cpu_s(plant: Plant) -> float:
    """Processor time that the hub's process has used, with all its jobs."""
    process = plant.hub._process
    return 0.0 if process is None else others.cpu_s(process.pid)


def _check_tickets(plant: Plant, events: int) -> None:
    counts = plant.of_hub("SELECT count(*), count(DISTINCT dedup_key) FROM ticket_row WHERE source = 'alarm'")
    if counts != [(events, events)]:
        raise SystemExit(f"{events} events became {counts[0]} tickets")


def _outbox_drained(plant: Plant, broker: str, events: int, before: int) -> dict[str, Any]:
    """A real edge that has gathered raises while it was away, from its start; timed from the first to the last."""
    now = datetime.now(UTC)
    outbox = Outbox(plant.folder / "edge" / "outbox.db", EDGE, now)
    outbox.commit([OutboxBatch([_raise(before + n, now, "outbox") for n in range(1, events + 1)])], now)
    wanted, epoch = outbox.last_seq, outbox.epoch
    outbox.close()
    plant.device.start()
    plant.edge.start()
    seen: list[tuple[float, int]] = []

    def drained() -> bool:
        rows = plant.of_hub(f"SELECT through FROM epoch_row WHERE epoch = '{epoch}'")
        if rows and rows[0][0] > (seen[-1][1] if seen else 0):
            seen.append((time.perf_counter(), rows[0][0]))
        return bool(seen) and seen[-1][1] >= wanted

    wait_for(drained, 300)
    plant.edge.kill()
    plant.device.stop()
    (began, first), (ended, last) = seen[0], seen[-1]
    _check_tickets(plant, before + events)
    per_s = round((last - first) / (ended - began)) if ended > began else 0
    took = [(ended - began) * 1000]
    return figures.row(f"{broker}: outbox of a real edge, {events} waiting", took, drained_per_s=per_s)


def _prototype(plant: Plant, broker: str, samples: int, drain: int, ours_per_s: int) -> list[dict[str, Any]]:
    """The same messages to a program that only writes a row for each event."""
    command = [sys.executable, "-m", "tests.bench._delivery_prototype"]
    with subprocess.Popen(
        [*command, str(plant.mqtt_port), str(plant.folder / "prototype.db")],
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        program.stdout.readline()
        edge = Sender(plant.mqtt_port, "0" * 31 + "f")
        edge.send(1)
        edge.wait()
        found = [figures.row(f"{broker}: prototype, one at a time", _singly(edge, samples))]
        took, per_s = _drained(edge, drain)
        ratio = round(per_s / ours_per_s, 1)
        name = f"{broker}: prototype, {drain} waiting"
        found.append(figures.row(name, took, drained_per_s=per_s, x_ours=ratio))
        edge.close()
        program.kill()
    return found


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
    payloads = [edge.batch(at, BATCH) for at in range(0, events, BATCH)]
    began = time.perf_counter()
    for payload in payloads:
        edge.send(BATCH, payload)
        edge.wait(behind=(WINDOW - 1) * BATCH)
    edge.wait()
    return list(edge.took_ms), round(events / (time.perf_counter() - began))


if __name__ == "__main__":
    raise SystemExit(main())
