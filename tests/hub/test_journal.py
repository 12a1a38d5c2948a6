"""The journal: in the change's own transaction, in order for every reader, told at once."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest

from core.domain.people import SYSTEM, Actor
from core.errors import Forbidden
from core.services import journal
from core.storage import db
from core.storage.tables import JournalRow
from tests.hub.conftest import Plant, leave


@db.transaction
def note(now: datetime, text: str, fail: bool = False) -> int:
    cursor = journal.write(SYSTEM, "asset.edited", "asset", 1, now, text=text)
    if fail:
        raise ValueError(text)
    return cursor


def test_a_change_that_fails_leaves_no_trace_and_wakes_nobody(plant: Plant, now: datetime) -> None:
    woken: list[int] = []
    stop = journal.listen(lambda: woken.append(1))
    try:
        with pytest.raises(ValueError, match="lost"):
            note(now, "lost", fail=True)
        assert (JournalRow.select().count(), woken) == (0, [])
        note(now, "kept")
        assert woken == [1]
    finally:
        stop()
    note(now, "unheard")
    assert woken == [1]


def test_readers_go_on_after_what_they_have_seen(plant: Plant, now: datetime) -> None:
    cursors = [note(now, str(n)) for n in range(5)]
    entries = journal.after(plant.boss, cursors[1], limit=2)
    assert [entry.data["text"] for entry in entries] == ["2", "3"]
    assert journal.head() == cursors[-1]
    assert entries[0].at == now


def test_only_who_may_reads_it(plant: Plant, now: datetime) -> None:
    note(now, "x")
    with pytest.raises(Forbidden):
        journal.after(Actor("person", 9, "x", frozenset()), 0)


def test_a_reader_never_misses_what_was_committed_by_many_at_once(plant: Plant, now: datetime) -> None:
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        last = False
        while not last:
            last = done.is_set()
            for entry in journal.after(plant.boss, seen[-1] if seen else 0):
                seen.append(entry.id)
        leave()

    def write(n: int) -> None:
        for turn in range(15):
            note(now, f"{n}-{turn}")
        leave()

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(n,)) for n in range(5)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert len(seen) == 75 == len(set(seen))
