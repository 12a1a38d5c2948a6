"""Notices: written with their cause, sent to real receivers, tried again, given up with the failure kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest

from core.errors import AppError, OutsideError
from core.hub import channels
from core.hub.jobs import Notifier
from core.services import notices, tickets
from core.storage import db
from core.storage.tables import NoticeRow, PersonRow
from core.wire.tickets import CreateTicket, MoveTicket
from tests.conftest import wait_for
from tests.hub.conftest import Plant


class Receiver:
    """A web server that takes what is posted to it, or refuses."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.status == 200:
                    receiver.got.append(json.loads(body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


class Smtp(StreamRequestHandler):
    """As much of SMTP as it takes to receive one mail."""

    def handle(self) -> None:
        self.wfile.write(b"220 test\r\n")
        lines: list[bytes] | None = None
        for line in self.rfile:
            if lines is not None:
                if line == b".\r\n":
                    self.server.mails.append(b"".join(lines))  # type: ignore[attr-defined]  # set by the test
                    lines = None
                    self.wfile.write(b"250 ok\r\n")
                else:
                    lines.append(line)
                continue
            word = line[:4].upper()
            if word == b"DATA":
                lines = []
            self.wfile.write({b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}.get(word, b"250 ok\r\n"))
            if word == b"QUIT":
                return


def tell(person: PersonRow, *addresses: str) -> None:
    person.notify_urls = list(addresses)
    person.save()


def make(plant: Plant, now: datetime) -> int:
    new = CreateTicket(title="漏油", source="console", asset_id=plant.press.id)
    return tickets.create(plant.boss, new, now=now).id


def test_who_is_assigned_is_told_in_their_language(plant: Plant, now: datetime, receiver: Receiver) -> None:
    tell(plant.wang, receiver.url)
    make(plant, now)
    (row,) = NoticeRow.select()
    assert (row.person_id, row.channel, row.title) == (plant.wang.id, "json", "T-2026-000001 已派给您：漏油")
    assert "A-00001 一号冲压机" in row.body
    assert notices.send_due(channels.send, now) == 1
    assert receiver.got[0]["title"] == "T-2026-000001 已派给您：漏油"
    assert NoticeRow.get().sent_at == now
    assert notices.send_due(channels.send, now + timedelta(days=1)) == 0


def test_nobody_is_told_what_they_did_themselves(plant: Plant, now: datetime) -> None:
    tell(plant.wang, "json://127.0.0.1")
    ticket_id = make(plant, now)
    NoticeRow.delete().execute()
    wang = plant.actor(plant.wang)
    tickets.move(wang, ticket_id, MoveTicket(move="decline", reason="x"), now=now)
    tickets.move(wang, ticket_id, MoveTicket(move="grab"), now=now)
    assert NoticeRow.select().count() == 0


def test_supervisors_hear_of_what_was_given_back_and_teams_of_what_waits(plant: Plant, now: datetime) -> None:
    for person in (plant.chief, plant.wang, plant.li):
        tell(person, f"json://{person.id}.test")
    make(plant, now + timedelta(hours=14))  # nobody is on shift
    told = {row.person_id: row.title for row in NoticeRow.select()}
    assert set(told) == {plant.wang.id, plant.li.id, plant.chief.id}
    assert told[plant.chief.id] == "T-2026-000001 waits, nobody for it is on shift: 漏油"
    NoticeRow.delete().execute()
    ticket_id = make(plant, now)
    tickets.move(plant.actor(plant.wang), ticket_id, MoveTicket(move="decline", reason="没有备件"), now=now)
    heard = NoticeRow.get(NoticeRow.person == plant.chief)
    assert heard.title == "T-2026-000002 was given back: 漏油"
    assert "Reason: 没有备件" in heard.body


def test_a_channel_that_is_away_is_tried_again_with_patience_and_given_up(
    plant: Plant, now: datetime, receiver: Receiver
) -> None:
    tell(plant.wang, receiver.url)
    receiver.status = 503
    make(plant, now)
    waits, at = [], now
    for _ in range(notices.MOST_ATTEMPTS):
        assert notices.send_due(channels.send, at) == 0
        row = NoticeRow.get()
        if row.next_try_at is not None:
            waits.append(int((row.next_try_at - at).total_seconds()))
            at = row.next_try_at
    assert waits == [30, 60, 120, 240, 480, 960, 1920]
    assert (row.next_try_at, row.sent_at, row.attempts) == (None, None, 8)
    assert "503" in row.failure
    receiver.status = 200
    assert notices.send_due(channels.send, at + timedelta(days=9)) == 0


def test_one_bad_address_keeps_nobody_from_hearing(plant: Plant, now: datetime, receiver: Receiver) -> None:
    tell(plant.wang, "nonsense", receiver.url)
    make(plant, now)
    assert notices.send_due(channels.send, now) == 1
    assert "understands" in NoticeRow.get(NoticeRow.address == "nonsense").failure


def test_what_is_being_sent_is_not_taken_twice(plant: Plant, now: datetime) -> None:
    tell(plant.wang, "json://x")
    make(plant, now)

    def slow(_address: str, _title: str, _body: str) -> None:
        assert notices.send_due(lambda *_: pytest.fail("sent twice"), now) == 0

    assert notices.send_due(slow, now) == 1


def test_mail_arrives_at_a_mail_server() -> None:
    with ThreadingTCPServer(("127.0.0.1", 0), Smtp) as server:
        server.mails = []  # type: ignore[attr-defined]  # what the handler collects
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.server_address[1]
        channels.send(f"mailto://127.0.0.1:{port}?from=hub@plant.test&to=wang@plant.test", "已派给您", "漏油")
        server.shutdown()
        thread.join()
        (mail,) = server.mails  # type: ignore[attr-defined]  # what the handler collected
    message = message_from_bytes(mail)
    assert message["To"] is not None and "wang@plant.test" in message["To"]


def test_faults_of_channels_are_of_two_kinds() -> None:
    with pytest.raises(AppError) as bad:
        channels.send("nonsense", "t", "b")
    assert bad.value.code == "notice.bad_address"
    with pytest.raises(OutsideError) as away:
        channels.send("json://127.0.0.1:9", "t", "b")
    assert away.value.code == "notice.not_sent"


def test_the_notifier_sends_as_soon_as_it_is_committed(
    sqlite_plant: Plant, now: datetime, receiver: Receiver
) -> None:
    stop = threading.Event()

    def run() -> None:
        Notifier(every_s=60).run(stop)
        db.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        tell(sqlite_plant.wang, receiver.url)
        make(sqlite_plant, now)
        wait_for(lambda: receiver.got)
    finally:
        stop.set()
        thread.join()
