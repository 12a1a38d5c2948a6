"""The secret link by which a reporter follows a ticket: what it shows, and the little it allows.

Internal notes, names of technicians, contacts and money are not among it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.domain import workflow
from core.domain.people import Actor
from core.errors import AppError, Conflict, NotFound
from core.services import files, journal, places, settings, ticket_links, ticket_work
from core.storage import db
from core.storage.tables import AssetRow, AttachmentRow, JournalRow, MetaRow, TicketRow
from core.wire.tickets import RateTicket

LINK_LIFE = timedelta(days=90)  # after the ticket is closed
MOST_NOTES = 20  # from one link, so that nobody fills a ticket
_LINK_KEY = "link_key"
_NOTED_WITHIN = timedelta(minutes=10)  # the same note again is a double tap


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


def _key() -> bytes:
    known = settings.get(_LINK_KEY)
    if known is None:
        # Whoever else makes one at this moment: the first one counts for all.
        MetaRow.insert(key=_LINK_KEY, value=secrets.token_hex(32)).on_conflict_ignore().execute()
        known = settings.get(_LINK_KEY)
    return bytes.fromhex(known)


def sign(text: str) -> str:
    """A digest of `text` that only this hub can make, in the running transaction."""
    return hmac.new(_key(), text.encode(), hashlib.sha256).hexdigest()


def link(row: TicketRow) -> str:
    """The token of the ticket's progress page, in the running transaction; the same each time."""
    token = base64.b32encode(bytes.fromhex(sign(f"progress:{row.id}"))[:20]).decode()
    if row.progress_hash != _hash(token):
        row.progress_hash = _hash(token)
        row.save()
    return token


def location_of(asset: AssetRow) -> str:
    """`Site / Area / Line` of an asset."""
    return places.paths([asset.location_id]).get(asset.location_id, "")


def _hash(token: str) -> str:
    return hashlib.sha256(token.strip().upper().encode()).hexdigest()


def _linked(token: str, now: datetime) -> TicketRow:
    row = TicketRow.get_or_none(TicketRow.progress_hash == _hash(token))
    ended_at = None if row is None else ticket_links.leading(row).closed_at
    if row is None or (ended_at is not None and ended_at + LINK_LIFE < now):
        raise NotFound("report.link_unknown", "no such link, or it has expired")
    return row


@db.reading
def view(token: str, *, now: datetime) -> Progress:
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
    lead = ticket_links.leading(row)  # what was merged goes on as the other
    done = lead.state in workflow.DONE
    return Progress(
        number=row.number,
        title=row.title,
        state=lead.state,
        hold_reason=lead.hold_reason,
        asset=asset.name if asset else "",
        location=location_of(asset) if asset else "",
        rating=row.rating,
        may_rate=done and lead.id == row.id and row.rating is None,
        may_note=lead.state in workflow.OPEN or done,
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
    if newest is not None and newest.data.get("text") == words and newest.at > now - _NOTED_WITHIN:
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
