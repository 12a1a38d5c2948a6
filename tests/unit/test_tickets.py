"""Numbers, priority, keys and steps of tickets."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import tickets
from core.errors import AppError

NOW = datetime(2026, 12, 31, 16, 30, tzinfo=UTC)
STEPS = [
    {"key": "a", "kind": "tick", "title": "隔离电源", "required": True, "answer": None},
    {
        "key": "b",
        "kind": "number",
        "title": "温度",
        "required": True,
        "low": 20.0,
        "high": 60.0,
        "answer": None,
    },
    {
        "key": "c",
        "kind": "choice",
        "title": "状态",
        "required": False,
        "choices": ["良好", "磨损"],
        "answer": None,
    },
    {"key": "d", "kind": "text", "title": "备注", "answer": None},
]


def test_the_year_of_a_number_is_the_plants() -> None:
    assert tickets.year_of(NOW, ZoneInfo("Asia/Shanghai")) == 2027
    assert tickets.number_of(123, 2027) == "T-2027-000123"


@pytest.mark.parametrize(
    ("severity", "criticality", "priority"),
    [
        ("critical", "A", 1),
        ("critical", "C", 2),
        ("major", "B", 2),
        ("minor", "C", 4),
        ("info", "A", 4),
        ("major", "?", 3),
    ],
)
def test_severity_and_criticality_make_the_priority(severity: str, criticality: str, priority: int) -> None:
    assert tickets.priority_of(severity, criticality) == priority


def test_a_ticket_that_nobody_ranked() -> None:
    assert [tickets.default_priority("fault", c) for c in "ABC"] == [2, 3, 3]
    assert tickets.default_priority("improvement", "A") == 4
    assert tickets.default_priority("request", "A") == 3


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_keys_fit_the_column(parts: list[str]) -> None:
    assert len(tickets.key_of(*parts)) <= tickets.MOST_KEY


def test_long_keys_stay_apart() -> None:
    assert tickets.key_of("a" * 200, "1") != tickets.key_of("a" * 200, "2")


def test_open_steps_are_the_required_ones_without_an_answer() -> None:
    assert tickets.steps_open(STEPS) == 3
    done, _ = tickets.answer_step(STEPS, "a", True, NOW, "王伟")
    assert tickets.steps_open(done) == 2
    unticked, _ = tickets.answer_step(done, "a", False, NOW, "王伟")
    assert tickets.steps_open(unticked) == 3


def test_an_answer_says_who_and_when_and_can_be_taken_back() -> None:
    steps, step = tickets.answer_step(STEPS, "b", 75.0, NOW, "王伟")
    assert (step["answer"], step["answered_by"], step["answered_at"]) == (75.0, "王伟", NOW.isoformat())
    assert tickets.outside_limits(step)
    assert STEPS[1]["answer"] is None  # the steps given are left alone
    _, again = tickets.answer_step(steps, "b", None, NOW, "王伟")
    assert (again["answer"], again["answered_at"]) == (None, None)
    assert not tickets.outside_limits(again)


def test_a_number_at_its_limit_is_inside() -> None:
    assert not tickets.outside_limits({"answer": 20.0, "low": 20.0, "high": 60.0})
    assert tickets.outside_limits({"answer": 19.9, "low": 20.0})


@pytest.mark.parametrize(
    ("key", "answer", "code"),
    [
        ("a", 1.0, "ticket.bad_answer"),
        ("b", "warm", "ticket.bad_answer"),
        ("b", True, "ticket.bad_answer"),
        ("c", "坏", "ticket.bad_answer"),
        ("d", "  ", "ticket.bad_answer"),
        ("e", True, "ticket.no_step"),
    ],
)
def test_a_wrong_answer_is_refused(key: str, answer: bool | float | str, code: str) -> None:
    with pytest.raises(AppError) as caught:
        tickets.answer_step(STEPS, key, answer, NOW, "王伟")
    assert caught.value.code == code
