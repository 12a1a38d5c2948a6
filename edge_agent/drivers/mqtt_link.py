"""One connection to an MQTT broker for an asyncio program: reconnects with jitter, never loses its thread.

paho does the protocol in its own thread; whatever it reports is handed to the event loop, where an error in
a handler cannot kill the connection. A new client is made for each connection, so that nothing old is sent twice.
While too much waits for the loop paho's thread waits too, so that a flood stays in the broker, not in our memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from core import log

_log = log.get(__name__)
KEEPALIVE_S = 10  # a line that died without a word is noticed within twice that
CONNECT_S = 4.0  # the edge stops within 5 s, whatever a broker does
PAUSE_FIRST_S, PAUSE_MOST_S = 0.5, 15.0
STEADY_S = 10.0  # a connection that lasted this long resets the back-off
MOST_WAITING = 1000  # messages handed to the loop and not yet handled
STUCK_S = 5.0  # a loop that takes none for so long is ending: messages are dropped
_V5, _V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311
_UNSUPPORTED_VERSION = 132
Gone = asyncio.Future[
    str | None
]  # why a connection has ended; None: to be tried again in another version at once


@dataclass(frozen=True)
class Broker:
    """Where and as whom to connect."""

    host: str
    port: int
    username: str = ""
    password: str = ""
    tls: bool = False
    client_id: str = ""
    ca_pem: str = ""  # the only authority trusted; empty: those of this computer

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Message:
    """One publication that came or goes."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


