"""From the bytes of one Modbus block to values, by a plan made once: knows types and orders, no sockets.

All numbers of a block come out of one precompiled `struct` call; a second layer is only made for points that
overlap others. `None` stands for a float that is no number.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

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


Changes = list[tuple[int, Raw]]
Before = list[object]  # what the last reply said, as the plan keeps it; empty for nothing


class Decoder(Protocol):
    """Turns replies of one block into values."""

    def changes(self, data: bytes, before: Before) -> Changes:
        """(slot number, value) of each slot that differs from `before`, which is brought up to date."""
        ...

    def values(self, data: bytes) -> list[Raw]:
        """All values, in slot order."""
        ...


class BitsDecoder:
    """For coils and discrete inputs: the first bit is the lowest of the first byte."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._masks = [(index, 1 << slot.offset) for index, slot in enumerate(slots)]

    def changes(self, data: bytes, before: Before) -> Changes:
        number = int.from_bytes(data, "little")
        last = before[0] if before else None
        before[:] = [number]
        if not isinstance(last, int):
            return [(index, bool(number & mask)) for index, mask in self._masks]
        differ = number ^ last
        return [(index, bool(number & mask)) for index, mask in self._masks if differ & mask]

    def values(self, data: bytes) -> list[Raw]:
        return [value for _index, value in self.changes(data, [])]


class RegistersDecoder:
    """For holding and input registers. Only what has changed in a block costs more than a comparison."""

    def __init__(self, slots: Sequence[Slot], registers: int) -> None:
        self._layers: list[tuple[struct.Struct, list[int]]] = []
        rest = sorted(range(len(slots)), key=lambda index: slots[index].offset)
        while rest:
            layer, taken, format_, end = list[int](), list[int](), ">", 0
            for index in rest:
                slot = slots[index]
                if slot.offset < end:
                    layer.append(index)
                    continue
                words = WORDS[slot.type]
                gap = slot.offset - end
                format_ += f"{gap * 2}x" if gap else ""
                format_ += _FORMATS[slot.type] if slot.order == "ABCD" else f"{words * 2}s"
                taken.append(index)
                end = slot.offset + words
            if end > registers:
                raise ValueError(f"a point ends at register {end} of a block of {registers}")
            format_ += f"{(registers - end) * 2}x" if registers > end else ""
            self._layers.append((struct.Struct(format_), taken))
            rest = layer
        self._finish = [_finish(slot) for slot in slots]

    def changes(self, data: bytes, before: Before) -> Changes:
        finish = self._finish
        found: Changes = []
        if not before:
            before.extend(() for _ in self._layers)
        for number, (unpacker, indexes) in enumerate(self._layers):
            raws, lasts = unpacker.unpack(data), before[number]
            assert isinstance(lasts, tuple)
            before[number] = raws
            if not lasts:
                lasts = (None,) * len(raws)
            for index, raw, last in zip(indexes, raws, lasts, strict=True):
                if raw != last:
                    step = finish[index]
                    found.append((index, raw if step is None else step(raw)))
        return found

    def values(self, data: bytes) -> list[Raw]:
        return [value for _index, value in sorted(self.changes(data, []), key=lambda change: change[0])]


def _finish(slot: Slot) -> Callable[[Any], Raw] | None:
    """What remains to be done with an unpacked value; None for nothing."""
    number = _number(slot)
    if slot.bit is not None:
        bit = slot.bit
        return lambda raw: bool(int(number(raw)) >> bit & 1)
    if slot.type == "bool":
        return lambda raw: number(raw) != 0
    scale, shift = slot.scale, slot.shift
    plain = slot.order == "ABCD"
    if slot.type.startswith("float"):
        if plain and scale == 1 and shift == 0:
            return lambda raw: raw if math.isfinite(raw) else None
        if plain:

            def finish_plain(raw: Any) -> Raw:
                value = raw * scale + shift
                return value if math.isfinite(value) else None

            return finish_plain

        def finish_float(raw: object) -> Raw:
            value = number(raw) * scale + shift
            return value if math.isfinite(value) else None

        return finish_float
    if plain and (scale != 1 or shift != 0):
        return lambda raw: raw * scale + shift
    if scale != 1 or shift != 0:
        return lambda raw: number(raw) * scale + shift
    return None if plain else number


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
