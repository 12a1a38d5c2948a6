"""What an edge has to do: reads it from a file or a message, says what is wrong with it, keeps the last good one.

A configuration is taken whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from core import log
from core.errors import AppError
from core.i18n import fill, label
from core.paths import write_private
from core.wire.edge_config import EdgeConfig, ModbusTcpDevice, MqttDevice, PointConfig, RuleConfig
from core.wire.uplink import ConfigError
from edge_agent.drivers.mqtt_json import parse_path
from edge_agent.planner import width

_log = log.get(__name__)
MAX_DEVICE_ID = 35  # "comm:" and this make a rule id


class BadConfig(Exception):
    """A configuration that cannot be used; `errors` say where and why."""

    def __init__(self, errors: list[ConfigError], version: int = 0) -> None:
        super().__init__("; ".join(f"{error.path}: {error.detail}" for error in errors))
        self.errors = errors
        self.version = version


def parse(document: object) -> EdgeConfig:
    """A checked configuration; raises BadConfig."""
    version = document.get("version", 0) if isinstance(document, dict) else 0
    version = version if isinstance(version, int) else 0
    try:
        config = EdgeConfig.model_validate(document)
    except ValidationError as error:
        raise BadConfig(
            [_shape_error(dict(item)) for item in error.errors(include_url=False)], version
        ) from None
    errors = list(check(config))
    if errors:
        raise BadConfig(errors, config.version)
    return config


def from_message(payload: bytes) -> EdgeConfig:
    """The configuration of a retained message; raises BadConfig."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadConfig(
            [_error("", "config.not_json", f"the message is not JSON: {error}", reason=str(error))]
        ) from None
    return parse(document)


def from_file(path: Path) -> EdgeConfig:
    """A stand-alone edge's YAML; `edge` and `version` may be left out. Raises AppError `config.*` with the remedy."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AppError(
            "config.no_file", f"cannot read {path}: {error.strerror}", file=path, reason=error.strerror
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise AppError("config.not_yaml", f"{path}: {reason}", file=path, reason=reason) from None
    if not isinstance(document, dict):
        raise AppError("config.not_yaml", f"{path}: not a mapping", file=path, reason="not a mapping")
    document = {"edge": "standalone", "version": 1} | document
    try:
        unknown = list(_unknown_keys(document))
        if unknown:
            raise BadConfig(unknown)
        return parse(document)
    except BadConfig as error:
        places = {item.path: item.code for item in error.errors}
        lines = "".join(f"\n  {item.path}: {explain(item)}" for item in error.errors)
        raise AppError("config.bad", f"{path}: {error}", fields=places, file=path, errors=lines) from None


def _unknown_keys(document: dict[Any, Any]) -> Iterator[ConfigError]:
    """Keys of a file that nothing reads: `on_delay` for `on_delay_s` would be a rule without its delay."""
    items: list[tuple[str, Any, type[BaseModel]]] = [("", document, EdgeConfig)]
    for name in ("devices", "points", "rules"):
        inner = document.get(name)
        for index, item in enumerate(inner if isinstance(inner, list) else []):
            if isinstance(item, dict):
                items.append((f"{name}[{index}].", item, _shape(name, item)))
    for where, item, shape in items:
        known = ", ".join(sorted(shape.model_fields))
        for key in item:
            if key not in shape.model_fields:
                detail = f"unknown key '{key}'; known are {known}"
                yield _error(f"{where}{key}", "config.unknown_key", detail, known=known)


def _shape(name: str, item: dict[Any, Any]) -> type[BaseModel]:
    if name == "devices":
        return MqttDevice if item.get("kind") == "mqtt" else ModbusTcpDevice
    return PointConfig if name == "points" else RuleConfig


def explain(error: ConfigError) -> str:
    """What is wrong and what to do, in the user's language."""
    return words(f"error.{error.code}", error.params, error.detail)


def words(code: str, params: dict[str, str], detail: str) -> str:
    """The sentence of a code with its places filled; `detail` when there is none."""
    sentence = label(code)
    return detail if sentence == code else fill(sentence, params)


