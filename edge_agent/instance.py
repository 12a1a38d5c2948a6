"""One edge per data folder: two on one outbox would raise each alarm twice."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType

from core.errors import AppError


class OnlyOne:
    """Holds `edge.lock` in a folder while in use; the system lets go of it when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "edge.lock"

    def held(self) -> bool:
        """Whether a process holds the folder now."""
        if not self._path.exists():
            return False
        try:
            with self:
                return False
        except AppError:
            return True
        except OSError:  # not ours to open: somebody else's service
            return True

    def __enter__(self) -> None:
        """Raises AppError `edge.already_running`."""
        self._file = self._path.open("a+b")
        try:
            _lock(self._file.fileno())
        except OSError:
            self._file.close()
            detail = f"another edge runs with {self._path.parent}"
            raise AppError("edge.already_running", detail, folder=self._path.parent) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
