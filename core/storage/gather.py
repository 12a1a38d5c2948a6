"""Writes held back and made together: many rows of one use case by few statements. Knows nothing of what rows mean.

While a transaction is gathered on a thread, `Row.save` gives new rows their ids and notes what is to be written;
it is written by `executemany` at the end, and before any other statement of that thread, so that nobody ever reads
what is not yet there. What is looked up by id or key may be kept meanwhile; any statement of others that writes
lets all of that be forgotten.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import peewee

_peewee: Any = peewee  # its types leave some of it out
_IDS_AT_ONCE = 64
_here = threading.local()


def here() -> Gathered | None:
    """What this thread gathers at the moment; None when it writes at once."""
    return getattr(_here, "gathered", None)


class Gathered:
    """What one running transaction has still to write, and what it has looked up. For `db` and rows."""

    def __init__(self, database: Any) -> None:
        self.known: dict[Any, Any] = {}
        self._database = database
        self._postgresql = isinstance(database, peewee.PostgresqlDatabase)
        self._new: dict[Any, list[Any]] = {}
        self._changed: dict[int, tuple[Any, set[str]]] = {}
        self._ids: dict[Any, Iterator[int]] = {}

    # ------------------------------------------------------------ what rows ask

    def add(self, row: Any) -> None:
        """A new row: it gets its id now and is inserted later, with all that is set on it until then."""
        model = type(row)
        row.id = self._next_id(model)
        row._dirty.clear()
        row.held_back = True
        self._new.setdefault(model, []).append(row)
        self.known[model, row.id] = row

    def change(self, row: Any, names: set[str]) -> None:
        """Columns of a known row that have new values."""
        if getattr(row, "held_back", False):
            return
        self._changed.setdefault(id(row), (row, set()))[1].update(names)
        model: Any = type(row)
        if names & _unique(model):
            self.flush()  # the value it had may be taken by the next row

    # ------------------------------------------------------------ what the database asks

    def before(self, sql: str) -> None:
        """Some other statement is about to run on this connection."""
        self.flush()
        if not sql.startswith(("SELECT", "SAVEPOINT", "RELEASE")):
            self._ids.clear()
            self.known.clear()

    def flush(self) -> None:
        """Write what is held back: new rows first, those that others refer to before them."""
        if not self._new and not self._changed:
            return
        new, changed = self._new, self._changed
        self._new, self._changed = {}, {}
        for model in sorted(new, key=_rank):
            rows = new[model]
            for row in rows:
                row.held_back = False
            sql, columns = _insertion(model, self._postgresql)
            self._many(sql, [_raw(row, columns) for row in rows])
        same: dict[tuple[Any, tuple[str, ...]], list[Any]] = {}
        for row, names in changed.values():
            same.setdefault((type(row), tuple(sorted(names))), []).append(row)
        for (model, wanted), rows in same.items():
            sql, columns = _change(model, wanted, self._postgresql)
            self._many(sql, [[*_raw(row, columns), row.id] for row in rows])

    # ------------------------------------------------------------ ids, statements

    def _next_id(self, model: Any) -> int:
        ids = self._ids.get(model)
        found = None if ids is None else next(ids, None)
        if found is None:
            ids = self._ids[model] = self._more_ids(model._meta.table_name)
            found = next(ids)
        return found

    def _more_ids(self, table: str) -> Iterator[int]:
        if self._postgresql:
            sql = f"SELECT nextval('{table}_id_seq') FROM generate_series(1, {_IDS_AT_ONCE})"
            return iter([int(one) for (one,) in self._run(sql)])
        # SQLite lets this transaction alone write, and gives out the same numbers by itself.
        ((last,),) = self._run(f'SELECT max("id") FROM "{table}"')
        return itertools.count((last or 0) + 1)

    def _run(self, sql: str) -> Iterable[Any]:
        with _peewee.__exception_wrapper__:
            cursor = self._database.cursor()
            cursor.execute(sql)
            return list(cursor.fetchall())

    def _many(self, sql: str, params: Sequence[Sequence[Any]]) -> None:
        with _peewee.__exception_wrapper__:
            self._database.cursor().executemany(sql, params)


class gathering:
    """For the time of a `with`, hold writes of this thread back; joins one that is running."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._mine: Gathered | None = None

    def __enter__(self) -> Gathered:
        running = here()
        if running is None:
            running = self._mine = _here.gathered = Gathered(self._database)
        return running

    def __exit__(self, kind: Any, _error: Any, _trace: Any) -> None:
        if self._mine is not None:
            try:
                if kind is None:
                    self._mine.flush()
            finally:
                _here.gathered = None


