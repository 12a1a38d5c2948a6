"""Registers as numbers in each type and order, to see which one a device means. Pure; knows no screen."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

from core.wire.edge_config import Reads

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
SIZES = {
    "int16": 1, "uint16": 1, "bcd16": 1, "int32": 2, "uint32": 2, "float32": 2, "bcd32": 2, "int64": 4,
    "uint64": 4, "float64": 4,
}  # fmt: skip
_FORMATS = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f", "int64": ">q",
    "uint64": ">Q", "float64": ">d",
}  # fmt: skip


def registers_of(text: str) -> list[int]:
    """Registers as people write them: `0x4248 0`, `16968, 0`, `4248h 0000h`; empty when it is none of these."""
    found = []
    for word in re.split(r"[\s,;，；]+", text.strip()):
        match = re.fullmatch(r"(?:0x([0-9a-f]{1,4})|([0-9a-f]{1,4})h|(-?\d{1,5}))", word, re.IGNORECASE)
        if match is None:
            return []
        value = int(match[3]) if match[3] else int(match[1] or match[2], 16)
        if not -32_768 <= value <= 65_535:
            return []
        found.append(value & 0xFFFF)
    return found


def _standard(registers: Sequence[int], order: str) -> bytes:
    """The bytes of registers in the standard's order, highest first."""
    words = [struct.pack(">H", register) for register in registers]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return b"".join(words)


def value_in(registers: Sequence[int], kind: str, order: str) -> float | None:
    """The number that these registers are in a type and order; None when they are none."""
    data = _standard(registers[: SIZES[kind]], order)
    if len(data) < 2 * SIZES[kind]:
        return None
    if kind.startswith("bcd"):
        digits = data.hex()
        return float(int(digits)) if digits.isdigit() else None
    number: float = struct.unpack(_FORMATS[kind], data)[0]
    return number if number == number else None  # not a number is no value


def registers_behind(value: float | bool | str | None, reads: Reads) -> list[int]:
    """The registers that made a live value as the point is set up now; empty when that cannot be told."""
    if value is None or isinstance(value, (bool, str)) or reads.type not in SIZES or not reads.scale:
        return []
    if reads.scale_point or reads.bit is not None or reads.words_of:
        return []
    raw = (value - reads.offset) / reads.scale
    try:
        if reads.type.startswith("bcd"):
            data = bytes.fromhex(f"{round(raw):0{4 * SIZES[reads.type]}d}")
        elif reads.type.startswith("float"):
            data = struct.pack(_FORMATS[reads.type], raw)
        else:
            data = struct.pack(_FORMATS[reads.type], round(raw))
    except (struct.error, OverflowError, ValueError):
        return []
    words = [data[at : at + 2] for at in range(0, len(data), 2)]
    if reads.order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    if reads.order in ("CDAB", "DCBA"):
        words.reverse()
    return [int.from_bytes(word, "big") for word in words]
