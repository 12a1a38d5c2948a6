"""Numbers given out one after the other, without a gap while nothing is rolled back."""

from __future__ import annotations

from core.storage import db
from core.storage.tables import CounterRow


def next_number(name: str) -> int:
    """The next number of the counter `name`, from 1, in the running transaction; nobody else gets the same."""
    CounterRow.insert(name=name, last=0).on_conflict_ignore().execute()
    query = CounterRow.select().where(CounterRow.name == name)
    row = (query.for_update() if db.is_postgresql() else query).get()
    row.last += 1
    row.save()
    return int(row.last)
