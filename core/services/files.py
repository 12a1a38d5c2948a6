"""Photos and documents of tickets and assets: checked and redrawn on the way in, given out to those who may see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from core.domain.people import Action, Actor, Owned, may, require
from core.errors import AppError, NotFound
from core.services import journal, rows, settings
from core.storage import db, photos
from core.storage.files import FileStore
from core.storage.tables import AssetRow, AttachmentRow, FileRow, TicketRow
from core.wire.assets import FileView

Kind = Literal["photo", "document", "signature"]
_ZIP = (b"PK\x03\x04",)
# What people keep of machines, with the first bytes that must fit; text formats have none.
_DOCUMENTS: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "pdf": ("application/pdf", (b"%PDF-",)),
    "txt": ("text/plain", ()),
    "csv": ("text/csv", ()),
    "md": ("text/plain", ()),
    "log": ("text/plain", ()),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _ZIP),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", _ZIP),
    "pptx": ("application/vnd.openxmlformats-officedocument.presentationml.presentation", _ZIP),
    "zip": ("application/zip", _ZIP),
    "dwg": ("application/acad", (b"AC10",)),
    "step": ("model/step", (b"ISO-10303-21",)),
    "stp": ("model/step", (b"ISO-10303-21",)),
}


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as it was taken in, before it hangs on anything."""

    sha256: str
    media_type: str
    size: int
    name: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """A file on its way out."""

    content: bytes
    media_type: str
    name: str


def store() -> FileStore:
    """Where this hub's files lie."""
    return FileStore(settings.files_dir())


def take(content: bytes, *, name: str, kind: Kind) -> Stored:
    """Check a file and put it on disk: slow, so before any transaction. AppError `file.*` tells what is wrong.

    A photo or signature is redrawn as JPEG without metadata; a document is kept as it is, if its kind is known.
    """
    limit = settings.hub().limits.upload_mib
    if not content:
        raise AppError("file.empty", f"{name} is empty", {"file": "empty"}, name=name)
    if len(content) > limit * 1024 * 1024:
        raise AppError(
            "file.too_large", f"{name}: above {limit} MiB", {"file": "too_large"}, name=name, limit=limit
        )
    return _take_document(content, name) if kind == "document" else _take_photo(content, name)


def _take_photo(content: bytes, name: str) -> Stored:
    try:
        photo = photos.redraw(content)
    except photos.NotAPhoto as fault:
        raise AppError(
            f"file.{fault}",
            f"{name}: {fault}",
            {"file": str(fault)},
            name=name,
            most=photos.MOST_PIXELS // 1_000_000,
        ) from None
    sha256 = store().put(photo.jpeg)
    store().put(photo.thumb, "thumb", sha256)
    stem = _clean(name).rsplit(".", 1)[0] or "photo"
    return Stored(sha256, "image/jpeg", len(photo.jpeg), f"{stem}.jpg", photo.width, photo.height)


def _take_document(content: bytes, name: str) -> Stored:
    if photos.format_of(content) is not None:
        return _take_photo(content, name)
    extension = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    media_type, starts = _DOCUMENTS.get(extension, ("", ()))
    is_text = media_type.startswith("text/") and b"\x00" not in content[:8192]
    if not media_type or not (content.startswith(starts) if starts else is_text):
        raise AppError(
            "file.kind_unknown",
            f"{name}: not a kind of document we take",
            {"file": "kind_unknown"},
            name=name,
            kinds=", ".join(_DOCUMENTS),
        )
    return Stored(store().put(content), media_type, len(content), _clean(name))


