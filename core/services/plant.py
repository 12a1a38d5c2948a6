"""The facts of the plant that administrators change while the hub runs: its name, language and public address."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.domain.people import Action, Actor, require
from core.errors import Conflict
from core.services import journal, settings
from core.storage import db
from core.wire.people import PlantView, SavePlant


@db.reading
def view(actor: Actor) -> PlantView:
    """The plant's facts; `address` is what labels, links and edges get."""
    require(actor, Action.SETTINGS_EDIT)
    return _view(settings.plant())


@db.transaction
def save(actor: Actor, new: SavePlant, *, now: datetime) -> PlantView:
    """Change them. Conflict `plant.changed` when somebody else was faster."""
    require(actor, Action.SETTINGS_EDIT)
    before = settings.read_plant()
    if new.version != before.version:
        raise Conflict(
            "plant.changed",
            f"the plant is at version {before.version}",
            version=before.version,
            name=before.name,
        )
    wanted = {"name": new.name, "language": new.language, "public_url": new.public_url.rstrip("/")}
    changed: dict[str, Any] = {
        key: [getattr(before, key), value] for key, value in wanted.items() if getattr(before, key) != value
    }
    if not changed:
        return _view(before)
    after = settings.change_plant(**wanted, version=before.version + 1)
    journal.write(actor, "hub.edited", "hub", None, now, name=after.name, changed=changed)
    return _view(after)


def _view(plant: settings.Plant) -> PlantView:
    return PlantView(
        version=plant.version,
        name=plant.name,
        language="en" if plant.language == "en" else "zh_CN",
        public_url=plant.public_url,
        address=settings.address_of(plant),
    )
