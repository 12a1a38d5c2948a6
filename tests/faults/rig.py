"""A whole plant under test: device with coils, edge, broker, one or two hubs, proxies between them; real programs.

Three set-ups: SQLite with the broker embedded in the hub, SQLite with Mosquitto, and PostgreSQL with Mosquitto and two
hub workers that share one subscription. Knows how to start and stop things, not what is right.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyModbusTCP.server import ModbusServer

from core.services import fleet
from core.storage import db, migrate
from core.storage.tables import AssetRow, EdgeRow, PersonRow, TeamMemberRow, TeamRow
from core.wire.uplink import EdgeJoined
from tests.conftest import wait_for
from tests.faults.prefork import Nursery, Program
from tests.faults.proxy import Proxy

SETUPS = ("sqlite-amqtt", "sqlite-mosquitto", "postgresql-mosquitto")
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
EDGE, PASSWORD, ASSET = "edge-1", "the-edges-own-password", "A-00001"
COILS = 20

_LEDGER = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS ledger (n INTEGER PRIMARY KEY, epoch TEXT, seq INTEGER, body TEXT);
INSERT INTO ledger (epoch, seq, body) SELECT (SELECT value FROM meta WHERE key = 'epoch'), seq, body FROM events
    WHERE NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'keep') ORDER BY seq;
CREATE TRIGGER IF NOT EXISTS keep AFTER INSERT ON events BEGIN
    INSERT INTO ledger (epoch, seq, body) VALUES ((SELECT value FROM meta WHERE key = 'epoch'), NEW.seq, NEW.body);
END;
COMMIT;
"""


