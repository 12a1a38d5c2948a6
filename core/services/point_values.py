"""What a point holds, asked of its device through the edge, and writing it: with confirmation, limits and read-back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.domain.people import Action, Actor, require
from core.errors import AppError, Conflict, FettleError
from core.services import edge_commands, fleet, journal, rows
from core.storage import db
from core.storage.tables import PointRow
from core.wire.fleet import PointWritten, WritePoint


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a point is, and what it allows."""

    id: int
    name: str
    edge_pk: int
    edge_id: str
    writable: bool
    low: float | None
    high: float | None


def read(actor: Actor, point_id: int) -> PointWritten:
    """The point's value as its device has it now. Errors as `edge_commands.ask`."""
    require(actor, Action.FLEET_READ)
    place = _place(point_id)
    reply = edge_commands.ask(actor, place.edge_pk, edge_commands.order("read", point=str(point_id)))
    return PointWritten(value=reply.value)


def write(actor: Actor, point_id: int, wanted: WritePoint, *, now: datetime) -> PointWritten:
    """Write a point and return what its device holds afterwards; also what fails is journalled.

    Conflict `point.not_writable`; AppError `point.confirm`, `point.write_limits`; else as `edge_commands.ask`.
    """
    require(actor, Action.POINT_WRITE)
    place = _place(point_id)
    _check(place, wanted)
    sample = fleet.latest(place.edge_id, point_id)
    told = {
        "name": place.name,
        "edge_id": place.edge_pk,
        "before": None if sample is None else sample.last,
        "wanted": wanted.value,
        "reason": wanted.reason,
    }
    order = edge_commands.order("write", point=str(point_id), value=wanted.value, reason=wanted.reason)
    try:
        reply = edge_commands.ask(actor, place.edge_pk, order)
    except FettleError as error:
        # Without an answer it may have been written all the same: whoever looks into it later must find this.
        _keep_failure(actor, point_id, {**told, "code": error.code}, now)
        raise
    _keep(actor, point_id, {**told, "after": reply.value}, now)
    return PointWritten(value=reply.value)


@db.reading
def _place(point_id: int) -> _Place:
    row = rows.get(PointRow, point_id, "point")
    config, device = row.config, row.device
    return _Place(
        row.id, row.name, device.edge_id, device.edge.edge_id,
        bool(config.get("writable")) and row.active and device.active,
        config.get("write_low"), config.get("write_high"),
    )  # fmt: skip


def _check(place: _Place, wanted: WritePoint) -> None:
    if not place.writable:
        raise Conflict("point.not_writable", f"point {place.id} may not be written", name=place.name)
    if wanted.confirm != place.name:
        raise AppError(
            "point.confirm", "confirm must repeat the point's name", {"confirm": "wrong"}, name=place.name
        )
    value = wanted.value
    if isinstance(value, bool | str):
        return
    if (place.low is not None and value < place.low) or (place.high is not None and value > place.high):
        ends = [f"{end:g}" if end is not None else "…" for end in (place.low, place.high)]
        raise AppError(
            "point.write_limits",
            f"{value:g} is not within {ends[0]} to {ends[1]}",
            {"value": "out_of_range"},
            name=place.name,
            low=ends[0],
            high=ends[1],
        )


@db.transaction
def _keep(actor: Actor, point_id: int, told: dict[str, Any], now: datetime) -> None:
    journal.write(actor, "point.written", "point", point_id, now, **told)


@db.transaction
def _keep_failure(actor: Actor, point_id: int, told: dict[str, Any], now: datetime) -> None:
    journal.write(actor, "point.write_failed", "point", point_id, now, **told)
