"""Numbered steps from an older database to this version's; each frozen, none imports the live tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peewee


def on_postgresql(database: Any) -> bool:
    """Whether a step is taken on PostgreSQL."""
    return isinstance(database, peewee.PostgresqlDatabase)


def run_script(database: Any, step: str) -> None:
    """Run the frozen SQL that lies beside a step's file (`__file__`), of the database's kind."""
    dialect = "postgresql" if on_postgresql(database) else "sqlite"
    script = Path(step).with_suffix(f".{dialect}.sql").read_text(encoding="utf-8")
    for statement in script.split(";\n"):
        if statement.strip():
            database.execute_sql(statement)
