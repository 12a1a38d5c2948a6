"""What a machine published, JSON or plain text, into values: knows payloads and paths, no points and no broker.

Whatever comes, the answer is a value or the reason why there is none; never an exception.
"""

from __future__ import annotations

import json
import math
import re

MAX_PAYLOAD_BYTES = 256 * 1024
Scalar = float | bool | str
Path = tuple[str | int, ...]
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_WORDS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}


class Unreadable(ValueError):
    """The payload as a whole is no value and no JSON; the reason is the message."""


class Missing(LookupError):
    """The JSON is well, but has nothing at the path."""


def parse_path(text: str) -> Path:
    """`motor.temp`, `a[0].v` → steps; raises ValueError naming the place that cannot be read."""
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        if steps and text[at] == ".":
            at += 1
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError(f"cannot read the path '{text}' from character {at + 1} on")
        steps.append(match[1] if match[1] is not None else int(match[2]))
        at = match.end()
    return tuple(steps)


def parse(payload: bytes) -> object:
    """The JSON of a payload, or its text when it is no JSON; raises Unreadable."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise Unreadable(f"payload of {len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}")
    try:
        text = payload.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise Unreadable("payload is not UTF-8 text") from None
    if not text:
        raise Unreadable("payload is empty")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        if text[0] in '{["':
            raise Unreadable("payload begins like JSON but is not") from None
        return text


def pick(document: object, path: Path, scale: float = 1.0, shift: float = 0.0) -> Scalar:
    """The value at `path`, numbers scaled; raises Missing or Unreadable."""
    for step in path:
        if isinstance(step, str) and isinstance(document, dict):
            found = document.get(step, Missing)
        elif isinstance(step, int) and isinstance(document, list):
            found = document[step] if step < len(document) else Missing
        elif isinstance(document, dict | list):
            found = Missing
        else:
            raise Unreadable("payload has a plain value where the path expects an object")
        if found is Missing:
            raise Missing(step)
        document = found
    return _scalar(document, scale, shift)


def _scalar(value: object, scale: float, shift: float) -> Scalar:
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _WORDS:
            return _WORDS[word]
        try:
            value = float(word)
        except ValueError:
            return str(value)[:200]
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        try:
            number = float(value) * scale + shift
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
        raise Unreadable("value is not a finite number")
    raise Unreadable(
        "value is null" if value is None else "value is an object or a list, the path ends too early"
    )


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def matches(filter_: str, topic: str) -> bool:
    """Whether an MQTT topic filter (with + and #) covers a topic."""
    wanted, given = filter_.split("/"), topic.split("/")
    if given[0].startswith("$") and wanted[0] in ("+", "#"):
        return False
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(given) or level not in ("+", given[index]):
            return False
    return len(wanted) == len(given)
