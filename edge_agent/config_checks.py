"""What the shapes of a configuration cannot say: what ties its devices, points and rules together. Reads no files.

Which fields of one point or rule go together is known in `core.wire.config_checks`, which the hub asks too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.wire import config_checks
from core.wire.config_checks import Fault
from core.wire.edge_config import (
    Device,
    EdgeConfig,
    EdgeItself,
    ModbusRtuDevice,
    ModbusRtuTcpDevice,
    ModbusTcpDevice,
    MqttDevice,
    PointConfig,
    Polled,
    RuleConfig,
)
from core.wire.rule_logic import domain_rule
from core.wire.uplink import ConfigError
from edge_agent.drivers.mqtt_json import matches, parse_path, valid_filter
from edge_agent.drivers.sparkplug_node import address

MAX_DEVICE_ID = 35  # "comm:" and this make a rule id
_WHOLE = ("int16", "uint16", "int32", "uint32", "int64", "uint64")
_SERIAL = ("baud_rate", "parity", "stop_bits")


def check(config: EdgeConfig) -> Iterator[ConfigError]:
    """All that is wrong: names that point nowhere, ids given twice, fields that do not go together."""
    yield from _twice("devices", [device.id for device in config.devices])
    yield from _twice("points", [point.id for point in config.points])
    yield from _twice("rules", [rule.id for rule in config.rules])
    try:
        ZoneInfo(config.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        detail = f"no time zone '{config.timezone}'"
        yield flaw("timezone", "config.no_timezone", detail, timezone=config.timezone)
    devices = {device.id: device for device in config.devices}
    points = {point.id: point for point in config.points}
    yield from _lines(config.devices)
    for index, device in enumerate(config.devices):
        yield from _device(f"devices[{index}]", device, devices)
    for index, point in enumerate(config.points):
        yield from _point(f"points[{index}]", point, devices, points)
    for index, rule in enumerate(config.rules):
        yield from _rule(f"rules[{index}]", rule, devices, points)


# ---------------------------------------------------------------- devices


def _device(where: str, device: Device, devices: Mapping[str, Device]) -> Iterator[ConfigError]:
    if len(device.id) > MAX_DEVICE_ID:
        detail = f"device id '{device.id}' is longer than {MAX_DEVICE_ID} characters: shorten it"
        yield flaw(f"{where}.id", "config.id_too_long", detail, id=device.id, most=str(MAX_DEVICE_ID))
    yield from _parent(where, device, devices)
    if isinstance(device, MqttDevice):
        yield from _mqtt_device(where, device)


def _parent(where: str, device: Device, devices: Mapping[str, Device]) -> Iterator[ConfigError]:
    parent = "" if isinstance(device, EdgeItself) else device.parent
    if parent and parent not in devices:
        detail = f"device '{device.name}' is behind '{parent}', which there is not: {known(devices)}"
        yield flaw(f"{where}.parent", "device.parent_unknown", detail, parent=parent)
        return
    seen = {device.id}
    while parent:
        if parent in seen:
            detail = f"device '{device.name}' would be behind itself"
            yield flaw(f"{where}.parent", "device.parent_circle", detail, device=device.name)
            return
        seen.add(parent)
        upper = devices.get(parent)
        parent = "" if upper is None or isinstance(upper, EdgeItself) else upper.parent


def _mqtt_device(where: str, device: MqttDevice) -> Iterator[ConfigError]:
    try:
        well = bool(urlsplit(device.url).hostname) and urlsplit(device.url).port != 0
    except ValueError:
        well = False
    if not well:
        detail = f"'{device.url}' is no address: write it like mqtt://192.168.1.5:1883"
        yield flaw(f"{where}.url", "config.bad_url", detail, url=device.url)
    for name, topic in (("topic", device.topic), ("alive_topic", device.alive_topic)):
        if topic and not valid_filter(topic):
            detail = f"'{topic}' is no topic filter: + and # stand alone between slashes, # last"
            yield flaw(f"{where}.{name}", "config.bad_topic", detail, topic=topic)
    if device.payload == "sparkplug_b":
        try:
            address(device.topic)
        except ValueError as wrong:
            yield flaw(f"{where}.topic", "config.bad_sparkplug", str(wrong), topic=device.topic)


def _lines(devices: Iterable[Device]) -> Iterator[ConfigError]:
    """Devices that share a wire share its settings."""
    ports: dict[str, ModbusRtuDevice] = {}
    sockets: dict[tuple[str, int], Polled] = {}
    for index, device in enumerate(devices):
        where = f"devices[{index}]"
        if isinstance(device, ModbusRtuDevice):
            first = ports.setdefault(device.serial_port, device)
            for name in _SERIAL:
                if getattr(first, name) != getattr(device, name):
                    detail = (
                        f"'{first.name}' and '{device.name}' share {device.serial_port}, but not its {name}"
                    )
                    names = {"device": device.name, "other": first.name}
                    yield flaw(
                        f"{where}.{name}", "config.serial_differs", detail, port=device.serial_port, **names
                    )
        elif isinstance(device, ModbusTcpDevice | ModbusRtuTcpDevice):
            other = sockets.setdefault((device.host.lower(), device.port), device)
            if type(other) is not type(device):
                there = f"{device.host}:{device.port}"
                detail = f"'{other.name}' and '{device.name}' speak two kinds of Modbus at {there}"
                yield flaw(
                    f"{where}.kind",
                    "config.kind_differs",
                    detail,
                    device=device.name,
                    other=other.name,
                    host=there,
                )


# ---------------------------------------------------------------- points


def _point(
    where: str, point: PointConfig, devices: Mapping[str, Device], points: Mapping[str, PointConfig]
) -> Iterator[ConfigError]:
    owner = devices.get(point.device)
    if owner is None:
        detail = f"point '{point.name}' names device '{point.device}', which there is not: {known(devices)}"
        yield flaw(f"{where}.device", "config.unknown_device", detail, point=point.name, device=point.device)
        return
    most = owner.max_registers if isinstance(owner, Polled) else 125
    for fault in config_checks.point_faults(point, owner.kind, most):
        yield _named(where, fault, f"point '{point.name}'")
    if isinstance(owner, MqttDevice):
        yield from _mqtt_point(where, point, owner)
    if point.scale_point:
        yield from _scale_point(where, point, points.get(point.scale_point))


def _scale_point(where: str, point: PointConfig, factor: PointConfig | None) -> Iterator[ConfigError]:
    if factor is None or factor.device != point.device or factor.id == point.id:
        detail = f"point '{point.name}' is scaled by '{point.scale_point}', which its device does not have"
        yield flaw(f"{where}.scale_point", "point.scale_unknown", detail, point=point.scale_point)
    elif factor.scale_point or factor.words_of or factor.type not in _WHOLE:
        detail = f"point '{point.name}' is scaled by '{factor.name}', which is no plain whole number"
        yield flaw(f"{where}.scale_point", "point.scale_unfit", detail, point=factor.name)


def _mqtt_point(where: str, point: PointConfig, device: MqttDevice) -> Iterator[ConfigError]:
    if device.payload == "sparkplug_b":
        if not point.path:
            detail = f"point '{point.name}' names no metric: give its name as the path"
            yield flaw(f"{where}.path", "config.no_metric", detail, point=point.name)
        return
    try:
        parse_path(point.path)
    except ValueError as wrong:
        detail = f"point '{point.name}': {wrong}; write it like motor.temp, a[0].v or *.v"
        yield flaw(f"{where}.path", "config.bad_path", detail, point=point.name, path=point.path)
    if point.topic and not valid_filter(point.topic):
        detail = f"'{point.topic}' is no topic filter: + and # stand alone between slashes, # last"
        yield flaw(f"{where}.topic", "config.bad_topic", detail, topic=point.topic)
        return
    heard = [topic for topic in (device.topic, device.alive_topic) if topic]
    one = point.topic and not set(point.topic) & set("+#")
    if one and not any(matches(topic, point.topic) for topic in heard):
        detail = f"point '{point.name}' waits for '{point.topic}', which '{device.topic}' does not cover"
        names = {"point": point.name, "topic": point.topic, "filter": device.topic}
        yield flaw(f"{where}.topic", "config.topic_outside", detail, **names)


# ---------------------------------------------------------------- rules


def _rule(
    where: str, rule: RuleConfig, devices: Mapping[str, Device], points: Mapping[str, PointConfig]
) -> Iterator[ConfigError]:
    if rule.point not in points:
        detail = f"rule '{rule.name}' watches point '{rule.point}', which there is not: {known(points)}"
        yield flaw(f"{where}.point", "config.unknown_point", detail, rule=rule.name, point=rule.point)
        return
    faults = list(config_checks.rule_faults(rule))
    for fault in faults:
        yield _named(where, fault, f"rule '{rule.name}'")
    lost = list(_fits(where, rule, devices, points))
    yield from lost
    if not faults and not lost:
        try:
            domain_rule(rule)
        except ValueError as wrong:
            yield flaw(where, "config.bad_value", str(wrong), path=where, reason=str(wrong))


def _fits(
    where: str, rule: RuleConfig, devices: Mapping[str, Device], points: Mapping[str, PointConfig]
) -> Iterator[ConfigError]:
    """Each condition must be able to judge the values of the points that it is about, and these must be there."""
    judged = [] if rule.condition in ("all", "any") else [("condition", rule.condition, rule.point)]
    if rule.condition == "deviation":
        judged.append(("other", rule.condition, rule.other))
    for kind, terms in (("terms", rule.terms), ("suppress_when", rule.suppress_when)):
        for index, term in enumerate(terms):
            judged.append((f"{kind}[{index}].condition", term.condition, term.point or rule.point))
            if term.condition == "deviation":
                judged.append((f"{kind}[{index}].other", term.condition, term.other))
    for path, condition, point_id in judged:
        point = points.get(point_id)
        if point is None:
            if point_id:
                path = path.replace("].condition", "].point")
                detail = f"rule '{rule.name}' names point '{point_id}', which there is not: {known(points)}"
                yield flaw(f"{where}.{path}", "config.unknown_point", detail, rule=rule.name, point=point_id)
            continue
        owner = devices.get(point.device)
        if owner is None:
            continue  # is said of the point
        if not config_checks.fits(condition, config_checks.holds(point, owner.kind)):
            detail = f"rule '{rule.name}': {condition} cannot judge point '{point.name}' ({point.type})"
            names = {"rule": rule.name, "condition": condition, "point": point.name}
            yield flaw(f"{where}.{path}", "rule.does_not_fit", detail, **names)


# ---------------------------------------------------------------- words


def flaw(where: str, code: str, detail: str, **params: str) -> ConfigError:
    """One thing that is wrong; `where` is its place, such as `rules[2].point`."""
    return ConfigError(path=where, code=code, detail=detail, params=params)


def known(things: Mapping[str, object]) -> str:
    """The names that there are, for a hint."""
    if not things:
        return "there are none"
    names = ", ".join(list(things)[:8])
    return f"known are {names}" + (" …" if len(things) > 8 else "")


def _named(where: str, fault: Fault, whose: str) -> ConfigError:
    """A fault of one thing with its place: `terms.0.limit` → `rules[2].terms[0].limit`."""
    field = "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in fault.field.split("."))
    return flaw(f"{where}{field}", fault.code, f"{whose}: {fault.detail}", **fault.params)


def _twice(kind: str, ids: list[str]) -> Iterator[ConfigError]:
    seen: dict[str, int] = {}
    for index, id_ in enumerate(ids):
        if id_ in seen:
            other = f"{kind}[{seen[id_]}]"
            detail = f"id '{id_}' is taken by {other} already: give another"
            yield flaw(f"{kind}[{index}].id", "config.id_twice", detail, id=id_, other=other)
        seen.setdefault(id_, index)
