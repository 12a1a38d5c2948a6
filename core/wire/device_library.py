"""Register maps of common device families, and points lists that people bring as a table."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from core.wire.base import Name, Request, View
from core.wire.edge_config import Area, DataType, DeviceKind, Reads, RuleLogic, WordOrder
from core.wire.uplink import Severity


class LibraryPoint(View, Reads):
    """A point of a map. `name` in both languages."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    name: dict[str, str]
    unit: str = ""
    meanings: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="`words_of` in both languages: number as text → language → word."
    )


class LibraryRule(View, RuleLogic):
    """A rule that makes sense on nearly every device of the family; proposed, never silently added."""

    point: str
    name: dict[str, str]
    severity: Severity = "major"


class LibraryMap(View):
    """One family of devices."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    name: dict[str, str]
    maker: str = ""
    category: str = Field(
        description="power_meter, vfd, temperature, compressor, chiller, inverter, plc, io …"
    )
    note: dict[str, str] = Field(default_factory=dict)
    source: str = Field(description="Public document that the facts are from.")
    kind: DeviceKind = "modbus_tcp"
    kinds: list[DeviceKind] = Field(default_factory=list, description="Kinds it also comes in.")
    config: dict[str, Any] = Field(
        default_factory=dict, description="Device fields that differ from the defaults."
    )
    points: list[LibraryPoint]
    rules: list[LibraryRule] = Field(default_factory=list)


class AddFromLibrary(Request):
    """Make a device of a map: `config` has the address, `points` and `rules` the keys and numbers wanted."""

    map: str = Field(max_length=40)
    name: Name
    asset_id: int | None = None
    kind: DeviceKind
    config: dict[str, Any]
    shift: int = Field(
        0,
        ge=-65_535,
        le=65_535,
        description="Added to each address, for a device whose map begins elsewhere.",
    )
    points: list[str] | None = Field(None, description="Keys; all when left out.")
    rules: list[int] = Field(default_factory=list, description="Numbers in the map's list, from 0.")
    language: str = Field("zh_CN", pattern=r"^(zh_CN|en)$")


class ImportFault(View):
    """What is wrong in a table: row as people count it (the heading is 1), column, code of `field.<code>`."""

    row: int
    column: str
    code: str
    detail: str = ""


class ImportedPoint(View):
    """A row as it was understood, so that people see what `40001` or `REAL` became."""

    row: int
    name: str
    does: Literal["added", "changed", "unchanged"]
    area: Area
    address: int
    type: DataType
    order: WordOrder
    bit: int | None = None


class PointsImported(View):
    """What a points list made, or would make when `dry_run`; nothing is written while there are faults."""

    added: int
    changed: int
    unchanged: int
    faults: list[ImportFault] = Field(default_factory=list)
    points: list[ImportedPoint] = Field(default_factory=list, description="The first 500, by row.")
