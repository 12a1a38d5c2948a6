"""Reading numbers out of reports: all spellings people use, and nothing that is not there."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.extraction import extract, key

ASSETS = {key("A-00123"): 7, key("IMM-03"): 3}
SERIALS = {key("SN20240815X"): 9, key("123"): 4}


def found(text: str) -> list[tuple[str, str, str]]:
    return [(item.what, item.value, text[item.start : item.end]) for item in extract(text, ASSETS, SERIALS)]


@pytest.mark.parametrize("spelling", ["A-00123", "a-00123", "A00123", "Ａ－００１２３"])
def test_an_asset_in_any_spelling(spelling: str) -> None:
    assert found(f"设备{spelling}漏油") == [("asset", "7", spelling)]


@pytest.mark.parametrize(
    ("written", "dialled"),
    [
        ("13812345678", "13812345678"),
        ("138-1234-5678", "13812345678"),
        ("+86 138 1234 5678", "13812345678"),
        ("0571-88886666", "057188886666"),
        ("021 62345678转802", "02162345678-802"),
        ("+49 171 2345678", "+491712345678"),
    ],
)
def test_telephone_numbers(written: str, dialled: str) -> None:
    assert found(f"请回电{written}，谢谢") == [("phone", dialled, written)]


def test_several_in_one_report_in_order() -> None:
    text = "IMM-03 停机, serial sn20240815x, 联系 li.wei@plant.cn 或 13812345678"
    assert [item[:2] for item in found(text)] == [
        ("asset", "3"), ("serial", "9"), ("email", "li.wei@plant.cn"), ("phone", "13812345678"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["温度 123 度", "2026-11-22 10:30", "订单 202611221030", "A-0012", "a00123x@b.com"]
)
def test_what_is_none_of_these(text: str) -> None:
    assert [item for item in found(text) if item[0] != "email"] == []


@given(st.text(max_size=200))
def test_nothing_breaks_it_and_nothing_overlaps(text: str) -> None:
    items = extract(text, ASSETS, SERIALS)
    assert all(a.end <= b.start for a, b in pairwise(items))
