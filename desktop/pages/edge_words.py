"""Edges, devices and points in words: how they do, what an address means, where a configuration is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.i18n import _, fill, label
from core.wire.edge_config import EdgeConfig
from core.wire.fleet import DeviceView, EdgeView, PointView
from core.wire.uplink import ConfigError

# Where each area begins in the numbers that manuals print; the wire counts each from 0.
_MANUAL = {"coil": 1, "discrete": 10001, "input": 30001, "holding": 40001}


def reading(value: float) -> str:
    """A live value: as many digits as the eye can use, so that a table of them stays quiet."""
    value += 0.0  # no minus before a nought
    size = abs(value)
    digits = 1 if size >= 100 else 2 if size >= 10 else 3
    text = f"{value:.{digits}f}"
    if value and (size < 0.001 or size >= 1e9):
        return f"{value:.4g}"
    return text.rstrip("0").rstrip(".")


def manual_address(area: str, address: int) -> str:
    """The number that a device's manual prints for this address, such as 40001."""
    first = _MANUAL[area]
    return (
        f"{first + address:05d}" if first + address < first + 9999 else f"{first // 10000}{address + 1:05d}"
    )


def address_words(area: str, address: int) -> str:
    """What will be asked of the device, for a manual that counts otherwise."""
    return _("Asks for address {address} as on the wire (counted from 0). Manuals call it {manual}.").format(
        address=address, manual=manual_address(area, address)
    )


def from_manual(text: str) -> tuple[str, int] | None:
    """(area, address on the wire) of a manual's number such as 40011 or 400011; None when it is none."""
    text = text.strip()
    if not re.fullmatch(r"[0134]\d{4,5}", text):
        return None
    area = {"0": "coil", "1": "discrete", "3": "input", "4": "holding"}[text[0]]
    place = int(text[1:])
    return (area, place - 1) if 1 <= place <= 65536 else None


def point_place(point: PointView) -> str:
    """Where a point is read, short: `holding 12 · float32 CDAB` or `topic → path`."""
    if point.path or point.topic:
        return f"{point.topic} → {point.path}" if point.topic and point.path else point.path or point.topic
    place = f"{label(f'point.area.{point.area}')} {point.address}"
    if point.bit is not None:
        last = f"–{point.bit + point.bits - 1}" if point.bits > 1 else ""
        return f"{place}.{point.bit}{last}"
    if point.type == "string":
        return f"{place} · {point.type}×{point.words}"
    ordered = point.type not in ("bool", "int16", "uint16", "bcd16")
    return f"{place} · {point.type}" + (f" {point.order}" if ordered else "")


def device_place(device: DeviceView) -> str:
    """Where a device is reached, short."""
    config = device.config
    unit = _("unit {unit}").format(unit=config.get("unit", 1))
    match device.kind:
        case "mqtt":
            return f"{config.get('url', '')} · {config.get('topic', '')}"
        case "edge":
            return _("figures of the edge itself")
        case "modbus_rtu":
            return f"{config.get('serial_port', '')} · {serial_words(config)} · {unit}"
        case _:
            return f"{config.get('host', '')}:{config.get('port', 502)} · {unit}"


def serial_words(config: Mapping[str, Any]) -> str:
    """The settings of a serial line as people write them: `9600 8N1`."""
    parity = str(config.get("parity", "none"))[0].upper()
    return f"{config.get('baud_rate', 9600)} 8{parity}{config.get('stop_bits', 1)}"


def error_place(error: ConfigError, config: EdgeConfig | None) -> tuple[str, str, str]:
    """(devices, points or rules, its id, its name) that a refusal is about; empty when it is about the whole."""
    found = re.match(r"(devices|points|rules)\[(\d+)\]", error.path)
    if found is None:
        return "", "", ""
    kind, index = found[1], int(found[2])
    things: list[Any] = list(getattr(config, kind)) if config is not None else []
    if index >= len(things):
        return kind, "", f"#{index + 1}"
    return kind, things[index].id, things[index].name


def error_words(error: ConfigError, config: EdgeConfig | None, beside: bool = False) -> str:
    """A refusal of the edge with the thing it is about by name: `rules[2].limit` → Rule “Oil hot”, limit: …

    `beside` the thing its name is not said again.
    """
    found = re.match(r"(devices|points|rules)\[(\d+)\]\.?(.*)", error.path)
    where = error.path
    if found is not None:
        rest = found[3]
        field = label(f"config.field.{rest}") if rest else ""
        field = rest if field == f"config.field.{rest}" else field
        thing = {"devices": _("Device"), "points": _("Point"), "rules": _("Rule")}[found[1]]
        name = error_place(error, config)[2]
        where = field if beside else f"{thing} “{name}”" + (f", {field}" if field else "")
    reason = label(f"error.{error.code}")
    reason = error.detail if reason == f"error.{error.code}" else fill(reason, error.params)
    return f"{where}: {reason}" if where else reason


def edge_state(edge: EdgeView) -> tuple[str, str]:
    """(code of how it does: ok, waiting, warning, off, and the words)."""
    if not edge.active:
        return "off", _("Switched off")
    if not edge.joined:
        return "waiting", _("Not joined yet: make a join code")
    if not edge.online:
        return "warning", _("Offline")
    if edge.config_errors:
        return "warning", _("Refused the configuration")
    if edge.config_dirty:
        return "waiting", _("Changes not pushed yet")
    if edge.applied_version < edge.config_version:
        return "waiting", _("Pushed, not applied yet")
    if any(device.state == "failing" for device in edge.devices):
        return "warning", _("A device does not answer")
    return "ok", _("Online")
