"""Webhooks: what happens is queued from the journal, called with patience, given up in the end, and replayable.

Knows what is said and when, not how it is carried: `send_due` is given what posts. Signed as Standard Webhooks
(https://www.standardwebhooks.com) describes, so that receivers can use a ready-made library.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from core.domain.people import Action, Actor, require
from core.errors import AppError, FettleError
from core.services import journal, rows
from core.storage import db
from core.storage.sql import fn
from core.storage.tables import JournalRow, TicketRow, WebhookCallRow, WebhookRow
from core.wire.integrations import SaveWebhook, WebhookCallView, WebhookMade, WebhookView

BACKOFF_S = (5, 30, 120, 600, 1800, 7200, 21_600, 43_200)  # the last try is about a day after the first
LEASE_S = 120  # while one process calls, no other does; after a crash the call is made again
AT_ONCE = 200
_FAILED_SINCE = timedelta(days=30)
_MOST_CALLS = 200

# ---------------------------------------------------------------- set up


@db.reading
def listed(actor: Actor, *, now: datetime) -> list[WebhookView]:
    """All webhooks with how they do, by name."""
    require(actor, Action.INTEGRATION_EDIT)
    return [WebhookView(**_fields(row, now)) for row in WebhookRow.select().order_by(WebhookRow.name)]


@db.transaction
def create(actor: Actor, new: SaveWebhook, *, now: datetime) -> WebhookMade:
    """A new webhook; it is called with what happens from now on. Its secret is told here and never again."""
    require(actor, Action.INTEGRATION_EDIT)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    _check_url(new.url)
    values = new.model_dump(exclude={"version"})
    row = WebhookRow.create(secret=secret, cursor=journal.head(), **values)
    journal.write(actor, "webhook.created", "webhook", row.id, now, name=row.name, url=_place(row.url))
    return WebhookMade(**_fields(row, now), secret=secret)


@db.transaction
def save(actor: Actor, webhook_id: int, new: SaveWebhook, *, now: datetime) -> WebhookView:
    """Change a webhook; one that was off begins with what happens now."""
    require(actor, Action.INTEGRATION_EDIT)
    _check_url(new.url)
    row = rows.lock(WebhookRow, webhook_id, "webhook", new.version)
    if new.active and not row.active:
        row.cursor = journal.head()
    changed = rows.change(row, **new.model_dump(exclude={"version"}))
    if "url" in changed:
        changed["url"] = [_place(url) for url in changed["url"]]
    if changed:
        journal.write(actor, "webhook.edited", "webhook", row.id, now, name=row.name, changed=changed)
    return WebhookView(**_fields(row, now))


def _check_url(url: str) -> None:
    """AppError `webhook.bad_url` unless an address has a host and a port that can be called."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname and parts.hostname.encode("idna")) and parts.port != 0
    except ValueError as error:
        raise AppError("webhook.bad_url", f"{url}: {error}", {"url": "invalid"}, url=url) from None
    if not (named and url.isascii()):
        raise AppError("webhook.bad_url", url, {"url": "invalid"}, url=url)


