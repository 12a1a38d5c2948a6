"""Purchase requests: asked for, approved, sent; closed by what comes in, never by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core.domain.parts import decimal, milli
from core.domain.people import Action, Actor, require
from core.errors import Conflict
from core.i18n import _
from core.services import journal, rows, stock
from core.storage import db
from core.storage.sql import JOIN
from core.storage.tables import PartRow, PurchaseRequestRow, TicketRow
from core.wire.base import Ref
from core.wire.parts import MovePurchase, PurchaseRequestView, RequestPurchase

# What may be done in which state, and what comes of it.
_MOVES = {
    "approve": (("requested",), "approved"),
    "send": (("approved",), "sent"),
    "cancel": (("requested", "approved", "sent", "part_received"), "cancelled"),
}
_RECEIVABLE = ("approved", "sent", "part_received")


@db.reading
def requests(actor: Actor, state: Sequence[str] | str | None = None) -> list[PurchaseRequestView]:
    """Purchase requests, newest first; `state` narrows."""
    require(actor, Action.PART_READ)
    query = (
        PurchaseRequestRow.select(PurchaseRequestRow, PartRow, TicketRow)
        .join(PartRow)
        .switch(PurchaseRequestRow)
        .join(TicketRow, JOIN.LEFT_OUTER)
        .order_by(PurchaseRequestRow.id.desc())
    )
    if state:
        query = query.where(PurchaseRequestRow.state.in_([state] if isinstance(state, str) else list(state)))
    return [_view(row) for row in query.limit(5000)]


@db.transaction
def request_purchase(actor: Actor, new: RequestPurchase, *, now: datetime) -> PurchaseRequestView:
    """Ask for a part to be bought."""
    require(actor, Action.PART_EDIT)
    part = rows.get(PartRow, new.part_id, "part")
    return _view(stock.request(actor, part, milli(new.qty), new.reason, now))


@db.transaction
def move_purchase(
    actor: Actor, request_id: int, wanted: MovePurchase, *, now: datetime
) -> PurchaseRequestView:
    """Approve, send or cancel. Conflict `purchase.changed`, `purchase.not_now`."""
    require(actor, Action.PART_EDIT)
    row = rows.lock(PurchaseRequestRow, request_id, "purchase", wanted.version)
    allowed, to = _MOVES[wanted.do]
    if row.state not in allowed:
        raise Conflict(
            "purchase.not_now", f"{wanted.do} of a {row.state} request", number=row.number, state=row.state
        )
    _to(actor, row, to, now)
    return _view(row)


def _to(actor: Actor, row: Any, state: str, now: datetime, **facts: Any) -> None:
    before = row.state
    closed_at = now if state in ("closed", "cancelled") else None
    rows.change(row, state=state, closed_at=closed_at, **facts)
    journal.write(
        actor,
        "purchase.moved",
        "purchase",
        row.id,
        now,
        ticket_id=row.ticket_id,
        number=row.number,
        part=row.part.name,
        part_id=row.part_id,
        before=before,
        state=state,
        received=str(decimal(row.received_milli)),
    )


def received(actor: Actor, request_id: int, part: Any, qty_milli: int, now: datetime) -> int:
    """Note a receipt on the request it answers, in the running transaction; returns the request's id."""
    row = rows.lock(PurchaseRequestRow, request_id, "purchase")
    if row.part_id != part.id:
        raise Conflict("purchase.other_part", "the request is for another part", {"request_id": "other_part"})
    if row.state not in _RECEIVABLE:
        raise Conflict(
            "purchase.not_now", f"receipt of a {row.state} request", number=row.number, state=row.state
        )
    total = row.received_milli + qty_milli
    _to(actor, row, "closed" if total >= row.qty_milli else "part_received", now, received_milli=total)
    return int(row.id)


def _view(row: Any) -> PurchaseRequestView:
    part, ticket = row.part, row.ticket
    return PurchaseRequestView(
        id=row.id,
        version=row.version,
        number=row.number,
        part=Ref(id=part.id, name=part.name, number=part.number),
        unit=part.unit,
        qty=decimal(row.qty_milli),
        received=decimal(row.received_milli),
        state=row.state,
        ticket=None if ticket is None else Ref(id=ticket.id, name=ticket.title, number=ticket.number),
        reason=_("Stock at or below its minimum") if row.reason == stock.REORDER else row.reason,
        requested_at=row.requested_at,
        closed_at=row.closed_at,
    )
