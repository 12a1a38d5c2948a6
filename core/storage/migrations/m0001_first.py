"""The tables of the first release, as frozen SQL of both databases beside this file."""

from __future__ import annotations

from typing import Any

from core.storage.migrations import run_script


def up(_migrator: Any, database: Any) -> None:
    """Make all tables and indexes."""
    run_script(database, __file__)
