"""The way to the hub: the broker normally, HTTP when the broker has been away. Knows topics and logins, no rules.

The broker is disposable: what it has taken is not delivered, what the hub acknowledges is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from pydantic import ValidationError

from core import log
from core.errors import OutsideError
from core.wire import topics
from core.wire.edge_commands import EdgeReply
from core.wire.uplink import EdgeJoined, EdgeStatus, Telemetry, UplinkAck
from edge_agent.delivery import Delivery
from edge_agent.drivers.mqtt_link import Broker, Message, MqttLink
from edge_agent.hub_http import HubHttp

_log = log.get(__name__)
BROKER_AWAY_S = 15.0
BULK_EVERY_S = 5.0

MOST_WILL_BYTES = 60_000  # Mosquitto refuses a greeting of 100,000 bytes: a thousand devices' health


class Uplink:
    """One edge's connection to its hub.

    `status`: the present EdgeStatus, online or (for the last will) not. `on_config`: gets the raw configuration.
    `on_command`: gets a raw order, and answers later by `publish_reply`.
    """

    def __init__(
        self,
        login: EdgeJoined,
        delivery: Delivery,
        status: Callable[[bool], EdgeStatus],
        on_config: Callable[[bytes], None],
        on_command: Callable[[bytes], None],
        broker_away_s: float = BROKER_AWAY_S,
        hub_says: Callable[[datetime], None] = lambda at: None,
    ) -> None:
        """`hub_says`: hears the hub's clock, just after it was looked at there."""
        self._edge = login.edge
        self._delivery = delivery
        self._status, self._on_config, self._on_command = status, on_config, on_command
        self._broker_away_s, self._hub_says = broker_away_s, hub_says
        self._login = login
        self._away_since_s = 0.0
        self._was_connected = False
        broker = Broker(
            login.mqtt_host,
            login.mqtt_port,
            login.edge,
            login.password,
            tls=login.mqtt_tls,
            client_id=login.edge,
            ca_pem=login.ca_pem,
        )
        wanted = [(topics.topic(self._edge, channel), 1) for channel in topics.TO_EDGE]
        self._link = MqttLink(broker, wanted, self._receive, self._connection, self._last_will)

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._link.connected

    async def run(self) -> None:
        """Connect and deliver until cancelled."""
        self._away_since_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._link.run())
            group.create_task(self._delivery.run(self._send))
            group.create_task(self._deliver_by_http())

    async def goodbye(self) -> None:
        """Tell the hub that this is a stop, not a failure."""
        await self._link.say_goodbye(
            self._message(topics.STATUS, self._status(False).model_dump_json(), retain=True)
        )

    def publish_status(self) -> None:
        """Send the retained status, if connected."""
        self._link.publish(self._message(topics.STATUS, self._status(True).model_dump_json(), retain=True))

    def publish_telemetry(self, telemetry: Telemetry) -> None:
        """Send what the points did, if connected and no events wait for their turn; it may be lost."""
        if self._delivery.pressed:
            return
        topic = topics.topic(self._edge, topics.TELEMETRY)
        self._link.publish(Message(topic, telemetry.model_dump_json().encode(), qos=0))

    def publish_reply(self, reply: EdgeReply) -> None:
        """Answer an order, if connected."""
        self._link.publish(self._message(topics.REPLY, reply.model_dump_json()))

    # -- inside

    def _message(self, channel: str, payload: str, retain: bool = False) -> Message:
        return Message(topics.topic(self._edge, channel), payload.encode(), qos=1, retain=retain)

    def _send(self, batch: bytes) -> bool:
        return self._link.publish(Message(topics.topic(self._edge, topics.UP), batch, qos=1))

    def _last_will(self) -> Message:
        status = self._status(False)
        will = self._message(topics.STATUS, status.model_dump_json(), retain=True)
        if len(will.payload) <= MOST_WILL_BYTES:
            return will
        without = status.model_copy(update={"devices": [], "config_errors": []})
        return self._message(topics.STATUS, without.model_dump_json(), retain=True)

    def _connection(self, connected: bool, reason: str) -> None:
        was, self._was_connected = self._was_connected, connected
        if connected:
            _log.info("broker connected", broker=self._link.broker.address)
            self.publish_status()
            self._delivery.restart()
        elif was:
            self._away_since_s = asyncio.get_running_loop().time()

    def _receive(self, topic: str, payload: bytes, retained: bool) -> None:
        _edge, channel = topics.edge_of(topic) or ("", "")
        if channel == topics.CONFIG:
            if payload:  # an empty retained message takes the configuration off the broker, not off the edge
                self._on_config(payload)
            return
        if channel == topics.CMD:
            if not retained:  # an order is for now
                self._on_command(payload)
            return
        try:
            if channel == topics.ACK:
                ack = UplinkAck.model_validate_json(payload)
                if ack.at is not None and not retained:
                    self._hub_says(ack.at)
                self._delivery.take(ack)
        except ValidationError as error:
            _log.warning("message from the hub is not understood", topic=topic, reason=str(error))

    async def _deliver_by_http(self) -> None:
        """While the broker is away: everything there is, every few seconds."""
        http = HubHttp(self._login)

        async def exchange(batch: bytes) -> UplinkAck:
            ack = await http.exchange(batch)
            if ack.at is not None:
                self._hub_says(ack.at)
            return ack

        loop = asyncio.get_running_loop()
        said = ""
        try:
            while True:
                await asyncio.sleep(min(BULK_EVERY_S, self._broker_away_s / 3))
                if self._link.connected or loop.time() - self._away_since_s < self._broker_away_s:
                    continue
                try:
                    await self._delivery.bulk(exchange)
                    said = ""
                except OutsideError as error:
                    if error.detail != said:  # once, not every few seconds
                        _log.warning("delivery over HTTP failed too", reason=error.detail)
                        said = error.detail
        finally:
            await http.close()
