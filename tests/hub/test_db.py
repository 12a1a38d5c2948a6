"""The database room: one transaction per use case, on both databases."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest

from core.storage import db
from core.storage.tables import MetaRow, TeamRow


@db.transaction
def add_team(name: str, fail: bool = False) -> int:
    team = TeamRow.create(name=name)
    if fail:
        raise ValueError(name)
    return int(team.id)


def test_a_use_case_that_fails_leaves_nothing(database: str) -> None:
    with pytest.raises(ValueError, match="fitters"):
        add_team("fitters", fail=True)
    assert TeamRow.select().count() == 0


def test_an_inner_use_case_joins_the_outer_one(database: str) -> None:
    @db.transaction
    def both() -> None:
        add_team("fitters")
        raise ValueError("after the inner one")

    with pytest.raises(ValueError, match="after"):
        both()
    assert TeamRow.select().count() == 0


def test_a_savepoint_undoes_only_itself(database: str) -> None:
    @db.transaction
    def both() -> None:
        add_team("fitters")
        try:
            with db.savepoint():
                add_team("electricians", fail=True)
        except ValueError:
            add_team("mechanics")

    both()
    assert sorted(team.name for team in TeamRow.select()) == ["fitters", "mechanics"]


def test_after_commit_runs_once_and_not_after_a_failure(database: str) -> None:
    seen: list[str] = []

    @db.transaction
    def speak(fail: bool) -> None:
        add_team(str(fail))
        db.after_commit(lambda: seen.append(str(fail)))
        if fail:
            raise ValueError("fail")

    speak(False)
    with pytest.raises(ValueError, match="fail"):
        speak(True)
    assert seen == ["False"]


def test_eight_writers_at_once_lose_nothing(database: str, now: datetime) -> None:
    MetaRow.create(key="n", value=0)

    @db.transaction
    def add_one() -> None:
        query = MetaRow.select().where(MetaRow.key == "n")
        row = (query.for_update() if db.is_postgresql() else query).get()
        row.value += 1
        row.save()

    def work() -> None:
        for _ in range(10):
            add_one()
        db.close() if database == "sqlite" else None

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert MetaRow.get(MetaRow.key == "n").value == 80
