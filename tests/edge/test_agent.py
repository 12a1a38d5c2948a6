"""The whole edge on real parts: registers of an independent server in, acknowledged events out."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from pyModbusTCP.server import ModbusServer

from core.wire.edge_config import EdgeConfig
from tests.conftest import wait_for
from tests.edge import parts


def config(port: int, version: int = 1, **changes: object) -> EdgeConfig:
    document = {
        "edge": "e1",
        "version": version,
        "telemetry_s": 1,
        "devices": [
            {"kind": "modbus_tcp", "id": "d1", "name": "Press", "asset": "A-1", "host": "127.0.0.1", "port": port,
             "poll_ms": 50, "timeout_ms": 300, "offline_after_s": 0.3},
        ],
        "points": [
            {"id": "temp", "device": "d1", "name": "Oil temperature", "unit": "°C", "asset": "A-1.1", "address": 10,
             "type": "int16", "scale": 0.1},
            {"id": "trip", "device": "d1", "name": "Motor trip", "area": "coil", "address": 3, "type": "bool"},
        ],
        "rules": [
            {"id": "r-temp", "name": "Oil too hot", "point": "temp", "condition": "high", "limit": 80, "deadband": 5,
             "severity": "critical"},
            {"id": "r-trip", "name": "Motor tripped", "point": "trip", "condition": "bit", "on_delay_s": 0.2},
        ],
    } | changes  # fmt: skip
    return EdgeConfig.model_validate(document)


def test_a_register_becomes_an_acknowledged_alarm_with_its_chart(
    tmp_path: Path, plc: ModbusServer, mosquitto: parts.BrokerProcess, hub: parts.StandInHub
) -> None:
    plc.data_bank.set_holding_registers(10, [612])
    with parts.edge(tmp_path / "edge", parts.login("e1", mosquitto.port)):
        hub.push(config(plc.port))
        wait_for(lambda: (h := hub.health) and h.state == "ok")
        plc.data_bank.set_holding_registers(10, [873])
        (raised,) = wait_for(lambda: hub.bodies("alarm_raised"))
        assert (raised["rule"], raised["asset"], raised["severity"]) == ("r-temp", "A-1.1", "critical")
        assert (round(raised["value"], 3), raised["limit"], raised["unit"], raised["first_out"]) == (
            87.3,
            80,
            "°C",
            True,
        )
        (chart,) = wait_for(lambda: hub.bodies("chart_frozen"))
        assert chart["occurrence"] == raised["occurrence"] and not chart["complete"]
        assert chart["values"][-1] == 87.3 and 61.2 in chart["values"]
        plc.data_bank.set_holding_registers(10, [760])  # below the limit, inside the deadband
        wait_for(
            lambda: any(p["id"] == "temp" and p["last"] == 76 for t in hub.telemetry for p in t["points"])
        )
        assert hub.bodies("alarm_cleared") == []
        plc.data_bank.set_holding_registers(10, [749])
        (cleared,) = wait_for(lambda: hub.bodies("alarm_cleared"))
        assert cleared["occurrence"] == raised["occurrence"] and cleared["reason"] == "normal"
    wait_for(lambda: hub.status and not hub.status.online)
    seqs = [seq for _epoch, seq in sorted(hub.events)]
    assert seqs == list(range(1, len(seqs) + 1)) and hub.bodies("born")[0]["reason"] == "new"


def test_a_device_that_does_not_answer_raises_its_own_alarm_and_no_process_alarm(
    tmp_path: Path, plc: ModbusServer, mosquitto: parts.BrokerProcess, hub: parts.StandInHub
) -> None:
    plc.data_bank.set_holding_registers(10, [700])
    with parts.edge(tmp_path / "edge", parts.login("e1", mosquitto.port)):
        hub.push(config(plc.port))
        wait_for(lambda: (h := hub.health) and h.state == "ok")
        plc.stop()
        (raised,) = wait_for(lambda: hub.bodies("alarm_raised"))
        assert raised["rule"] == "comm:d1" and raised["asset"] == "A-1" and "Press" in raised["rule_name"]
        health = wait_for(lambda: (h := hub.health) and h.state == "failing" and h)
        assert (
            health.code in ("device.unreachable", "device.connection_lost")
            and str(plc.port) in health.params["port"]
        )
        plc.start()
        wait_for(lambda: hub.bodies("alarm_cleared"), 8)
        assert len(hub.bodies("alarm_raised")) == 1


def test_a_wrong_register_is_named_and_costs_no_other_point(
    tmp_path: Path, mosquitto: parts.BrokerProcess, hub: parts.StandInHub
) -> None:
    from pyModbusTCP.server import DataBank

    plc = ModbusServer("127.0.0.1", parts.free_port(), no_block=True, data_bank=DataBank(h_regs_size=20))
    plc.start()
    points = [
        {"id": f"p{address}", "device": "d1", "name": f"P{address}", "address": address}
        for address in (5, 8, 19, 25)
    ]
    try:
        plc.data_bank.set_holding_registers(5, [55])
        plc.data_bank.set_holding_registers(19, [99])
        with parts.edge(tmp_path / "edge", parts.login("e1", mosquitto.port)):
            hub.push(config(plc.port, points=points, rules=[]))

            def told() -> dict[str, tuple[str, object]]:
                return {p["id"]: (p["quality"], p["last"]) for t in hub.telemetry for p in t["points"]}

            wanted = {"p5": ("good", 55), "p8": ("good", 0), "p19": ("good", 99), "p25": ("bad_config", None)}
            wait_for(lambda: told() == wanted)
            health = wait_for(lambda: (h := hub.health) and h.code and h)
            assert (health.state, health.code) == ("ok", "device.illegal_address")
            assert health.params["address"] == "holding 25" and health.params["point"] == "P25"
    finally:
        plc.stop()


def test_a_rule_on_a_missing_point_is_refused_whole_and_the_old_configuration_stays(
    tmp_path: Path, plc: ModbusServer, mosquitto: parts.BrokerProcess, hub: parts.StandInHub
) -> None:
    with parts.edge(tmp_path / "edge", parts.login("e1", mosquitto.port)):
        hub.push(config(plc.port))
        wait_for(lambda: hub.status and hub.status.config_version == 1)
        bad = config(plc.port, version=2).model_dump(mode="json")
        bad["rules"][1]["point"] = "nowhere"
        hub.push(json.dumps(bad).encode())
        status = wait_for(lambda: hub.status and hub.status.config_refused == 2 and hub.status)
        (error,) = status.config_errors
        assert (error.path, error.code, status.config_version) == (
            "rules[1].point",
            "config.unknown_point",
            1,
        )
        plc.data_bank.set_holding_registers(10, [900])
        wait_for(lambda: hub.bodies("alarm_raised"))  # the old one is at work
        hub.push(b"{not json")
        wait_for(
            lambda: [e.code for e in hub.status.config_errors] == ["config.not_json"] if hub.status else None
        )
        hub.push(config(plc.port, version=3))
        wait_for(lambda: hub.status and hub.status.config_version == 3 and not hub.status.config_errors)


def test_a_hot_change_keeps_alarms_and_a_removed_rule_clears_its_own(
    tmp_path: Path, plc: ModbusServer, mosquitto: parts.BrokerProcess, hub: parts.StandInHub
) -> None:
    plc.data_bank.set_holding_registers(10, [900])
    plc.data_bank.set_coils(3, [True])
    with parts.edge(tmp_path / "edge", parts.login("e1", mosquitto.port)):
        hub.push(config(plc.port))
        wait_for(lambda: len(hub.bodies("alarm_raised")) == 2)
        trip_only = [rule.model_dump(mode="json") for rule in config(plc.port).rules if rule.id == "r-trip"]
        hub.push(config(plc.port, version=2, rules=trip_only))
        (cleared,) = wait_for(lambda: hub.bodies("alarm_cleared"))
        assert (cleared["rule"], cleared["reason"]) == ("r-temp", "rule_removed")
        hub.push(config(plc.port, version=3))
        wait_for(lambda: len(hub.bodies("alarm_raised")) == 3)
        assert [body["rule"] for body in hub.bodies("alarm_raised")].count("r-trip") == 1


def test_an_active_alarm_is_not_raised_again_by_a_restart_and_the_cache_starts_it_without_a_hub(
    tmp_path: Path, plc: ModbusServer, mosquitto: parts.BrokerProcess, hub: parts.StandInHub
) -> None:
    plc.data_bank.set_holding_registers(10, [900])
    folder = tmp_path / "edge"
    with parts.edge(folder, parts.login("e1", mosquitto.port)):
        hub.push(config(plc.port))
        (raised,) = wait_for(lambda: hub.bodies("alarm_raised"))
    mosquitto.kill()
    with parts.edge(folder, parts.login("e1", mosquitto.port)) as edge:
        wait_for(
            lambda: [c.value for c in edge.agent._watch._channels.values() if c.point.id == "temp"] == [90]
        )
        plc.data_bank.set_holding_registers(10, [100])
        wait_for(lambda: edge.agent._outbox.depth() > 0)
        mosquitto.start()
        (cleared,) = wait_for(lambda: hub.bodies("alarm_cleared"), 20)
    assert cleared["occurrence"] == raised["occurrence"]
    assert len(hub.bodies("alarm_raised")) == 1 and len(hub.bodies("born")) == 1
    # the chart that the restart cut is still sent, and says so
    rows = sqlite3.connect(folder / "outbox.db").execute("SELECT count(*) FROM charts").fetchone()
    assert rows == (1,)
