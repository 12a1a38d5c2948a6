"""From a value people give to what is written into a device: the inverse of decoding, or a refusal. No sockets.

What would be rounded, cut or clamped is refused instead: a setpoint is written as given or not at all.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from core.errors import AppError
from core.wire.edge_config import PointConfig
from core.wire.uplink import Value
from edge_agent.drivers.decode import FORMATS, MOST_POWER, Live
from edge_agent.drivers.finish import as_text, whole_divisor

_WHOLE_BITS = {"int16": 16, "uint16": 16, "int32": 32, "uint32": 32, "int64": 64, "uint64": 64}
_DIGITS = {"bcd16": 4, "bcd32": 8}
_NOTHING = {"int16": -(2**15), "int32": -(2**31), "int64": -(2**63)}
_NEAR, _NEAR_SHARE = 1e-6, 1e-12  # of a step, of the number: decimal fractions are rarely exact in binary
_MOST_EXACT = 2**53  # whole numbers that a double holds without a gap


@dataclass(frozen=True, slots=True)
class Written:
    """What goes into a device: one coil, or registers from `address` on, of which only the bits of `mask` count."""

    area: str
    address: int
    coil: bool = False
    registers: tuple[int, ...] = ()
    mask: int = 0xFFFF

    @property
    def whole(self) -> bool:
        """Whether it can be written without knowing what is there now."""
        return self.mask == 0xFFFF

    def over(self, held: int) -> int:
        """The one register as it is to be when it holds `held` now and only some of its bits are ours."""
        return held & ~self.mask & 0xFFFF | self.registers[0] & self.mask


def encode(point: PointConfig, value: Value, power: Live | None = None) -> Written:
    """What to write so that `point` reads `value`; `power`: the live point of its `scale_point`.

    AppError `write.not_allowed`, `write.no_value`, `write.out_of_bounds`, `write.does_not_fit`, `write.no_scale`.
    """
    if not point.writable or point.area not in ("holding", "coil"):
        raise AppError("write.not_allowed", f"{point.name} is not writable", point=point.name)
    value = _number_of_word(point, value)
    if point.area == "coil":
        return Written("coil", point.address, coil=_bit(point, value))
    if point.type == "string":
        return Written("holding", point.address, registers=_turned(_text(point, value), point.order, True))
    _bounded(point, value)
    if point.bit is not None:
        width = (1 << point.bits) - 1
        number = int(_bit(point, value)) if width == 1 else _whole(point, _unscaled(point, value, power))
        if not 0 <= number <= width:
            raise _does_not_fit(point, value, f"{point.bits} bits hold 0 to {width}")
        (word,) = _turned((number << point.bit).to_bytes(2, "big"), point.order)
        (mask,) = _turned((width << point.bit).to_bytes(2, "big"), point.order)
        return Written("holding", point.address, registers=(word,), mask=mask)
    if point.type == "bool":
        raw = struct.pack(">H", _bit(point, value))
    else:
        raw = _packed(point, value, _unscaled(point, value, power))
    return Written("holding", point.address, registers=_turned(raw, point.order))


def _number_of_word(point: PointConfig, value: Value) -> Value:
    if not point.words_of or not isinstance(value, str):
        return value
    number = next((number for number, word in point.words_of.items() if word == value), value)
    number = {"true": "1", "false": "0"}.get(number.lower(), number)
    if point.type == "string":
        return number
    try:
        return float(number)
    except ValueError:
        raise AppError("write.no_value", f"no word '{value}'", point=point.name, value=value) from None


def _bit(point: PointConfig, value: Value) -> bool:
    if isinstance(value, str | None) or value not in (0, 1):
        raise AppError("write.no_value", f"{value} is no bit", point=point.name, value=str(value))
    return bool(value)


def _text(point: PointConfig, value: Value) -> bytes:
    if not isinstance(value, str) or "\0" in value or value != value.strip():
        detail = f"{value!r} is no text that can be read back"
        raise AppError("write.no_value", detail, point=point.name, value=str(value))
    raw = value.encode("utf-8", "replace")
    if len(raw) > 2 * point.words:
        raise _does_not_fit(point, value, f"{len(raw)} bytes, there is room for {2 * point.words}")
    return raw.ljust(2 * point.words, b"\0")


def _bounded(point: PointConfig, value: Value) -> None:
    low, high = point.write_low, point.write_high
    if isinstance(value, str | None) or not math.isfinite(value):
        raise AppError("write.no_value", f"{value!r} is no number", point=point.name, value=str(value))
    if (low is not None and value < low) or (high is not None and value > high):
        raise AppError(
            "write.out_of_bounds",
            f"{value} is not within {low} to {high}",
            point=point.name,
            value=as_text(value),
            low="-∞" if low is None else as_text(low),
            high="∞" if high is None else as_text(high),
        )


def _unscaled(point: PointConfig, value: Value, power: Live | None) -> float:
    """The number that the device keeps, before it is made whole."""
    assert isinstance(value, int | float)
    number: float = value
    if point.scale == 0:
        raise AppError("write.no_scale", "scale 0", point=point.name)
    if point.scale != 1 or point.offset != 0:
        divisor = whole_divisor(point.scale)
        number = (number - point.offset) * divisor if divisor else (number - point.offset) / point.scale
    if point.scale_point:
        ten = power.value if power is not None else None
        if not isinstance(ten, int | float) or not math.isfinite(ten) or abs(ten) > MOST_POWER:
            raise AppError("write.no_scale", f"scale factor {ten}", point=point.name)
        number = number / 10 ** int(ten) if ten >= 0 else number * 10 ** -int(ten)
    return number


def _whole(point: PointConfig, number: float) -> int:
    if not math.isfinite(number):
        raise _does_not_fit(point, number, "too large")
    nearest = round(number)
    near = max(_NEAR, abs(nearest) * _NEAR_SHARE)
    if abs(number - nearest) > near or (isinstance(number, float) and abs(nearest) > _MOST_EXACT):
        raise _does_not_fit(point, number, "the device keeps whole steps only")
    return nearest


def _packed(point: PointConfig, value: Value, number: float) -> bytes:
    type_ = point.type
    if type_.startswith("float"):
        try:
            return struct.pack(">" + FORMATS[type_], number)
        except OverflowError:
            raise _does_not_fit(point, value, f"too large for {type_}") from None
    raw = _whole(point, number)
    if type_ in _DIGITS:
        if not 0 <= raw < 10 ** _DIGITS[type_]:
            raise _does_not_fit(point, value, f"{_DIGITS[type_]} digits hold 0 to {10 ** _DIGITS[type_] - 1}")
        return bytes.fromhex(f"{raw:0{_DIGITS[type_]}d}")
    bits = _WHOLE_BITS[type_]
    low, high = (0, 2**bits - 1) if type_.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if not low <= raw <= high:
        raise _does_not_fit(point, value, f"{type_} holds {low} to {high}")
    if point.missing and raw == (0 if point.missing == "sunspec_acc" else _NOTHING.get(type_, high)):
        raise _does_not_fit(point, value, "the device would take it for no value")
    return struct.pack(">" + FORMATS[type_], raw)


def _does_not_fit(point: PointConfig, value: Value, reason: str) -> AppError:
    detail = f"{value} cannot be kept by {point.name}: {reason}"
    return AppError("write.does_not_fit", detail, point=point.name, value=as_text(value), reason=reason)


def _turned(raw: bytes, order: str, text: bool = False) -> tuple[int, ...]:
    """Big-endian bytes as registers in the device's order; those of a text are never reversed."""
    words = [raw[at : at + 2] for at in range(0, len(raw), 2)]
    if order in ("CDAB", "DCBA") and not text:
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return tuple(int.from_bytes(word, "big") for word in words)
