"""Tables that people bring and take: CSV of any usual kind and xlsx, as rows of text. Knows no meaning of columns.

A file is a stranger: its size, rows and packed size are bounded, and what is given out holds no formulas.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils.exceptions import InvalidFileException

from core.errors import AppError

MOST_ROWS = 5_000
MOST_COLUMNS = 100
MOST_BYTES = 8 * 1024 * 1024
MOST_UNPACKED = 48 * 1024 * 1024
MOST_PARTS = 500
REMARK = "//"  # a row that begins so is passed over
_RISKY = ("=", "+", "-", "@", "\t", "\r")
_BROKEN = (
    zipfile.BadZipFile, zlib.error, InvalidFileException, KeyError, ValueError, TypeError, AttributeError, IndexError,
    EOFError, OSError, SyntaxError, NotImplementedError, RuntimeError,
)  # fmt: skip  # what openpyxl lets through for files that are no workbooks
Format = Literal["csv", "xlsx"]


@dataclass(frozen=True, slots=True)
class File:
    """A table on its way out."""

    content: bytes
    media_type: str
    name: str


def rows(name: str, content: bytes) -> list[list[str]]:
    """The cells of a table as text, row by row as people count them. AppError `sheet.*` says why not."""
    if len(content) > MOST_BYTES:
        raise AppError("sheet.too_large", f"{name}: {len(content)} bytes", {"file": "too_large"}, name=name)
    if content[:4] == b"PK\x03\x04":
        return _bounded(name, _workbook(name, content))
    if content[:4] == b"\xd0\xcf\x11\xe0":
        detail = f"{name} is a workbook of the old kind, or has a password"
        raise AppError("sheet.old_workbook", detail, {"file": "invalid"}, name=name)
    text = _text(name, content)
    try:
        return _bounded(name, csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise _unreadable(name, str(error)) from None


def plain(cell: str) -> str:
    """A cell's own text: the mark that keeps spreadsheets from calculating it is taken away."""
    text = cell.strip()
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith((*_RISKY, REMARK)) else text


def no_remark(text: str) -> str:
    """A text for the first cell of a row that counts, whatever it begins with."""
    return "'" + text if text.lstrip("'").startswith(REMARK) else text


def write(name: str, table: Iterable[Sequence[str]], format_: Format) -> File:
    """A table as a file that spreadsheets open: UTF-8 with its mark, or xlsx with text cells."""
    safe = [[_safe(cell) for cell in row] for row in table]
    if format_ == "csv":
        out = io.StringIO(newline="")
        csv.writer(out).writerows(safe)
        return File(out.getvalue().encode("utf-8-sig"), "text/csv; charset=utf-8", f"{name}.csv")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("points")
    sheet.freeze_panes = "B2"
    for row in safe:
        sheet.append([ILLEGAL_CHARACTERS_RE.sub(" ", text) for text in row])  # none begins like a formula
    packed = io.BytesIO()
    book.save(packed)
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return File(packed.getvalue(), media_type, f"{name}.xlsx")


def _safe(text: str) -> str:
    if not text.lstrip("'").startswith(_RISKY) or _is_number(text):
        return text
    return "'" + text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# ---------------------------------------------------------------- text


def _text(name: str, content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        codings = ["utf-16"]
    else:
        codings = ["utf-8-sig", "gb18030"]  # of GBK and its kin; what is UTF-8 is hardly ever anything else
    for coding in codings:
        try:
            text = content.decode(coding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise _unreadable(name, "neither UTF-8 nor GBK text")


def _delimiter(text: str) -> str:
    """What parts the cells of the first row that has any; Excel's own `sep=;` line says it outright."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.lower().startswith("sep=") and len(first) == 5:
        return first[4]
    outside, quoted = "", False
    for sign in first:
        quoted ^= sign == '"'
        outside += "" if quoted else sign
    return max(",;\t", key=outside.count)


def _bounded(name: str, source: Iterable[Sequence[str]]) -> list[list[str]]:
    found: list[list[str]] = []
    for row in source:
        cells = list(row)
        while cells and not cells[-1].strip():
            cells.pop()
        if len(found) == MOST_ROWS or len(cells) > MOST_COLUMNS:
            raise AppError(
                "sheet.too_many",
                f"{name}: above {MOST_ROWS} rows or {MOST_COLUMNS} columns",
                {"file": "too_large"},
                name=name,
                rows=MOST_ROWS,
                columns=MOST_COLUMNS,
            )
        found.append(cells)
    while found and not found[-1]:
        found.pop()
    return found


# ---------------------------------------------------------------- workbooks


def _workbook(name: str, content: bytes) -> Iterator[list[str]]:
    try:
        _check_packed(name, content)
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        try:
            sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
            if not sheets:
                raise _unreadable(name, "no visible sheet")
            blank = 0
            for row in sheets[0].iter_rows(max_col=MOST_COLUMNS + 1, values_only=True):
                cells = [_shown(value) for value in row]
                if not any(cells):
                    blank += 1
                    if blank > MOST_ROWS:  # a sheet may claim a million empty rows
                        break
                    continue
                yield from ([] for _ in range(blank))
                blank = 0
                yield cells
        finally:
            book.close()
    except AppError:
        raise
    except _BROKEN as error:
        raise _unreadable(name, f"{type(error).__name__}: {error}") from None


def _check_packed(name: str, content: bytes) -> None:
    """A small file can unpack to gigabytes, or hold XML that grows by itself."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
            raise AppError("sheet.too_large", f"{name} unpacks too far", {"file": "too_large"}, name=name)
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                with archive.open(part) as file:
                    if b"<!" in file.read(4096).replace(b"<!--", b""):
                        raise _unreadable(name, f"{part.filename} declares a document type")


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _unreadable(name: str, reason: str) -> AppError:
    return AppError("sheet.unreadable", f"{name}: {reason}", {"file": "invalid"}, name=name, reason=reason)
