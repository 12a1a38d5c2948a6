"""Orders of the hub to a running edge: each carried out once or refused with a reason, beside the polling."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyModbusTCP.server import ModbusServer

from core import i18n
from core.wire import topics
from core.wire.edge_config import EdgeConfig
from tests.conftest import wait_for
from tests.edge import parts


def config(port: int) -> EdgeConfig:
    document = {
        "edge": "e1", "version": 1, "telemetry_s": 1,
        "devices": [
            {"kind": "modbus_tcp", "id": "d", "name": "Press", "asset": "A-1", "host": "127.0.0.1", "port": port,
             "poll_ms": 50, "timeout_ms": 500},
            {"kind": "edge", "id": "box", "name": "Edge box", "poll_ms": 1000},
        ],
        "points": [
            {"id": "temp", "device": "d", "name": "Oil", "address": 10, "type": "int16", "scale": 0.1},
            {"id": "set", "device": "d", "name": "Setpoint", "address": 20, "type": "int16", "scale": 0.1,
             "writable": True, "write_low": 0, "write_high": 90},
            {"id": "run", "device": "d", "name": "Run", "area": "coil", "address": 3, "type": "bool", "writable": True},
            {"id": "skew", "device": "box", "name": "Clock", "path": "clock_skew_s"},
            {"id": "free", "device": "box", "name": "Disk", "path": "disk_free_mib"},
        ],
        "rules": [
            {"id": "hot", "name": "Oil too hot", "point": "temp", "condition": "high", "limit": 80},
            {"id": "wrong clock", "name": "Clock is wrong", "point": "skew", "condition": "outside", "limit": -60,
             "limit_high": 60},
        ],
    }  # fmt: skip
    return EdgeConfig.model_validate(document)


@pytest.fixture
def edge(
    tmp_path: Path, plc: ModbusServer, mosquitto: parts.BrokerProcess, hub: parts.StandInHub
) -> Iterator[parts.EdgeThread]:
    hub.push(config(plc.port))
    with parts.edge(tmp_path / "edge", parts.login("e1", mosquitto.port)) as edge:
        wait_for(lambda: (h := hub.health) and h.state == "ok")
        yield edge


def test_a_point_is_written_and_read_back_only_where_that_is_allowed(
    edge: parts.EdgeThread, plc: ModbusServer, hub: parts.StandInHub
) -> None:
    reply = hub.order("write", point="set", value=45.5, by="Li Wei", reason="test")
    assert (reply["ok"], reply["value"]) == (True, 45.5)
    assert plc.data_bank.get_holding_registers(20) == [455]
    assert hub.order("write", point="run", value=True)["value"] is True and plc.data_bank.get_coils(3) == [
        True
    ]
    assert hub.order("read", point="set")["value"] == 45.5
    for fields, code in [
        ({"point": "temp", "value": 1}, "write.not_allowed"),
        ({"point": "set", "value": 90.1}, "write.out_of_bounds"),
        ({"point": "set", "value": "warm"}, "write.no_value"),
        ({"point": "none", "value": 1}, "command.no_point"),
    ]:
        refused = hub.order("write", **fields)
        assert (refused["ok"], refused["code"]) == (False, code)
        for language in i18n.LANGUAGES:
            sentence = i18n.label(f"error.{code}", language)
            assert "{" not in i18n.fill(sentence, refused["params"]) and sentence != f"error.{code}"
    assert plc.data_bank.get_holding_registers(20) == [455]


def test_orders_come_in_time_once_or_not_at_all(
    edge: parts.EdgeThread, plc: ModbusServer, hub: parts.StandInHub
) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
    future = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
    late = hub.order("write", point="set", value=1, expires_at=past)
    assert late["code"] == "command.expired"
    assert hub.order("write", point="set", value=2, expires_at=future, id="same")["ok"]
    plc.data_bank.set_holding_registers(20, [0])
    again = json.dumps({"id": "same", "name": "write", "point": "set", "value": 2})
    hub.client.publish(topics.topic("e1", topics.CMD), again, 1).wait_for_publish(5)
    assert hub.order("read", point="set")["value"] == 0
    assert [reply["id"] for reply in hub.replies].count("same") == 1
    hub.client.publish(topics.topic("e1", topics.CMD), b'{"id": "new", "name": "dance"}', 1)
    (reply,) = wait_for(lambda: [reply for reply in hub.replies if reply["id"] == "new"])
    assert reply["code"] == "command.unknown"
    for garbage in (b"", b"\xff", b"[" * 5000, b'{"name": "status"}', b'{"id": 5}'):
        hub.client.publish(topics.topic("e1", topics.CMD), garbage, 1)
    assert hub.order("status")["ok"]


def test_an_order_for_later_is_no_order(
    tmp_path: Path, plc: ModbusServer, mosquitto: parts.BrokerProcess, hub: parts.StandInHub
) -> None:
    order = json.dumps({"id": "kept", "name": "write", "point": "set", "value": 9})
    hub.client.publish(topics.topic("e1", topics.CMD), order, 1, retain=True).wait_for_publish(5)
    hub.push(config(plc.port))
    with parts.edge(tmp_path / "edge", parts.login("e1", mosquitto.port)):
        wait_for(lambda: (h := hub.health) and h.state == "ok")
        assert hub.order("read", point="set")["value"] == 0
        assert [reply["id"] for reply in hub.replies if reply["id"] == "kept"] == []


def test_rules_are_shelved_and_taken_out_of_service_by_order(
    edge: parts.EdgeThread, plc: ModbusServer, hub: parts.StandInHub
) -> None:
    assert hub.order("shelve", rule="hot", seconds=600, by="Li Wei", reason="oil change")["ok"]
    changed = wait_for(lambda: hub.bodies("service_changed"))[-1]
    assert (changed["service"], changed["by"], changed["reason"]) == ("shelved", "Li Wei", "oil change")
    plc.data_bank.set_holding_registers(10, [900])
    assert hub.order("read", point="temp")["value"] == 90
    assert hub.order("unshelve", rule="hot")["ok"]
    (raised,) = wait_for(lambda: hub.bodies("alarm_raised"))
    assert raised["rule"] == "hot"
    assert hub.order("acknowledge", rule="hot", by="Li Wei")["ok"]
    assert hub.order("out_of_service", rule="hot", reason="rebuilt")["ok"]
    wait_for(lambda: hub.bodies("alarm_cleared"))
    assert hub.order("in_service", rule="hot")["ok"]
    refused = hub.order("shelve", rule="nowhere", seconds=60)
    assert (refused["ok"], refused["code"]) == (False, "rule.not_here")


def test_a_device_that_is_away_is_said_to_be_away(
    edge: parts.EdgeThread, plc: ModbusServer, hub: parts.StandInHub
) -> None:
    plc.stop()
    wait_for(lambda: (h := hub.health) and h.state == "failing")
    reply = hub.order("write", point="set", value=1)
    assert not reply["ok"] and reply["code"].startswith("device.") and reply["params"]["host"] == "127.0.0.1"


def test_the_clock_is_measured_against_the_hubs_and_orders_are_judged_by_it(
    edge: parts.EdgeThread, plc: ModbusServer, hub: parts.StandInHub
) -> None:
    assert hub.order("read", point="skew")["value"] is None
    assert hub.order("read", point="free")["value"] > 0
    hub.ahead_s = -600  # the edge's clock goes ten minutes before the hub's
    plc.data_bank.set_holding_registers(10, [900])
    raised = wait_for(lambda: [r for r in hub.bodies("alarm_raised") if r["rule"] == "wrong clock"])
    assert 599 < raised[0]["value"] < 605
    by_the_hub = datetime.now(UTC) - timedelta(seconds=570)
    assert hub.order("write", point="set", value=3, expires_at=by_the_hub.isoformat())["ok"]


def test_looking_around_goes_beside_the_polling(
    edge: parts.EdgeThread, plc: ModbusServer, hub: parts.StandInHub
) -> None:
    request = {"host": "127.0.0.1", "port": plc.port, "first_unit": 1, "last_unit": 2, "timeout_ms": 200}
    reply = hub.order("probe", probe=request)
    assert reply["ok"] and reply["result"]["units"][0]["unit"] == 1
    assert hub.order("probe")["code"] == "command.unknown"
