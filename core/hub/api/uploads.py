"""Files coming in as multipart and going out as attachments."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import UploadFile
from fastapi.responses import Response


def content_of(upload: UploadFile) -> tuple[str, bytes]:
    """Name and bytes of an uploaded file; the gate has bounded its size."""
    return (upload.filename or "").replace("\\", "/").rsplit("/", 1)[-1][:200], upload.file.read()


def download(content: bytes, media_type: str, name: str, inline: bool = False) -> Response:
    """An answer that browsers save, or show only where we know it to be a picture."""
    kind = "inline" if inline else "attachment"
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in name) or "file"
    return Response(
        content,
        media_type=media_type,
        headers={
            "Content-Disposition": f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name or 'file')}",
            "Cache-Control": "private, no-store",
        },
    )
