"""What a ticket costs, from its labour, stock moves and other costs; frozen when the work is completed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.domain import costs
from core.services import settings
from core.storage.tables import LabourRow, PartRow, PersonRow, StockMoveRow, TicketRow
from core.wire.tickets import CostLine, CostView


def of(row: TicketRow, now: datetime, worked: bool = True) -> CostView:
    """The cost now, or as it was frozen. A ticket still open counts its downtime until now.

    `worked` False: the caller knows that nobody has worked on it or taken parts.
    """
    if row.cost is not None:
        return CostView.model_validate(row.cost)
    return _view(_add_up(row, now, worked), frozen=False)


def freeze(row: TicketRow, now: datetime) -> CostView:
    """Keep the cost with the rates of today on the row; the caller saves it."""
    view = _view(_add_up(row, now), frozen=True)
    row.cost = view.model_dump(mode="json")
    return view


def _view(cost: costs.Cost, frozen: bool) -> CostView:
    return CostView(
        currency=settings.hub().currency,
        total_minor=cost.total_minor,
        lines=[
            CostLine.model_validate(
                {
                    "kind": line.kind,
                    "name": line.name,
                    "qty": line.qty,
                    "unit": line.unit,
                    "rate_minor": line.rate_minor,
                    "cost_minor": line.cost_minor,
                }
            )
            for line in cost.lines
        ],
        downtime_min=cost.downtime_min,
        downtime_loss_minor=cost.downtime_loss_minor,
        frozen=frozen,
    )


def _add_up(row: TicketRow, now: datetime, worked: bool = True) -> costs.Cost:
    labour: Any = (
        ()
        if not worked
        else (
            LabourRow.select(LabourRow, PersonRow)
            .join(PersonRow)
            .where(LabourRow.ticket == row.id)
            .order_by(LabourRow.id)
        )
    )
    moves: Any = (
        ()
        if not worked
        else (
            StockMoveRow.select(StockMoveRow, PartRow)
            .join(PartRow)
            .where(StockMoveRow.ticket == row.id)
            .order_by(StockMoveRow.id)
        )
    )
    down_min = costs.downtime_min(row.failed_at, row.restored_at or now) if row.type == "fault" else 0
    return costs.add_up(
        [costs.Labour(entry.person.name, entry.minutes, entry.cost_minor_per_h) for entry in labour],
        [costs.PartUse(move.part.name, move.part.unit, -move.qty_milli, move.price_minor) for move in moves],
        row.other_cost_minor,
        down_min,
        row.asset.downtime_cost_minor_per_h if row.asset else 0,
    )
