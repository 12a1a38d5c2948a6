"""The hub's MQTT client: takes what edges send to the services, carries acknowledgements and configurations back.

One thread talks to the broker, another works; an acknowledgement is published after the commit, never before.
"""

from __future__ import annotations

import queue
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from pydantic import ValidationError

from core import log
from core.errors import AppError, NotFound, OutsideError
from core.services import dead_letters, edge_commands, edge_watch, ingest, journal, restores
from core.wire import topics
from core.wire.edge_commands import EdgeCommand, EdgeReply
from core.wire.uplink import EdgeStatus, Telemetry, UplinkAck

logger = log.get("hub.mqtt")

KEEPALIVE_S = 10  # a line that died without a word is noticed within twice that
MOST_WAITING = 5_000  # messages between broker and database; edges send again what is dropped here
MOST_TOGETHER = 50  # messages of events of one edge
MOST_TELEMETRY_WAITING = 500  # telemetry is shed first
RECONNECT_MOST_S = 10.0
TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is, and the hub's login there."""

    host: str
    port: int
    username: str
    password: str
    tls: bool = False
    ca_file: Path | None = None
    shared_group: str = ""  # several hubs under one name take turns at the edges' events

    @classmethod
    def of_url(
        cls, url: str, username: str, password: str, ca_file: Path | None = None, shared_group: str = ""
    ) -> Address:
        """`mqtt://host:port` or `mqtts://host:port`. AppError `settings.bad_value`."""
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise AppError(
                "settings.bad_value",
                "broker.url must look like mqtt://host:port",
                {"broker.url": "url"},
                key="broker.url",
                reason="mqtt://host:port",
                file="",
            )
        tls = parts.scheme == "mqtts"
        port = parts.port or (8883 if tls else 1883)
        return cls(parts.hostname, port, username, password, tls, ca_file, shared_group)


def clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


