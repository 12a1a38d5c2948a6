"""A database put back from a copy is noticed, and only then."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from core.domain.people import SYSTEM
from core.services import journal, restores, settings
from core.storage import db
from core.storage.tables import JournalRow


@db.transaction
def happen(now: datetime) -> None:
    journal.write(SYSTEM, "asset.edited", "asset", 1, now)


def test_ordinary_starts_keep_the_epoch(database: str, now: datetime, tmp_path: Path) -> None:
    epoch = settings.hub_epoch()
    assert not restores.begin(tmp_path)  # a fresh database, nothing noted yet
    happen(now)
    restores.note(tmp_path)
    happen(now)  # killed before it was noted
    assert not restores.begin(tmp_path)
    assert settings.hub_epoch() == epoch


def test_an_older_copy_gets_a_new_epoch_once(database: str, now: datetime, tmp_path: Path) -> None:
    epoch = settings.hub_epoch()
    restores.begin(tmp_path)
    for _ in range(3):
        happen(now)
    restores.note(tmp_path)
    JournalRow.delete().where(JournalRow.id > 1).execute()  # the copy had come to 1
    assert restores.begin(tmp_path)
    renewed = settings.hub_epoch()
    assert renewed != epoch
    assert not restores.begin(tmp_path)
    assert settings.hub_epoch() == renewed


def test_a_copy_on_another_computer_counts_as_one(database: str, now: datetime, tmp_path: Path) -> None:
    happen(now)
    assert restores.begin(tmp_path / ".")
    assert not restores.begin(tmp_path)
