"""The embedded MQTT broker: for the hub itself, and alone as `fettle broker`. Nobody is let in without a login.

It is disposable: what it holds in memory is never relied on, edges keep what the hub has not acknowledged.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Protocol

from amqtt.broker import Broker
from amqtt.contexts import Action, BrokerConfig, ListenerConfig
from amqtt.errors import BrokerError, MQTTError
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler

from core import log
from core.errors import AppError, FettleError
from core.hub.broker_logins import FileLogins
from core.i18n import _, explain, from_environment, use

logger = log.get("hub.broker")
START_S = 10.0
CONNECT_S = 10.0  # a connection that does not say who it is ends
LOOK_AGAIN_S = 10.0  # how long a connection may outlive its login


class Logins(Protocol):
    """Who may come in, and what they may do there."""

    def check(self, username: str, password: str) -> bool:
        """Whether this is their password; may take a while, and is called in a thread of its own."""

    def may(self, username: str, topic: str, publish: bool) -> bool:
        """Whether they may publish to a topic, or subscribe to a filter."""


class _SnapshotDict(dict[str, Any]):
    """amqtt goes over its subscriptions with awaits in between, while others come and go."""

    def items(self) -> Any:
        return list(super().items())


class _Broker(Broker):  # type: ignore[misc]  # amqtt has no types
    """amqtt with our logins and topics, and with no effect of a client before it has shown who it is."""

    def __init__(self, config: BrokerConfig, logins: Logins) -> None:
        super().__init__(config)
        self._logins = logins
        self._subscriptions = _SnapshotDict()
        self._endings: set[asyncio.Task[None]] = set()

    async def _initialize_client_session(self, reader: Any, writer: Any, address: str, port: int) -> Any:
        """Read CONNECT. Every session is a new one: there is nothing to find again after a disconnection."""
        try:
            async with asyncio.timeout(CONNECT_S):
                handler, session = await BrokerProtocolHandler.init_from_connect(
                    reader, writer, self.plugins_manager
                )
        except Exception as error:  # the door: whatever a stranger sends ends only its own connection
            logger.debug("no MQTT client", address=address, reason=repr(error))
            await writer.close()
            raise MQTTError(f"not a CONNECT: {error!r}") from error
        session.clean_session = True
        session.parent = 0
        return handler, session

    async def _handle_client_session(
        self, reader: Any, writer: Any, session: Any, handler: Any, server: Any, listener_name: str
    ) -> None:
        session.let_in = await self._let_in(session) and self._may_leave_its_will(session)
        session.looked_at_s = time.monotonic()
        if not session.let_in:
            logger.warning("login refused", username=session.username, address=session.remote_address)
            handler.attach(session, reader, writer)
            await handler.mqtt_connack_authorize(False)
            await writer.close()
            return
        # One login's client id is not another's: nobody ends the connections of others.
        session.client_id = f"{session.username}/{session.client_id}"
        await self._cleanup_session(session.client_id)  # an older connection of the same client ends here
        await super()._handle_client_session(reader, writer, session, handler, server, listener_name)

    async def _let_in(self, session: Any) -> bool:
        if not session.username or session.password is None:
            return False
        try:
            return await asyncio.to_thread(self._logins.check, session.username, session.password)
        except FettleError as error:
            logger.warning("logins cannot be checked", reason=error.detail)
            return False

    async def _authenticate(self, session: Any, _listener: ListenerConfig) -> bool:
        return bool(session.let_in)

    def _may_leave_its_will(self, session: Any) -> bool:
        """amqtt publishes a last will without asking who may publish there."""
        return not session.will_flag or self._logins.may(session.username, session.will_topic, True)

    async def _topic_filtering(self, session: Any, topic: str, action: Action) -> bool:
        return await self._still_let_in(session) and self._logins.may(
            session.username, topic, action is Action.PUBLISH
        )

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Any
    ) -> None:
        """Only to subscribers: amqtt hands each new client what is retained for the subscriptions of all."""
        if any(known is session for known, _qos in self._subscriptions.get(subscription[0], [])):
            await super()._publish_retained_messages_for_subscription(subscription, session)

    async def _still_let_in(self, session: Any) -> bool:
        """Whether the login that opened the connection still holds; looked up again after some seconds."""
        if session.let_in and time.monotonic() - session.looked_at_s > LOOK_AGAIN_S:
            session.looked_at_s = time.monotonic()
            session.let_in = await self._login_holds(session)
            if not session.let_in:
                logger.warning("login revoked", username=session.username, address=session.remote_address)
                ending = asyncio.create_task(self._cleanup_session(session.client_id))
                self._endings.add(ending)
                ending.add_done_callback(self._endings.discard)
        return bool(session.let_in)

    async def _login_holds(self, session: Any) -> bool:
        try:
            return await asyncio.to_thread(self._logins.check, session.username, session.password)
        except FettleError as error:  # who was let in stays while the database is away
            logger.warning("logins cannot be checked", reason=error.detail)
            return True


class EmbeddedBroker:
    """One broker on one port. `run` serves until told to stop; `port` is known once `wait_started` returns."""

    def __init__(self, bind: str, port: int, logins: Logins) -> None:
        self.bind = bind
        self.port = port
        self._logins = logins
        self._started = threading.Event()
        self._failure: AppError | None = None

    def wait_started(self, timeout_s: float = START_S) -> None:
        """Return when it listens. AppError `broker.port_taken` when it cannot."""
        self._started.wait(timeout_s)
        if self._failure is not None:
            raise self._failure
        if not self._started.is_set():
            raise AppError("broker.not_started", "the broker did not start in time", port=self.port)

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set; for a thread of its own."""
        try:
            asyncio.run(self._serve(stop))
        except BrokerError as error:
            self._failure = AppError(
                "broker.port_taken",
                f"the broker cannot listen on {self.bind}:{self.port}: {error}",
                {"broker.port": "taken"},
                host=self.bind,
                port=self.port,
            )
            self._started.set()

    async def _serve(self, stop: threading.Event) -> None:
        listener = ListenerConfig(bind=f"{self.bind}:{self.port}")
        broker = _Broker(BrokerConfig(listeners={"default": listener}, plugins={}), self._logins)
        await broker.start()
        self.port = broker._servers["default"].instance.sockets[0].getsockname()[1]
        self._started.set()
        logger.info("broker listens", bind=self.bind, port=self.port)
        await asyncio.to_thread(stop.wait)
        await broker.shutdown()
        await asyncio.sleep(0.05)  # lets the transports that were just closed go


