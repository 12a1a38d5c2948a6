"""One hub per data folder: a lock that the operating system lets go when the process dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core.errors import AppError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class DataLock:
    """Held from `take` to `release`; a crash releases it too."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / "hub.lock"
        self._descriptor: int | None = None

    def take(self) -> None:
        """AppError `hub.already_running` when another process holds it, `hub.data_dir` when the folder is no good."""
        try:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise AppError(
                "hub.data_dir",
                f"{self._file}: {error}",
                path=self._file.parent,
                reason=error.strerror or error,
            ) from error
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise AppError(
                "hub.already_running", f"another hub uses {self._file.parent}", path=self._file.parent
            ) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Let the next hub in; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
