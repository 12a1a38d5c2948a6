"""Brings a database to this version's tables: a backup first, then the numbered steps that it lacks.

A database of a newer version is refused: its rows may mean what this version does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import peewee
from playhouse import migrations

from core.errors import AppError, OutsideError

_LOCK = 7_460_002
FOLDER = Path(__file__).with_name("migrations")


class _Runner(migrations.Runner):  # type: ignore[misc]  # peewee has no types
    """Takes `m0001_name.py`, which Python and its checkers can import, as the number 1."""

    def migrations(self) -> list[Any]:
        return [
            migrations.Migration(int(path.stem[1:5]), path.stem, str(path), None)
            for path in sorted(Path(self.directory).glob("m[0-9]*.py"))
        ]


def up(database: peewee.Database, backup_dir: Path, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing and return its names; nothing is touched when nothing is.

    SQLite is copied into `backup_dir` first; a PostgreSQL is backed up by its own administrator (docs).
    Raises AppError `database.newer`, OutsideError `database.unreachable`, `database.backup_failed`.
    """
    opened: Any = database.obj if isinstance(database, peewee.DatabaseProxy) else database
    _connect(opened)
    with opened.connection_context(), _one_at_a_time(opened):
        runner = _Runner(opened, str(folder))
        known = {step.name for step in runner.migrations()}
        applied = set(runner.applied())
        unknown = sorted(applied - known)
        if unknown:
            raise AppError(
                "database.newer",
                f"the database was made by a newer version (it has {unknown[-1]}); install that version or newer",
                step=unknown[-1],
            )
        if known <= applied:
            return []
        if applied and isinstance(opened, peewee.SqliteDatabase):
            back_up(opened, backup_dir, applied)
        return cast(list[str], runner.up())


@contextmanager
def _one_at_a_time(database: Any) -> Iterator[None]:
    """Several hubs on one PostgreSQL start together after an update; SQLite's folder is locked by its hub."""
    if not isinstance(database, peewee.PostgresqlDatabase):
        yield
        return
    database.execute_sql("SELECT pg_advisory_lock(%s)", (_LOCK,))
    try:
        yield
    finally:
        database.execute_sql("SELECT pg_advisory_unlock(%s)", (_LOCK,))


def _connect(opened: peewee.Database) -> None:
    try:
        opened.connect(reuse_if_open=True)
    except peewee.DatabaseError as error:
        raise OutsideError(
            "database.unreachable",
            f"{opened.database}: {error}",
            place=opened.database,
            reason=str(error).strip().partition("\n")[0],
        ) from error


def back_up(database: Any, backup_dir: Path, applied: Iterable[str]) -> Path:
    """A consistent copy of the whole SQLite file, named after the last step it has."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = backup_dir / f"before-migration-{max(applied)}-{stamp}.db"
    backup_dir.mkdir(parents=True, exist_ok=True)
    try:
        database.execute_sql("VACUUM INTO ?", (str(target),))
    except peewee.OperationalError as error:
        raise OutsideError("database.backup_failed", str(error), path=backup_dir, reason=error) from error
    return target
