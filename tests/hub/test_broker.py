"""The embedded broker: logins, topics, and no harm by those who are not let in."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from core.errors import AppError
from core.hub.broker import EmbeddedBroker
from core.hub.broker_logins import FileLogins, HubLogins, covers
from core.services import fleet
from tests.conftest import wait_for
from tests.hub.conftest import Plant


@contextmanager
def serving(logins: Any) -> Iterator[EmbeddedBroker]:
    """A broker on a free port."""
    stop = threading.Event()
    broker = EmbeddedBroker("127.0.0.1", 0, logins)
    thread = threading.Thread(target=broker.run, args=(stop,))
    thread.start()
    broker.wait_started()
    try:
        yield broker
    finally:
        stop.set()
        thread.join(10)


class Client:
    """A real MQTT client that remembers what it heard."""

    def __init__(
        self, port: int, username: str | None, password: str = "", client_id: str = "", will: str = ""
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.granted: list[int] = []
        self.code: Any = None
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv311)
        if username is not None:
            self.client.username_pw_set(username, password)
        if will:
            self.client.will_set(will, b"{}", 1, retain=True)
        self.client.on_connect = lambda _c, _d, _f, code, _p: setattr(self, "code", code)
        self.client.on_message = lambda _c, _d, m: self.heard.append((m.topic, bytes(m.payload)))
        self.client.on_subscribe = lambda _c, _d, _m, codes, _p: self.granted.extend(c.value for c in codes)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def __enter__(self) -> Client:
        wait_for(lambda: self.code is not None)
        return self

    def __exit__(self, *_args: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def subscribe(self, topic: str) -> int:
        before = len(self.granted)
        self.client.subscribe(topic, 1)
        wait_for(lambda: len(self.granted) > before)
        return self.granted[-1]

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self.client.publish(topic, payload, 1, retain).wait_for_publish(5)


@pytest.fixture
def broker(sqlite_plant: Plant) -> Iterator[EmbeddedBroker]:
    sqlite_plant.edge.password_hash = fleet.broker_hash("edge-secret")
    sqlite_plant.edge.save()
    fleet._logins.clear()
    others = FileLogins({})
    with serving(HubLogins("hub", "hub-secret", others)) as running:
        yield running


def test_nobody_comes_in_without_a_login(broker: EmbeddedBroker) -> None:
    for username, password in ((None, ""), ("edge-1", "wrong"), ("nobody", "edge-secret"), ("hub", "")):
        with Client(broker.port, username, password) as client:
            assert client.code.is_failure


@pytest.mark.parametrize(
    "topic", ["#", "+/v1/edge-1/config", "fettle/#", "fettle/v1/edge-1/config", "fettle/v1/+/up"]
)
def test_a_third_party_never_reaches_an_edges_topics_whatever_its_line_says(
    tmp_path: Path, topic: str
) -> None:
    file = tmp_path / "broker-users"
    file.write_text("press:press-secret\n", encoding="utf-8")
    logins = HubLogins("hub", "hub-secret", FileLogins.read(file))
    assert not logins.may("press", topic, publish=False)
    assert not logins.may("press", topic, publish=True)
    assert logins.may("press", "fettle/v1/in/press/alarm", publish=True)
    assert logins.may("press", "line-1/state", publish=True)


def test_an_edge_speaks_only_on_its_own_topics(broker: EmbeddedBroker) -> None:
    with (
        Client(broker.port, "hub", "hub-secret") as hub,
        Client(broker.port, "edge-1", "edge-secret") as edge,
    ):
        assert not edge.code.is_failure
        hub.subscribe("fettle/v1/#")
        assert edge.subscribe("fettle/v1/edge-1/ack") == 1
        for other in ("fettle/v1/edge-2/ack", "fettle/v1/+/ack", "#", "fettle/v1/edge-1/up"):
            assert edge.subscribe(other) == 128
        for topic in ("fettle/v1/edge-2/up", "fettle/v1/edge-1/ack", "elsewhere", "fettle/v1/edge-1/up"):
            edge.publish(topic, b"x")
        wait_for(lambda: hub.heard)
        hub.publish("fettle/v1/edge-1/ack", b"y")
        wait_for(lambda: edge.heard)
        assert [topic for topic, _ in hub.heard] == ["fettle/v1/edge-1/up", "fettle/v1/edge-1/ack"]


def test_a_stranger_with_the_hubs_client_id_disturbs_nobody(broker: EmbeddedBroker) -> None:
    with Client(broker.port, "hub", "hub-secret", client_id="known") as hub:
        hub.subscribe("fettle/v1/+/up")
        for clean in (b"\x02", b"\x00"):
            with socket.create_connection(("127.0.0.1", broker.port)) as stranger:
                body = b"\x00\x04MQTT\x04" + clean + b"\x00\x3c\x00\x05known"
                stranger.sendall(b"\x10" + bytes([len(body)]) + body)
                assert stranger.recv(4)[3:] == b"\x05"
        with Client(broker.port, "edge-1", "edge-secret") as edge:
            edge.publish("fettle/v1/edge-1/up", b"still heard")
            wait_for(lambda: hub.heard)


def test_the_newer_connection_of_a_client_wins(broker: EmbeddedBroker) -> None:
    with Client(broker.port, "edge-1", "edge-secret", client_id="edge-1") as old:
        old.client.on_disconnect = lambda *_args: old.client.loop_stop()
        with (
            Client(broker.port, "hub", "hub-secret") as hub,
            Client(broker.port, "edge-1", "edge-secret", client_id="edge-1") as new,
        ):
            new.subscribe("fettle/v1/edge-1/ack")
            hub.publish("fettle/v1/edge-1/ack", b"a")
            wait_for(lambda: new.heard)


def test_a_retained_message_waits_for_who_comes_later(broker: EmbeddedBroker) -> None:
    with Client(broker.port, "hub", "hub-secret") as hub:
        hub.publish("fettle/v1/edge-1/config", b"{}", retain=True)
        with Client(broker.port, "edge-1", "edge-secret") as edge:
            edge.subscribe("fettle/v1/edge-1/config")
            wait_for(lambda: edge.heard == [("fettle/v1/edge-1/config", b"{}")])


def test_what_is_retained_for_others_is_not_for_a_new_client(broker: EmbeddedBroker) -> None:
    with (
        Client(broker.port, "hub", "hub-secret") as hub,
        Client(broker.port, "edge-1", "edge-secret") as first,
    ):
        hub.subscribe("fettle/v1/+/status")
        hub.publish("fettle/v1/edge-2/config", b"passwords of another edge", retain=True)
        hub.publish("fettle/v1/edge-2/status", b"{}", retain=True)
        # Somebody listens to it, or it would be held back anyway.
        hub.subscribe("fettle/v1/edge-2/config")
        wait_for(lambda: len(hub.heard) == 2)
        with Client(broker.port, "edge-1", "edge-secret") as edge:
            hub.publish("fettle/v1/edge-1/config", b"its own", retain=True)
            edge.subscribe("fettle/v1/edge-1/config")
            wait_for(lambda: edge.heard)
            assert edge.heard == [("fettle/v1/edge-1/config", b"its own")]
        assert first.heard == []


def test_a_last_will_is_left_only_on_ones_own_topics(broker: EmbeddedBroker) -> None:
    for topic in ("fettle/v1/edge-2/config", "fettle/v1/edge-2/up", "fettle/v1/edge-1/config"):
        with Client(broker.port, "edge-1", "edge-secret", will=topic) as edge:
            assert edge.code.is_failure
    with Client(broker.port, "edge-1", "edge-secret", will="fettle/v1/edge-1/status") as edge:
        assert not edge.code.is_failure


def test_one_edge_does_not_push_another_off_by_its_client_id(broker: EmbeddedBroker) -> None:
    with Client(broker.port, "hub", "hub-secret", client_id="same") as hub:
        hub.subscribe("fettle/v1/+/up")
        with Client(broker.port, "edge-1", "edge-secret", client_id="same") as edge:
            edge.publish("fettle/v1/edge-1/up", b"both are there")
            wait_for(lambda: hub.heard)


def test_a_connection_ends_with_the_login_that_opened_it(
    broker: EmbeddedBroker, sqlite_plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.hub.broker.LOOK_AGAIN_S", 0)
    ended = threading.Event()
    with (
        Client(broker.port, "hub", "hub-secret") as hub,
        Client(broker.port, "edge-1", "edge-secret") as edge,
    ):
        edge.client.on_disconnect = lambda *_args: ended.set()
        edge.subscribe("fettle/v1/edge-1/config")
        sqlite_plant.edge.password_hash = fleet.broker_hash("the next one")
        sqlite_plant.edge.save()
        fleet._logins.clear()
        hub.publish("fettle/v1/edge-1/config", b"passwords of the plant")
        assert ended.wait(5)
        assert edge.heard == []


def test_garbage_on_the_port_does_not_stop_the_broker(broker: EmbeddedBroker) -> None:
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\x7f", b"\x00" * 64, b"\x10\x04\x00\x04MQ"):
        with socket.create_connection(("127.0.0.1", broker.port)) as line:
            line.sendall(garbage)
    with Client(broker.port, "hub", "hub-secret") as hub:
        assert not hub.code.is_failure


def test_a_taken_port_is_told_by_name() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        broker = EmbeddedBroker("127.0.0.1", taken.getsockname()[1], FileLogins({}))
        broker.run(threading.Event())
        with pytest.raises(AppError) as caught:
            broker.wait_started()
    assert caught.value.code == "broker.port_taken"


@pytest.mark.parametrize(
    ("pattern", "name", "holds"),
    [
        ("#", "a/b", True),
        ("a/#", "a/b/c", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/+", "a/#", False),
        ("a/#", "a/#", True),
        ("a/+/c", "a/+/c", True),
        ("a/b", "a/+", False),
        ("a/b", "a", False),
    ],
)
def test_patterns_cover_topics_and_filters(pattern: str, name: str, holds: bool) -> None:
    assert covers(pattern, name) is holds


def test_lines_of_a_password_file(tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    hashed = fleet.broker_hash("line-3")
    file.write_text(
        f"# the plant\nmachine:plain pub=plant/line3/#\nedge:{hashed} sub=plant/# pub=\n", encoding="utf-8"
    )
    logins = FileLogins.read(file)
    assert logins.check("machine", "plain") and not logins.check("machine", "other")
    assert logins.check("edge", "line-3") and not logins.check("edge", hashed)
    assert logins.may("machine", "plant/line3/temp", True) and not logins.may("machine", "plant/line4", True)
    assert logins.may("edge", "plant/#", False) and not logins.may("edge", "plant/x", True)
    assert not logins.may("nobody", "plant/x", True)


@pytest.mark.parametrize("line", ["machine", "machine:", ":x", "machine:x both=a"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "passwords"
    file.write_text(f"ok:ok\n{line}\n", encoding="utf-8")
    with pytest.raises(AppError) as caught:
        FileLogins.read(file)
    assert (caught.value.code, caught.value.params["line"]) == ("broker.bad_line", "2")


def test_the_broker_alone_as_a_program(tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    file.write_text("machine:plain\n", encoding="utf-8")
    command = [sys.executable, "-m", "core.cli", "broker", "--port", "0", "--passwords", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        port = int(program.stdout.readline().rsplit(":", 1)[1])
        with Client(port, "machine", "plain") as client:
            assert client.subscribe("plant/#") == 1
        program.terminate()
        assert program.wait(10) == 0
    missing = subprocess.run(
        [*command[:-1], str(tmp_path / "none")], capture_output=True, text=True, check=False
    )
    assert missing.returncode == 2
    assert "none" in missing.stderr
