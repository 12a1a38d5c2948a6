"""Photos and documents: what is taken, what is refused, what comes out of it."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from core.domain.people import PUBLIC, Actor, Role
from core.errors import AppError, FettleError, Forbidden, NotFound, OutsideError
from core.services import assets, files, settings
from core.storage import photos
from core.storage.files import FileStore
from core.storage.tables import FileRow, JournalRow
from core.wire.assets import SaveAsset
from tests.hub.actors import hub_in, person, ticket


def jpeg(width: int = 400, height: int = 300, **save: object) -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, "JPEG", **save)
    return out.getvalue()


def png(width: int, height: int, mode: str = "RGB") -> bytes:
    out = BytesIO()
    Image.new(mode, (width, height)).save(out, "PNG")
    return out.getvalue()


@cache
def bomb(side: int) -> bytes:
    """A PNG of side x side pixels in a few kilobytes, made without ever having the picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    line = b"\x00" + b"\x00" * (side // 8)
    data = b"".join(packer.compress(line * 64) for _ in range(side // 64)) + packer.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def with_exif() -> bytes:
    """A photo held upright (orientation 6), with the place where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SecretPhoneMaker"
    exif.get_ifd(0x8825)[2] = (22.5, 33.0, 44.0)
    return jpeg(exif=exif, comment=b"SecretComment")


@pytest.fixture
def hub(sqlite_database: Path, tmp_path: Path) -> Iterator[Path]:
    with hub_in(tmp_path / "hub"):
        yield tmp_path / "hub"


@pytest.fixture
def admin(hub: Path) -> Actor:
    return person("Root", Role.ADMIN)


@pytest.mark.parametrize(
    "content",
    [jpeg(), png(50, 40), png(50, 40, "RGBA"), png(50, 40, "P"), png(50, 40, "I;16"), png(1, 1, "1")],
    ids=["jpeg", "png", "alpha", "palette", "16 bit", "1 bit"],
)
def test_photos_come_out_as_plain_jpeg(content: bytes) -> None:
    photo = photos.redraw(content)
    for drawn in (photo.jpeg, photo.thumb):
        with Image.open(BytesIO(drawn)) as image:
            assert image.format == "JPEG" and image.mode == "RGB" and not image.getexif()


def test_large_photos_become_smaller_and_keep_their_shape() -> None:
    photo = photos.redraw(jpeg(5000, 3000))
    assert (photo.width, photo.height) == (2560, 1536)
    with Image.open(BytesIO(photo.thumb)) as thumb:
        assert thumb.size == (320, 192)


def test_orientation_is_applied_and_all_metadata_is_gone() -> None:
    content = with_exif()
    assert b"SecretPhoneMaker" in content and b"SecretComment" in content
    photo = photos.redraw(content)
    assert (photo.width, photo.height) == (300, 400), "stands upright"
    assert b"Secret" not in photo.jpeg and b"Exif" not in photo.jpeg and b"ICC_PROFILE" not in photo.jpeg


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
GIF_POLYGLOT = b"GIF89a/*\x00\x00\x00\x00\x00*/=1;alert(document.domain)//"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"this is a text, renamed\n" * 50, "file.not_a_photo"),
        (jpeg()[:300], "file.not_a_photo"),
        (png(300, 300)[:60], "file.not_a_photo"),
        (SVG, "file.not_a_photo"),
        (GIF_POLYGLOT, "file.not_a_photo"),
        (b"%PDF-1.7 nothing", "file.not_a_photo"),
        (b"\xff\xd8\xff" + b"\x00" * 500, "file.not_a_photo"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "file.not_a_photo"),
        (bomb(40_000), "file.too_many_pixels"),
        (b"", "file.empty"),
    ],
    ids=[
        "text",
        "truncated jpeg",
        "truncated png",
        "svg",
        "gif polyglot",
        "pdf",
        "noise",
        "avi",
        "bomb",
        "empty",
    ],
)
def test_what_is_no_photo_is_refused_and_nothing_kept(hub: Path, content: bytes, code: str) -> None:
    assert len(content) < 400_000
    with pytest.raises(AppError) as caught:
        files.take(content, name="IMG_1.jpg", kind="photo")
    assert caught.value.code == code and list(caught.value.fields) == ["file"]
    assert caught.value.params["name"] == "IMG_1.jpg"
    assert not (hub / "files").exists()


def test_a_page_hidden_behind_a_photo_does_not_survive(hub: Path) -> None:
    stored = files.take(jpeg() + b"<script>alert(1)</script>", name="x.jpg", kind="photo")
    assert b"<script>" not in files.store().get(stored.sha256)


def test_a_larger_file_than_allowed_is_refused_before_it_is_looked_at(hub: Path) -> None:
    content = b"\xff" * (settings.hub().limits.upload_mib * 1024 * 1024 + 1)
    with pytest.raises(AppError) as caught:
        files.take(content, name="x.jpg", kind="photo")
    assert caught.value.code == "file.too_large" and caught.value.params["limit"] == "8"


def test_a_decoder_that_wants_too_much_memory_or_dies_is_only_no_photo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(photos, "MOST_PIXELS", 10**12)
    with pytest.raises(photos.NotAPhoto):
        photos.redraw(bomb(40_000))  # 200 KB that want 1.6 GB


def test_same_content_lies_there_once(hub: Path) -> None:
    first = files.take(jpeg(), name="a.jpg", kind="photo")
    second = files.take(jpeg(), name="b.jpg", kind="photo")
    assert first.sha256 == second.sha256 and (first.name, second.name) == ("a.jpg", "b.jpg")
    content = files.store().get(first.sha256)
    assert hashlib.sha256(content).hexdigest() == first.sha256
    assert sorted(p.name for p in (hub / "files").rglob("*") if p.is_file()) == [
        first.sha256,
        f"{first.sha256}.thumb",
    ]


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [
        ("manual.pdf", b"%PDF-1.4 ...", "application/pdf"),
        ("list.csv", "编号,名称\n".encode(), "text/csv"),
        ("book.XLSX", b"PK\x03\x04...", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("photo.pdf", jpeg(), "image/jpeg"),
        ("page.html", b"<html>", None),
        ("run.exe", b"MZ", None),
        ("manual.pdf", b"<html>", None),
        ("note.txt", b"\x00\x01\x02", None),
        ("noextension", b"text", None),
        ("drawing.svg", SVG, None),
    ],
)
def test_documents_by_kind(hub: Path, name: str, content: bytes, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(AppError) as caught:
            files.take(content, name=name, kind="document")
        assert caught.value.code == "file.kind_unknown" and "pdf" in caught.value.params["kinds"]
    else:
        assert files.take(content, name=name, kind="document").media_type == kept


@pytest.mark.parametrize(
    ("name", "clean"),
    [("../../etc/passwd.txt", "passwd.txt"), ("C:\\x\\a\u202etxt.pdf", "atxt.pdf"), ("\x00\r\n.txt", "txt")],
)
def test_names_lose_folders_and_tricks(name: str, clean: str) -> None:
    assert files._clean(name) == clean


def test_files_of_an_asset(admin: Actor, now: datetime) -> None:
    press = assets.create(admin, SaveAsset(name="Press"), now=now)
    added = files.add_to_asset(admin, press.id, jpeg(), name="front.png", kind="photo", now=now)
    files.add_to_asset(admin, press.id, b"%PDF-1.4", name="manual.pdf", kind="document", now=now)
    shown = assets.view(admin, press.id).files
    assert [(f.name, f.kind, f.media_type) for f in shown] == [
        ("front.jpg", "photo", "image/jpeg"),
        ("manual.pdf", "document", "application/pdf"),
    ]
    assert JournalRow.select().where(JournalRow.verb == "asset.file_added").count() == 2
    whole, small = files.read(admin, added.id), files.read(admin, added.id, thumb=True)
    assert len(small.content) < len(whole.content) and whole.media_type == "image/jpeg"
    reporter = person("R", Role.REPORTER)
    assert files.read(reporter, added.id).content == whole.content
    with pytest.raises(Forbidden):
        files.add_to_asset(reporter, press.id, jpeg(), name="x.jpg", kind="photo", now=now)
    with pytest.raises(NotFound):
        files.add_to_asset(admin, 99, jpeg(), name="x.jpg", kind="photo", now=now)


def test_files_of_a_ticket_are_for_those_who_may_see_it(admin: Actor, now: datetime) -> None:
    mine, other = person("R1", Role.REPORTER), person("R2", Role.REPORTER)
    row = ticket("T-1", reporter=mine.id)
    added = files.attach(
        PUBLIC, files.take(jpeg(), name="x.jpg", kind="photo"), kind="photo", now=now, ticket_id=row.id
    )
    assert files.read(mine, added.id).name == "x.jpg"
    for stranger in (other, PUBLIC):
        with pytest.raises(FettleError):
            files.read(stranger, added.id)
    assert files.read_of_ticket(row.id, added.id, thumb=True).media_type == "image/jpeg"
    with pytest.raises(NotFound):
        files.read_of_ticket(row.id + 1, added.id)


def test_a_file_gone_from_disk_is_said_to_be(admin: Actor, hub: Path, now: datetime) -> None:
    press = assets.create(admin, SaveAsset(name="Press"), now=now)
    added = files.add_to_asset(admin, press.id, jpeg(), name="x.jpg", kind="photo", now=now)
    (hub / "files" / FileRow.get().sha256[:2] / FileRow.get().sha256).unlink()
    with pytest.raises(OutsideError) as caught:
        files.read(admin, added.id)
    assert caught.value.code == "file.disk"


def test_a_folder_that_cannot_be_written_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(OutsideError) as caught:
        FileStore(tmp_path / "files").put(b"x")
    assert caught.value.code == "file.disk"