class HubMqtt:
    """`run` keeps the connection, `work` empties the queue; each for a thread of its own."""

    def __init__(
        self,
        address: Address,
        on_change: Callable[[], object] | None = None,
        now: Callable[[], datetime] = clock,
    ) -> None:
        """`on_change` is called, in the working thread, at the start and after changes to anything."""
        self._address = address
        self._on_change = on_change
        self._now = now
        self._waiting: queue.Queue[tuple[str, bytes, datetime]] = queue.Queue(MOST_WAITING)
        self._published: dict[str, int] = {}  # configuration version per edge at this broker
        self._look_at_configs = threading.Event()
        self._changed = threading.Event()
        self._changed.set()
        self._set_aside: tuple[str, bytes, datetime] | None = None  # taken from the queue, not yet looked at
        self._dropped = 0
        self._client = self._make_client()

    def _make_client(self) -> paho.Client:
        # A random id: somebody else's connection under a known one would push the hub off the broker.
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"hub-{secrets.token_hex(8)}",
            clean_session=True,
            protocol=paho.MQTTv311,
            reconnect_on_failure=False,
        )
        client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls:
            client.tls_set(ca_certs=str(self._address.ca_file) if self._address.ca_file else None)
        client.max_queued_messages_set(1000)
        client.max_inflight_messages_set(200)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_socket_open = _no_delay
        return client

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return bool(self._client.is_connected())

    # ------------------------------------------------------------ the broker's side

    def run(self, stop: threading.Event) -> None:
        """Connect, and again with growing, jittered pauses when the broker has gone, until `stop` is set."""
        silence = edge_commands.use(self.order)
        try:
            self._run(stop)
        finally:
            silence()

    def _run(self, stop: threading.Event) -> None:
        pause_s = 0.2
        said = ""
        while not stop.is_set():
            began = time.monotonic()
            try:
                self._client.connect(self._address.host, self._address.port, KEEPALIVE_S)
                while not stop.is_set() and self._client.loop(timeout=0.5) == MQTTErrorCode.MQTT_ERR_SUCCESS:
                    continue
                reason = "connection lost"
            except (OSError, ValueError) as error:
                reason = str(error)
            except Exception:  # whatever a broker sends, the hub comes back to it
                logger.exception("the MQTT client failed")
                reason = "failure"
            if stop.is_set():
                break
            if time.monotonic() - began > 30:
                pause_s = 0.2
            if reason != said:
                logger.warning("broker away", host=self._address.host, port=self._address.port, reason=reason)
                said = reason
            stop.wait(random.uniform(0, pause_s))
            pause_s = min(pause_s * 2, RECONNECT_MOST_S)
        self._client.disconnect()
        self._client.loop(timeout=0.1)

    def order(self, edge_id: str, command: EdgeCommand) -> bool:
        """Publish an order, not retained; False when the broker is away. For any thread."""
        if not self.connected:
            return False
        body = command.model_dump_json().encode()
        sent = self._client.publish(topics.topic(edge_id, topics.CMD), body, qos=1)
        return sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            logger.error("the broker refuses the hub's login", reason=str(reason))
            return
        logger.info("broker connected", host=self._address.host, port=self._address.port)
        group = self._address.shared_group
        wanted = [
            # Only events are shared: what is retained, and what is kept in memory, each hub has to hear itself.
            (
                topics.shared(group if channel == topics.UP else "", topics.every_edge(channel)),
                0 if channel == topics.TELEMETRY else 1,
            )
            for channel in topics.FROM_EDGE
        ]
        client.subscribe([*wanted, (topics.third_party("+"), 1)])
        self._published.clear()  # a broker that was started anew has forgotten what it held
        self._look_at_configs.set()

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        logger.info("broker disconnected", reason=str(reason))

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            if message.topic.endswith("/" + topics.REPLY):
                _answer(message.topic, bytes(message.payload))
            else:
                self._queue(message.topic, bytes(message.payload))
        except Exception:  # an exception here would end paho's loop without a word
            logger.exception("a message was dropped")

    def _queue(self, topic: str, payload: bytes) -> None:
        if topic.endswith("/" + topics.TELEMETRY) and self._waiting.qsize() > MOST_TELEMETRY_WAITING:
            return
        try:
            self._waiting.put_nowait((topic, payload, self._now()))
        except queue.Full:
            self._dropped += 1
            if self._dropped % 1000 == 1:
                logger.warning("too much at once, edges will send again", dropped=self._dropped)

    # ------------------------------------------------------------ the database's side

    def work(self, stop: threading.Event) -> None:
        """Take in what has come, in order, until `stop` is set."""
        unlisten = journal.listen(self._wake)
        next_tick_s = 0.0
        try:
            while not stop.is_set():
                topic, messages = self._next()
                try:
                    if messages:
                        self._handle(topic, messages)
                    if time.monotonic() >= next_tick_s or (not topic and self._look_at_configs.is_set()):
                        self._tick()
                        next_tick_s = time.monotonic() + TICK_S
                except OutsideError as error:  # no acknowledgement: it will be sent again
                    logger.warning("cannot take in now", reason=error.detail)
                except Exception:  # top of the loop: the next message may be better
                    logger.exception("a message could not be taken in", topic=topic)
        finally:
            unlisten()

    def _next(self) -> tuple[str, list[tuple[bytes, datetime]]]:
        """The next message, with those of the same edge's events that wait right behind it; none for a while."""
        try:
            topic, payload, received_at = self._set_aside or self._waiting.get(timeout=0.1)
        except queue.Empty:
            return "", []
        self._set_aside = None
        messages = [(payload, received_at)]
        while topic.endswith("/" + topics.UP) and len(messages) < MOST_TOGETHER:
            try:
                self._set_aside = other = self._waiting.get_nowait()
            except queue.Empty:
                break
            if other[0] != topic:
                break
            messages.append(other[1:])
            self._set_aside = None
        return topic, messages

    def _wake(self) -> None:
        self._look_at_configs.set()
        self._changed.set()

    def _handle(self, topic: str, messages: list[tuple[bytes, datetime]]) -> None:
        payload, received_at = messages[0]  # events alone come several at a time
        found = topics.edge_of(topic)
        if found is None:
            source = topic.split("/")[3] if topic.count("/") == 4 else ""
            ingest.third_party_payload(source, payload, now=received_at)
            return
        edge_id, channel = found
        try:
            if channel == topics.UP:
                for ack in ingest.accept_payloads(edge_id, messages):
                    self._acknowledge(edge_id, ack)
            elif channel == topics.STATUS and payload:
                told = EdgeStatus.model_validate_json(payload)
                _own(edge_id, told, ingest.status, received_at)
                self._tell_standing(told)
            elif channel == topics.TELEMETRY:
                _own(edge_id, Telemetry.model_validate_json(payload), ingest.telemetry, received_at)
        except ValidationError as error:
            dead_letters.keep(edge_id, "uplink.schema", dead_letters.told(error), payload, now=received_at)
        except NotFound as error:
            logger.warning("message of an edge that the hub does not know", edge=edge_id, reason=error.detail)

    def _tell_standing(self, told: EdgeStatus) -> None:
        standing = restores.standing(told.edge, told.epoch) if told.online and told.epoch else None
        if standing is not None:
            self._acknowledge(told.edge, standing)

    def _acknowledge(self, edge_id: str, ack: UplinkAck) -> None:
        if self.connected:  # else the edge asks again once both are back
            told = ack.model_copy(update={"at": self._now()})
            self._client.publish(topics.topic(edge_id, topics.ACK), told.model_dump_json().encode(), qos=1)

    def _tick(self) -> None:
        if self._address.shared_group:  # what another hub wrote wakes nobody here
            self._wake()
        for edge_id, ack in ingest.asked_again(self._now()):
            self._acknowledge(edge_id, ack)
        if self._changed.is_set() and self._on_change is not None:
            self._changed.clear()
            self._on_change()
        if self._look_at_configs.is_set() and self.connected:
            self._look_at_configs.clear()
            for edge_id, version, body in edge_watch.configs(self._published):
                # Retained: an edge that is away finds it when it comes back. Empty takes it off the broker.
                self._client.publish(topics.topic(edge_id, topics.CONFIG), body, qos=1, retain=True)
                self._published[edge_id] = version


def _answer(topic: str, payload: bytes) -> None:
    """Give an edge's answer to whoever waits for it: at once, not behind the events that wait for the database."""
    found = topics.edge_of(topic)
    try:
        reply = EdgeReply.model_validate_json(payload)
    except ValidationError as error:
        logger.warning("an edge's answer is not understood", topic=topic, reason=dead_letters.told(error))
        return
    if found is not None and not edge_commands.answered(found[0], reply):
        logger.debug("nobody waits for this answer", edge=found[0], id=reply.id)


def _own(edge_id: str, told: Any, service: Callable[..., None], now: datetime) -> None:
    if told.edge != edge_id:
        raise NotFound("edge.unknown", f"{edge_id} speaks as {told.edge}", edge_id=told.edge)
    service(told, now=now)


def _no_delay(_client: paho.Client, _data: Any, opened: Any) -> None:
    # paho leaves Nagle's algorithm on: 40 ms more for each acknowledgement.
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
