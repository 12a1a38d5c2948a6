"""Doors of assets, locations and failure codes."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Response, UploadFile

from core.hub.api.uploads import content_of
from core.hub.auth import SignedIn, clock
from core.services import assets, failure_codes, files, locations, tickets
from core.wire.assets import (
    AssetView,
    FailureCodeView,
    FileView,
    LocationView,
    PointValue,
    SaveAsset,
    SaveFailureCode,
    SaveLocation,
)
from core.wire.tickets import TicketRowView

router = APIRouter(tags=["assets"])


@router.get("/assets")
def list_assets(actor: SignedIn, retired: bool = False) -> list[AssetView]:
    """All assets that are in service (`retired=true`: the others too)."""
    return assets.listed(actor, retired=retired)


@router.post("/assets", status_code=201)
def create_asset(actor: SignedIn, body: SaveAsset) -> AssetView:
    """A new asset; without a number it gets the next one."""
    return assets.create(actor, body, now=clock())


@router.get("/assets/{asset_id}")
def get_asset(actor: SignedIn, asset_id: int) -> AssetView:
    """One asset with its files."""
    return assets.view(actor, asset_id)


@router.put("/assets/{asset_id}")
def save_asset(actor: SignedIn, asset_id: int, body: SaveAsset) -> AssetView:
    """Change an asset."""
    return assets.save(actor, asset_id, body, now=clock())


@router.get("/assets/{asset_id}/points")
def list_points(actor: SignedIn, asset_id: int) -> list[PointValue]:
    """The latest readings of the asset's points."""
    return assets.point_values(actor, asset_id)


@router.get("/assets/{asset_id}/tickets")
def list_tickets(actor: SignedIn, asset_id: int) -> list[TicketRowView]:
    """The asset's tickets, newest first."""
    return tickets.of_asset(actor, asset_id)


@router.post("/assets/{asset_id}/files", status_code=201)
def add_file(
    actor: SignedIn,
    asset_id: int,
    file: UploadFile,
    kind: Annotated[Literal["photo", "document"], Form()] = "document",
) -> FileView:
    """A photo or document of the asset."""
    name, content = content_of(file)
    return files.add_to_asset(actor, asset_id, content, name=name, kind=kind, now=clock())


@router.get("/locations")
def list_locations(actor: SignedIn) -> list[LocationView]:
    """Sites, areas and lines."""
    return locations.listed(actor)


@router.post("/locations", status_code=201)
def create_location(actor: SignedIn, body: SaveLocation) -> LocationView:
    """A new site, area or line."""
    return locations.create(actor, body, now=clock())


@router.put("/locations/{location_id}")
def save_location(actor: SignedIn, location_id: int, body: SaveLocation) -> LocationView:
    """Change a location."""
    return locations.save(actor, location_id, body, now=clock())


@router.delete("/locations/{location_id}", status_code=204)
def remove_location(actor: SignedIn, location_id: int) -> Response:
    """Remove a location that is empty."""
    locations.remove(actor, location_id, now=clock())
    return Response(status_code=204)


@router.get("/failure-codes")
def list_failure_codes(actor: SignedIn, category: str | None = None) -> list[FailureCodeView]:
    """Words for what failed, why, and what helped."""
    return failure_codes.listed(actor, category=category)


@router.post("/failure-codes", status_code=201)
def save_failure_code(actor: SignedIn, body: SaveFailureCode) -> FailureCodeView:
    """A new failure code, or a new name for one."""
    return failure_codes.save(actor, body, now=clock())
