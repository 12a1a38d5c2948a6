"""What can never be taken in: kept with its reason, visible, and consumed, so that it holds up nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from core.storage import db, queries
from core.storage.tables import DeadLetterRow, EdgeRow
from core.wire.uplink import Rejected

POISON = "poison"  # kind of a stored event that is only a place in the order
MOST_PAYLOAD = 64 * 1024
MOST_UNSETTLED = 10_000  # of one source; beyond that a sender of garbage fills no disk


class Unreadable(Exception):
    """A payload in which no event can be named."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def told(error: ValidationError) -> str:
    """The first faults of a message, in one line for people."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)[:5]
    return "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in faults)[
        :500
    ]


def short(text: str) -> str:
    """40 characters that stand for a longer text."""
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def add(
    edge: EdgeRow | None, epoch: str, seq: int | None, code: str, detail: str, body: Any, now: datetime
) -> None:
    """Put one aside, in the running transaction; the same one again is not kept twice."""
    known = DeadLetterRow.select().where(
        DeadLetterRow.edge == edge,
        DeadLetterRow.epoch == epoch,
        DeadLetterRow.seq == seq,
        DeadLetterRow.code == code,
    )
    if known.exists():
        return
    payload = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    DeadLetterRow.create(
        edge=edge,
        source=edge.edge_id if edge else "",
        epoch=epoch,
        seq=seq,
        code=code,
        detail=detail[:2000],
        payload=payload[:MOST_PAYLOAD],
        at=now,
    )


@db.transaction
def keep(source: str, code: str, detail: str, payload: bytes, *, now: datetime) -> None:
    """Put a whole unreadable payload aside; the same one again, or too many, are not kept."""
    text = payload[:MOST_PAYLOAD].decode("utf-8", "backslashreplace").replace("\x00", "\\x00")[:MOST_PAYLOAD]
    mine = DeadLetterRow.select().where(DeadLetterRow.source == source, DeadLetterRow.settled_at.is_null())
    if mine.where(DeadLetterRow.payload == text).exists() or mine.count() >= MOST_UNSETTLED:
        return
    edge = EdgeRow.get_or_none(EdgeRow.edge_id == source)
    DeadLetterRow.create(
        edge=edge, source=source[:200], code=code, detail=detail[:2000], payload=text, at=now
    )


def of(edge: EdgeRow, epoch: str, seqs: Sequence[int]) -> list[Rejected]:
    """Which of these events of an edge are dead letters."""
    found = _of_seqs(edge.id, epoch, list(seqs))
    return [Rejected(seq=row.seq, code=row.code, detail=row.detail[:500]) for row in found]


@queries.prepared
def _of_seqs(edge_id: int, epoch: str, seqs: list[int]) -> Any:
    query = DeadLetterRow.select(DeadLetterRow.seq, DeadLetterRow.code, DeadLetterRow.detail)
    return query.where(
        DeadLetterRow.edge == edge_id, DeadLetterRow.epoch == epoch, DeadLetterRow.seq.in_(seqs)
    )