def kept(ask: Callable[..., Any]) -> Callable[..., Any]:
    """Ask once in a gathered transaction, by hashable arguments: for what such a transaction does not change."""

    def run(*args: Any) -> Any:
        gathered = here()
        if gathered is None:
            return ask(*args)
        key = (run, args)
        if key not in gathered.known:
            gathered.known[key] = ask(*args)
        return gathered.known[key]

    return run


def forget(key: Any) -> None:
    """What was kept under this key does not hold any more."""
    gathered = here()
    if gathered is not None:
        gathered.known.pop(key, None)


# ---------------------------------------------------------------- statements by model


@cache
def _rank(model: Any) -> int:
    """A place in an order in which no row is written before those it refers to."""
    order: list[Any] = _peewee.sort_models([*_all(model)])
    return order.index(model)


@cache
def _all(model: Any) -> tuple[Any, ...]:
    base = next(parent for parent in model.__mro__ if parent.__name__ == "Row")
    found: list[Any] = []
    waiting = [base]
    while waiting:
        for child in waiting.pop().__subclasses__():
            if child not in found:
                found.append(child)
                waiting.append(child)
    return tuple(sorted(found, key=lambda one: one.__name__))


@cache
def _unique(model: Any) -> frozenset[str]:
    """Names of fields whose values no two rows share."""
    meta = model._meta
    names = {field.name for field in meta.sorted_fields if field.unique}
    for fields, unique in meta.indexes:
        names |= set(fields) if unique else set()
    return frozenset(names)


def _raw(row: Any, columns: Iterable[tuple[str, Any]]) -> list[Any]:
    """The values of these columns as the database takes them."""
    data = row.__data__
    return [
        value if (value := data.get(name)) is None or convert is None else convert(value)
        for name, convert in columns
    ]


def _columns(fields: Iterable[Any]) -> list[tuple[str, Callable[[Any], Any] | None]]:
    """Names, and how the values of those are written that are not written as they are."""
    plain = (
        peewee.CharField, peewee.TextField, peewee.AutoField, peewee.ForeignKeyField, peewee.IntegerField,
        peewee.BigIntegerField, peewee.BooleanField, peewee.FloatField,
    )  # fmt: skip
    return [(field.name, None if type(field) in plain else field.db_value) for field in fields]


@cache
def _insertion(model: Any, postgresql: bool) -> tuple[str, list[tuple[str, Any]]]:
    fields = model._meta.sorted_fields
    names = ", ".join(f'"{field.column_name}"' for field in fields)
    places = ", ".join(["%s" if postgresql else "?"] * len(fields))
    return f'INSERT INTO "{model._meta.table_name}" ({names}) VALUES ({places})', _columns(fields)


@cache
def _change(model: Any, names: tuple[str, ...], postgresql: bool) -> tuple[str, list[tuple[str, Any]]]:
    fields = [model._meta.fields[name] for name in names]
    place = "%s" if postgresql else "?"
    changes = ", ".join(f'"{field.column_name}" = {place}' for field in fields)
    return f'UPDATE "{model._meta.table_name}" SET {changes} WHERE "id" = {place}', _columns(fields)
