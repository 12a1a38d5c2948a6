"""Service levels by policy and working calendar: their tables, the pauses of clocks, and what tickets keep of them."""

from __future__ import annotations

from typing import Any

from core.storage.migrations import on_postgresql, run_script

# The warnings that version 0.1 reckoned anew each time: the last quarter of the time by priority, in microseconds.
_LAST_QUARTER = {1: 3_600_000_000, 2: 21_600_000_000, 3: 64_800_000_000, 4: 151_200_000_000}


def up(_migrator: Any, database: Any) -> None:
    """Make the tables, add the columns, and give open tickets the moment of their warning."""
    run_script(database, __file__)
    moment = "BIGINT" if on_postgresql(database) else "INTEGER"
    for column in (
        '"sla_policy_id" INTEGER REFERENCES "sla_policy_row" ("id") ON DELETE SET NULL',
        f'"sla_from_at" {moment}',
        f'"warn_due_at" {moment}',
    ):
        database.execute_sql(f'ALTER TABLE "ticket_row" ADD COLUMN {column}')
    database.execute_sql('CREATE INDEX "ticket_row_sla_policy_id" ON "ticket_row" ("sla_policy_id")')
    for priority, quarter in _LAST_QUARTER.items():
        database.execute_sql(
            f'UPDATE "ticket_row" SET "warn_due_at" = "resolve_due_at" - {quarter} WHERE "priority" = {priority}'
        )
