"""Other programs: tokens of the API, webhooks and their calls."""

from __future__ import annotations

from typing import Any

from core.storage.migrations import run_script


def up(_migrator: Any, database: Any) -> None:
    """Make the three tables and their indexes."""
    run_script(database, __file__)
