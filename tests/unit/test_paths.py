"""Data folders and files that only their owner may read."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from core import paths


def test_home_moves_every_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FETTLE_HOME", str(tmp_path))
    assert paths.data_dir("hub") == tmp_path / "hub"
    monkeypatch.delenv("FETTLE_HOME")
    assert paths.data_dir("edge").parts[-2:] == ("fettle", "edge")


def test_a_private_folder_is_the_owners(tmp_path: Path) -> None:
    folder = paths.private_dir(tmp_path / "a" / "b")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_secret_is_written_whole_and_private(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("old")
    file.chmod(0o644)
    paths.write_private(file, "新的")
    assert file.read_text(encoding="utf-8") == "新的"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_assets_are_where_they_are_shipped() -> None:
    assert (paths.ASSETS / "translations").is_dir()
