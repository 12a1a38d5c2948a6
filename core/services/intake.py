"""Reports from people who are not logged in, by a label's page; how they follow them is for `progress`.

Nobody is refused for reporting too much: beyond the limit a report waits for a person instead of being dispatched.
What such a caller sees is only what this module hands out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.domain import workflow
from core.domain.people import Actor
from core.errors import AppError, Conflict, NotFound
from core.i18n import label, normalise
from core.services import files, journal, labels, progress, rows, settings, tickets
from core.storage import db
from core.storage.tables import AssetRow, AttachmentRow, FileRow, JournalRow, TicketRow
from core.wire.tickets import CreateTicket

WHAT = ("power", "jam", "noise", "leak", "heat", "display", "quality", "other")
# What the reporter says of production → priority; the highest is for people of the plant to give.
URGENCY = {"stopped": 2, "limited": 3, "waiting": 4}
JOIN_WITHIN = timedelta(minutes=15)
LIMIT_WINDOW = timedelta(minutes=10)
SHOWN_OPEN = 5
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
        location=progress.location_of(asset),
        open=[
            OpenReport(row.id, row.title, row.state, row.reported_at, max(0, row.occurrences - 1))
            for row in found
            if row.type == "fault"
        ],
    )


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
    rows.lock(AssetRow, asset.id, "asset")  # two taps at the same moment come one after the other
    request = _ticket(asset, new)
    actor = Actor("public", name=new.name.strip()[:100], address=new.address)
    before = _same_open(asset, request, now)
    row = TicketRow.get_or_none(TicketRow.request_id == request.request_id)
    if row is None and before is not None:
        _count_again(actor, before, now)
        _attach(actor, before, photos, now)
        return Taken(progress.link(before), joined=True)
    if row is None:
        held = _recent(asset, now) >= settings.hub().limits.reports_per_label
        made = tickets.create(actor, request, now=now, verified=False, held=held)
        row = TicketRow.get_by_id(made.id)
        _attach(actor, row, photos, now)
    return Taken(progress.link(row), joined=False)


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
    """“Me too” on an open report of the label's asset; returns the token of its progress page.

    Conflict `report.not_open` for all else, whatever it is: a label opens no other tickets.
    """
    asset = _asset(token)
    row = TicketRow.get_or_none(
        TicketRow.id == ticket_id,
        TicketRow.asset == asset.id,
        TicketRow.type == "fault",
        TicketRow.state.in_(list(workflow.OPEN)),
    )
    if row is None:
        raise Conflict("report.not_open", f"ticket {ticket_id} is no open report of this label")
    row = rows.lock(TicketRow, row.id, "ticket")
    _count_again(Actor("public", address=address), row, now)
    return progress.link(row)


def _count_again(actor: Actor, row: TicketRow, now: datetime) -> None:
    """One more person has it, too; the same phone within some minutes counts once."""
    phone = progress.sign(actor.address)[:16]  # tells callers apart without keeping their address
    recent = JournalRow.select().where(
        JournalRow.ticket_id == row.id, JournalRow.verb == "ticket.noted", JournalRow.at > now - LIMIT_WINDOW
    )
    if any(entry.data.get("same") == phone for entry in recent):
        return
    row.occurrences = max(1, row.occurrences) + 1
    row.version += 1
    row.updated_at = now
    row.save()
    journal.write(
        actor, "ticket.noted", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, text="", internal=False, same=phone, n=row.occurrences,
    )  # fmt: skip
