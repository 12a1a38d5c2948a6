"""Blocks of registers into values, and points into blocks."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.wire.edge_config import ModbusTcpDevice, PointConfig
from edge_agent import planner
from edge_agent.drivers.decode import WORDS, BitsDecoder, RegistersDecoder, Slot

FORMATS = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
VALUES = {"int16": -12345, "uint16": 54321, "int32": -123456789, "uint32": 3123456789, "int64": -(2**60) + 7,
          "uint64": 2**63 + 11, "float32": -1.5, "float64": 3.141592653589793}  # fmt: skip


def sent(type_: str, order: str, value: float) -> bytes:
    """As a device of that order sends it."""
    raw = struct.pack(">" + FORMATS[type_], value)
    words = [raw[at : at + 2] for at in range(0, len(raw), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return b"".join(words)


@pytest.mark.parametrize("order", ["ABCD", "BADC", "CDAB", "DCBA"])
@pytest.mark.parametrize("type_", list(VALUES))
def test_each_type_in_each_order(type_: str, order: str) -> None:
    decode = RegistersDecoder([Slot(1, type_, order)], WORDS[type_] + 2)  # type: ignore[arg-type]  # parametrized
    assert decode.values(b"\xaa\xaa" + sent(type_, order, VALUES[type_]) + b"\xbb\xbb") == [VALUES[type_]]


def test_scale_offset_bits_bools_and_overlapping_points() -> None:
    slots = [
        Slot(0, "int16", scale=0.1, shift=-5),
        Slot(1, "uint16", bit=0),
        Slot(1, "uint16", bit=15),
        Slot(1, "uint16"),
        Slot(2, "bool"),
        Slot(0, "uint32"),
        Slot(1, "uint16", order="BADC", bit=7),
    ]
    values = RegistersDecoder(slots, 3).values(bytes.fromhex("fff6 8000 0002"))
    assert values == [-6, False, True, 0x8000, True, 0xFFF68000, True]
    assert [type(value) for value in values] == [float, bool, bool, int, bool, int, bool]


@pytest.mark.parametrize("raw", ["7fc00000", "7f800000", "ff800000"])
def test_a_float_that_is_no_number_is_none(raw: str) -> None:
    assert RegistersDecoder([Slot(0, "float32")], 2).values(bytes.fromhex(raw)) == [None]


def test_a_point_beyond_the_block_is_refused() -> None:
    with pytest.raises(ValueError, match="register 3"):
        RegistersDecoder([Slot(1, "uint32")], 2)


def test_coils_count_from_the_lowest_bit() -> None:
    assert BitsDecoder([Slot(0), Slot(7), Slot(8), Slot(9)]).values(b"\x01\x02") == [True, False, False, True]


DEVICE = ModbusTcpDevice(id="d", name="D", host="h", poll_ms=1000)


def point(
    number: int, address: int, type_: str = "uint16", area: str = "holding", **more: object
) -> PointConfig:
    return PointConfig.model_validate(
        {
            "id": f"p{number}",
            "device": "d",
            "name": f"P{number}",
            "area": area,
            "address": address,
            "type": type_,
        }
        | more
    )


def test_neighbours_share_a_request_and_strangers_do_not() -> None:
    points = [
        point(1, 0),
        point(2, 10, "float32"),
        point(3, 200),
        point(4, 5, area="coil"),
        point(5, 100, area="coil"),
    ]
    assert [block.label for block in planner.blocks(DEVICE, points)] == [
        "coil 5-100",
        "holding 0-11",
        "holding 200",
    ]


def test_the_devices_own_limit_is_kept() -> None:
    points = [point(n, n) for n in range(100)]
    small = DEVICE.model_copy(update={"max_registers": 30})
    assert [block.count for block in planner.blocks(small, points)] == [30, 30, 30, 10]
    assert [block.count for block in planner.blocks(DEVICE, [point(n, n) for n in range(300)])] == [
        125,
        125,
        50,
    ]


def test_points_are_grouped_by_their_interval() -> None:
    groups = planner.intervals(DEVICE, [point(1, 0), point(2, 1, poll_ms=100), point(3, 2, poll_ms=1000)])
    assert {ms: [p.id for p in group] for ms, group in groups.items()} == {1000: ["p1", "p3"], 100: ["p2"]}


def test_halving_a_refused_block_ends_at_single_points() -> None:
    block = planner.make(3, [point(1, 0), point(2, 1), point(3, 9), point(4, 10)])
    left, right = planner.halves(block)
    assert [left.label, right.label] == ["holding 0-1", "holding 9-10"]  # cut at the widest gap
    single = planner.make(3, [point(1, 4), point(2, 4)])
    assert planner.halves(single) == [single]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2000), st.sampled_from(list(VALUES)), st.sampled_from(["holding", "input", "coil"])
        ),
        max_size=80,
    )
)
def test_every_point_is_read_once_within_the_limits(wanted: list[tuple[int, str, str]]) -> None:
    points = [point(n, address, type_, area) for n, (address, type_, area) in enumerate(wanted)]
    blocks = planner.blocks(DEVICE, points)
    assert sorted(p.id for block in blocks for p in block.points) == sorted(p.id for p in points)
    for block in blocks:
        assert 1 <= block.count <= (2000 if block.function <= 2 else 125)
        assert len(block.decoder.values(bytes(block.reply_bytes))) == len(block.points)
        for p in block.points:
            assert block.address <= p.address and p.address + planner.width(p) <= block.address + block.count


def test_only_what_has_changed_is_told() -> None:
    decoder = RegistersDecoder([Slot(0), Slot(1, bit=0), Slot(1, bit=1), Slot(2, "float32")], 4)
    before: list[object] = []
    assert decoder.changes(bytes.fromhex("0001 0001 3f800000"), before) == [
        (0, 1),
        (1, True),
        (3, 1.0),
        (2, False),
    ]
    assert decoder.changes(bytes.fromhex("0001 0001 3f800000"), before) == []
    assert decoder.changes(bytes.fromhex("0002 0001 40000000"), before) == [(0, 2), (3, 2.0)]
    assert (2, True) in decoder.changes(bytes.fromhex("0002 0003 40000000"), before)
    bits = BitsDecoder([Slot(0), Slot(9)])
    seen: list[object] = []
    assert bits.changes(b"\x01\x00", seen) == [(0, True), (1, False)]
    assert bits.changes(b"\x01\x02", seen) == [(1, True)]
