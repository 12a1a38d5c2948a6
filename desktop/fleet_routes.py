"""The routes of edges: devices, points, rules, the library, history, orders. Knows paths and shapes only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.wire import assets as asset_wire
from core.wire import fleet as fleet_wire
from core.wire.base import Request
from core.wire.device_library import AddFromLibrary, LibraryMap, PointsImported
from core.wire.edge_commands import ProbeRequest
from core.wire.edge_config import EdgeConfig
from core.wire.history import PointHistory, TrialResult, TryRule
from desktop.hub_routes import Transport

PROBE_S, TRIAL_S = 310.0, 120.0  # as long as the hub may take, and a little


class FleetRoutes(Transport):
    """Edges, devices, points, rules, and what their past tells."""

    def edges(self) -> list[fleet_wire.EdgeView]:
        return self.read(list[fleet_wire.EdgeView], "GET", "/edges")

    def create_edge(self, body: fleet_wire.SaveEdge) -> fleet_wire.EdgeView:
        return self.read(fleet_wire.EdgeView, "POST", "/edges", body)

    def save_edge(self, edge_pk: int, body: fleet_wire.SaveEdge) -> fleet_wire.EdgeView:
        return self.read(fleet_wire.EdgeView, "PUT", f"/edges/{edge_pk}", body)

    def join_code(self, edge_pk: int) -> fleet_wire.JoinCode:
        return self.read(fleet_wire.JoinCode, "POST", f"/edges/{edge_pk}/join-code")

    def devices(self, edge_pk: int) -> list[fleet_wire.DeviceView]:
        return self.read(list[fleet_wire.DeviceView], "GET", f"/edges/{edge_pk}/devices")

    def create_device(self, edge_pk: int, body: fleet_wire.SaveDevice) -> fleet_wire.DeviceView:
        return self.read(fleet_wire.DeviceView, "POST", f"/edges/{edge_pk}/devices", body)

    def save_device(self, device_id: int, body: fleet_wire.SaveDevice) -> fleet_wire.DeviceView:
        return self.read(fleet_wire.DeviceView, "PUT", f"/devices/{device_id}", body)

    def points(self, device_id: int) -> list[fleet_wire.PointView]:
        return self.read(list[fleet_wire.PointView], "GET", f"/devices/{device_id}/points")

    def device_values(self, device_id: int) -> list[asset_wire.PointValue]:
        return self.read(list[asset_wire.PointValue], "GET", f"/devices/{device_id}/values")

    def edge_config(self, edge_pk: int) -> EdgeConfig:
        """What a push would send now."""
        return self.read(EdgeConfig, "GET", f"/edges/{edge_pk}/config")

    def pushed_config(self, edge_pk: int) -> EdgeConfig:
        """What was pushed last; NotFound before the first push."""
        return self.read(EdgeConfig, "GET", f"/edges/{edge_pk}/config", pushed=True)

    def create_point(self, device_id: int, body: fleet_wire.SavePoint) -> fleet_wire.PointView:
        return self.read(fleet_wire.PointView, "POST", f"/devices/{device_id}/points", body)

    def save_point(self, point_id: int, body: fleet_wire.SavePoint) -> fleet_wire.PointView:
        return self.read(fleet_wire.PointView, "PUT", f"/points/{point_id}", body)

    def rules(self, point_id: int) -> list[fleet_wire.RuleView]:
        return self.read(list[fleet_wire.RuleView], "GET", f"/points/{point_id}/rules")

    def create_rule(self, point_id: int, body: fleet_wire.SaveRule) -> fleet_wire.RuleView:
        return self.read(fleet_wire.RuleView, "POST", f"/points/{point_id}/rules", body)

    def save_rule(self, rule_id: int, body: fleet_wire.SaveRule) -> fleet_wire.RuleView:
        return self.read(fleet_wire.RuleView, "PUT", f"/rules/{rule_id}", body)

    def push_config(self, edge_pk: int) -> fleet_wire.ConfigPushed:
        return self.read(fleet_wire.ConfigPushed, "POST", f"/edges/{edge_pk}/push")

    def dead_letters(self) -> list[fleet_wire.DeadLetterView]:
        return self.read(list[fleet_wire.DeadLetterView], "GET", "/dead-letters")

    # ---- the device library, and lists that people bring

    def device_library(self) -> list[LibraryMap]:
        return self.read(list[LibraryMap], "GET", "/device-library")

    def add_from_library(self, edge_pk: int, body: AddFromLibrary) -> fleet_wire.DeviceView:
        return self.read(fleet_wire.DeviceView, "POST", f"/edges/{edge_pk}/devices/from-library", body)

    def import_points(self, device_id: int, name: str, content: bytes, dry_run: bool) -> PointsImported:
        """A table of points; with `dry_run` only what it would do."""
        path = f"/devices/{device_id}/points/import?dry_run={'true' if dry_run else 'false'}"
        return self.upload(PointsImported, path, name, content)

    def export_points(self, device_id: int, kind: str) -> bytes:
        """The points of a device as `csv` or `xlsx`; of none the heading alone, to fill in."""
        return self.fetch("GET", f"/devices/{device_id}/points/export", format=kind)[0]

    # ---- what points did, and what may be asked of a running edge

    def point_history(self, point_id: int, from_at: datetime, to_at: datetime) -> PointHistory:
        begin, end = from_at.isoformat(), to_at.isoformat()
        return self.read(PointHistory, "GET", f"/points/{point_id}/history", from_at=begin, to_at=end)

    def try_rule(self, point_id: int, body: TryRule) -> TrialResult:
        return self.read_slowly(TrialResult, "POST", f"/points/{point_id}/try-rule", body, TRIAL_S)

    def write_point(self, point_id: int, body: fleet_wire.WritePoint) -> fleet_wire.PointWritten:
        return self.read(fleet_wire.PointWritten, "POST", f"/points/{point_id}/write", body)

    def probe(self, edge_pk: int, body: ProbeOrder) -> dict[str, Any]:
        """Look for devices from the edge; what was found, as the edge tells it."""
        return self.read_slowly(dict[str, Any], "POST", f"/edges/{edge_pk}/probe", body, PROBE_S)


class ProbeOrder(Request, ProbeRequest):
    """Body of POST /edges/{id}/probe."""