def _place(url: str) -> str:
    """Who is called, without path and query: these are often the key to it, and the journal has many readers."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{re.split('[/?#]', rest)[0]}"


@db.reading
def calls(actor: Actor, webhook_id: int) -> list[WebhookCallView]:
    """Its last two hundred calls, the newest first."""
    require(actor, Action.INTEGRATION_EDIT)
    row = rows.get(WebhookRow, webhook_id, "webhook")
    query = WebhookCallRow.select().where(WebhookCallRow.webhook == row.id)
    named = ("id", "journal_id", "attempts", "delivered_at", "next_try_at", "status", "failure")
    found = query.order_by(WebhookCallRow.journal_id.desc()).limit(_MOST_CALLS)
    return [WebhookCallView(**{name: getattr(call, name) for name in named}) for call in found]


@db.transaction
def replay(actor: Actor, webhook_id: int, after: int, *, now: datetime) -> WebhookView:
    """Call again with everything after a journal entry: receivers know a repeat by its id."""
    require(actor, Action.INTEGRATION_EDIT)
    row = rows.lock(WebhookRow, webhook_id, "webhook")
    WebhookCallRow.delete().where(
        WebhookCallRow.webhook == row.id, WebhookCallRow.journal_id > after
    ).execute()
    row.cursor = min(after, journal.head())
    row.save()
    journal.write(actor, "webhook.replayed", "webhook", row.id, now, name=row.name, after=after)
    return WebhookView(**_fields(row, now))


# ---------------------------------------------------------------- calling


@dataclass(frozen=True, slots=True)
class Call:
    """One call, ready to be posted."""

    id: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    allow_private: bool


def send_due(post: Callable[[Call], int], now: datetime) -> int:
    """Queue what has happened and make the calls that are due; how many were made.

    `post` returns the HTTP status or raises FettleError with the reason.
    """
    while _queue(now):
        continue
    made = 0
    for call in _take_due(now):
        status, failure = 0, ""
        try:
            status = post(call)
            if not 200 <= status < 300:
                failure = f"HTTP {status}"
        except FettleError as error:
            failure = error.detail
        _answered(call.id, status or None, failure, now)
        made += 1
    return made


@db.transaction
def _queue(now: datetime) -> bool:
    """Follow the journal a step; whether there may be more."""
    more = False
    query = WebhookRow.select().where(WebhookRow.active)
    for row in query.for_update() if db.is_postgresql() else query:
        entries = list(
            JournalRow.select().where(JournalRow.id > row.cursor).order_by(JournalRow.id).limit(AT_ONCE)
        )
        if not entries:
            continue
        unverified = _unverified(entries)
        wanted = [
            {"webhook": row.id, "journal_id": entry.id, "next_try_at": now}
            for entry in entries
            if _told(row.verbs, entry.verb) and entry.ticket_id not in unverified
        ]
        if wanted:
            WebhookCallRow.insert_many(wanted).on_conflict_ignore().execute()
        row.cursor = entries[-1].id
        row.save()
        more = more or len(entries) == AT_ONCE
    return more


def _told(verbs: list[str], verb: str) -> bool:
    """Whether a webhook hears of this verb; nobody outside is told who logs in."""
    if verb.startswith(("session.", "token.", "webhook.")):
        return False
    return not verbs or any(v == verb or (v.endswith(".*") and verb.startswith(v[:-1])) for v in verbs)


def _unverified(entries: list[JournalRow]) -> set[int]:
    """Tickets that anybody with a label in sight may have made: nothing outside is moved by them."""
    ids = {int(entry.ticket_id) for entry in entries if entry.ticket_id is not None}
    if not ids:
        return set()
    query = TicketRow.select(TicketRow.id).where(TicketRow.id.in_(sorted(ids)), ~TicketRow.verified)
    return {int(row.id) for row in query}


@db.transaction
def _take_due(now: datetime) -> list[Call]:
    query = (
        WebhookCallRow.select(WebhookCallRow, WebhookRow)
        .join(WebhookRow)
        .where(WebhookCallRow.next_try_at <= now, WebhookRow.active)
        .order_by(WebhookCallRow.journal_id)
        .limit(20)
    )
    found = []
    for row in query.for_update(of=WebhookCallRow, skip_locked=True) if db.is_postgresql() else query:
        entry = JournalRow.get_or_none(JournalRow.id == row.journal_id)
        if entry is None:
            row.next_try_at, row.failure = None, "the journal entry is gone"
        else:
            found.append(_call(row, entry, now))
            row.next_try_at = now + timedelta(seconds=LEASE_S)
        row.save()
    return found


def _call(row: Any, entry: JournalRow, now: datetime) -> Call:
    hook = row.webhook
    told = journal.view(entry, money=False).model_dump(mode="json")
    if entry.data.get("internal"):
        told["data"] = {"internal": True}  # that there was a note, not what it says
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    id_, at = f"fettle_{hook.id}_{entry.id}", str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Fettle-Webhook",
        "webhook-id": id_,
        "webhook-timestamp": at,
        "webhook-signature": signature(hook.secret, id_, at, body),
    }
    return Call(row.id, hook.url, headers, body, hook.allow_private)


def signature(secret: str, id_: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, as Standard Webhooks has it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


@db.transaction
def _answered(call_id: int, status: int | None, failure: str, now: datetime) -> None:
    row: Any = WebhookCallRow.get_or_none(WebhookCallRow.id == call_id)
    if row is None:
        return  # replayed meanwhile
    row.attempts += 1
    row.status, row.failure = status, failure[:200]
    if not failure:
        row.delivered_at, row.next_try_at = now, None
    elif row.attempts > len(BACKOFF_S):
        row.next_try_at = None
    else:
        row.next_try_at = now + timedelta(seconds=BACKOFF_S[row.attempts - 1])
    row.save()


def _fields(row: Any, now: datetime) -> dict[str, Any]:
    named = ("id", "version", "name", "url", "verbs", "allow_private", "active")
    own = WebhookCallRow.webhook == row.id
    waiting = WebhookCallRow.select(fn.COUNT(WebhookCallRow.id)).where(
        own, WebhookCallRow.next_try_at.is_null(False)
    )
    since = JournalRow.select(fn.MIN(JournalRow.id)).where(JournalRow.at > now - _FAILED_SINCE)
    failed = WebhookCallRow.select(fn.COUNT(WebhookCallRow.id)).where(
        own, WebhookCallRow.failure != "", WebhookCallRow.next_try_at.is_null(),
        WebhookCallRow.journal_id >= (since.scalar() or 0),
    )  # fmt: skip
    return {name: getattr(row, name) for name in named} | {
        "waiting": waiting.scalar(),
        "failed": failed.scalar(),
    }
