"""The database room: one transaction per use case, on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import AppError, OutsideError
from core.storage import db
from core.storage.tables import LoginFailureRow, MetaRow, TeamRow
from tests.hub.conftest import leave


@db.transaction
def add_team(name: str, fail: bool = False) -> int:
    team = TeamRow.create(name=name)
    if fail:
        raise ValueError(name)
    return int(team.id)


def test_sqlite_waits_for_the_disk_and_keeps_references(sqlite_database: Path) -> None:
    """With synchronous=NORMAL a power cut would take back what an edge was told is committed."""
    asked = ("synchronous", "journal_mode", "foreign_keys")
    told = [db.database.execute_sql(f"PRAGMA {name}").fetchone()[0] for name in asked]
    assert told == [2, "wal", 1]


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
        leave()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert MetaRow.get(MetaRow.key == "n").value == 80


def test_a_database_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    @db.reading
    def read() -> int:
        return int(TeamRow.select().count())

    db.open_database(f"postgresql://fettle@localhost/postgres?host={tmp_path}", Path())
    try:
        for use_case in (read, lambda: add_team("fitters")):
            with pytest.raises(OutsideError) as caught:
                use_case()
            assert caught.value.code == "database.failed"
    finally:
        db.close()


def test_what_no_column_holds_is_the_callers_fault(database: str) -> None:
    @db.reading
    def read(number: int) -> None:
        TeamRow.get_or_none(TeamRow.id == number)
        TeamRow.create(name="x", version=number)

    for number in (2**63, 10**30):
        with pytest.raises(AppError) as caught:
            read(number)
        assert caught.value.code == "request.unstorable"


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_a_moment_out_of_all_time_is_not_stored(database: str, moment: datetime) -> None:
    team = add_team("fitters")

    @db.transaction
    def write() -> None:
        LoginFailureRow.create(key=str(team), count=1, last_at=moment)

    with pytest.raises(AppError) as caught:
        write()
    assert caught.value.code == "request.unstorable"
