"""Reports from people who are not logged in: by a label's page, followed by a secret link.

Nobody is refused for reporting too much: beyond the limit a report waits for a person instead of being dispatched.
What such a caller sees is only what this module hands out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.domain import workflow
from core.domain.people import Actor
from core.errors import AppError, Conflict, NotFound
from core.i18n import label, normalise
from core.services import files, journal, labels, rows, settings, ticket_rows, ticket_work, tickets
from core.storage import db
from core.storage.tables import AssetRow, AttachmentRow, FileRow, JournalRow, TicketRow
from core.wire.tickets import CreateTicket, RateTicket

WHAT = ("power", "jam", "noise", "leak", "heat", "display", "quality", "other")
# What the reporter says of production → priority; the highest is for people of the plant to give.
URGENCY = {"stopped": 2, "limited": 3, "waiting": 4}
JOIN_WITHIN = timedelta(minutes=15)
LIMIT_WINDOW = timedelta(minutes=10)
LINK_LIFE = timedelta(days=90)  # after the ticket is closed
MOST_NOTES = 20  # from one link, so that nobody fills a ticket
SHOWN_OPEN = 5
_LINK_KEY = "link_key"
_TITLE_CHARS = 60


@dataclass(frozen=True, slots=True)
class OpenReport:
    """What others reported already; `more`: how many have it too."""

    id: int
    title: str
    state: str
    reported_at: datetime
    more: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a label is."""

    asset_id: int
    number: str
    name: str
    location: str
    open: list[OpenReport]


@dataclass(frozen=True, slots=True)
class Report:
    """What was typed. `request_id` is made with the form, so that a double tap is one report."""

    request_id: str
    what: str = ""
    text: str = ""
    urgency: str = ""
    name: str = ""
    contact: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a report: the token of its progress page, and whether it joined one that was there."""

    token: str
    joined: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened, for the reporter's eyes."""

    verb: str
    at: datetime
    text: str = ""
    ours: bool = False  # said by the plant, not by the reporter
    hold_reason: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """A ticket as its reporter may see it."""

    number: str
    title: str
    state: str
    hold_reason: str
    asset: str
    location: str
    rating: int | None
    may_rate: bool
    may_note: bool
    description: str
    photos: list[int]
    lines: list[Line] = field(default_factory=list)


# ---------------------------------------------------------------- the label's page


@db.reading
def place(token: str) -> Place:
    """What is behind a label; NotFound `label.unknown` for unknown and revoked alike."""
    asset = _asset(token)
    found = (
        TicketRow.select()
        .where(TicketRow.asset == asset.id, TicketRow.state.in_(list(workflow.OPEN)))
        .order_by(TicketRow.id.desc())
        .limit(SHOWN_OPEN)
    )
    return Place(
        asset_id=asset.id,
        number=asset.number,
        name=asset.name,
        location=_location(asset),
        open=[
            OpenReport(row.id, row.title, row.state, row.reported_at, max(0, row.occurrences - 1))
            for row in found
            if row.type == "fault"
        ],
    )


def _location(asset: AssetRow) -> str:
    return ticket_rows.location_paths([asset.location_id]).get(asset.location_id, "")


def _asset(token: str) -> AssetRow:
    asset = labels.resolve(token)
    if asset is None:
        raise NotFound("label.unknown", "no such label, or it was revoked")
    return asset


def report(token: str, new: Report, photos: Sequence[tuple[str, bytes]], *, now: datetime) -> Taken:
    """Make a ticket of a report, or join the one that says the same.

    AppError `report.empty`, `file.not_a_photo` …: then nothing has been kept.
    """
    asset = _asset(token)
    if not new.text.strip() and new.what in ("", "other"):
        raise AppError("report.empty", "neither a choice nor words", {"text": "report.empty"})
    if len(photos) > settings.hub().limits.uploads_per_report:
        most = settings.hub().limits.uploads_per_report
        raise AppError("report.photos", f"more than {most} photos", {"photo": "report.photos"}, most=most)
    # Decoding takes time and must not hold up other writers; an unused file is harmless.
    stored = [files.take(content, name=name or "photo", kind="photo") for name, content in photos]
    return _report(asset, new, stored, now)


@db.transaction
def _report(asset: AssetRow, new: Report, photos: Sequence[files.Stored], now: datetime) -> Taken:
    request = _ticket(asset, new)
    actor = Actor("public", name=new.name.strip()[:100], address=new.address)
    before = _same_open(asset, request, now)
    row = TicketRow.get_or_none(TicketRow.request_id == request.request_id)
    if row is None and before is not None:
        _count_again(actor, before, now)
        _attach(actor, before, photos, now)
        return Taken(link(before), joined=True)
    if row is None:
        held = _recent(asset, now) >= settings.hub().limits.reports_per_label
        made = tickets.create(actor, request, now=now, verified=False, held=held)
        row = TicketRow.get_by_id(made.id)
        _attach(actor, row, photos, now)
    return Taken(link(row), joined=False)


