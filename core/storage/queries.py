"""Queries whose SQL is written once: peewee takes many times as long to write a statement as a database to run it.

Knows nothing of what is asked. For the few questions that come with every ticket and every event; all others
are built where they are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache, wraps
from typing import Any, ParamSpec

import peewee

from core.storage import db, gather

P = ParamSpec("P")


class _Place:
    """Where an argument's value goes among the parameters, and how its column writes it."""

    __slots__ = ("argument", "convert", "item")

    def __init__(self, argument: int, item: int | None, convert: Callable[[Any], Any] | None) -> None:
        self.argument = argument
        self.item = item
        self.convert = convert

    def value(self, given: tuple[Any, ...]) -> Any:
        """The value for the database."""
        found = given[self.argument]
        if self.item is not None:
            # Lists are asked for in sizes of powers of two; the last item again changes no answer.
            found = found[min(self.item, len(found) - 1)]
        return found if self.convert is None else self.convert(found)


class _Given(peewee.Node):
    """Stands for an argument while the SQL is written."""

    def __init__(self, argument: int, item: int | None = None) -> None:
        self._argument = argument
        self._item = item

    def __sql__(self, ctx: Any) -> Any:
        return ctx.value(_Place(self._argument, self._item, ctx.state.converter), converter=False)


def prepared(build: Callable[P, Any]) -> Callable[P, list[Any]]:
    """Make a function that builds a query into one that runs it and returns the rows; its SQL is kept.

    Arguments are values of the query (never None, which SQL compares in its own way) or lists for `in_`;
    `build` must do nothing with them but pass them to the query. No rows when a list is empty.
    """
    kept: dict[tuple[Any, ...], tuple[_Reader, str, list[Any]]] = {}

    @wraps(build)
    def run(*args: P.args, **kwargs: P.kwargs) -> list[Any]:
        given = tuple(list(one) if isinstance(one, list | tuple | set | frozenset) else one for one in args)
        sizes = tuple(_size(one) for one in given)
        if 0 in sizes:
            return []
        shape = (db.is_postgresql(), sizes)
        known = kept.get(shape)
        if known is None:
            query = build(*(_stand_in(at, size) for at, size in enumerate(sizes)), **kwargs)
            sql, places = db.database.get_sql_context().sql(query).query()
            known = kept[shape] = (_reader(query), sql, places)
        read, sql, places = known
        params = [place.value(given) if isinstance(place, _Place) else place for place in places]
        return read(db.database.execute_sql(sql, params))

    return run


_Reader = Callable[[Any], list[Any]]
# Fields whose values both databases give as Python has them.
_PLAIN = frozenset({
    peewee.AutoField, peewee.IntegerField, peewee.BigIntegerField, peewee.CharField, peewee.TextField,
    peewee.ForeignKeyField,
})  # fmt: skip


def _reader(query: Any) -> _Reader:
    """Makes rows of a cursor. Whole rows of one table, which are most, without asking each time what they are."""
    selected = query._returning
    simple = all(isinstance(node, peewee.Field) and node.model is query.model for node in selected)
    if not simple or query._row_type is not None:
        return lambda cursor: list(query._get_cursor_wrapper(cursor))  # as peewee does
    model, names = query.model, [field.name for field in selected]
    converted = [(field.name, field.python_value) for field in selected if type(field) not in _PLAIN]

    def read(cursor: Any) -> list[Any]:
        return [_row(model, dict(zip(names, values, strict=True)), converted) for values in cursor.fetchall()]

    return read


def _row(model: Any, values: dict[str, Any], converted: list[tuple[str, Callable[[Any], Any]]]) -> Any:
    for name, convert in converted:
        if values[name] is not None:
            values[name] = convert(values[name])
    row = model.__new__(model)
    row.__data__, row.__rel__, row._dirty = values, {}, set()
    return row


def _size(given: Any) -> int | None:
    """None for one value; for a list the next power of two, so that few statements are kept."""
    if not isinstance(given, list):
        return None
    return 1 << (len(given) - 1).bit_length() if given else 0


def _stand_in(argument: int, size: int | None) -> Any:
    return _Given(argument) if size is None else [_Given(argument, item) for item in range(size)]


@cache
def _query_by_id(model: Any, hold: bool) -> Callable[[int], list[Any]]:
    def build(row_id: int) -> Any:
        query = model.select().where(model.id == row_id)
        # SQLite has one writer at a time; PostgreSQL is told to hold the row.
        return query.for_update() if hold and db.is_postgresql() else query

    return prepared(build)


def by_id(model: Any, row_id: int | None, hold: bool = False) -> Any:
    """The row with this id, or None; `hold` keeps others from changing it until the running transaction ends."""
    if row_id is None:
        return None
    gathered = gather.here()
    if gathered is None or hold:
        return first(_query_by_id(model, hold)(row_id))
    key = (model, row_id)
    if key not in gathered.known:
        gathered.known[key] = first(_query_by_id(model, hold)(row_id))
    return gathered.known[key]


def first(rows: Collection[Any]) -> Any:
    """The first of the rows of a prepared query; None when there is none."""
    return next(iter(rows), None)
