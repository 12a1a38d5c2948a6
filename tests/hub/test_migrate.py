"""Migrations: the frozen steps make exactly the live tables, back up first, and refuse a newer database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import peewee
import pytest

from core.errors import AppError, OutsideError
from core.storage import db, migrate
from core.storage.tables import ALL, AlarmRow, TeamRow

STEPS = migrate.FOLDER
ALL_STEPS = [
    "m0001_first",
    "m0002_service_of_alarms",
    "m0003_articles",
    "m0004_integrations",
    "m0005_service_levels",
    "m0006_templates",
    "m0007_seals",
    "m0008_dispatch",
]


def shape(database: peewee.Database) -> dict[str, object]:
    """Columns, indexes and foreign keys of all tables but the runner's own."""
    found: dict[str, object] = {}
    for table in database.get_tables():
        if table == "schema_migration":
            continue
        found[table] = (
            sorted((c.name, c.data_type.lower(), c.null, c.primary_key) for c in database.get_columns(table)),
            sorted((i.name, tuple(i.columns), i.unique) for i in database.get_indexes(table)),
            sorted((f.column, f.dest_table, f.dest_column) for f in database.get_foreign_keys(table)),
        )
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[peewee.Database]:
    """A database without any table."""
    if request.param == "sqlite":
        yield db.open_database("", tmp_path / "empty.db")
    else:
        url = request.getfixturevalue("postgresql_url")
        with db.open_database(url, Path()).connection_context() as _:
            db.database.execute_sql("DROP DATABASE IF EXISTS empty")
            db.database.execute_sql("CREATE DATABASE empty")
        db.close()
        yield db.open_database(url.replace("/postgres?", "/empty?"), Path())
    db.close()


def test_migrations_make_exactly_the_live_tables(empty: peewee.Database, tmp_path: Path) -> None:
    assert migrate.up(empty, tmp_path / "backups") == ALL_STEPS
    with empty.connection_context():
        migrated = shape(empty)
        empty.drop_tables(ALL)
        empty.create_tables(ALL)
        assert migrated == shape(empty), "freeze the change in a migration (core/storage/schema.py)"
    assert not (tmp_path / "backups").exists()  # there was nothing to keep


def test_a_second_start_changes_nothing(empty: peewee.Database, tmp_path: Path) -> None:
    migrate.up(empty, tmp_path)
    assert migrate.up(empty, tmp_path) == []


def test_a_newer_database_is_refused(empty: peewee.Database, tmp_path: Path) -> None:
    migrate.up(empty, tmp_path)
    with empty.connection_context():
        empty.execute_sql("INSERT INTO schema_migration (name, applied) VALUES ('m0999_later', '2030-01-01')")
    with pytest.raises(AppError) as caught:
        migrate.up(empty, tmp_path)
    assert caught.value.code == "database.newer"
    assert caught.value.params == {"step": "m0999_later"}


def test_an_alarm_of_the_first_release_is_in_service_afterwards(
    empty: peewee.Database, tmp_path: Path
) -> None:
    first = tmp_path / "first"
    first.mkdir()
    for file in STEPS.glob("m0001*"):
        (first / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    assert migrate.up(empty, tmp_path / "backups", first) == ["m0001_first"]
    columns = "key, rule_key, title, asset_number, severity, state, active, unit, count, first_out"
    with empty.connection_context():
        empty.execute_sql(
            f"INSERT INTO alarm_row ({columns}) VALUES "
            "('k', 'r', '轴承温度高', '', 'major', 'unack', '1', '℃', 3, '0')"
        )
    assert "m0002_service_of_alarms" in migrate.up(empty, tmp_path / "backups")
    with empty.connection_context():
        alarm = AlarmRow.get()
        assert (alarm.title, alarm.count, alarm.active) == ("轴承温度高", 3, True)
        assert (alarm.service, alarm.service_why, alarm.service_until) == ("in_service", "", None)
        assert (alarm.children, alarm.children_count, alarm.reminded_at) == ([], 0, None)
    backups = list((tmp_path / "backups").glob("before-migration-m0001_first-*.db"))
    assert len(backups) == isinstance(empty, peewee.SqliteDatabase)


def next_step(folder: Path, body: str) -> Path:
    folder.mkdir()
    for file in STEPS.glob("m*"):
        (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "m0999_next.py").write_text(f"def up(migrator, database):\n    {body}\n", encoding="utf-8")
    return folder


def test_sqlite_is_backed_up_before_a_step(tmp_path: Path) -> None:
    database = db.open_database("", tmp_path / "hub.db")
    migrate.up(database, tmp_path / "backups")
    TeamRow.create(name="fitters")
    folder = next_step(tmp_path / "steps", "database.execute_sql('DELETE FROM team_row')")
    assert migrate.up(database, tmp_path / "backups", folder) == ["m0999_next"]
    assert TeamRow.select().count() == 0
    (backup,) = (tmp_path / "backups").iterdir()
    with sqlite3.connect(f"file:{quote(str(backup))}?mode=ro", uri=True) as copy:
        assert copy.execute("SELECT name FROM team_row").fetchall() == [("fitters",)]
    db.close()


def test_a_step_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    database = db.open_database("", tmp_path / "hub.db")
    migrate.up(database, tmp_path / "backups")
    TeamRow.create(name="fitters")
    body = "database.execute_sql('DELETE FROM team_row'); raise RuntimeError('half-way')"
    folder = next_step(tmp_path / "steps", body)
    with pytest.raises(RuntimeError, match="half-way"):
        migrate.up(database, tmp_path / "backups", folder)
    assert TeamRow.select().count() == 1
    db.close()


def test_no_backup_no_migration(tmp_path: Path) -> None:
    database = db.open_database("", tmp_path / "hub.db")
    migrate.up(database, tmp_path / "backups")
    folder = next_step(tmp_path / "steps", "database.execute_sql('DROP TABLE team_row')")
    (tmp_path / "taken").write_text("a file where the folder should be")
    with pytest.raises((OutsideError, FileExistsError)):
        migrate.up(database, tmp_path / "taken", folder)
    assert TeamRow.table_exists()
    db.close()