def check(config: EdgeConfig) -> Iterator[ConfigError]:
    """What the shapes cannot say: names that point nowhere, ids given twice, limits forgotten."""
    yield from _twice("devices", [device.id for device in config.devices])
    yield from _twice("points", [point.id for point in config.points])
    yield from _twice("rules", [rule.id for rule in config.rules])
    devices = {device.id: device for device in config.devices}
    points = {point.id: point for point in config.points}
    for index, device in enumerate(config.devices):
        if len(device.id) > MAX_DEVICE_ID:
            detail = f"device id '{device.id}' is longer than {MAX_DEVICE_ID} characters: shorten it"
            yield _error(
                f"devices[{index}].id", "config.id_too_long", detail, id=device.id, most=str(MAX_DEVICE_ID)
            )
    for index, point in enumerate(config.points):
        owner = devices.get(point.device)
        if owner is None:
            detail = (
                f"point '{point.name}' names device '{point.device}', which there is not: {_known(devices)}"
            )
            yield _error(
                f"points[{index}].device",
                "config.unknown_device",
                detail,
                point=point.name,
                device=point.device,
            )
        elif isinstance(owner, ModbusTcpDevice):
            yield from _modbus_point(f"points[{index}]", point, owner)
        elif isinstance(owner, MqttDevice):
            yield from _mqtt_point(f"points[{index}]", point)
    for index, rule in enumerate(config.rules):
        where = f"rules[{index}]"
        if rule.point not in points:
            detail = f"rule '{rule.name}' watches point '{rule.point}', which there is not: {_known(points)}"
            yield _error(f"{where}.point", "config.unknown_point", detail, rule=rule.name, point=rule.point)
        if rule.condition in ("high", "low") and rule.limit is None:
            detail = f"rule '{rule.name}' is a {rule.condition} rule without a limit: give one"
            yield _error(f"{where}.limit", "config.no_limit", detail, rule=rule.name)
        if rule.condition == "no_data" and rule.after_s is None:
            detail = f"rule '{rule.name}' is a no_data rule without after_s: say after how many seconds"
            yield _error(f"{where}.after_s", "config.no_after", detail, rule=rule.name)


def load_cached(path: Path) -> EdgeConfig | None:
    """The last applied configuration; None when there is none or it cannot be read any more."""
    if not path.exists():
        return None
    try:
        return from_message(path.read_bytes())
    except (OSError, BadConfig) as error:
        _log.error(
            "cached configuration is not usable, waiting for the hub", file=str(path), reason=str(error)
        )
        return None


def cache(path: Path, config: EdgeConfig) -> None:
    """Keep `config` for a start without the hub; it may hold passwords, so only its owner can read it."""
    write_private(path, config.model_dump_json())


def _modbus_point(where: str, point: PointConfig, device: ModbusTcpDevice) -> Iterator[ConfigError]:
    registers = width(point)
    if point.address + registers > 65536:
        detail = f"point '{point.name}' at {point.address} reaches beyond register 65535: correct the address"
        yield _error(
            f"{where}.address", "config.beyond_end", detail, point=point.name, address=str(point.address)
        )
    if point.area in ("holding", "input") and registers > device.max_registers:
        detail = f"point '{point.name}' takes {registers} registers, the device gives {device.max_registers} at a time"
        yield _error(
            f"{where}.type", "config.too_wide", detail, point=point.name, most=str(device.max_registers)
        )


def _mqtt_point(where: str, point: PointConfig) -> Iterator[ConfigError]:
    try:
        parse_path(point.path)
    except ValueError as error:
        detail = f"point '{point.name}': {error}; write it like motor.temp or a[0].v"
        yield _error(f"{where}.path", "config.bad_path", detail, point=point.name, path=point.path)


def _twice(kind: str, ids: list[str]) -> Iterator[ConfigError]:
    seen: dict[str, int] = {}
    for index, id_ in enumerate(ids):
        if id_ in seen:
            detail = f"id '{id_}' is taken by {kind}[{seen[id_]}] already: give another"
            yield _error(
                f"{kind}[{index}].id", "config.id_twice", detail, id=id_, other=f"{kind}[{seen[id_]}]"
            )
        seen.setdefault(id_, index)


def _known(
    things: Mapping[str, object],
) -> str:
    if not things:
        return "there are none"
    names = ", ".join(list(things)[:8])
    return f"known are {names}" + (" …" if len(things) > 8 else "")


def _shape_error(item: dict[str, object]) -> ConfigError:
    """pydantic's place and words as ours: `('devices', 0, 'modbus_tcp', 'port')` → `devices[0].port`."""
    path = ""
    loc = item["loc"]
    assert isinstance(loc, tuple)
    for index, part in enumerate(loc):
        if isinstance(part, int):
            path += f"[{part}]"
        elif not (index == 2 and loc[0] == "devices" and part in ("modbus_tcp", "mqtt")):
            path += f".{part}" if path else str(part)
    detail = f"{item['msg']}"
    return _error(path, "config.bad_value", detail, path=path, reason=detail)


def _error(where: str, code: str, detail: str, **params: str) -> ConfigError:
    return ConfigError(path=where, code=code, detail=detail, params=params)