def main(argv: list[str]) -> int:
    """`fettle broker`: run it alone; exit code 2 on a wrong call."""
    use(from_environment())
    parser = argparse.ArgumentParser(prog="fettle broker", description=_("The MQTT broker alone."))
    parser.add_argument(
        "--bind", default="127.0.0.1", help=_("address to listen on; 0.0.0.0 for the whole LAN")
    )
    parser.add_argument("--port", type=int, default=1883, help=_("port to listen on; 0 picks a free one"))
    parser.add_argument(
        "--passwords", type=Path, required=True, metavar="FILE",
        help=_("lines of user:password [pub=TOPICS] [sub=TOPICS]; a password may be a $7$ hash of Mosquitto"),
    )  # fmt: skip
    parser.add_argument("--log-level", default="INFO")
    given = parser.parse_args(argv)
    log.configure(given.log_level)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_args: stop.set())
    try:
        broker = EmbeddedBroker(given.bind, given.port, FileLogins.read(given.passwords))
        thread = threading.Thread(target=broker.run, args=(stop,), name="broker")
        thread.start()
        broker.wait_started()
        print(f"mqtt://{broker.bind}:{broker.port}", flush=True)
        while not stop.wait(0.5) and thread.is_alive():
            continue
        stop.set()
        thread.join()
    except AppError as error:
        stop.set()
        print(f"fettle broker: {explain(error)}", file=sys.stderr)
        return 2
    return 0
