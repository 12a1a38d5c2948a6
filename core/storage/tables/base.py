"""Column types that mean the same in SQLite and PostgreSQL, and the base of all rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import peewee

from core.storage import gather
from core.storage.db import database, is_postgresql

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Beyond these no time zone can show a moment, and one such row would spoil every list it is in.
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class UtcField(peewee.BigIntegerField):
    """An aware UTC datetime, kept as microseconds since 1970: sorts and compares alike everywhere."""

    def db_value(self, value: Any) -> Any:
        """Refuses naive datetimes, which would be wrong by hours; OverflowError for what is out of all time."""
        if not isinstance(value, datetime):
            return value
        if value.tzinfo is None:
            raise ValueError(f"{self.name}: naive datetime")
        if not _FIRST <= value <= _LAST:
            raise OverflowError(f"{self.name}: {value.isoformat()} is out of all time")
        return (value - _EPOCH) // _MICROSECOND

    def python_value(self, value: Any) -> Any:
        """Back to an aware UTC datetime."""
        return None if value is None else _EPOCH + timedelta(microseconds=int(value))


_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


class JsonText(str):
    """What is written to a JsonField as it is: somebody has made it JSON already."""

    __slots__ = ()


class JsonField(peewee.TextField):
    """A JSON document that is read and written whole, never searched in."""

    def db_value(self, value: Any) -> Any:
        """Compact JSON text; NaN is refused."""
        return value if value is None or type(value) is JsonText else _json(value)

    def python_value(self, value: Any) -> Any:
        """The document."""
        return None if value is None else json.loads(value)


class Row(peewee.Model):
    """Base of all rows: bound to the database that `open_database` chose."""

    id = peewee.AutoField()

    class Meta:
        """Peewee's settings."""

        database = database
        legacy_table_names = False
        only_save_dirty = True  # writing back sixty columns for one costs more than the write

    def save(self, force_insert: bool = False, only: Any = None) -> Any:
        """As peewee does, with the SQL of each set of columns written once."""
        new = self.id is None
        if only is not None or (force_insert and not new):
            return super().save(force_insert, only)
        dirty = self._dirty - {"id"}
        if not dirty and not new:
            self._dirty.clear()
            return False
        gathered = gather.here()
        if gathered is not None:
            if new:
                gathered.add(self)
            else:
                gathered.change(self, dirty)
                self._dirty.clear()
            return 1
        values = {name: self.__data__[name] for name in dirty}
        self._populate_unsaved_relations(values)
        meta = self._meta
        fields = [field for field in meta.sorted_fields if field.name in values]
        columns = tuple(field.column_name for field in fields)
        params = [field.db_value(values[field.name]) for field in fields]
        if new:
            cursor = database.execute_sql(_insertion(meta.table_name, columns, is_postgresql()), params)
            self.id = cursor.fetchone()[0] if is_postgresql() else cursor.lastrowid
            rows = 1
        else:
            change = _change(meta.table_name, columns, is_postgresql())
            rows = database.execute_sql(change, [*params, self.id]).rowcount
        self._dirty.clear()
        return rows

    if TYPE_CHECKING:
        # Peewee adds `asset_id` beside `asset`, and back-references, only at run time.
        def __getattr__(self, name: str) -> Any: ...


class VersionedRow(Row):
    """A row people edit: `version` grows with each change, so that nobody overwrites another unseen."""

    version = peewee.IntegerField(default=1)


def _place(postgresql: bool) -> str:
    return "%s" if postgresql else "?"


@cache
def _insertion(table: str, columns: tuple[str, ...], postgresql: bool) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    places = ", ".join([_place(postgresql)] * len(columns))
    sql = f'INSERT INTO "{table}" ({names}) VALUES ({places})'
    return sql + ' RETURNING "id"' if postgresql else sql


@cache
def _change(table: str, columns: tuple[str, ...], postgresql: bool) -> str:
    place = _place(postgresql)
    changes = ", ".join(f'"{column}" = {place}' for column in columns)
    return f'UPDATE "{table}" SET {changes} WHERE "id" = {place}'
