"""Real parts for the edge's tests: a broker, a hub that only acknowledges, an edge in a thread or a process."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import uvloop
from paho.mqtt.enums import CallbackAPIVersion

from core.settings import EdgeSettings
from core.wire import topics
from core.wire.edge_config import EdgeConfig
from core.wire.uplink import DeviceHealth, EdgeJoined, EdgeStatus, UplinkAck, UplinkBatch
from edge_agent.agent import Agent
from tests.conftest import wait_for

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
AMQTT = """
import asyncio, logging, sys
from amqtt.broker import Broker
async def serve():
    broker = Broker({
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{sys.argv[1]}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    })
    await broker.start()
    await asyncio.Event().wait()
logging.disable()
asyncio.run(serve())
"""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class BrokerProcess:
    """Mosquitto or amqtt in a process of its own, without persistence."""

    def __init__(self, kind: str, folder: Path, port: int | None = None) -> None:
        self.kind, self.folder, self.port = kind, folder, port or free_port()
        self.more = ""  # for Mosquitto's listener
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self.kind == "mosquitto":
            file = self.folder / f"mosquitto-{self.port}.conf"
            file.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n{self.more}")
            command = [MOSQUITTO, "-c", str(file)]
        else:
            command = [sys.executable, "-c", AMQTT, str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: listens(self.port), 15)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def broker(kind: str, folder: Path) -> Iterator[BrokerProcess]:
    process = BrokerProcess(kind, folder)
    process.start()
    try:
        yield process
    finally:
        process.kill()


class StandInHub:
    """An MQTT client that keeps events by (epoch, seq) and acknowledges what is contiguous, as the hub does."""

    def __init__(self, port: int, edge: str, hub_epoch: str = "hub-one") -> None:
        self.edge, self.hub_epoch = edge, hub_epoch
        self.events: dict[tuple[str, int], dict[str, Any]] = {}
        self.differing: list[tuple[str, int]] = []
        self.batches: list[UplinkBatch] = []
        self.telemetry: list[dict[str, Any]] = []
        self.replies: list[dict[str, Any]] = []
        self.status: EdgeStatus | None = None
        self.acknowledge = True
        self._orders = itertools.count(1)
        self.ahead_s: float | None = None  # of this hub's clock, told with each acknowledgement
        self.lock = threading.Lock()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="hub")
        self.client.on_message = self._message
        self.client.on_connect = lambda client, *_: client.subscribe(
            [(topics.topic(edge, channel), 1) for channel in topics.FROM_EDGE]
        )
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def push(self, config: EdgeConfig | bytes) -> None:
        payload = config if isinstance(config, bytes) else config.model_dump_json().encode()
        self.client.publish(topics.topic(self.edge, topics.CONFIG), payload, 1, retain=True)

    def command(self, name: str) -> None:
        self.client.publish(topics.topic(self.edge, topics.CMD), json.dumps({"id": "c1", "name": name}), 1)

    def order(self, name: str, **fields: Any) -> dict[str, Any]:
        """Give an order and wait for its answer."""
        id_ = fields.pop("id", None) or f"order-{next(self._orders)}"
        payload = json.dumps({"id": id_, "name": name, **fields})
        self.client.publish(topics.topic(self.edge, topics.CMD), payload, 1)
        return wait_for(lambda: next((reply for reply in self.replies if reply["id"] == id_), None))

    def through(self, epoch: str) -> int:
        last = 0
        while (epoch, last + 1) in self.events:
            last += 1
        return last

    def take(self, batch: UplinkBatch) -> UplinkAck:
        with self.lock:
            for event in batch.events:
                key, body = (batch.epoch, event.seq), event.model_dump(mode="json")
                if self.events.setdefault(key, body) != body:
                    self.differing.append(key)
            return UplinkAck(epoch=batch.epoch, through=self.through(batch.epoch), hub_epoch=self.hub_epoch)

    def send(self, ack: UplinkAck) -> None:
        if self.ahead_s is not None:
            ack = ack.model_copy(update={"at": datetime.now(UTC) + timedelta(seconds=self.ahead_s)})
        self.client.publish(topics.topic(self.edge, topics.ACK), ack.model_dump_json(), 1)

    def _message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        _edge, channel = topics.edge_of(message.topic) or ("", "")
        if channel == topics.UP:
            batch = UplinkBatch.model_validate_json(message.payload)
            self.batches.append(batch)
            if self.acknowledge:
                self.send(self.take(batch))
        elif channel == topics.STATUS:
            self.status = EdgeStatus.model_validate_json(message.payload)
        elif channel == topics.TELEMETRY:
            self.telemetry.append(json.loads(message.payload))
        elif channel == topics.REPLY:
            self.replies.append(json.loads(message.payload))

    @property
    def health(self) -> DeviceHealth | None:
        """What the edge says of its first device."""
        status = self.status
        return status.devices[0] if status is not None and status.devices else None

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        with self.lock:
            return [
                event["body"] for _key, event in sorted(self.events.items()) if event["body"]["kind"] == kind
            ]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def login(edge: str, mqtt_port: int, http_url: str = "http://127.0.0.1:9") -> EdgeJoined:
    return EdgeJoined(
        edge=edge, name=edge, mqtt_host="127.0.0.1", mqtt_port=mqtt_port, password="secret", http_url=http_url
    )


class EdgeThread:
    """An agent in a thread of this process."""

    def __init__(
        self, folder: Path, joined: EdgeJoined | None, fixed: EdgeConfig | None = None, **settings: Any
    ) -> None:
        away_s = settings.pop("broker_away_s", 15.0)
        self.agent = Agent(EdgeSettings(data_dir=folder, **settings), joined, fixed, broker_away_s=away_s)
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        async def work() -> None:
            self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
            await self.agent.run(self.stop)

        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(work())
        except BaseException as failure:  # shown by `close`
            self.failure = failure
            raise

    def start(self) -> EdgeThread:
        self._thread.start()
        wait_for(lambda: hasattr(self, "stop") or self.failure)
        return self

    def close(self) -> None:
        if hasattr(self, "stop") and self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.stop.set)
        self._thread.join(15)
        assert not self._thread.is_alive(), "the edge did not stop"
        assert self.failure is None, self.failure


@contextmanager
def edge(
    folder: Path, joined: EdgeJoined | None, fixed: EdgeConfig | None = None, **settings: Any
) -> Iterator[EdgeThread]:
    thread = EdgeThread(folder, joined, fixed, **settings).start()
    try:
        yield thread
    finally:
        thread.close()


class EdgeProcess:
    """`fettle edge run` in a process that can be killed."""

    def __init__(self, folder: Path, joined: EdgeJoined | None = None, *arguments: str) -> None:
        self.folder, self.arguments = folder, arguments
        folder.mkdir(parents=True, exist_ok=True)
        if joined is not None:
            (folder / "login.json").write_text(joined.model_dump_json())
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = os.environ | {"FETTLE_EDGE__DATA_DIR": str(self.folder)}
        self.log = (self.folder / "log.txt").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "core.cli", "edge", "run", *self.arguments],
            env=environment,
            stderr=self.log,
        )

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.log.close()
            self.process = None

    def terminate(self) -> int:
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(15)
        self.log.close()
        self.process = None
        return code
