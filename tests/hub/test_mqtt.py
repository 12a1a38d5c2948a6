"""From an edge's MQTT message to the committed ticket and back, on the embedded broker and on Mosquitto."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import AppError
from core.hub.broker import EmbeddedBroker
from core.hub.broker_logins import HubLogins
from core.hub.mosquitto import MosquittoFiles
from core.hub.mqtt import Address, HubMqtt
from core.services import fleet
from core.storage import db
from core.storage.tables import DeadLetterRow, EdgeConfigRow, EdgeRow, JournalRow, OccurrenceRow, TicketRow
from core.wire.uplink import EdgeStatus, PointSample, Telemetry, UplinkAck
from tests.conftest import wait_for
from tests.hub.conftest import Plant
from tests.hub.test_broker import Client
from tests.hub.uplink import batch, born, raised

MOSQUITTO = Path("/usr/sbin/mosquitto")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def mosquitto(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A real Mosquitto that reads the hub's `passwords` and `acl` in `folder`."""
    if not MOSQUITTO.exists():
        pytest.skip("Mosquitto is not installed: apt-get install mosquitto")
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {folder}/passwords\n"
        f"acl_file {folder}/acl\npid_file {folder}/mosquitto.pid\nset_tcp_nodelay true\nuser root\n"
    )
    with subprocess.Popen(
        [str(MOSQUITTO), "-c", str(folder / "mosquitto.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            wait_for(lambda: answers(port))
            yield server
        finally:
            server.terminate()


@contextmanager
def embedded(port: int = 0) -> Iterator[EmbeddedBroker]:
    """The embedded broker with the hub's logins."""
    stop = threading.Event()
    broker = EmbeddedBroker("127.0.0.1", port, HubLogins("hub", "hub-secret"))
    thread = threading.Thread(target=broker.run, args=(stop,))
    thread.start()
    broker.wait_started()
    try:
        yield broker
    finally:
        stop.set()
        thread.join(10)


@contextmanager
def running(mqtt: HubMqtt) -> Iterator[HubMqtt]:
    """The hub's two threads."""
    stop = threading.Event()

    def work() -> None:
        mqtt.work(stop)
        db.close()

    threads = [threading.Thread(target=mqtt.run, args=(stop,)), threading.Thread(target=work)]
    for thread in threads:
        thread.start()
    try:
        yield mqtt
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)


@pytest.fixture(params=["embedded", "mosquitto"])
def port(request: pytest.FixtureRequest, sqlite_plant: Plant, tmp_path: Path) -> Iterator[int]:
    """A hub connected to a broker of each kind; the broker's port."""
    plant = sqlite_plant
    plant.edge.password_hash = fleet.broker_hash("edge-secret")
    plant.edge.save()
    fleet._logins.clear()
    with ExitStack() as stack:
        on_change = None
        if request.param == "embedded":
            found = stack.enter_context(embedded()).port
        else:
            found = free_port()
            files = MosquittoFiles(tmp_path, "hub", "hub-secret")
            files.update()
            on_change = files.update
            stack.enter_context(mosquitto(tmp_path, found))
        mqtt = stack.enter_context(
            running(HubMqtt(Address("127.0.0.1", found, "hub", "hub-secret"), on_change))
        )
        wait_for(lambda: mqtt.connected)
        yield found


@pytest.fixture
def edge(port: int) -> Iterator[Client]:
    """An edge that listens to its acknowledgements and its configuration."""
    with Client(port, "edge-1", "edge-secret", client_id="edge-1") as client:
        assert client.subscribe("fettle/v1/edge-1/ack") == 1
        assert client.subscribe("fettle/v1/edge-1/config") == 1
        yield client


def acks(edge: Client) -> list[UplinkAck]:
    return [UplinkAck.model_validate_json(body) for topic, body in edge.heard if topic.endswith("/ack")]


def test_a_batch_becomes_a_ticket_and_is_acknowledged_each_time(edge: Client) -> None:
    now = datetime.now(UTC)
    sent = batch((1, born()), (2, raised("a", now)), at=now).model_dump_json().encode()
    edge.publish("fettle/v1/edge-1/up", sent)
    wait_for(lambda: acks(edge))
    assert TicketRow.get().state in ("assigned", "new")  # committed before it was acknowledged
    edge.publish("fettle/v1/edge-1/up", sent)
    wait_for(lambda: len(acks(edge)) == 2)
    assert [ack.through for ack in acks(edge)] == [2, 2]
    assert OccurrenceRow.select().count() == 1


def test_garbage_between_good_batches_harms_nothing(edge: Client) -> None:
    now = datetime.now(UTC)
    for payload in (b"", b"{", b"\xff" * 500, b'{"v":1,"edge":"edge-1"}'):
        edge.publish("fettle/v1/edge-1/up", payload)
        edge.publish("fettle/v1/edge-1/telemetry", payload)
        edge.publish("fettle/v1/edge-1/reply", payload)
    edge.publish("fettle/v1/edge-1/up", batch((1, raised("a", now)), at=now).model_dump_json().encode())
    wait_for(lambda: acks(edge))
    assert TicketRow.select().count() == 1
    assert DeadLetterRow.select().count() >= 3


def test_status_and_telemetry_reach_the_hub(edge: Client) -> None:
    now = datetime.now(UTC)
    told = EdgeStatus(edge="edge-1", online=True, at=now, config_version=3)
    edge.publish("fettle/v1/edge-1/status", told.model_dump_json().encode(), retain=True)
    wait_for(lambda: EdgeRow.get().online)
    sample = PointSample(id="7", at=now, quality="good", last=21.5)
    telemetry = Telemetry(edge="edge-1", at=now, points=[sample])
    edge.publish("fettle/v1/edge-1/telemetry", telemetry.model_dump_json().encode())
    wait_for(lambda: fleet.latest("edge-1", 7) is not None)
    verbs = [row.verb for row in JournalRow.select().order_by(JournalRow.id)]
    assert verbs == ["edge.online", "edge.config_applied"]


def test_nobody_speaks_for_another_edge(edge: Client) -> None:
    now = datetime.now(UTC)
    other = EdgeStatus(edge="edge-2", online=True, at=now)
    edge.publish("fettle/v1/edge-1/status", other.model_dump_json().encode())
    edge.publish("fettle/v1/edge-1/up", batch((1, born()), at=now, edge="edge-2").model_dump_json().encode())
    edge.publish("fettle/v1/edge-1/up", batch((1, born()), at=now).model_dump_json().encode())
    wait_for(lambda: acks(edge))
    assert DeadLetterRow.get().code == "uplink.other_edge"
    assert not EdgeRow.get().online


def push(edge_row: EdgeRow, version: int) -> None:
    @db.transaction
    def write() -> None:
        body = {"v": 1, "edge": edge_row.edge_id, "version": version}
        EdgeConfigRow.create(edge=edge_row, config_version=version, body=body, pushed_at=datetime.now(UTC))
        EdgeRow.update(config_version=version).where(EdgeRow.id == edge_row.id).execute()
        from core.domain.people import SYSTEM
        from core.services import journal

        journal.write(SYSTEM, "edge.config_pushed", "edge", edge_row.id, datetime.now(UTC))

    write()


def test_a_pushed_configuration_is_published_retained(edge: Client, port: int) -> None:
    push(EdgeRow.get(), 1)
    wait_for(lambda: any(topic.endswith("/config") for topic, _ in edge.heard))
    with Client(port, "edge-1", "edge-secret", client_id="later") as later:
        later.subscribe("fettle/v1/edge-1/config")
        wait_for(lambda: any(b'"version": 1' in body for _, body in later.heard))


def test_the_hub_comes_back_when_the_broker_was_killed(sqlite_plant: Plant) -> None:
    sqlite_plant.edge.password_hash = fleet.broker_hash("edge-secret")
    sqlite_plant.edge.save()
    fleet._logins.clear()
    push(sqlite_plant.edge, 1)
    now = datetime.now(UTC)
    with ExitStack() as stack:
        with embedded() as first:
            port = first.port
            mqtt = stack.enter_context(running(HubMqtt(Address("127.0.0.1", port, "hub", "hub-secret"))))
            wait_for(lambda: mqtt.connected)
        wait_for(lambda: not mqtt.connected)
        stack.enter_context(embedded(port))  # it remembers nothing
        wait_for(lambda: mqtt.connected, 20)
        with Client(port, "edge-1", "edge-secret") as edge:
            edge.subscribe("fettle/v1/edge-1/ack")
            edge.subscribe("fettle/v1/edge-1/config")
            edge.publish("fettle/v1/edge-1/up", batch((1, born()), at=now).model_dump_json().encode())
            wait_for(lambda: acks(edge))
            wait_for(lambda: any(topic.endswith("/config") for topic, _ in edge.heard))


def test_a_new_edge_gets_its_login_in_mosquitto(sqlite_plant: Plant, tmp_path: Path) -> None:
    port = free_port()
    files = MosquittoFiles(tmp_path, "hub", "hub-secret")
    assert files.update()
    assert not files.update()
    with mosquitto(tmp_path, port):
        EdgeRow.create(
            edge_id="edge-2",
            name="二车间",
            password_hash=fleet.broker_hash("two"),
            joined_at=datetime.now(UTC),
        )
        with Client(port, "edge-2", "two") as early:
            assert early.code.is_failure
        assert files.update()

        def let_in() -> bool:
            with Client(port, "edge-2", "two") as late:
                return not late.code.is_failure

        wait_for(let_in)


@pytest.mark.parametrize("url", ["http://x", "mqtt://", "mqtt"])
def test_a_broker_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(AppError) as caught:
        Address.of_url(url, "hub", "x")
    assert caught.value.code == "settings.bad_value"
