"""Devices, points and rules of the edges: each save is proved against the contract with the edge before it counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ValidationError

from core.domain.people import Action, Actor, require
from core.errors import AppError, NotFound
from core.services import device_checks, fleet, journal, rows, ticket_parts
from core.storage import db
from core.storage.sql import JOIN
from core.storage.tables import AssetRow, DeviceRow, EdgeRow, PointRow, RuleRow, TeamRow
from core.wire.base import field_code
from core.wire.edge_config import (
    EdgeItself,
    ModbusRtuDevice,
    ModbusRtuTcpDevice,
    ModbusTcpDevice,
    MqttDevice,
    PointConfig,
    Reads,
    RuleConfig,
    RuleLogic,
)
from core.wire.fleet import DeviceView, PointView, RuleView, SaveDevice, SavePoint, SaveRule
from core.wire.uplink import Message

_DEVICES: dict[str, type[Message]] = {
    "modbus_tcp": ModbusTcpDevice,
    "modbus_rtu_tcp": ModbusRtuTcpDevice,
    "modbus_rtu": ModbusRtuDevice,
    "mqtt": MqttDevice,
    "edge": EdgeItself,
}
_OUTSIDE_CONFIG = {"kind", "id", "name", "asset"}
_POINT_CONFIG = set(Reads.model_fields)
_RULE_CONFIG = set(RuleLogic.model_fields)

# ---------------------------------------------------------------- devices


@db.reading
def devices(actor: Actor, edge_pk: int) -> list[DeviceView]:
    """The devices of an edge, by name."""
    require(actor, Action.FLEET_READ)
    rows.get(EdgeRow, edge_pk, "edge")
    query = DeviceRow.select(DeviceRow, AssetRow).join(AssetRow, JOIN.LEFT_OUTER)
    query = query.where(DeviceRow.edge == edge_pk)
    return [view_of(row) for row in query.order_by(DeviceRow.name, DeviceRow.id)]


@db.transaction
def create_device(actor: Actor, edge_pk: int, new: SaveDevice, *, now: datetime) -> DeviceView:
    """Add a device to an edge. AppError `device.invalid` names the field."""
    require(actor, Action.FLEET_EDIT)
    row = add_device(edge_pk, new)
    _done(actor, "device.created", "device", row, edge_pk, {}, now)
    return view_of(row)


def add_device(edge_pk: int, new: SaveDevice) -> Any:
    """Store a new device in the running transaction; the caller writes the journal."""
    edge = rows.get(EdgeRow, edge_pk, "edge")
    device_checks.check_parent(str(new.config.get("parent") or ""), edge.id)
    return DeviceRow.create(edge=edge.id, kind=new.kind, **_device_values(new, {}))


@db.transaction
def save_device(actor: Actor, device_id: int, new: SaveDevice, *, now: datetime) -> DeviceView:
    """Change a device; an empty password keeps the old one. Its kind stays, for its points depend on it."""
    require(actor, Action.FLEET_EDIT)
    row = rows.lock(DeviceRow, device_id, "device", new.version)
    if new.kind != row.kind:
        raise AppError("device.kind_fixed", "a device keeps its kind", {"kind": "fixed"}, name=row.name)
    device_checks.check_parent(str(new.config.get("parent") or ""), row.edge_id, row.id)
    changed = rows.change(row, **_device_values(new, row.config))
    if "config" in changed:
        changed["config"] = [_shown(before) for before in changed["config"]]
    _done(actor, "device.edited", "device", row, row.edge_id, changed, now)
    return view_of(row)


def _device_values(new: SaveDevice, old: dict[str, Any]) -> dict[str, Any]:
    model = _DEVICES[new.kind]
    unknown = sorted(set(new.config) - fields_of(new.kind))
    if unknown:
        raise AppError(
            "device.unknown_field",
            f"{new.kind} has no {unknown[0]}",
            {f"config.{name}": "unknown" for name in unknown},
            field=unknown[0],
        )
    given = dict(new.config)
    if new.kind == "mqtt" and not given.get("password"):
        given["password"] = old.get("password", "")
    whole = _proved(model, "device", {**given, "id": "1", "name": new.name}, "config.")
    config = whole.model_dump(mode="json", exclude=_OUTSIDE_CONFIG)
    return {"name": new.name, "asset_id": _asset_id(new.asset_id), "config": config, "active": new.active}


def _proved(model: type[Message], noun: str, values: dict[str, Any], prefix: str = "") -> Message:
    """The message that the edge will get; AppError `<noun>.invalid` naming the field otherwise."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        fields = {
            prefix + ".".join(str(part) for part in fault["loc"]): field_code(fault["type"])
            for fault in faults
        }
        first = next(iter(fields))
        raise AppError(f"{noun}.invalid", f"{first}: {faults[0]['msg']}", fields, field=first) from None


