"""The sample plant's devices, points and rules fit the virtual plant, in both languages alike."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from core.i18n import LANGUAGES
from core.paths import ASSETS
from core.wire.edge_config import EdgeConfig
from edge_agent import config as edge_config
from edge_agent.plant import FAULTS, Plant
from edge_agent.plant_base import ModbusMachine


def sample(language: str) -> dict[str, Any]:
    with (ASSETS / "demo" / f"plant.{language}.toml").open("rb") as file:
        return tomllib.load(file)


def as_config(plant: dict[str, Any]) -> EdgeConfig:
    """The sample as the hub would push it."""
    document: dict[str, Any] = {"edge": "e", "version": 1, "devices": [], "points": [], "rules": []}
    for device in plant["devices"]:
        document["devices"].append(
            {**device["config"], "kind": device["kind"], "id": device["key"], "name": device["name"]}
        )
        for point in device["points"]:
            document["points"].append(
                {**point, "id": f"{device['key']}.{point['key']}", "device": device["key"]}
            )
        for rule in device["rules"]:
            outside = {"team", "failure_mode", "kit", "point"}
            shape = {key: value for key, value in rule.items() if key not in outside}
            point_id = f"{device['key']}.{rule['point']}"
            document["rules"].append({**shape, "id": f"r{len(document['rules'])}", "point": point_id})
    return edge_config.parse(document)


def without_words(value: Any, key: str = "") -> Any:
    """The sample with every text replaced that is meant for people."""
    words = {"name", "title", "spec", "unit", "category", "maker", "supplier", "description", "plant"}
    if isinstance(value, dict):
        return {k: without_words(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [without_words(v, key) for v in value]
    return "…" if isinstance(value, str) and (key in words or key in ("skills", "choices")) else value


def test_both_languages_have_the_same_plant() -> None:
    assert without_words(sample("zh_CN")) == without_words(sample("en"))
    text = (ASSETS / "demo" / "plant.en.toml").read_text("utf-8")
    assert not [line for line in text.splitlines() if any("\u4e00" <= c <= "\u9fff" for c in line)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_point_lies_where_the_simulator_has_a_value(language: str) -> None:
    plant = Plant()
    config = as_config(sample(language))
    machines = {m.name: m for m in plant.machines.values() if isinstance(m, ModbusMachine)}
    for point in config.points:
        machine = machines.get(point.device)
        if machine is None:
            value: object = plant.packing.message()
            for part in point.path.split("."):
                assert isinstance(value, dict)
                value = value[part]
            assert isinstance(value, bool | int | float)
        elif point.area in ("coil", "discrete"):
            assert point.address < len(machine.flags[point.area]), point
        else:
            (cell,) = [cell for cell in machine.cells[point.area] if cell.address == point.address]
            assert (point.type, point.scale, point.order) == (cell.type, cell.scale, cell.order), point
            assert point.bit is None or cell.name == "status"
    for device in config.devices:
        if device.kind == "modbus_tcp":
            assert device.unit == machines[device.id].unit


def test_each_alarm_fault_meets_a_rule() -> None:
    """Faults that a rule should see have one; healthy machines meet none."""
    rules = {rule["point"] for device in sample("en")["devices"] for rule in device["rules"]}
    assert {"zone2", "trip", "door", "discharge", "pressure", "jam", "motor"} <= rules
    assert len(FAULTS) == 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_and_references_hold(language: str) -> None:
    plant = sample(language)
    teams = {team["key"] for team in plant["teams"]}
    shifts = {shift["key"] for shift in plant["shifts"]}
    parts = {part["number"] for part in plant["parts"]}
    assets = [asset["number"] for asset in plant["assets"]]
    codes = {code["code"] for code in plant["failure_codes"] if code["kind"] == "mode"}
    assert len(assets) == len(set(assets)) and 15 <= len(assets) <= 25
    assert len(parts) == len(plant["parts"]) == 20
    for person in plant["people"]:
        assert set(person["teams"]) <= teams and set(person["shifts"]) <= shifts
    for asset in plant["assets"]:
        assert asset.get("parent", assets[0]) in assets
    rules = [rule for device in plant["devices"] for rule in device["rules"]]
    for rule in rules:
        assert rule["team"] in teams and rule["failure_mode"] in codes
    for kit in [*(plan["kit"] for plan in plant["plans"]), *(rule["kit"] for rule in rules)]:
        assert {line["part"] for line in kit} <= parts
    assert any(plan["due_in_days"] == 0 for plan in plant["plans"])
    names = [point["name"] for device in plant["devices"] for point in device["points"]]
    assert all(names)
    for device in plant["devices"]:
        own = [point["name"] for point in device["points"]]
        assert len(own) == len(set(own)), "points of a device are known by their names"


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_team_has_somebody_at_every_hour(language: str) -> None:
    plant = sample(language)
    spans = {s["key"]: (int(s["start"][:2]), int(s["end"][:2]), len(s["weekdays"])) for s in plant["shifts"]}

    def works(shift: str, hour: int) -> bool:
        start, end, days = spans[shift]
        return days == 7 and (start <= hour < end if start < end else hour >= start or hour < end)

    for team in ("mech", "elec"):
        for hour in range(24):
            at_work = [
                person["login"]
                for person in plant["people"]
                if team in person["teams"] and "technician" in person["roles"]
                if any(works(shift, hour) for shift in person["shifts"])
            ]
            assert at_work, (team, hour)
