"""Points lists as files: taken in whole or not at all, given out so that taking them in again changes nothing.

A row is the point of its name; of several with one name, the first row is the first point. Points that a list
leaves out stay as they are, and so do fields whose column is not there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from core import i18n
from core.domain.people import Action, Actor, require
from core.errors import AppError
from core.i18n import _
from core.services import devices, fleet, journal, points_list, rows, sheets
from core.services.points_words import HEADINGS
from core.storage import db
from core.storage.tables import AssetRow, DeviceRow, PointRow
from core.wire.base import field_code
from core.wire.device_library import ImportedPoint, ImportFault, PointsImported
from core.wire.edge_config import Reads
from core.wire.fleet import PointView, SavePoint

_MODBUS = [name for name in HEADINGS if name not in ("function", "topic", "path")]
_MQTT = ["name", "unit", "topic", "path", "scale", "offset", "words_of", "asset", "active"]
_EXAMPLES = (
    {
        "name": "// {motor}",
        "unit": "℃",
        "area": "holding",
        "address": "0",
        "type": "float32",
        "order": "CDAB",
    },
    {"name": "// {current}", "unit": "A", "address": "40011", "type": "WORD", "scale": "0.1"},
    {"name": "// {state}", "area": "coil", "address": "0x10", "words_of": "0=stopped; 1=running"},
)
_MOST_FAULTS = 200
_MOST_SHOWN = 500


@dataclass
class _Row:
    """One row below the headings: what it says, and what is wrong with it."""

    number: int
    cells: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Work:
    """An import under way."""

    headings: dict[str, str]  # column → as the file has it
    rows: list[_Row]
    faults: list[ImportFault] = field(default_factory=list)
    shown: list[ImportedPoint] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"added": 0, "changed": 0, "unchanged": 0})

    def fault(self, row: _Row, column: str, code: str, detail: str = "") -> None:
        if len(self.faults) < _MOST_FAULTS:
            heading = self.headings.get(column, column)
            self.faults.append(ImportFault(row=row.number, column=heading, code=code, detail=detail))

    def result(self) -> PointsImported:
        self.faults.sort(key=lambda fault: fault.row)
        self.shown.sort(key=lambda point: point.row)
        return PointsImported(**self.counts, faults=self.faults, points=self.shown[:_MOST_SHOWN])


class _Undone(Exception):
    """Ends a transaction that must leave nothing behind."""


# ---------------------------------------------------------------- in


def take(
    actor: Actor, device_id: int, name: str, content: bytes, *, dry_run: bool, now: datetime
) -> PointsImported:
    """Add and change the points of a device by a list; nothing is written when `dry_run` or while there are faults.

    AppError `sheet.*`, `import.*` when it is no list at all; what is wrong with rows is told in the result.
    """
    require(actor, Action.FLEET_EDIT)
    work = _understood(name, sheets.rows(name, content))
    with contextlib.suppress(_Undone):
        _apply(actor, device_id, work, dry_run, now)
    return work.result()


def _understood(name: str, table: list[list[str]]) -> _Work:
    at = next((index for index, cells in enumerate(table[:20]) if _is_heading(cells)), None)
    if at is None:
        raise AppError("import.no_heading", f"{name} has no heading", {"file": "invalid"}, name=name)
    columns = [points_list.column(heading) if heading.strip() else None for heading in table[at]]
    headings = {column: heading.strip() for column, heading in zip(columns, table[at], strict=True) if column}
    found: list[_Row] = []
    for number, cells in enumerate(table[at + 1 :], start=at + 2):
        if not cells or cells[0].strip().startswith(sheets.REMARK):
            continue
        padded = [*cells, *[""] * len(columns)]
        named = {column: sheets.plain(cell) for column, cell in zip(columns, padded, strict=False) if column}
        if any(named.values()):
            found.append(_Row(number, named))
    if not found:
        raise AppError("import.no_rows", f"{name} has no rows", {"file": "invalid"}, name=name)
    work = _Work(headings, found)
    _read_cells(
        work, _Row(at + 1, {}), [h for h, c in zip(table[at], columns, strict=True) if h.strip() and not c]
    )
    return work


def _is_heading(cells: list[str]) -> bool:
    known = {points_list.column(cell) for cell in cells if cell.strip()}
    return "name" in known and len(known - {None}) > 1


def _read_cells(work: _Work, heading: _Row, strangers: list[str]) -> None:
    for stranger in strangers:
        work.headings[stranger] = stranger.strip()
        work.fault(heading, stranger, "column")
    for row in work.rows:
        if not row.cells.get("name"):
            work.fault(row, "name", "missing")
        try:
            row.values = points_list.parse(row.cells)
        except points_list.BadCells as bad:
            for column, fault in bad.faults.items():
                work.fault(row, column, fault.code, fault.detail)


@db.transaction
def _apply(actor: Actor, device_id: int, work: _Work, dry_run: bool, now: datetime) -> None:
    device = rows.get(DeviceRow, device_id, "device")
    if device.kind == "edge":
        detail = f"{device.name} is the edge itself"
        raise AppError("import.device_kind", detail, {"file": "invalid"}, device=device.name)
    present: dict[str, list[Any]] = {}
    ids: dict[str, str] = {}
    for point in PointRow.select().where(PointRow.device == device.id).order_by(PointRow.id):
        point.device = device  # else each asks for it again
        present.setdefault(point.name, []).append(point)
        ids.setdefault(point.name, str(point.id))
    assets = _asset_ids(work)
    taken = [(row, _next_named(row, present)) for row in work.rows if row.values and row.cells.get("name")]
    _refuse_twins(work, taken)
    work.counts.update(added=0, changed=0, unchanged=0)  # the transaction may run a second time
    for row, old in sorted(taken, key=lambda pair: bool(pair[0].values.get("scale_point"))):
        _put(work, device, row, old, ids, assets)
    if dry_run or work.faults:
        raise _Undone
    if work.counts["added"] or work.counts["changed"]:
        fleet.edited(device.edge_id)
        journal.write(
            actor, "device.points_imported", "device", device.id, now, name=device.name, edge_id=device.edge_id,
            **work.counts,
        )  # fmt: skip


def _next_named(row: _Row, present: dict[str, list[Any]]) -> Any:
    same = present.get(row.cells.get("name", ""))
    return same.pop(0) if same else None


def _refuse_twins(work: _Work, taken: list[tuple[_Row, Any]]) -> None:
    """Two rows of one name, unless the device has as many: most likely a line copied and not yet changed."""
    seen: dict[str, int] = {}
    for row, old in taken:
        name = row.cells["name"]
        if name in seen and old is None:
            work.fault(row, "name", "twice", str(seen[name]))
        seen.setdefault(name, row.number)


def _asset_ids(work: _Work) -> dict[str, int]:
    numbers = {row.values["asset"] for row in work.rows if row.values.get("asset")}
    found = AssetRow.select(AssetRow.id, AssetRow.number).where(AssetRow.number.in_(sorted(numbers)))
    return {asset.number: asset.id for asset in found} if numbers else {}


def _put(work: _Work, device: Any, row: _Row, old: Any, ids: dict[str, str], assets: dict[str, int]) -> None:
    """Add or change the point of one row; what is wrong with it becomes faults."""
    values = dict(row.values)
    number, factor = values.pop("asset", None), values.get("scale_point")
    if number and number not in assets:
        work.fault(row, "asset", "unknown", number)
        return
    if factor and factor not in ids:
        work.fault(row, "scale_point", "unknown", factor)
        return
    if factor:
        values["scale_point"] = ids[factor]
    if number is not None:
        values["asset_id"] = assets.get(number)
    if "address" in row.cells and not row.cells["address"] and device.kind != "mqtt":
        work.fault(row, "address", "missing")
        return
    before = _as_saved(old) if old is not None else {}
    try:
        wanted = SavePoint.model_validate(before | values)
        if old is None:
            done, point = "added", devices.add_point(device, wanted)
            ids.setdefault(point.name, str(point.id))
        else:
            done, point = ("changed" if devices.change_point(old, wanted) else "unchanged"), old
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            work.fault(
                row, str(fault["loc"][0] if fault["loc"] else ""), field_code(fault["type"]), fault["msg"]
            )
        return
    except AppError as error:
        for column, code in (error.fields or {"": "invalid"}).items():
            work.fault(row, column, code, i18n.explain(error))
        return
    work.counts[done] += 1
    config = point.config
    work.shown.append(
        ImportedPoint(
            row=row.number,
            name=point.name,
            does=done,
            area=config["area"],
            address=config["address"],
            type=config["type"],
            order=config["order"],
            bit=config["bit"],
        )
    )


def _as_saved(row: Any) -> dict[str, Any]:
    whole = {"name": row.name, "unit": row.unit, "asset_id": row.asset_id, "active": row.active}
    return whole | Reads.model_validate(row.config).model_dump()


# ---------------------------------------------------------------- out


@db.reading
def export(actor: Actor, device_id: int, format_: sheets.Format) -> sheets.File:
    """The points of a device as a list; only headings when it has none."""
    require(actor, Action.FLEET_READ)
    device = rows.get(DeviceRow, device_id, "device")
    views = devices.points(actor, device_id)
    names = {str(view.id): view.name for view in views}
    columns = _MQTT if device.kind in ("mqtt", "edge") else _MODBUS
    table = [_headings(actor, columns), *(list(_cells(view, columns, names)) for view in views)]
    return sheets.write(f"points-{device.name}", table, format_)


@db.reading
def template(actor: Actor, format_: sheets.Format) -> sheets.File:
    """Headings, and rows behind `//` that show how cells may be written; they are passed over when taken in."""
    require(actor, Action.FLEET_READ)
    words = {
        "motor": _("Motor temperature", actor.language),
        "current": _("Motor current", actor.language),
        "state": _("State", actor.language),
    }
    examples = [[i18n.fill(example.get(column, ""), words) for column in _MODBUS] for example in _EXAMPLES]
    return sheets.write("points", [_headings(actor, _MODBUS), *examples], format_)


def _headings(actor: Actor, columns: Iterable[str]) -> list[str]:
    return [HEADINGS[column][0 if actor.language == "zh_CN" else 1] for column in columns]


def _cells(view: PointView, columns: Iterable[str], names: dict[str, str]) -> Iterator[str]:
    for column in columns:
        if column == "name":
            yield sheets.no_remark(view.name)
        elif column == "asset":
            yield view.asset.number if view.asset else ""
        elif column == "scale_point":
            yield names.get(view.scale_point, "")
        else:
            yield points_list.shown(column, getattr(view, column))