def _ticket(asset: AssetRow, new: Report) -> CreateTicket:
    language = normalise(settings.plant().language)  # the team reads it, whatever the phone's language
    text = new.text.strip()
    chosen = label(f"report.what.{new.what}", language) if new.what in WHAT and new.what != "other" else ""
    first = text.splitlines()[0] if text else ""
    short = first if len(first) <= _TITLE_CHARS else first[: _TITLE_CHARS - 1] + "…"
    between = "：" if language == "zh_CN" else ": "
    title = between.join(part for part in (chosen, short) if part)
    urgency = new.urgency if new.urgency in URGENCY else ""
    said = label(f"report.urgency.{urgency}", language) if urgency else ""
    description = "\n\n".join(part for part in (text if text != short else "", said) if part)
    # Words that were changed after going back are another report, though the form is the same.
    key = hashlib.sha256("\n".join((new.request_id, str(asset.id), title, text)).encode()).hexdigest()
    return CreateTicket(
        type="fault",
        source="qr",
        title=title,
        description=description,
        asset_id=asset.id,
        priority=URGENCY.get(urgency),
        reporter_name=new.name[:100],
        reporter_contact=new.contact[:100],
        request_id=key[:40],
    )


def _same_open(asset: AssetRow, request: CreateTicket, now: datetime) -> TicketRow | None:
    row = (
        TicketRow.select()
        .where(
            TicketRow.asset == asset.id,
            TicketRow.source == "qr",
            TicketRow.title == request.title,
            TicketRow.description == request.description,
            TicketRow.reported_at > now - JOIN_WITHIN,
            TicketRow.state.in_(list(workflow.OPEN)),
        )
        .order_by(TicketRow.id.desc())
        .first()
    )
    return row if row is not None and row.request_id != request.request_id else None


def _recent(asset: AssetRow, now: datetime) -> int:
    return int(
        TicketRow.select()
        .where(
            TicketRow.asset == asset.id, TicketRow.source == "qr", TicketRow.reported_at > now - LIMIT_WINDOW
        )
        .count()
    )


def _attach(actor: Actor, row: TicketRow, photos: Sequence[files.Stored], now: datetime) -> None:
    for stored in photos:
        known = (
            AttachmentRow.select()
            .join(FileRow)
            .where(AttachmentRow.ticket == row.id, FileRow.sha256 == stored.sha256)
        )
        if not known.exists():
            files.attach(actor, stored, kind="photo", now=now, ticket_id=row.id)


@db.transaction
def same(token: str, ticket_id: int, *, address: str, now: datetime) -> str:
    """“Me too” on an open report of the label's asset; returns the token of its progress page."""
    asset = _asset(token)
    row = rows.lock(TicketRow, ticket_id, "ticket")
    if row.asset_id != asset.id:
        raise NotFound("label.unknown", f"ticket {ticket_id} is not of this label")
    if row.state in workflow.OPEN:
        _count_again(Actor("public", address=address), row, now)
    return link(row)


def _count_again(actor: Actor, row: TicketRow, now: datetime) -> None:
    """One more person has it, too; the same phone within some minutes counts once."""
    recent = JournalRow.select().where(
        JournalRow.ticket_id == row.id, JournalRow.verb == "ticket.noted", JournalRow.at > now - LIMIT_WINDOW
    )
    if any(entry.data.get("same") == _phone(actor) for entry in recent):
        return
    row.occurrences = max(1, row.occurrences) + 1
    row.version += 1
    row.updated_at = now
    row.save()
    journal.write(
        actor, "ticket.noted", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, text="", internal=False, same=_phone(actor), n=row.occurrences,
    )  # fmt: skip


def _phone(actor: Actor) -> str:
    """Tells callers apart without keeping their address."""
    return hmac.new(_key(), actor.address.encode(), hashlib.sha256).hexdigest()[:16]


# ---------------------------------------------------------------- the reporter's link


def _key() -> bytes:
    known = settings.get(_LINK_KEY)
    if known is None:
        known = secrets.token_hex(32)
        settings.put(_LINK_KEY, known)
    return bytes.fromhex(known)


def link(row: TicketRow) -> str:
    """The token of the ticket's progress page, in the running transaction; the same each time."""
    digest = hmac.new(_key(), f"progress:{row.id}".encode(), hashlib.sha256).digest()
    token = base64.b32encode(digest[:20]).decode()
    if row.progress_hash != _hash(token):
        row.progress_hash = _hash(token)
        row.save()
    return token


