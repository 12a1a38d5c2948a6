"""Seals of the journal: a chain of digests over all that it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peewee


def up(_migrator: Any, database: Any) -> None:
    """Make the table."""
    dialect = "postgresql" if isinstance(database, peewee.PostgresqlDatabase) else "sqlite"
    script = Path(__file__).with_suffix(f".{dialect}.sql").read_text(encoding="utf-8")
    for statement in script.split(";\n"):
        if statement.strip():
            database.execute_sql(statement)
