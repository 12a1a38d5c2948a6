"""Assets: the tree of what is maintained, retired but never deleted, with what is open on each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core.domain import assets as domain
from core.domain.people import Action, Actor, Scope, require, scope_of
from core.domain.workflow import OPEN
from core.errors import AppError, Conflict, NotFound
from core.services import files, fleet, journal, locations, rows
from core.services.numbers import next_number
from core.storage import db
from core.storage.sql import fn
from core.storage.tables import (
    AlarmRow,
    AssetRow,
    DeviceRow,
    EdgeRow,
    LocationRow,
    PointRow,
    RuleRow,
    TeamRow,
    TicketRow,
)
from core.wire.assets import AssetView, PointValue, SaveAsset

_WORST_FIRST = ("critical", "major", "minor", "info")

# ---------------------------------------------------------------- reading


@db.reading
def listed(actor: Actor, *, retired: bool = False) -> list[AssetView]:
    """All assets in service, by number; with `retired` the others too."""
    require(actor, Action.ASSET_READ)
    query = AssetRow.select().order_by(AssetRow.number)
    return _views(actor, list(query if retired else query.where(AssetRow.retired_at.is_null())))


@db.reading
def view(actor: Actor, asset_id: int) -> AssetView:
    """One asset with its files."""
    require(actor, Action.ASSET_READ)
    shown = _views(actor, [rows.get(AssetRow, asset_id, "asset")])[0]
    return shown.model_copy(update={"files": files.of_asset(asset_id)})


def _views(actor: Actor, found: Sequence[Any]) -> list[AssetView]:
    """Views of many assets in a fixed number of queries."""
    one = [row.id for row in found] if len(found) < 100 else None
    tickets = TicketRow.select(TicketRow.asset, fn.COUNT(TicketRow.id).alias("n")).where(
        TicketRow.state.in_(list(OPEN))
    )
    alarms = AlarmRow.select(AlarmRow.asset, fn.COUNT(AlarmRow.id).alias("n")).where(AlarmRow.active)
    if one is not None:
        tickets, alarms = tickets.where(TicketRow.asset.in_(one)), alarms.where(AlarmRow.asset.in_(one))
    open_tickets = {row.asset_id: int(row.n) for row in tickets.group_by(TicketRow.asset)}
    active_alarms = {row.asset_id: int(row.n) for row in alarms.group_by(AlarmRow.asset)}
    money = scope_of(actor, Action.COST_READ) is Scope.ALL
    paths = locations.paths()
    teams = {row.id: row for row in TeamRow.select()}
    return [
        AssetView(
            id=row.id,
            version=row.version,
            number=row.number,
            name=row.name,
            parent_id=row.parent_id,
            location_id=row.location_id,
            location_path=paths.get(row.location_id, ""),
            category=row.category,
            criticality=row.criticality,
            maker=row.maker,
            model=row.model,
            serial=row.serial,
            in_service_on=row.in_service_on,
            warranty_until_on=row.warranty_until_on,
            team=rows.ref(teams.get(row.team_id)),
            downtime_cost_minor_per_h=row.downtime_cost_minor_per_h if money else 0,
            notes=row.notes,
            retired=row.retired_at is not None,
            open_tickets=open_tickets.get(row.id, 0),
            active_alarms=active_alarms.get(row.id, 0),
        )
        for row in found
    ]


@db.reading
def point_values(actor: Actor, asset_id: int) -> list[PointValue]:
    """The latest readings of the asset's points; low and high are its high and low rules' nearest limits."""
    require(actor, Action.ASSET_READ)
    rows.get(AssetRow, asset_id, "asset")
    mine = (PointRow.asset == asset_id) | (PointRow.asset.is_null() & (DeviceRow.asset == asset_id))
    return _values_of(mine & PointRow.active & DeviceRow.active)


@db.reading
def device_values(actor: Actor, device_id: int) -> list[PointValue]:
    """The latest readings of a device's points, as `point_values`."""
    require(actor, Action.FLEET_READ)
    rows.get(DeviceRow, device_id, "device")
    return _values_of((PointRow.device == device_id) & PointRow.active)


def _values_of(which: Any) -> list[PointValue]:
    points: list[Any] = list(
        PointRow.select(PointRow, DeviceRow, EdgeRow)
        .join(DeviceRow)
        .join(EdgeRow)
        .where(which)
        .order_by(PointRow.id)
    )
    point_ids = [point.id for point in points]
    limits, alarms = _limits(point_ids), _active_severities(point_ids)
    return [_value(point, limits.get(point.id, {}), alarms.get(point.id, "")) for point in points]


def _active_severities(point_ids: Sequence[int]) -> dict[int, str]:
    """Per point the worst severity of its active alarms."""
    found: dict[int, str] = {}
    alarms = AlarmRow.select(AlarmRow, RuleRow).join(RuleRow)
    for alarm in alarms.where(AlarmRow.active, RuleRow.point.in_(list(point_ids))):
        rule: Any = alarm.rule
        known = found.get(rule.point_id, alarm.severity)
        found[rule.point_id] = min(known, alarm.severity, key=_WORST_FIRST.index)
    return found


