"""Ticket templates: their tables, the approvals of tickets, and what tickets keep of their template."""

from __future__ import annotations

from typing import Any

from core.storage.migrations import run_script


def up(_migrator: Any, database: Any) -> None:
    """Make the tables and add the two columns; tickets that were there before have no template."""
    run_script(database, __file__)
    for column in (
        '"template_id" INTEGER REFERENCES "template_revision_row" ("id") ON DELETE RESTRICT',
        "\"custom\" TEXT NOT NULL DEFAULT '{}'",
    ):
        database.execute_sql(f'ALTER TABLE "ticket_row" ADD COLUMN {column}')
    database.execute_sql('CREATE INDEX "ticket_row_template_id" ON "ticket_row" ("template_id")')
