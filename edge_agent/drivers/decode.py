"""From the bytes of one Modbus block to values, by a plan made once: knows types and orders, no sockets.

All numbers of a block come out of one precompiled `struct` call; a second layer is only made for points that
overlap others. `None` stands for a float that is no number.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Raw = int | float | bool | None
WORDS = {
    "bool": 1, "int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4, "float64": 4,
}  # fmt: skip
_FORMATS = {
    "bool": "H", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "float32": "f", "int64": "q", "uint64": "Q",
    "float64": "d",
}  # fmt: skip
Order = Literal["ABCD", "BADC", "CDAB", "DCBA"]


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one value lies in a block: `offset` in registers (or bits), its type, and what is made of it."""

    offset: int
    type: str = "uint16"
    order: Order = "ABCD"
    bit: int | None = None
    scale: float = 1.0
    shift: float = 0.0


Decoder = Callable[[bytes], list[Raw]]


def bits_decoder(slots: Sequence[Slot]) -> Decoder:
    """For coils and discrete inputs: the first bit is the lowest of the first byte."""
    offsets = [slot.offset for slot in slots]

    def decode(data: bytes) -> list[Raw]:
        number = int.from_bytes(data, "little")
        return [bool(number >> offset & 1) for offset in offsets]

    return decode


def registers_decoder(slots: Sequence[Slot], registers: int) -> Decoder:
    """For holding and input registers: a function from the block's bytes to one value per slot, in slot order."""
    layers: list[tuple[struct.Struct, list[int]]] = []
    rest = sorted(range(len(slots)), key=lambda index: slots[index].offset)
    while rest:
        layer, taken, format_, end = [], list[int](), ">", 0
        for index in rest:
            slot = slots[index]
            if slot.offset < end:
                layer.append(index)
                continue
            words = WORDS[slot.type]
            gap = slot.offset - end
            plain = slot.order == "ABCD"
            format_ += f"{gap * 2}x" if gap else ""
            format_ += _FORMATS[slot.type] if plain else f"{words * 2}s"
            taken.append(index)
            end = slot.offset + words
        if end > registers:
            raise ValueError(f"a point ends at register {end} of a block of {registers}")
        format_ += f"{(registers - end) * 2}x" if registers > end else ""
        layers.append((struct.Struct(format_), taken))
        rest = layer
    finish = [_finish(slot) for slot in slots]

    def decode(data: bytes) -> list[Raw]:
        values: list[Raw] = [None] * len(finish)
        for unpacker, indexes in layers:
            for index, raw in zip(indexes, unpacker.unpack(data), strict=True):
                step = finish[index]
                values[index] = raw if step is None else step(raw)
        return values

    return decode


def _finish(slot: Slot) -> Callable[[object], Raw] | None:
    """What remains to be done with an unpacked value; None for nothing."""
    number = _number(slot)
    if slot.bit is not None:
        bit = slot.bit
        return lambda raw: bool(int(number(raw)) >> bit & 1)
    if slot.type == "bool":
        return lambda raw: number(raw) != 0
    scale, shift = slot.scale, slot.shift
    if slot.type.startswith("float"):

        def finish_float(raw: object) -> Raw:
            value = number(raw) * scale + shift
            return value if math.isfinite(value) else None

        return finish_float
    if scale != 1 or shift != 0:
        return lambda raw: number(raw) * scale + shift
    return None if slot.order == "ABCD" else lambda raw: number(raw)


def _number(slot: Slot) -> Callable[[object], float]:
    if slot.order == "ABCD":
        return lambda raw: raw if isinstance(raw, int | float) else math.nan
    unpack = struct.Struct(">" + _FORMATS[slot.type]).unpack
    order = slot.order

    def reorder(raw: object) -> float:
        assert isinstance(raw, bytes)
        (value,) = unpack(_to_abcd(raw, order))
        return float(value) if isinstance(value, float) else int(value)

    return reorder


def _to_abcd(raw: bytes, order: Order) -> bytes:
    """Big-endian bytes of a number sent as BADC (bytes swapped), CDAB (words swapped) or DCBA (both)."""
    if order == "DCBA":
        return raw[::-1]
    words = [raw[at : at + 2] for at in range(0, len(raw), 2)]
    if order == "CDAB":
        return b"".join(reversed(words))
    return b"".join(word[::-1] for word in words)
