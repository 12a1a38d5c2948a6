"""Photos that strangers send: decoded and drawn anew as plain JPEG, in a limited child process (`photo_child`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from core.errors import OutsideError

MOST_PIXELS = 40_000_000
_TIMEOUT_S = 20.0
_slots = threading.BoundedSemaphore(2)  # bounds the memory of many at once
_CHILD = Path(__file__).with_name("photo_child.py")
_slots = threading.BoundedSemaphore(2)  # bounds the memory of many at once
# First bytes of what we decode; anything else is refused before any decoder sees it.
_MAGIC = {
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "WEBP": (b"RIFF",),
    "GIF": (b"GIF87a", b"GIF89a"),
}


class NotAPhoto(Exception):
    """The bytes are no photo that we take; the message is one of our codes: not_a_photo, too_many_pixels."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A JPEG without any metadata, and its thumbnail."""

    jpeg: bytes
    thumb: bytes
    width: int
    height: int


def format_of(content: bytes) -> str | None:
    """Which picture format the first bytes claim; None for none that we take."""
    for name, starts in _MAGIC.items():
        if content.startswith(starts) and (name != "WEBP" or content[8:12] == b"WEBP"):
            return name
    return None


def redraw(content: bytes) -> Photo:
    """Decode and encode again, in a child process with bounded memory and time. NotAPhoto when that fails."""
    if format_of(content) is None:
        raise NotAPhoto("not_a_photo")
    if not _slots.acquire(timeout=_TIMEOUT_S):
        raise OutsideError("file.busy", "too many photos at once")
    try:
        return _in_child(content)
    finally:
        _slots.release()


def _in_child(content: bytes) -> Photo:
    environment = {
        key: value for key, value in os.environ.items() if key in ("PATH", "SYSTEMROOT", "PYTHONPATH")
    }
    try:
        child = subprocess.run(
            [sys.executable, "-I", str(_CHILD)],
            input=json.dumps({"most_pixels": MOST_PIXELS, "formats": list(_MAGIC)}).encode()
            + b"\n"
            + content,
            capture_output=True,
            timeout=_TIMEOUT_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotAPhoto("not_a_photo") from None
    line, _, jpegs = child.stdout.partition(b"\n")
    if child.returncode != 0 or not line:
        raise NotAPhoto("not_a_photo")
    told = json.loads(line)
    if "fault" in told:
        raise NotAPhoto(told["fault"])
    cut = told["jpeg"]
    return Photo(jpegs[:cut], jpegs[cut:], told["width"], told["height"])
