"""Other programs: tokens limited to what they were given, webhooks that are signed, retried, replayed and kept out."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from core.domain.people import PUBLIC, Action, Actor
from core.errors import AppError, Forbidden, OutsideError, Unauthenticated
from core.hub import outgoing
from core.services import api_tokens, retention, sessions, ticket_work, tickets, webhooks
from core.storage.tables import JournalRow, TicketRow, WebhookCallRow, WebhookRow
from core.wire.integrations import NewApiToken, SaveWebhook
from core.wire.tickets import AddNote, CreateTicket, TicketFilter
from tests.hub.conftest import NOW, Plant

ADMIN = Actor("person", 1, "管理员", frozenset({"admin"}))


class Receiver:
    """A real HTTP server that answers as it is told and keeps what came."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, dict(self.headers), body))
                status = receiver.answers.pop(0) if receiver.answers else 204
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook?from=fettle"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _path, _headers, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def post(call: webhooks.Call) -> int:
    return outgoing.post(call.url, call.headers, call.body, call.allow_private)


def report(actor: Actor, title: str = "漏油", **more: Any) -> int:
    return tickets.create(actor, CreateTicket(type="fault", title=title, **more), now=NOW).id


# ---------------------------------------------------------------- tokens


def test_a_token_may_do_what_it_was_given_and_nothing_else(plant: Plant) -> None:
    made = api_tokens.create(
        ADMIN, NewApiToken(name="ERP", actions=["ticket.create", "ticket.read"]), now=NOW
    )
    erp = api_tokens.actor(made.token, now=NOW, address="10.0.0.9")
    assert (erp.ref, erp.name, erp.id) == (f"token:{made.id}", "ERP", None)
    ticket = report(erp)
    with pytest.raises(Forbidden):
        ticket_work.add_note(erp, ticket, AddNote(text="x"), now=NOW)
    assert api_tokens.listed(ADMIN)[0].used_at == NOW
    assert made.token not in str(api_tokens.listed(ADMIN))
    with pytest.raises(Forbidden):
        api_tokens.listed(erp)


def test_a_program_is_never_taken_for_the_person_of_its_number(plant: Plant) -> None:
    mine = report(plant.actor(plant.wang), "von Wang")
    actions = [action.value for action in Action if action not in api_tokens.NEVER]
    for _ in range(plant.chief.id):
        made = api_tokens.create(ADMIN, NewApiToken(name="x", actions=actions), now=NOW)
    program = api_tokens.actor(made.token, now=NOW)
    assert sessions.own_sessions(program, made.token) == []
    wanted = TicketFilter(mine=True)
    assert mine not in tickets.ids(program, wanted, now=NOW)
    made_by_it = TicketRow.get_by_id(report(program, "vom ERP"))
    assert (made_by_it.reporter_id, made_by_it.reporter_name) == (None, "")


def test_a_token_ends_when_it_is_revoked_or_too_old(plant: Plant) -> None:
    new = NewApiToken(name="x", actions=["ticket.read"], expires_at=NOW + timedelta(days=1))
    made = api_tokens.create(ADMIN, new, now=NOW)
    with pytest.raises(Unauthenticated):
        api_tokens.actor(made.token, now=NOW + timedelta(days=1))
    api_tokens.revoke(ADMIN, made.id, now=NOW)
    for token in (made.token, "ftl_unknown"):
        with pytest.raises(Unauthenticated):
            api_tokens.actor(token, now=NOW)


@pytest.mark.parametrize(
    "action", ["people.edit", "integration.edit", "settings.edit", "ticket.grab", "ticket.work", "no.such"]
)
def test_what_no_program_gets(plant: Plant, action: str) -> None:
    with pytest.raises(AppError) as refused:
        api_tokens.create(ADMIN, NewApiToken(name="x", actions=[action]), now=NOW)
    assert refused.value.code == "token.unknown_action"


