"""Takes in what edges send, exactly once: by (edge, epoch, seq), in order of seq, acknowledged after the commit.

The same batch may come twice, late, or out of order; the second time is harmless. What can never be taken in is
put among the dead letters and consumed, so that it holds up nothing; trouble of the database consumes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from core import log
from core.errors import OutsideError
from core.i18n import _, fill
from core.services import alarm_events, alarm_tickets, dead_letters, settings, uplink_events
from core.services.edge_watch import heard, locked, status, telemetry
from core.services.third_parties import third_party, third_party_payload
from core.services.uplink_reading import Envelope, Item, items_of, read
from core.storage import db, queries
from core.storage.tables import EdgeRow, EpochRow, UplinkEventRow
from core.wire.uplink import (
    AlarmCleared,
    AlarmRaised,
    AlarmReminded,
    Born,
    ChartFrozen,
    Event,
    Rejected,
    ServiceChanged,
    UplinkAck,
    UplinkBatch,
    Voided,
)

__all__ = [
    "accept",
    "accept_payload",
    "accept_payloads",
    "asked_again",
    "status",
    "telemetry",
    "third_party",
    "third_party_payload",
]

_log = log.get(__name__)

GROUP = 50  # events per commit
ASK_AGAIN_AFTER = timedelta(seconds=2)
MOST_AHEAD = 10_000  # seqs beyond the mark that are kept for later
MOST_CRASHES = 3
MOST_SKEW = timedelta(seconds=60)

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
_crashes: dict[tuple[str, str, int], int] = {}
_crashes_lock = threading.Lock()


def accept(
    edge_id: str, batch: UplinkBatch, *, now: datetime, received_at: datetime | None = None
) -> UplinkAck:
    """Take in a batch and say how far; always, also for a repeat. NotFound `edge.unknown`; OutsideError: not now."""
    return _accept(edge_id, batch.epoch, items_of(batch), batch.sent_at, now, received_at or now)


def accept_payload(edge_id: str, payload: bytes, *, now: datetime) -> UplinkAck | None:
    """The same for bytes from a broker. None: a dead letter that names no event, and nobody to answer."""
    return next(iter(accept_payloads(edge_id, [(payload, now)])), None)


def accept_payloads(edge_id: str, messages: Sequence[tuple[bytes, datetime]]) -> list[UplinkAck]:
    """Bytes of one edge, and when they came, taken in together: an acknowledgement for each run of one epoch."""
    runs: list[tuple[Envelope, list[Item], datetime]] = []
    for payload, received_at in messages:
        try:
            envelope = read(edge_id, payload)
        except dead_letters.Unreadable as fault:
            dead_letters.keep(edge_id, fault.code, fault.detail, payload, now=received_at)
            continue
        before = runs.pop()[1] if runs and runs[-1][0].epoch == envelope.epoch else []
        runs.append((envelope, [*before, *envelope.items], received_at))
    return [_accept(edge_id, last.epoch, items, last.sent_at, at, at) for last, items, at in runs]


def _accept(
    edge_id: str, epoch: str, items: Sequence[Item], sent_at: datetime, now: datetime, received_at: datetime
) -> UplinkAck:
    heard(edge_id, now)
    rejected: list[Rejected] = []
    taken = _Taken()
    for start in range(0, len(items), GROUP):
        taken = _take(edge_id, epoch, items[start : start + GROUP], received_at - sent_at, received_at)
        rejected += taken.rejected
        if taken.new_epoch or taken.stuck:
            break
    return UplinkAck(
        epoch=epoch,
        through=taken.through,
        hub_epoch=taken.hub_epoch or settings.hub_epoch(),
        missing=taken.missing,
        rejected=rejected[:500],
        new_epoch=taken.new_epoch,
    )


@dataclass(slots=True)
class _Taken:
    """What came of one group."""

    through: int = 0
    missing: list[tuple[int, int]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    new_epoch: bool = False
    stuck: bool = False
    hub_epoch: str = ""


@db.transaction
def _take(edge_id: str, epoch: str, items: Sequence[Item], skew: timedelta, now: datetime) -> _Taken:
    edge = locked(edge_id)  # one lock per edge; the mark of each of its epochs hangs on it
    mark = _mark(edge, epoch, now)
    fresh = _sift(edge, mark, items, now)
    stuck = False
    waiting = uplink_events.waiting(edge.id, epoch, mark.through)
    if waiting or not _apply_together(edge, mark, fresh, now):
        stuck = _apply_singly(edge, mark, fresh, now)
        waiting = uplink_events.waiting(edge.id, epoch, mark.through)
    missing = _missing(mark, waiting, now)
    mark.save()
    if abs(skew) > MOST_SKEW:
        _wrong_clock(edge, skew, now)
    through = mark.through
    if mark.conflict_seq is not None:
        through = min(through, mark.conflict_seq - 1)
    seqs = [item.seq for item in items]
    rejected = dead_letters.of(edge, epoch, seqs)
    return _Taken(through, missing, rejected, mark.conflict_seq is not None, stuck, settings.hub_epoch())


def _mark(edge: EdgeRow, epoch: str, now: datetime) -> Any:
    found = queries.first(uplink_events.epoch(edge.id, epoch))
    return found if found is not None else EpochRow.create(edge=edge, epoch=epoch, began_at=now)


def _sift(edge: EdgeRow, mark: Any, items: Sequence[Item], now: datetime) -> list[Item]:
    """The items that are new. One known under the same key with other content ends this epoch there."""
    if mark.conflict_seq is not None:
        return []
    known = dict(uplink_events.digests(edge.id, mark.epoch, [item.seq for item in items]))
    fresh: dict[int, Item] = {}
    for item in sorted(items, key=lambda one: one.seq):
        digest = known.get(item.seq) or (fresh[item.seq].digest if item.seq in fresh else None)
        if digest is not None and digest != item.digest:
            _conflict(edge, mark, item, now)
            break
        if digest is None and mark.through < item.seq <= mark.through + MOST_AHEAD:
            fresh[item.seq] = item
    return list(fresh.values())


def _conflict(edge: EdgeRow, mark: Any, item: Item, now: datetime) -> None:
    mark.conflict_seq = item.seq
    dead_letters.add(
        edge, mark.epoch, item.seq, "uplink.conflict", "known with other content", item.body, now
    )
    _log.error("an event came again with other content", edge=edge.edge_id, epoch=mark.epoch, seq=item.seq)
    _hub_ticket(
        edge, "conflict", _("Edge {name} sent two different events under one number", _language()),
        _("Its outbox was probably restored from a copy. It was told to begin anew; nothing is lost.", _language()),
        now,
    )  # fmt: skip


def _store(edge: EdgeRow, epoch: str, item: Item, now: datetime, applied_at: datetime | None = None) -> Any:
    if item.event is None:
        why = item.body
        dead_letters.add(edge, epoch, item.seq, why["code"], why["detail"], why["payload"], now)
    values = {
        "edge": edge.id,
        "epoch": epoch,
        "seq": item.seq,
        "digest": item.digest,
        "kind": item.kind,
        "body": item.body,
        "event_at": item.at or now,
        "received_at": now,
        "applied_at": applied_at,
    }
    return UplinkEventRow.create(**values)


def _apply_together(edge: EdgeRow, mark: Any, fresh: Sequence[Item], now: datetime) -> bool:
    """Store and apply events that follow on the mark, as one; False, and nothing done, when that does not go."""
    if [item.seq for item in fresh] != list(range(mark.through + 1, mark.through + 1 + len(fresh))):
        return False
    try:
        with db.savepoint(), db.gathered():
            alarm_events.expect(edge, [item.event for item in fresh if item.event is not None])
            for item in fresh:
                row = _store(edge, mark.epoch, item, now, applied_at=now)
                if item.event is not None:
                    _apply(edge, row, item.event, now)
    except (*db.DatabaseTrouble, OutsideError):
        raise
    except Exception:  # noqa: BLE001  # whichever is to blame is found when each is applied by itself
        _log.warning("a group of events is applied one by one", edge=edge.edge_id, exc_info=True)
        return False
    mark.through += len(fresh)
    return True


def _apply_singly(edge: EdgeRow, mark: Any, items: Sequence[Item], now: datetime) -> bool:
    """Store them, apply stored events from the mark on until one is missing; whether one could not be applied yet."""
    for item in items:
        _store(edge, mark.epoch, item, now)
    fresh = {item.seq: item for item in items}
    first = mark.through + 1
    stuck = False
    for row in uplink_events.following(edge.id, mark.epoch, mark.through):
        if not _apply_one(edge, row, fresh.get(row.seq), now):
            stuck = True
            break
        mark.through = row.seq
    if mark.through >= first:
        uplink_events.applied(edge.id, mark.epoch, first, mark.through, now)
    return stuck


def _apply_one(edge: EdgeRow, row: Any, item: Item | None, now: datetime) -> bool:
    """Apply one event in a savepoint. What crashes again and again is put aside; trouble of the database is raised."""
    if row.kind == dead_letters.POISON:
        return True
    key = (edge.edge_id, row.epoch, row.seq)
    try:
        with db.savepoint():
            event = (
                item.event
                if item is not None and item.event is not None
                else _EVENT.validate_python(row.body)
            )
            _apply(edge, row, event, now)
    except (*db.DatabaseTrouble, OutsideError):
        raise
    except Exception as error:  # noqa: BLE001  # top of the loop over events: one must not hold up all that follow
        with _crashes_lock:
            crashes = _crashes[key] = _crashes.get(key, 0) + 1
        _log.exception("an event could not be applied", edge=edge.edge_id, seq=row.seq, attempt=crashes)
        if crashes < MOST_CRASHES:
            return False
        dead_letters.add(
            edge, row.epoch, row.seq, "uplink.crash", f"{type(error).__name__}: {error}", row.body, now
        )
    with _crashes_lock:
        _crashes.pop(key, None)
    return True


def _apply(edge: EdgeRow, row: Any, event: Event, now: datetime) -> None:
    source = alarm_events.of_edge(edge)
    if isinstance(event, AlarmRaised):
        alarm_events.raised(source, event, now=now)
    elif isinstance(event, AlarmCleared):
        alarm_events.cleared(source, event, now=now)
    elif isinstance(event, AlarmReminded):
        alarm_events.reminded(source, event, now=now)
    elif isinstance(event, ServiceChanged):
        alarm_events.service_changed(source, event, now=now)
    elif isinstance(event, ChartFrozen):
        alarm_events.charted(source, event, now=now)
    elif isinstance(event, Born):
        alarm_events.settle(edge, event.active, now=now)
    elif isinstance(event, Voided):
        _hub_ticket(
            edge, "gap", _("Data gap of edge {name}", _language()),
            fill(_("Event {seq} is lost: {reason}", _language()), {"seq": str(row.seq), "reason": event.reason}),
            now, once=False,
        )  # fmt: skip


def _missing(mark: Any, waiting: list[int], now: datetime) -> list[tuple[int, int]]:
    """What is wanted again, once a gap is old enough that it is not only on its way."""
    if not waiting or waiting[0] == mark.through + 1:
        mark.gap_since_at = None
        return []
    if mark.gap_since_at is None:
        mark.gap_since_at = now
    if now - mark.gap_since_at < ASK_AGAIN_AFTER:
        return []
    ranges = []
    expected = mark.through + 1
    for seq in waiting:
        if seq > expected:
            ranges.append((expected, seq - 1))
        expected = seq + 1
    return ranges[:100]


def asked_again(now: datetime) -> list[tuple[str, UplinkAck]]:
    """Acknowledgements that ask for what has been missing too long, for edges that have nothing more to send."""
    hub_epoch = settings.hub_epoch()
    found = []
    for edge_id, epoch in _gaps(now):
        taken = _take(edge_id, epoch, [], timedelta(0), now)
        if taken.missing:
            ack = UplinkAck(epoch=epoch, through=taken.through, hub_epoch=hub_epoch, missing=taken.missing)
            found.append((edge_id, ack))
    return found


@db.reading
def _gaps(now: datetime) -> list[tuple[str, str]]:
    query: Any = (
        EpochRow.select(EpochRow, EdgeRow)
        .join(EdgeRow)
        .where(
            EpochRow.gap_since_at <= now - ASK_AGAIN_AFTER, EpochRow.conflict_seq.is_null(), EdgeRow.active
        )
    )
    return [(row.edge.edge_id, row.epoch) for row in query]


def _language() -> str:
    return settings.plant().language


def _hub_ticket(edge: EdgeRow, what: str, title: str, text: str, now: datetime, once: bool = True) -> None:
    filled = fill(title, {"name": edge.name})
    alarm_tickets.of_hub(f"{what}|{edge.edge_id}", filled, text, edge, now, once=once)


def _wrong_clock(edge: EdgeRow, skew: timedelta, now: datetime) -> None:
    seconds = str(round(skew.total_seconds()))
    text = fill(
        _("It differs by {seconds} s. Set it by NTP; times of alarms are wrong until then.", _language()),
        {"seconds": seconds},
    )
    _hub_ticket(edge, "clock", _("The clock of edge {name} is wrong", _language()), text, now)
