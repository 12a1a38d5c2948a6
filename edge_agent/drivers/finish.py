"""What remains to be done with a number out of a register: bits, digits, sentinels, scale, words. No bytes of blocks.

Steps are made once per point; the commonest are named by kind, so that a decoder does them without a call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

Raw = int | float | bool | str | None
Step = Callable[[Any], Raw]
PLAIN, DIVIDE, FLOAT, STEP = range(4)
"""As it is; divided by a number; as it is when finite; by a call."""

_SUNSPEC: dict[str, int] = {
    "int16": -(2**15), "uint16": 2**16 - 1, "int32": -(2**31), "uint32": 2**32 - 1, "int64": -(2**63),
    "uint64": 2**64 - 1, "bcd16": 2**16 - 1, "bcd32": 2**32 - 1, "bool": 2**16 - 1,
}  # fmt: skip


class Made(Protocol):
    """What of a slot says how its value is made."""

    @property
    def type(self) -> str: ...
    @property
    def bit(self) -> int | None: ...
    @property
    def bits(self) -> int: ...
    @property
    def scale(self) -> float: ...
    @property
    def shift(self) -> float: ...
    @property
    def missing(self) -> str: ...
    @property
    def words_of(self) -> Mapping[str, str]: ...
    @property
    def scaled(self) -> bool: ...


def how(slot: Made) -> tuple[int, Any]:
    """The kind of finish, and its number or step."""
    steps = list(_steps(slot))
    scale = None if slot.scaled else _scale(slot)
    if slot.words_of:
        return STEP, _chain([*steps, *([_multiply(slot)] if scale else []), worded(slot.words_of)])
    if not steps:
        return (PLAIN, None) if scale is None else scale
    if scale is not None:
        return STEP, _chain([*steps, _multiply(slot)])
    if slot.type.startswith("float") and len(steps) == 1:
        return FLOAT, None
    return STEP, _chain(steps)


def whole_divisor(scale: float) -> int | None:
    """The whole number that `scale` is one part of (10 for 0.1), or None: 3 / 10 is 0.3, 3 * 0.1 is not quite."""
    if scale == 0 or abs(scale) >= 1:
        return None
    inverse = 1 / scale
    if math.isinf(inverse):
        return None
    divisor = round(inverse)
    return divisor if divisor and 1 / divisor == scale else None


def worded(words_of: Mapping[str, str]) -> Step:
    """A step from a number (or bit, or text) to its word; one without is told as text."""
    words = {{"true": "1", "false": "0"}.get(key.lower(), key): word for key, word in words_of.items()}

    def word(value: Raw) -> Raw:
        text = as_text(value)
        return words.get(text, text)

    return word


def as_text(value: Raw) -> str:
    """A number as people write it: no `.0`, bits as 0 and 1."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _steps(slot: Made) -> list[Step]:
    steps: list[Step] = []
    if slot.type == "string":
        return [_text if not slot.missing else _text_or_none]
    if slot.type.startswith("float"):
        return [_finite]
    if slot.missing:
        gone = (
            0 if slot.missing == "sunspec_acc" else _SUNSPEC["uint16" if slot.bit is not None else slot.type]
        )
        steps.append(lambda raw: None if raw == gone else raw)
    if slot.bit is not None:
        bit, mask = slot.bit, (1 << slot.bits) - 1
        steps.append((lambda raw: bool(raw >> bit & 1)) if mask == 1 else (lambda raw: raw >> bit & mask))
    elif slot.type == "bool":
        steps.append(lambda raw: raw != 0)
    elif slot.type.startswith("bcd"):
        steps.append(_decimal)
    return steps


def _chain(steps: list[Step]) -> Step:
    """One after the other; None ends it."""
    if len(steps) == 1:
        return steps[0]

    def chained(raw: Any) -> Raw:
        value = raw
        for step in steps:
            value = step(value)
            if value is None:
                return None
        return value  # type: ignore[no-any-return]  # each step gives a Raw

    return chained


def _scale(slot: Made) -> tuple[int, Any] | None:
    if slot.type == "string" or slot.type == "bool" or (slot.bit is not None and slot.bits == 1):
        return None
    if slot.scale == 1 and slot.shift == 0:
        return None
    divisor = whole_divisor(slot.scale)
    return (DIVIDE, divisor) if divisor is not None and slot.shift == 0 else (STEP, _multiply(slot))


def _multiply(slot: Made) -> Step:
    scale, shift, divisor = slot.scale, slot.shift, whole_divisor(slot.scale)
    if slot.type.startswith("float"):

        def finite(raw: Any) -> Raw:
            value = raw * scale + shift
            return value if math.isfinite(value) else None

        return finite
    if divisor is not None:
        return lambda raw: raw / divisor + shift
    return lambda raw: raw * scale + shift


def _finite(raw: float) -> Raw:
    return raw if math.isfinite(raw) else None


def _decimal(raw: int) -> Raw:
    digits = f"{raw:x}"
    return int(digits) if digits.isdecimal() else None


def _text(raw: bytes) -> Raw:
    """What comes before the first NUL, without blanks around it; bytes that are no UTF-8 become signs that say so."""
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()


def _text_or_none(raw: bytes) -> Raw:
    return _text(raw) or None