def _shown(config: dict[str, Any]) -> dict[str, Any]:
    return {**config, "password": ""} if "password" in config else config


def view_of(row: Any) -> DeviceView:
    """A device as the API tells it, without secrets."""
    return DeviceView(
        id=row.id,
        version=row.version,
        edge_id=row.edge_id,
        name=row.name,
        kind=row.kind,
        asset=rows.ref(row.asset),
        config=_shown(row.config),
        active=row.active,
    )


# ---------------------------------------------------------------- points


@db.reading
def points(actor: Actor, device_id: int) -> list[PointView]:
    """The points of a device, in the order they were added."""
    require(actor, Action.FLEET_READ)
    rows.get(DeviceRow, device_id, "device")
    query = PointRow.select(PointRow, AssetRow).join(AssetRow, JOIN.LEFT_OUTER)
    return [_point(row) for row in query.where(PointRow.device == device_id).order_by(PointRow.id)]


def fields_of(kind: str) -> set[str]:
    """What the `config` of such a device may hold."""
    return set(_DEVICES[kind].model_fields) - _OUTSIDE_CONFIG


@db.transaction
def create_point(actor: Actor, device_id: int, new: SavePoint, *, now: datetime) -> PointView:
    """Add a point to a device. AppError `point.*` names the field."""
    require(actor, Action.FLEET_EDIT)
    device = rows.get(DeviceRow, device_id, "device")
    row = add_point(device, new)
    _done(actor, "point.created", "point", row, device.edge_id, {}, now)
    return _point(row)


@db.transaction
def save_point(actor: Actor, point_id: int, new: SavePoint, *, now: datetime) -> PointView:
    """Change a point; its rules must still fit it."""
    require(actor, Action.FLEET_EDIT)
    row = rows.lock(PointRow, point_id, "point", new.version)
    changed = change_point(row, new)
    _done(actor, "point.edited", "point", row, row.device.edge_id, changed, now)
    return _point(row)


def add_point(device: Any, new: SavePoint) -> Any:
    """Store a new point in the running transaction; the caller writes the journal."""
    return PointRow.create(device=device.id, **_point_values(new, device))


def change_point(row: Any, new: SavePoint) -> dict[str, list[Any]]:
    """Change a point in the running transaction, and tell what differed; the caller writes the journal."""
    if row.active and not new.active:
        device_checks.check_free(row)
    changed = rows.change(row, **_point_values(new, row.device, row.id))
    if changed:
        device_checks.check_own_rules(row)
    return changed


def _point_values(new: SavePoint, device: Any, own_id: int | None = None) -> dict[str, Any]:
    config = new.model_dump(mode="json", include=_POINT_CONFIG)
    device_checks.check_point(new, device, own_id)
    if device.kind.startswith("modbus") and new.area in ("coil", "discrete"):
        config["type"] = "bool"
    _proved(PointConfig, "point", {**config, "id": "1", "device": "1", "name": new.name, "unit": new.unit})
    asset_id = _asset_id(new.asset_id)
    return {"name": new.name, "unit": new.unit, "asset_id": asset_id, "config": config, "active": new.active}


