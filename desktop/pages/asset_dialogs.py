"""Dialogs for new assets and locations, and the requests that change one field of them."""

from __future__ import annotations

from typing import Any

from core.i18n import _, label
from core.wire.assets import AssetView, LocationView, SaveAsset, SaveLocation
from desktop.widgets.form import Form, FormDialog, request
from desktop.widgets.inputs import Choice, DayEdit, MoneyEdit, choice, line, lines
from desktop.widgets.page import Page

_KEPT = (
    "number", "name", "parent_id", "location_id", "category", "criticality", "maker", "model", "serial",
    "in_service_on", "warranty_until_on", "downtime_cost_minor_per_h", "notes", "retired",
)  # fmt: skip
BELOW = {"site": "area", "area": "line"}  # a line holds assets, no further locations


def asset_body(asset: AssetView, **changes: Any) -> SaveAsset:
    """A request that changes only `changes`."""
    values = {name: getattr(asset, name) for name in _KEPT}
    values |= {"version": asset.version, "team_id": asset.team.id if asset.team else None}
    return SaveAsset.model_validate(values | changes)


def location_body(location: LocationView, **changes: Any) -> SaveLocation:
    """A request that changes only `changes`."""
    values = {"version": location.version, "kind": location.kind, "name": location.name}
    return SaveLocation.model_validate(values | {"parent_id": location.parent_id} | changes)


def location_paths(locations: list[LocationView]) -> list[Choice]:
    """(id, `site / area / line`) of each, in the order of the tree."""
    by_id = {location.id: location for location in locations}

    def path(location: LocationView, depth: int = 0) -> str:
        above = by_id.get(location.parent_id or 0)
        return location.name if above is None or depth > 20 else f"{path(above, depth + 1)} / {location.name}"

    return sorted(((location.id, path(location)) for location in locations), key=lambda pair: str(pair[1]))


def add_asset_fields(
    form: Form,
    asset: AssetView | None,
    locations: list[LocationView],
    assets: list[AssetView],
    currency: str,
    under: tuple[int | None, int | None] = (None, None),
) -> None:
    """The fields of an asset, for the dialog and the page; `under`: location and parent of a new one."""
    location_id, parent_id = (asset.location_id, asset.parent_id) if asset else under
    places: list[Choice] = [(None, _("– none –")), *location_paths(locations)]
    above: list[Choice] = [(None, _("– none –"))]
    above += [
        (other.id, f"{other.name}  {other.number}") for other in assets if not asset or other.id != asset.id
    ]
    categories = ", ".join(sorted({other.category for other in assets if other.category})[:4])
    form.add("name", label("word.name"), line(asset.name if asset else "", limit=200))
    form.add(
        "number",
        _("Number"),
        line(asset.number if asset else "", _("empty: the next free one") if asset is None else "", limit=40),
    )
    form.add("location_id", _("Location"), choice(places, location_id))
    form.add("parent_id", _("Part of"), choice(above, parent_id))
    form.add("category", _("Category"), line(asset.category if asset else "", categories, limit=100))
    levels: list[Choice] = [(level, label(f"criticality.{level}")) for level in ("A", "B", "C")]
    form.add("criticality", _("Criticality"), choice(levels, asset.criticality if asset else "B"))
    form.add("maker", _("Maker"), line(asset.maker if asset else "", limit=100))
    form.add("model", _("Model"), line(asset.model if asset else "", limit=100))
    form.add("serial", _("Serial number"), line(asset.serial if asset else "", limit=100))
    form.add("in_service_on", _("In service since"), DayEdit(asset.in_service_on if asset else None))
    form.add("warranty_until_on", _("Warranty until"), DayEdit(asset.warranty_until_on if asset else None))
    form.add(
        "downtime_cost_minor_per_h",
        _("Downtime per hour"),
        MoneyEdit(asset.downtime_cost_minor_per_h if asset else 0, currency),
    )
    form.add("notes", _("Notes"), lines(asset.notes if asset else "", 3))


def asset_dialog(
    page: Page,
    locations: list[LocationView],
    assets: list[AssetView],
    teams: list[Choice],
    under: tuple[int | None, int | None],
) -> FormDialog:
    """A new asset; where it goes is filled in from what was chosen in the tree."""

    def save(values: dict[str, Any]) -> AssetView:
        values["number"] = values["number"] or None
        values["downtime_cost_minor_per_h"] = values["downtime_cost_minor_per_h"] or 0
        return page.hub.create_asset(request(SaveAsset, values))

    dialog = FormDialog(page, _("New asset"), save, width=560)
    add_asset_fields(dialog.form, None, locations, assets, page.shell.me.currency, under)
    dialog.form.add("team_id", _("Team"), choice(teams))
    return dialog


def location_dialog(
    page: Page, location: LocationView | None, locations: list[LocationView], parent: LocationView | None
) -> FormDialog:
    """A new location below `parent`, or a change of one."""

    def save(values: dict[str, Any]) -> LocationView:
        if location is None:
            return page.hub.create_location(request(SaveLocation, values))
        return page.hub.save_location(
            location.id, request(SaveLocation, values | {"version": location.version})
        )

    dialog = FormDialog(page, _("New location") if location is None else _("Edit location"), save, width=460)
    kinds: list[Choice] = [(kind, label(f"location.kind.{kind}")) for kind in ("site", "area", "line")]
    kind = location.kind if location else BELOW[parent.kind] if parent else "site"
    above: list[Choice] = [(None, _("– none –"))]
    above += [pair for pair in location_paths(locations) if location is None or pair[0] != location.id]
    held = location.parent_id if location else parent.id if parent else None
    dialog.add("name", label("word.name"), line(location.name if location else "", limit=100))
    dialog.add("kind", _("Kind"), choice(kinds, kind))
    dialog.add("parent_id", _("Inside"), choice(above, held))
    return dialog
