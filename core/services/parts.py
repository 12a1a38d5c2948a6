"""Spare parts: the catalogue and stock moves by hand; parts on tickets are in `ticket_parts`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.domain.parts import decimal, low, milli, worth_minor
from core.domain.people import Action, Actor, Scope, require, scope_of
from core.errors import AppError, Conflict
from core.services import journal, purchases, rows, stock
from core.services.numbers import next_number
from core.storage import db
from core.storage.sql import JOIN
from core.storage.tables import BinRow, PartRow, StockMoveRow, TicketRow
from core.wire.base import Ref
from core.wire.parts import MoveStock, PartView, SavePart, StockMoveView

# ---------------------------------------------------------------- catalogue


@db.reading
def listed(actor: Actor) -> list[PartView]:
    """All parts, by number, with how they stand."""
    require(actor, Action.PART_READ)
    query = PartRow.select(PartRow, BinRow).join(BinRow, JOIN.LEFT_OUTER).order_by(PartRow.number)
    stands = stock.positions()
    return [_view(actor, row, stands.get(row.id, stock.Position())) for row in query]


@db.reading
def view(actor: Actor, part_id: int) -> PartView:
    """One part."""
    require(actor, Action.PART_READ)
    return _view(actor, rows.get(PartRow, part_id, "part"), stock.position(part_id))


@db.transaction
def create(actor: Actor, new: SavePart, *, now: datetime) -> PartView:
    """Add a part; without a number it gets the next `P-00001`. Conflict `part.number_taken`."""
    require(actor, Action.PART_EDIT)
    number = new.number or _next_number()
    _refuse_taken(number, None)
    row = PartRow.create(number=number, **_values(new))
    journal.write(actor, "part.created", "part", row.id, now, number=number, name=row.name)
    stock.reorder(actor, row, now)
    return view(actor, row.id)


@db.transaction
def save(actor: Actor, part_id: int, new: SavePart, *, now: datetime) -> PartView:
    """Change a part. Conflict `part.changed`, `part.number_taken`."""
    require(actor, Action.PART_EDIT)
    row = rows.lock(PartRow, part_id, "part", new.version)
    number = new.number or row.number
    _refuse_taken(number, part_id)
    changed = rows.change(row, number=number, **_values(new))
    journal.write(actor, "part.edited", "part", row.id, now, number=number, name=row.name, changed=changed)
    stock.reorder(actor, row, now)
    return view(actor, row.id)


def _next_number() -> str:
    while True:
        number = f"P-{next_number('part'):05d}"
        if PartRow.get_or_none(PartRow.number == number) is None:
            return number


def _refuse_taken(number: str, part_id: int | None) -> None:
    other = PartRow.get_or_none(PartRow.number == number)
    if other is not None and other.id != part_id:
        raise Conflict(
            "part.number_taken", f"part {number} exists", {"number": "taken"}, number=number, name=other.name
        )


def _values(new: SavePart) -> dict[str, Any]:
    values = new.model_dump(include={"name", "spec", "unit", "category", "lead_days", "supplier", "active"})
    bin_id = _bin_id(new.bin) if new.bin else None
    return {
        **values,
        "bin_id": bin_id,
        "minimum_milli": milli(new.minimum),
        "order_milli": milli(new.order_qty),
    }


def _bin_id(code: str) -> int:
    BinRow.insert(code=code).on_conflict_ignore().execute()
    return int(BinRow.get(BinRow.code == code).id)


def _view(actor: Actor, row: Any, stands: stock.Position) -> PartView:
    on_hand, unit_cost = stands.stock.on_hand_milli, stands.stock.unit_cost_minor
    money = scope_of(actor, Action.COST_READ) is Scope.ALL
    return PartView(
        id=row.id,
        version=row.version,
        number=row.number,
        name=row.name,
        spec=row.spec,
        unit=row.unit,
        category=row.category,
        bin="" if row.bin is None else row.bin.code,
        minimum=decimal(row.minimum_milli),
        order_qty=decimal(row.order_milli),
        lead_days=row.lead_days,
        supplier=row.supplier,
        active=row.active,
        on_hand=decimal(on_hand),
        reserved=decimal(stands.reserved),
        available=decimal(stands.available),
        on_order=decimal(stands.on_order),
        unit_cost_minor=unit_cost if money else None,
        value_minor=worth_minor(on_hand, unit_cost) if money else None,
        low=row.active and low(stands.planned, row.minimum_milli),
    )


@db.reading
def count_low() -> int:
    """How many parts are at or below their minimum; for the dashboard."""
    watched = PartRow.select().where(PartRow.active, PartRow.minimum_milli > 0)
    stands = stock.positions()
    return sum(low(stands.get(p.id, stock.Position()).planned, p.minimum_milli) for p in watched)


# ---------------------------------------------------------------- stock by hand


@db.reading
def moves(actor: Actor, part_id: int) -> list[StockMoveView]:
    """The part's ledger, newest first, at most 1000 lines."""
    require(actor, Action.PART_READ)
    rows.get(PartRow, part_id, "part")
    money = scope_of(actor, Action.COST_READ) is Scope.ALL
    query = (
        StockMoveRow.select(StockMoveRow, TicketRow)
        .join(TicketRow, JOIN.LEFT_OUTER)
        .where(StockMoveRow.part == part_id)
        .order_by(StockMoveRow.id.desc())
    )
    moved = list(query.limit(1000))
    names = rows.actor_names(row.by for row in moved)
    return [
        StockMoveView(
            id=row.id,
            at=row.at,
            kind=row.kind,
            qty=decimal(row.qty_milli),
            on_hand=decimal(row.on_hand_milli),
            unit_cost_minor=row.price_minor if money else None,
            ticket=None
            if row.ticket is None
            else Ref(id=row.ticket.id, name=row.ticket.title, number=row.ticket.number),
            note=row.note,
            by=names[row.by],
        )
        for row in moved
    ]


@db.transaction
def move(actor: Actor, part_id: int, wanted: MoveStock, *, now: datetime) -> PartView:
    """Receive, count, scrap or send back to the vendor. Conflict `part.not_enough`; AppError names the field."""
    require(actor, Action.STOCK_MOVE)
    part = rows.lock(PartRow, part_id, "part")
    qty = milli(wanted.qty)
    on_hand = stock.position(part.id).stock.on_hand_milli
    request_id = None
    if wanted.kind == "count":
        qty -= on_hand
    elif qty == 0:
        raise AppError("part.qty_zero", "nothing would be moved", {"qty": "zero"})
    elif wanted.kind == "receive":
        if wanted.unit_cost_minor is None:
            raise AppError("part.cost_missing", "what does one cost?", {"unit_cost_minor": "missing"})
        if wanted.request_id is not None:
            request_id = purchases.received(actor, wanted.request_id, part, qty, now)
    else:
        stock.refuse_short(part, qty, on_hand)
        qty = -qty
    if qty:
        stock.post(
            actor,
            part,
            wanted.kind,
            qty,
            now,
            price_minor=wanted.unit_cost_minor,
            request_id=request_id,
            note=wanted.note,
        )
    facts: dict[str, Any] = {
        "kind": wanted.kind,
        "qty": str(decimal(qty)),
        "unit": part.unit,
        "note": wanted.note,
    }
    journal.write(actor, "stock.moved", "part", part.id, now, number=part.number, name=part.name, **facts)
    stock.reorder(actor, part, now)
    return view(actor, part.id)
