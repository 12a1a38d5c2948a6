"""Dispatch: certificates of people, and rules by which tickets find them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peewee


def up(_migrator: Any, database: Any) -> None:
    """Make the two tables and their indexes."""
    dialect = "postgresql" if isinstance(database, peewee.PostgresqlDatabase) else "sqlite"
    script = Path(__file__).with_suffix(f".{dialect}.sql").read_text(encoding="utf-8")
    for statement in script.split(";\n"):
        if statement.strip():
            database.execute_sql(statement)
