"""The shipped register maps: each is sound, is planned and decoded, and becomes a device of an edge."""

from __future__ import annotations

import struct
from datetime import datetime
from pathlib import Path

import pytest

from core.domain.people import SYSTEM
from core.errors import AppError, NotFound
from core.services import device_library, devices, edge_configs, fleet
from core.storage.tables import DeviceRow, JournalRow, PointRow, RuleRow
from core.wire.device_library import AddFromLibrary, LibraryMap
from core.wire.edge_config import EdgeConfig, PointConfig
from edge_agent import config as edge_config
from edge_agent import planner
from edge_agent.drivers.encode import encode
from tests.hub.conftest import Plant

FILES = sorted(device_library.FOLDER.glob("*.yaml"))
CONNECTIONS = {
    "modbus_tcp": {"host": "10.0.0.5"},
    "modbus_rtu_tcp": {"host": "10.0.0.6"},
    "modbus_rtu": {"serial_port": "/dev/ttyUSB0"},
    "mqtt": {"url": "mqtt://10.0.0.5:1883", "topic": "x/#"},
}


def wish(found: LibraryMap, kind: str = "", **more: object) -> AddFromLibrary:
    kind = kind or found.kind
    config = {name: value for name, value in CONNECTIONS[kind].items() if name not in found.config}
    shape = {"map": found.key, "name": "New", "kind": kind, "config": config, "language": "en"}
    return AddFromLibrary.model_validate(shape | more)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_map_is_sound(file: Path) -> None:
    found = device_library.read(file)
    assert found.points and found.source and found.kind not in found.kinds[1:]
    assert found.kind in (found.kinds or [found.kind])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_map_becomes_a_device_that_the_edge_takes(
    file: Path, sqlite_plant: Plant, now: datetime
) -> None:
    found = device_library.read(file)
    for kind in dict.fromkeys([found.kind, *found.kinds]):
        asked = wish(found, kind, rules=list(range(len(found.rules))))
        made = device_library.add(SYSTEM, sqlite_plant.edge.id, asked, now=now)
        assert len(devices.points(SYSTEM, made.id)) == len(found.points)
    assert RuleRow.select().count() == len(found.rules) * len(dict.fromkeys([found.kind, *found.kinds]))
    whole = edge_configs.shown(SYSTEM, sqlite_plant.edge.id)
    again = EdgeConfig.model_validate_json(whole.model_dump_json())
    assert list(edge_config.check(again)) == []


POLLED = [file for file in FILES if device_library.read(file).kind.startswith("modbus")]


@pytest.mark.parametrize("file", POLLED, ids=lambda file: file.stem)
def test_each_map_is_planned_and_decodes_what_it_wrote(file: Path) -> None:
    found = device_library.read(file)
    points = []
    for point in found.points:
        shape = point.model_dump(exclude={"key", "name", "unit", "meanings"}) | {
            "writable": True,
            "area": "holding",
        }
        shape |= {"write_low": None, "write_high": None}
        points.append(PointConfig(id=point.key, device="d", name=point.key, **shape))
    real = [
        PointConfig(
            id=p.key, device="d", name=p.key, **p.model_dump(exclude={"key", "name", "unit", "meanings"})
        )
        for p in found.points
    ]
    device = edge_config.parse(
        {
            "edge": "e",
            "version": 1,
            "devices": [
                CONNECTIONS[found.kind] | {"kind": found.kind, "id": "d", "name": "D"} | found.config
            ],
        }
    ).devices[0]
    assert {p.id for block in planner.blocks(device, real) for p in block.points} == {p.id for p in real}  # type: ignore[arg-type]  # polled
    for point in points:
        if point.scale_point:
            continue
        value: float | bool | str = 3.0 if point.scale >= 1 else 12 * point.scale + point.offset
        if point.bit is not None or point.type == "bool":
            value = True
        elif point.type == "string":
            value = "text"
        elif point.scale > 1 or point.offset:
            value = 6 * point.scale + point.offset
        registers = encode(point, value).registers
        decoder = planner.make(3, [point]).decoder
        assert decoder.values(struct.pack(f">{len(registers)}H", *registers)) == [pytest.approx(value)]


def test_there_are_many_families() -> None:
    maps = [device_library.read(file) for file in FILES]
    assert len(maps) >= 14
    assert {"power_meter", "vfd", "temperature", "inverter", "io"} <= {found.category for found in maps}


