"""The live feed against a stream that is cut at will: nothing lost, nothing twice, log-in that ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from PySide6.QtWidgets import QApplication

from core.errors import Unauthenticated
from core.wire.journal import JournalEntry
from core.wire.tickets import CreateTicket
from desktop.feed import Feed, Gatherer
from desktop.hub_client import HubClient
from tests.desktop.conftest import Plant

Until = Callable[..., object]


class Cutter(ThreadingHTTPServer):
    """A journal stream of `total` entries that hangs up after every `per_line` of them."""

    daemon_threads = True

    def __init__(self, total: int, per_line: int) -> None:
        self.total, self.per_line = total, per_line
        self.asked: list[int] = []
        self.requests = 0
        self.refuse = False
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Cutter

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        after = int(parse_qs(address.query).get("after", ["0"])[0])
        streaming = address.path.endswith("/stream")
        if streaming:
            self.server.asked.append(after)
        self.server.requests += 1
        if self.server.refuse:
            content = json.dumps({"code": "session.expired", "message": "Log in again."}).encode()
            self.send_response(401)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            return
        self.send_response(200)
        if not streaming:
            self.send_header("X-Cursor", str(self.server.total))
            self.end_headers()
            return
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for number in range(after + 1, min(after + self.server.per_line, self.server.total) + 1):
            entry = JournalEntry(
                id=number, at=datetime.now(UTC), actor="system", actor_name="", verb="ticket.created", subject="ticket",
                subject_id=number, ticket_id=number, data={},
            )  # fmt: skip
            self.wfile.write(f"id: {number}\ndata: {entry.model_dump_json()}\n\n".encode())

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def cutter() -> Iterator[Cutter]:
    server = Cutter(total=23, per_line=5)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_stream_that_is_cut_goes_on_where_it_was(app: QApplication, cutter: Cutter, until: Until) -> None:
    hub = HubClient(f"127.0.0.1:{cutter.server_port}", "x")
    feed = Feed(hub)
    got: list[int] = []
    feed.entry.connect(lambda entry: got.append(entry.id))
    feed.start(0)
    until(lambda: len(got) >= 23)
    assert got == list(range(1, 24))
    assert cutter.asked[:5] == [0, 5, 10, 15, 20]
    feed.stop()
    hub.close()


def test_an_ended_log_in_is_told_and_not_tried_again(app: QApplication, cutter: Cutter, until: Until) -> None:
    cutter.refuse = True
    hub = HubClient(f"127.0.0.1:{cutter.server_port}", "x")
    feed = Feed(hub)
    told: list[object] = []
    feed.expired.connect(lambda: told.append("expired"))
    feed.offline.connect(told.append)
    feed.start(7)
    until(lambda: "expired" in told)
    assert isinstance(told[0], Unauthenticated)
    assert cutter.requests == 1
    feed.stop()
    hub.close()


def test_a_hub_restored_from_an_older_backup_is_followed_from_there(
    app: QApplication, cutter: Cutter, until: Until
) -> None:
    hub = HubClient(f"127.0.0.1:{cutter.server_port}", "x")
    feed = Feed(hub)
    feed.start(1000)
    until(lambda: feed.cursor == 23)
    cutter.total = 25
    got: list[int] = []
    feed.entry.connect(lambda entry: got.append(entry.id))
    until(lambda: got == [24, 25])
    feed.stop()
    hub.close()


def test_a_real_change_arrives(app: QApplication, plant: Plant, until: Until) -> None:
    hub = plant.open()
    feed = Feed(hub)
    got: list[JournalEntry] = []
    feed.entry.connect(got.append)
    feed.start()
    until(lambda: feed.is_online)
    made = plant.client.create_ticket(CreateTicket(title="Live"))
    until(lambda: any(entry.ticket_id == made.id for entry in got))
    feed.stop()
    hub.close()


def test_a_burst_is_gathered_into_one(app: QApplication, until: Until) -> None:
    gatherer = Gatherer(30)
    got: list[set[object]] = []
    gatherer.gathered.connect(got.append)
    for number in range(100):
        gatherer.add(number % 7)
    until(lambda: got)
    for number in range(100):
        gatherer.add(number % 5)
    until(lambda: len(got) > 1)
    assert got == [set(range(7)), set(range(5))]
