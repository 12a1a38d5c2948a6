"""How the edge does: what is applied, what was refused, each device's health; kept for the hub and for `status`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from pydantic import Field, ValidationError

from core import __version__
from core.wire.base import Moment
from core.wire.edge_config import EdgeConfig
from core.wire.uplink import ConfigError, DeviceHealth, EdgeStatus, Message
from edge_agent.clock import Clock


class StatusBook:
    """The present state of the edge; `changed` is called when the hub should hear of it."""

    def __init__(self, edge: str, clock: Clock, changed: Callable[[], None]) -> None:
        self._edge, self._clock, self._changed = edge, clock, changed
        self._version = self._refused = 0
        self._errors: list[ConfigError] = []
        self._devices: dict[str, DeviceHealth] = {}
        self.epoch = ""
        self.outbox_depth = 0

    def applied(self, config: EdgeConfig) -> None:
        """A configuration is at work."""
        self._version, self._refused, self._errors = config.version, 0, []
        unknown = (DeviceHealth(id=device.id, state="unknown") for device in config.devices)
        self._devices = {health.id: self._devices.get(health.id, health) for health in unknown}
        self._changed()

    def refused(self, version: int, errors: list[ConfigError]) -> None:
        """A configuration was not taken; the one before stays."""
        self._refused, self._errors = version, errors
        self._changed()

    def device(self, device_id: str, state: str, code: str, detail: str, params: dict[str, str]) -> None:
        """A device does well or badly; its time is kept while nothing changes."""
        old = self._devices.get(device_id)
        if old is not None and (old.state, old.code, old.detail) == (state, code, detail):
            return
        since_at = (
            old.since_at if old is not None and old.state == state and old.since_at else self._clock.wall()
        )
        health = {"id": device_id, "state": state, "code": code, "detail": detail, "params": params}
        self._devices[device_id] = DeviceHealth.model_validate(health | {"since_at": since_at})
        self._changed()

    def failing(self) -> int:
        """How many devices do badly."""
        return sum(device.state == "failing" for device in self._devices.values())

    def report(self, online: bool) -> EdgeStatus:
        """The status as the hub gets it."""
        return EdgeStatus(
            edge=self._edge,
            online=online,
            at=self._clock.wall(),
            epoch=self.epoch,
            agent_version=__version__,
            config_version=self._version,
            config_errors=self._errors[:50],
            config_refused=self._refused,
            devices=list(self._devices.values()),
            outbox_depth=self.outbox_depth,
        )


# ---------------------------------------------------------------- for `fettle edge status`


class LineState(Message):
    """One line, over the last few seconds."""

    name: str
    devices: list[str]
    load: float
    worst_late_ms: float
    scans_done: int
    scans_skipped: int


class AlarmState(Message):
    """One alarm that is raised."""

    name: str
    asset: str
    severity: str
    raised_at: Moment | None = None


class ServiceState(Message):
    """One rule that may not raise now, and why."""

    rule: str
    name: str = ""
    asset: str = ""
    service: str
    why: str = ""
    by: str = ""
    reason: str = ""
    until: Moment | None = None


class Snapshot(Message):
    """All that `fettle edge status` shows. `uplink`: broker, away or none. `qualities`: by device, points of each."""

    status: EdgeStatus
    uplink: str
    process: int = 0
    started_at: Moment | None = None
    names: dict[str, str] = Field(default_factory=dict)
    qualities: dict[str, dict[str, int]] = Field(default_factory=dict)
    lines: list[LineState] = Field(default_factory=list)
    alarms: list[AlarmState] = Field(default_factory=list)
    services: list[ServiceState] = Field(default_factory=list)
    figures: dict[str, float | bool | None] = Field(default_factory=dict)


def write(file: Path, snapshot: Snapshot) -> None:
    """Keep the snapshot where `fettle edge status` finds it; it may be lost in a power cut."""
    temporary = file.with_name(file.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(snapshot.model_dump(mode="json"), out, ensure_ascii=False)
    os.replace(temporary, file)


def read(file: Path) -> Snapshot | None:
    """What `write` kept; None when this edge has never run, or an older version of it wrote the file."""
    try:
        return Snapshot.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
