"""Sparkplug B: types and sessions; no value without a birth, none after a missing message; on real brokers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.points import Quality
from core.wire.edge_config import EdgeConfig, MqttDevice, PointConfig
from edge_agent.channels import Channel, Value
from edge_agent.clock import Clock
from edge_agent.drivers import sparkplug_payload
from edge_agent.drivers.mqtt_json import Unreadable
from edge_agent.drivers.sparkplug_node import address
from edge_agent.sparkplug_points import SparkplugPoints
from tests.conftest import wait_for
from tests.edge import parts
from tests.edge.sparkplug import NodeMessages, SparkplugMachine, metric


def decoded(datatype: int, **fields: Any) -> object:
    (found,) = sparkplug_payload.decode(
        sparkplug_payload.encode([{"name": "x", "datatype": datatype, **fields}])
    ).metrics
    return found.value(found.datatype)


@pytest.mark.parametrize(
    ("datatype", "fields", "value"),
    [
        (1, {"int_value": 0x80}, -128),
        (1, {"int_value": 0xFFFFFF80}, -128),
        (1, {"int_value": 127}, 127),
        (2, {"int_value": 0xFFFF}, -1),
        (2, {"int_value": 0xFFFFFFFF}, -1),
        (3, {"int_value": 0x80000000}, -(2**31)),
        (3, {"long_value": 2**64 - 5}, -5),
        (4, {"long_value": 2**64 - 5}, -5),
        (4, {"long_value": 2**63 - 1}, 2**63 - 1),
        (5, {"int_value": 255}, 255),
        (6, {"int_value": 65535}, 65535),
        (7, {"int_value": 2**32 - 1}, 2**32 - 1),
        (7, {"long_value": 2**32 - 1}, 2**32 - 1),
        (8, {"long_value": 2**64 - 1}, 2**64 - 1),
        (9, {"float_value": 1.5}, 1.5),
        (10, {"double_value": 0.1}, 0.1),
        (11, {"boolean_value": False}, False),
        (12, {"string_value": "泵"}, "泵"),
        (13, {"long_value": 1_700_000_000_000}, "2023-11-14T22:13:20+00:00"),
        (14, {"string_value": "text"}, "text"),
        (15, {"string_value": "uuid"}, "uuid"),
        (0, {"double_value": 2.5}, 2.5),
        (3, {"is_null": True}, None),
        (3, {"is_null": True, "int_value": 5}, None),
        (3, {}, None),
    ],
)
def test_every_type_of_the_specification(datatype: int, fields: dict[str, Any], value: object) -> None:
    found = decoded(datatype, **fields)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("datatype", "fields"),
    [
        (1, {"int_value": 300}),
        (5, {"int_value": 256}),
        (6, {"long_value": 65536}),
        (13, {"long_value": 2**63}),
        (0, {"int_value": 1}),
        (11, {"int_value": 1}),
        (3, {"double_value": 1.0}),
        (16, {"dataset_value": b"x"}),
        (17, {"bytes_value": b"x"}),
        (19, {"template_value": b"x"}),
        (22, {"bytes_value": b"x"}),
        (99, {"int_value": 1}),
    ],
)
def test_what_is_no_single_value_says_so(datatype: int, fields: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        decoded(datatype, **fields)


@given(st.binary(max_size=300))
def test_no_payload_is_an_accident(payload: bytes) -> None:
    try:
        message = sparkplug_payload.decode(payload)
    except Unreadable:
        return
    for found in message.metrics:
        try:
            found.value(found.datatype)
        except Unreadable:
            continue


@pytest.mark.parametrize(
    "topic",
    ["spBv1.0/G/+/N", "spBv1.0/G/+/N/#", "spBv1.0/G/+/N/D"],
)
def test_addresses(topic: str) -> None:
    assert address(topic).filter == "spBv1.0/G/+/N/#" and address(topic).orders == "spBv1.0/G/NCMD/N"
    assert address(topic).device == ("D" if topic.endswith("D") else "")


@pytest.mark.parametrize(
    "topic",
    [
        "spBv1.0/+/+/N/#",
        "spBv1.0/G/NDATA/N",
        "spBv1.0/G/+/+/#",
        "x/G/+/N",
        "spBv1.0/G/+",
        "spBv1.0/G/+/N/D/#",
    ],
)
def test_an_address_names_one_node(topic: str) -> None:
    with pytest.raises(ValueError, match="spBv1"):
        address(topic)


# ---------------------------------------------------------------- sessions


class Points:
    """A sink that only keeps points, and a reader over them."""

    def __init__(self, topic: str, *points: dict[str, Any]) -> None:
        device = MqttDevice(id="m", name="M", url="mqtt://b", topic=topic, payload="sparkplug_b")
        configs = [PointConfig(device="m", name=point["id"], **point) for point in points]
        self.channels = {config.id: Channel(config) for config in configs}
        self.reader = SparkplugPoints(device, configs, self, Clock())

    def channel(self, point_id: str) -> Channel:
        return self.channels[point_id]

    def put(self, channel: Channel, value: Value, quality: Quality, reason: str, before_s: float) -> None:
        channel.change(value, quality, reason, 0.0, before_s)

    def __getattr__(self, name: str) -> Any:
        return lambda *_args: None

    def take(self, *messages: tuple[str, bytes]) -> str:
        return [self.reader.receive(topic, payload, False) for topic, payload in messages][-1] or ""

    def told(self, point_id: str) -> tuple[str, Value]:
        channel = self.channels[point_id]
        return channel.quality.value, channel.value


@pytest.fixture
def node() -> NodeMessages:
    node = NodeMessages()
    node.values = {"": {"speed": 12.5, "on": True}, "D": {"temp": 41.0}, "E": {"temp": 99.0}}
    return node


@pytest.fixture
def points() -> Points:
    return Points(
        "spBv1.0/G/+/N/#",
        {"id": "speed", "path": "speed"},
        {"id": "on", "path": "on", "type": "bool"},
        {"id": "temp", "path": "temp", "topic": "D"},
        {"id": "other", "path": "temp", "topic": "spBv1.0/G/+/N/E"},
    )


def test_births_and_data_by_alias_give_values(node: NodeMessages, points: Points) -> None:
    points.take(*node.births())
    assert points.told("speed") == ("good", 12.5) and points.told("on") == ("good", True)
    assert points.told("temp") == ("good", 41.0) and points.told("other") == ("good", 99.0)
    points.take(node.data("speed", 13.5), node.data("temp", 42.0, "D"))
    assert points.told("speed") == ("good", 13.5) and points.told("temp") == ("good", 42.0)
    assert points.told("other") == ("good", 99.0) and points.reader.doubt == "" and points.reader.alive


def test_data_before_a_birth_is_not_believed(node: NodeMessages, points: Points) -> None:
    node.births()
    points.take(node.data("speed", 13.5))
    assert points.told("speed") == ("bad_stale", None) and "before the birth" in points.reader.doubt
    points.take(*node.births())
    assert points.told("speed") == ("good", 13.5) and not points.reader.doubt


def test_after_a_missing_message_nothing_is_sure_until_a_rebirth(node: NodeMessages, points: Points) -> None:
    points.take(*node.births())
    node.data("speed", 20.0)  # lost
    points.take(node.data("temp", 43.0, "D"))
    assert points.told("speed") == ("uncertain", 12.5) and points.told("temp") == ("uncertain", 41.0)
    assert "missing" in points.reader.doubt
    node.renumber(100)
    births = node.births()
    points.take(births[0])
    assert points.told("speed") == ("good", 20.0) and points.told("temp") == ("uncertain", 41.0)
    points.take(*births[1:])
    assert points.told("temp") == ("good", 43.0) and not points.reader.doubt


def test_sequence_numbers_go_round(node: NodeMessages, points: Points) -> None:
    points.take(*node.births())
    for number in range(600):
        points.take(node.data("speed", float(number)))
    assert points.told("speed") == ("good", 599.0) and not points.reader.doubt


def test_a_death_belongs_to_its_own_birth(node: NodeMessages, points: Points) -> None:
    old_will = node.death()
    node.bd_seq += 1
    points.take(*node.births(), old_will)
    assert points.told("speed") == ("good", 12.5) and points.reader.alive
    points.take(node.death())
    assert points.told("speed")[0] == points.told("temp")[0] == "bad_comm" and points.reader.alive is False


def test_a_device_dies_alone(node: NodeMessages, points: Points) -> None:
    points.take(*node.births(), node.device_death("D"))
    assert points.told("temp") == ("bad_comm", None) and points.told("other") == ("good", 99.0)
    assert points.reader.alive
    points.take(node.data("temp", 5.0, "D"))
    assert points.told("temp") == ("bad_comm", None) and "device D" in points.reader.doubt


def test_one_device_of_a_node_needs_no_other(node: NodeMessages) -> None:
    points = Points("spBv1.0/G/+/N/D", {"id": "temp", "path": "temp"})
    births = node.births()
    points.take(births[0])
    assert points.reader.alive is None
    points.take(*births[1:], node.device_death("E"), node.data("speed", 1.0), node.data("temp", 7.0, "D"))
    assert points.told("temp") == ("good", 7.0) and points.reader.alive
    points.take(node.device_death("D"))
    assert points.told("temp") == ("bad_comm", None) and points.reader.alive is False


def test_what_is_null_historical_bad_or_stale_is_not_taken_for_good(
    node: NodeMessages, points: Points
) -> None:
    def quality(code: int) -> dict[str, Any]:
        return {"properties": {"keys": ["Quality"], "values": [{"type": 3, "int_value": code}]}}

    points.take(*node.births(), node.data("speed", None))
    assert points.told("speed") == ("uncertain", None)
    points.take(node.data("speed", 5.0))
    points.take(node.data("speed", 77.0, is_historical=True))
    assert points.told("speed") == ("good", 5.0)
    points.take(node.data("speed", 6.0, **quality(0)))
    assert points.told("speed") == ("bad_comm", None)
    points.take(node.data("speed", 6.0, **quality(500)))
    assert points.told("speed") == ("bad_stale", None)
    points.take(node.data("speed", 6.0, **quality(192)))
    assert points.told("speed") == ("good", 6.0)


def test_a_metric_that_no_birth_has_is_named(node: NodeMessages) -> None:
    points = Points("spBv1.0/G/+/N/#", {"id": "a", "path": "sped"}, {"id": "b", "path": "temp"})
    assert "'sped'" in points.take(node.births()[0]) or "'temp'" in points.take(node.births()[0])
    assert points.told("a") == points.told("b") == ("bad_config", None)


def test_an_alias_given_twice_is_nobodys(points: Points) -> None:
    node = NodeMessages()
    birth = sparkplug_payload.encode([metric("speed", 1.0, 7), metric("on", True, 7)], seq=0)
    data = sparkplug_payload.encode([metric("", 5.0, 7)], seq=1)
    points.take((node.topic("NBIRTH"), birth), (node.topic("NDATA"), data))
    assert points.told("speed") == ("uncertain", 1.0) and "alias 7" in points.reader.doubt


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("spBv1.0/STATE/host", b"ONLINE"),
        ("spBv1.0/G/NCMD/N", sparkplug_payload.encode([])),
        ("spBv1.0/G/NDATA/N/D/E", b""),
        ("spBv1.0/G/DDATA/N", sparkplug_payload.encode([], seq=9)),
        ("elsewhere", b"\xff"),
    ],
)
def test_what_is_not_of_the_session_changes_nothing(
    node: NodeMessages, points: Points, topic: str, payload: bytes
) -> None:
    points.take(*node.births(), (topic, payload), node.data("speed", 2.0))
    assert points.told("speed") == ("good", 2.0)


def test_garbage_in_the_session_is_doubt(node: NodeMessages, points: Points) -> None:
    points.take(*node.births())
    assert "not Sparkplug" in points.take((node.topic("NDATA"), b"\xff\xff\xff"))
    assert points.told("speed") == ("uncertain", 12.5) and points.reader.doubt


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["data", "data", "data", "device", "birth", "renumber", "garbage", "dies"]),
        st.integers(-5, 5),
        st.booleans(),
    ),
    max_size=40,
)


@settings(max_examples=300)
@given(STEPS)
def test_what_is_called_good_is_what_the_node_had_when_it_last_was_heard(
    steps: list[tuple[str, int, bool]],
) -> None:
    node = NodeMessages()
    node.values = {"": {"a": 0, "b": 0}, "D": {"a": 0}}
    points = Points(
        "spBv1.0/G/+/N/#",
        {"id": "a", "path": "a"},
        {"id": "b", "path": "b"},
        {"id": "Da", "path": "a", "topic": "D"},
    )
    points.take(*node.births())
    for kind, number, arrives in steps:
        if kind == "renumber":
            node.renumber(number + 10)
            kind = "birth"
        if kind == "data":
            messages = [node.data("ab"[number % 2], number)]
        elif kind == "device":
            messages = [node.data("a", number, "D")]
        elif kind == "garbage":
            messages = [(node.topic("NDATA"), bytes([number % 256] * 5))]
        elif kind == "dies":
            messages = [node.device_death("D")]
        else:
            messages = node.births()
        if (
            not arrives and kind != "birth"
        ):  # whole births are lost with a connection only, and that is noticed
            continue
        points.take(*messages)
        truth = {"a": node.values[""]["a"], "b": node.values[""]["b"], "Da": node.values["D"]["a"]}
        for name, value in truth.items():
            quality, shown = points.told(name)
            assert quality != "good" or shown == value


# ---------------------------------------------------------------- on real brokers


def config(port: int, offline_after_s: float = 30) -> EdgeConfig:
    return EdgeConfig.model_validate(
        {
            "edge": "e1", "version": 1, "telemetry_s": 1,
            "devices": [{"kind": "mqtt", "id": "m", "name": "Cell", "asset": "A-3", "url": f"mqtt://127.0.0.1:{port}",
                         "topic": "spBv1.0/G/+/N/#", "payload": "sparkplug_b", "offline_after_s": offline_after_s}],
            "points": [
                {"id": "speed", "device": "m", "name": "Speed", "path": "Drive/Speed"},
                {"id": "temp", "device": "m", "name": "Temperature", "path": "temp", "topic": "D"},
            ],
            "rules": [{"id": "hot", "name": "Too hot", "point": "temp", "condition": "high", "limit": 80}],
        }
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
def test_a_node_is_asked_for_its_birth_raises_alarms_dies_and_comes_back(tmp_path: Path, kind: str) -> None:
    with parts.broker(kind, tmp_path) as broker:
        hub = parts.StandInHub(broker.port, "e1")
        node = SparkplugMachine(broker.port)
        node.values = {"": {"Drive/Speed": 12.5}, "D": {"temp": 41.0}}
        node.start()
        wait_for(lambda: node.seq == 1)  # born before anybody listens
        with parts.edge(tmp_path / "edge", parts.login("e1", broker.port), config(broker.port)) as edge:

            def told(point: str) -> tuple[str, object]:
                channel = edge.agent._watch._channels.get(point)
                return (channel.quality.value, channel.value) if channel else ("", None)

            wait_for(lambda: told("speed") == ("good", 12.5) and told("temp") == ("good", 41.0))
            assert node.asked >= 1
            node.say("temp", 95.0, "D")
            (raised,) = wait_for(lambda: hub.bodies("alarm_raised"))
            assert (raised["rule"], raised["value"]) == ("hot", 95.0)
            asked = node.asked
            node.data("Drive/Speed", 99.0)  # a message that never arrives
            node.say("temp", 20.0, "D")
            wait_for(lambda: told("speed") == ("good", 99.0) and node.asked > asked)
            (cleared,) = wait_for(lambda: hub.bodies("alarm_cleared"))
            assert cleared["rule"] == "hot"
            node.break_off()
            gone = wait_for(lambda: len(hub.bodies("alarm_raised")) == 2 and hub.bodies("alarm_raised")[1])
            assert gone["rule"] == "comm:m" and told("temp")[0] == "bad_comm"
            health = wait_for(lambda: (h := hub.health) and h.state == "failing" and h)
            assert health.code == "device.gone"
            node.start()
            wait_for(lambda: len(hub.bodies("alarm_cleared")) == 2)
            wait_for(lambda: told("temp") == ("good", 20.0))
            wait_for(lambda: (h := hub.health) and h.state == "ok" and not h.code)
        node.break_off()
        hub.close()


def test_a_node_that_is_silent_while_it_lives_is_no_alarm_and_one_that_never_spoke_is(
    tmp_path: Path, mosquitto: parts.BrokerProcess, hub: parts.StandInHub
) -> None:
    node = SparkplugMachine(mosquitto.port)
    node.values = {"": {"Drive/Speed": 12.5}, "D": {"temp": 41.0}}
    fixed = config(mosquitto.port, offline_after_s=1)
    with parts.edge(tmp_path / "edge", parts.login("e1", mosquitto.port), fixed):
        (raised,) = wait_for(lambda: hub.bodies("alarm_raised"))  # nobody is there
        assert raised["rule"] == "comm:m"
        node.start()
        wait_for(lambda: hub.bodies("alarm_cleared"))
        count = len(hub.telemetry)
        wait_for(lambda: len(hub.telemetry) > count)  # says nothing more for longer than offline_after_s
        seen = node.asked
        node.obeys = False
        node.data("Drive/Speed", 1.0)
        node.say("Drive/Speed", 2.0)
        wait_for(lambda: node.asked > seen)
        health = wait_for(lambda: (h := hub.health) and h.code == "device.no_birth" and h)
        assert "missing" in health.params["reason"]
        assert len(hub.bodies("alarm_raised")) == 1
    node.break_off()
