"""The database: opening it, one transaction per use case, retries. Knows nothing of what the rows mean.

SQLite (WAL, foreign keys, `BEGIN IMMEDIATE`, synchronous=FULL) by default, PostgreSQL by URL.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import unquote, urlsplit

import peewee
from playhouse.pool import MaxConnectionsExceeded, PooledPostgresqlDatabase

from core.errors import AppError, OutsideError
from core.storage import gather

P = ParamSpec("P")
R = TypeVar("R")

database = peewee.DatabaseProxy()

# SQLite lets one connection write at a time; queueing here keeps eight clients from starving each
# other in its busy handler.
_one_writer = threading.RLock()

# Trouble of the database itself, never the fault of what was to be written.
DatabaseTrouble = (peewee.OperationalError, peewee.InterfaceError, MaxConnectionsExceeded)
# What no column can hold: a number beyond 64 bits, a date out of all time, half a character.
_UNSTORABLE = (OverflowError, UnicodeEncodeError, peewee.DataError)

ATTEMPTS = 6
_PASSING = ("deadlock detected", "could not serialize", "database is locked", "database table is locked")


class _Sqlite(peewee.SqliteDatabase):
    def execute_sql(self, sql: str, params: Any = None) -> Any:
        gathered = gather.here()
        if gathered is not None:
            gathered.before(sql)
        found: Any = super().execute_sql(sql, params)  # type: ignore[no-untyped-call]
        return found


class _Postgresql(PooledPostgresqlDatabase):  # type: ignore[misc]
    def execute_sql(self, sql: str, params: Any = None) -> Any:
        gathered = gather.here()
        if gathered is not None:
            gathered.before(sql)
        return super().execute_sql(sql, params)


def open_database(url: str, sqlite_file: Path) -> peewee.Database:
    """Bind the tables to PostgreSQL at `url`, or to `sqlite_file` when `url` is empty. Connects lazily."""
    db = _postgresql(url) if url else _sqlite(sqlite_file)
    database.initialize(db)
    return db


def is_postgresql() -> bool:
    """Whether the bound database is PostgreSQL."""
    return isinstance(database.obj, peewee.PostgresqlDatabase)


def _sqlite(file: Path) -> peewee.Database:
    db: peewee.Database = _Sqlite(
        str(file),
        pragmas={
            "journal_mode": "wal",
            "synchronous": "full",
            "foreign_keys": 1,
            "cache_size": -32_000,
            "temp_store": "memory",
        },
        timeout=30,
    )
    return db


def _postgresql(url: str) -> peewee.Database:
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        raise AppError(
            "settings.bad_value",
            "database_url must look like postgresql://user:password@host/name",
            fields={"database_url": "url"},
            key="database_url",
            reason="postgresql://user:password@host/name",
            file="",
        )
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    pool: peewee.Database = _Postgresql(
        parts.path.strip("/"),
        user=unquote(parts.username or "") or None,
        password=unquote(parts.password or "") or None,
        host=unquote(query.get("host", "") or parts.hostname or "") or None,
        port=parts.port or 5432,
        prefer_psycopg3=True,
        max_connections=40,
        stale_timeout=300,
        timeout=30,
    )
    return pool


def close() -> None:
    """Close this thread's connection, and the pool with all of its idle ones."""
    opened = database.obj
    if opened is not None and not opened.is_closed():
        opened.close()
    if isinstance(opened, PooledPostgresqlDatabase):
        # Not all of them: taking a connection from under a thread that uses it crashes the process.
        opened.close_idle()


def _borrowed() -> AbstractContextManager[object]:
    """A connection for the time of a use case, unless this thread already has one."""
    if is_postgresql() and database.is_closed():
        return cast(AbstractContextManager[object], database.connection_context())
    return nullcontext()


@contextmanager
def _begin() -> Iterator[None]:
    if is_postgresql():
        with _borrowed(), database.atomic():
            yield
    else:
        with _one_writer, database.atomic("IMMEDIATE"):
            yield


def savepoint() -> AbstractContextManager[object]:
    """Inside a transaction: what is done in here is undone alone when it raises."""
    return cast(AbstractContextManager[object], database.savepoint())


def gathered() -> AbstractContextManager[gather.Gathered]:
    """Inside a transaction: rows saved in here are written together, at its end or before any other statement."""
    return gather.gathering(database.obj)


def transaction(use_case: Callable[P, R]) -> Callable[P, R]:
    """Run a service function in one transaction, again when the database asks for it.

    Called inside another use case it joins that one's transaction. The function must therefore have no
    effect outside the database; what must follow a commit goes through `after_commit`.
    Raises OutsideError `database.busy` when it stays locked, `database.failed` when it is away; AppError
    `request.unstorable` when no database could hold what was given.
    """

    @wraps(use_case)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if database.obj is not None and database.in_transaction():
            return use_case(*args, **kwargs)
        for attempt in range(ATTEMPTS):
            try:
                with _begin():
                    return use_case(*args, **kwargs)
            except peewee.IntegrityError:
                # Two at once gave out the same unique key: the second time the loser sees the other's row,
                # and says so in its own words.
                if attempt:
                    raise
            except _UNSTORABLE as error:
                raise AppError("request.unstorable", str(error)) from error
            except DatabaseTrouble as error:
                if not any(word in str(error) for word in _PASSING):
                    raise OutsideError("database.failed", str(error), reason=error) from error
                time.sleep(random.uniform(0, 0.02 * 2**attempt))
        raise OutsideError("database.busy", "the database stayed locked")

    return run


def reading(use_case: Callable[P, R]) -> Callable[P, R]:
    """Give a read-only service function a connection (PostgreSQL: from the pool; SQLite: this thread's).

    Raises as `transaction` does, and inside one leaves that to it.
    """

    @wraps(use_case)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if database.obj is not None and database.in_transaction():
            return use_case(*args, **kwargs)
        try:
            with _borrowed():
                return use_case(*args, **kwargs)
        except _UNSTORABLE as error:
            raise AppError("request.unstorable", str(error)) from error
        except DatabaseTrouble as error:
            raise OutsideError("database.failed", str(error), reason=error) from error

    return run


def after_commit(effect: Callable[[], None]) -> None:
    """Call `effect` once the running transaction is committed; never when it is rolled back."""
    database.after_commit(effect)
