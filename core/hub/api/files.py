"""The door of stored photos and documents."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from core.hub.api.uploads import download
from core.hub.auth import SignedIn
from core.services import files

router = APIRouter(prefix="/files", tags=["files"])


@router.get("/{attachment_id}", response_class=Response)
def get_file(
    actor: SignedIn,
    attachment_id: int,
    size: Annotated[Literal["full", "thumb"], Query(description="thumb: a JPEG of at most 320 px.")] = "full",
) -> Response:
    """A photo or document of a ticket or asset."""
    found = files.read(actor, attachment_id, thumb=size == "thumb")
    return download(found.content, found.media_type, found.name, inline=found.media_type == "image/jpeg")
