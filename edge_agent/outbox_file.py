"""The outbox's file itself: opened and checked, set aside when it is damaged, and what can still be read from one.

Every row carries a checksum: SQLite's own check notices a broken page, not a changed letter in it. Knows no events.
"""

from __future__ import annotations

import os
import re
import sqlite3
import zlib
from contextlib import closing
from datetime import datetime
from pathlib import Path

from core import log

_log = log.get(__name__)
MOST_KEPT_ASIDE = 3
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, acked_at REAL, crc INTEGER);
CREATE INDEX IF NOT EXISTS events_acked ON events (acked_at) WHERE acked_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS states (rule TEXT PRIMARY KEY, body TEXT NOT NULL, crc INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS charts (occurrence TEXT PRIMARY KEY, body TEXT NOT NULL, crc INTEGER) WITHOUT ROWID;
"""
_TABLES = {"meta": "value", "events": "body", "states": "body", "charts": "body"}
_NUMBERS = ("last_seq", "acked")


def checksum(text: str) -> int:
    """Of one row."""
    return zlib.crc32(text.encode())


def is_whole(text: object, crc: int | None) -> bool:
    """Whether a row is as it was written; one of before there were checksums is believed."""
    return isinstance(text, str) and (crc is None or crc == checksum(text))


def open_file(file: Path) -> sqlite3.Connection:
    """Open or make it; each commit waits for the disk. sqlite3.DatabaseError when it is damaged, OperationalError
    when it is locked, full or not allowed, and may be well."""
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=10)
    try:
        if os.name == "posix":
            file.chmod(0o600)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA journal_size_limit=4194304")
        (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        db.executescript(_SCHEMA)
        for table in _TABLES:
            if "crc" not in {row[1] for row in db.execute(f"PRAGMA table_info({table})")}:
                db.execute(f"ALTER TABLE {table} ADD COLUMN crc INTEGER")
        _check(db)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection) -> None:
    """All that is needed to go on must be whole; a single event that is not is voided when it is sent."""
    for table in ("meta", "states", "charts"):
        for text, crc in db.execute(f"SELECT {_TABLES[table]}, crc FROM {table}"):
            if not is_whole(text, crc):
                raise sqlite3.DatabaseError(f"a row of {table} is not as it was written")
    facts = dict(db.execute("SELECT key, value FROM meta"))
    if not facts:
        return
    if not re.fullmatch("[0-9a-f]{32}", facts.get("epoch", "")):
        raise sqlite3.DatabaseError("no epoch")
    if not all(facts.get(name, "").isdecimal() for name in _NUMBERS):
        raise sqlite3.DatabaseError("no numbers")


def set_aside(file: Path, now: datetime) -> Path:
    """Rename a damaged file, with what belongs to it, out of the way; the oldest of many goes."""
    aside = file.with_name(f"{file.name}.broken-{now:%Y%m%dT%H%M%S%f}")
    for suffix in ("", "-wal", "-shm"):
        damaged = file.with_name(file.name + suffix)
        if damaged.exists():
            damaged.rename(aside.with_name(aside.name + suffix))
    kept = sorted(file.parent.glob(f"{file.name}.broken-*"))
    kept = [one for one in kept if not one.name.endswith(("-wal", "-shm"))]
    for old in kept[:-MOST_KEPT_ASIDE]:
        for suffix in ("", "-wal", "-shm"):
            old.with_name(old.name + suffix).unlink(missing_ok=True)
    return aside


def readable_events(file: Path, edge: str) -> list[str]:
    """Events in a damaged file that the hub has not acknowledged and that are whole, as JSON, in their order."""
    found: dict[int, str] = {}
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as db:
            if not _belongs_to(db, edge):
                return []
            for order in ("ASC", "DESC"):  # from both ends to the damage
                try:
                    for seq, body, acked_at, crc in db.execute(
                        f"SELECT seq, body, acked_at, crc FROM events NOT INDEXED ORDER BY seq {order}"
                    ):
                        if acked_at is None and crc is not None and is_whole(body, crc):
                            found[seq] = body
                except sqlite3.DatabaseError as error:
                    _log.warning("some events cannot be read any more", file=str(file), reason=str(error))
    except sqlite3.DatabaseError as error:
        _log.warning("nothing can be read any more", file=str(file), reason=str(error))
    return [found[seq] for seq in sorted(found)]


def _belongs_to(db: sqlite3.Connection, edge: str) -> bool:
    try:
        row = db.execute("SELECT value FROM meta WHERE key='edge'").fetchone()
    except sqlite3.DatabaseError:
        return True
    return row is None or row[0] == edge
