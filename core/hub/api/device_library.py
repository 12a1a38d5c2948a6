"""Doors of the device library and of points lists as files."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Response, UploadFile

from core.hub.api.uploads import content_of, download
from core.hub.auth import SignedIn, clock
from core.services import device_library, points_import
from core.wire.device_library import AddFromLibrary, LibraryMap, PointsImported
from core.wire.fleet import DeviceView

router = APIRouter(tags=["edges"])
Format = Annotated[Literal["csv", "xlsx"], Query(description="Which kind of file.")]


@router.get("/device-library", response_model_exclude_defaults=True)
def list_library(actor: SignedIn) -> list[LibraryMap]:
    """All register maps; fields that have their usual value are left out."""
    return device_library.maps(actor)


@router.get("/device-library/{key}")
def get_library_map(actor: SignedIn, key: str) -> LibraryMap:
    """One register map, whole."""
    return device_library.one(actor, key)


@router.post("/edges/{edge_id}/devices/from-library", status_code=201)
def add_from_library(actor: SignedIn, edge_id: int, body: AddFromLibrary) -> DeviceView:
    """A new device with points and the chosen rules of a map; it counts after the next push."""
    return device_library.add(actor, edge_id, body, now=clock())


@router.post("/devices/{device_id}/points/import")
def import_points(
    actor: SignedIn,
    device_id: int,
    file: UploadFile,
    dry_run: Annotated[bool, Query(description="Only say what would be done.")] = False,
    only_try: Annotated[bool, Form(alias="dry_run", description="The same, as a field of the form.")] = False,
) -> PointsImported:
    """Add and change points by a CSV or xlsx list; nothing is written while there are faults."""
    name, content = content_of(file)
    return points_import.take(actor, device_id, name, content, dry_run=dry_run or only_try, now=clock())


@router.get("/devices/{device_id}/points/export", response_class=Response)
def export_points(actor: SignedIn, device_id: int, format: Format = "csv") -> Response:
    """The device's points as a list that can be imported again."""
    file = points_import.export(actor, device_id, format)
    return download(file.content, file.media_type, file.name)


@router.get("/points-template", response_class=Response)
def points_template(actor: SignedIn, format: Format = "csv") -> Response:
    """An empty points list with its headings and examples."""
    file = points_import.template(actor, format)
    return download(file.content, file.media_type, file.name)
