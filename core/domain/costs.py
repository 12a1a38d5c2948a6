"""What a ticket costs: hours x the rate at that time, parts at their frozen cost, and the rest.

Downtime loss = minutes x the asset's rate, kept apart. Money is integer minor units; halves round up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True, slots=True)
class Labour:
    """One person's time with the rate of that day."""

    name: str
    minutes: int
    cost_minor_per_h: int


@dataclass(frozen=True, slots=True)
class PartUse:
    """Thousandths taken out of stock (negative: given back) at the unit cost frozen on the move."""

    name: str
    unit: str
    qty_milli: int
    unit_cost_minor: int


@dataclass(frozen=True, slots=True)
class Line:
    kind: str  # labour, part, vendor, other
    name: str
    qty: Decimal
    unit: str
    rate_minor: int
    cost_minor: int


@dataclass(frozen=True, slots=True)
class Cost:
    lines: tuple[Line, ...]
    total_minor: int
    downtime_min: int
    downtime_loss_minor: int


def _round(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def labour_minor(minutes: int, cost_minor_per_h: int) -> int:
    """Minutes at an hourly rate."""
    return _round(Decimal(minutes) * cost_minor_per_h / 60)


def part_minor(qty_milli: int, unit_cost_minor: int) -> int:
    """A quantity at a unit cost; what is given back counts negative."""
    return _round(Decimal(qty_milli) * unit_cost_minor / 1000)


def downtime_min(failed_at: datetime | None, restored_at: datetime | None) -> int:
    """Whole minutes from failure to restoration; 0 while one is not known."""
    if failed_at is None or restored_at is None or restored_at <= failed_at:
        return 0
    return int((restored_at - failed_at).total_seconds() // 60)


def add_up(
    labour: Iterable[Labour],
    parts: Iterable[PartUse],
    other_minor: int = 0,
    down_min: int = 0,
    downtime_cost_minor_per_h: int = 0,
) -> Cost:
    """All lines and their sum."""
    lines = [
        Line(
            "labour",
            entry.name,
            (Decimal(entry.minutes) / 60).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP),
            "h",
            entry.cost_minor_per_h,
            labour_minor(entry.minutes, entry.cost_minor_per_h),
        )
        for entry in labour
    ]
    for use in parts:
        cost_minor = part_minor(use.qty_milli, use.unit_cost_minor)
        qty = Decimal(use.qty_milli) / 1000
        lines.append(Line("part", use.name, qty, use.unit, use.unit_cost_minor, cost_minor))
    if other_minor:
        lines.append(Line("other", "", Decimal(1), "", other_minor, other_minor))
    return Cost(
        tuple(lines),
        sum(line.cost_minor for line in lines),
        down_min,
        labour_minor(down_min, downtime_cost_minor_per_h),
    )
