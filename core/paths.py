"""Where files lie: shipped assets, and the data folders of hub, edge and console."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def data_dir(program: str) -> Path:
    """Folder for what `program` ("hub", "edge", "console") keeps; `FETTLE_HOME` moves all of them."""
    home = os.environ.get("FETTLE_HOME")
    base = Path(home) if home else Path(platformdirs.user_data_dir("fettle", appauthor=False))
    return base / program


def private_dir(path: Path) -> Path:
    """Make `path` (and parents), readable by its owner only; return it."""
    path.mkdir(parents=True, exist_ok=True)
    if os.name == "posix":
        path.chmod(0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Write a secret so that no other user can read it at any moment, replacing the old file whole."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
