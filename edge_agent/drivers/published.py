"""What a machine published at one place, made into the value of a point: knows numbers, words and units, no transport.

A number may stand as a text, in plain ASCII digits, also with the point's own unit behind it ("23.5 °C" for a point in
°C). Another unit, digits in groups or a decimal comma are never guessed at: of a point with a unit they are no value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from core.wire.edge_config import PointConfig
from edge_agent.drivers.finish import whole_divisor, worded
from edge_agent.drivers.mqtt_json import Unreadable

Scalar = float | bool | str
MOST_CHARACTERS = 200
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WORDS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
_NO_NUMBERS = {"nan", "inf", "infinity", "-nan", "-inf", "-infinity", "+inf", "+infinity"}
_EXACT = 2.0**53


class NoValue(Unreadable):
    """The machine says that it has no value now."""


def shaper(point: PointConfig) -> Callable[[object], Scalar]:
    """What makes the values of `point`; it raises Unreadable, or NoValue for what the machine does not know itself."""
    divisor = whole_divisor(point.scale)
    word = worded(point.words_of) if point.words_of else None

    def shape(raw: object) -> Scalar:
        if raw is None:
            raise NoValue("the machine has no value")
        if isinstance(raw, dict | list):
            raise Unreadable("value is an object or a list, the path ends too early")
        if point.type == "string":
            return _text(raw) if word is None else str(word(_text(raw)))
        value = _plain(raw, point.unit)
        if isinstance(value, float):
            value = _made(value, point, divisor)
        if word is not None:
            return str(word(value))
        if point.type == "bool":
            if isinstance(value, str):
                raise Unreadable(f"'{value[:50]}' is neither on nor off")
            return bool(value)
        return value

    return shape


def _made(value: float, point: PointConfig, divisor: int | None) -> float | bool:
    """Bits of a number, or the number scaled."""
    if point.bit is not None:
        if not 0 <= value < _EXACT or not value.is_integer():
            raise Unreadable("value has no bits: it is not a whole number from 0 on")
        bits = int(value) >> point.bit & ((1 << point.bits) - 1)
        return bool(bits) if point.bits == 1 else float(bits)
    value = (value / divisor if divisor else value * point.scale) + point.offset
    if not math.isfinite(value):
        raise Unreadable("value is not a finite number")
    return value


def _plain(raw: object, unit: str) -> Scalar:
    """A number as float; a bool; else a text."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, int | float):
        try:
            number = float(raw)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise Unreadable("value is not a finite number")
        return number
    text = str(raw).strip()
    lower = text.lower()
    if lower in _WORDS:
        return _WORDS[lower]
    if lower in _NO_NUMBERS:
        raise Unreadable("value is not a finite number")
    if not text:
        raise NoValue("the machine has no value")
    found = _NUMBER.match(text)
    if found is None:
        return text[:MOST_CHARACTERS]
    rest = text[found.end() :].lstrip()
    if rest and rest != unit:
        if unit:
            raise Unreadable(f"'{text[:50]}' is not a number in {unit}")
        return text[:MOST_CHARACTERS]
    number = float(found[0])
    if not math.isfinite(number):
        raise Unreadable("value is not a finite number")
    return number


def _text(raw: object) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < _EXACT:
        return str(int(raw))
    text = str(raw)[:MOST_CHARACTERS]
    return text
