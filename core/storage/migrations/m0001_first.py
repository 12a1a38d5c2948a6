"""The tables of the first release, as frozen SQL of both databases beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peewee


def up(_migrator: Any, database: Any) -> None:
    """Make all tables and indexes."""
    dialect = "postgresql" if isinstance(database, peewee.PostgresqlDatabase) else "sqlite"
    script = Path(__file__).with_suffix(f".{dialect}.sql").read_text(encoding="utf-8")
    for statement in script.split(";\n"):
        if statement.strip():
            database.execute_sql(statement)
