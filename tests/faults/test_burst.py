"""Hub, broker and edge killed with -9 in turn during a burst of alarm events: none is lost, none is doubled.

The truth is a ledger that a trigger writes inside the edge's own transactions, not the outbox's own account.
"""

from __future__ import annotations

import json
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyModbusTCP.server import ModbusServer

from core.services import fleet
from core.storage import db, migrate
from core.storage.tables import AssetRow, EdgeRow, PersonRow, TeamMemberRow, TeamRow
from core.wire.uplink import EdgeJoined
from tests.conftest import wait_for

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
COILS = 50
SLICE = 10  # coils switched at once; one program is killed meanwhile
EVENTS = 4 * COILS  # all of them go on and off twice

_LEDGER = """
CREATE TABLE ledger (n INTEGER PRIMARY KEY, epoch TEXT, seq INTEGER, body TEXT);
INSERT INTO ledger (epoch, seq, body) SELECT (SELECT value FROM meta WHERE key = 'epoch'), seq, body FROM events;
CREATE TRIGGER keep AFTER INSERT ON events BEGIN
    INSERT INTO ledger (epoch, seq, body) VALUES ((SELECT value FROM meta WHERE key = 'epoch'), NEW.seq, NEW.body);
END;
"""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Program:
    """A process that is killed without warning, and started again."""

    def __init__(self, log: Path, *command: str) -> None:
        self._log, self._command = log, command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Plant:
    """A hub, a broker of its own, an edge, and a Modbus device with coils; real programs in one folder."""

    def __init__(self, folder: Path, broker: str) -> None:
        self.folder = folder
        self.mqtt_port, self.http_port = free_port(), free_port()
        self.device = ModbusServer("127.0.0.1", free_port(), no_block=True)
        password = "the-edges-own-password"
        self._prepare_hub(password)
        fettle = (sys.executable, "-m", "core.cli")
        if broker == "mosquitto":
            conf = folder / "mosquitto.conf"
            conf.write_text(
                f"listener {self.mqtt_port} 127.0.0.1\nallow_anonymous false\nuser root\n"
                f"password_file {folder}/passwords\nacl_file {folder}/acl\nset_tcp_nodelay true\n"
            )
            serve: tuple[str, ...] = (MOSQUITTO, "-c", str(conf))
        else:
            users = folder / "users"
            users.write_text(f"hub:hub-password\nedge-1:{password}\n")
            serve = (*fettle, "broker", "--port", str(self.mqtt_port), "--passwords", str(users))
        self._prepare_edge(password)
        self.hub = Program(folder / "hub.log", *fettle, "hub", "--settings", str(folder / "hub.toml"))
        self.broker = Program(folder / "broker.log", *serve)
        self.edge = Program(
            folder / "edge.log", *fettle, "edge", "run", "--data-dir", str(folder / "edge"),
            "--config", str(folder / "edge.yaml"),
        )  # fmt: skip

    def _prepare_hub(self, password: str) -> None:
        data = self.folder / "hub"
        data.mkdir()
        opened = db.open_database("", data / "hub.db")
        migrate.up(opened, data / "backups")
        team = TeamRow.create(name="fitters")
        person = PersonRow.create(name="Wang", roles=["technician"])
        TeamMemberRow.create(team=team, person=person)
        AssetRow.create(number="A-00001", name="Press", team=team)
        now = datetime.now(UTC)
        EdgeRow.create(
            edge_id="edge-1", name="Hall 1", password_hash=fleet.broker_hash(password), joined_at=now
        )
        db.close()
        (self.folder / "hub.toml").write_text(
            f'data_dir = "{data}"\nlog_level = "INFO"\n[http]\nport = {self.http_port}\n'
            f'[broker]\nurl = "mqtt://127.0.0.1:{self.mqtt_port}"\npassword = "hub-password"\n'
            f'mosquitto_dir = "{self.folder}"\n'
        )

    def _prepare_edge(self, password: str) -> None:
        data = self.folder / "edge"
        data.mkdir()
        login = EdgeJoined(
            edge="edge-1", name="Hall 1", mqtt_host="127.0.0.1", mqtt_port=self.mqtt_port, password=password,
            http_url=f"http://127.0.0.1:{self.http_port}",
        )  # fmt: skip
        (data / "login.json").write_text(login.model_dump_json())
        config = {
            "edge": "edge-1",
            "version": 1,
            "devices": [
                {"kind": "modbus_tcp", "id": "plc", "name": "PLC", "asset": "A-00001", "host": "127.0.0.1",
                 "port": self.device.port, "poll_ms": 50, "offline_after_s": 60}
            ],
            "points": [
                {"id": f"p{n}", "device": "plc", "name": f"trip {n}", "asset": "A-00001", "area": "coil",
                 "address": n, "type": "bool"}
                for n in range(COILS)
            ],
            "rules": [
                {"id": f"r{n}", "name": f"trip {n}", "point": f"p{n}", "asset": "A-00001", "condition": "bit"}
                for n in range(COILS)
            ],
        }  # fmt: skip
        (self.folder / "edge.yaml").write_text(json.dumps(config))  # JSON is YAML

    def start(self) -> None:
        """All of it; returns once the edge keeps its ledger."""
        self.device.start()
        self.hub.start()
        wait_for(lambda: (self.folder / "acl").exists(), 60)  # written after the passwords
        self.broker.start()
        wait_for(lambda: listens(self.mqtt_port), 30)
        self.edge.start()
        wait_for(self._has_begun, 30)
        with closing(self._outbox()) as outbox:
            outbox.executescript(_LEDGER)
        wait_for(lambda: self.received() == self.ledger(), 30)

    def stop(self) -> None:
        for program in (self.edge, self.hub, self.broker):
            program.kill()
        self.device.stop()

    def set_coils(self, first: int, on: bool) -> None:
        """Switch one slice."""
        self.device.data_bank.set_coils(first, [on] * SLICE)

    def _outbox(self) -> sqlite3.Connection:
        return sqlite3.connect(self.folder / "edge" / "outbox.db", timeout=10)

    def _has_begun(self) -> bool:
        if not (self.folder / "edge" / "outbox.db").exists():
            return False
        try:
            with closing(self._outbox()) as outbox:
                return bool(outbox.execute("SELECT count(*) FROM events").fetchone()[0])
        except sqlite3.OperationalError:
            return False

    def ledger(self) -> dict[tuple[str, int], dict[str, Any]]:
        """All events that the edge has ever committed, by their keys."""
        with closing(self._outbox()) as outbox:
            rows = outbox.execute("SELECT epoch, seq, body FROM ledger").fetchall()
        assert len(rows) == len({(epoch, seq) for epoch, seq, _ in rows}), "a number was given out twice"
        return {(epoch, seq): _plain(json.loads(body)["body"]) for epoch, seq, body in rows}

    def acknowledged(self) -> set[tuple[str, int]]:
        """Keys of the events that the edge believes to be safe in the hub."""
        query = (
            "SELECT (SELECT value FROM meta WHERE key = 'epoch'), seq FROM events WHERE acked_at IS NOT NULL"
        )
        with closing(self._outbox()) as outbox:
            return set(outbox.execute(query).fetchall())

    def of_hub(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the hub's database, read from outside."""
        with closing(sqlite3.connect(self.folder / "hub" / "hub.db", timeout=10)) as hub:
            return hub.execute(query).fetchall()

    def received(self) -> dict[tuple[str, int], dict[str, Any]]:
        """All events that the hub has taken in and applied, by their keys."""
        rows = self.of_hub("SELECT epoch, seq, body FROM uplink_event_row WHERE applied_at IS NOT NULL")
        return {(epoch, seq): _plain(json.loads(body)) for epoch, seq, body in rows}


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """An event without its chart's figures and with times as both sides write them alike."""
    kept = ("kind", "occurrence", "rule", "asset")
    return {name: body.get(name, "") for name in kept}


def alarms_in(events: dict[tuple[str, int], dict[str, Any]]) -> list[dict[str, Any]]:
    return [body for body in events.values() if body["kind"] in ("alarm_raised", "alarm_cleared")]


@pytest.fixture(params=["amqtt", "mosquitto"])
def plant(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Plant]:
    if request.param == "mosquitto" and not Path(MOSQUITTO).exists():
        pytest.skip("Mosquitto is not installed: apt-get install mosquitto")
    plant = Plant(tmp_path, request.param)
    try:
        plant.start()
        yield plant
    finally:
        plant.stop()


@pytest.mark.timeout(300)
def test_kills_during_a_burst_lose_and_double_nothing(plant: Plant) -> None:
    chance = random.Random(20260310)
    victims = [plant.hub, plant.broker, plant.edge]
    for step in range(EVENTS // SLICE):
        first, on = step * SLICE % COILS, step * SLICE // COILS % 2 == 0
        plant.set_coils(first, on)
        victim = victims[step % 3]
        time.sleep(chance.uniform(0, 0.2))  # not a wait for anything: the moment of death is left to chance
        victim.kill()
        assert plant.acknowledged() <= plant.received().keys(), "acknowledged before it was committed"
        victim.start()
        wait_for(lambda: len(alarms_in(plant.ledger())) >= (step + 1) * SLICE, 60)  # noqa: B023  # called at once
    wait_for(lambda: plant.received() == plant.ledger(), 90)

    events = plant.ledger()
    assert len(alarms_in(events)) == EVENTS
    raises = [body for body in events.values() if body["kind"] == "alarm_raised"]
    occurrences = plant.of_hub("SELECT occurrence FROM occurrence_row")
    assert sorted(row[0] for row in occurrences) == sorted(body["occurrence"] for body in raises)
    tickets = plant.of_hub(
        "SELECT a.rule_key, t.occurrences FROM ticket_row t JOIN alarm_row a ON a.key = t.dedup_key"
    )
    assert Counter(dict(tickets)) == Counter(
        body["rule"] for body in raises
    )  # one ticket a rule, each raise once
    assert len(tickets) == COILS
    assert plant.of_hub("SELECT count(*) FROM alarm_row WHERE active = 1") == [(0,)]
    assert plant.of_hub("SELECT count(*) FROM dead_letter_row") == [(0,)]


@pytest.mark.timeout(120)
def test_a_hub_that_acknowledges_before_it_commits_is_caught(plant: Plant) -> None:
    """The harness itself is tried: with this fault, which later events would heal, its check must fail."""
    plant.hub.kill()
    before = plant.acknowledged()
    eager = (
        sys.executable,
        "-m",
        "tests.faults.eager_hub",
        "hub",
        "--settings",
        str(plant.folder / "hub.toml"),
    )
    plant.hub = Program(plant.folder / "eager.log", *eager)
    plant.hub.start()
    plant.set_coils(0, True)
    wait_for(plant.hub.has_ended, 60)
    wait_for(lambda: plant.acknowledged() > before, 30)
    assert not plant.acknowledged() <= plant.received().keys()