def test_only_administrators_give_tokens(plant: Plant) -> None:
    with pytest.raises(Forbidden):
        api_tokens.create(plant.boss, NewApiToken(name="x", actions=["ticket.read"]), now=NOW)


# ---------------------------------------------------------------- webhooks


def test_a_call_is_signed_and_tells_what_happened(plant: Plant, receiver: Receiver) -> None:
    report(plant.boss, "before")
    hook = webhooks.create(
        ADMIN, SaveWebhook(name="ERP", url=receiver.url, verbs=["ticket.*"], allow_private=True), now=NOW
    )
    ticket = report(plant.boss, "漏油")
    assert webhooks.send_due(post, NOW) >= 1
    path, headers, body = receiver.got[0]
    told = json.loads(body)
    assert path == "/hook?from=fettle"
    assert (told["verb"], told["ticket_id"], told["data"]["title"]) == ("ticket.created", ticket, "漏油")
    key = base64.b64decode(hook.secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert webhooks.send_due(post, NOW) == 0
    assert all(verb.startswith("ticket.") for verb in (told["verb"] for told in receiver.bodies))


def test_an_address_that_is_away_is_called_again_and_given_up_in_the_end(
    plant: Plant, receiver: Receiver
) -> None:
    hook = webhooks.create(
        ADMIN, SaveWebhook(name="x", url=receiver.url, verbs=["ticket.created"], allow_private=True), now=NOW
    )
    report(plant.boss)
    receiver.answers = [500] * 20
    now = NOW
    for wait_s in (0, *webhooks.BACKOFF_S):
        now += timedelta(seconds=wait_s)
        if wait_s:
            assert webhooks.send_due(post, now - timedelta(seconds=1)) == 0
        assert webhooks.send_due(post, now) == 1
    assert webhooks.send_due(post, now + timedelta(days=9)) == 0
    (call,) = webhooks.calls(ADMIN, hook.id)
    assert (call.attempts, call.status, call.failure) == (len(webhooks.BACKOFF_S) + 1, 500, "HTTP 500")
    assert webhooks.listed(ADMIN, now=NOW)[0].failed == 1
    receiver.answers = []
    webhooks.replay(ADMIN, hook.id, 0, now=now)
    assert webhooks.send_due(post, now) == 1
    assert {headers["webhook-id"] for _path, headers, _body in receiver.got} == {
        f"fettle_{hook.id}_{call.journal_id}"
    }


def test_a_redirect_is_not_followed(plant: Plant, receiver: Receiver) -> None:
    webhooks.create(ADMIN, SaveWebhook(name="x", url=receiver.url, allow_private=True), now=NOW)
    report(plant.boss)
    receiver.answers = [302] * 9
    webhooks.send_due(post, NOW)
    assert {path for path, _headers, _body in receiver.got} == {"/hook?from=fettle"}
    assert WebhookCallRow.get().failure == "HTTP 302"


def test_an_address_inside_is_not_called_unless_it_is_allowed(plant: Plant, receiver: Receiver) -> None:
    webhooks.create(ADMIN, SaveWebhook(name="x", url=receiver.url, verbs=["ticket.created"]), now=NOW)
    report(plant.boss)
    webhooks.send_due(post, NOW)
    assert receiver.got == []
    assert "inside" in WebhookCallRow.get().failure


WRONG = (
    "http://[", "http://x:99999/", "http://x:0/", "http://a..b/", "https:///path", "http://例子.cn/", "http://x/路",
    f"http://{'a' * 64}.cn/",
)  # fmt: skip


@pytest.mark.parametrize("url", WRONG)
def test_an_address_nobody_can_call_is_refused(plant: Plant, url: str) -> None:
    with pytest.raises(AppError) as refused:
        webhooks.create(ADMIN, SaveWebhook(name="x", url=url), now=NOW)
    assert (refused.value.code, refused.value.fields) == ("webhook.bad_url", {"url": "invalid"})


def test_a_wrong_address_of_before_holds_up_no_other(plant: Plant, receiver: Receiver) -> None:
    """It was saved when addresses were not looked at yet."""
    for url in (*WRONG, receiver.url):
        webhooks.create(ADMIN, SaveWebhook(name="x", url=receiver.url, allow_private=True), now=NOW)
        newest = WebhookRow.select().order_by(WebhookRow.id.desc()).first()
        WebhookRow.update(url=url).where(WebhookRow.id == newest.id).execute()
    report(plant.boss)
    for _ in range(3):
        webhooks.send_due(post, NOW)
    assert "ticket.created" in [told["verb"] for told in receiver.bodies]
    assert WebhookCallRow.select().where(WebhookCallRow.attempts == 0).count() == 0


def test_the_key_in_an_address_is_not_in_the_journal(plant: Plant) -> None:
    made = webhooks.create(ADMIN, SaveWebhook(name="x", url="https://oapi.cn:8443/send/k1?t=k2"), now=NOW)
    new = SaveWebhook(name="x", url="https://oapi.cn:8443?t=k3#k4", version=made.version)
    webhooks.save(ADMIN, made.id, new, now=NOW)
    told = [row.data for row in JournalRow.select().where(JournalRow.subject == "webhook")]
    assert [data.get("url") for data in told] == ["https://oapi.cn:8443", None]
    assert told[1]["changed"]["url"] == ["https://oapi.cn:8443"] * 2


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False),
        ("192.168.1.1", False), ("169.254.169.254", False), ("0.0.0.0", False), ("::1", False),
        ("fe80::1", False), ("fd00::1", False), ("::ffff:10.0.0.1", False), ("2002:7f00:1::", False),
        ("100.64.0.1", False), ("224.0.0.1", False), ("2606:4700:4700::1111", True),
        ("64:ff9b::7f00:1", False), ("64:ff9b::a00:1", False), ("64:ff9b::808:808", True),
    ],
)  # fmt: skip
def test_which_addresses_are_of_the_open_internet(address: str, public: bool) -> None:
    assert outgoing.public(address) is public


