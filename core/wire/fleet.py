"""Edges, devices, points and rules, as the API tells and asks them; an edge's own messages are in `uplink`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from core.wire.base import Name, Ref, Request, Title, View
from core.wire.plans import KitLine
from core.wire.tickets import Severity
from core.wire.uplink import Area, ConfigError, DataType, DeviceHealth, WordOrder


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
    kind: Literal["modbus_tcp", "mqtt"]
    asset: Ref | None
    config: dict[str, Any]
    active: bool


class SaveDevice(Request):
    """`config` holds the fields of `uplink.ModbusTcpDevice` or `uplink.MqttDevice` beyond id, name and asset."""

    version: int | None = None
    name: Name
    kind: Literal["modbus_tcp", "mqtt"]
    asset_id: int | None = None
    config: dict[str, Any]
    active: bool = True


class PointView(View):
    id: int
    version: int
    device_id: int
    name: str
    unit: str
    asset: Ref | None
    area: Area
    address: int
    type: DataType
    order: WordOrder
    bit: int | None
    scale: float
    offset: float
    topic: str
    path: str
    poll_ms: int | None
    active: bool


class SavePoint(Request):
    version: int | None = None
    name: Name
    unit: str = Field("", max_length=20)
    asset_id: int | None = Field(None, description="The device's asset when left out.")
    area: Area = "holding"
    address: int = Field(0, ge=0, le=65535)
    type: DataType = "uint16"
    order: WordOrder = "ABCD"
    bit: int | None = Field(None, ge=0, le=15)
    scale: float = 1.0
    offset: float = 0.0
    topic: str = Field("", max_length=500)
    path: str = Field("", max_length=200)
    poll_ms: int | None = Field(None, ge=20, le=3_600_000)
    active: bool = True


class RuleView(View):
    id: int
    version: int
    point_id: int
    name: str
    severity: Severity
    condition: Literal["high", "low", "bit", "no_data"]
    limit: float | None
    when: bool
    after_s: float | None
    on_delay_s: float
    off_delay_s: float
    deadband: float
    makes_ticket: bool
    team: Ref | None
    failure_mode: str
    kit: list[KitLine]
    active: bool


class SaveRule(Request):
    version: int | None = None
    name: Title
    severity: Severity = "major"
    condition: Literal["high", "low", "bit", "no_data"]
    limit: float | None = None
    when: bool = True
    after_s: float | None = Field(None, gt=0)
    on_delay_s: float = Field(0, ge=0, le=86_400)
    off_delay_s: float = Field(0, ge=0, le=86_400)
    deadband: float = Field(0, ge=0)
    makes_ticket: bool = True
    team_id: int | None = None
    failure_mode: str = Field("", max_length=20)
    kit: list[KitLine] = Field(default_factory=list, max_length=50)
    active: bool = True


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