class MqttLink:
    """Stays connected while its `run` task lives. All callbacks come in the event loop."""

    def __init__(
        self,
        broker: Broker,
        subscribe: Sequence[tuple[str, int]],
        on_message: Callable[[str, bytes, bool], None],
        on_state: Callable[[bool, str], None],
        will: Callable[[], Message | None] = lambda: None,
        newest: bool = False,
    ) -> None:
        """`newest`: speak MQTT 5 if the broker does, else 3.1.1.

        `on_message` gets (topic, payload, retained): retained is what the broker had kept, of unknown age.

        `on_state` gets (connected, reason), also for each vain attempt; `will` is asked before each connection.
        """
        self.broker = broker
        self._subscribe = list(subscribe)
        self._on_message, self._on_state, self._will = on_message, on_state, will
        self._client: paho.Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._version = _V5 if newest else _V311
        self._newest = newest
        self._room = threading.BoundedSemaphore(MOST_WAITING)
        self.connected = False

    @property
    def version(self) -> str:
        """The version of MQTT that is spoken, or will be tried next."""
        return "5" if self._version is _V5 else "3.1.1"

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        self._loop = asyncio.get_running_loop()
        # Threads of its own: a broker that hangs must not hold up the others.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="mqtt")
        try:
            await self._stay(self._loop)
        finally:
            self._threads.shutdown(wait=False)

    async def _stay(self, loop: asyncio.AbstractEventLoop) -> None:
        pause_s = PAUSE_FIRST_S
        last_reason = ""
        while True:
            began_s = loop.time()
            reason = await self._one_connection()
            if reason is None:
                continue
            self._on_state(False, reason)
            if loop.time() - began_s > STEADY_S:
                pause_s, last_reason = PAUSE_FIRST_S, ""
            if reason != last_reason:  # said once, not at each attempt
                _log.warning("no broker connection", broker=self.broker.address, reason=reason)
                last_reason = reason
            await asyncio.sleep(random.uniform(0, pause_s))
            pause_s = min(pause_s * 2, PAUSE_MOST_S)

    def publish(self, message: Message) -> bool:
        """Hand over a message if connected. True is no promise that it arrived."""
        if self._client is None or not self.connected:
            return False
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain)
        return info.rc == paho.MQTT_ERR_SUCCESS

    async def say_goodbye(self, message: Message) -> None:
        """Publish a last message and wait a moment until it has left."""
        if self._client is None or not self.connected:
            return
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain)
        with contextlib.suppress(RuntimeError, ValueError):  # connection gone meanwhile
            await asyncio.get_running_loop().run_in_executor(None, info.wait_for_publish, 2.0)

    async def _one_connection(self) -> str | None:
        """Connect and stay until the connection is gone; why it is gone (see `Gone`)."""
        assert self._loop is not None
        gone: Gone = self._loop.create_future()
        client = self._make_client(gone)
        try:
            await self._loop.run_in_executor(
                self._threads, client.connect, self.broker.host, self.broker.port, KEEPALIVE_S
            )
            client.loop_start()
            return await gone
        except (OSError, ValueError, ssl.SSLError) as error:
            return str(error) or type(error).__name__
        finally:
            self.connected, self._client = False, None
            client.disconnect()
            await asyncio.shield(self._loop.run_in_executor(self._threads, _end, client))

    def _make_client(self, gone: Gone) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.broker.client_id,
            clean_session=True if self._version is _V311 else None,
            protocol=self._version,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(1000)  # the window is ours, not paho's
        if self.broker.username:
            client.username_pw_set(self.broker.username, self.broker.password)
        if self.broker.tls:
            client.tls_set_context(ssl.create_default_context(cadata=self.broker.ca_pem or None))
        will = self._will()
        if will is not None:
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        self._hear(client, gone)
        return client

    def _hear(self, client: paho.Client, gone: Gone) -> None:
        """Send what paho reports, from its thread, into the loop."""
        answered = threading.Event()

        def on_socket_open(_client: paho.Client, _data: Any, sock: Any) -> None:
            with contextlib.suppress(OSError, AttributeError):  # without it everything still works, slower
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def on_connect(_client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _props: Any) -> None:
            if not code.is_failure:
                answered.set()
                self._ask(client, gone)
            elif self._version is _V5 and code.value == _UNSUPPORTED_VERSION:
                self._to_loop(self._other_version, gone)
            else:
                self._to_loop(self._over, gone, f"the broker refuses: {code}")

        def on_subscribe(
            _client: paho.Client, _data: Any, _mid: int, codes: list[ReasonCode], _props: Any
        ) -> None:
            if any(code.is_failure for code in codes):
                self._to_loop(self._over, gone, "the broker does not allow the subscription")
            else:
                self._to_loop(self._up, gone, client)

        def on_disconnect(
            _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _props: Any
        ) -> None:
            self._to_loop(self._lost, gone, answered.is_set(), f"connection lost: {code}")

        def on_message(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
            try:
                topic = message.topic
            except UnicodeDecodeError:  # a topic that is no text is none of ours
                return
            if self._room.acquire(timeout=STUCK_S):
                self._to_loop(self._deliver, topic, bytes(message.payload), message.retain)

        client.on_socket_open = on_socket_open
        client.on_connect = on_connect
        client.on_subscribe = on_subscribe
        client.on_disconnect = on_disconnect
        client.on_message = on_message

    def _ask(self, client: paho.Client, gone: Gone) -> None:
        """Subscribe, in paho's thread."""
        if not self._subscribe:
            self._to_loop(self._up, gone, client)
            return
        wanted: list[Any] = list(self._subscribe)
        if self._version is _V5:
            wanted = [(topic, SubscribeOptions(qos)) for topic, qos in wanted]
        try:
            client.subscribe(wanted)
        except ValueError as error:  # of a filter that is none: it would end paho's thread without a word
            self._to_loop(self._over, gone, str(error))

    def _up(self, gone: Gone, client: paho.Client) -> None:
        if not gone.done():
            self._client, self.connected = client, True
            self._on_state(True, "")

    def _lost(self, gone: Gone, answered: bool, reason: str) -> None:
        if gone.done():
            return
        if self._newest and not answered:  # old brokers hang up on a version that they do not know
            if self._version is _V5:
                self._other_version(gone)
                return
            self._version = _V5
        self._over(gone, reason)

    def _other_version(self, gone: Gone) -> None:
        if not gone.done():
            self._version = _V311
            gone.set_result(None)

    @staticmethod
    def _over(gone: Gone, reason: str) -> None:
        if not gone.done():
            gone.set_result(reason)

    def _deliver(self, topic: str, payload: bytes, retained: bool) -> None:
        try:
            self._on_message(topic, payload, retained)
        except Exception:  # noqa: BLE001 - the door for what others send: one bad message must not stop the next
            _log.exception("message could not be handled", topic=topic, bytes=len(payload))
        finally:
            self._room.release()

    def _to_loop(self, call: Callable[..., None], *args: object) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is there to be told
            self._loop.call_soon_threadsafe(call, *args)


def _end(client: paho.Client) -> None:
    """Stop paho's thread; one that was refused may leave its socket open."""
    client.loop_stop()
    sock = client.socket()
    if sock is not None:
        sock.close()
