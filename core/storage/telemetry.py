"""What points did, kept apart from tickets and alarms: blocks of samples by level, point and time, and the latest ones.

A file of its own beside a SQLite database; tables of their own, made here, in PostgreSQL, where several hubs write.
Losing all of it loses no ticket: writes are fast rather than forced to disk, and a broken file is put aside.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import peewee

from core import log
from core.errors import OutsideError
from core.storage import db

_log = log.get(__name__)

RAW, MINUTES, HOURS = 0, 1, 2

_ROLL_UP_LOCK = 7_460_005  # no other lock has the number: hubs that tidy up for minutes hold nobody else up
_ROWS_A_STATEMENT = 200
_TABLES = (
    "CREATE TABLE IF NOT EXISTS telemetry_block (level SMALLINT NOT NULL, point_id INTEGER NOT NULL, "
    "from_ms BIGINT NOT NULL, to_ms BIGINT NOT NULL, samples INTEGER NOT NULL, data {bytes} NOT NULL, "
    "PRIMARY KEY (level, point_id, from_ms)){tail}",
    "CREATE TABLE IF NOT EXISTS telemetry_latest (point_id INTEGER PRIMARY KEY, edge_id VARCHAR(40) NOT NULL, "
    "sample TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS telemetry_mark (name VARCHAR(20) PRIMARY KEY, at_ms BIGINT NOT NULL)",
)


class Block(NamedTuple):
    """Packed samples of one point: `from_ms` is when its first one ends, `to_ms` its last."""

    level: int
    point_id: int
    from_ms: int
    to_ms: int
    samples: int
    data: bytes


class Store:
    """The samples of all points. Methods are for any thread; each takes a connection for its own time."""

    def __init__(self, database: Any, file: Path | None) -> None:
        self._database = database
        self._file = file

    @property
    def shared(self) -> bool:
        """Whether other hub processes write here too."""
        return self._file is None

    @contextmanager
    def held(self, writing: bool = False) -> Iterator[Any]:
        """One connection, and one transaction when `writing`, for all that is done inside."""
        opened = self._database
        try:
            with ExitStack() as held:
                if opened.is_closed():
                    held.enter_context(opened.connection_context())
                if writing:
                    held.enter_context(opened.atomic() if self.shared else opened.atomic("IMMEDIATE"))
                yield opened
        except (*db.DatabaseTrouble, peewee.DatabaseError) as error:
            raise OutsideError("database.failed", str(error), reason=error) from error

    def make_tables(self) -> None:
        """Make what is not there yet."""
        words = ("BYTEA", "") if self.shared else ("BLOB", " WITHOUT ROWID")
        with self.held(writing=True) as opened:
            if self.shared:  # two hubs that start at once would both make them
                opened.execute_sql("SELECT pg_advisory_xact_lock(%s)", (_ROLL_UP_LOCK,))
            for statement in _TABLES:
                opened.execute_sql(statement.format(bytes=words[0], tail=words[1]))

    # ------------------------------------------------------------ blocks

    def add(self, blocks: Iterable[Block]) -> int:
        """Keep blocks; one that is there already, from another hub that heard the same, stays. Return how many came."""
        count = 0
        with self.held(writing=True):
            for some in _some(blocks):
                self._insert("telemetry_block", Block._fields, some, "ON CONFLICT DO NOTHING")
                count += len(some)
        return count

    def replace(self, level: int, point_id: int, from_ms: int, to_ms: int, block: Block | None) -> None:
        """Put one block, or none, in the place of all that begin in this stretch of time."""
        with self.held(writing=True):
            self._run(
                "DELETE FROM telemetry_block WHERE level = ? AND point_id = ? AND from_ms >= ? AND from_ms < ?",
                (level, point_id, from_ms, to_ms),
            )
            if block is not None:
                self._insert("telemetry_block", Block._fields, [block], "")

    def blocks(self, level: int, point_id: int, from_ms: int, to_ms: int) -> list[bytes]:
        """The blocks of a point that may hold samples of this stretch, in order of time."""
        sql = (
            "SELECT data FROM telemetry_block WHERE level = ? AND point_id = ? AND from_ms <= ? AND to_ms >= ? "
            "ORDER BY from_ms"
        )
        with self.held():
            return [bytes(data) for (data,) in self._run(sql, (level, point_id, to_ms, from_ms)).fetchall()]

    def bounds(self, level: int, point_id: int) -> tuple[int, int] | None:
        """When the first and the last sample of a point at this level end; None when there is none."""
        first = (
            "SELECT from_ms FROM telemetry_block WHERE level = ? AND point_id = ? ORDER BY from_ms LIMIT 1"
        )
        last = first.replace("from_ms FROM", "to_ms FROM").replace(
            "ORDER BY from_ms", "ORDER BY from_ms DESC"
        )
        with self.held():
            found = self._run(first, (level, point_id)).fetchone()
            if found is None:
                return None
            return int(found[0]), int(self._run(last, (level, point_id)).fetchone()[0])

    def begun(self, level: int, point_id: int, from_ms: int, to_ms: int) -> list[int]:
        """When the blocks of a point begin that begin in this stretch."""
        sql = (
            "SELECT from_ms FROM telemetry_block WHERE level = ? AND point_id = ? AND from_ms >= ? AND from_ms < ? "
            "ORDER BY from_ms"
        )
        with self.held():
            return [int(at_ms) for (at_ms,) in self._run(sql, (level, point_id, from_ms, to_ms)).fetchall()]

    def points(self) -> list[int]:
        """All points that were ever heard."""
        with self.held():
            rows = self._run("SELECT point_id FROM telemetry_latest ORDER BY point_id").fetchall()
        return [int(point_id) for (point_id,) in rows]

    def forget(self, level: int, point_ids: Sequence[int], before_ms: int) -> int:
        """Delete blocks that began before a moment; return how many."""
        gone = 0
        for some in _some(point_ids):
            places = ", ".join("?" * len(some))
            sql = f"DELETE FROM telemetry_block WHERE level = ? AND point_id IN ({places}) AND from_ms < ?"
            with self.held(writing=True):
                gone += int(self._run(sql, (level, *some, before_ms)).rowcount)
        return gone

    # ------------------------------------------------------------ latest samples and marks

    def keep_latest(self, latest: Iterable[tuple[int, str, str]]) -> None:
        """The newest sample of points: (point, edge, JSON)."""
        tail = "ON CONFLICT (point_id) DO UPDATE SET edge_id = excluded.edge_id, sample = excluded.sample"
        with self.held(writing=True):
            for some in _some(latest):
                self._insert("telemetry_latest", ("point_id", "edge_id", "sample"), some, tail)

    def latest(self) -> list[tuple[int, str, str]]:
        """The newest sample of every point."""
        with self.held():
            rows = self._run("SELECT point_id, edge_id, sample FROM telemetry_latest").fetchall()
        return [(int(point_id), str(edge_id), str(sample)) for point_id, edge_id, sample in rows]

    def mark(self, name: str) -> int | None:
        """How far a job has come."""
        with self.held():
            row = self._run("SELECT at_ms FROM telemetry_mark WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def set_mark(self, name: str, at_ms: int) -> None:
        """Keep how far a job has come."""
        with self.held(writing=True):
            tail = "ON CONFLICT (name) DO UPDATE SET at_ms = excluded.at_ms"
            self._insert("telemetry_mark", ("name", "at_ms"), [(name, at_ms)], tail)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether this is the only hub that tidies up now; the others look again later."""
        if not self.shared:
            yield True
            return
        with self.held():
            taken = bool(self._run("SELECT pg_try_advisory_lock(?)", (_ROLL_UP_LOCK,)).fetchone()[0])
            try:
                yield taken
            finally:
                if taken:
                    self._run("SELECT pg_advisory_unlock(?)", (_ROLL_UP_LOCK,))

    # ------------------------------------------------------------ the file

    def bytes_used(self) -> int | None:
        """What the samples take on disk; None in PostgreSQL, where others have their eye on it."""
        if self.shared:
            return None
        with self.held():
            pages, free, size = (
                int(self._run(f"PRAGMA {name}").fetchone()[0])
                for name in ("page_count", "freelist_count", "page_size")
            )
        return (pages - free) * size

    def give_back(self) -> None:
        """Let the file shrink by what was deleted."""
        if not self.shared:
            with self.held() as opened:
                # A script, because a single statement that tells no columns is taken one step far: one page.
                opened.connection().executescript("PRAGMA incremental_vacuum")

    def _run(self, sql: str, params: tuple[Any, ...] = ()) -> Any:
        return self._database.execute_sql(sql.replace("?", "%s") if self.shared else sql, params)

    def _insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], tail: str) -> None:
        places = ", ".join([f"({', '.join('?' * len(columns))})"] * len(rows))
        params = tuple(value for row in rows for value in row)
        self._run(f"INSERT INTO {table} ({', '.join(columns)}) VALUES {places} {tail}", params)


