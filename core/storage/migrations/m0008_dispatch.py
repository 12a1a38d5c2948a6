"""Dispatch: certificates of people, and rules by which tickets find them."""

from __future__ import annotations

from typing import Any

from core.storage.migrations import run_script


def up(_migrator: Any, database: Any) -> None:
    """Make the two tables and their indexes."""
    run_script(database, __file__)
