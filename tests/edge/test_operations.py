"""The edge in service: changed while it runs, watched by systemd, stopped, and what `fettle edge status` says of it."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyModbusTCP.server import DataHandler, ModbusServer

from core import i18n
from core.wire.edge_config import EDGE_FIGURES, EdgeConfig
from edge_agent import cli
from tests.conftest import wait_for
from tests.edge import parts


def device(id_: str, port: int, **more: Any) -> dict[str, Any]:
    return {"kind": "modbus_tcp", "id": id_, "name": f"Device {id_}", "host": "127.0.0.1", "port": port,
            "poll_ms": 50, "timeout_ms": 500} | more  # fmt: skip


def config(
    version: int, devices: list[dict[str, Any]], points: list[dict[str, Any]], **more: Any
) -> EdgeConfig:
    document = {"edge": "e1", "version": version, "telemetry_s": 1, "devices": devices, "points": points}
    return EdgeConfig.model_validate(document | more)


class Counting(DataHandler):
    """Counts the connections and requests of a server."""

    def __init__(self) -> None:
        super().__init__()
        self.peers: set[object] = set()
        self.requests = 0

    def read_h_regs(self, address: int, count: int, srv_info: Any) -> Any:
        self.peers.add((srv_info.client.address, srv_info.client.port))
        self.requests += 1
        return super().read_h_regs(address, count, srv_info)


@pytest.fixture
def counted() -> Iterator[ModbusServer]:
    server = ModbusServer("127.0.0.1", parts.free_port(), no_block=True, data_hdl=Counting())
    server.start()
    yield server
    server.stop()


def test_a_change_elsewhere_does_not_disturb_a_line(
    tmp_path: Path,
    plc: ModbusServer,
    counted: ModbusServer,
    mosquitto: parts.BrokerProcess,
    hub: parts.StandInHub,
) -> None:
    quiet, other = device("quiet", counted.port, asset="A-1"), device("other", plc.port)
    points = [
        {"id": "q", "device": "quiet", "name": "Q", "address": 1, "writable": True, "asset": "A-1"},
        {"id": "o", "device": "other", "name": "O", "address": 2},
    ]
    rule = {"id": "r", "name": "High", "point": "q", "condition": "high", "limit": 10}
    handler = counted.data_hdl
    with parts.edge(tmp_path / "edge", parts.login("e1", mosquitto.port)) as edge:
        hub.push(config(1, [quiet, other], points, rules=[rule]))
        wait_for(lambda: handler.requests > 3)
        line = edge.agent._polls.line_of("quiet")
        handler.data_bank.set_holding_registers(1, [50])
        wait_for(lambda: hub.bodies("alarm_raised"))
        points[0] |= {"asset": "A-2", "write_high": 5}  # words of people and rules
        points[1] |= {"address": 7}
        hub.push(config(2, [quiet | {"asset": "A-2"}, other | {"poll_ms": 100}], points, rules=[rule]))
        wait_for(lambda: hub.status and hub.status.config_version == 2)
        seen = handler.requests
        wait_for(lambda: handler.requests > seen + 3)
        assert edge.agent._polls.line_of("quiet") is line and len(handler.peers) == 1
        hub.push(config(3, [quiet | {"poll_ms": 80}], points[:1], rules=[rule]))
        wait_for(lambda: hub.status and hub.status.config_version == 3)
        assert edge.agent._polls.line_of("other") is None
        wait_for(lambda: len(handler.peers) == 2)  # its own change is the only one that it notices


def test_the_edge_is_a_device_of_its_own(
    tmp_path: Path, plc: ModbusServer, mosquitto: parts.BrokerProcess, hub: parts.StandInHub
) -> None:
    points = [{"id": name, "device": "box", "name": name, "path": name} for name in EDGE_FIGURES]
    points.append({"id": "p", "device": "d", "name": "P", "address": 1})
    rules = [{"id": "r", "name": "Devices fail", "point": "devices_failing", "condition": "high", "limit": 0.5},
             {"id": "b", "name": "No uplink", "point": "uplink_connected", "condition": "bit",
              "when": False}]  # fmt: skip
    box = {"kind": "edge", "id": "box", "name": "Edge box", "asset": "A-9", "poll_ms": 1000}
    with parts.edge(tmp_path / "edge", parts.login("e1", mosquitto.port)):
        hub.push(config(1, [device("d", plc.port, offline_after_s=3600), box], points, rules=rules))

        def told() -> dict[str, Any]:
            return {p["id"]: p["last"] for t in hub.telemetry for p in t["points"] if p["quality"] == "good"}

        wait_for(lambda: told().keys() >= set(EDGE_FIGURES) - {"clock_skew_s"})
        figures = told()
        assert (
            figures["uplink_connected"] is True
            and figures["disk_free_mib"] > 1
            and figures["memory_mib"] > 10
        )
        assert figures["devices_failing"] == 0 and 0 <= figures["line_load"] <= 1
        plc.stop()
        (raised,) = wait_for(lambda: hub.bodies("alarm_raised"))
        assert (raised["rule"], raised["asset"], raised["value"]) == ("r", "A-9", 1)
        wait_for(lambda: told()["alarms_active"] >= 1)


@pytest.fixture
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FETTLE_LANGUAGE", "en")
    before = i18n.current()
    yield
    i18n.use(before)


def test_systemd_hears_of_start_life_and_end_and_the_outbox_is_whole(
    tmp_path: Path,
    plc: ModbusServer,
    monkeypatch: pytest.MonkeyPatch,
    english: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.settimeout(20)
    heard.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    file = tmp_path / "edge.yaml"
    file.write_text(
        f"devices:\n  - {{kind: modbus_tcp, id: d, name: Press, host: 127.0.0.1, port: {plc.port}, poll_ms: 50}}\n"
        "  - {kind: mqtt, id: m, name: Packer, url: 'mqtt://127.0.0.1:1', topic: p}\n"
        "points:\n  - {id: t, device: d, name: Oil, address: 0}\n  - {id: s, device: m, name: Speed}\n"
        "rules:\n  - {id: hot, name: Oil too hot, point: t, condition: high, limit: 80}\n"
    )
    plc.data_bank.set_holding_registers(0, [95])
    edge = parts.EdgeProcess(tmp_path / "data", None, "--config", str(file))
    edge.start()
    try:
        first = heard.recv(100)
        words = {first} | {heard.recv(100) for _ in range(6)}
        assert words == {b"READY=1", b"WATCHDOG=1"}
        status = ["status", "--data-dir", str(tmp_path / "data")]
        shown = tmp_path / "data" / "status.json"
        wait_for(lambda: shown.exists() and "Oil too hot" in shown.read_text())
        assert cli.main(status) == 0
        said = capsys.readouterr().out
        assert "running" in said and "Oil too hot" in said and "Press" in said
        assert cli.main([*status, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["running"] and document["alarms"][0]["name"] == "Oil too hot"
        assert document["qualities"]["d"] == {"good": 1} and document["names"]["m"] == "Packer"
        wait_for(
            lambda: len(
                sqlite3.connect(tmp_path / "data" / "outbox.db").execute("SELECT 1 FROM states").fetchall()
            )
        )
        assert edge.terminate() == 0
        left = [heard.recv(100)]
        while left[-1] != b"STOPPING=1":
            left.append(heard.recv(100))
    finally:
        edge.kill()
        heard.close()
    assert cli.main(status) == 0
    assert "stopped" in capsys.readouterr().out
    database = sqlite3.connect(tmp_path / "data" / "outbox.db")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_an_edge_that_was_killed_is_not_called_running(
    tmp_path: Path, plc: ModbusServer, english: None, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(
        f"devices:\n  - {{kind: modbus_tcp, id: d, name: Press, host: 127.0.0.1, port: {plc.port}, poll_ms: 50}}\n"
        "points:\n  - {id: t, device: d, name: Oil, address: 0}\n"
    )
    edge = parts.EdgeProcess(tmp_path / "data", None, "--config", str(file))
    edge.start()
    try:
        wait_for(lambda: (tmp_path / "data" / "status.json").exists(), 15)
    finally:
        edge.kill()
    assert cli.main(["status", "--data-dir", str(tmp_path / "data")]) == 0
    assert "ended without a goodbye" in capsys.readouterr().out


def test_status_is_said_in_both_languages(tmp_path: Path, english: None) -> None:
    from core.wire.uplink import ConfigError, DeviceHealth, EdgeStatus
    from edge_agent import status_words
    from edge_agent.clock import Clock
    from edge_agent.status import AlarmState, LineState, ServiceState, Snapshot

    now = Clock().wall()
    error = ConfigError(
        path="rules[0].point", code="config.unknown_point", detail="", params={"rule": "R", "point": "x"}
    )
    health = DeviceHealth(
        id="d", state="failing", code="device.gone", params={"device": "Press"}, since_at=now
    )
    snapshot = Snapshot(
        status=EdgeStatus(edge="e1", online=True, at=now, config_version=4, config_refused=5, config_errors=[error],
                          devices=[health], outbox_depth=3),
        uplink="away", names={"d": "Press"}, qualities={"d": {"good": 3, "bad_comm": 1}},
        lines=[LineState(name="10.0.0.5:502", devices=[], load=0.42, worst_late_ms=3, scans_done=9, scans_skipped=0)],
        alarms=[AlarmState(name="Oil too hot", asset="A-1", severity="critical", raised_at=now)],
        services=[ServiceState(rule="r", name="Pump", service="shelved", why="operator", by="Li Wei", until=now)],
        figures={"clock_skew_s": 75.0, "memory_mib": 61.0, "disk_free_mib": 900.0, "backlog": 2.0},
    )  # fmt: skip
    for language in i18n.LANGUAGES:
        i18n.use(language)
        said = "\n".join(status_words.lines(snapshot, alive=True))
        for code in ("{", "error.", "alarm.service", "alarm.why", "quality.", "device.state", "severity."):
            assert code not in said
        for words in ("10.0.0.5:502", "42%", "Press", "Oil too hot", "Li Wei", "+75.0", "Pump"):
            assert words in said
