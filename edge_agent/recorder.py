"""The black box: what an alarmed point did around a raise, bounded in memory and on the wire.

Knows samples on the steady clock, no rules and no files. Equal samples in a row are kept as their first and last.
A raise sends at once what led to it (`complete=False`) and two minutes later the whole chart, which replaces it.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.wire.uplink import ChartFrozen

BEFORE_S = 600.0
AFTER_S = 120.0
FINAL_SAMPLES = 2000
EARLY_SAMPLES = 500
MOST_SAMPLES = 20_000
LEAST_SAMPLES = 120
ALL_SAMPLES = 1_000_000  # 16 MB
_KEEP_S = BEFORE_S + AFTER_S + 60.0
_PRUNE = 64  # samples between two looks at what is too old
_NO_VALUE = math.nan

Sample = tuple[float, float | None]


class Trace:
    """A ring of (steady seconds, value) of one point; None where the reading was not good.

    Two arrays of plain numbers: a sample takes 16 bytes. `most`: samples kept at most; more are thinned.
    """

    __slots__ = ("_at", "_before_s", "_changed_s", "_prune_at", "_values", "most")

    def __init__(self, most: int = MOST_SAMPLES) -> None:
        self._at = array("d")
        self._values = array("d")
        self._prune_at = _PRUNE
        self._changed_s = self._before_s = -math.inf
        self.most = most

    @property
    def changed_s(self) -> float:
        """When the present value came; minus infinity when nothing has."""
        return self._changed_s

    @property
    def before(self) -> tuple[float, float | None]:
        """When the value before the present one came, and which it was."""
        values = self._values
        value = values[-2] if len(values) > 1 else _NO_VALUE
        return self._before_s, None if value != value else value  # NaN alone differs from itself

    def note(self, at_s: float, value: float | None, held_until_s: float) -> None:
        """A new value at `at_s`; the one before was last read at `held_until_s`."""
        at = self._at
        if at and at[-1] < held_until_s < at_s:
            at.append(held_until_s)
            self._values.append(self._values[-1])
        at.append(at_s)
        self._values.append(_NO_VALUE if value is None else value)
        self._before_s, self._changed_s = self._changed_s, at_s
        if len(at) >= self._prune_at:
            self._prune(at_s)

    def seed(self, samples: Sequence[Sample]) -> None:
        """Put samples from before a restart in front."""
        self._at = array("d", [at_s for at_s, _ in samples]) + self._at
        self._values = (
            array("d", [_NO_VALUE if value is None else value for _, value in samples]) + self._values
        )

    def between(self, from_s: float, to_s: float, held_until_s: float) -> list[Sample]:
        """The samples of a span; the value before it opens it, the present value closes it."""
        first, past = bisect_left(self._at, from_s), bisect_right(self._at, to_s)
        inside = self._samples(first, past)
        before = self._samples(first - 1, first) if first else []
        after = self._samples(past, past + 1)
        if not after and len(self._at) and max(self._at[-1], from_s) < held_until_s:
            held = self._samples(len(self._at) - 1, len(self._at))[0][1]
            (inside if held_until_s <= to_s else after).append((held_until_s, held))
        if before and after and not inside:  # one value held over the whole span
            return [(from_s, before[-1][1]), (to_s, before[-1][1])] if before[-1][1] == after[0][1] else []
        if before and inside and inside[0][1] == before[-1][1]:
            inside.insert(0, (from_s, before[-1][1]))
        if after and inside and inside[-1][1] == after[0][1]:
            inside.append((to_s, inside[-1][1]))
        return inside

    def _samples(self, first: int, past: int) -> list[Sample]:
        return [
            (at_s, None if value != value else value)  # NaN alone differs from itself
            for at_s, value in zip(self._at[first:past], self._values[first:past], strict=True)
        ]

    def _prune(self, now_s: float) -> None:
        old = bisect_left(self._at, now_s - _KEEP_S)
        del self._at[:old], self._values[:old]
        if len(self._at) > self.most:
            kept = thin(self._samples(0, len(self._at)), self.most // 2)
            self._at = array("d", [at_s for at_s, _ in kept])
            self._values = array("d", [_NO_VALUE if value is None else value for _, value in kept])
        self._prune_at = len(self._at) + max(_PRUNE, len(self._at) // 8)


def room(traces: int) -> int:
    """How many samples each of so many rings may keep, so that all of them together stay bounded."""
    return min(MOST_SAMPLES, max(LEAST_SAMPLES, ALL_SAMPLES // max(1, traces)))


def thin(samples: Sequence[Sample], most: int) -> list[Sample]:
    """At most `most` samples that keep every bucket's lowest, highest and any gap, in order of time."""
    if len(samples) <= most:
        return list(samples)
    buckets = max(1, most // 3)
    size = -(-len(samples) // buckets)
    kept: list[Sample] = []
    for start in range(0, len(samples), size):
        bucket = samples[start : start + size]
        numbers = [sample for sample in bucket if sample[1] is not None]
        picked = (
            {next(index for index, sample in enumerate(bucket) if sample[1] is None)}
            if len(numbers) < len(bucket)
            else set[int]()
        )
        if numbers:
            picked.add(bucket.index(min(numbers, key=_value)))
            picked.add(bucket.index(max(numbers, key=_value)))
        kept.extend(bucket[index] for index in sorted(picked))
    return kept


def on_wire(samples: Sequence[Sample], raised_s: float) -> tuple[list[int], list[float | None]]:
    """Offsets in milliseconds from the raise, ascending, and values with seven significant digits."""
    offsets: list[int] = []
    values: list[float | None] = []
    for at_s, value in samples:
        offset = round((at_s - raised_s) * 1000)
        if offsets and offset <= offsets[-1]:
            offset = offsets[-1] + 1
        offsets.append(offset)
        values.append(None if value is None else float(f"{value:.7g}"))
    return offsets, values


def _value(sample: Sample) -> float:
    return sample[1] if sample[1] is not None else 0.0


@dataclass
class OpenChart:
    """A chart that still waits for its two minutes after the raise."""

    occurrence: str
    rule: str
    point: str
    point_name: str
    unit: str
    raised_at: datetime
    raised_s: float
    limit: float | None
    trace: Trace
    whole: bool = True  # False once a restart has torn a gap
    first_out: bool = False

    @property
    def until_s(self) -> float:
        return self.raised_s + AFTER_S

    def early(self, held_until_s: float) -> tuple[ChartFrozen, dict[str, object]]:
        """What led to the raise, to send now, and the same as plain values to store until the rest is there."""
        samples = thin(
            self.trace.between(self.raised_s - BEFORE_S, self.raised_s, held_until_s), EARLY_SAMPLES
        )
        chart = self._chart(samples, complete=False)
        return chart, chart.model_dump(mode="json")

    def final(self, now_s: float, held_until_s: float) -> ChartFrozen:
        """The chart as far as it goes."""
        end_s = min(now_s, self.until_s)
        samples = thin(self.trace.between(self.raised_s - BEFORE_S, end_s, held_until_s), FINAL_SAMPLES)
        return self._chart(samples, complete=self.whole and now_s >= self.until_s)

    @classmethod
    def resume(cls, stored: Mapping[str, object], trace: Trace, now_s: float, now: datetime) -> OpenChart:
        """Go on with a chart after a restart; raises ValueError when `stored` is not one."""
        chart = ChartFrozen.model_validate(stored)
        raised_s = now_s - (now - chart.raised_at).total_seconds()
        samples: list[Sample] = [
            (raised_s + ms / 1000, value) for ms, value in zip(chart.offsets_ms, chart.values, strict=True)
        ]
        if samples:
            samples.append((samples[-1][0], None))  # nobody knows what it did while the edge was down
        trace.seed(samples)
        return cls(
            chart.occurrence, chart.rule, chart.point, chart.point_name, chart.unit,
            chart.raised_at, raised_s, chart.limit, trace, whole=False, first_out=chart.first_out,
        )  # fmt: skip

    def _chart(self, samples: Sequence[Sample], complete: bool) -> ChartFrozen:
        offsets, values = on_wire(samples, self.raised_s)
        return ChartFrozen(
            occurrence=self.occurrence, rule=self.rule, point=self.point, point_name=self.point_name, unit=self.unit,
            raised_at=self.raised_at, limit=self.limit, offsets_ms=offsets, values=values, complete=complete,
            first_out=self.first_out,
        )  # fmt: skip