def test_a_name_that_hides_an_inner_address_is_found_out() -> None:
    for host in ("localhost", "127.1", "2130706433", "0x7f000001"):
        with pytest.raises((AppError, OutsideError)) as refused:
            outgoing.pick(host, 80, allow_private=False)
        assert refused.value.code in ("webhook.private_address", "webhook.unreachable")


def test_reports_nobody_has_checked_move_nothing_outside(plant: Plant, receiver: Receiver) -> None:
    webhooks.create(ADMIN, SaveWebhook(name="x", url=receiver.url, allow_private=True), now=NOW)
    report(PUBLIC, source="qr", asset_id=plant.press.id)
    webhooks.send_due(post, NOW)
    assert [told["verb"] for told in receiver.bodies if told["ticket_id"]] == []


def test_an_address_that_was_off_begins_with_what_happens_now(plant: Plant, receiver: Receiver) -> None:
    wanted = SaveWebhook(name="x", url=receiver.url, verbs=["ticket.created"], allow_private=True)
    hook = webhooks.create(ADMIN, wanted.model_copy(update={"active": False}), now=NOW)
    report(plant.boss, "meanwhile")
    webhooks.save(ADMIN, hook.id, wanted.model_copy(update={"version": hook.version}), now=NOW)
    report(plant.boss, "later")
    webhooks.send_due(post, NOW)
    assert [told["data"]["title"] for told in receiver.bodies] == ["later"]


def test_calls_nobody_looks_at_any_more_go(plant: Plant, receiver: Receiver) -> None:
    wanted = SaveWebhook(name="x", url=receiver.url, verbs=["ticket.created"], allow_private=True)
    webhooks.create(ADMIN, wanted, now=NOW)
    report(plant.boss)
    webhooks.send_due(post, NOW)
    retention.clean(NOW + timedelta(days=89))
    assert WebhookCallRow.select().count() == 1
    retention.clean(NOW + timedelta(days=91))
    assert WebhookCallRow.select().count() == 0
