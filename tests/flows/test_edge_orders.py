"""A real hub and a real edge before a real Modbus server: shelve, write, read, probe, history, trial, restart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyModbusTCP.server import ModbusServer

from core.services import history
from tests.conftest import wait_for
from tests.hub.running import RunningHub, running
from tests.hub.test_mqtt import free_port

HOUR = timedelta(hours=1)
EDGE = [sys.executable, "-m", "core.cli", "edge"]


class Machine:
    """A device with a temperature, a setpoint and a switch in holding registers."""

    def __init__(self) -> None:
        self.port = free_port()
        self.server = ModbusServer("127.0.0.1", self.port, no_block=True)

    def set(self, address: int, value: int) -> None:
        self.server.data_bank.set_holding_registers(address, [value])

    def get(self, address: int) -> int:
        found = self.server.data_bank.get_holding_registers(address)
        assert found is not None
        return int(found[0])


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    made.server.start()
    made.set(0, 600)
    yield made
    made.server.stop()


@contextmanager
def edge(hub: RunningHub, folder: Path, edge_pk: int) -> Iterator[subprocess.Popen[bytes]]:
    """The edge's own program, joined to the hub."""
    place = ["--data-dir", str(folder)]
    if not (folder / "login.json").exists() and not any(folder.glob("*login*")):
        code = hub.post(f"/edges/{edge_pk}/join-code")["code"]
        subprocess.run([*EDGE, "join", *place, hub.url, code], check=True, capture_output=True)
    with subprocess.Popen([*EDGE, "run", *place], env=os.environ | {"FETTLE_LANGUAGE": "en"}) as process:
        try:
            yield process
        finally:
            process.terminate()


@pytest.mark.timeout(180)
def test_orders_reach_a_running_edge_and_change_what_it_does(machine: Machine, tmp_path: Path) -> None:
    with running(tmp_path / "hub") as hub:
        hub.set_up()
        edge_pk = int(hub.post("/edges", {"name": "Hall", "edge_id": "hall"})["id"])
        device = {
            "name": "PLC",
            "kind": "modbus_tcp",
            "config": {"host": "127.0.0.1", "port": machine.port, "poll_ms": 100},
        }
        points = f"/devices/{hub.post(f'/edges/{edge_pk}/devices', device)['id']}/points"
        temperature = hub.post(points, {"name": "Temperature", "unit": "℃", "type": "int16", "scale": 0.1})[
            "id"
        ]
        setpoint = {
            "name": "Setpoint",
            "type": "int16",
            "address": 1,
            "scale": 0.1,
            "writable": True,
            "write_high": 90,
        }
        setpoint_id = hub.post(points, setpoint)["id"]
        rule = hub.post(f"/points/{temperature}/rules", {"name": "Hot", "condition": "high", "limit": 80})[
            "id"
        ]
        hub.post(f"/edges/{edge_pk}/push")
        with edge(hub, tmp_path / "edge", edge_pk):
            wait_for(lambda: hub.get("/edges")[0]["applied_version"] == 1, 60)

            # Written and read back at the device; beyond its limits it is refused by the hub already.
            written = {"value": 65.5, "confirm": "Setpoint"}
            assert hub.post(f"/points/{setpoint_id}/write", written) == {"value": 65.5}
            assert machine.get(1) == 655
            assert hub.post(f"/points/{setpoint_id}/read") == {"value": 65.5}

            # Shelved before it ever raised: the machine is hot, and nothing is raised.
            shelved = hub.post(f"/rules/{rule}/shelve", {"minutes": 5, "reason": "being tried"})
            assert shelved["service"] == "shelved"
            machine.set(0, 900)
            wait_for(lambda: hub.get(f"/devices/{device_id(hub, edge_pk)}/values")[0]["value"] == 90.0, 30)
            assert hub.get(f"/alarms/{shelved['id']}")["active"] is False
            hub.post(f"/alarms/{shelved['id']}/unshelve")
            (alarm,) = wait_for(lambda: [a for a in hub.get("/alarms", active=True) if a["active"]], 30)
            assert (alarm["id"], alarm["service"], alarm["state"]) == (shelved["id"], "in_service", "unack")
            ticket = alarm["ticket"]["number"]

            # Out of service ends the alarm without anybody having to see it; its ticket stays.
            hub.post(f"/alarms/{alarm['id']}/out-of-service", {"reason": "overhaul"})
            (over,) = wait_for(lambda: [a for a in hub.get("/alarms") if not a["active"]], 30)
            assert (over["state"], over["service"], over["ticket"]["number"]) == (
                "normal",
                "out_of_service",
                ticket,
            )
            hub.post(f"/alarms/{alarm['id']}/in-service")
            wait_for(lambda: [a for a in hub.get("/alarms") if a["active"]], 30)

            verbs = [
                row["verb"] for row in hub.get("/journal", limit=500) if row["verb"].startswith("alarm.")
            ]
            for verb in ("alarm.shelved", "alarm.unshelved", "alarm.out_of_service", "alarm.in_service"):
                assert verbs.count(verb) == 1, verbs  # told by the order and by the edge, kept once

            found = hub.post(
                f"/edges/{edge_pk}/probe", {"host": "127.0.0.1", "port": machine.port, "last_unit": 2}
            )
            assert found["units"][0]["answers"] is True

            # What the point did is there, and a stricter rule can be tried over it.
            now = datetime.now(UTC)
            stretch = {"from_at": (now - HOUR).isoformat(), "to_at": (now + HOUR).isoformat()}
            path = f"/points/{temperature}/history"

            def seen() -> set[float]:
                samples = hub.get(path, **stretch)["samples"]
                return {value for one in samples for value in (one["low"], one["last"])}

            wait_for(lambda: seen() >= {60.0, 90.0}, 30)
            tried = hub.post(
                f"/points/{temperature}/try-rule",
                {"rule": {"name": "x", "condition": "high", "limit": 70}, "compare_with": rule, **stretch},
            )
            assert tried["tried"]["count"] >= 1 and tried["compared"]["count"] >= 1
    assert history._store is None
    assert (tmp_path / "hub" / "telemetry.db").exists()


def device_id(hub: RunningHub, edge_pk: int) -> int:
    return int(hub.get(f"/edges/{edge_pk}/devices")[0]["id"])
