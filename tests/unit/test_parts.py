"""Stock maths: quantities, the moving average, when to order again."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.parts import Stock, decimal, low, milli, reorder_milli, short_milli, worth_minor


def test_quantities_keep_three_places_and_lose_needless_zeros() -> None:
    assert milli(Decimal("2.5")) == 2500 and milli(Decimal("0.001")) == 1
    assert str(decimal(2500)) == "2.5" and str(decimal(320_000)) == "320" and str(decimal(0)) == "0"
    assert str(decimal(1)) == "0.001" and str(decimal(-1500)) == "-1.5"


def test_average_weighs_what_was_there_with_what_came() -> None:
    stock = Stock().put(10_000, 100).put(30_000, 200)
    assert stock == Stock(40_000, 175)
    assert stock.take(40_000) == Stock(0, 175)
    assert stock.take(40_000).put(1_000, 90) == Stock(1_000, 90), (
        "the cost of an empty shelf counts for nothing"
    )


def test_taking_more_than_there_is_fails() -> None:
    with pytest.raises(ValueError, match="3000 of 2000"):
        Stock(2000, 5).take(3000)


def test_worth_is_rounded_half_away_from_zero() -> None:
    assert [worth_minor(1500, 1), worth_minor(1400, 1), worth_minor(-1500, 1)] == [2, 1, -2]


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**8)), min_size=1, max_size=20))
def test_average_stays_between_the_prices_paid(receipts: list[tuple[int, int]]) -> None:
    stock = Stock()
    for qty, price in receipts:
        stock = stock.put(qty, price)
    prices = [price for _qty, price in receipts]
    assert min(prices) <= stock.unit_cost_minor <= max(prices)
    assert stock.on_hand_milli == sum(qty for qty, _price in receipts)


@pytest.mark.parametrize(
    ("position", "minimum", "order", "wanted"),
    [
        (5000, 4000, 10_000, 0),  # above the minimum
        (4000, 4000, 10_000, 10_000),  # at it
        (1000, 4000, 0, 3000),  # no usual quantity: up to the minimum
        (1000, 4000, 2000, 3000),  # the usual quantity would not do
        (4000, 4000, 0, 4000),  # exactly at the minimum and no usual quantity
        (-2000, 0, 10_000, 0),  # parts without a minimum are never ordered by rule
    ],
)
def test_reorder_quantity(position: int, minimum: int, order: int, wanted: int) -> None:
    assert reorder_milli(position, minimum, order) == wanted
    assert low(position, minimum) == (wanted > 0)


def test_earlier_reservations_come_first() -> None:
    assert short_milli(2000, 5000, 4000) == 1000
    assert short_milli(2000, 5000, 3000) == 0
    assert short_milli(2000, 0, 0) == 2000
