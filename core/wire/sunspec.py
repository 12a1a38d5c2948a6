"""From SunSpec's published model files (JSON) to points: what each register of a model is. Knows no device.

A model begins with its number and length; groups that repeat follow each other up to that length.
Source: SunSpec Device Information Model Specification 1.2, and the model files themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from core.wire.device_library import LibraryPoint

MARK = b"SunS"
BASES = (40_000, 50_000, 0)
"""Where the mark can be; the first model follows it."""
END = 0xFFFF

_TYPES: dict[str, tuple[str, int, str]] = {
    "int16": ("int16", 1, "sunspec"),
    "uint16": ("uint16", 1, "sunspec"),
    "count": ("uint16", 1, "sunspec"),
    "acc16": ("uint16", 1, "sunspec_acc"),
    "enum16": ("uint16", 1, "sunspec"),
    "bitfield16": ("uint16", 1, "sunspec"),
    "sunssf": ("int16", 1, "sunspec"),
    "int32": ("int32", 2, "sunspec"),
    "uint32": ("uint32", 2, "sunspec"),
    "acc32": ("uint32", 2, "sunspec_acc"),
    "enum32": ("uint32", 2, "sunspec"),
    "bitfield32": ("uint32", 2, "sunspec"),
    "ipaddr": ("uint32", 2, "sunspec_acc"),
    "int64": ("int64", 4, "sunspec"),
    "uint64": ("uint64", 4, "sunspec"),
    "acc64": ("uint64", 4, "sunspec_acc"),
    "bitfield64": ("uint64", 4, "sunspec"),
    "float32": ("float32", 2, "sunspec"),
    "float64": ("float64", 4, "sunspec"),
    "string": ("string", 0, "sunspec"),
}
"""SunSpec's type → ours, its registers, and which number means not implemented."""
_UNITS = {"C": "℃", "Pct": "%", "%WHRtg": "%", "PF": "", "Secs": "s", "Tms": "s"}


def points(
    model: Mapping[str, Any], address: int, length: int | None = None, counts: Mapping[str, int] | None = None
) -> list[LibraryPoint]:
    """The points of a model whose number (`ID`) is at `address`.

    `length`: what the device says in `L`, for groups that repeat to the end. `counts`: what it says in the points
    that count groups. Pads, and addresses of the network's second kind, are left out.
    """
    found = list(_Reader(length, counts or {}).group(model["group"], address, address, "", {}))
    keys: dict[str, int] = {}
    unique: dict[int, str] = {}
    for number, (point, _end) in enumerate(found):
        keys[point.key] = keys.get(point.key, 0) + 1
        unique[number] = point.key if keys[point.key] == 1 else f"{point.key[:37]}_{keys[point.key]}"
    return [point.model_copy(update={"key": unique[n]}) for n, (point, _end) in enumerate(found)]


class _Reader:
    def __init__(self, length: int | None, counts: Mapping[str, int]) -> None:
        self._length, self._counts = length, counts

    def group(
        self, group: Mapping[str, Any], at: int, start: int, prefix: str, outer: Mapping[str, str]
    ) -> Iterator[tuple[LibraryPoint, int]]:
        """The points of a group from register `at` on, each with where the next one begins.

        `start`: of the model. `outer`: keys of the enclosing groups' points, where a scale factor may be.
        """
        names = dict(outer)
        for point in group["points"]:
            names[point["name"]] = _key(prefix + point["name"])
        for point in group["points"]:
            kind = _TYPES.get(point["type"])
            size = int(point.get("size") or (kind[1] if kind else 1))
            if kind is not None:
                yield self._point(point, at, size, names), at + size
            at += size
        for inner in group.get("groups", []):
            size = _size(inner, self._counts)
            for number in range(self._count(inner, at, start, size)):
                yield from self.group(inner, at, start, f"{prefix}{inner['name']}{number + 1}_", names)
                at += size

    def _count(self, group: Mapping[str, Any], at: int, start: int, size: int) -> int:
        count = group.get("count", 1)
        if isinstance(count, str):
            return self._counts.get(count, 0)
        if count == 0:  # as many as there is room for
            return 0 if self._length is None else max(0, (start + 2 + self._length - at) // size)
        return int(count)

    def _point(self, point: Mapping[str, Any], at: int, size: int, names: Mapping[str, str]) -> LibraryPoint:
        type_, _registers, missing = _TYPES[point["type"]]
        factor = point.get("sf")
        words = {}
        if point["type"].startswith("enum"):
            words = {str(symbol["value"]): _words(symbol) for symbol in point.get("symbols", [])}
        label = _words(point)
        unit = point.get("units") or ""
        return LibraryPoint.model_validate(
            {
                "key": names[point["name"]],
                "name": {"zh_CN": label, "en": label},
                "unit": _UNITS.get(unit, unit)[:20],
                "address": at,
                "type": type_,
                "words": size if type_ == "string" else 1,
                "missing": missing,
                "scale": 10.0**factor if isinstance(factor, int) else 1.0,
                "scale_point": names[factor] if isinstance(factor, str) else "",
                "words_of": words,
            }
        )


def _size(group: Mapping[str, Any], counts: Mapping[str, int]) -> int:
    own = sum(
        int(point.get("size") or _TYPES.get(point["type"], ("", 1, ""))[1]) for point in group["points"]
    )
    inner = group.get("groups", [])
    return own + sum(_size(g, counts) * _fixed(g.get("count", 1), counts) for g in inner)


def _fixed(count: int | str, counts: Mapping[str, int]) -> int:
    return counts.get(count, 0) if isinstance(count, str) else count


def _words(thing: Mapping[str, Any]) -> str:
    return str(thing.get("label") or thing["name"])[:100]


def _key(name: str) -> str:
    key = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return (key if key[:1].isalpha() else f"p_{key}")[:40]
