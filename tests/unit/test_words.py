"""Terms of Chinese and Latin text: found by two characters, alike when they speak of the same, learned from history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.words import Learned, likeness, normal, query_terms, telling, terms


def finds(query: str, text: str) -> bool:
    """What an index of terms does with a query."""
    index = set(terms(text))
    return all(
        any(term.startswith(wanted[:-1]) for term in index) if wanted.endswith("*") else wanted in index
        for wanted in query_terms(query)
    )


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("液压", "注塑机液压油温过高"),
        ("油温", "注塑机液压油温过高"),
        ("高", "注塑机液压油温过高"),
        ("注", "注塑机液压油温过高"),
        ("E-305", "报警代码 E-305，伺服过载"),
        ("E305", "报警代码 E-305，伺服过载"),
        ("E-305", "报警代码 E305"),
        ("A-0012", "A-00123 注塑机"),
        ("ｅ３０５", "alarm E305 on axis 2"),
        ("servo ov", "Servo overload on axis 2"),
        ("伺服 axis", "伺服过载 axis 2"),
    ],
)
def test_what_people_type_is_found(query: str, text: str) -> None:
    assert finds(query, text)


@pytest.mark.parametrize(
    ("query", "text"),
    [("压油机", "液压油 机"), ("漏油", "油漏"), ("pump", "pomp"), ("A-00003", "A-00001 T-2026-000031")],
)
def test_what_is_not_there_is_not_found(query: str, text: str) -> None:
    assert not finds(query, text)


@given(st.text(alphabet="液压油温过高注塑机abcDEF 123-，。", max_size=40), st.data())
def test_every_piece_of_chinese_is_found(text: str, data: st.DataObject) -> None:
    runs = [run for run in normal(text).replace("-", " ").split() if run]
    chinese = [run for run in runs if all("\u4e00" <= c <= "\u9fff" for c in run)]
    if chinese:
        run = data.draw(st.sampled_from(chinese))
        begin = data.draw(st.integers(0, len(run) - 1))
        assert finds(run[begin : data.draw(st.integers(begin + 1, len(run)))], text)


@given(st.text(max_size=60), st.text(max_size=60))
def test_likeness_is_a_share_and_fair(one: str, other: str) -> None:
    assert 0 <= likeness(one, other) <= 1 + 1e-9
    assert likeness(one, other) == pytest.approx(likeness(other, one))
    assert likeness(one, one) == pytest.approx(1.0 if telling(one) else 0.0)


def test_reports_of_the_same_fault_are_more_alike_than_others() -> None:
    report = "3号注塑机漏油，地面有油"
    assert likeness(report, "注塑机漏油严重") > 0.3 > likeness(report, "空调不制冷")


HISTORY = [
    ("注塑机漏油", "leak"), ("液压站漏油，地面有油", "leak"), ("oil leak under press", "leak"),
    ("电机不转", "power"), ("没有电，电机不启动", "power"), ("no power at panel", "power"),
]  # fmt: skip


def test_a_class_is_guessed_from_history_with_its_reasons() -> None:
    guess = Learned(HISTORY).guess("冲床漏油了")
    assert guess is not None and guess.key == "leak" and guess.confidence > 0.6
    assert "漏油" in guess.because


def test_nothing_is_guessed_from_nothing() -> None:
    assert Learned(HISTORY).guess("完全无关的话题") is None
    assert Learned(HISTORY[:3]).guess("漏油") is None
    assert Learned([]).guess("漏油") is None
