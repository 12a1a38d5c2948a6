"""Machines as they are sold: Zigbee2MQTT, Tasmota, Shelly; last wills, protocol versions, floods."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from core.wire.edge_config import EdgeConfig
from edge_agent.drivers import mqtt_link
from edge_agent.drivers.mqtt_link import Broker, MqttLink
from tests.conftest import wait_for
from tests.edge import parts

ZIGBEE = {
    "topic": "zigbee2mqtt/pump_sensor", "alive": "zigbee2mqtt/pump_sensor/availability",
    "here": b'{"state":"online"}', "gone": b'{"state":"offline"}',
    "points": {"temp": {"path": "temperature"}, "leak": {"path": "water_leak", "type": "bool"}},
    "says": [("zigbee2mqtt/pump_sensor", b'{"battery":97,"linkquality":112,"temperature":31.42,"voltage":2995,'
              b'"water_leak":false,"update":{"state":"idle","installed_version":8},"last_seen":null}')],
    "means": {"temp": 31.42, "leak": False},
}  # fmt: skip
TASMOTA = {
    "topic": "tele/tasmota_4F2A/+", "alive": "tele/tasmota_4F2A/LWT", "here": b"Online", "gone": b"Offline",
    "points": {
        "power": {"path": "ENERGY.Power", "topic": "tele/tasmota_4F2A/SENSOR"},
        "temp": {"path": "*.Temperature", "topic": "tele/tasmota_4F2A/SENSOR"},
        "on": {"path": "POWER", "topic": "tele/tasmota_4F2A/STATE"},
    },
    "says": [
        ("tele/tasmota_4F2A/STATE", b'{"Time":"2026-11-22T10:41:03","Uptime":"4T02:11:09","Heap":27,"POWER":"ON",'
         b'"Wifi":{"AP":1,"SSId":"plant","RSSI":76}}'),
        ("tele/tasmota_4F2A/SENSOR", b'{"Time":"2026-11-22T10:41:03","DS18B20":{"Id":"0316A279","Temperature":48.6},'
         b'"ENERGY":{"TotalStartTime":"2026-01-02T08:00:00","Total":812.412,"Power":1312,"Voltage":231},"TempUnit":"C"}'),
    ],
    "means": {"power": 1312.0, "temp": 48.6, "on": True},
}  # fmt: skip
SHELLY = {
    "topic": "shellyplus1pm-a8032ab1/#", "alive": "shellyplus1pm-a8032ab1/online", "here": b"true", "gone": b"false",
    "points": {
        "power": {"path": "apower", "topic": "shellyplus1pm-a8032ab1/status/switch:0"},
        "temp": {"path": "params.*.temperature.tC", "topic": "shellyplus1pm-a8032ab1/events/rpc"},
        "live": {"path": "params['switch:0'].apower", "topic": "shellyplus1pm-a8032ab1/events/rpc"},
    },
    "says": [
        ("shellyplus1pm-a8032ab1/status/switch:0", b'{"id":0,"source":"init","output":true,"apower":86.4,'
         b'"voltage":229.7,"current":0.41,"aenergy":{"total":1202.31,"by_minute":[0.0,0.0,0.0],"minute_ts":1795344060},'
         b'"temperature":{"tC":52.1,"tF":125.8}}'),
        ("shellyplus1pm-a8032ab1/events/rpc", b'{"src":"shellyplus1pm-a8032ab1","dst":"shellyplus1pm-a8032ab1/events",'
         b'"method":"NotifyStatus","params":{"ts":1795344069.31,"switch:0":{"id":0,"apower":87.9}}}'),
        ("shellyplus1pm-a8032ab1/events/rpc", b'{"src":"shellyplus1pm-a8032ab1","dst":"shellyplus1pm-a8032ab1/events",'
         b'"method":"NotifyStatus","params":{"ts":1795344071.02,"switch:0":{"id":0,'
         b'"temperature":{"tC":53.2,"tF":127.8}}}}'),
    ],
    "means": {"power": 86.4, "temp": 53.2, "live": 87.9},
}  # fmt: skip


def config(port: int, machine: dict[str, Any], offline_after_s: float = 30) -> EdgeConfig:
    points = [{"id": id_, "device": "m", "name": id_} | point for id_, point in machine["points"].items()]
    device = {"kind": "mqtt", "id": "m", "name": "Machine", "url": f"mqtt://127.0.0.1:{port}",
              "topic": machine["topic"], "alive_topic": machine["alive"],
              "offline_after_s": offline_after_s}  # fmt: skip
    return EdgeConfig.model_validate(
        {"edge": "e1", "version": 1, "telemetry_s": 1, "devices": [device], "points": points}
    )


@pytest.fixture
def say(mosquitto: parts.BrokerProcess) -> Iterator[Callable[..., None]]:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="machine")
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    yield lambda topic, payload, retain=False: client.publish(topic, payload, 1, retain).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize("machine", [ZIGBEE, TASMOTA, SHELLY], ids=["zigbee2mqtt", "tasmota", "shelly"])
def test_what_people_have_on_the_wall_is_read_and_missed_at_once(
    tmp_path: Path,
    mosquitto: parts.BrokerProcess,
    hub: parts.StandInHub,
    say: Callable[..., None],
    machine: dict[str, Any],
) -> None:
    say(machine["alive"], machine["here"], True)
    with parts.edge(
        tmp_path / "edge", parts.login("e1", mosquitto.port), config(mosquitto.port, machine, 1)
    ) as edge:

        def told() -> dict[str, tuple[str, object]]:
            return {id_: (c.quality.value, c.value) for id_, c in edge.agent._watch._channels.items()}

        wait_for(lambda: (h := hub.health) and h.state == "ok")  # is there, says its broker
        for topic, payload in machine["says"]:
            say(topic, payload)
        wait_for(lambda: told() == {id_: ("good", value) for id_, value in machine["means"].items()})
        health = hub.health
        assert health is not None and (health.state, health.code) == ("ok", "")
        count = len(hub.telemetry)
        say(machine["says"][0][0], machine["says"][0][1])
        wait_for(
            lambda: len(hub.telemetry) > count
        )  # silent for longer than offline_after_s, and there all the same
        assert hub.bodies("alarm_raised") == []
        say(machine["alive"], machine["gone"], True)
        (raised,) = wait_for(lambda: hub.bodies("alarm_raised"))
        assert raised["rule"] == "comm:m" and {quality for quality, _value in told().values()} == {"bad_comm"}
        wait_for(lambda: (h := hub.health) and h.code == "device.gone")
        say(machine["alive"], machine["here"], True)
        (cleared,) = wait_for(lambda: hub.bodies("alarm_cleared"))
        assert cleared["occurrence"] == raised["occurrence"]
    say(machine["alive"], b"", True)


def test_a_last_will_that_is_kept_counts_when_the_edge_starts_and_live_data_is_life(
    tmp_path: Path, mosquitto: parts.BrokerProcess, hub: parts.StandInHub, say: Callable[..., None]
) -> None:
    say(TASMOTA["alive"], TASMOTA["gone"], True)
    with parts.edge(tmp_path / "edge", parts.login("e1", mosquitto.port), config(mosquitto.port, TASMOTA)):
        (raised,) = wait_for(lambda: hub.bodies("alarm_raised"))
        assert raised["rule"] == "comm:m"
        say(*TASMOTA["says"][0])
        wait_for(lambda: hub.bodies("alarm_cleared"))
    say(TASMOTA["alive"], b"", True)


@pytest.mark.parametrize(("kind", "newest", "spoken"), [
    ("mosquitto", True, "5"), ("mosquitto", False, "3.1.1"), ("amqtt", True, "3.1.1"), ("amqtt", False, "3.1.1"),
])  # fmt: skip
def test_the_newest_version_that_the_broker_has_is_spoken(
    tmp_path: Path, kind: str, newest: bool, spoken: str
) -> None:
    async def work(port: int) -> str:
        came = asyncio.Event()
        broker = Broker("127.0.0.1", port, client_id="link")
        link = MqttLink(broker, [("a/#", 0)], lambda *_args: came.set(), lambda *_args: None, newest=newest)
        task = asyncio.create_task(link.run())
        async with asyncio.timeout(10):
            while not came.is_set():
                link.publish(mqtt_link.Message("a/b", b"x"))
                await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])
        return link.version

    with parts.broker(kind, tmp_path) as broker:
        assert asyncio.run(work(broker.port)) == spoken


def test_a_flood_stays_in_the_broker_not_in_memory(tmp_path: Path) -> None:
    """While the loop is busy paho's thread waits: never more messages on their way than allowed."""
    mosquitto = parts.BrokerProcess("mosquitto", tmp_path)
    mosquitto.more = "max_queued_messages 0\n"
    mosquitto.start()
    flood = 4 * mqtt_link.MOST_WAITING
    seen: list[int] = []

    async def work() -> None:
        done, begun = asyncio.Event(), threading.Event()
        waiting: list[int] = []

        def handle(_topic: str, payload: bytes, _retained: bool) -> None:
            if not begun.is_set():  # hold the loop until the flood is under way
                begun.set()
                full = wait_for(lambda: link._room._value == 0 or None, 20)  # type: ignore[attr-defined]
                waiting.append(mqtt_link.MOST_WAITING if full else 0)
            seen.append(int(payload))
            if len(seen) == flood:
                done.set()

        link = MqttLink(
            Broker("127.0.0.1", mosquitto.port, client_id="link"), [("f", 1)], handle, lambda *_args: None
        )
        task = asyncio.create_task(link.run())
        while not link.connected:
            await asyncio.sleep(0.01)
        machine = paho.Client(CallbackAPIVersion.VERSION2, client_id="machine")
        machine.connect("127.0.0.1", mosquitto.port)
        machine.loop_start()
        for number in range(flood):
            machine.publish("f", str(number), 1)
        async with asyncio.timeout(30):
            await done.wait()
        assert waiting == [mqtt_link.MOST_WAITING]
        machine.disconnect()
        machine.loop_stop()
        task.cancel()
        await asyncio.wait([task])

    try:
        asyncio.run(work())
    finally:
        mosquitto.kill()
    assert seen == list(range(flood))


def test_a_filter_that_is_none_ends_in_a_reason_not_in_silence(
    tmp_path: Path, mosquitto: parts.BrokerProcess
) -> None:
    async def work() -> str:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def state(connected: bool, reason: str) -> None:
            if not told.done():
                told.set_result(reason)

        link = MqttLink(Broker("127.0.0.1", mosquitto.port), [("a/#/b", 0)], lambda *_args: None, state)
        task = asyncio.create_task(link.run())
        reason = await asyncio.wait_for(told, 10)
        task.cancel()
        await asyncio.wait([task])
        return reason

    assert "filter" in asyncio.run(work())


def test_json_of_all_machines_is_json() -> None:
    for machine in (ZIGBEE, TASMOTA, SHELLY):
        assert all(json.loads(payload) for _topic, payload in machine["says"])
