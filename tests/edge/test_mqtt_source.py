"""Machines that publish: values out of JSON and plain text, garbage into quality, on real brokers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from core.domain.points import Quality
from core.wire.edge_config import EdgeConfig, PointConfig
from edge_agent.channels import Channel
from edge_agent.clock import Clock
from edge_agent.drivers import mqtt_json
from edge_agent.drivers.published import NoValue, shaper
from edge_agent.json_topics import MOST_TOPICS, JsonTopics
from tests.conftest import wait_for
from tests.edge import parts


def value_of(payload: bytes, path: str = "", **point: Any) -> object:
    """What a point with this path makes of a payload."""
    config = PointConfig(id="p", device="m", name="P", path=path, **point)
    return shaper(config)(mqtt_json.find(mqtt_json.parse(payload), mqtt_json.parse_path(path)))


@pytest.mark.parametrize(
    ("payload", "path", "value"),
    [
        (b'{"motor": {"temp": 41.5}}', "motor.temp", 41.5),
        (b'{"a": [{"v": 1}, {"v": true}]}', "a[1].v", True),
        (b'{"a": [1, 2, 3]}', "a[-1]", 3.0),
        (b"[[7]]", "[0][0]", 7.0),
        (b" 23.5 ", "", 23.5),
        (b"\xef\xbb\xbf23.5", "", 23.5),
        (b"ON", "", True),
        (b'{"state": "off"}', "state", False),
        (b'{"n": "12"}', "n", 12.0),
        (b'{"n": "-1.5e3"}', "n", -1500.0),
        (b"running", "", "running"),
        ('{"温度": 3}'.encode(), "温度", 3.0),
        (b'{"a.b": {"c[0]": 5}}', "['a.b'][\"c[0]\"]", 5.0),
        (b'{"it\'s": 5}', "['it\\'s']", 5.0),
        (b'{"*": 5}', "['*']", 5.0),
        (b'{"a": [{"x": 1}, {"v": 2}, {"v": 3}]}', "a[*].v", 2.0),
        (b'{"Time": "2026", "DS18B20": {"Temperature": 21.3}}', "*.Temperature", 21.3),
        (b'{"a": {"b": {}}, "c": {"b": {"d": 4}}}', "*.*.d", 4.0),
        (b'{"a": {"x": {}, "y": 6}}', "a.*", 6.0),
        (b"1_000", "", "1_000"),
        ("１２".encode(), "", "１２"),
        (b"23,5", "", "23,5"),
        (b"23.5 C", "", "23.5 C"),
    ],
)
def test_values(payload: bytes, path: str, value: object) -> None:
    made = value_of(payload, path)
    assert made == value and type(made) is type(value)


@pytest.mark.parametrize(
    ("payload", "point", "value"),
    [
        (b"23.5 \xc2\xb0C", {"unit": "°C"}, 23.5),
        (b"23.5\xc2\xb0C", {"unit": "°C"}, 23.5),
        (b"45%", {"unit": "%"}, 45.0),
        (b"idle", {"unit": "%"}, "idle"),
        (b"873", {"scale": 0.1}, 87.3),
        (b"873", {"scale": 0.1, "offset": -10}, 77.3),
        (b"6", {"bit": 1}, True),
        (b"6", {"bit": 0}, False),
        (b"22", {"bit": 1, "bits": 3}, 3.0),
        (b"2", {"words_of": {"2": "running"}}, "running"),
        (b"9", {"words_of": {"2": "running"}}, "9"),
        (b"true", {"words_of": {"true": "open", "false": "shut"}}, "open"),
        (b"3", {"type": "bool"}, True),
        (b"off", {"type": "bool"}, False),
        (b"007", {"type": "string"}, "007"),
        (b"1.0", {"type": "string"}, "1"),
        (b"true", {"type": "string"}, "true"),
    ],
)
def test_what_the_point_says_of_its_value_counts(
    payload: bytes, point: dict[str, Any], value: object
) -> None:
    made = value_of(payload, **point)
    assert made == value and type(made) is type(value)


@pytest.mark.parametrize(
    ("payload", "path", "error"),
    [
        (b"", "", mqtt_json.Unreadable),
        (b"\xff\xfe", "", mqtt_json.Unreadable),
        (b"{broken", "", mqtt_json.Unreadable),
        (b'{"v": NaN}', "v", mqtt_json.Unreadable),
        (b"NaN", "", mqtt_json.Unreadable),
        (b'{"v": "-inf"}', "v", mqtt_json.Unreadable),
        (b'{"v": 1e999}', "v", mqtt_json.Unreadable),
        (b"1" + b"0" * 400, "", mqtt_json.Unreadable),
        (b"1" + b"0" * 5000, "", mqtt_json.Unreadable),
        (b"[" * 100_000, "", mqtt_json.Unreadable),
        (b'{"a":' * 50_000, "", mqtt_json.Unreadable),
        (b'"' + b"x" * 300_000 + b'"', "", mqtt_json.Unreadable),
        (b'{"v": null}', "v", NoValue),
        (b'{"v": {}}', "v", mqtt_json.Unreadable),
        (b"5", "v", mqtt_json.Unreadable),
        (b"5", "*", mqtt_json.Unreadable),
        (b"{}", "v", mqtt_json.Missing),
        (b"[]", "[0]", mqtt_json.Missing),
        (b"[1]", "[-2]", mqtt_json.Missing),
        (b"[]", "name", mqtt_json.Missing),
        (b'{"a": 1, "b": [2]}', "*.v", mqtt_json.Missing),
    ],
)
def test_what_is_no_value_says_why(payload: bytes, path: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        value_of(payload, path)


@pytest.mark.parametrize(
    ("payload", "point"),
    [
        ("74.3 °F".encode(), {"unit": "°C"}),
        (b"23,5", {"unit": "kW"}),
        (b"1 000", {"unit": "kW"}),
        (b"running", {"type": "bool"}),
        (b"-1", {"bit": 0}),
        (b"1.5", {"bit": 0}),
        (b"1e300", {"bit": 0}),
        (b"1e300", {"scale": 1e300}),
    ],
)
def test_what_could_mean_something_else_is_no_value(payload: bytes, point: dict[str, Any]) -> None:
    with pytest.raises(mqtt_json.Unreadable):
        value_of(payload, **point)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abv"), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(["", "a", "a.b[0]", "*", "*.v", "a[*].*", "[-1]"]),
    st.sampled_from([{}, {"type": "bool"}, {"type": "string"}, {"bit": 3}, {"unit": "kW"}, {"scale": 1e200}]),
)
def test_nothing_a_machine_sends_is_an_accident(payload: bytes, path: str, point: dict[str, Any]) -> None:
    try:
        value = value_of(payload, path, **point)
    except (mqtt_json.Unreadable, mqtt_json.Missing):
        return
    assert isinstance(value, float | bool | str) and not (
        isinstance(value, float) and not math.isfinite(value)
    )


@given(JSON, st.sampled_from(["a", "a.b", "*", "*.v", "v[*]"]))
def test_a_value_is_one_that_stands_in_the_payload(document: object, path: str) -> None:
    def leaves(value: object) -> list[object]:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return [value] if inner is None else [leaf for item in inner for leaf in leaves(item)]

    try:
        found = mqtt_json.find(document, mqtt_json.parse_path(path))
    except (mqtt_json.Unreadable, mqtt_json.Missing):
        return
    assert isinstance(found, dict | list) or any(found is leaf for leaf in leaves(document))


@pytest.mark.parametrize(
    "path", ["a..b", "a[", "[x]", ".a", "a]", "a.", "a.[0]", "a[0]b", "a*b", "**", "['a]", "a[1.5]"]
)
def test_a_path_that_cannot_be_read_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="character"):
        mqtt_json.parse_path(path)


@pytest.mark.parametrize(
    ("filter_", "topic", "covers"),
    [
        ("a/b", "a/b", True), ("a/+", "a/b", True), ("a/+", "a/b/c", False), ("a/#", "a/b/c", True), ("a/#", "a", True),
        ("#", "$SYS/x", False), ("+/b", "a/c", False), ("a/b/c", "a/b", False),
    ],
)  # fmt: skip
def test_topic_filters(filter_: str, topic: str, covers: bool) -> None:
    assert mqtt_json.matches(filter_, topic) is covers


@pytest.mark.parametrize(
    ("filter_", "well"),
    [("a/b", True), ("+/b/#", True), ("#", True), ("a/#/b", False), ("a+/b", False), ("a/b#", False)],
)
def test_what_a_broker_takes_as_a_filter(filter_: str, well: bool) -> None:
    assert mqtt_json.valid_filter(filter_) is well


class Sink:
    """Only keeps points."""

    def __init__(self, points: list[PointConfig]) -> None:
        self.channels = {point.id: Channel(point) for point in points}

    def channel(self, point_id: str) -> Channel:
        return self.channels[point_id]

    def put(self, channel: Channel, value: Any, quality: Quality, reason: str, before_s: float) -> None:
        channel.change(value, quality, reason, 0.0, before_s)

    def __getattr__(self, name: str) -> Any:
        return lambda *_args: None


def reader(*points: dict[str, Any]) -> tuple[JsonTopics, Sink]:
    configs = [PointConfig(device="m", name=point["id"], **point) for point in points]
    sink = Sink(configs)
    return JsonTopics(configs, sink, Clock()), sink


def test_a_machine_that_makes_up_topics_does_not_fill_the_memory() -> None:
    topics, sink = reader(
        {"id": "a", "path": "v", "topic": "p/+/a"}, {"id": "b", "path": "v", "topic": "p/7/b"}
    )
    for number in range(3 * MOST_TOPICS):
        assert topics.receive(f"p/{number}/a", b'{"v": %d}' % number, False) == ""
        topics.receive(f"q/{number}", b"\xff", False)
    assert sink.channels["a"].value == 3 * MOST_TOPICS - 1 and len(topics._known) <= MOST_TOPICS
    topics.receive("p/7/b", b'{"v": 5}', False)
    assert sink.channels["b"].value == 5


def test_partial_messages_are_well_and_a_path_never_seen_is_not() -> None:
    topics, sink = reader({"id": "a", "path": "x.v", "topic": "t"}, {"id": "b", "path": "y.v", "topic": "t"})
    for _ in range(5):
        wrong = topics.receive("t", b'{"x": {"v": 1}}', False)
    assert "y.v" in wrong and sink.channels["b"].quality is Quality.BAD_CONFIG
    assert topics.receive("t", b'{"y": {"v": 2}}', False) == "" and sink.channels["b"].value == 2
    for _ in range(5):
        assert topics.receive("t", b'{"x": {"v": 3}}', False) == ""
    assert sink.channels["b"].quality is Quality.GOOD and sink.channels["a"].value == 3
    assert topics.receive("t", b'{"y": {"v": null}}', False) == ""
    assert (sink.channels["b"].quality, sink.channels["b"].value) == (Quality.UNCERTAIN, None)


PAYLOADS = st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode())


@given(st.lists(st.tuples(st.sampled_from(["t", "u"]), PAYLOADS, st.booleans()), max_size=12))
def test_whatever_comes_a_good_value_is_the_last_one_said(messages: list[tuple[str, bytes, bool]]) -> None:
    topics, sink = reader({"id": "a", "path": "a", "topic": "t"})
    said: object = None
    for topic, payload, retained in messages:
        topics.receive(topic, payload, retained)
        if topic == "t" and not retained:
            try:
                said = value_of(payload, "a")
            except mqtt_json.Missing:
                continue
            except mqtt_json.Unreadable:
                said = None
        channel = sink.channels["a"]
        assert channel.quality is not Quality.GOOD or channel.value == said


def config(port: int, **device: object) -> EdgeConfig:
    return EdgeConfig.model_validate(
        {
            "edge": "e1", "version": 1, "telemetry_s": 1,
            "devices": [{"kind": "mqtt", "id": "m", "name": "Packer", "asset": "A-2", "url": f"mqtt://127.0.0.1:{port}",
                         "topic": "plant/packer/#", "offline_after_s": 30} | device],
            "points": [
                {"id": "temp", "device": "m", "name": "Seal temperature", "path": "seal.temp"},
                {"id": "jam", "device": "m", "name": "Jam", "topic": "plant/packer/jam", "type": "bool"},
                {"id": "typo", "device": "m", "name": "Typo", "topic": "plant/packer/state", "path": "sael.temp"},
            ],
            "rules": [
                {"id": "r1", "name": "Too cold", "point": "temp", "condition": "low", "limit": 120},
                {"id": "r2", "name": "Jammed", "point": "jam", "condition": "bit"},
            ],
        }
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
def test_a_publishing_machine_raises_alarms_and_garbage_only_spoils_its_points(
    tmp_path: Path, kind: str
) -> None:
    with parts.broker(kind, tmp_path) as broker:
        hub = parts.StandInHub(broker.port, "e1")
        machine = paho.Client(CallbackAPIVersion.VERSION2, client_id="machine")
        machine.connect("127.0.0.1", broker.port)
        machine.loop_start()

        def say(topic: str, payload: bytes) -> None:
            machine.publish(f"plant/packer/{topic}", payload, 1).wait_for_publish(5)

        def told() -> dict[str, tuple[str, object]]:
            return {p["id"]: (p["quality"], p["last"]) for t in hub.telemetry for p in t["points"]}

        with parts.edge(tmp_path / "edge", parts.login("e1", broker.port), config(broker.port)):
            wait_for(lambda: hub.status and hub.status.config_version == 1)
            say("state", b'{"seal": {"temp": 150.5}}')
            wait_for(
                lambda: say("state", b'{"seal": {"temp": 150.5}}') or told().get("temp") == ("good", 150.5)
            )
            assert wait_for(lambda: told().get("typo")) == ("bad_config", None)
            say("state", b"\xff\xfe garbage")
            wait_for(lambda: told().get("temp") == ("bad_config", None))
            health = wait_for(lambda: (h := hub.health) and h.code and h)
            assert health.code == "device.bad_payload" and "plant/packer/state" in health.params["reason"]
            say("jam", b"1")
            say("state", json.dumps({"seal": {"temp": 90}}).encode())
            raised = wait_for(lambda: len(hub.bodies("alarm_raised")) == 2 and hub.bodies("alarm_raised"))
            assert {(r["rule"], r["value"]) for r in raised} == {("r1", 90), ("r2", True)}
            say("state", json.dumps({"seal": {"temp": 140}}).encode())
            (cleared,) = wait_for(lambda: hub.bodies("alarm_cleared"))
            assert cleared["rule"] == "r1"
        machine.disconnect()
        machine.loop_stop()
        hub.close()


def test_a_machine_that_falls_silent_raises_its_communication_alarm(
    tmp_path: Path, mosquitto: parts.BrokerProcess, hub: parts.StandInHub
) -> None:
    silent = config(mosquitto.port, offline_after_s=1)
    with parts.edge(tmp_path / "edge", parts.login("e1", mosquitto.port), silent):
        (raised,) = wait_for(lambda: hub.bodies("alarm_raised"))
        assert raised["rule"] == "comm:m" and raised["asset"] == "A-2"
        hub.client.publish("plant/packer/state", b'{"seal": {"temp": 150}}')
        wait_for(lambda: hub.bodies("alarm_cleared"))


def test_no_broker_is_said_with_its_address(
    tmp_path: Path, mosquitto: parts.BrokerProcess, hub: parts.StandInHub
) -> None:
    port = parts.free_port()
    with parts.edge(tmp_path / "edge", parts.login("e1", mosquitto.port), config(port)):
        health = wait_for(lambda: (h := hub.health) and h.state == "failing" and h)
        assert health.code == "device.no_broker" and health.params["host"] == f"127.0.0.1:{port}"


def test_a_retained_message_is_uncertain_and_no_sign_of_life(
    tmp_path: Path, mosquitto: parts.BrokerProcess, hub: parts.StandInHub
) -> None:
    topic = "plant/packer/state"
    hub.client.publish(topic, b'{"seal": {"temp": 90}}', 1, retain=True).wait_for_publish(5)
    with parts.edge(
        tmp_path / "edge", parts.login("e1", mosquitto.port), config(mosquitto.port, offline_after_s=1)
    ) as edge:

        def temp() -> tuple[str, object]:
            channel = edge.agent._watch._channels.get("temp")
            return (channel.quality.value, channel.value) if channel else ("", None)

        wait_for(lambda: temp() == ("uncertain", 90))
        (raised,) = wait_for(
            lambda: hub.bodies("alarm_raised")
        )  # too cold for r1, but nobody knows since when
        assert raised["rule"] == "comm:m"
        hub.client.publish(topic, b'{"seal": {"temp": 90}}', 1)
        raised = wait_for(lambda: len(hub.bodies("alarm_raised")) == 2 and hub.bodies("alarm_raised"))[1]
        assert raised["rule"] == "r1" and temp() == ("good", 90)
        assert [cleared["rule"] for cleared in hub.bodies("alarm_cleared")] == ["comm:m"]
    hub.client.publish(topic, b"", 1, retain=True).wait_for_publish(5)
