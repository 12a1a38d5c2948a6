"""Puts a hub together: database, broker, workers, doors. The only place in the hub where threads start.

Knows the order in which things begin and end, and nothing of what they do.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType

import anyio.to_thread
import uvicorn
from fastapi import FastAPI
from uvicorn.server import HANDLED_SIGNALS

from core import __version__, log
from core.errors import AppError
from core.hub import jobs, mosquitto, mqtt
from core.hub.addresses import listen, own_url
from core.hub.broker import EmbeddedBroker
from core.hub.broker_logins import FileLogins, HubLogins
from core.hub.feed import BEAT_S, Feed
from core.hub.lines import PatientLine
from core.hub.lock import DataLock
from core.hub.web import build
from core.paths import private_dir
from core.services import history, restores, setup
from core.services import settings as plant
from core.settings import HubSettings
from core.storage import db, migrate

logger = log.get("hub.app")

REQUEST_THREADS = 16
STOP_S = 5  # how long answers under way may take when the hub stops
RUN_FILE = "run.json"
BROKER_USERS = "broker-users"  # logins of programs without our agent, as `fettle broker` reads them


class _Server(uvicorn.Server):
    """Tells the streams to end before it waits for connections to close."""

    def __init__(self, config: uvicorn.Config, before_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_exit = before_exit

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does, without raising the signal again at the end: the hub still has things to put away."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {sig: signal.signal(sig, self.handle_exit) for sig in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._before_exit()
        super().handle_exit(sig, frame)


class Hub:
    """One hub: `open`, then `serve` until `stop`. Nothing happens before `open`."""

    def __init__(self, settings: HubSettings, beat_s: float = BEAT_S) -> None:
        self.settings = settings
        self.feed = Feed(beat_s)
        self.setup_code: str | None = None
        self.url = ""
        self.mqtt_port = 0
        self._data = DataLock(settings.data_dir)
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._stopping = threading.Event()
        self._workers: list[threading.Thread] = []
        self._broker_stopping = threading.Event()
        self._broker_thread: list[threading.Thread] = []

    @property
    def port(self) -> int:
        """The port that HTTP really listens on."""
        return 0 if self._socket is None else int(self._socket.getsockname()[1])

    @property
    def mqtt_address(self) -> str:
        """Where edges reach the broker."""
        return self.settings.broker.url or f"mqtt://{self.settings.broker.bind}:{self.mqtt_port}"

    @property
    def edges_shut_out(self) -> bool:
        """Whether other computers reach the hub but not its broker, so that no edge there can join."""
        return plant.broker_only_here() and not plant.is_loopback(self.settings.http.host)

    @property
    def run_file(self) -> Path:
        """Where other programs of this computer read how to reach the hub."""
        return self.settings.data_dir / RUN_FILE

    def lock(self) -> None:
        """Take the data folder for this process; AppError `hub.data_dir` or `hub.already_running`."""
        prepare_data_dir(self.settings.data_dir)
        self._data.take()

    def open(self) -> None:
        """Lock the folder, take the port, bring the database up to date. AppError tells what stands in the way."""
        check_tls(self.settings)
        self.lock()
        try:
            self._socket = listen(self.settings.http.host, self.settings.http.port)
            self.url = own_url(self.settings, self.port)
            open_database(self.settings, self.url)
            history.begin(self.settings.data_dir)
            self.setup_code = setup.begin()
            restores.begin(self.settings.data_dir)
        except BaseException:
            self.close()
            raise

    def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Answer until `stop` or a signal; `ready` is called once everything runs."""
        assert self._socket is not None, "open() first"

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            anyio.to_thread.current_default_thread_limiter().total_tokens = REQUEST_THREADS
            app.state.epoch = plant.hub_epoch()
            self.feed.start()
            self._write_run_file()
            ready()
            try:
                yield
            finally:
                self.feed.stop()

        http = self.settings.http
        config = uvicorn.Config(
            build(self.settings, self.feed, lifespan),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="on",
            http=PatientLine,
            ws="none",
            timeout_graceful_shutdown=STOP_S,
            ssl_certfile=http.tls_cert,
            ssl_keyfile=http.tls_key,
        )
        self._server = _Server(config, self.feed.stop)
        try:
            self._start_workers()
            self._server.run(sockets=[self._socket])
        finally:
            self.close()

    def stop(self) -> None:
        """Ask `serve` to return; from any thread."""
        self.feed.stop()
        if self._server is not None:
            self._server.should_exit = True

    def close(self) -> None:
        """End the workers, let database, port and folder go; harmless twice."""
        # The broker goes last: what the others still have to say must reach it.
        for stopping, threads in (
            (self._stopping, self._workers),
            (self._broker_stopping, self._broker_thread),
        ):
            stopping.set()
            for thread in threads:
                thread.join(timeout=STOP_S)
                if thread.is_alive():
                    logger.warning("worker did not end in time", worker=thread.name)
            threads.clear()
        self.run_file.unlink(missing_ok=True)
        if self._socket is not None:
            self._socket.close()
        history.end()
        db.close()
        self._data.release()

    def _start_workers(self) -> None:
        """Broker, MQTT client, jobs and notices, each in a thread of its own."""
        address, on_change = self._outside_broker() if self.settings.broker.url else self._own_broker()
        self.mqtt_port = address.port
        # Edges that join are told the port that was really taken.
        broker = self.settings.broker.model_copy(update={"port": address.port})
        plant.use(self.settings.model_copy(update={"broker": broker}), self.url)
        if self.edges_shut_out:
            logger.warning("edges on other computers cannot reach the broker", broker_bind=broker.bind)
        client = mqtt.HubMqtt(address, on_change)
        for name, run in (
            ("mqtt", client.run),
            ("ingest", client.work),
            ("jobs", jobs.Jobs().run),
            ("notices", jobs.Notifier().run),
            ("history", jobs.Historian().run),
            ("search", jobs.Indexer().run),
            ("webhooks", jobs.Caller().run),
        ):
            self._workers.append(_started(name, run, self._stopping))

    def _own_broker(self) -> tuple[mqtt.Address, None]:
        broker = self.settings.broker
        password = secrets.token_urlsafe(32)  # never leaves this process
        users = self.settings.data_dir / BROKER_USERS
        logins = HubLogins(broker.username, password, FileLogins.read(users) if users.exists() else None)
        embedded = EmbeddedBroker(broker.bind, broker.port, logins)
        self._broker_thread.append(_started("broker", embedded.run, self._broker_stopping))
        embedded.wait_started()
        host = "127.0.0.1" if broker.bind in ("", "0.0.0.0") else broker.bind
        return mqtt.Address(host, embedded.port, broker.username, password), None

    def _outside_broker(self) -> tuple[mqtt.Address, Callable[[], object] | None]:
        broker = self.settings.broker
        password = broker_password(self.settings)
        address = mqtt.Address.of_url(
            broker.url, broker.username, password, broker.ca_file, broker.shared_group
        )
        if broker.mosquitto_dir is None:
            return address, None
        return address, mosquitto.MosquittoFiles(broker.mosquitto_dir, broker.username, password).update

    def _write_run_file(self) -> None:
        facts = {
            "pid": os.getpid(),
            "version": __version__,
            "url": self.url,
            "http_port": self.port,
            "mqtt_port": self.mqtt_port,
        }
        temporary = self.run_file.with_suffix(".new")
        temporary.write_text(json.dumps(facts, indent=2), encoding="utf-8")
        os.replace(temporary, self.run_file)


