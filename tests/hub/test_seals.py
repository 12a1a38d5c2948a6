"""Seals of the journal: a change, a gap, a forged chain and a rewritten file are all found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.hub import cli
from core.services import journal, seals
from core.storage.tables import JournalRow, JournalSealRow
from tests.hub.conftest import NOW, Plant
from tests.hub.running import running


def write(plant: Plant, entries: int) -> None:
    for n in range(entries):
        journal.write(plant.boss, "asset.edited", "asset", n, NOW, name=f"设备 {n}")


@pytest.fixture
def sealed(plant: Plant, tmp_path: Path) -> Path:
    """A folder beside a journal of three seals and two newer entries."""
    for _ in range(3):
        write(plant, 4)
        assert seals.seal(NOW, tmp_path) == 4
    write(plant, 2)
    return tmp_path


def test_a_journal_nobody_touched_is_whole(sealed: Path) -> None:
    found = seals.verify(sealed)
    assert (found.whole, found.rows, found.seals, found.unsealed) == (True, 12, 3, 2)
    assert seals.seal(NOW, sealed) == 2 and seals.seal(NOW, sealed) == 0
    assert seals.verify(sealed).unsealed == 0


@pytest.mark.parametrize("change", [{"actor_name": "别人"}, {"data": {"name": "x"}}, {"ticket_id": 5}])
def test_a_changed_entry_is_found_out(sealed: Path, change: dict[str, object]) -> None:
    JournalRow.update(**change).where(JournalRow.id == 6).execute()
    found = seals.verify(sealed)
    assert (found.whole, found.broken_after) == (False, 4)


def test_an_entry_taken_out_is_found_out(sealed: Path) -> None:
    JournalRow.delete().where(JournalRow.id == 10).execute()
    assert seals.verify(sealed).broken_after == 8


def test_a_chain_that_was_forged_anew_is_found_out_by_the_file(sealed: Path) -> None:
    JournalRow.update(actor_name="别人").where(JournalRow.id == 6).execute()
    JournalSealRow.delete().execute()
    other = sealed / "forger"
    other.mkdir()
    seals.seal(NOW, other)
    assert seals.verify().whole and not seals.verify(sealed).whole


def test_many_entries_are_sealed_in_steps(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "AT_ONCE", 5)
    write(plant, 12)
    assert seals.seal(NOW, tmp_path) == 12
    assert JournalSealRow.select().count() == 3


def test_the_command_says_whether_the_journal_is_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FETTLE_LANGUAGE", "en")
    with running(tmp_path) as hub:
        hub.set_up()
    assert cli.main(["--data", str(tmp_path), "verify-journal"]) == 0
    assert "is whole" in capsys.readouterr().out
