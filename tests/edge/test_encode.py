"""Values that people write become the registers that are read back as these values, or are refused."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.errors import AppError
from core.wire.edge_config import PointConfig
from edge_agent import planner
from edge_agent.drivers.encode import encode

TYPES = ["int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "bcd16", "bcd32"]
ORDERS = ["ABCD", "BADC", "CDAB", "DCBA"]


@dataclass
class Power:
    value: float | bool | str | None


def point(**more: object) -> PointConfig:
    values = {"id": "p", "device": "d", "name": "P", "writable": True, "address": 7}
    return PointConfig.model_validate(values | more)


def read(point: PointConfig, registers: tuple[int, ...], power: Power | None = None) -> object:
    decoder = planner.make(3, [point]).decoder
    if power is not None:
        decoder.bind({point.scale_point: power})
    return decoder.values(struct.pack(f">{len(registers)}H", *registers))[0]


@settings(deadline=None)
@given(
    st.sampled_from(TYPES),
    st.sampled_from(ORDERS),
    st.sampled_from([1.0, 0.1, 0.01, 0.001, 0.5, 10.0, -1.0, 1 / 3]),
    st.sampled_from([0.0, -40.0, 0.5]),
    st.lists(st.integers(0, 0xFFFF), min_size=4, max_size=4),
)
def test_what_was_read_can_be_written_back(
    type_: str, order: str, scale: float, offset: float, words: list[int]
) -> None:
    wanted = point(type=type_, order=order, scale=scale, offset=offset)
    registers = tuple(words[: planner.width(wanted)])
    value = read(wanted, registers)
    assume(isinstance(value, int | float))
    assert isinstance(value, int | float)
    if type_.startswith("float"):
        if scale == 1 and offset == 0:
            assert read(wanted, encode(wanted, value).registers) == value
        return
    if type_.endswith("64") and (scale != 1 or offset != 0):
        assume(abs(value / scale) < 2**40)
    assert encode(wanted, value).registers == registers


@settings(deadline=None)
@given(st.integers(0, 15), st.integers(1, 16), st.sampled_from(ORDERS), st.integers(0, 0xFFFF), st.data())
def test_a_bit_field_leaves_the_other_bits(
    bit: int, bits: int, order: str, held: int, data: st.DataObject
) -> None:
    assume(bit + bits <= 16)
    field, rest = point(bit=bit, bits=bits, order=order), point(order=order)
    value = data.draw(st.integers(0, 2**bits - 1))
    written = encode(field, value)
    after = written.over(held)
    assert read(field, (after,)) == value
    mask = ((1 << bits) - 1) << bit
    before_rest, after_rest = read(rest, (held,)), read(rest, (after,))
    assert isinstance(before_rest, int) and isinstance(after_rest, int)
    assert before_rest & ~mask == after_rest & ~mask
    assert written.whole == (bits == 16)


def test_coils_bools_words_and_texts() -> None:
    assert encode(point(area="coil", type="bool"), True).coil is True
    words = {"0": "停止", "1": "运行"}
    assert encode(point(area="coil", type="bool", words_of=words), "运行").coil is True
    assert encode(point(words_of={"2": "auto"}), "auto").registers == (2,)
    assert encode(point(type="bool"), True).registers == (1,)
    text = point(type="string", words=3, order="BADC")
    assert encode(text, "一A").registers == (0xB8E4, 0x4180, 0)
    assert read(text, encode(text, "一A").registers) == "一A"


@pytest.mark.parametrize("power", [-10, -2, 0, 3])
def test_a_scale_factor_is_taken_back(power: int) -> None:
    wanted = point(scale_point="sf", type="int16")
    value = read(wanted, (0xFB2E,), Power(power))
    assert encode(wanted, value, Power(power)).registers == (0xFB2E,)  # type: ignore[arg-type]  # a number


@pytest.mark.parametrize(
    ("more", "value", "code"),
    [
        ({"writable": False}, 1, "write.not_allowed"),
        ({"area": "input"}, 1, "write.not_allowed"),
        ({}, math.nan, "write.no_value"),
        ({}, math.inf, "write.no_value"),
        ({}, None, "write.no_value"),
        ({}, "7", "write.no_value"),
        ({}, 65536, "write.does_not_fit"),
        ({}, -1, "write.does_not_fit"),
        ({}, 1.5, "write.does_not_fit"),
        ({"scale": 0.1}, 23.45, "write.does_not_fit"),
        ({"scale": 0.0}, 1, "write.no_scale"),
        ({"type": "float32"}, 1e39, "write.does_not_fit"),
        ({"type": "bcd16"}, 10_000, "write.does_not_fit"),
        ({"type": "bcd16"}, -1, "write.does_not_fit"),
        ({"type": "int16", "missing": "sunspec"}, -32768, "write.does_not_fit"),
        ({"type": "uint16", "missing": "sunspec"}, 65535, "write.does_not_fit"),
        ({"type": "int64"}, 2.0**60, "write.does_not_fit"),
        ({"write_low": 10}, 9.9, "write.out_of_bounds"),
        ({"write_high": 10}, 11, "write.out_of_bounds"),
        ({"bit": 3}, 2, "write.no_value"),
        ({"bit": 3, "bits": 2}, 4, "write.does_not_fit"),
        ({"area": "coil"}, 2, "write.no_value"),
        ({"type": "string", "words": 1}, "abc", "write.does_not_fit"),
        ({"type": "string"}, 5, "write.no_value"),
        ({"type": "string"}, " a", "write.no_value"),
        ({"words_of": {"1": "on"}}, "off", "write.no_value"),
        ({"scale_point": "sf"}, 1, "write.no_scale"),
    ],
)
def test_what_cannot_be_kept_is_refused(more: dict[str, object], value: object, code: str) -> None:
    with pytest.raises(AppError) as refused:
        encode(point(**more), value)  # type: ignore[arg-type]  # None and inf among them
    assert refused.value.code == code
