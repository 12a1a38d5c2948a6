"""Numbers given out one after the other, without a gap while nothing is rolled back."""

from __future__ import annotations

from typing import Any

from core.storage import db, gather, queries
from core.storage.tables import CounterRow

_NEXT = (
    "INSERT INTO counter_row (name, last) VALUES ({}, 1) "
    "ON CONFLICT (name) DO UPDATE SET last = counter_row.last + 1 RETURNING last"
)


def next_number(name: str) -> int:
    """The next number of the counter `name`, from 1, in the running transaction; nobody else gets the same."""
    gathered = gather.here()
    if gathered is not None:
        counter = _counter(name)
        if counter is not None:
            counter.last += 1
            counter.save()
            return int(counter.last)
    place = "%s" if db.is_postgresql() else "?"
    cursor = db.database.execute_sql(_NEXT.format(place), (name,))
    ((last,),) = cursor.fetchall()
    return int(last)


@gather.kept
def _counter(name: str) -> Any:
    """A counter that exists, held; the row is counted up in memory, and written once."""
    return queries.first(_held(name))


@queries.prepared
def _held(name: str) -> Any:
    query = CounterRow.select().where(CounterRow.name == name)
    return query.for_update() if db.is_postgresql() else query
