"""Notices that the database is an older copy than the one this hub last ran on, so that edges send again what it lacks.

The newest journal number is noted in a file beside the database; a database that has not come so far was put back.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from core import log
from core.paths import write_private
from core.services import journal, settings, uplink_events
from core.storage import db, queries
from core.storage.tables import EdgeRow
from core.wire.uplink import UplinkAck

_log = log.get(__name__)

FILE = "journal-head"


def begin(data_dir: Path) -> bool:
    """At the start: whether the database was restored, and therefore got a new `hub_epoch`."""
    noted, head = _noted(data_dir), journal.head()
    restored = head > 0 and (noted is None or head < noted)
    if restored:
        _renew()
        _log.warning("the database is an older copy: edges send again what it lacks", head=head, noted=noted)
    write_private(data_dir / FILE, f"{head}\n")
    return restored


def note(data_dir: Path) -> None:
    """While the hub runs, every few seconds: how far the journal has come."""
    head = journal.head()
    if head != _noted(data_dir):
        write_private(data_dir / FILE, f"{head}\n")


@db.reading
def standing(edge_id: str, epoch: str) -> UplinkAck | None:
    """How far this database has come with an edge's outbox; None when it does not know the edge.

    Told unasked: an edge with nothing to send would not hear otherwise that the hub lacks what it had acknowledged.
    """
    edge = EdgeRow.get_or_none(EdgeRow.edge_id == edge_id, EdgeRow.active)
    if edge is None:
        return None
    mark: Any = queries.first(uplink_events.epoch(edge.id, epoch))
    through = 0 if mark is None else int(mark.through)
    ordered = mark is not None and mark.conflict_seq is not None
    if ordered:
        through = min(through, mark.conflict_seq - 1)
    return UplinkAck(
        epoch=epoch, through=through, hub_epoch=settings.hub_epoch(), new_epoch=ordered, unasked=True
    )


def _noted(data_dir: Path) -> int | None:
    try:
        return int((data_dir / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


@db.transaction
def _renew() -> None:
    settings.put(settings.HUB_EPOCH, secrets.token_hex(16))