def test_only_what_is_wanted_is_made_and_what_that_needs(sqlite_plant: Plant, now: datetime) -> None:
    asked = wish(
        device_library.one(SYSTEM, "xy_md02"),
        points=["humidity"],
        rules=[0],
        name="Sensor",
        asset_id=sqlite_plant.press.id,
    )
    made = device_library.add(SYSTEM, sqlite_plant.edge.id, asked, now=now)
    assert [point.name for point in devices.points(SYSTEM, made.id)] == ["Temperature", "Relative humidity"]
    rule = RuleRow.get()
    assert (rule.name, rule.severity, rule.point.name) == ("Room too hot", "minor", "Temperature")
    assert made.config["baud_rate"] == 9600 and made.config["serial_port"] == "/dev/ttyUSB0"
    assert made.asset is not None and made.asset.id == sqlite_plant.press.id
    assert [row.verb for row in JournalRow.select()] == ["device.created"]
    assert fleet.edge(SYSTEM, sqlite_plant.edge.id).config_dirty


def test_addresses_can_be_moved(sqlite_plant: Plant, now: datetime) -> None:
    asked = wish(device_library.one(SYSTEM, "xy_md02"), "modbus_tcp", shift=100)
    made = device_library.add(SYSTEM, sqlite_plant.edge.id, asked, now=now)
    assert [point.address for point in devices.points(SYSTEM, made.id)] == [101, 102]
    assert "baud_rate" not in made.config


def test_meanings_are_in_the_language_asked_for(sqlite_plant: Plant, now: datetime) -> None:
    inverter = device_library.one(SYSTEM, "sunspec_inverter_103")
    for language, word in (("zh_CN", "故障"), ("en", "fault")):
        asked = wish(inverter, points=["st"], rules=[0], language=language)
        made = device_library.add(SYSTEM, sqlite_plant.edge.id, asked, now=now)
        (state,) = devices.points(SYSTEM, made.id)
        (rule,) = devices.rules(SYSTEM, state.id)
        assert state.words_of["7"] == word and rule.equals == word


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"map": "nothing"}, "library.not_found"),
        ({"kind": "mqtt"}, "library.kind"),
        ({"points": ["nothing"]}, "library.no_point"),
        ({"rules": [99]}, "library.no_rule"),
        ({"rules": [-1]}, "library.no_rule"),
        ({"shift": -5}, "library.shift"),
        ({"config": {"serial_port": ""}}, "device.invalid"),
        ({"asset_id": 999}, "asset.not_found"),
    ],
)
def test_what_cannot_be_made_leaves_nothing(
    sqlite_plant: Plant, now: datetime, more: dict[str, object], code: str
) -> None:
    asked = wish(device_library.one(SYSTEM, "xy_md02")).model_copy(update=more)
    with pytest.raises(AppError) as refused:
        device_library.add(SYSTEM, sqlite_plant.edge.id, asked, now=now)
    assert refused.value.code == code
    assert (
        not DeviceRow.select().count() and not PointRow.select().count() and not JournalRow.select().count()
    )


def test_the_doors_answer(hub) -> None:  # type: ignore[no-untyped-def]  # RunningHub is known only to the fixture
    listed = hub.get("/device-library")
    assert {"xy_md02"} <= {LibraryMap.model_validate(one).key for one in listed}
    assert "writable" not in listed[0]["points"][0], "usual values are left out"
    whole = hub.get("/device-library/xy_md02")
    assert whole["points"][0]["order"] == "ABCD"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a list", "not a mapping"),
        ("points: [{key: a, name: {zh_CN: 甲, en: A}, adress: 5}]", "adress"),
        ("points: [{key: a, name: {en: A}}]", "zh_CN"),
        ("points: [{key: a, name: {zh_CN: 甲, en: A}, scale: 0}]", "scale"),
        ("points: [{key: a, name: {zh_CN: 甲, en: A}}, {key: a, name: {zh_CN: 甲, en: A}}]", "twice"),
        ("points: [{key: a, name: {zh_CN: 甲, en: A}, scale_point: b}]", "no point b"),
        (
            "points: [{key: a, name: {zh_CN: 甲, en: A}}]\n"
            "rules: [{point: b, name: {zh_CN: 甲, en: A}, condition: high, limit: 1}]",
            "no point b",
        ),
        (
            "points: [{key: a, name: {zh_CN: 甲, en: A}}]\n"
            "rules: [{point: a, name: {zh_CN: 甲, en: A}, condition: high}]",
            "limit",
        ),
        (
            "points: [{key: a, name: {zh_CN: 甲, en: A}}]\n"
            "rules: [{point: a, name: {zh_CN: 甲, en: A}, condition: bit}]",
            "does not fit",
        ),
    ],
)
def test_a_map_with_a_mistake_is_not_taken(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "new_map.yaml"
    head = "" if text.startswith("-") else "name: {zh_CN: 新, en: New}\ncategory: io\nsource: none\n"
    file.write_text(head + text, encoding="utf-8")
    with pytest.raises(ValueError, match=says):
        device_library.read(file)


def test_a_map_that_is_not_there(sqlite_plant: Plant) -> None:
    with pytest.raises(NotFound):
        device_library.one(SYSTEM, "nothing")
