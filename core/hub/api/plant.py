"""Doors of the plant's own facts."""

from __future__ import annotations

from fastapi import APIRouter

from core.hub.auth import SignedIn, clock
from core.services import plant
from core.wire.people import PlantView, SavePlant

router = APIRouter(prefix="/plant", tags=["settings"])


@router.get("")
def get_plant(actor: SignedIn) -> PlantView:
    """The plant's name, language and public address."""
    return plant.view(actor)


@router.put("")
def save_plant(actor: SignedIn, body: SavePlant) -> PlantView:
    """Change them; labels that are printed already keep the address they were printed with."""
    return plant.save(actor, body, now=clock())
