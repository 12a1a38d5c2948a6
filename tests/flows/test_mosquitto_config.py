"""The shipped Mosquitto configuration: starts, speaks TLS, lets nobody in without a login, keeps logins apart."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from core.hub.mosquitto import acl
from core.wire import topics
from tests.conftest import wait_for

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "installer" / "mosquitto" / "fettle.conf"
MOSQUITTO = Path("/usr/sbin/mosquitto")

pytestmark = pytest.mark.skipif(not MOSQUITTO.exists(), reason="Mosquitto is not installed")


@dataclass
class Broker:
    port: int
    certificate: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("mosquitto")
    certificate, key = folder / "fettle.crt", folder / "fettle.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    for name in ("hub", "line1"):
        create = [] if (folder / "passwords").exists() else ["-c"]
        subprocess.run(
            ["mosquitto_passwd", *create, "-b", folder / "passwords", name, f"secret-{name}"], check=True
        )
    (folder / "acl").write_text(acl("hub"), encoding="utf-8")
    port = free_port()
    text = SHIPPED.read_text(encoding="utf-8")
    for old, new in {
        "listener 8883": f"listener {port} 127.0.0.1",
        "/etc/mosquitto/certs": str(folder),
        "/var/lib/fettle-mosquitto": str(folder),
        "persistence true": f"persistence true\npersistence_location {folder}/\nuser root",
    }.items():
        assert old in text
        text = text.replace(old, new)
    config = folder / "fettle.conf"
    config.write_text(text, encoding="utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([MOSQUITTO, "-c", config], stdout=log, stderr=log)
        try:
            wait_for(lambda: process.poll() is not None or answers(port))
            assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
            yield Broker(port, certificate)
        finally:
            process.terminate()
            process.wait(10)


def connect(broker: Broker, name: str, password: str) -> tuple[mqtt.Client, list[str]]:
    """A client, and the reason codes of its connection as they come."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"test-{name}")
    client.tls_set(str(broker.certificate))
    if name:
        client.username_pw_set(name, password)
    said: list[str] = []
    client.on_connect = lambda _client, _data, _flags, reason, _properties: said.append(str(reason))
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    wait_for(lambda: said)
    return client, said


@pytest.mark.parametrize(("name", "password"), [("", ""), ("line1", "wrong"), ("stranger", "secret-line1")])
def test_nobody_gets_in_without_a_login(broker: Broker, name: str, password: str) -> None:
    client, said = connect(broker, name, password)
    client.disconnect()
    client.loop_stop()
    assert said[0] != "Success"


def test_an_edge_reaches_its_own_topics_only(broker: Broker) -> None:
    hub, said_hub = connect(broker, "hub", "secret-hub")
    edge, said_edge = connect(broker, "line1", "secret-line1")
    assert (said_hub[0], said_edge[0]) == ("Success", "Success")
    heard: list[str] = []
    subscribed = [threading.Event(), threading.Event()]
    for client, event in zip((hub, edge), subscribed, strict=True):
        client.on_message = lambda _client, _data, message: heard.append(message.topic)
        client.on_subscribe = lambda *_arguments, event=event: event.set()
    hub.subscribe(topics.every_edge(topics.UP), qos=1)
    edge.subscribe([(topics.topic("line1", topics.ACK), 1), (topics.topic("line2", topics.ACK), 1)])
    assert all(event.wait(10) for event in subscribed)
    edge.publish(topics.topic("line2", topics.UP), b"not mine", qos=1).wait_for_publish(10)
    hub.publish(topics.topic("line2", topics.ACK), b"not for line1", qos=1).wait_for_publish(10)
    edge.publish(topics.topic("line1", topics.UP), b"mine", qos=1).wait_for_publish(10)
    hub.publish(topics.topic("line1", topics.ACK), b"for line1", qos=1).wait_for_publish(10)
    wait_for(lambda: len(heard) >= 2)
    for client in (hub, edge):
        client.disconnect()
        client.loop_stop()
    assert sorted(heard) == ["fettle/v1/line1/ack", "fettle/v1/line1/up"]


def test_plain_connections_are_not_spoken_to(broker: Broker) -> None:
    with socket.create_connection(("127.0.0.1", broker.port), timeout=10) as plain:
        plain.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00")
        try:
            answer = plain.recv(16)
        except ConnectionResetError:
            answer = b""
    assert not answer.startswith(b"\x20")  # CONNACK
