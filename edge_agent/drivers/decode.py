"""From the bytes of one Modbus block to values, by a plan made once: knows types and orders, no sockets.

All numbers of a block come out of few precompiled `struct` calls (one, when its points agree on the order of bytes
and do not overlap), and only those that differ from the last reply are finished. `None` stands for no value.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import ne
from typing import Any, Literal, Protocol, cast

from edge_agent.drivers.finish import FLOAT, PLAIN, STEP, Raw, how, worded

WORDS = {
    "bool": 1, "int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4, "float64": 4,
    "bcd16": 1, "bcd32": 2,
}  # fmt: skip
FORMATS = {
    "bool": "H", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "float32": "f", "int64": "q", "uint64": "Q",
    "float64": "d", "bcd16": "H", "bcd32": "I",
}  # fmt: skip
Order = Literal["ABCD", "BADC", "CDAB", "DCBA"]
MOST_POWER = 10  # of ten, in a SunSpec scale factor


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one value lies in a block: `offset` in registers (or bits), its type, and what is made of it."""

    offset: int
    type: str = "uint16"
    order: Order = "ABCD"
    bit: int | None = None
    bits: int = 1
    words: int = 1  # of a string
    scale: float = 1.0
    shift: float = 0.0
    factor: int | None = None  # slot of the same block that holds the power of ten …
    factor_point: str = ""  # … or the point elsewhere
    missing: str = ""
    words_of: Mapping[str, str] = field(default_factory=dict)

    @property
    def registers(self) -> int:
        """How many registers it takes."""
        return self.words if self.type == "string" else WORDS[self.type]

    @property
    def scaled(self) -> bool:
        """Whether a scale factor applies."""
        return self.factor is not None or bool(self.factor_point)


Changes = list[tuple[int, Raw]]
Before = list[object]  # what the last reply said, as the plan keeps it; empty for nothing


class Live(Protocol):
    """A point whose last value is at hand."""

    @property
    def value(self) -> float | bool | str | None: ...


class Decoder(Protocol):
    """Turns replies of one block into values.

    `outside`: points of other blocks that hold scale factors for this one; `bind` them before the first reply, and
    do not skip `changes` for bytes that stay the same while there are any. `reasons`: per slot, why it can be None.
    """

    outside: tuple[str, ...]
    reasons: tuple[str, ...]

    def bind(self, sources: Mapping[str, Live]) -> None: ...

    def changes(self, data: bytes, before: Before) -> Changes:
        """(slot number, value) of each slot that differs from `before`, which is brought up to date."""
        ...

    def values(self, data: bytes) -> list[Raw]:
        """All values, in slot order."""
        ...


class BitsDecoder:
    """For coils and discrete inputs: the first bit is the lowest of the first byte."""

    outside: tuple[str, ...] = ()

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._masks = [(index, 1 << slot.offset) for index, slot in enumerate(slots)]
        self._words = {index: worded(slot.words_of) for index, slot in enumerate(slots) if slot.words_of}
        self.reasons = ("no bit",) * len(slots)

    def bind(self, sources: Mapping[str, Live]) -> None:
        """Bits have no scale."""

    def changes(self, data: bytes, before: Before) -> Changes:
        number = int.from_bytes(data, "little")
        last = before[0] if before else None
        before[:] = [number]
        differ = number ^ last if isinstance(last, int) else -1
        found: Changes = [(index, bool(number & mask)) for index, mask in self._masks if differ & mask]
        if self._words:
            words = self._words
            return [(index, words[index](bit) if index in words else bit) for index, bit in found]
        return found

    def values(self, data: bytes) -> list[Raw]:
        return [value for _index, value in self.changes(data, [])]


@dataclass(frozen=True, slots=True)
class _Layer:
    """Slots of a block that one `struct` call reads."""

    unpack: Callable[[Any], tuple[Any, ...]]
    swapped: bool  # whether the bytes of each register are swapped first
    plan: list[tuple[int, int, Any]]  # slot, how to finish it, and with what


class RegistersDecoder:
    """For holding and input registers. Only what has changed in a block costs more than a comparison."""

    def __init__(self, slots: Sequence[Slot], registers: int) -> None:
        self._layers = _layers(slots, registers)
        self._swaps = any(layer.swapped for layer in self._layers)
        self._scaling = _Scaling(slots) if any(slot.scaled for slot in slots) else None
        self.outside = self._scaling.outside if self._scaling else ()
        self.reasons = tuple(_reason(slot) for slot in slots)

    def bind(self, sources: Mapping[str, Live]) -> None:
        """Where the scale factors of other blocks are; until then the values that need them are None."""
        if self._scaling is not None:
            self._scaling.sources = {name: sources[name] for name in self.outside}

    def changes(self, data: bytes, before: Before) -> Changes:
        found: Changes = []
        if not before:
            before.extend(None for _ in self._layers)
            before.append({})
        swapped: Any = None
        if self._swaps:
            swapped = array("H", data)
            swapped.byteswap()
        for number, layer in enumerate(self._layers):
            raws = layer.unpack(swapped if layer.swapped else data)
            lasts = cast("tuple[Any, ...] | None", before[number])
            before[number] = raws
            plan = layer.plan
            places = range(len(plan))
            for place in places if lasts is None else compress(places, map(ne, raws, lasts)):
                raw = raws[place]
                index, kind, more = plan[place]
                if kind == PLAIN:
                    found.append((index, raw))
                elif kind == STEP:
                    found.append((index, more(raw)))
                elif kind == FLOAT:
                    found.append((index, raw if raw - raw == 0 else None))  # else not finite
                else:
                    found.append((index, raw / more))
        if self._scaling is not None:
            return self._scaling.apply(found, cast("dict[int | str, Raw]", before[-1]))
        return found

    def values(self, data: bytes) -> list[Raw]:
        return [value for _index, value in sorted(self.changes(data, []), key=lambda change: change[0])]