def _point(row: Any) -> PointView:
    return PointView(
        id=row.id,
        version=row.version,
        device_id=row.device_id,
        name=row.name,
        unit=row.unit,
        asset=rows.ref(row.asset),
        active=row.active,
        **row.config,
    )


# ---------------------------------------------------------------- rules


@db.reading
def rules(actor: Actor, point_id: int) -> list[RuleView]:
    """The rules of a point, in the order they were added."""
    require(actor, Action.FLEET_READ)
    rows.get(PointRow, point_id, "point")
    return [_rule(row) for row in RuleRow.select().where(RuleRow.point == point_id).order_by(RuleRow.id)]


@db.transaction
def create_rule(actor: Actor, point_id: int, new: SaveRule, *, now: datetime) -> RuleView:
    """Add a rule to a point. NotFound `point.not_found`; AppError `rule.*` names the field."""
    require(actor, Action.FLEET_EDIT)
    point = rows.get(PointRow, point_id, "point")
    row = add_rule(point, new)
    _done(actor, "rule.created", "rule", row, point.device.edge_id, {}, now)
    return _rule(row)


@db.transaction
def save_rule(actor: Actor, rule_id: int, new: SaveRule, *, now: datetime) -> RuleView:
    """Change a rule; the edge judges by it after the next push."""
    require(actor, Action.FLEET_EDIT)
    row = rows.lock(RuleRow, rule_id, "rule", new.version)
    changed = rows.change(row, **_rule_values(new, row.point))
    _done(actor, "rule.edited", "rule", row, row.point.device.edge_id, changed, now)
    return _rule(row)


def add_rule(point: Any, new: SaveRule) -> Any:
    """Store a new rule in the running transaction; the caller writes the journal."""
    return RuleRow.create(point=point.id, **_rule_values(new, point))


def _rule_values(new: SaveRule, point: Any) -> dict[str, Any]:
    device_checks.check_rule(new.name, new, point)
    config = new.model_dump(mode="json", include=_RULE_CONFIG)
    proof = {"id": "1", "name": new.name, "point": "1", "severity": new.severity}
    _proved(RuleConfig, "rule", {**config, **proof})
    if new.team_id is not None and TeamRow.get_or_none(TeamRow.id == new.team_id) is None:
        raise NotFound("team.not_found", "no such team", {"team_id": "unknown"}, id=new.team_id)
    return {
        "name": new.name,
        "severity": new.severity,
        "config": config,
        "makes_ticket": new.makes_ticket,
        "team_id": new.team_id,
        "failure_mode": new.failure_mode,
        "kit": ticket_parts.kit_values(new.kit),
        "active": new.active,
    }


def _rule(row: Any) -> RuleView:
    return RuleView(
        id=row.id,
        version=row.version,
        point_id=row.point_id,
        name=row.name,
        severity=row.severity,
        makes_ticket=row.makes_ticket,
        team=rows.ref(row.team),
        failure_mode=row.failure_mode,
        kit=ticket_parts.kit_lines(row.kit),
        active=row.active,
        **row.config,
    )


# ---------------------------------------------------------------- all three


def _asset_id(asset_id: int | None) -> int | None:
    if asset_id is not None and AssetRow.get_or_none(AssetRow.id == asset_id) is None:
        raise NotFound("asset.not_found", "no such asset", {"asset_id": "unknown"}, id=asset_id)
    return asset_id


def _done(
    actor: Actor, verb: str, noun: str, row: Any, edge_pk: int, changed: dict[str, Any], now: datetime
) -> None:
    fleet.edited(edge_pk)
    journal.write(actor, verb, noun, row.id, now, name=row.name, edge_id=edge_pk, changed=changed)