def _some(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """The rows in portions that one statement takes."""
    remaining = iter(rows)
    while portion := list(islice(remaining, _ROWS_A_STATEMENT)):
        yield portion


def open_store(file: Path) -> Store:
    """The samples beside the bound database: in `file`, or in the PostgreSQL itself."""
    if db.is_postgresql():
        store = Store(db.database, None)
        store.make_tables()
        return store
    try:
        return _open_file(file)
    except OutsideError as error:
        # Locked or a full disk is no reason to put years of readings aside.
        if isinstance(error.__cause__, db.DatabaseTrouble):
            raise
        aside = file.with_name(f"{file.name}.broken-{time.strftime('%Y%m%dT%H%M%S')}")
        _log.error("the file of samples is broken and put aside", file=str(aside), reason=str(error))
        for ending in ("-wal", "-shm"):
            file.with_name(file.name + ending).unlink(missing_ok=True)
        file.rename(aside)
        return _open_file(file)


def _open_file(file: Path) -> Store:
    pragmas = {
        "auto_vacuum": "incremental",  # before anything else: it counts for a file without tables only
        "journal_mode": "wal",
        "synchronous": "normal",
        "cache_size": -16_000,
    }
    store = Store(peewee.SqliteDatabase(str(file), pragmas=pragmas, timeout=30), file)
    store.make_tables()
    return store
