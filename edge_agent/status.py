"""How the edge does: what is applied, what was refused, each device's health; kept for the hub and for `status`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from core import __version__, paths
from core.wire.edge_config import EdgeConfig
from core.wire.uplink import ConfigError, DeviceHealth, EdgeStatus
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


def write(
    file: Path, status: EdgeStatus, uplink: str, names: dict[str, str], alarms: list[dict[str, str]]
) -> None:
    """Keep the status where `fettle edge status` finds it. `names`: device names by id."""
    document = {"status": status.model_dump(mode="json"), "uplink": uplink, "names": names, "alarms": alarms}
    paths.write_private(file, json.dumps(document, ensure_ascii=False))


def read(file: Path) -> tuple[EdgeStatus, str, dict[str, str], list[dict[str, str]], datetime] | None:
    """What `write` kept, and when; None when this edge has never run."""
    if not file.exists():
        return None
    document = json.loads(file.read_text(encoding="utf-8"))
    status = EdgeStatus.model_validate(document["status"])
    return status, document["uplink"], document["names"], document["alarms"], status.at
