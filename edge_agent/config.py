"""What an edge has to do: reads it from a file or a message, says what is wrong with it, keeps the last good one.

A configuration is taken whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from core import log
from core.errors import AppError
from core.i18n import fill, label
from core.paths import write_private
from core.wire.edge_config import (
    ActiveTimes,
    AlarmLimits,
    EdgeConfig,
    EdgeItself,
    ModbusRtuDevice,
    ModbusRtuTcpDevice,
    ModbusTcpDevice,
    MqttDevice,
    PointConfig,
    RuleConfig,
    TermConfig,
)
from core.wire.uplink import ConfigError
from edge_agent.config_checks import check, flaw

_log = log.get(__name__)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # as safe, and ten times as fast where it is there
_DEVICES: dict[str, type[BaseModel]] = {
    "modbus_tcp": ModbusTcpDevice,
    "modbus_rtu_tcp": ModbusRtuTcpDevice,
    "modbus_rtu": ModbusRtuDevice,
    "mqtt": MqttDevice,
    "edge": EdgeItself,
}


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
            [flaw("", "config.not_json", f"the message is not JSON: {error}", reason=str(error))]
        ) from None
    return parse(document)


def from_file(path: Path) -> EdgeConfig:
    """A stand-alone edge's YAML; `edge` and `version` may be left out. Raises AppError `config.*` with the remedy."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
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
    yield from _unknown(document, EdgeConfig, "")
    yield from _unknown(document.get("alarms"), AlarmLimits, "alarms.")
    for index, item in enumerate(_list(document, "devices")):
        kind = item.get("kind") if isinstance(item, dict) else None
        yield from _unknown(item, _DEVICES.get(str(kind), ModbusTcpDevice), f"devices[{index}].")
    for index, item in enumerate(_list(document, "points")):
        yield from _unknown(item, PointConfig, f"points[{index}].")
    for index, item in enumerate(_list(document, "rules")):
        yield from _unknown(item, RuleConfig, f"rules[{index}].")
        for name, shape in (("terms", TermConfig), ("suppress_when", TermConfig), ("schedule", ActiveTimes)):
            for number, inner in enumerate(_list(item, name)):
                yield from _unknown(inner, shape, f"rules[{index}].{name}[{number}].")


def _unknown(item: object, shape: type[BaseModel], where: str) -> Iterator[ConfigError]:
    for key in item if isinstance(item, dict) else ():
        if key not in shape.model_fields:
            known = ", ".join(sorted(shape.model_fields))
            detail = f"unknown key '{key}'; known are {known}"
            yield flaw(f"{where}{key}", "config.unknown_key", detail, known=known)


def _list(document: object, name: str) -> list[Any]:
    inner = document.get(name) if isinstance(document, dict) else None
    return inner if isinstance(inner, list) else []


def explain(error: ConfigError) -> str:
    """What is wrong and what to do, in the user's language."""
    return words(f"error.{error.code}", error.params, error.detail)


def words(code: str, params: dict[str, str], detail: str) -> str:
    """The sentence of a code with its places filled; `detail` when there is none."""
    sentence = label(code)
    return detail if sentence == code else fill(sentence, params)


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


def _shape_error(item: dict[str, object]) -> ConfigError:
    """pydantic's place and words as ours: `('devices', 0, 'modbus_tcp', 'port')` → `devices[0].port`."""
    path = ""
    loc = item["loc"]
    assert isinstance(loc, tuple)
    for index, part in enumerate(loc):
        if isinstance(part, int):
            path += f"[{part}]"
        elif not (index == 2 and loc[0] == "devices" and part in _DEVICES):
            path += f".{part}" if path else str(part)
    detail = f"{item['msg']}"
    return flaw(path, "config.bad_value", detail, path=path, reason=detail)
