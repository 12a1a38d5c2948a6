"""Stock and what it is worth: quantities in thousandths, moving-average cost, and when to order again."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


def milli(qty: Decimal) -> int:
    """A quantity in thousandths; the wire allows no finer ones."""
    return int((qty * 1000).to_integral_value())


def decimal(qty_milli: int) -> Decimal:
    """Thousandths as a decimal without needless zeros."""
    whole = Decimal(qty_milli) / 1000
    return whole.quantize(Decimal(1)) if qty_milli % 1000 == 0 else whole.normalize()


def worth_minor(qty_milli: int, unit_cost_minor: int) -> int:
    """Money for a quantity, in minor units, rounded half away from zero."""
    product = abs(qty_milli * unit_cost_minor)
    rounded = (product + 500) // 1000
    return rounded if qty_milli * unit_cost_minor >= 0 else -rounded


@dataclass(frozen=True, slots=True)
class Stock:
    """What is on hand of a part, and its moving-average cost per unit."""

    on_hand_milli: int = 0
    unit_cost_minor: int = 0

    def put(self, qty_milli: int, price_minor: int) -> Stock:
        """After `qty_milli` came in at `price_minor` a unit: the average weighs both (moving-average method)."""
        on_hand = self.on_hand_milli + qty_milli
        value = self.on_hand_milli * self.unit_cost_minor + qty_milli * price_minor
        return Stock(on_hand, (2 * value + on_hand) // (2 * on_hand))

    def take(self, qty_milli: int) -> Stock:
        """After `qty_milli` went out at the average cost. ValueError when there is not so much."""
        if qty_milli > self.on_hand_milli:
            raise ValueError(f"{qty_milli} of {self.on_hand_milli}")
        return Stock(self.on_hand_milli - qty_milli, self.unit_cost_minor)


def reorder_milli(position_milli: int, minimum_milli: int, order_milli: int) -> int:
    """How much to order when the position (available + on order) has come down to the minimum; 0 for nothing.

    At least the usual order quantity, and so much that the position lies above the minimum again.
    """
    if not low(position_milli, minimum_milli):
        return 0
    missing = minimum_milli - position_milli
    return max(order_milli, missing) or minimum_milli


def low(position_milli: int, minimum_milli: int) -> bool:
    """Whether available + on order is at or below the minimum; a part without a minimum is never low."""
    return minimum_milli > 0 and position_milli <= minimum_milli


def short_milli(outstanding_milli: int, on_hand_milli: int, before_milli: int) -> int:
    """What is missing for a reservation when earlier ones still want `before_milli`."""
    return max(0, outstanding_milli - max(0, on_hand_milli - before_milli))
