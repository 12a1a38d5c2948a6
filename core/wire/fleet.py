"""Edges, devices, points and rules, as the API tells and asks them; an edge's own messages are in `uplink`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from core.wire.base import Name, Ref, Request, Title, View
from core.wire.edge_config import DeviceKind, Reads, RuleLogic
from core.wire.plans import KitLine
from core.wire.tickets import Severity
from core.wire.uplink import ConfigError, DeviceHealth


class EdgeView(View):
    id: int
    version: int
    edge_id: str
    name: str
    joined: bool
    online: bool
    seen_at: datetime | None
    agent_version: str
    config_version: int = Field(description="Last version pushed.")
    config_dirty: bool = Field(description="Edited since the last push.")
    applied_version: int = Field(description="Version the edge says it runs.")
    refused_version: int = Field(0, description="Version it refused for `config_errors`; 0 for none.")
    config_errors: list[ConfigError]
    devices: list[DeviceHealth]
    outbox_depth: int
    active: bool


class SaveEdge(Request):
    version: int | None = None
    name: Name
    edge_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,38}$")] | None = None
    active: bool = True


class JoinCode(View):
    """Shown once. `command` is what to type on the edge."""

    code: str
    expires_at: datetime
    command: str


class DeviceView(View):
    id: int
    version: int
    edge_id: int
    name: str
    kind: DeviceKind
    asset: Ref | None
    config: dict[str, Any]
    active: bool


class SaveDevice(Request):
    """`config` holds the fields of its kind in `edge_config` beyond kind, id, name and asset."""

    version: int | None = None
    name: Name
    kind: DeviceKind
    asset_id: int | None = None
    config: dict[str, Any]
    active: bool = True


class PointView(View, Reads):
    id: int
    version: int
    device_id: int
    name: str
    unit: str
    asset: Ref | None
    active: bool


class SavePoint(Request, Reads):
    version: int | None = None
    name: Name
    unit: str = Field("", max_length=20)
    asset_id: int | None = Field(None, description="The device's asset when left out.")
    active: bool = True


class RuleView(View, RuleLogic):
    id: int
    version: int
    point_id: int
    name: str
    severity: Severity
    makes_ticket: bool
    team: Ref | None
    failure_mode: str
    kit: list[KitLine]
    active: bool


class SaveRule(Request, RuleLogic):
    version: int | None = None
    name: Title
    severity: Severity = "major"
    makes_ticket: bool = True
    team_id: int | None = None
    failure_mode: str = Field("", max_length=20)
    kit: list[KitLine] = Field(default_factory=list, max_length=50)
    active: bool = True


class WritePoint(Request):
    """A value for a writable point, in its own unit; `confirm` repeats the point's name."""

    value: float | bool | str
    confirm: str = Field(max_length=100)
    reason: str = Field("", max_length=200)


class PointWritten(View):
    """What the device says it holds after the write."""

    value: float | bool | str | None


class ConfigPushed(View):
    """What was pushed; `EdgeView.applied_version` tells when the edge runs it."""

    version: int
    devices: int
    points: int
    rules: int


class DeadLetterView(View):
    id: int
    edge: str
    seq: int | None
    code: str
    detail: str
    at: datetime
