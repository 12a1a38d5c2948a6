"""Edges, points and rules in words: what a rule waits for, what an address means, where a configuration is wrong."""

from __future__ import annotations

import re

from core.i18n import _, current, fill, label, ngettext
from core.wire.edge_config import EdgeConfig
from core.wire.fleet import DeviceView, EdgeView, PointView, RuleView, SaveRule
from core.wire.uplink import ConfigError

# Where each area begins in the numbers that manuals print; the wire counts each from 0.
_MANUAL = {"coil": 1, "discrete": 10001, "input": 30001, "holding": 40001}


def number(value: float) -> str:
    """A measured value as people write it: up to six digits, no trailing zeros."""
    return f"{value:.6g}"


def reading(value: float) -> str:
    """A live value: as many digits as the eye can use, so that a table of them stays quiet."""
    value += 0.0  # no minus before a nought
    size = abs(value)
    digits = 1 if size >= 100 else 2 if size >= 10 else 3
    text = f"{value:.{digits}f}"
    if value and (size < 0.001 or size >= 1e9):
        return f"{value:.4g}"
    return text.rstrip("0").rstrip(".")


def duration(seconds: float) -> str:
    """A delay in the largest unit that keeps it whole."""
    if seconds >= 3600 and seconds % 3600 == 0:
        n = int(seconds // 3600)
        return ngettext("{n} hour", "{n} hours", n).format(n=n)
    if seconds >= 60 and seconds % 60 == 0:
        n = int(seconds // 60)
        return ngettext("{n} minute", "{n} minutes", n).format(n=n)
    return ngettext("{n} second", "{n} seconds", 1 if seconds == 1 else 2).format(n=number(seconds))


def rule_sentence(rule: RuleView | SaveRule, unit: str) -> str:
    """What the rule waits for, as one sentence."""
    if rule.condition == "no_data":
        return _("Raises when no good reading has come for {time}.").format(time=duration(rule.after_s or 0))
    if rule.condition == "bit":
        state = _("on") if rule.when else _("off")
        return _for(_("Raises when the value is {state}").format(state=state), rule.on_delay_s) + _clears(
            rule
        )
    words = (
        _("Raises when the value is above {limit}")
        if rule.condition == "high"
        else _("Raises when the value is below {limit}")
    )
    limit = number(rule.limit or 0) + (f" {unit}" if unit else "")
    return _for(words.format(limit=limit), rule.on_delay_s) + _clears(rule, unit)


def _for(words: str, seconds: float) -> str:
    if seconds:
        return _("{words} for {time}.").format(words=words, time=duration(seconds))
    return _("{words}, at once.").format(words=words)


def _clears(rule: RuleView | SaveRule, unit: str = "") -> str:
    if rule.condition in ("high", "low") and rule.deadband:
        sign = -1 if rule.condition == "high" else 1
        back = number((rule.limit or 0) + sign * rule.deadband) + (f" {unit}" if unit else "")
        clears = _("Clears back past {limit}").format(limit=back)
    else:
        clears = _("Clears when that is over")
    gap = "" if current() == "zh_CN" else " "
    return gap + _for(clears, rule.off_delay_s)


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
        return f"{place}.{point.bit}"
    return f"{place} · {point.type}" + (
        f" {point.order}" if "16" not in point.type and point.type != "bool" else ""
    )


def device_place(device: DeviceView) -> str:
    """Where a device is reached, short."""
    config = device.config
    if device.kind == "mqtt":
        return f"{config.get('url', '')} · {config.get('topic', '')}"
    return f"{config.get('host', '')}:{config.get('port', 502)} · " + _("unit {unit}").format(
        unit=config.get("unit", 1)
    )


def error_words(error: ConfigError, config: EdgeConfig | None) -> str:
    """A refusal of the edge with the thing it is about by name: `rules[2].limit` → Rule “Oil hot”, limit: …"""
    found = re.match(r"(devices|points|rules)\[(\d+)\]\.?(.*)", error.path)
    where = error.path
    if found is not None:
        kind, index, rest = found.group(1), int(found.group(2)), found.group(3)
        name = _name_at(config, kind, index) or f"#{index + 1}"
        field = label(f"config.field.{rest}") if rest else ""
        field = rest if field == f"config.field.{rest}" else field
        thing = {"devices": _("Device"), "points": _("Point"), "rules": _("Rule")}[kind]
        where = f"{thing} “{name}”" + (f", {field}" if field else "")
    reason = label(f"error.{error.code}")
    reason = error.detail if reason == f"error.{error.code}" else fill(reason, error.params)
    return f"{where}: {reason}" if where else reason


def _name_at(config: EdgeConfig | None, kind: str, index: int) -> str:
    if config is None:
        return ""
    names: dict[str, list[str]] = {
        "devices": [device.name for device in config.devices],
        "points": [point.name for point in config.points],
        "rules": [rule.name for rule in config.rules],
    }
    return names[kind][index] if index < len(names[kind]) else ""


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
