"""Numbers given out one after the other, without a gap while nothing is rolled back."""

from __future__ import annotations

from core.storage.tables import CounterRow


def next_number(name: str) -> int:
    """The next number of the counter `name`, from 1, in the running transaction; nobody else gets the same."""
    query = (
        CounterRow.insert(name=name, last=1)
        .on_conflict(conflict_target=[CounterRow.name], update={CounterRow.last: CounterRow.last + 1})
        .returning(CounterRow.last)
    )
    (row,) = query.execute()
    return int(row.last)
