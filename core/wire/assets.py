"""Locations, assets, failure codes and labels, as the API tells and asks them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from core.wire.base import Name, Ref, Request, Title, Trimmed, View

Criticality = Literal["A", "B", "C"]
Number = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,39}$")]


class LocationView(View):
    id: int
    version: int
    kind: Literal["site", "area", "line"]
    name: str
    parent_id: int | None


class SaveLocation(Request):
    version: int | None = None
    kind: Literal["site", "area", "line"]
    name: Name
    parent_id: int | None = None


class FileView(View):
    """A file; `url` is fetched with the same log-in."""

    id: int = Field(description="Of the attachment.")
    name: str
    kind: Literal["photo", "document", "signature"]
    media_type: str
    size: int
    url: str
    added_at: datetime
    added_by: str


class AssetView(View):
    id: int
    version: int
    number: str
    name: str
    parent_id: int | None
    location_id: int | None
    location_path: str = ""
    category: str
    criticality: Criticality
    maker: str
    model: str
    serial: str
    in_service_on: date | None
    warranty_until_on: date | None
    team: Ref | None
    downtime_cost_minor_per_h: int
    notes: str
    retired: bool
    open_tickets: int
    active_alarms: int
    files: list[FileView] = Field(default_factory=list, description="Only when one asset is asked for.")


class SaveAsset(Request):
    """Create (without `version`) or change an asset. An empty number takes the next `A-00001`."""

    version: int | None = None
    number: Number | None = None
    name: Title
    parent_id: int | None = None
    location_id: int | None = None
    category: Trimmed = Field("", max_length=100)
    criticality: Criticality = "B"
    maker: Trimmed = Field("", max_length=100)
    model: Trimmed = Field("", max_length=100)
    serial: Trimmed = Field("", max_length=100)
    in_service_on: date | None = None
    warranty_until_on: date | None = None
    team_id: int | None = None
    downtime_cost_minor_per_h: int = Field(0, ge=0)
    notes: Trimmed = Field("", max_length=4000)
    retired: bool = False


class PointValue(View):
    """A point's latest reading as the hub knows it; `at` None: never heard."""

    point_id: int
    name: str
    unit: str
    value: float | bool | str | None
    quality: str
    at: datetime | None
    low: float | None = None
    high: float | None = None
    alarm: str = Field("", description="Severity of the worst active alarm on this point; empty for none.")


class FailureCodeView(View):
    id: int
    category: str
    kind: Literal["mode", "cause", "remedy"]
    code: str
    name: str


class SaveFailureCode(Request):
    category: Trimmed = Field("", max_length=100)
    kind: Literal["mode", "cause", "remedy"]
    code: Annotated[str, Field(pattern=r"^[A-Z0-9-]{1,20}$")]
    name: Name


class LabelPreset(View):
    """A sheet or roll of labels; sizes in millimetres."""

    id: str
    name: str
    width_mm: float
    height_mm: float
    columns: int
    rows: int


class PrintLabels(Request):
    """A PDF of labels. `preview` draws sample codes, so that looking makes no valid label."""

    asset_ids: list[int] = Field(min_length=1, max_length=2000)
    preset: str = "a4-3x8"
    start: int = Field(1, ge=1, description="First free place of a partly used sheet, counted from 1.")
    copies: int = Field(1, ge=1, le=20)
    preview: bool = False
    language: Literal["zh_CN", "en"] | None = None


class LabelView(View):
    id: int
    asset: Ref | None
    created_at: datetime
    revoked_at: datetime | None
