"""What a machine published, JSON or plain text, and where in it something stands: knows paths, no points, no broker.

A path is keys and indexes (`motor.temp`, `a[0].v`, `a[-1]`), keys that hold dots or brackets in quotes
(`['a.b'].v`), and `*` or `[*]` for any key or index: the first in the payload's own order behind which the rest of
the path is found. Whatever comes, the answer is what stands there, or why there is nothing; never an accident.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

MAX_PAYLOAD_BYTES = 256 * 1024
ANY = None
Path = tuple[str | int | None, ...]
_STEP = re.compile(
    r"""(?P<any>\*(?=[.\[]|$)|\[\*\])
    | \[(?P<index>-?\d{1,9})\]
    | \[(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]
    | (?P<key>[^.\[\]*]+)""",
    re.VERBOSE,
)


class Unreadable(ValueError):
    """There is something, but it is no value; the reason is the message."""


class Missing(LookupError):
    """The JSON is well, but has nothing at the path."""


def parse_path(text: str) -> Path:
    """A path as steps, None for any; raises ValueError naming the place that cannot be read."""
    steps: list[str | int | None] = []
    at = 0
    while at < len(text):
        dot = bool(steps) and text[at] == "."
        at += dot
        match = _STEP.match(text, at)
        if match is None or (steps and (text[at] == "[") == dot):
            raise ValueError(f"cannot read the path '{text}' from character {at + 1} on")
        if match["any"]:
            steps.append(ANY)
        elif match["index"]:
            steps.append(int(match["index"]))
        elif match["quoted"]:
            steps.append(re.sub(r"\\(.)", r"\1", match["quoted"][1:-1]))
        else:
            steps.append(match["key"])
        at = match.end()
    return tuple(steps)


def parse(payload: bytes) -> object:
    """The JSON of a payload, or its text when it is no JSON; raises Unreadable."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise Unreadable(f"payload of {len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}")
    try:
        text = payload.decode("utf-8-sig").strip()
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


def find(document: object, path: Path) -> object:
    """What stands at `path`; raises Missing or Unreadable."""
    for number, step in enumerate(path):
        if step is ANY:
            return _first(document, path[number + 1 :])
        if isinstance(step, str) and isinstance(document, dict):
            if step not in document:
                raise Missing(step)
            document = document[step]
        elif isinstance(step, int) and isinstance(document, list):
            if not -len(document) <= step < len(document):
                raise Missing(step)
            document = document[step]
        elif isinstance(document, dict | list):
            raise Missing(step)
        else:
            raise Unreadable("payload has a plain value where the path expects an object")
    return document


def _first(document: object, rest: Path) -> object:
    inner: Iterable[object]
    if isinstance(document, dict):
        inner = document.values()
    elif isinstance(document, list):
        inner = document
    else:
        raise Unreadable("payload has a plain value where the path expects an object")
    for item in inner:
        if not rest:
            if not isinstance(item, dict | list):
                return item
            continue
        try:
            return find(item, rest)
        except (Missing, Unreadable):
            continue
    raise Missing("*")


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


def valid_filter(filter_: str) -> bool:
    """Whether a broker takes it as a subscription: + and # stand alone, # last."""
    levels = filter_.split("/")
    return (
        "\x00" not in filter_
        and all(level in ("+", "#") or not set(level) & set("+#") for level in levels)
        and "#" not in levels[:-1]
    )
