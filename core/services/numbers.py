"""Numbers given out one after the other, without a gap while nothing is rolled back."""

from __future__ import annotations

from core.storage import db

_NEXT = (
    "INSERT INTO counter_row (name, last) VALUES ({}, 1) "
    "ON CONFLICT (name) DO UPDATE SET last = counter_row.last + 1 RETURNING last"
)


def next_number(name: str) -> int:
    """The next number of the counter `name`, from 1, in the running transaction; nobody else gets the same."""
    place = "%s" if db.is_postgresql() else "?"
    cursor = db.database.execute_sql(_NEXT.format(place), (name,))
    ((last,),) = cursor.fetchall()
    return int(last)
