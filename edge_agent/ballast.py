"""A file that only takes up space, to be given up when the disk is full: there even deleting needs some."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from core import log

_log = log.get(__name__)
BALLAST_BYTES = 16 * 1024 * 1024
_ROOM_FACTOR = 4  # it is put back once this many times its size is free


class Ballast:
    """The file `ballast.bin` beside the outbox."""

    def __init__(self, file: Path, size_bytes: int = BALLAST_BYTES) -> None:
        self._file, self._size_bytes = file, size_bytes

    @property
    def there(self) -> bool:
        """Whether it can be given up."""
        return self._file.exists() and self._file.stat().st_size == self._size_bytes

    def take(self) -> bool:
        """Take the space if there is plenty; whether it is taken. A disk without room is no error here."""
        if self.there:
            return True
        try:
            if shutil.disk_usage(self._file.parent).free < self._size_bytes * _ROOM_FACTOR:
                return False
            with self._file.open("wb") as out:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(out.fileno(), 0, self._size_bytes)
                else:
                    out.write(bytes(self._size_bytes))
        except OSError as error:
            _log.warning("no ballast on this disk", file=str(self._file), reason=str(error))
            self._file.unlink(missing_ok=True)
            return False
        return True

    def give_up(self) -> bool:
        """Free the space; whether there was any to free."""
        if not self._file.exists():
            return False
        self._file.unlink()
        _log.error("disk is full: ballast given up", freed_bytes=self._size_bytes)
        return True
