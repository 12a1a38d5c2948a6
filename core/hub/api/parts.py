"""Doors of spare parts, stock and purchase requests."""

from __future__ import annotations

from fastapi import APIRouter

from core.hub.auth import SignedIn, clock
from core.services import parts, purchases
from core.wire.parts import (
    MovePurchase,
    MoveStock,
    PartView,
    PurchaseRequestView,
    RequestPurchase,
    RequestState,
    SavePart,
    StockMoveView,
)

router = APIRouter(tags=["parts"])


@router.get("/parts")
def list_parts(actor: SignedIn) -> list[PartView]:
    """All parts with their stock."""
    return parts.listed(actor)


@router.post("/parts", status_code=201)
def create_part(actor: SignedIn, body: SavePart) -> PartView:
    """A new part."""
    return parts.create(actor, body, now=clock())


@router.get("/parts/{part_id}")
def get_part(actor: SignedIn, part_id: int) -> PartView:
    """One part."""
    return parts.view(actor, part_id)


@router.put("/parts/{part_id}")
def save_part(actor: SignedIn, part_id: int, body: SavePart) -> PartView:
    """Change a part."""
    return parts.save(actor, part_id, body, now=clock())


@router.get("/parts/{part_id}/moves")
def list_moves(actor: SignedIn, part_id: int) -> list[StockMoveView]:
    """The part's stock ledger, newest first."""
    return parts.moves(actor, part_id)


@router.post("/parts/{part_id}/moves")
def move_stock(actor: SignedIn, part_id: int, body: MoveStock) -> PartView:
    """Receive, count, scrap or send back."""
    return parts.move(actor, part_id, body, now=clock())


@router.get("/purchase-requests")
def list_requests(actor: SignedIn, state: RequestState | None = None) -> list[PurchaseRequestView]:
    """Purchase requests, newest first."""
    return purchases.requests(actor, state=state)


@router.post("/purchase-requests", status_code=201)
def request_purchase(actor: SignedIn, body: RequestPurchase) -> PurchaseRequestView:
    """Ask for more of a part."""
    return purchases.request_purchase(actor, body, now=clock())


@router.post("/purchase-requests/{request_id}/moves")
def move_request(actor: SignedIn, request_id: int, body: MovePurchase) -> PurchaseRequestView:
    """Approve, send or cancel a purchase request."""
    return purchases.move_purchase(actor, request_id, body, now=clock())
