"""Files on disk under their SHA-256: written once, whole or not at all. Knows nothing of who may read them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from core.errors import OutsideError
from core.paths import private_dir


class FileStore:
    """A folder of files named by what is in them; the same content lies there once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes, variant: str = "", sha256: str | None = None) -> str:
        """Keep `content`; return its SHA-256. A variant (`thumb`) lies beside the file `sha256` it belongs to."""
        digest = sha256 or hashlib.sha256(content).hexdigest()
        path = self._path(digest, variant)
        if path.exists():
            return digest
        temporary = ""
        try:
            private_dir(path.parent)
            handle, temporary = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        except OSError as error:
            if temporary:
                Path(temporary).unlink(missing_ok=True)  # half a file would take the little room there is
            raise OutsideError("file.disk", f"{path}: {error}", reason=error.strerror or error) from error
        return digest

    def get(self, sha256: str, variant: str = "") -> bytes:
        """The content; OutsideError `file.disk` when it is gone or unreadable."""
        try:
            return self._path(sha256, variant).read_bytes()
        except OSError as error:
            raise OutsideError("file.disk", f"{sha256}: {error}", reason=error.strerror or error) from error

    def _path(self, sha256: str, variant: str) -> Path:
        return self._folder / sha256[:2] / (f"{sha256}.{variant}" if variant else sha256)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