def _started(
    name: str, run: Callable[[threading.Event], None], stopping: threading.Event
) -> threading.Thread:
    thread = threading.Thread(target=run, args=(stopping,), name=name, daemon=True)
    thread.start()
    return thread


def check_tls(settings: HubSettings) -> None:
    """AppError `hub.tls` unless certificate and key are given together and fit; neither is plain HTTP."""
    cert, key = settings.http.tls_cert, settings.http.tls_key
    if cert is None and key is None:
        return
    try:
        if cert is None or key is None:
            raise OSError("tls_cert and tls_key belong together")
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    except OSError as error:  # ssl's own errors are of this kind
        raise AppError(
            "hub.tls",
            f"{cert}, {key}: {error}",
            {"http.tls_cert": "unreadable"},
            cert=cert,
            key=key,
            reason=error,
        ) from error


def broker_password(settings: HubSettings) -> str:
    """The hub's password at an outside broker; AppError `settings.bad_value` when its file cannot be read."""
    file = settings.broker.password_file
    if file is None:
        return settings.broker.password.get_secret_value() if settings.broker.password else ""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise AppError(
            "settings.bad_value",
            f"broker.password_file: {error}",
            fields={"broker.password_file": "unreadable"},
            key="broker.password_file",
            reason=error,
            file=file,
        ) from error


def open_database(settings: HubSettings, url: str = "") -> None:
    """Bind services and rows to this hub's database, with all tables up to date."""
    plant.use(settings, url)
    opened = db.open_database(settings.database_url, settings.data_dir / "hub.db")
    applied = migrate.up(opened, settings.data_dir / "backups")
    if applied:
        logger.info("database brought up to date", steps=applied)


def prepare_data_dir(folder: Path) -> None:
    """AppError `hub.data_dir` unless the folder can be made and written to."""
    try:
        private_dir(folder)
    except OSError as error:
        raise AppError(
            "hub.data_dir", f"{folder}: {error}", path=folder, reason=error.strerror or error
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise AppError("hub.data_dir", f"{folder} is not writable", path=folder, reason="not writable")