class _Scaling:
    """Applies powers of ten that devices tell: a new power is a new value for all that depend on it."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._dependents = {index: slot for index, slot in enumerate(slots) if slot.scaled}
        self._members: dict[int | str, list[int]] = {}
        for index, slot in self._dependents.items():
            self._members.setdefault(_power_of(slot), []).append(index)
        self.outside = tuple(sorted(name for name in self._members if isinstance(name, str)))
        self.sources: dict[str, Live] = {}

    def apply(self, found: Changes, held: dict[int | str, Raw]) -> Changes:
        """`held`: the unscaled values by slot, and the powers by slot (as text) or point."""
        out: Changes = []
        again: set[int] = set()
        for index, value in found:
            if index in self._members:
                held[f"={index}"] = value
                again.update(self._members[index])
            if index in self._dependents:
                held[index] = value
                again.add(index)
            else:
                out.append((index, value))
        for name in self.outside:
            source = self.sources.get(name)
            power = source.value if source is not None else None
            if name not in held or held[name] != power:
                held[name] = power
                again.update(self._members[name])
        for index in sorted(again):
            slot = self._dependents[index]
            power_of = _power_of(slot)
            power = held[power_of if isinstance(power_of, str) else f"={power_of}"]
            out.append((index, scaled(held[index], power, slot.scale, slot.shift)))
        return out


def _power_of(slot: Slot) -> int | str:
    return slot.factor_point if slot.factor is None else slot.factor


def scaled(value: Raw, power: Raw, scale: float = 1.0, shift: float = 0.0) -> Raw:
    """`value` times ten to the `power`, then scale and offset; None when one of them is no number.

    A division, not a product, for negative powers: 2305 by -2 is 23.05, not 23.050000000000001.
    """
    if not isinstance(value, int | float) or isinstance(power, str) or power is None or power != power:
        return None
    ten = int(power)
    if abs(ten) > MOST_POWER:
        return None
    result: float = value * 10**ten if ten >= 0 else value / 10**-ten
    if scale != 1 or shift != 0:
        result = result * scale + shift
    return result if math.isfinite(result) else None


def _reason(slot: Slot) -> str:
    if slot.type.startswith("bcd") and not slot.missing:
        return "not a decimal digit"
    return "not implemented" if slot.missing or slot.scaled else "not a number"


# ---------------------------------------------------------------- the plan

_Key = tuple[bool, str]  # bytes of each register swapped; struct's byte order
_WIDE: dict[str, _Key] = {
    "ABCD": (False, ">"),
    "DCBA": (False, "<"),
    "BADC": (True, ">"),
    "CDAB": (True, "<"),
}


def _keys(slot: Slot) -> tuple[_Key, ...]:
    """The ways to read a slot. One register reads the same in two ways: whichever its neighbours need."""
    turned = slot.order in ("BADC", "DCBA")
    if slot.type == "string":  # its registers are never reversed
        return ((turned, ">"), (turned, "<"))
    if slot.registers > 1:
        return (_WIDE[slot.order],)
    return ((False, "<"), (True, ">")) if turned else ((False, ">"), (True, "<"))


def _layers(slots: Sequence[Slot], registers: int) -> list[_Layer]:
    fixed = {keys[0] for keys in map(_keys, slots) if len(keys) == 1}
    groups: dict[_Key, list[int]] = {}
    for index, slot in enumerate(slots):
        keys = _keys(slot)
        key = next((key for key in keys if key in fixed), keys[0])
        groups.setdefault(key, []).append(index)
    layers: list[_Layer] = []
    for (swapped, endian), rest in sorted(groups.items()):
        rest.sort(key=lambda index: slots[index].offset)
        while rest:
            format_, taken, rest = _format(slots, rest, registers)
            plan = [(index, *how(slots[index])) for index in taken]
            layers.append(_Layer(struct.Struct(endian + format_).unpack, swapped, plan))
    return layers


def _format(slots: Sequence[Slot], wanted: list[int], registers: int) -> tuple[str, list[int], list[int]]:
    """A struct format for those of `wanted` that do not overlap, these, and the others."""
    format_, taken, left, end = "", list[int](), list[int](), 0
    for index in wanted:
        slot = slots[index]
        if slot.offset < end:
            left.append(index)
            continue
        gap = slot.offset - end
        format_ += f"{gap * 2}x" if gap else ""
        format_ += f"{slot.words * 2}s" if slot.type == "string" else FORMATS[slot.type]
        taken.append(index)
        end = slot.offset + slot.registers
    if end > registers:
        raise ValueError(f"a point ends at register {end} of a block of {registers}")
    format_ += f"{(registers - end) * 2}x" if registers > end else ""
    return format_, taken, left