def free_port() -> int:
    """A port that nobody has."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody answers there."""
    with closing(socket.socket()) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Mosquitto:
    """The broker as a process of its own, without persistence."""

    name = "broker"

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "mosquitto.conf").write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous false\nuser root\n"
            f"password_file {folder}/passwords\nacl_file {folder}/acl\nset_tcp_nodelay true\n"
        )

    def start(self) -> None:
        """Start it unless it runs."""
        if self._process is None or self._process.poll() is not None:
            with (self._folder / "broker.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [MOSQUITTO, "-c", str(self._folder / "mosquitto.conf")], stdout=log, stderr=log
                )

    def kill(self) -> None:
        """With -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Postgres:
    """A cluster of its own, on a socket in its own folder."""

    name = "database"

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        self._bin = found[-1].parent
        self.folder = Path(tempfile.mkdtemp(prefix="fettle-faults-pg-"))
        self._as_owner: list[str] = []
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self.folder, "postgres", "postgres")
            self._as_owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        self._data = self.folder / "data"
        self._run("initdb", "-A", "trust", "-U", "fettle", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self.url = f"postgresql://fettle@localhost/postgres?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_owner, str(self._bin / program), "-D", str(self._data), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def start(self) -> None:
        """Start it; returns when it answers."""
        # No power cut is played here: what the system has taken is kept when the processes die.
        how = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off -c max_connections=60"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", how, "start")

    def kill(self) -> None:
        """All its processes at once, with recovery at the next start."""
        subprocess.run(
            [*self._as_owner, str(self._bin / "pg_ctl"), "-D", str(self._data), "-m", "immediate", "-w", "stop"],
            check=False, capture_output=True,
        )  # fmt: skip

    @property
    def runs(self) -> bool:
        """Whether it has been started and not killed since."""
        return (self._data / "postmaster.pid").exists()

    def kill_backends(self) -> None:
        """The connections of the hubs end in the middle of whatever they do."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

    def close(self) -> None:
        """End and remove it."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Rig:
    """One set-up in one folder; `start` it, `close` it. `brisk`: pauses before reconnecting are cut to a tenth."""

    def __init__(
        self, setup: str, folder: Path, nursery: Nursery, brisk: bool = True, port: int | None = None
    ) -> None:
        self.setup, self.folder, self.nursery, self.brisk = setup, folder, nursery, brisk
        folder.mkdir(parents=True, exist_ok=True)
        self.postgres: Postgres | None = None
        self.device = ModbusServer("127.0.0.1", port or free_port(), no_block=True)
        self.coils = [False] * COILS
        self._coils_lock = threading.Lock()
        self.broker_port = free_port()
        self.edge_line = Proxy(self.broker_port)
        self.hub_line: Proxy | None = None
        self.http_ports: list[int] = []
        self.hubs: list[Program] = []
        self.broker: Mosquitto | None = None
        if setup != "sqlite-amqtt":
            self.hub_line = Proxy(self.broker_port)
            self.broker = Mosquitto(folder, self.broker_port)
        workers = 1
        if setup == "postgresql-mosquitto":
            self.postgres = Postgres()
            self.postgres.start()
            workers = 2
        self.edge = Program(
            nursery, "edge", folder / "edge.log",
            "edge", "run", "--data-dir", str(folder / "edge"), "--config", str(folder / "edge.yaml"),
        )  # fmt: skip
        for number in range(workers):
            self._add_hub(number)
        self._prepare_database()
        self._prepare_edge()
        if brisk:
            for program in self.programs:
                program.changes.append("brisk")

    @property
    def programs(self) -> list[Program]:
        """Those of ours."""
        return [self.edge, *self.hubs]

    @property
    def outbox(self) -> Path:
        """The edge's file."""
        return self.folder / "edge" / "outbox.db"

    @property
    def hub_file(self) -> Path:
        """The hub's file, when it is SQLite."""
        return self.folder / "hub-0" / "hub.db"

    def _add_hub(self, number: int) -> None:
        data = self.folder / f"hub-{number}"
        data.mkdir(exist_ok=True)
        http = free_port()
        self.http_ports.append(http)
        text = f'data_dir = "{data}"\nlog_level = "INFO"\nlanguage = "en"\n'
        if self.postgres is not None:
            text += f'database_url = "{self.postgres.url}"\n'
        text += f"[http]\nport = {http}\n[broker]\n"
        if self.hub_line is None:
            text += f"port = {self.broker_port}\n"
        else:
            text += f'url = "mqtt://127.0.0.1:{self.hub_line.port}"\npassword = "hub-password"\n'
            if number == 0:
                text += f'mosquitto_dir = "{self.folder}"\n'
            if self.postgres is not None:
                text += 'shared_group = "hub"\n'
        settings = self.folder / f"hub-{number}.toml"
        settings.write_text(text)
        log = self.folder / f"hub-{number}.log"
        self.hubs.append(Program(self.nursery, f"hub {number}", log, "hub", "--settings", str(settings)))

    def _prepare_database(self) -> None:
        opened = db.open_database(self.postgres.url if self.postgres else "", self.hub_file)
        migrate.up(opened, self.folder / "backups")
        with opened.connection_context() if self.postgres else closing(opened):
            team = TeamRow.create(name="fitters")
            person = PersonRow.create(name="Wang", roles=["technician"])
            TeamMemberRow.create(team=team, person=person)
            AssetRow.create(number=ASSET, name="Press", team=team)
            now = datetime.now(UTC)
            EdgeRow.create(
                edge_id=EDGE, name="Hall 1", password_hash=fleet.broker_hash(PASSWORD), joined_at=now
            )
        db.close()

    def _prepare_edge(self) -> None:
        data = self.folder / "edge"
        data.mkdir(exist_ok=True)
        login = EdgeJoined(
            edge=EDGE, name="Hall 1", mqtt_host="127.0.0.1", mqtt_port=self.edge_line.port, password=PASSWORD,
            http_url=f"http://127.0.0.1:{self.http_ports[0]}",
        )  # fmt: skip
        (data / "login.json").write_text(login.model_dump_json())
        config = {
            "edge": EDGE,
            "version": 1,
            # Here the same alarms come again and again within seconds, which is what is wanted.
            "alarms": {"chatter_raises": 100, "chatter_window_s": 10, "flood_raises": 1000, "flood_window_s": 60},
            "devices": [
                {"kind": "modbus_tcp", "id": "plc", "name": "PLC", "asset": ASSET, "host": "127.0.0.1",
                 "port": self.device.port, "poll_ms": 40, "offline_after_s": 60}
            ],
            "points": [
                {"id": f"p{n}", "device": "plc", "name": f"trip {n}", "asset": ASSET, "area": "coil",
                 "address": n, "type": "bool"}
                for n in range(COILS)
            ],
            "rules": [
                {"id": f"r{n}", "name": f"trip {n}", "point": f"p{n}", "asset": ASSET, "condition": "bit"}
                for n in range(COILS)
            ],
        }  # fmt: skip
        (self.folder / "edge.yaml").write_text(json.dumps(config))  # JSON is YAML

    # -- running

    def start(self) -> None:
        """All of it; returns once the edge keeps its ledger."""
        self.device.start()
        for hub in self.hubs:
            hub.start()
        if self.broker is not None:
            wait_for(lambda: (self.folder / "acl").exists(), 60)  # written after the passwords
            self.broker.start()
        wait_for(lambda: listens(self.broker_port), 60)
        self.edge.start()
        self.keep_ledger()

    def keep_ledger(self) -> None:
        """Have the edge's own transactions write the ledger, from its first event on."""

        def begun() -> bool:
            try:
                with closing(sqlite3.connect(f"file:{self.outbox}?mode=rw", uri=True, timeout=10)) as outbox:
                    if not outbox.execute("SELECT count(*) FROM events").fetchone()[0]:
                        return False
                    outbox.executescript(_LEDGER)
                    return True
            except sqlite3.OperationalError:
                return False

        wait_for(begun, 60)

    def up(self) -> None:
        """Whatever has been killed runs again, and the lines are fair."""
        if self.postgres is not None and not self.postgres.runs:
            self.postgres.start()
        for hub in self.hubs:
            hub.start()
        if self.broker is not None:
            self.broker.start()
        self.edge.start()
        for line in self.lines:
            line.fair()

    @property
    def lines(self) -> list[Proxy]:
        """The lines that can be spoiled."""
        return [self.edge_line, *([self.hub_line] if self.hub_line else [])]

    def switch(self, numbers: Iterable[int]) -> None:
        """Turn these coils over."""
        for number in numbers:
            self.coils[number] = not self.coils[number]
        self.device.data_bank.set_coils(0, self.coils)

    def close(self) -> None:
        """End all of it."""
        for program in self.programs:
            program.kill()
        if self.broker is not None:
            self.broker.kill()
        for line in self.lines:
            line.close()
        self.device.stop()
        if self.postgres is not None:
            self.postgres.close()

    # -- looking, from outside and without a trace

    def of_edge(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the outbox."""
        with closing(sqlite3.connect(f"file:{self.outbox}?mode=ro", uri=True, timeout=10)) as outbox:
            return outbox.execute(query, values).fetchall()

    def of_hub(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the hub's database; `?` stands for a value."""
        if self.postgres is not None:
            import psycopg

            with psycopg.connect(self.postgres.url, autocommit=True) as connection:
                return connection.execute(query.replace("?", "%s"), values).fetchall()
        with closing(sqlite3.connect(f"file:{self.hub_file}?mode=ro", uri=True, timeout=10)) as hub:
            return hub.execute(query, values).fetchall()
