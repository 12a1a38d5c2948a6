"""What a ticket costs, to the last fen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.domain import costs

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)


def test_labour_parts_and_the_rest_add_up() -> None:
    cost = costs.add_up(
        [costs.Labour("王伟", 90, 6000), costs.Labour("李娜", 10, 7000)],
        [costs.PartUse("轴承", "个", 2000, 4550), costs.PartUse("润滑脂", "kg", 250, 3001)],
        other_minor=1500,
        down_min=45,
        downtime_cost_minor_per_h=60_000,
    )
    assert [line.cost_minor for line in cost.lines] == [9000, 1167, 9100, 750, 1500]
    assert cost.total_minor == 21_517
    assert (cost.downtime_min, cost.downtime_loss_minor) == (45, 45_000)  # kept apart
    assert [str(line.qty) for line in cost.lines[:2]] == ["1.50", "0.17"]


def test_what_is_given_back_counts_negative() -> None:
    cost = costs.add_up(
        [], [costs.PartUse("密封圈", "个", 3000, 120), costs.PartUse("密封圈", "个", -1000, 120)]
    )
    assert cost.total_minor == 240


def test_halves_round_up() -> None:
    assert costs.labour_minor(1, 30) == 1
    assert costs.part_minor(500, 1) == 1
    assert costs.part_minor(499, 1) == 0


def test_downtime_is_known_only_with_both_ends() -> None:
    assert costs.downtime_min(NOW, NOW + timedelta(minutes=5, seconds=59)) == 5
    assert costs.downtime_min(None, NOW) == costs.downtime_min(NOW, None) == 0
    assert costs.downtime_min(NOW, NOW - timedelta(minutes=1)) == 0


@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), st.integers(0, 10**6)), max_size=20))
def test_the_total_is_that_of_the_lines_within_half_a_unit_each(uses: list[tuple[int, int]]) -> None:
    cost = costs.add_up([], [costs.PartUse("x", "", qty, price) for qty, price in uses])
    exact = sum(Decimal(qty) * price for qty, price in uses) / 1000
    assert abs(cost.total_minor - exact) <= Decimal(len(uses)) / 2
