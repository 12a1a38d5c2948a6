"""Samples of one point as a compact block of bytes, and back; and several samples as one. Knows no database."""

from __future__ import annotations

import json
import math
import struct
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

Plain = float | bool | str | None

_NUMBERS, _BOOLS, _ANY = 0, 1, 2
_HEAD = struct.Struct("<BBIq")  # kind, whether low, high and mean follow, how many samples, time of the first
_LEVEL = 6


class Sample(NamedTuple):
    """A stretch of one point that ends at `at_ms` (since 1970, UTC): what its `n` good readings were."""

    at_ms: int
    last: Plain
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    n: int = 0


def pack(samples: Sequence[Sample]) -> bytes:
    """One block; the samples are in order of time, within 40 days."""
    kind = _kind(samples)
    extremes = any(not _single(one) for one in samples)
    head = _HEAD.pack(kind, extremes, len(samples), samples[0].at_ms)
    times = [one.at_ms - samples[0].at_ms for one in samples]
    steps = [after - before for before, after in zip([0, *times], times, strict=False)]
    body = _column("I", steps) + _column("I", [min(one.n, 0xFFFFFFFF) for one in samples])
    if extremes:
        body += _column("d", [_number(one.low) for one in samples])
        body += _column("d", [_number(one.high) for one in samples])
        body += _column("f", [_number(one.mean) for one in samples])
    if kind == _ANY:
        body += json.dumps([one.last for one in samples], ensure_ascii=False).encode()
    elif kind == _BOOLS:
        body += bytes(2 if one.last is None else bool(one.last) for one in samples)
    else:
        body += _column("d", [_number(one.last) for one in samples])
    return head + zlib.compress(body, _LEVEL)


def unpack(block: bytes) -> list[Sample]:
    """The samples of a block. ValueError when it is none."""
    try:
        kind, extremes, count, first = _HEAD.unpack_from(block)
        body = zlib.decompress(block[_HEAD.size :])
    except (struct.error, zlib.error) as error:
        raise ValueError(f"no block of samples: {error}") from error
    columns = _Columns(body, count)
    steps, ns = columns.take("I"), columns.take("I")
    nothing: Sequence[float | None] = [None] * count
    lows = highs = means = nothing
    if extremes:
        lows, highs = _numbers(columns.take("d")), _numbers(columns.take("d"))
        means = _numbers(columns.take("f"))
    lasts: Sequence[Plain]
    if kind == _ANY:
        lasts = json.loads(columns.rest())
    elif kind == _BOOLS:
        lasts = [None if byte == 2 else bool(byte) for byte in columns.rest()]
    else:
        numbers = _numbers(columns.take("d"))
        lasts = numbers
        if not extremes:
            lows = highs = means = numbers
    times = accumulate((int(step) for step in steps), initial=first)
    next(times)
    return [Sample(*row) for row in zip(times, lasts, lows, highs, means, map(int, ns), strict=True)]


def merged(samples: Sequence[Sample]) -> Sample:
    """Several samples in order of time as one, which ends with the last of them."""
    good = [one for one in samples if one.last is not None]
    if not good:
        return samples[-1]._replace(last=None, low=None, high=None, mean=None, n=0)
    count = sum(one.n for one in good)
    lows = [end for one in good if (end := _end(one, one.low)) is not None]
    highs = [end for one in good if (end := _end(one, one.high)) is not None]
    weighed = [(_end(one, one.mean), max(one.n, 1)) for one in good]
    weight = sum(n for mean, n in weighed if mean is not None)
    mean = sum(mean * n for mean, n in weighed if mean is not None) / weight if weight else None
    return Sample(
        samples[-1].at_ms, good[-1].last, min(lows, default=None), max(highs, default=None), mean, count
    )


def by_width(samples: Iterable[Sample], width_ms: int) -> list[Sample]:
    """The samples of each stretch of `width_ms` since 1970 as one."""
    found: list[Sample] = []
    group: list[Sample] = []
    number = None
    for one in samples:
        if group and one.at_ms // width_ms != number:
            found.append(merged(group))
            group = []
        number = one.at_ms // width_ms
        group.append(one)
    if group:
        found.append(merged(group))
    return found


def changes(samples: Sequence[Sample]) -> list[Sample]:
    """Only where the value became another, and the last one."""
    found = [
        one
        for before, one in zip([None, *samples[:-1]], samples, strict=True)
        if before is None or before.last != one.last
    ]
    if samples and found[-1] is not samples[-1]:
        found.append(samples[-1])
    return found


def _end(one: Sample, value: float | None) -> float | None:
    """A figure of a sample, or its last value where that is all there is; a switch counts as 0 and 1."""
    if value is not None:
        return value
    return float(one.last) if isinstance(one.last, bool | int | float) else None


def _kind(samples: Sequence[Sample]) -> int:
    kinds = {type(one.last) for one in samples if one.last is not None}
    if kinds <= {float, int}:
        return _NUMBERS
    return _BOOLS if kinds == {bool} else _ANY


def _single(one: Sample) -> bool:
    """Whether the last value says it all."""
    if isinstance(one.last, bool | str):
        return one.low is None and one.high is None and one.mean is None
    alike = (one.low is None or one.low == one.last) and (one.high is None or one.high == one.last)
    return alike and (one.mean is None or one.mean == one.last)


def _number(value: Plain) -> float:
    return float(value) if isinstance(value, bool | int | float) else math.nan


def _numbers(column: Sequence[float]) -> list[float | None]:
    return [None if value != value else value for value in column]


def _column(code: str, values: Iterable[float]) -> bytes:
    """All first bytes, then all second ones …: numbers near each other differ in few of these planes."""
    column = array(code, values)
    plain = column.tobytes()
    return b"".join(plain[plane :: column.itemsize] for plane in range(column.itemsize))


class _Columns:
    """The columns of an unpacked block, one after the other."""

    def __init__(self, body: bytes, count: int) -> None:
        self._body = body
        self._count = count
        self._at = 0

    def take(self, code: str) -> Sequence[float]:
        """The next column of numbers."""
        column = array(code)
        size = column.itemsize
        plain = bytearray(size * self._count)
        for plane in range(size):
            start = self._at + plane * self._count
            plain[plane::size] = self._body[start : start + self._count]
        self._at += size * self._count
        column.frombytes(bytes(plain))
        return column

    def rest(self) -> bytes:
        """What is left."""
        return self._body[self._at :]
