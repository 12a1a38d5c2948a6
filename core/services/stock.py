"""The stock ledger: one place that writes moves, knows what is on hand, reserved and on order, and orders again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.domain import parts as domain
from core.domain.parts import Stock, decimal
from core.domain.people import Actor
from core.errors import Conflict
from core.services import journal, settings
from core.services.numbers import next_number
from core.storage.sql import fn
from core.storage.tables import PartRow, PurchaseRequestRow, ReservationRow, StockMoveRow

OPEN_REQUESTS = ("requested", "approved", "sent", "part_received")
REORDER = "reorder"  # reason of a request that the reorder rule made


_NOTHING = Stock()


@dataclass(frozen=True, slots=True)
class Position:
    """How a part stands, in thousandths."""

    stock: Stock = _NOTHING
    reserved: int = 0
    on_order: int = 0

    @property
    def available(self) -> int:
        """What is on hand and promised to nobody."""
        return self.stock.on_hand_milli - self.reserved

    @property
    def planned(self) -> int:
        """Available + on order: what the reorder rule looks at."""
        return self.available + self.on_order


def positions(part_ids: Sequence[int] | None = None) -> dict[int, Position]:
    """How these parts (or all) stand; a part without any move or promise is left out."""
    # By the index of each part's moves: grouping the whole ledger would take longer every year.
    other = StockMoveRow.alias()
    last = other.select(fn.MAX(other.id)).where(other.part == PartRow.id)
    moves: Any = (
        StockMoveRow.select(StockMoveRow.part, StockMoveRow.on_hand_milli, StockMoveRow.unit_cost_minor)
        .join(PartRow, on=StockMoveRow.part == PartRow.id)
        .where(StockMoveRow.id == last)
    )
    reserved: Any = (
        ReservationRow.select(
            ReservationRow.part, fn.SUM(ReservationRow.qty_milli - ReservationRow.issued_milli).alias("n")
        )
        .where(ReservationRow.open)
        .group_by(ReservationRow.part)
    )
    ordered: Any = (
        PurchaseRequestRow.select(
            PurchaseRequestRow.part,
            fn.SUM(PurchaseRequestRow.qty_milli - PurchaseRequestRow.received_milli).alias("n"),
        )
        .where(PurchaseRequestRow.state.in_(OPEN_REQUESTS))
        .group_by(PurchaseRequestRow.part)
    )
    if part_ids is not None:
        ids = list(part_ids)
        moves = moves.where(PartRow.id.in_(ids))
        reserved = reserved.where(ReservationRow.part.in_(ids))
        ordered = ordered.where(PurchaseRequestRow.part.in_(ids))
    stocks = {part: Stock(on_hand, unit_cost) for part, on_hand, unit_cost in moves.tuples()}
    promised = {part: int(n) for part, n in reserved.tuples()}
    coming = {part: max(0, int(n)) for part, n in ordered.tuples()}
    return {
        part: Position(stocks.get(part, _NOTHING), promised.get(part, 0), coming.get(part, 0))
        for part in stocks.keys() | promised.keys() | coming.keys()
    }


def position(part_id: int) -> Position:
    """How one part stands."""
    return positions([part_id]).get(part_id, Position())


def post(
    actor: Actor,
    part: Any,
    kind: str,
    qty_milli: int,
    now: datetime,
    *,
    price_minor: int | None = None,
    ticket_id: int | None = None,
    request_id: int | None = None,
    note: str = "",
) -> Stock:
    """Write one signed move of a part whose row the caller holds; return what is on hand after it.

    What comes in without a price, and all that goes out, has the average cost. ValueError below nothing.
    """
    before = position(part.id).stock
    price = before.unit_cost_minor if price_minor is None or qty_milli < 0 else price_minor
    after = before.put(qty_milli, price) if qty_milli > 0 else before.take(-qty_milli)
    StockMoveRow.create(
        part=part.id,
        bin=part.bin_id,
        kind=kind,
        qty_milli=qty_milli,
        price_minor=price,
        unit_cost_minor=after.unit_cost_minor,
        on_hand_milli=after.on_hand_milli,
        ticket=ticket_id,
        request=request_id,
        note=note,
        at=now,
        by=actor.ref,
    )
    return after


def request(
    actor: Actor, part: Any, qty_milli: int, reason: str, now: datetime, ticket_id: int | None = None
) -> Any:
    """Write a purchase request, in the running transaction."""
    year = now.astimezone(settings.zone()).year
    row = PurchaseRequestRow.create(
        number=f"PR-{year}-{next_number(f'purchase:{year}'):05d}",
        part=part.id,
        ticket=ticket_id,
        qty_milli=qty_milli,
        state="requested",
        reason=reason,
        requested_at=now,
    )
    journal.write(
        actor,
        "purchase.requested",
        "purchase",
        row.id,
        now,
        ticket_id=ticket_id,
        number=row.number,
        part=part.name,
        part_id=part.id,
        qty=str(decimal(qty_milli)),
        unit=part.unit,
        reason=reason,
    )
    return row


def reorder(actor: Actor, part: Any, now: datetime) -> None:
    """Order again, once, when a part has come down to its minimum."""
    stands = position(part.id)
    wanted = domain.reorder_milli(stands.planned, part.minimum_milli, part.order_milli)
    waiting = PurchaseRequestRow.select().where(
        PurchaseRequestRow.part == part.id,
        PurchaseRequestRow.reason == REORDER,
        PurchaseRequestRow.state.in_(OPEN_REQUESTS),
    )
    if part.active and wanted and not waiting.exists():
        request(actor, part, wanted, REORDER, now)


def refuse_short(part: Any, wanted_milli: int, have_milli: int, reserved_milli: int = 0) -> None:
    """Conflict `part.not_enough`, telling what is there and what is promised to others."""
    if wanted_milli > have_milli:
        raise Conflict(
            "part.not_enough",
            f"{numbered(part)}: {decimal(wanted_milli)} wanted, {decimal(have_milli)} there",
            {"qty": "not_enough"},
            part=numbered(part),
            have=decimal(have_milli),
            wanted=decimal(wanted_milli),
            reserved=decimal(reserved_milli),
            unit=part.unit,
        )


def numbered(part: PartRow) -> str:
    """How sentences name a part."""
    return f"{part.number} {part.name}"
