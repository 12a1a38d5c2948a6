"""Configurations: taken whole or refused with place and remedy, in a file and from the hub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core import i18n
from core.errors import AppError
from edge_agent import config as configs
from edge_agent.config import BadConfig

ROOT = Path(__file__).resolve().parents[2]

GOOD = """
devices:
  - {kind: modbus_tcp, id: press, name: Press, host: 192.168.1.20}
  - {kind: mqtt, id: packer, name: Packer, url: "mqtt://broker", topic: "plant/#"}
points:
  - {id: oil temperature, device: press, name: Oil, address: 10, type: float32}
  - {id: speed, device: packer, name: Speed, path: "drive[0].speed"}
rules:
  - {id: hot, name: Hot, point: oil temperature, condition: high, limit: 80}
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "edge.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_good_file_is_taken_with_peoples_own_words_as_ids(tmp_path: Path) -> None:
    config = configs.from_file(write(tmp_path, GOOD))
    assert (config.edge, config.version) == ("standalone", 1)
    assert [point.id for point in config.points] == ["oil temperature", "speed"]


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    [
        ("point: oil temperature", "point: oil", "rules[0].point", "config.unknown_point"),
        (
            "device: packer, name: Speed",
            "device: pack, name: Speed",
            "points[1].device",
            "config.unknown_device",
        ),
        (", limit: 80", "", "rules[0].limit", "rule.limit_missing"),
        ("condition: high, limit: 80", "condition: no_data", "rules[0].after_s", "rule.after_missing"),
        ("id: speed", "id: oil temperature", "points[1].id", "config.id_twice"),
        ("id: packer", "id: press", "devices[1].id", "config.id_twice"),
        ("address: 10", "address: 65535", "points[0].address", "point.beyond_end"),
        ("host: 192.168.1.20", "host: h, max_registers: 1", "points[0].type", "point.too_wide"),
        ("drive[0].speed", "drive[speed", "points[1].path", "config.bad_path"),
        ("host: 192.168.1.20", "host: h, port: 99999", "devices[0].port", "config.bad_value"),
        ("condition: high", "condition: higher", "rules[0].condition", "config.bad_value"),
        ('url: "mqtt://broker"', 'url: "http://broker"', "devices[1].url", "config.bad_value"),
        ("id: press", f"id: {'p' * 36}", "devices[0].id", "config.id_too_long"),
        ("rules:", "ruls: []\nrules:", "ruls", "config.unknown_key"),
        ("condition: high", "condition: high, on_delay: 5", "rules[0].on_delay", "config.unknown_key"),
        ("address: 10", "adress: 10", "points[0].adress", "config.unknown_key"),
        ("id: packer", "id: packer, unit: 2", "devices[1].unit", "config.unknown_key"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, old: str, new: str, path: str, code: str
) -> None:
    assert old in GOOD
    with pytest.raises(AppError) as caught:
        configs.from_file(write(tmp_path, GOOD.replace(old, new, 1)))
    assert caught.value.code == "config.bad" and caught.value.fields[path] == code
    for language in i18n.LANGUAGES:
        said = i18n.explain(caught.value, language)
        assert str(tmp_path) in said and path in said and "{" not in said


PLANT = """
timezone: Asia/Shanghai
alarms: {flood_raises: 10}
devices:
  - {kind: modbus_rtu, id: m1, name: Meter 1, serial_port: /dev/ttyUSB0, unit: 1}
  - {kind: modbus_rtu, id: m2, name: Meter 2, serial_port: /dev/ttyUSB0, unit: 2, parent: gw}
  - {kind: modbus_tcp, id: gw, name: Gateway, host: Plc}
  - {kind: modbus_tcp, id: gw2, name: Gateway 2, host: plc, unit: 2}
  - {kind: mqtt, id: cell, name: Cell, url: "mqtt://b:1883", topic: spBv1.0/G/+/N/#, payload: sparkplug_b}
  - {kind: mqtt, id: plug, name: Plug, url: "mqtt://b", topic: tele/+/SENSOR, alive_topic: tele/plug/LWT}
  - {kind: edge, id: box, name: Edge box}
points:
  - {id: amps, device: m1, name: Current, address: 5, type: int16, scale_point: sf}
  - {id: sf, device: m1, name: Factor, address: 6, type: int16}
  - {id: state, device: m1, name: State, address: 7, words_of: {"1": run}}
  - {id: valve, device: gw, name: Valve, area: coil, address: 0, type: bool, writable: true}
  - {id: level, device: gw, name: Level, address: 3, writable: true, write_low: 0, write_high: 100}
  - {id: speed, device: cell, name: Speed, path: Drive/Speed}
  - {id: power, device: plug, name: Power, path: ENERGY.*, topic: tele/plug/SENSOR}
  - {id: late, device: box, name: Lateness, path: scan_late_ms}
rules:
  - {id: r1, name: Range, point: amps, condition: outside, limit: 1, limit_high: 5}
  - {id: r2, name: Both, point: amps, condition: all,
     terms: [{condition: high, limit: 5}, {point: state, condition: equals, equals: run}]}
  - {id: r3, name: Apart, point: amps, condition: deviation, other: level, limit: 3}
  - {id: r4, name: Late, point: late, condition: high, limit: 500}
  - {id: r5, name: Fast, point: speed, condition: rate, limit: 5, window_s: 10,
     schedule: [{days: [0], start: "22:00", end: "06:00"}]}
  - {id: r6, name: Low, point: level, condition: low, limit: 5, suppress_when: [{point: valve, condition: bit}]}
"""


def test_a_plant_of_everything_is_well(tmp_path: Path) -> None:
    assert len(configs.from_file(write(tmp_path, PLANT)).devices) == 7


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    [
        ("timezone: Asia/Shanghai", "timezone: Asia/Shang", "timezone", "config.no_timezone"),
        ("timezone: Asia/Shanghai", "timezone: ../x", "timezone", "config.no_timezone"),
        ("unit: 2, parent", "unit: 2, baud_rate: 19200, parent", "devices[1].baud_rate", "config.serial_differs"),
        ("unit: 2, parent", "unit: 2, parity: even, parent", "devices[1].parity", "config.serial_differs"),
        ("unit: 1}", "unit: 0}", "devices[0].unit", "config.bad_value"),
        ("parent: gw", "parent: gv", "devices[1].parent", "device.parent_unknown"),
        ("host: Plc", "host: Plc, parent: m2", "devices[1].parent", "device.parent_circle"),
        ("kind: modbus_tcp, id: gw2", "kind: modbus_rtu_tcp, id: gw2", "devices[3].kind", "config.kind_differs"),
        ("mqtt://b:1883", "mqtt://b:port", "devices[4].url", "config.bad_url"),
        ("mqtt://b:1883", "mqtt://b:99999", "devices[4].url", "config.bad_url"),
        ("mqtt://b:1883", "mqtt://:1883", "devices[4].url", "config.bad_url"),
        ("spBv1.0/G/+/N/#", "spBv1.0/+/+/N/#", "devices[4].topic", "config.bad_sparkplug"),
        ("tele/+/SENSOR", "tele/#/SENSOR", "devices[5].topic", "config.bad_topic"),
        ("alive_topic: tele/plug/LWT", "alive_topic: tele/plug+/LWT", "devices[5].alive_topic", "config.bad_topic"),
        ("scale_point: sf", "scale_point: sg", "points[0].scale_point", "point.scale_unknown"),
        ("scale_point: sf", "scale_point: level", "points[0].scale_point", "point.scale_unknown"),
        ("scale_point: sf", "scale_point: amps", "points[0].scale_point", "point.scale_unknown"),
        ("scale_point: sf", "scale_point: state", "points[0].scale_point", "point.scale_unfit"),
        ("type: int16, scale_point",
         "type: int16, bit: 12, bits: 8, scale_point", "points[0].bits", "point.bits_beyond"),
        ("area: coil", "area: discrete", "points[3].writable", "point.write_not_here"),
        ("write_high: 100", "write_high: -1", "points[4].write_high", "point.write_range"),
        ("path: Drive/Speed", "poll_ms: 100", "points[5].path", "config.no_metric"),
        ("path: ENERGY.*", "path: ENERGY.**", "points[6].path", "config.bad_path"),
        ("topic: tele/plug/SENSOR", "topic: stat/plug/SENSOR", "points[6].topic", "config.topic_outside"),
        ("topic: tele/plug/SENSOR", "topic: tele/#/SENSOR", "points[6].topic", "config.bad_topic"),
        ("path: scan_late_ms", "path: scan_late", "points[7].path", "point.unknown_figure"),
        ("limit: 1, limit_high: 5", "limit: 1", "rules[0].limit_high", "rule.limit_high_missing"),
        ("limit: 1, limit_high: 5", "limit: 5, limit_high: 1", "rules[0].limit_high", "rule.limits_crossed"),
        ("{condition: high, limit: 5}", "{condition: high}", "rules[1].terms[0].limit", "rule.limit_missing"),
        ("{point: state", "{point: stat", "rules[1].terms[1].point", "config.unknown_point"),
        ("condition: equals, equals: run",
         "condition: low, limit: 1", "rules[1].terms[1].condition", "rule.does_not_fit"),
        ("other: level", "other: lever", "rules[2].other", "config.unknown_point"),
        ("other: level", "other: state", "rules[2].other", "rule.does_not_fit"),
        ("condition: deviation, other: level,", "condition: deviation,", "rules[2].other", "rule.other_missing"),
        (", window_s: 10", "", "rules[4].window_s", "rule.window_missing"),
        ('end: "06:00"', 'end: "22:00"', "rules[4].schedule[0].end", "rule.schedule_empty"),
        ('end: "06:00"', 'end: "25:00"', "rules[4].schedule[0].end", "config.bad_value"),
        ('end: "06:00"', 'to: "06:00"', "rules[4].schedule[0].to", "config.unknown_key"),
        ("condition: bit}", "condition: bit, deadbnd: 1}", "rules[5].suppress_when[0].deadbnd", "config.unknown_key"),
        ("flood_raises", "flod_raises", "alarms.flod_raises", "config.unknown_key"),
        ("id: m2,", "id: m2, host: x,", "devices[1].host", "config.unknown_key"),
        ("limit: 500", "limit: 500, condition: bit", "rules[3].condition", "rule.does_not_fit"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_said_with_its_place(
    tmp_path: Path, old: str, new: str, path: str, code: str
) -> None:
    assert old in PLANT
    text = PLANT.replace(old, new, 1)
    if "limit: 500, condition" in new:
        text = text.replace("condition: high, limit: 500,", "limit: 500,")
    with pytest.raises(AppError) as caught:
        configs.from_file(write(tmp_path, text))
    assert caught.value.fields[path] == code and set(caught.value.fields.values()) == {code}
    for language in i18n.LANGUAGES:
        said = i18n.explain(caught.value, language)
        assert path in said and "{" not in said and code not in said


@pytest.mark.parametrize(
    ("text", "code"), [("devices: [", "config.not_yaml"), ("- 1", "config.not_yaml"), ("", "config.not_yaml")]
)
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(AppError) as caught:
        configs.from_file(write(tmp_path, text))
    assert caught.value.code == code


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        configs.from_file(tmp_path / "none.yaml")
    assert caught.value.code == "config.no_file" and "none.yaml" in i18n.explain(caught.value, "en")


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b"[1]", b'"x"', b"[" * 100_000, b'{"version": "x"}'])
def test_nonsense_from_the_hub_is_refused_not_raised(payload: bytes) -> None:
    with pytest.raises(BadConfig) as caught:
        configs.from_message(payload)
    assert caught.value.errors


def test_the_cache_gives_back_what_was_put_in_and_survives_damage(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    assert configs.load_cached(file) is None
    config = configs.from_file(write(tmp_path, GOOD))
    configs.cache(file, config)
    assert configs.load_cached(file) == config and file.stat().st_mode & 0o077 == 0
    file.write_text(json.dumps({"edge": "e"}), encoding="utf-8")
    assert configs.load_cached(file) is None


def test_the_examples_of_the_document_are_good_files(tmp_path: Path) -> None:
    document = (ROOT / "docs" / "edge-file.md").read_text(encoding="utf-8")
    examples = [part.split("```")[0] for part in document.split("```yaml\n")[1:]]
    assert len(examples) == 4
    for example in examples:
        config = configs.from_file(write(tmp_path, example))
        assert config.devices and config.points