def _limits(point_ids: Sequence[int]) -> dict[int, dict[str, float]]:
    """Per point the lowest high limit and the highest low limit of its rules."""
    found: dict[int, dict[str, float]] = {}
    for rule in RuleRow.select().where(RuleRow.point.in_(list(point_ids)), RuleRow.active):
        condition, limit = rule.config["condition"], rule.config["limit"]
        if condition not in ("high", "low") or limit is None:
            continue
        known = found.setdefault(rule.point_id, {})
        nearest = min if condition == "high" else max
        known[condition] = nearest(limit, known.get(condition, limit))
    return found


def _value(point: Any, limits: dict[str, float], alarm: str) -> PointValue:
    sample = fleet.latest(point.device.edge.edge_id, point.id)
    return PointValue(
        point_id=point.id,
        name=point.name,
        unit=point.unit,
        value=sample.last if sample else None,
        quality=sample.quality if sample else "",
        at=sample.at if sample else None,
        low=limits.get("low"),
        high=limits.get("high"),
        alarm=alarm,
    )


# ---------------------------------------------------------------- changing


@db.transaction
def create(actor: Actor, new: SaveAsset, *, now: datetime) -> AssetView:
    """Add an asset; without a number it gets the next `A-00001`. Conflict `asset.number_taken`."""
    require(actor, Action.ASSET_EDIT)
    number = new.number or _next_number()
    _refuse_taken(number, None)
    row = AssetRow.create(number=number, retired_at=now if new.retired else None, **_values(new, None))
    journal.write(actor, "asset.created", "asset", row.id, now, number=number, name=row.name)
    return view(actor, row.id)


@db.transaction
def save(actor: Actor, asset_id: int, new: SaveAsset, *, now: datetime) -> AssetView:
    """Change an asset, or retire it. Conflict `asset.changed`, `.number_taken`, `.open_tickets`, `.loop`."""
    require(actor, Action.ASSET_EDIT)
    row = rows.lock(AssetRow, asset_id, "asset", new.version)
    number = new.number or row.number
    _refuse_taken(number, asset_id)
    retired_at = (row.retired_at or now) if new.retired else None
    if new.retired and row.retired_at is None:
        _refuse_open(row)
    changed = rows.change(row, number=number, retired_at=retired_at, **_values(new, asset_id))
    if "number" in changed:
        _edges_must_know(asset_id)
    journal.write(actor, "asset.edited", "asset", row.id, now, number=number, name=row.name, changed=changed)
    return view(actor, row.id)


def _next_number() -> str:
    while True:
        number = domain.number_of(next_number("asset"))
        if AssetRow.get_or_none(AssetRow.number == number) is None:
            return number


def _refuse_taken(number: str, asset_id: int | None) -> None:
    other = AssetRow.get_or_none(AssetRow.number == number)
    if other is not None and other.id != asset_id:
        raise Conflict(
            "asset.number_taken",
            f"asset {number} exists",
            {"number": "taken"},
            number=number,
            name=other.name,
        )


def _refuse_open(row: Any) -> None:
    waiting = [
        ticket.number
        for ticket in TicketRow.select(TicketRow.number)
        .where(TicketRow.asset == row.id, TicketRow.state.in_(list(OPEN)))
        .order_by(TicketRow.id)
    ]
    if waiting:
        raise Conflict(
            "asset.open_tickets",
            f"asset {row.number} has open tickets",
            {"retired": "open_tickets"},
            number=row.number,
            count=len(waiting),
            tickets=", ".join(waiting[:5]),
        )
    if AssetRow.select().where(AssetRow.parent == row.id, AssetRow.retired_at.is_null()).exists():
        raise Conflict(
            "asset.has_components",
            "its components are in service",
            {"retired": "components"},
            number=row.number,
        )


def _values(new: SaveAsset, asset_id: int | None) -> dict[str, Any]:
    if new.parent_id is not None:
        parents = {row.id: row.parent_id for row in AssetRow.select(AssetRow.id, AssetRow.parent)}
        if new.parent_id not in parents:
            raise NotFound("asset.not_found", "no such parent", {"parent_id": "unknown"}, id=new.parent_id)
        if asset_id is not None and domain.makes_loop(parents, asset_id, new.parent_id):
            raise Conflict(
                "asset.loop", "an asset cannot be part of itself", {"parent_id": "loop"}, name=new.name
            )
    for field, model, noun in (("location_id", LocationRow, "location"), ("team_id", TeamRow, "team")):
        wanted = getattr(new, field)
        if wanted is not None and model.get_or_none(model.id == wanted) is None:
            raise NotFound(f"{noun}.not_found", f"no {noun} {wanted}", {field: "unknown"}, id=wanted)
    if new.in_service_on and new.warranty_until_on and new.warranty_until_on < new.in_service_on:
        raise AppError(
            "asset.warranty_backwards",
            "warranty ends before service begins",
            {"warranty_until_on": "too_early"},
        )
    return new.model_dump(exclude={"version", "number", "retired"})


def _edges_must_know(asset_id: int) -> None:
    """An edge names assets by number: a new number needs a push."""
    mine = (PointRow.asset == asset_id) | (DeviceRow.asset == asset_id)
    query = DeviceRow.select(DeviceRow.edge).join(PointRow, on=PointRow.device == DeviceRow.id).where(mine)
    bare = DeviceRow.select(DeviceRow.edge).where(DeviceRow.asset == asset_id)
    for edge_pk in {row.edge_id for row in query} | {row.edge_id for row in bare}:
        fleet.edited(edge_pk)
