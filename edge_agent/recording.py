"""Recorded readings in a CSV file, row by row: a column `timestamp`, one column per point. Knows no rules."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from core.errors import AppError

Value = float | bool | str | None
Row = tuple[datetime, Mapping[str, Value]]

_TIME = "timestamp"
_LOOKED_AT = 1 << 20  # bytes by which a file's encoding is told
_WORDS = {"true": True, "false": False}


def read_rows(
    file: Path, points: Sequence[str], zone: ZoneInfo | None = None, texts: Collection[str] = ()
) -> Iterator[Row]:
    """Rows of a CSV with a `timestamp` column and one column per point id (or `value`, when there is one point).

    Times without an offset are taken to be in `zone` (UTC when none). An empty or non-numeric cell is a bad reading,
    but for points in `texts`, whose values are words. UTF-8, or GB 18030 as spreadsheets of China write it.
    """
    with file.open(encoding=_encoding(file), newline="") as source:
        table = csv.reader(source)
        lines = _lines(file, table)
        columns = _columns(file, next(lines, []), points)
        at_column = columns.pop(_TIME)
        cells = [(point, column, point in texts) for point, column in columns.items()]
        for line in lines:
            if not line:
                continue
            at = _moment(file, table.line_num, line[at_column] if at_column < len(line) else "", zone)
            yield (
                at,
                {
                    point: _value(line[column] if column < len(line) else "", words)
                    for point, column, words in cells
                },
            )


def _columns(file: Path, header: Sequence[str], points: Sequence[str]) -> dict[str, int]:
    names = [name.strip() for name in header]
    found = {point: names.index(point) for point in points if point in names}
    if not found and len(points) == 1 and "value" in names:
        found = {points[0]: names.index("value")}
    if _TIME not in names or not found:
        wanted, has = ", ".join(points), ", ".join(names)
        raise AppError(
            "replay.columns",
            f"{file}: needs a column timestamp and one of {wanted}; it has {has}",
            file=file,
            wanted=wanted,
            found=has,
        )
    return {_TIME: names.index(_TIME), **found}


def _lines(file: Path, table: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from table
    except (UnicodeDecodeError, csv.Error) as error:
        raise AppError("replay.unreadable", f"{file}: {error}", file=file, reason=error) from error


def _encoding(file: Path) -> str:
    with file.open("rb") as source:
        start = source.read(_LOOKED_AT)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8-sig"


def _moment(file: Path, number: int, text: str, zone: ZoneInfo | None) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise AppError(
            "replay.bad_time", f"{file} line {number}: {error}", file=file, line=number, text=text
        ) from error
    return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=zone or UTC).astimezone(UTC)


def _value(text: str, words: bool) -> Value:
    try:
        value = float(text)
    except ValueError:
        plain = text.strip()
        known = _WORDS.get(plain.lower())
        if known is not None:
            return known
        return plain if words and plain else None
    return value if value - value == 0 else None  # neither infinite nor NaN
