"""The black box: what an alarmed point did around a raise, bounded in memory and on the wire.

Knows samples on the steady clock, no rules and no files. Equal samples in a row are kept as their first and last.
A raise sends at once what led to it (`complete=False`) and two minutes later the whole chart, which replaces it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.wire.uplink import ChartFrozen

BEFORE_S = 600.0
AFTER_S = 120.0
FINAL_SAMPLES = 2000
EARLY_SAMPLES = 500
_KEEP_S = BEFORE_S + AFTER_S + 60.0
_MOST_SAMPLES = 20_000

Sample = tuple[float, float | None]


class Trace:
    """A ring of (steady seconds, value) of one point; None where the reading was not good."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def note(self, at_s: float, value: float | None, held_until_s: float) -> None:
        """A new value at `at_s`; the one before was last read at `held_until_s`."""
        samples = self._samples
        if samples:
            last_s, last = samples[-1]
            if last_s < held_until_s < at_s:
                samples.append((held_until_s, last))
        samples.append((at_s, value))
        while samples[0][0] < at_s - _KEEP_S:
            samples.popleft()
        if len(samples) > _MOST_SAMPLES:
            self._samples = deque(thin(list(samples), _MOST_SAMPLES // 2))

    def seed(self, samples: Sequence[Sample]) -> None:
        """Put samples from before a restart in front."""
        self._samples.extendleft(reversed(samples))

    def between(self, from_s: float, to_s: float, held_until_s: float) -> list[Sample]:
        """The samples of a span; the value before it opens it, the present value closes it."""
        samples = list(self._samples)
        if samples and samples[-1][0] < held_until_s:
            samples.append((held_until_s, samples[-1][1]))
        inside = [sample for sample in samples if from_s <= sample[0] <= to_s]
        before = [sample for sample in samples if sample[0] < from_s]
        after = [sample for sample in samples if sample[0] > to_s]
        if before and after and not inside:  # one value held over the whole span
            return [(from_s, before[-1][1]), (to_s, before[-1][1])] if before[-1][1] == after[0][1] else []
        if before and inside and inside[0][1] == before[-1][1]:
            inside.insert(0, (from_s, before[-1][1]))
        if after and inside and inside[-1][1] == after[0][1]:
            inside.append((to_s, inside[-1][1]))
        return inside


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
            chart.raised_at, raised_s, chart.limit, trace, whole=False,
        )  # fmt: skip

    def _chart(self, samples: Sequence[Sample], complete: bool) -> ChartFrozen:
        offsets, values = on_wire(samples, self.raised_s)
        return ChartFrozen(
            occurrence=self.occurrence, rule=self.rule, point=self.point, point_name=self.point_name, unit=self.unit,
            raised_at=self.raised_at, limit=self.limit, offsets_ms=offsets, values=values, complete=complete,
        )  # fmt: skip
