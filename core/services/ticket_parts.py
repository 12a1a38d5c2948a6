"""Parts on tickets: promised, handed out, given back, given up; kits of plans and rules.

The caller (tickets, plans, ingest) has checked that the actor may; joined to its transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.domain.parts import decimal, milli, short_milli
from core.domain.people import Actor
from core.errors import Conflict, NotFound
from core.services import journal, rows, stock
from core.storage import db
from core.storage.sql import JOIN, fn
from core.storage.tables import BinRow, PartRow, PurchaseRequestRow, ReservationRow, StockMoveRow
from core.wire.base import Ref
from core.wire.plans import KitLine
from core.wire.tickets import TicketPart


@db.transaction
def reserve(
    actor: Actor, ticket_id: int, part_id: int, qty: Decimal, *, now: datetime, reason: str = ""
) -> Decimal:
    """Promise a quantity to a ticket; what is not there is asked for in a purchase request. Returns what is short."""
    part = rows.lock(PartRow, part_id, "part")
    row: Any = ReservationRow.get_or_none(
        ReservationRow.ticket == ticket_id, ReservationRow.part == part_id, ReservationRow.open
    )
    if row is None:
        row = ReservationRow.create(part=part_id, ticket=ticket_id, qty_milli=milli(qty), at=now)
    else:
        row.qty_milli += milli(qty)
        row.save()
    asked = sum(
        int(r.qty_milli - r.received_milli)
        for r in PurchaseRequestRow.select().where(
            PurchaseRequestRow.part == part_id,
            PurchaseRequestRow.ticket == ticket_id,
            PurchaseRequestRow.state.in_(stock.OPEN_REQUESTS),
        )
    )
    short = _short(row, stock.position(part_id).stock.on_hand_milli)
    _note(actor, "ticket.part_reserved", ticket_id, part, milli(qty), now, short=str(decimal(short)))
    if short > asked:
        stock.request(actor, part, short - asked, reason, now, ticket_id)
    stock.reorder(actor, part, now)
    return decimal(short)


def _short(row: Any, on_hand_milli: int) -> int:
    before = ReservationRow.select(
        fn.COALESCE(fn.SUM(ReservationRow.qty_milli - ReservationRow.issued_milli), 0)
    ).where(ReservationRow.part == row.part_id, ReservationRow.open, ReservationRow.id < row.id)
    outstanding = row.qty_milli - row.issued_milli if row.open else 0
    return short_milli(outstanding, on_hand_milli, int(before.scalar()))


@db.transaction
def issue(actor: Actor, ticket_id: int, part_id: int, qty: Decimal, *, now: datetime, note: str = "") -> None:
    """Hand parts out for a ticket, against its reservation first. Conflict `part.not_enough`."""
    part = rows.lock(PartRow, part_id, "part")
    wanted = milli(qty)
    row: Any = ReservationRow.get_or_none(
        ReservationRow.ticket == ticket_id, ReservationRow.part == part_id, ReservationRow.open
    )
    mine = 0 if row is None else row.qty_milli - row.issued_milli
    stands = stock.position(part_id)
    on_hand, others = stands.stock.on_hand_milli, stands.reserved - mine
    # What is promised to this ticket it may have as long as it lies there; beyond that, others' promises hold.
    free = max(min(mine, on_hand), on_hand - others)
    stock.refuse_short(part, wanted, free, others)
    stock.post(actor, part, "issue", -wanted, now, ticket_id=ticket_id, note=note)
    if row is None:
        ReservationRow.create(
            part=part_id, ticket=ticket_id, qty_milli=wanted, issued_milli=wanted, open=False, at=now
        )
    else:
        row.issued_milli += wanted
        row.qty_milli = max(row.qty_milli, row.issued_milli)
        row.open = row.issued_milli < row.qty_milli
        row.save()
    _note(actor, "ticket.part_issued", ticket_id, part, wanted, now, note=note)
    stock.reorder(actor, part, now)


@db.transaction
def give_back(
    actor: Actor, ticket_id: int, part_id: int, qty: Decimal, *, now: datetime, note: str = ""
) -> None:
    """Take unused parts of a ticket back into stock, at the price they were issued at. Conflict `part.not_issued`."""
    part = rows.lock(PartRow, part_id, "part")
    wanted = milli(qty)
    out, worth = 0, 0
    for m in StockMoveRow.select().where(StockMoveRow.ticket == ticket_id, StockMoveRow.part == part_id):
        out -= m.qty_milli
        worth -= m.qty_milli * m.price_minor
    if wanted > out:
        raise Conflict(
            "part.not_issued",
            f"only {decimal(out)} were issued",
            {"qty": "not_enough"},
            part=stock.numbered(part),
            have=decimal(out),
            wanted=qty,
            unit=part.unit,
        )
    price = (2 * worth + out) // (2 * out)
    stock.post(actor, part, "return", wanted, now, price_minor=price, ticket_id=ticket_id, note=note)
    left = wanted
    taken = ReservationRow.select().where(ReservationRow.ticket == ticket_id, ReservationRow.part == part_id)
    for row in taken.order_by(ReservationRow.id.desc()):
        back = min(left, row.issued_milli)
        row.issued_milli -= back
        row.qty_milli -= back
        left -= back
        row.save()
    _note(actor, "ticket.part_returned", ticket_id, part, wanted, now, note=note)


@db.transaction
def release(
    actor: Actor, ticket_id: int, part_id: int | None = None, qty: Decimal | None = None, *, now: datetime
) -> None:
    """Give up what a ticket has reserved and not taken: of one part or all, in full or `qty` of it."""
    held = ReservationRow.select().where(ReservationRow.ticket == ticket_id, ReservationRow.open)
    if part_id is not None:
        held = held.where(ReservationRow.part == part_id)
    for row in held.order_by(
        ReservationRow.part
    ):  # in one order, so that two tickets cannot block each other
        part = rows.lock(PartRow, row.part_id, "part")
        given_up = row.qty_milli - row.issued_milli
        if qty is not None:
            given_up = min(given_up, milli(qty))
        row.qty_milli -= given_up
        row.open = row.issued_milli < row.qty_milli
        row.save()
        _note(actor, "ticket.part_released", ticket_id, part, given_up, now)


def _note(
    actor: Actor, verb: str, ticket_id: int, part: Any, qty_milli: int, now: datetime, **facts: Any
) -> None:
    named = {"part_id": part.id, "part": part.name, "number": part.number, "unit": part.unit}
    journal.write(
        actor,
        verb,
        "ticket",
        ticket_id,
        now,
        ticket_id=ticket_id,
        qty=str(decimal(qty_milli)),
        **named,
        **facts,
    )


@db.reading
def of_ticket(ticket_id: int) -> list[TicketPart]:
    """The parts of a ticket: wanted, issued, and what is short."""
    found: Sequence[Any] = list(
        ReservationRow.select(ReservationRow, PartRow, BinRow)
        .join(PartRow)
        .join(BinRow, JOIN.LEFT_OUTER)
        .where(ReservationRow.ticket == ticket_id, (ReservationRow.qty_milli > 0))
        .order_by(ReservationRow.id)
    )
    stands = stock.positions([row.part_id for row in found]) if found else {}
    lines = []
    for row in found:
        part = row.part
        on_hand = stands.get(row.part_id, stock.Position()).stock.on_hand_milli
        lines.append(
            TicketPart(
                reservation_id=row.id,
                part=Ref(id=part.id, name=part.name, number=part.number),
                unit=part.unit,
                bin="" if part.bin is None else part.bin.code,
                wanted=decimal(row.qty_milli),
                issued=decimal(row.issued_milli),
                on_hand=decimal(on_hand),
                short=decimal(_short(row, on_hand)),
                open=row.open,
            )
        )
    return lines


# ---------------------------------------------------------------- kits of plans and rules


@db.reading
def kit_values(kit: Sequence[KitLine]) -> list[dict[str, Any]]:
    """A kit as rows keep it; NotFound `part.not_found` for a part that is not there."""
    wanted = {line.part_id for line in kit}
    known = {row.id for row in PartRow.select(PartRow.id).where(PartRow.id.in_(list(wanted)))}
    if wanted - known:
        raise NotFound("part.not_found", "no such part", {"kit": "unknown"}, id=min(wanted - known))
    return [{"part_id": line.part_id, "qty": str(line.qty)} for line in kit]


@db.reading
def kit_lines(kit: Sequence[dict[str, Any]]) -> list[KitLine]:
    """A stored kit with names and what is available of each part."""
    ids = [line["part_id"] for line in kit]
    known = {row.id: row for row in PartRow.select().where(PartRow.id.in_(ids))}
    stands = stock.positions(ids) if ids else {}
    return [
        KitLine(
            part_id=part.id,
            qty=line["qty"],
            name=part.name,
            unit=part.unit,
            available=decimal(stands.get(part.id, stock.Position()).available),
        )
        for line in kit
        if (part := known.get(line["part_id"])) is not None
    ]


@db.transaction
def reserve_kit(
    actor: Actor, ticket_id: int, kit: Sequence[dict[str, Any]], *, now: datetime, reason: str = ""
) -> None:
    """Promise a stored kit to a ticket; parts in one order, so that two tickets cannot block each other."""
    for line in sorted(kit, key=lambda one: int(one["part_id"])):
        reserve(actor, ticket_id, line["part_id"], Decimal(line["qty"]), now=now, reason=reason)
