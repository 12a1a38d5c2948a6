"""Sites, areas and lines: the tree of places that assets stand at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.domain import assets as domain
from core.domain.people import Action, Actor, require
from core.errors import Conflict, NotFound
from core.services import journal, rows
from core.storage import db
from core.storage.tables import AssetRow, LocationRow
from core.wire.assets import LocationView, SaveLocation


@db.reading
def listed(actor: Actor) -> list[LocationView]:
    """All locations, by name."""
    require(actor, Action.ASSET_READ)
    return [_view(row) for row in LocationRow.select().order_by(LocationRow.name)]


@db.reading
def paths() -> dict[int, str]:
    """Location id → `Site / Area / Line`."""
    found: list[Any] = list(LocationRow.select())
    parents = {row.id: row.parent_id for row in found}
    names = {row.id: row.name for row in found}
    return {row.id: domain.path(parents, names, row.id) for row in found}


@db.transaction
def create(actor: Actor, new: SaveLocation, *, now: datetime) -> LocationView:
    """Add a location. Conflict `location.name_taken`, `location.wrong_level`."""
    require(actor, Action.ASSET_EDIT)
    _check(new, None)
    row = LocationRow.create(kind=new.kind, name=new.name, parent=new.parent_id)
    journal.write(actor, "location.created", "location", row.id, now, name=row.name, kind=row.kind)
    return _view(row)


@db.transaction
def save(actor: Actor, location_id: int, new: SaveLocation, *, now: datetime) -> LocationView:
    """Rename or move a location. Conflict `location.changed`, `.loop`, `.name_taken`, `.wrong_level`."""
    require(actor, Action.ASSET_EDIT)
    row = rows.lock(LocationRow, location_id, "location", new.version)
    _check(new, location_id)
    changed = rows.change(row, kind=new.kind, name=new.name, parent_id=new.parent_id)
    journal.write(actor, "location.edited", "location", row.id, now, name=row.name, changed=changed)
    return _view(row)


@db.transaction
def remove(actor: Actor, location_id: int, *, now: datetime) -> None:
    """Remove a location in which nothing is. Conflict `location.not_empty`."""
    require(actor, Action.ASSET_EDIT)
    row = rows.lock(LocationRow, location_id, "location")
    within = LocationRow.select().where(LocationRow.parent == row.id).count()
    standing = AssetRow.select().where(AssetRow.location == row.id).count()
    if within or standing:
        raise Conflict(
            "location.not_empty",
            f"{standing} assets and {within} locations are in it",
            name=row.name,
            assets=standing,
            locations=within,
        )
    row.delete_instance()
    journal.write(actor, "location.removed", "location", location_id, now, name=row.name)


def _check(new: SaveLocation, location_id: int | None) -> None:
    found: dict[int, Any] = {row.id: row for row in LocationRow.select()}
    if new.parent_id is not None and new.parent_id not in found:
        raise NotFound("location.not_found", "no such parent", {"parent_id": "unknown"}, id=new.parent_id)
    parents = {key: row.parent_id for key, row in found.items()}
    if location_id is not None and domain.makes_loop(parents, location_id, new.parent_id):
        raise Conflict(
            "location.loop", "a place cannot be inside itself", {"parent_id": "loop"}, name=new.name
        )
    above = None if new.parent_id is None else found[new.parent_id].kind
    below = [row.kind for row in found.values() if row.parent_id == location_id and location_id is not None]
    if not domain.fits_under(new.kind, above) or not all(domain.fits_under(kind, new.kind) for kind in below):
        raise Conflict(
            "location.wrong_level", f"a {new.kind} does not fit there", {"kind": "wrong_level"}, name=new.name
        )
    twins = (row for row in found.values() if row.parent_id == new.parent_id and row.id != location_id)
    if any(row.name == new.name for row in twins):
        raise Conflict(
            "location.name_taken", f"{new.name} is there already", {"name": "taken"}, name=new.name
        )


def _view(row: Any) -> LocationView:
    return LocationView(id=row.id, version=row.version, kind=row.kind, name=row.name, parent_id=row.parent_id)
