"""Edges: joining, logins, configuration, and what cannot be configured."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.domain.people import Actor, Role
from core.errors import AppError, Conflict, Forbidden, NotFound, TooMany
from core.i18n import explain
from core.services import assets, devices, edge_configs, fleet, settings
from core.storage.tables import DeviceRow, EdgeConfigRow, EdgeRow, JoinCodeRow, JournalRow, RuleRow
from core.wire.assets import SaveAsset
from core.wire.edge_config import EdgeConfig
from core.wire.fleet import DeviceView, EdgeView, SaveDevice, SaveEdge, SavePoint, SaveRule
from core.wire.uplink import JoinEdge
from tests.hub.actors import hub_in, person


@pytest.fixture(autouse=True)
def quiet(database: str, tmp_path: Path) -> Iterator[None]:
    fleet._wrong_codes.clear()
    fleet._logins.clear()
    with hub_in(tmp_path / "hub"):
        yield


@pytest.fixture
def admin(database: str) -> Actor:
    return person("Root", Role.ADMIN)


@pytest.fixture
def edge(admin: Actor, now: datetime) -> EdgeView:
    return fleet.create_edge(admin, SaveEdge(name="Hall 1"), now=now)


@pytest.fixture
def plc(admin: Actor, edge: EdgeView, now: datetime) -> DeviceView:
    return devices.create_device(admin, edge.id, modbus(), now=now)


def modbus(**config: Any) -> SaveDevice:
    return SaveDevice(name="PLC", kind="modbus_tcp", config={"host": "10.0.0.5", "unit": 3, **config})


def join(code: str, now: datetime) -> Any:
    return fleet.join(JoinEdge(code=code, hostname="box"), now=now)


def test_an_edge_gets_an_id_and_keeps_it(admin: Actor, edge: EdgeView, now: datetime) -> None:
    assert (edge.edge_id, edge.joined, edge.online) == ("edge-1", False, False)
    assert fleet.create_edge(admin, SaveEdge(name="Hall 2"), now=now).edge_id == "edge-2"
    with pytest.raises(Conflict) as caught:
        fleet.create_edge(admin, SaveEdge(name="X", edge_id="edge-1"), now=now)
    assert caught.value.code == "edge.id_taken"
    with pytest.raises(Conflict) as fixed:
        fleet.save_edge(admin, edge.id, SaveEdge(name="X", edge_id="other"), now=now)
    assert fixed.value.code == "edge.id_fixed"
    assert (
        fleet.save_edge(admin, edge.id, SaveEdge(name="Hall A", edge_id="edge-1"), now=now).name == "Hall A"
    )


def test_joining_by_a_code_that_is_good_once(admin: Actor, edge: EdgeView, now: datetime) -> None:
    told = fleet.make_join_code(admin, edge.id, now=now)
    assert told.command == f"fettle edge join https://fettle.example.cn {told.code}"
    joined = join(told.code.lower().replace("-", ""), now)
    assert (joined.edge, joined.mqtt_host, joined.mqtt_port) == ("edge-1", "127.0.0.1", 1883)
    assert fleet.check_login("edge-1", joined.password) and not fleet.check_login(
        "edge-1", joined.password + "x"
    )
    assert not fleet.check_login("edge-2", joined.password)
    with pytest.raises(NotFound) as caught:
        join(told.code, now)
    assert caught.value.code == "edge.bad_code"
    everything = str(list(JournalRow.select().dicts())) + str(list(EdgeRow.select().dicts()))
    assert joined.password not in everything and told.code not in everything
    assert JournalRow.get(JournalRow.verb == "edge.joined").data["hostname"] == "box"


@pytest.mark.parametrize("address", ["192.168.1.20", "fe80::1", "::ffff:10.0.0.7"])
def test_an_edge_elsewhere_is_not_told_a_broker_it_cannot_reach(
    admin: Actor, edge: EdgeView, now: datetime, address: str
) -> None:
    request = JoinEdge(code=fleet.make_join_code(admin, edge.id, now=now).code, hostname="box")
    with pytest.raises(AppError) as caught:
        fleet.join(request, now=now, address=address)
    assert caught.value.code == "edge.broker_local"
    assert "broker.bind" in explain(caught.value)
    # The code is still good where the broker can be reached.
    assert fleet.join(request, now=now, address="::ffff:127.0.0.1").edge == "edge-1"


def test_codes_expire_and_newer_ones_replace_them(admin: Actor, edge: EdgeView, now: datetime) -> None:
    old = fleet.make_join_code(admin, edge.id, now=now)
    new = fleet.make_join_code(admin, edge.id, now=now)
    with pytest.raises(NotFound):
        join(old.code, now)
    with pytest.raises(NotFound):
        join(new.code, now + timedelta(minutes=15))
    join(new.code, now + timedelta(minutes=14))
    assert JoinCodeRow.select().count() == 1


def test_joining_again_makes_the_old_password_worthless(admin: Actor, edge: EdgeView, now: datetime) -> None:
    first = join(fleet.make_join_code(admin, edge.id, now=now).code, now)
    assert fleet.check_login("edge-1", first.password)
    second = join(fleet.make_join_code(admin, edge.id, now=now).code, now)
    assert fleet.check_login("edge-1", second.password) and not fleet.check_login("edge-1", first.password)
    fleet.save_edge(admin, edge.id, SaveEdge(name="Hall 1", active=False), now=now)
    assert not fleet.check_login("edge-1", second.password), "shut out"


def test_guessing_codes_is_slow(admin: Actor, edge: EdgeView, now: datetime) -> None:
    for _try in range(10):
        with pytest.raises(NotFound):
            join("AAAAA-AAAAA", now)
    with pytest.raises(TooMany):
        join(fleet.make_join_code(admin, edge.id, now=now).code, now)


@pytest.mark.skipif(shutil.which("mosquitto_passwd") is None, reason="mosquitto_passwd is not installed")
def test_the_hash_is_what_mosquitto_makes(tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    file.touch()
    subprocess.run(["mosquitto_passwd", "-b", str(file), "edge-1", "secret"], check=True, capture_output=True)
    _, _, rounds, salt, _ = file.read_text().strip().split(":", 1)[1].split("$")

    ours = fleet.broker_hash("secret", base64.b64decode(salt), int(rounds))
    assert file.read_text().strip() == f"edge-1:{ours}"


def test_a_push_sends_everything_that_is_active(
    admin: Actor, edge: EdgeView, plc: DeviceView, now: datetime
) -> None:
    press = assets.create(admin, SaveAsset(name="Press"), now=now)
    motor = assets.create(admin, SaveAsset(name="Motor"), now=now)
    devices.save_device(admin, plc.id, modbus().model_copy(update={"asset_id": press.id}), now=now)
    broker = SaveDevice(
        name="Scale",
        kind="mqtt",
        config={"url": "mqtt://10.0.0.9:1883", "topic": "scale/#", "password": "hidden-word"},
    )
    scale = devices.create_device(admin, edge.id, broker, now=now)
    oil = devices.create_point(admin, plc.id, SavePoint(name="Oil", type="float32", scale=0.1), now=now)
    devices.create_point(admin, plc.id, SavePoint(name="Amps", address=9, asset_id=motor.id), now=now)
    devices.create_point(admin, plc.id, SavePoint(name="Off", active=False), now=now)
    devices.create_point(admin, scale.id, SavePoint(name="Weight", path="w"), now=now)
    devices.create_rule(
        admin, oil.id, SaveRule(name="Hot", condition="high", limit=70, on_delay_s=5), now=now
    )
    devices.create_rule(admin, oil.id, SaveRule(name="Off", condition="low", limit=1, active=False), now=now)
    assert fleet.edge(admin, edge.id).config_dirty
    pushed = edge_configs.push(admin, edge.id, now=now)
    assert (pushed.version, pushed.devices, pushed.points, pushed.rules) == (1, 2, 3, 1)
    sent = EdgeConfig.model_validate(EdgeConfigRow.get().body)
    assert [(p.name, p.asset) for p in sent.points] == [
        ("Oil", "A-00001"),
        ("Amps", "A-00002"),
        ("Weight", ""),
    ]
    assert (sent.rules[0].id, sent.rules[0].asset, sent.rules[0].limit) == (
        str(RuleRow.get().id),
        "A-00001",
        70.0,
    )
    assert sent.devices[1].kind == "mqtt" and sent.devices[1].password == "hidden-word"
    shown = edge_configs.shown(admin, edge.id)
    assert shown.version == 2 and "hidden-word" not in shown.model_dump_json()
    assert not fleet.edge(admin, edge.id).config_dirty
    devices.save_point(admin, oil.id, SavePoint(name="Oil", type="float32"), now=now)
    assert fleet.edge(admin, edge.id).config_dirty and edge_configs.push(admin, edge.id, now=now).version == 2


def test_secrets_are_written_never_shown(admin: Actor, edge: EdgeView, now: datetime) -> None:
    config = {"url": "mqtt://10.0.0.9:1883", "topic": "scale/#", "password": "hidden-word"}
    made = devices.create_device(admin, edge.id, SaveDevice(name="S", kind="mqtt", config=config), now=now)
    assert made.config["password"] == ""
    changed = {**made.config, "topic": "other/#"}
    devices.save_device(admin, made.id, SaveDevice(name="S", kind="mqtt", config=changed), now=now)
    row = DeviceRow.get_by_id(made.id)
    assert row.config["password"] == "hidden-word" and row.config["topic"] == "other/#"
    assert "hidden-word" not in str(list(JournalRow.select().dicts()))
    assert devices.devices(admin, edge.id)[0].config["password"] == ""


@pytest.mark.parametrize(
    ("config", "code", "field"),
    [
        ({"host": ""}, "device.invalid", "config.host"),
        ({"port": 70_000}, "device.invalid", "config.port"),
        ({"unit": "three"}, "device.invalid", "config.unit"),
        ({"poll_sm": 5}, "device.unknown_field", "config.poll_sm"),
    ],
)
def test_bad_devices_name_the_field(
    admin: Actor, edge: EdgeView, now: datetime, config: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(AppError) as caught:
        devices.create_device(admin, edge.id, modbus(**config), now=now)
    assert caught.value.code == code and list(caught.value.fields) == [field]
    assert DeviceRow.select().count() == 0


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"scale": 0}, "point.scale_zero", "scale"),
        ({"type": "float64", "address": 65_533}, "point.beyond_end", "address"),
        ({"type": "bool"}, "point.bit_missing", "bit"),
        ({"type": "float32", "bit": 3}, "point.bit_not_here", "bit"),
        ({"area": "coil", "bit": 3}, "point.bit_not_here", "bit"),
        ({"asset_id": 99}, "asset.not_found", "asset_id"),
    ],
)
def test_bad_points_name_the_field(
    admin: Actor, plc: DeviceView, now: datetime, values: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(AppError) as caught:
        devices.create_point(admin, plc.id, SavePoint(name="P", **values), now=now)
    assert caught.value.code == code and list(caught.value.fields) == [field]


@pytest.mark.parametrize(
    ("point", "rule", "code", "field"),
    [
        ({}, {"condition": "high"}, "rule.limit_missing", "limit"),
        ({}, {"condition": "no_data"}, "rule.after_missing", "after_s"),
        ({}, {"condition": "bit"}, "rule.does_not_fit", "condition"),
        ({"area": "coil"}, {"condition": "high", "limit": 1}, "rule.does_not_fit", "condition"),
        ({"type": "bool", "bit": 2}, {"condition": "low", "limit": 1}, "rule.does_not_fit", "condition"),
        ({}, {"condition": "high", "limit": 1, "team_id": 99}, "team.not_found", "team_id"),
        ({}, {"condition": "high", "limit": 1, "kit": [{"part_id": 9, "qty": 1}]}, "part.not_found", "kit"),
    ],
)
def test_bad_rules_name_the_field(
    admin: Actor,
    plc: DeviceView,
    now: datetime,
    point: dict[str, Any],
    rule: dict[str, Any],
    code: str,
    field: str,
) -> None:
    made = devices.create_point(admin, plc.id, SavePoint(name="P", **point), now=now)
    with pytest.raises(AppError) as caught:
        devices.create_rule(admin, made.id, SaveRule(name="R", **rule), now=now)
    assert caught.value.code == code and list(caught.value.fields) == [field]
    assert devices.rules(admin, made.id) == []


def test_a_point_does_not_change_under_its_rules(admin: Actor, plc: DeviceView, now: datetime) -> None:
    made = devices.create_point(admin, plc.id, SavePoint(name="P"), now=now)
    devices.create_rule(admin, made.id, SaveRule(name="Hot", condition="high", limit=9), now=now)
    with pytest.raises(AppError) as caught:
        devices.save_point(admin, made.id, SavePoint(name="P", type="bool", bit=1), now=now)
    assert caught.value.code == "rule.does_not_fit" and caught.value.params["rule"] == "Hot"
    assert devices.points(admin, plc.id)[0].type == "uint16", "nothing half-done"


def test_a_rule_on_a_point_that_is_not_there(admin: Actor, now: datetime) -> None:
    with pytest.raises(NotFound) as caught:
        devices.create_rule(admin, 99, SaveRule(name="R", condition="high", limit=1), now=now)
    assert caught.value.code == "point.not_found"


def test_versions_and_kinds_are_kept(admin: Actor, plc: DeviceView, now: datetime) -> None:
    devices.save_device(admin, plc.id, modbus(port=503).model_copy(update={"version": 1}), now=now)
    with pytest.raises(Conflict) as caught:
        devices.save_device(admin, plc.id, modbus().model_copy(update={"version": 1}), now=now)
    assert caught.value.code == "device.changed"
    other = SaveDevice(name="PLC", kind="mqtt", config={"url": "mqtt://h:1", "topic": "t"})
    with pytest.raises(AppError) as kind:
        devices.save_device(admin, plc.id, other, now=now)
    assert kind.value.code == "device.kind_fixed"


def test_who_may_read_does_not_edit(admin: Actor, edge: EdgeView, now: datetime) -> None:
    dispatcher = person("D", Role.DISPATCHER)
    assert [e.name for e in fleet.edges(dispatcher)] == ["Hall 1"] and fleet.dead_letters(dispatcher) == []
    for forbidden in (
        lambda: edge_configs.push(dispatcher, edge.id, now=now),
        lambda: fleet.make_join_code(dispatcher, edge.id, now=now),
        lambda: devices.create_device(dispatcher, edge.id, modbus(), now=now),
        lambda: fleet.edges(person("T", Role.TECHNICIAN)),
    ):
        with pytest.raises(Forbidden):
            forbidden()


@pytest.mark.parametrize("edge_id", ["in", "hub"])
def test_words_that_mean_others_are_no_edge(admin: Actor, now: datetime, edge_id: str) -> None:
    with pytest.raises(Conflict) as caught:
        fleet.create_edge(admin, SaveEdge(name="Hall 2", edge_id=edge_id), now=now)
    assert caught.value.code == "edge.id_reserved"


def test_who_joins_is_given_the_plants_own_authorities(
    admin: Actor, edge: EdgeView, now: datetime, tmp_path: Path
) -> None:
    def joined(**chosen: Any) -> str:
        hub = settings.hub()
        settings.use(
            hub.model_copy(
                update={
                    "http": hub.http.model_copy(
                        update={"tls_ca": chosen.get("http"), "public_url": chosen["url"]}
                    ),
                    "broker": hub.broker.model_copy(update={"ca_file": chosen.get("broker")}),
                }
            )
        )
        code = fleet.make_join_code(admin, edge.id, now=now).code
        return fleet.join(JoinEdge(code=code), now=now).ca_pem

    one, two = tmp_path / "one.pem", tmp_path / "two.pem"
    one.write_text("ONE")
    two.write_text("TWO\n")
    assert joined(url="https://x") == joined(url="https://x", broker=two) == ""
    assert joined(url="http://x", broker=two) == "TWO\n"
    assert joined(url="https://x", http=one, broker=two) == "ONE\nTWO\n"
    with pytest.raises(AppError) as caught:
        joined(url="https://x", http=tmp_path / "none.pem")
    assert caught.value.code == "settings.bad_value"
