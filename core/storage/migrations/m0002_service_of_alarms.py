"""Alarms know whether their rule may raise (shelved, suppressed, out of service), and the devices they speak for."""

from __future__ import annotations

from typing import Any

from core.storage.migrations import on_postgresql


def up(_migrator: Any, database: Any) -> None:
    """Add the columns; an alarm that was there before is in service."""
    moment = "BIGINT" if on_postgresql(database) else "INTEGER"
    for column in (
        "\"service\" VARCHAR(20) NOT NULL DEFAULT 'in_service'",
        "\"service_why\" VARCHAR(20) NOT NULL DEFAULT ''",
        "\"service_by\" VARCHAR(100) NOT NULL DEFAULT ''",
        "\"service_reason\" VARCHAR(200) NOT NULL DEFAULT ''",
        f'"service_until" {moment}',
        "\"children\" TEXT NOT NULL DEFAULT '[]'",
        '"children_count" INTEGER NOT NULL DEFAULT 0',
        f'"reminded_at" {moment}',
    ):
        database.execute_sql(f'ALTER TABLE "alarm_row" ADD COLUMN {column}')
