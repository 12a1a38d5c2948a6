"""Which registers could hold a value that somebody reads off a display: tries types, orders and scales, and ranks.

The rank counts in bits: how unlikely it is that other content would fit by chance, less what makes a reading odd.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

from edge_agent.drivers.decode import FORMATS, WORDS, Order, RegistersDecoder, Slot

_SCALES = {1.0: 0.0, 0.1: 1.0, 0.01: 2.0, 0.001: 4.0, 10.0: 5.0, 100.0: 6.0}  # scale → how odd, in bits
_TYPES = ("int16", "uint16", "float32", "int32", "uint32", "float64", "bcd16", "bcd32")
_ODD_ORDER = {"ABCD": 0.0, "CDAB": 0.5, "DCBA": 3.0, "BADC": 4.0}
_ODD_TYPE = {"float64": 2.0, "bcd16": 4.0, "bcd32": 5.0, "uint16": 0.1, "uint32": 0.1}
_ODD_PLACE = 1.0
_MOST = 10


@dataclass(frozen=True, slots=True)
class Guess:
    """A way to read registers that gives the expected value."""

    area: str
    address: int
    type: str
    order: Order
    scale: float
    value: float
    bits: float

    def shown(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self) | {"bits": round(self.bits, 1)}


def expected(text: str) -> tuple[float, float]:
    """`23.5±0.5`, `23.5+-0.5` or `23.5` (then two in a hundred, at least one of the last digit given)."""
    match = re.fullmatch(r"\s*([-+]?\d+(?:\.(\d*))?)\s*(?:(?:±|\+-|\+/-)\s*(\d+(?:\.\d*)?))?\s*", text)
    if match is None:
        raise ValueError(f"'{text}' is no value like 23.5 or 23.5±0.5")
    value = float(match[1])
    last_digit = 10.0 ** -len(match[2] or "")
    return value, float(match[3]) if match[3] else max(abs(value) * 0.02, last_digit)


def rank(
    value: float, tolerance: float, runs: Iterable[tuple[str, int, bytes]], most: int = _MOST
) -> list[Guess]:
    """The likeliest ways to read `value` out of `runs` (area, first address, the registers' bytes)."""
    found: list[Guess] = []
    for area, first, data in runs:
        for offset in range(len(data) // 2):
            odd = (
                offset % 2 * _ODD_PLACE
            )  # the second half of one float and what follows look like a float too
            for guess in _readings(area, first + offset, data[offset * 2 :], value, tolerance):
                found.append(replace(guess, bits=guess.bits - odd) if WORDS[guess.type] > 1 else guess)
    found.sort(key=lambda guess: (-guess.bits, abs(guess.value - value), guess.address))
    return found[:most]


def _readings(area: str, address: int, data: bytes, value: float, tolerance: float) -> Iterator[Guess]:
    for type_ in _TYPES:
        words = WORDS[type_]
        if len(data) < words * 2:
            continue
        for order in get_args(Order):
            if words == 1 and order in ("CDAB", "DCBA"):  # the same as ABCD and BADC
                continue
            (raw,) = RegistersDecoder([Slot(0, type_, order)], words).values(data[: words * 2])
            if not isinstance(raw, int | float) or (words == 2 and _high_is_zero(data, type_, raw)):
                continue
            for scale, odd in _SCALES.items():
                if type_.startswith("float") and scale != 1:
                    continue
                read = float(f"{raw * scale:.12g}")
                if abs(read - value) <= tolerance:
                    bits = _evidence(type_, value, tolerance, scale) - odd
                    bits += _nearness(abs(read - value), tolerance)
                    bits -= _ODD_ORDER[order] + _ODD_TYPE.get(type_, 0.0)
                    yield Guess(area, address, type_, order, scale, read, bits)


def _high_is_zero(data: bytes, type_: str, raw: float) -> bool:
    """A small number in two registers: it is read as well, and more simply, from one of them."""
    return not type_.startswith("float") and abs(raw) < 0x8000


def _evidence(type_: str, value: float, tolerance: float, scale: float) -> float:
    """How many bits it takes to fit by chance."""
    size = WORDS[type_] * 16
    if type_.startswith("float"):
        share = _ordinal(value + tolerance, type_) - _ordinal(value - tolerance, type_) + 1
    else:
        share = math.floor(2 * tolerance / scale) + 1
    return size - math.log2(max(share, 1))


def _nearness(distance: float, tolerance: float) -> float:
    """A little for being in the middle of what is allowed: two neighbours' halves can look like a float as well."""
    return math.log2(tolerance / max(distance, tolerance / 8)) / 2 if tolerance > 0 else 0.0


def _ordinal(value: float, type_: str) -> int:
    """Where a float stands among all of its type, in order of size."""
    whole = "I" if type_ == "float32" else "Q"
    try:
        (bits,) = struct.unpack(">" + whole, struct.pack(">" + FORMATS[type_], value))
    except OverflowError:
        return 0
    sign = 1 << (WORDS[type_] * 16 - 1)
    return -(bits & ~sign) if bits & sign else int(bits)


def point(guess: Guess | Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a point that reads as the guess does; usual values left out."""
    fields = guess.shown() if isinstance(guess, Guess) else dict(guess)
    usual = {"area": "holding", "order": "ABCD", "scale": 1.0}
    wanted = ("area", "address", "type", "order", "scale")
    return {name: fields[name] for name in wanted if fields[name] != usual.get(name)}