def _hash(token: str) -> str:
    return hashlib.sha256(token.strip().upper().encode()).hexdigest()


def _linked(token: str, now: datetime) -> TicketRow:
    row = TicketRow.get_or_none(TicketRow.progress_hash == _hash(token))
    if row is None or (row.closed_at is not None and row.closed_at + LINK_LIFE < now):
        raise NotFound("report.link_unknown", "no such link, or it has expired")
    return row


@db.reading
def progress(token: str, *, now: datetime) -> Progress:
    """How the report goes; NotFound `report.link_unknown` for unknown and expired alike."""
    row = _linked(token, now)
    entries = JournalRow.select().where(JournalRow.ticket_id == row.id).order_by(JournalRow.id)
    photos = (
        AttachmentRow.select(AttachmentRow.id)
        .where(
            AttachmentRow.ticket == row.id, AttachmentRow.kind == "photo", AttachmentRow.added_by == "public"
        )
        .order_by(AttachmentRow.id)
    )
    asset = row.asset
    done = row.state in workflow.DONE
    return Progress(
        number=row.number,
        title=row.title,
        state=row.state,
        hold_reason=row.hold_reason,
        asset=asset.name if asset else "",
        location=_location(asset) if asset else "",
        rating=row.rating,
        may_rate=done and row.rating is None,
        may_note=row.state in workflow.OPEN or done,
        description=row.description if row.source == "qr" else "",
        photos=[photo.id for photo in photos],
        lines=[line for line in map(_line, entries) if line is not None],
    )


_TOLD = frozenset(
    f"ticket.{verb}"
    for verb in (
        "created", "assigned", "accepted", "started", "held", "resumed", "resolved", "follow_up", "closed",
        "reopened", "declined", "cancelled", "merged", "rated",
    )
)  # fmt: skip


def _line(entry: JournalRow) -> Line | None:
    ours = entry.actor != "public"
    data = entry.data
    if entry.verb == "ticket.noted" and not data.get("internal", True):
        verb = "ticket.same" if data.get("same") and not data.get("text") else "ticket.noted"
        return Line(verb, entry.at, str(data.get("text", "")), ours)
    if entry.verb == "ticket.assigned" and data.get("assignee_id") is None:
        return None
    if entry.verb in _TOLD:
        return Line(entry.verb, entry.at, ours=ours, hold_reason=str(data.get("hold_reason", "")))
    return None


@db.transaction
def rate(token: str, answer: RateTicket, *, address: str, now: datetime) -> None:
    """The reporter's answer, once; Conflict `ticket.rated_already`, `ticket.not_done_yet`."""
    row = _linked(token, now)
    if row.rating == answer.rating and row.rating_comment == answer.comment:
        return  # a double tap
    ticket_work.rate(Actor("public", name=row.reporter_name, address=address), row.id, answer, now=now)


@db.transaction
def note(token: str, text: str, *, address: str, now: datetime) -> None:
    """Something to add; AppError `report.no_words`, Conflict `report.notes_full`."""
    row = _linked(token, now)
    words = text.strip()[:2000]
    if not words:
        raise AppError("report.no_words", "an empty note", {"text": "report.no_words"})
    said = JournalRow.select().where(
        JournalRow.ticket_id == row.id, JournalRow.verb == "ticket.noted", JournalRow.actor == "public"
    )
    newest = max(said, key=lambda entry: entry.id, default=None)
    if newest is not None and newest.data.get("text") == words and newest.at > now - LIMIT_WINDOW:
        return  # a double tap
    if said.count() >= MOST_NOTES:
        raise Conflict("report.notes_full", f"{row.number} has {MOST_NOTES} notes", number=row.number)
    journal.write(
        Actor("public", name=row.reporter_name, address=address), "ticket.noted", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, text=words, internal=False,
    )  # fmt: skip


def photo(token: str, attachment_id: int, *, thumb: bool, now: datetime) -> files.Content:
    """One of the reporters' own photos."""
    ticket_id = _own_photo(token, attachment_id, now)
    return files.read_of_ticket(ticket_id, attachment_id, thumb=thumb)


@db.reading
def _own_photo(token: str, attachment_id: int, now: datetime) -> int:
    row = _linked(token, now)
    mine = AttachmentRow.select().where(
        AttachmentRow.id == attachment_id,
        AttachmentRow.ticket == row.id,
        AttachmentRow.kind == "photo",
        AttachmentRow.added_by == "public",
    )
    if not mine.exists():
        raise NotFound("report.link_unknown", f"no photo {attachment_id}")
    return int(row.id)
