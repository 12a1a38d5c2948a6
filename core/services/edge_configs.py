"""What edges have to do: their whole configuration put together from rows, shown, and pushed as a version."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.domain.people import Action, Actor, require
from core.errors import NotFound
from core.services import journal, rows, settings
from core.storage import db
from core.storage.tables import DeviceRow, EdgeConfigRow, EdgeRow, PointRow, RuleRow
from core.wire.edge_config import EdgeConfig
from core.wire.fleet import ConfigPushed


@db.reading
def shown(actor: Actor, edge_pk: int, pushed: bool = False) -> EdgeConfig:
    """What a push would send now, or what was pushed last, without the passwords of the plant's brokers.

    NotFound `edge.nothing_pushed`.
    """
    require(actor, Action.FLEET_READ)
    row = rows.get(EdgeRow, edge_pk, "edge")
    whole = _pushed(row) if pushed else _whole(row, row.config_version + 1)
    bare = [d.model_copy(update={"password": ""}) if d.kind == "mqtt" else d for d in whole.devices]
    return whole.model_copy(update={"devices": bare})


def _pushed(row: Any) -> EdgeConfig:
    last = EdgeConfigRow.get_or_none(
        (EdgeConfigRow.edge == row.id) & (EdgeConfigRow.config_version == row.config_version)
    )
    if last is None:
        raise NotFound("edge.nothing_pushed", f"{row.edge_id} has got no configuration yet", name=row.name)
    return EdgeConfig.model_validate(last.body)


@db.transaction
def push(actor: Actor, edge_pk: int, *, now: datetime) -> ConfigPushed:
    """Store the edge's whole configuration as its next version; the hub publishes it after the commit."""
    require(actor, Action.FLEET_EDIT)
    row = rows.lock(EdgeRow, edge_pk, "edge")
    whole = _whole(row, row.config_version + 1)
    EdgeConfigRow.create(
        edge=row.id, config_version=whole.version, body=whole.model_dump(mode="json"), pushed_at=now
    )
    rows.change(row, config_version=whole.version, config_dirty=False)
    pushed = ConfigPushed(
        version=whole.version,
        devices=len(whole.devices),
        points=len(whole.points),
        rules=len(whole.rules),
    )
    journal.write(actor, "edge.config_pushed", "edge", row.id, now, name=row.name, **pushed.model_dump())
    return pushed


def _whole(row: Any, version: int) -> EdgeConfig:
    """Active devices, points and rules of an edge; ids are the rows' own, as text."""
    devices = list(
        DeviceRow.select().where(DeviceRow.edge == row.id, DeviceRow.active).order_by(DeviceRow.id)
    )
    points: list[Any] = list(
        PointRow.select(PointRow, DeviceRow)
        .join(DeviceRow)
        .where(DeviceRow.edge == row.id, DeviceRow.active, PointRow.active)
        .order_by(PointRow.id)
    )
    rules = list(
        RuleRow.select()
        .where(RuleRow.point.in_([point.id for point in points]), RuleRow.active)
        .order_by(RuleRow.id)
    )
    behind = {str(device.id) for device in devices}
    asset_of = {point.id: _asset_number(point) for point in points}
    return EdgeConfig.model_validate(
        {
            "edge": row.edge_id,
            "version": version,
            "timezone": settings.hub().timezone,
            "devices": [_device(device, behind) for device in devices],
            "points": [
                {
                    **p.config,
                    "id": str(p.id),
                    "device": str(p.device_id),
                    "name": p.name,
                    "unit": p.unit,
                    "asset": asset_of[p.id],
                }
                for p in points
            ],
            "rules": [
                {
                    **r.config,
                    "id": str(r.id),
                    "name": r.name,
                    "point": str(r.point_id),
                    "severity": r.severity,
                    "asset": asset_of[r.point_id],
                }
                for r in rules
            ],
        }
    )


def _device(row: Any, known: set[str]) -> dict[str, Any]:
    """A device as its edge gets it; a gateway that was switched off speaks for nobody."""
    values = {
        **row.config,
        "kind": row.kind,
        "id": str(row.id),
        "name": row.name,
        "asset": _number(row.asset),
    }
    if values.get("parent") and values["parent"] not in known - {str(row.id)}:
        values["parent"] = ""
    return values


def _number(asset: Any) -> str:
    return "" if asset is None else str(asset.number)


def _asset_number(point: Any) -> str:
    return _number(point.asset or point.device.asset)
