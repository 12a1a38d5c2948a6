"""The events of edges as they are stored, by (edge, epoch, seq): what is known, what follows, what waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from core.storage import queries
from core.storage.tables import EpochRow, UplinkEventRow

_AT_ONCE = 50


@queries.prepared
def epoch(edge_id: int, name: str) -> Any:
    """The mark of an epoch."""
    return EpochRow.select().where(EpochRow.edge == edge_id, EpochRow.epoch == name)


@queries.prepared
def digests(edge_id: int, epoch: str, seqs: list[int]) -> Any:
    """(seq, digest) of those that are stored."""
    query = UplinkEventRow.select(UplinkEventRow.seq, UplinkEventRow.digest)
    return query.where(
        UplinkEventRow.edge == edge_id, UplinkEventRow.epoch == epoch, UplinkEventRow.seq.in_(seqs)
    ).tuples()


def following(edge_id: int, epoch: str, through: int) -> Iterator[Any]:
    """Stored events after `through` in order, as long as none is missing; read a few at a time."""
    while True:
        found = _between(edge_id, epoch, through + 1, through + _AT_ONCE)
        for row in found:
            if row.seq != through + 1:
                return
            through = row.seq
            yield row
        if len(found) < _AT_ONCE:
            return


@queries.prepared
def _between(edge_id: int, epoch: str, first: int, last: int) -> Any:
    query = UplinkEventRow.select().where(
        UplinkEventRow.edge == edge_id, UplinkEventRow.epoch == epoch,
        UplinkEventRow.seq >= first, UplinkEventRow.seq <= last,
    )  # fmt: skip
    return query.order_by(UplinkEventRow.seq)


def waiting(edge_id: int, epoch: str, through: int) -> list[int]:
    """The first thousand seqs stored beyond `through`."""
    return [seq for (seq,) in _seqs(edge_id, epoch, through)]


@queries.prepared
def _seqs(edge_id: int, epoch: str, through: int) -> Any:
    query = UplinkEventRow.select(UplinkEventRow.seq).where(
        UplinkEventRow.edge == edge_id, UplinkEventRow.epoch == epoch, UplinkEventRow.seq > through
    )
    return query.order_by(UplinkEventRow.seq).limit(1000).tuples()


def applied(edge_id: int, epoch: str, first: int, last: int, now: datetime) -> None:
    """Keep that these have been applied."""
    UplinkEventRow.update(applied_at=now).where(
        UplinkEventRow.edge == edge_id, UplinkEventRow.epoch == epoch, UplinkEventRow.seq.between(first, last)
    ).execute()
