"""What `fettle edge status` says of a snapshot, in words for people; knows no files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from core.i18n import _, fill, label
from core.wire.uplink import DeviceHealth
from edge_agent import config as configs
from edge_agent.self_health import Figure
from edge_agent.status import AlarmState, LineState, ServiceState, Snapshot

SKEW_S = 60.0  # from here on the hub complains
MOST_NAMES = 8  # of devices on a line


def lines(snapshot: Snapshot, alive: bool) -> Iterator[str]:
    """The whole status, line by line. `alive`: whether a process of this edge runs now."""
    status = snapshot.status
    if status.online and not alive:
        words = _("Edge {edge}: ended without a goodbye, last news {when}. Start it again: fettle edge run")
    elif status.online:
        words = _("Edge {edge}: running, last news {when}")
    else:
        words = _("Edge {edge}: stopped, last news {when}")
    yield fill(words, {"edge": status.edge, "when": _time(status.at)})
    ways = {"broker": _("connected to the broker"), "away": _("broker away"), "none": _("no hub")}
    way = ways.get(snapshot.uplink, snapshot.uplink)
    yield fill(
        _("Uplink: {way}; {n} events not acknowledged yet"), {"way": way, "n": str(status.outbox_depth)}
    )
    yield from _figures(snapshot.figures)
    yield fill(_("Configuration: version {version}"), {"version": str(status.config_version)})
    if status.config_refused:
        yield "  ! " + fill(_("Version {version} was refused:"), {"version": str(status.config_refused)})
    for error in status.config_errors:
        yield f"  ! {error.path}: {configs.explain(error)}"
    if snapshot.lines:
        yield _("Lines:")
        yield from (f"  {_line(line, snapshot.names)}" for line in snapshot.lines)
    if status.devices:
        yield _("Devices:")
        yield from (f"  {_device(device, snapshot)}" for device in status.devices)
    if snapshot.alarms:
        yield _("Active alarms:")
        yield from (f"  {_alarm(alarm)}" for alarm in snapshot.alarms)
    if snapshot.services:
        yield _("Rules not in service:")
        yield from (f"  {_service(service)}" for service in snapshot.services)


def _figures(figures: Mapping[str, Figure]) -> Iterator[str]:
    skew_s = figures.get("clock_skew_s")
    if isinstance(skew_s, float):
        words = _("Clock: {s} s against the hub's")
        if abs(skew_s) > SKEW_S:
            words = _("Clock: {s} s against the hub's. Set this computer's clock.")
        yield fill(words, {"s": f"{skew_s:+.1f}"})
    memory, disk = figures.get("memory_mib"), figures.get("disk_free_mib")
    if isinstance(memory, float) and isinstance(disk, float):
        places = {"memory": f"{memory:.0f}", "disk": f"{disk:.0f}"}
        yield fill(_("Memory {memory} MiB; {disk} MiB free on the disk"), places)
    backlog = figures.get("backlog")
    if backlog:
        yield fill(
            _("{n} decisions wait for the disk. Look into the log for the reason."), {"n": f"{backlog:.0f}"}
        )


def _line(line: LineState, names: Mapping[str, str]) -> str:
    named = [names.get(device, device) for device in line.devices]
    places = {
        "line": line.name,
        "devices": ", ".join(named[:MOST_NAMES]) + (" …" if len(named) > MOST_NAMES else ""),
        "load": f"{line.load:.0%}",
        "late": f"{line.worst_late_ms:.0f}",
        "done": str(line.scans_done),
        "skipped": str(line.scans_skipped),
    }
    return fill(
        _("{line} ({devices}): load {load}, at most {late} ms late, {done} scans done, {skipped} skipped"),
        places,
    )


def _device(device: DeviceHealth, snapshot: Snapshot) -> str:
    said = f"{snapshot.names.get(device.id, device.id)}: {label(f'device.state.{device.state}')}"
    counts = snapshot.qualities.get(device.id, {})
    if counts:
        said += (
            " (" + ", ".join(f"{label('quality.' + name)} {n}" for name, n in sorted(counts.items())) + ")"
        )
    if device.code:
        said += " - " + configs.words("error." + device.code, device.params, device.detail)
    return said


def _alarm(alarm: AlarmState) -> str:
    said = f"* {label('severity.' + alarm.severity)}: {alarm.name} {alarm.asset}".rstrip()
    return said + (f" ({_time(alarm.raised_at)})" if alarm.raised_at else "")


def _service(service: ServiceState) -> str:
    said = f"- {service.name or service.rule} {service.asset}".rstrip()
    said += ": " + label("alarm.service." + service.service)
    more = [label("alarm.why." + service.why)] if service.why else []
    more += [text for text in (service.by, service.reason) if text]
    if service.until is not None:
        more.append(fill(_("until {when}"), {"when": _time(service.until)}))
    return said + (f" ({', '.join(more)})" if more else "")


def _time(at: datetime) -> str:
    local = at.astimezone()
    recent = abs(datetime.now(local.tzinfo) - local) < timedelta(hours=20)
    return local.strftime("%H:%M:%S" if recent else "%Y-%m-%d %H:%M:%S")
