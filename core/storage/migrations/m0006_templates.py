"""Ticket templates: their tables, the approvals of tickets, and what tickets keep of their template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peewee


def up(_migrator: Any, database: Any) -> None:
    """Make the tables and add the two columns; tickets that were there before have no template."""
    postgresql = isinstance(database, peewee.PostgresqlDatabase)
    script = Path(__file__).with_suffix(f".{'postgresql' if postgresql else 'sqlite'}.sql")
    for statement in script.read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            database.execute_sql(statement)
    for column in (
        '"template_id" INTEGER REFERENCES "template_revision_row" ("id") ON DELETE RESTRICT',
        "\"custom\" TEXT NOT NULL DEFAULT '{}'",
    ):
        database.execute_sql(f'ALTER TABLE "ticket_row" ADD COLUMN {column}')
    database.execute_sql('CREATE INDEX "ticket_row_template_id" ON "ticket_row" ("template_id")')
