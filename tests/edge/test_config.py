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
        (", limit: 80", "", "rules[0].limit", "config.no_limit"),
        ("condition: high, limit: 80", "condition: no_data", "rules[0].after_s", "config.no_after"),
        ("id: speed", "id: oil temperature", "points[1].id", "config.id_twice"),
        ("id: packer", "id: press", "devices[1].id", "config.id_twice"),
        ("address: 10", "address: 65535", "points[0].address", "config.beyond_end"),
        ("host: 192.168.1.20", "host: h, max_registers: 1", "points[0].type", "config.too_wide"),
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


def test_the_example_of_the_document_is_a_good_file(tmp_path: Path) -> None:
    document = (ROOT / "docs" / "edge-file.md").read_text(encoding="utf-8")
    example = document.split("```yaml\n")[1].split("```")[0]
    config = configs.from_file(write(tmp_path, example))
    assert (len(config.devices), len(config.points), len(config.rules)) == (2, 3, 3)
