"""Digits, texts, bit fields, words, sentinels and scale factors out of registers."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.wire.edge_config import PointConfig
from edge_agent import planner
from edge_agent.drivers.decode import BitsDecoder, Raw, RegistersDecoder, Slot
from tests.edge.test_decode import VALUES, sent


@dataclass
class Point:
    value: float | bool | str | None = None


def one(data: str, **slot: object) -> Raw:
    """The value of a slot over all registers of `data`."""
    raw = bytes.fromhex(data)
    return RegistersDecoder([Slot(0, **slot)], len(raw) // 2).values(raw)[0]  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    ("data", "slot", "value"),
    [
        ("1234", {"type": "bcd16"}, 1234),
        ("3412", {"type": "bcd16", "order": "BADC"}, 1234),
        ("12a4", {"type": "bcd16"}, None),
        ("0000", {"type": "bcd16"}, 0),
        ("9999 9999", {"type": "bcd32"}, 99_999_999),
        ("5678 1234", {"type": "bcd32", "order": "CDAB", "scale": 0.01}, 123456.78),
        ("000f 0000", {"type": "bcd32"}, None),
        ("4142 4300 5859", {"type": "string", "words": 3}, "ABC"),
        ("4241 2043 0000", {"type": "string", "words": 3, "order": "BADC"}, "ABC"),
        ("4142 4320 2020", {"type": "string", "words": 3, "order": "CDAB"}, "ABC"),
        ("4241 2043 2020", {"type": "string", "words": 3, "order": "DCBA"}, "ABC"),
        ("e6b3 b500", {"type": "string", "words": 2}, "泵"),
        ("0000 0000", {"type": "string", "words": 2}, ""),
        ("0000 0000", {"type": "string", "words": 2, "missing": "sunspec"}, None),
        ("0db0", {"bit": 4, "bits": 4}, 11),
        ("b00d", {"bit": 4, "bits": 4, "order": "DCBA"}, 11),
        ("ffff", {"bit": 0, "bits": 16}, 65535),
        ("0030", {"bit": 4, "bits": 2, "scale": 0.5}, 1.5),
        ("0002", {"words_of": {"2": "auto"}}, "auto"),
        ("0003", {"words_of": {"2": "auto"}}, "3"),
        ("4000 0000", {"type": "float32", "words_of": {"2": "auto"}}, "auto"),
        ("0008", {"bit": 3, "words_of": {"true": "on", "false": "off"}}, "on"),
        ("0000", {"bit": 3, "words_of": {"1": "on", "0": "off"}}, "off"),
        ("4142", {"type": "string", "words_of": {"AB": "alpha"}}, "alpha"),
        ("0014", {"scale": 0.1, "words_of": {"2": "two"}}, "two"),
        ("0001", {"type": "bool", "words_of": {}}, True),
        ("8000", {"type": "int16", "missing": "sunspec"}, None),
        ("ffff", {"missing": "sunspec"}, None),
        ("ffff", {"missing": "sunspec", "words_of": {"1": "x"}}, None),
        ("ffff", {"missing": "sunspec", "bit": 1}, None),
        ("fffe", {"missing": "sunspec"}, 65534),
        ("8000 0000", {"type": "int32", "missing": "sunspec"}, None),
        ("ffff ffff", {"type": "uint32", "missing": "sunspec"}, None),
        ("0000 0000", {"type": "uint32", "missing": "sunspec"}, 0),
        ("0000 0000", {"type": "uint32", "missing": "sunspec_acc"}, None),
        ("8000 0000 0000 0000", {"type": "int64", "missing": "sunspec"}, None),
        ("ffff ffff ffff ffff", {"type": "uint64", "missing": "sunspec"}, None),
        ("7fc0 0000", {"type": "float32", "missing": "sunspec"}, None),
        ("7f80 0000", {"type": "float32", "scale": 0.1}, None),
        ("00e7", {"scale": 0.1}, 23.1),
        ("0003", {"scale": 0.1}, 0.3),
        ("0003", {"scale": 0.1, "shift": 1}, 1.3),
    ],
)
def test_one_value(data: str, slot: dict[str, object], value: Raw) -> None:
    found = one(data, **slot)
    assert found == value and type(found) is type(value)


def test_coils_have_words() -> None:
    slots = [Slot(0), Slot(1, words_of={"1": "open", "0": "closed"})]
    assert BitsDecoder(slots).values(b"\x02") == [False, "open"]
    seen: list[object] = []
    decoder = BitsDecoder(slots)
    decoder.changes(b"\x02", seen)
    assert decoder.changes(b"\x00", seen) == [(1, "closed")]


def test_a_new_scale_factor_is_a_new_value_of_what_it_scales() -> None:
    slots = [Slot(0, factor=2), Slot(1, "int16", factor=2, scale=2, shift=1), Slot(2, "int16"), Slot(3)]
    decoder = RegistersDecoder(slots, 4)
    before: list[object] = []
    first = decoder.changes(bytes.fromhex("0901 fffe fffe 0005"), before)
    assert sorted(first) == [(0, 23.05), (1, 0.96), (2, -2), (3, 5)]
    assert decoder.changes(bytes.fromhex("0901 fffe fffe 0006"), before) == [(3, 6)]
    assert decoder.changes(bytes.fromhex("0902 fffe fffe 0006"), before) == [(0, 23.06)]
    assert sorted(decoder.changes(bytes.fromhex("0902 fffe 0001 0006"), before)) == [
        (0, 23060),
        (1, -39),
        (2, 1),
    ]
    assert decoder.changes(bytes.fromhex("0902 fffe 8000 0006"), before)[1:] == [(0, None), (1, None)]
    assert decoder.reasons == ("not implemented", "not implemented", "not a number", "not a number")


def test_a_scale_factor_of_another_block_counts_by_its_last_value() -> None:
    decoder = RegistersDecoder([Slot(0, factor_point="sf"), Slot(1)], 2)
    before: list[object] = []
    data = bytes.fromhex("0064 0001")
    assert decoder.outside == ("sf",)
    assert sorted(decoder.changes(data, before)) == [(0, None), (1, 1)]
    power = Point()
    decoder.bind({"sf": power, "other": Point(1)})
    assert decoder.changes(data, before) == []
    power.value = -1
    assert decoder.changes(data, before) == [(0, 10.0)]
    assert decoder.changes(data, before) == []
    power.value = None  # its device has gone
    assert decoder.changes(data, before) == [(0, None)]


def test_the_planner_ties_values_to_their_scale_factors() -> None:
    def point(id_: str, address: int, **more: object) -> PointConfig:
        shape = {"id": id_, "device": "d", "name": id_, "address": address}
        return PointConfig.model_validate(shape | more)

    near = [point("v", 0, scale_point="sf"), point("sf", 9, type="int16")]
    assert planner.make(3, near).decoder.outside == ()
    assert planner.make(3, near[:1]).decoder.outside == ("sf",)
    text = point("t", 4, type="string", words=5)
    assert planner.width(text) == 5 and planner.make(3, [text]).count == 5


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(VALUES)), st.sampled_from(["ABCD", "BADC", "CDAB", "DCBA"])),
        min_size=1,
        max_size=20,
    ),
    st.data(),
)
def test_points_of_all_orders_side_by_side(kinds: list[tuple[str, str]], data: st.DataObject) -> None:
    slots, raw, wanted = [], b"", []
    for type_, order in kinds:
        low, high = {"i": (-(2**15), 2**15 - 1), "u": (0, 2**16 - 1), "f": (-1000, 1000)}[type_[0]]
        value = data.draw(st.integers(low, high))
        slots.append(Slot(len(raw) // 2, type_, order))  # type: ignore[arg-type]  # an order
        raw += sent(type_, order, value)
        wanted.append(value)
    decoder = RegistersDecoder(slots, len(raw) // 2)
    assert decoder.values(raw) == wanted
    before: list[object] = []
    decoder.changes(bytes(len(raw)), before)
    found = dict(decoder.changes(raw, before))
    assert found == {index: value for index, value in enumerate(wanted) if value != 0}


def test_struct_is_called_once_for_uniform_order() -> None:
    slots = [
        Slot(0, order="ABCD"),
        Slot(1, "float32", "CDAB"),
        Slot(3, "int32", "CDAB"),
        Slot(5, order="CDAB"),
    ]
    decoder = RegistersDecoder(slots, 6)
    assert len(decoder._layers) == 1
    raw = (
        struct.pack(">H", 7) + sent("float32", "CDAB", 1.5) + sent("int32", "CDAB", -9) + struct.pack(">H", 8)
    )
    assert decoder.values(raw) == [7, 1.5, -9, 8]