def _clean(name: str) -> str:
    """A file name without folders or control characters, at most 200 long."""
    base = re.split(r"[\\/]", name)[-1]
    return re.sub(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", "", base).strip(". ")[-200:] or "file"


def attach(
    actor: Actor,
    stored: Stored,
    *,
    kind: Kind,
    now: datetime,
    ticket_id: int | None = None,
    asset_id: int | None = None,
) -> FileView:
    """Hang a stored file on a ticket or an asset, in the running transaction; journalled there."""
    row = FileRow.get_or_none(FileRow.sha256 == stored.sha256) or FileRow.create(
        sha256=stored.sha256,
        media_type=stored.media_type,
        size=stored.size,
        width=stored.width,
        height=stored.height,
        created_at=now,
    )
    attachment: Any = AttachmentRow.create(
        file=row.id,
        ticket=ticket_id,
        asset=asset_id,
        kind=kind,
        name=stored.name,
        added_at=now,
        added_by=actor.ref,
    )
    noun, subject_id = ("ticket", ticket_id) if ticket_id is not None else ("asset", asset_id)
    journal.write(
        actor,
        f"{noun}.file_added",
        noun,
        subject_id,
        now,
        ticket_id=ticket_id,
        name=stored.name,
        kind=kind,
        attachment_id=attachment.id,
    )
    return view(attachment)


def view(row: Any) -> FileView:
    """An attachment (joined with its file) as the API tells it."""
    return FileView(
        id=row.id,
        name=row.name,
        kind=row.kind,
        media_type=row.file.media_type,
        size=row.file.size,
        url=f"/api/v1/files/{row.id}",
        added_at=row.added_at,
        added_by=row.added_by,
    )


@db.reading
def of_ticket(ticket_id: int) -> list[FileView]:
    """The files of a ticket, oldest first."""
    return _of(AttachmentRow.ticket == ticket_id)


@db.reading
def of_asset(asset_id: int) -> list[FileView]:
    """The files of an asset, oldest first."""
    return _of(AttachmentRow.asset == asset_id)


def _of(condition: Any) -> list[FileView]:
    query = AttachmentRow.select(AttachmentRow, FileRow).join(FileRow).where(condition)
    found = list(query.order_by(AttachmentRow.id))
    names = rows.actor_names(row.added_by for row in found)
    return [view(row).model_copy(update={"added_by": names[row.added_by]}) for row in found]


def read(actor: Actor, attachment_id: int, *, thumb: bool = False) -> Content:
    """A file's bytes, for who may see the ticket or asset it hangs on. NotFound `file.not_found`."""
    row = _readable(actor, attachment_id)
    if thumb and row.file.media_type == "image/jpeg":
        return Content(store().get(row.file.sha256, "thumb"), "image/jpeg", row.name)
    return Content(store().get(row.file.sha256), row.file.media_type, row.name)


@db.reading
def _readable(actor: Actor, attachment_id: int) -> Any:
    row = rows.get(AttachmentRow, attachment_id, "file")
    if row.ticket_id is not None:
        ticket = TicketRow.get_by_id(row.ticket_id)
        require(actor, Action.TICKET_READ)
        people = frozenset(i for i in (ticket.assignee_id, ticket.reporter_id) if i is not None)
        teams = frozenset(i for i in (ticket.team_id,) if i is not None)
        if not may(actor, Action.TICKET_READ, Owned(people, teams)):
            raise NotFound("file.not_found", f"no file {attachment_id}", id=attachment_id)
    else:
        require(actor, Action.ASSET_READ)
    assert row.file is not None  # loaded while there is a connection
    return row


@db.reading
def read_of_ticket(ticket_id: int, attachment_id: int, *, thumb: bool = False) -> Content:
    """A photo of a ticket for who holds its progress link: photos of reporters only. NotFound otherwise."""
    row: Any = (
        AttachmentRow.select(AttachmentRow, FileRow)
        .join(FileRow)
        .where(
            AttachmentRow.id == attachment_id,
            AttachmentRow.ticket == ticket_id,
            AttachmentRow.kind == "photo",
        )
        .first()
    )
    if row is None:
        rows.get(AttachmentRow, -1, "file")
    return Content(store().get(row.file.sha256, "thumb" if thumb else ""), row.file.media_type, row.name)


def add_to_asset(
    actor: Actor, asset_id: int, content: bytes, *, name: str, kind: Kind, now: datetime
) -> FileView:
    """A photo or document of an asset."""
    require(actor, Action.ASSET_EDIT)
    stored = take(content, name=name, kind=kind)
    return _hang_on_asset(actor, asset_id, stored, kind, now)


@db.transaction
def _hang_on_asset(actor: Actor, asset_id: int, stored: Stored, kind: Kind, now: datetime) -> FileView:
    rows.get(AssetRow, asset_id, "asset")
    return attach(actor, stored, kind=kind, now=now, asset_id=asset_id)
