"""A gateway with a thousand devices behind it goes away: how many tickets, and after how long; for `./dev bench edge`.

Real edge, Mosquitto and hub; the server in C is the gateway and all behind it, and is killed.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.bench import _edge_machine as edge_machine
from tests.conftest import wait_for
from tests.faults.test_burst import Plant, listens

OFFLINE_AFTER_S = 1.0
CHILDREN = edge_machine.LINES * edge_machine.DEVICES


def measure(folder: Path) -> dict[str, Any]:
    """Tickets and seconds from the loss until the first of them is committed."""
    folder.mkdir()
    folder.chmod(0o755)  # Mosquitto gives up root
    machines = edge_machine.Machines(folder)
    plant = Plant(folder, "mosquitto")
    (folder / "edge.yaml").write_text(json.dumps(_configuration(machines)))
    try:
        plant.hub.start()
        wait_for(lambda: (folder / "passwords").exists(), 60)
        plant.broker.start()
        wait_for(lambda: listens(plant.mqtt_port), 60)
        plant.edge.start()
        wait_for(lambda: sum(machines.counts.requests) > 5 * CHILDREN, 120)
        wait_for(lambda: bool(plant.of_hub("SELECT 1 FROM epoch_row WHERE through > 0")), 60)
        began_s = time.monotonic()
        machines.stop()
        wait_for(lambda: bool(_tickets(plant)), 60)
        took_s = time.monotonic() - began_s
        # Whatever else is to come has come by the time that a second look at the devices is over.
        quiet_at_s = time.monotonic() + 10
        wait_for(lambda: time.monotonic() > quiet_at_s, 20)
        ((children,),) = plant.of_hub("SELECT max(children_count) FROM alarm_row")
        return {
            "tickets": len(_tickets(plant)),
            "seconds": took_s,
            "children": children,
            "delay_s": OFFLINE_AFTER_S,
        }
    finally:
        plant.edge.kill()
        plant.hub.kill()
        plant.broker.kill()
        machines.stop()


def _tickets(plant: Plant) -> list[Any]:
    return plant.of_hub("SELECT id, title FROM ticket_row")


def _configuration(machines: edge_machine.Machines) -> dict[str, Any]:
    shared = {"kind": "modbus_tcp", "host": "127.0.0.1", "poll_ms": 1000, "offline_after_s": OFFLINE_AFTER_S}
    devices: list[dict[str, Any]] = [
        {
            "id": "gateway",
            "name": "Gateway",
            "asset": "A-00001",
            "port": machines.shared_port,
            "unit": 1,
            **shared,
        }
    ]
    for port in machines.line_ports:
        for unit in range(1, edge_machine.DEVICES + 1):
            devices.append(
                {"id": f"{port}-{unit}", "name": f"Meter {port}-{unit}", "parent": "gateway", "port": port,
                 "unit": unit, "asset": "A-00001", **shared}
            )  # fmt: skip
    points = [
        {"id": f"{device['id']}.0", "device": device["id"], "name": "Value", "address": 0}
        for device in devices
    ]
    return {"edge": "edge-1", "version": 1, "devices": devices, "points": points, "rules": []}
