"""What points did: samples as edges send them for days, by the minute for months, by the hour for years.

Taking in costs a list append; `flush` and `tidy` are for a thread of their own. All of it lies beside the
transactional database, and without it (no store is open) nothing is kept and the latest values are all there is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core import log
from core.domain.people import Action, Actor, require
from core.errors import AppError, OutsideError
from core.services import fleet, rows, settings
from core.storage import db, samples, telemetry
from core.storage.samples import Sample
from core.storage.tables import DeviceRow, EdgeRow, PointRow
from core.storage.telemetry import HOURS, MINUTES, RAW, Block, Store
from core.wire.history import HistorySample, PointHistory
from core.wire.uplink import PointSample, Telemetry

_log = log.get(__name__)

FILE = "telemetry.db"
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
GRACE_MS = 5_000  # samples of a minute may come so much later
MOST_BUFFERED = 1_000_000  # samples in memory, when writing does not keep up
MOST_SPAN = timedelta(days=36600)
_KNOWN_S = 60.0  # how long the points of an edge are taken to be the same
_WIDTHS = {RAW: 1, MINUTES: MINUTE_MS, HOURS: HOUR_MS}

_lock = threading.Lock()
_store: Store | None = None
_buffer: dict[int, list[Sample]] = {}
_buffered = 0
_fresh: dict[int, tuple[str, PointSample]] = {}
_known: dict[str, tuple[frozenset[str], float]] = {}

# ---------------------------------------------------------------- beginning and end


def begin(folder: Path) -> None:
    """Open what is kept in `folder` (or in PostgreSQL), and know the latest values of before.

    When that cannot be done the hub works without a history: tickets do not depend on it.
    """
    global _store
    end()
    try:
        store = telemetry.open_store(folder / FILE)
        known = store.latest()
    except OutsideError as error:
        _log.error("no history of points will be kept", reason=error.detail)
        return
    _store = store
    by_edge: dict[str, list[PointSample]] = {}
    for _point_id, edge_id, sample in known:
        by_edge.setdefault(edge_id, []).append(PointSample.model_validate_json(sample))
    for edge_id, latest in by_edge.items():
        fleet.remember(Telemetry(edge=edge_id, at=latest[0].at, points=latest))


def end() -> None:
    """Let go of the store and of what is in memory; `flush` first."""
    global _store, _buffered
    with _lock:
        _store = None
        _buffered = 0
        for known in (_buffer, _fresh, _known):
            known.clear()


# ---------------------------------------------------------------- taking in


def keep(told: Telemetry, now: datetime) -> None:
    """Take in what an edge tells of its own points; written by the next `flush`."""
    global _buffered
    if _store is None:
        return
    mine = _points_of(told.edge, {sample.id for sample in told.points})
    latest_ms, oldest_ms = _ms(now + timedelta(days=1)), _ms(now - timedelta(days=1))
    with _lock:
        for sample in told.points:
            at_ms = _ms(sample.at)
            if sample.id not in mine or not oldest_ms < at_ms < latest_ms:
                continue  # somebody else's point, or a clock that is out of its mind
            point_id = int(sample.id)
            _fresh[point_id] = (told.edge, sample)
            if _buffered < MOST_BUFFERED:
                _buffered += 1
                _buffer.setdefault(point_id, []).append(_sample(sample, at_ms))


def _sample(told: PointSample, at_ms: int) -> Sample:
    if told.n == 0 and told.quality != "good":
        return Sample(at_ms, None)
    return Sample(at_ms, told.last, told.low, told.high, told.mean, max(told.n, 1))


def _points_of(edge_id: str, wanted: set[str]) -> frozenset[str]:
    """Ids of the points that this edge may speak of."""
    known, read_s = _known.get(edge_id, (frozenset(), -_KNOWN_S))
    age_s = time.monotonic() - read_s
    if age_s >= _KNOWN_S or (age_s >= _KNOWN_S / 12 and not wanted <= known):
        known = _read_points(edge_id)
        _known[edge_id] = (known, time.monotonic())
    return known


@db.reading
def _read_points(edge_id: str) -> frozenset[str]:
    query: Any = PointRow.select(PointRow.id).join(DeviceRow).join(EdgeRow).where(EdgeRow.edge_id == edge_id)
    return frozenset(str(point_id) for (point_id,) in query.tuples())


def flush(now: datetime, everything: bool = False) -> int:
    """Write the minutes that are over, or all there is; return how many samples. OutsideError: not now, tried again."""
    global _buffered
    store = _store
    if store is None:
        return 0
    until_ms = (_ms(now) - GRACE_MS) // MINUTE_MS * MINUTE_MS
    done: dict[int, list[Sample]] = {}
    with _lock:
        for point_id in list(_buffer):
            known = _buffer[point_id]
            over = known if everything else [one for one in known if one.at_ms < until_ms]
            if over:
                done[point_id] = over
                _buffer[point_id] = [] if everything else [one for one in known if one.at_ms >= until_ms]
                if not _buffer[point_id]:
                    del _buffer[point_id]
        count = sum(map(len, done.values()))
        _buffered -= count
        fresh = dict(_fresh)
        _fresh.clear()
    try:
        with store.held(writing=True):
            store.add(_blocks(RAW, done, MINUTE_MS))
            store.keep_latest(
                (point_id, edge_id, sample.model_dump_json()) for point_id, (edge_id, sample) in fresh.items()
            )
    except OutsideError:
        with _lock:
            for point_id, over in done.items():
                _buffer[point_id] = over + _buffer.get(point_id, [])
            _buffered += count
            _fresh.update({point_id: one for point_id, one in fresh.items() if point_id not in _fresh})
        raise
    return count


def _blocks(level: int, found: dict[int, list[Sample]], width_ms: int) -> Iterable[Block]:
    for point_id, unsorted in found.items():
        by_time = sorted(unsorted, key=lambda one: one.at_ms)
        start = 0
        for index in range(1, len(by_time) + 1):
            last = index == len(by_time)
            if last or by_time[index].at_ms // width_ms != by_time[start].at_ms // width_ms:
                yield _block(level, point_id, by_time[start:index])
                start = index


def _block(level: int, point_id: int, some: Sequence[Sample]) -> Block:
    return Block(level, point_id, some[0].at_ms, some[-1].at_ms, len(some), samples.pack(some))


# ---------------------------------------------------------------- tidying up


def tidy(now: datetime) -> int:
    """Make minutes of hours that are over and hours of days, and let go of what is too old; how many spans were done.

    Harmless twice: what was done in part is done again, to the same end.
    """
    store = _store
    if store is None:
        return 0
    done = 0
    with store.held(), store.alone() as alone:
        if alone:
            point_ids = store.points()
            done += _roll(store, point_ids, "minutes", RAW, MINUTES, HOUR_MS, now)
            done += _roll(store, point_ids, "hours", MINUTES, HOURS, DAY_MS, now)
            _let_go(store, point_ids, now)
    return done


def _roll(
    store: Store, point_ids: list[int], name: str, fine: int, coarse: int, span_ms: int, now: datetime
) -> int:
    """Condense the spans that are over since the last time, and pack each span's fine samples into one block."""
    end_ms = (_ms(now) - 2 * MINUTE_MS) // span_ms * span_ms
    begun_ms = store.mark(name) or 0
    done = 0
    if begun_ms >= end_ms:
        return done
    for point_id in point_ids:
        with store.held(writing=True):
            spans = {at_ms // span_ms * span_ms for at_ms in store.begun(fine, point_id, begun_ms, end_ms)}
            for from_ms in sorted(spans):
                done += _roll_one(store, point_id, fine, coarse, from_ms, from_ms + span_ms)
    store.set_mark(name, end_ms)
    return done


def _roll_one(store: Store, point_id: int, fine: int, coarse: int, from_ms: int, to_ms: int) -> int:
    found = _stored(store, fine, point_id, from_ms, to_ms - 1)
    if not found:
        return 0
    condensed = samples.by_width(found, _WIDTHS[coarse])
    store.replace(coarse, point_id, from_ms, to_ms, _block(coarse, point_id, condensed))
    store.replace(fine, point_id, from_ms, to_ms, _block(fine, point_id, found))
    return 1


def _stored(store: Store, level: int, point_id: int, from_ms: int, to_ms: int) -> list[Sample]:
    """Stored samples of this stretch, each moment once."""
    found: dict[int, Sample] = {}
    for block in store.blocks(level, point_id, from_ms, to_ms):
        found.update((one.at_ms, one) for one in samples.unpack(block) if from_ms <= one.at_ms <= to_ms)
    return [found[at_ms] for at_ms in sorted(found)]


def _let_go(store: Store, point_ids: list[int], now: datetime) -> None:
    gone = sum(
        store.forget(level, point_ids, _ms(now) - _kept_days(level) * DAY_MS)
        for level in (RAW, MINUTES, HOURS)
    )
    quota = settings.hub().history.quota_mib * 1024 * 1024
    for level, step_ms in ((RAW, 6 * HOUR_MS), (MINUTES, 10 * DAY_MS)):
        before_ms = _ms(now) - _kept_days(level) * DAY_MS
        while (store.bytes_used() or 0) > quota and before_ms < _ms(now) - step_ms:
            before_ms += step_ms
            freed = store.forget(level, point_ids, before_ms)
            gone += freed
            if freed:
                _log.warning(
                    "samples are let go early: their disk quota is used up", level=level, blocks=freed
                )
    if gone:
        store.give_back()


def _kept_days(level: int) -> int:
    chosen = settings.hub().history
    return {RAW: chosen.raw_days, MINUTES: chosen.minute_days, HOURS: chosen.hour_days}[level]


# ---------------------------------------------------------------- looking back


@db.reading
def of_point(
    actor: Actor, point_id: int, from_at: datetime, to_at: datetime, most: int = 2000
) -> PointHistory:
    """What a point did, in at most `most` samples; a switch and a text by their changes. AppError `history.span`."""
    require(actor, Action.ASSET_READ)
    row = rows.get(PointRow, point_id, "point")
    check_span(from_at, to_at)
    found = series(point_id, from_at, to_at, most)
    oldest = _oldest(point_id)
    return PointHistory(
        point_id=row.id,
        name=row.name,
        unit=row.unit,
        samples=[shown(one) for one in thinned(found, most)],
        oldest_at=_at(oldest) if oldest is not None else _at(found[0].at_ms) if found else None,
    )


def _oldest(point_id: int) -> int | None:
    store = _store
    if store is None:
        return None
    with store.held():
        return min((one[0] for level in _WIDTHS if (one := store.bounds(level, point_id))), default=None)


def check_span(from_at: datetime, to_at: datetime) -> None:
    """AppError `history.span` unless the stretch has a length, and one of this world."""
    if not timedelta(0) < to_at - from_at <= MOST_SPAN:
        raise AppError("history.span", "to_at must be after from_at", {"to_at": "too_early"})


def series(point_id: int, from_at: datetime, to_at: datetime, most: int = 1_000_000) -> list[Sample]:
    """Samples of a point, as fine as they are kept, or as `most` of them still tell what was."""
    from_ms, to_ms = _ms(from_at), _ms(to_at)
    store = _store
    if store is None:
        return []
    width_ms = (to_ms - from_ms) / most
    finest = RAW if width_ms < MINUTE_MS else MINUTES if width_ms < HOUR_MS else HOURS
    with store.held():
        found = _kept(store, point_id, finest, from_ms, to_ms)
    since_ms = max(found[-1].at_ms + 1 if found else from_ms, from_ms)
    with _lock:
        young = [one for one in _buffer.get(point_id, ()) if since_ms <= one.at_ms <= to_ms]
        young.sort(key=lambda one: one.at_ms)
    return found + (young if finest == RAW else samples.by_width(young, _WIDTHS[finest]))


def _kept(store: Store, point_id: int, finest: int, from_ms: int, to_ms: int) -> list[Sample]:
    found: list[Sample] = []
    until_ms = to_ms
    # From the finest that is wanted to coarser ones, for what is older than it is kept.
    for level in range(finest, HOURS + 1):
        bounds = store.bounds(level, point_id)
        if bounds is None or bounds[0] > until_ms or until_ms < from_ms:
            continue
        older = _stored(store, level, point_id, from_ms, until_ms)
        found = older + found
        until_ms = bounds[0] // _WIDTHS[level] * _WIDTHS[level] - 1
    # What is too young to have been condensed comes from finer ones.
    for level in range(finest - 1, RAW - 1, -1):
        since_ms = max(found[-1].at_ms + 1 if found else from_ms, from_ms)
        found += samples.by_width(_stored(store, level, point_id, since_ms, to_ms), _WIDTHS[finest])
    return found


def thinned(found: list[Sample], most: int) -> list[Sample]:
    """At most `most` samples: of switches and texts the changes, of numbers wider stretches."""
    if any(isinstance(one.last, bool | str) for one in found):
        found = samples.changes(found)
    if len(found) <= most:
        return found
    width_ms = max(1, -(-(found[-1].at_ms - found[0].at_ms) // max(1, most - 1)))
    return samples.by_width(found, width_ms)


def shown(one: Sample) -> HistorySample:
    """A sample as the API tells it."""
    return HistorySample(at=_at(one.at_ms), last=one.last, low=one.low, high=one.high, mean=one.mean, n=one.n)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _at(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
