"""Spare parts, stock and purchase requests, as the API tells and asks them. Quantities are decimals."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from core.wire.assets import Number
from core.wire.base import Ref, Request, Title, Trimmed, View
from core.wire.tickets import Qty

RequestState = Literal["requested", "approved", "sent", "part_received", "closed", "cancelled"]
MoveKind = Literal["receive", "issue", "return", "count", "scrap", "transfer", "vendor_return"]
AnyQty = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=3)]


class PartView(View):
    id: int
    version: int
    number: str
    name: str
    spec: str
    unit: str
    category: str
    bin: str
    minimum: Decimal
    order_qty: Decimal
    lead_days: int
    supplier: str
    active: bool
    on_hand: Decimal
    reserved: Decimal
    available: Decimal
    on_order: Decimal
    unit_cost_minor: int | None = Field(description="Moving average; None when the reader may not see money.")
    value_minor: int | None
    low: bool = Field(description="Available + on order ≤ minimum.")


class SavePart(Request):
    version: int | None = None
    number: Number | None = None
    name: Title
    spec: Trimmed = Field("", max_length=200)
    unit: Trimmed = Field("pc", max_length=20)
    category: Trimmed = Field("", max_length=100)
    bin: Trimmed = Field("", max_length=40)
    minimum: AnyQty = Decimal(0)
    order_qty: AnyQty = Decimal(0)
    lead_days: int = Field(0, ge=0, le=3650)
    supplier: Trimmed = Field("", max_length=200)
    active: bool = True


class MoveStock(Request):
    """`count` sets what is there to `qty`; `receive` needs the unit cost; the others take `qty` out (or in)."""

    kind: Literal["receive", "count", "scrap", "vendor_return"]
    qty: AnyQty
    unit_cost_minor: int | None = Field(None, ge=0)
    request_id: int | None = Field(None, description="Purchase request that this receipt answers.")
    note: Trimmed = Field("", max_length=200)


class StockMoveView(View):
    id: int
    at: datetime
    kind: MoveKind
    qty: Decimal
    on_hand: Decimal
    unit_cost_minor: int | None
    ticket: Ref | None
    note: str
    by: str


class PurchaseRequestView(View):
    id: int
    version: int
    number: str
    part: Ref
    unit: str
    qty: Decimal
    received: Decimal
    state: RequestState
    ticket: Ref | None
    reason: str
    requested_at: datetime
    closed_at: datetime | None


class RequestPurchase(Request):
    part_id: int
    qty: Qty
    reason: Trimmed = Field("", max_length=200)


class MovePurchase(Request):
    """approve, send or cancel a purchase request; receipts go through MoveStock."""

    do: Literal["approve", "send", "cancel"]
    version: int | None = None
