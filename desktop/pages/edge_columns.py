"""The columns of the tables of edges, devices, points and rules, as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.i18n import _, label
from core.wire.assets import PointValue
from core.wire.fleet import DeadLetterView, DeviceView, EdgeView, PointView, RuleView
from core.wire.uplink import DeviceHealth
from desktop import times
from desktop.pages.asset_live import value_colour, value_words
from desktop.pages.edge_health import health_words
from desktop.pages.edge_rule_words import Named, rule_sentence
from desktop.pages.edge_words import device_place, edge_state, point_place
from desktop.table_model import Column

_STATE_COLOURS = {"ok": "good", "waiting": "info", "warning": "bad", "off": "faint"}
_STATE_ICONS = {
    "ok": "check-circle-outline",
    "waiting": "timer-sand",
    "warning": "alert-circle-outline",
    "off": "power-off",
}
_HEALTH_COLOURS = {"ok": "good", "failing": "bad", "unknown": "muted"}
_DEVICE_ICONS = {"mqtt": "access-point-network", "modbus_rtu": "serial-port", "edge": "gauge"}
_SEVERITY_COLOURS = {"critical": "bad", "major": "bad", "minor": "warn", "info": "info"}


def edge_columns() -> Sequence[Column[EdgeView]]:
    """Edges with how they do."""
    return (
        Column(
            "name",
            _("Edge"),
            lambda e: e.name,
            icon=lambda e: _STATE_ICONS[edge_state(e)[0]],
            icon_colour=lambda e: _STATE_COLOURS[edge_state(e)[0]],
            width=130,
        ),
        Column(
            "state",
            _("State"),
            lambda e: edge_state(e)[1],
            colour=lambda e: _STATE_COLOURS[edge_state(e)[0]],
            tip=lambda e: _("Last heard: {at}").format(at=times.exact(e.seen_at) or _("never")),
            width=60,
        ),
        Column("id", _("Id"), lambda e: e.edge_id, width=90, hidden=True),
        Column("version", _("Program"), lambda e: e.agent_version, width=70, hidden=True),
        Column(
            "outbox",
            _("Waiting"),
            lambda e: str(e.outbox_depth),
            lambda e: e.outbox_depth,
            "right",
            hidden=True,
        ),
    )


def device_columns(
    health: Callable[[int], DeviceHealth | None], fault: Callable[[int], str]
) -> Sequence[Column[DeviceView]]:
    """Devices of one edge; `health` tells how the edge says a device does, `fault` what it refused of it."""

    def state(device: DeviceView) -> str:
        if fault(device.id):
            return "failing"
        known = health(device.id)
        return known.state if known is not None else "unknown"

    def words(device: DeviceView) -> str:
        if fault(device.id):
            return _("refused")
        return label(f"device.state.{state(device)}") if device.active else _("switched off")

    def tip(device: DeviceView) -> str:
        known = health(device.id)
        wrong = health_words(known) if known is not None else ""
        return "\n".join(filter(None, (device_place(device), fault(device.id) or wrong)))

    return (
        Column(
            "name",
            _("Device"),
            lambda d: d.name,
            icon=lambda d: (
                "alert-circle" if fault(d.id) else _DEVICE_ICONS.get(d.kind, "expansion-card-variant")
            ),
            icon_colour=lambda d: _HEALTH_COLOURS[state(d)] if d.active else "faint",
            tip=tip,
            width=190,
        ),
        Column(
            "state",
            _("State"),
            words,
            colour=lambda d: _HEALTH_COLOURS[state(d)] if d.active else "faint",
            tip=tip,
            width=65,
        ),
        Column(
            "place", _("Address"), device_place, colour=lambda d: "muted", tip=tip, width=160, hidden=True
        ),
        Column("asset", _("Asset"), lambda d: d.asset.name if d.asset else "", width=120, hidden=True),
    )


def point_columns(
    value: Callable[[int], PointValue | None], fault: Callable[[int], str]
) -> Sequence[Column[PointView]]:
    """Points of one device; `value` tells the latest reading, `fault` what the edge refused of it."""

    def shown(point: PointView) -> str:
        known = value(point.id)
        return value_words(known) if known is not None and known.at is not None else "–"

    def colour(point: PointView) -> str:
        known = value(point.id)
        return value_colour(known) if known is not None else "faint"

    def quality(point: PointView) -> str:
        known = value(point.id)
        if known is None or known.at is None:
            return _("never heard") if point.active else _("switched off")
        return f"{label(f'quality.{known.quality}')} · {times.ago(known.at)}"

    return (
        Column(
            "name",
            _("Point"),
            lambda p: p.name,
            colour=lambda p: "bad" if fault(p.id) else "" if p.active else "faint",
            icon=lambda p: "alert-circle" if fault(p.id) else "pencil-lock-outline" if p.writable else "",
            icon_colour=lambda p: "bad" if fault(p.id) else "muted",
            tip=lambda p: fault(p.id) or (_("May be written") if p.writable else ""),
            width=150,
            stretch=True,
        ),
        Column(
            "value",
            _("Now"),
            shown,
            align="right",
            colour=colour,
            bold=lambda p: colour(p) == "bad",
            width=100,
        ),
        Column("quality", _("Quality"), quality, colour=colour, width=136),
        Column("place", _("Read from"), point_place, width=160, gives_way=2),
        Column("scale", _("Scale"), _scale_words, width=80, hidden=True),
        Column(
            "asset",
            _("Asset"),
            lambda p: p.asset.name if p.asset else _("as the device"),
            width=110,
            gives_way=1,
        ),
    )


def _scale_words(point: PointView) -> str:
    if point.scale == 1 and point.offset == 0:
        return "–"
    return f"× {point.scale:g}" + (f" {point.offset:+g}" if point.offset else "")


def rule_columns(
    unit: Callable[[int], str], named: Named, fault: Callable[[int], str]
) -> Sequence[Column[RuleView]]:
    """Rules of one point in words; `unit` of a point, `named` another one's name, `fault` what was refused."""

    def faint(rule: RuleView) -> str:
        return "" if rule.active else "faint"

    return (
        Column(
            "name",
            _("Rule"),
            lambda r: r.name,
            colour=lambda r: "bad" if fault(r.id) else faint(r),
            icon=lambda r: "alert-circle" if fault(r.id) else "",
            icon_colour=lambda r: "bad",
            tip=lambda r: fault(r.id),
            width=140,
        ),
        Column(
            "severity",
            _("Severity"),
            lambda r: label(f"severity.{r.severity}"),
            colour=lambda r: _SEVERITY_COLOURS[r.severity] if r.active else "faint",
            width=65,
        ),
        Column(
            "words",
            _("When"),
            lambda r: rule_sentence(r, unit(r.point_id), named),
            colour=faint,
            tip=lambda r: rule_sentence(r, unit(r.point_id), named),
            width=325,
            stretch=True,
        ),
        Column(
            "ticket",
            _("Ticket"),
            lambda r: _("yes") if r.makes_ticket else _("alarm only"),
            colour=faint,
            width=76,
            gives_way=1,
        ),
    )


def dead_letter_columns() -> Sequence[Column[DeadLetterView]]:
    """What an edge sent and the hub could not take."""
    return (
        Column("at", _("Time"), lambda d: times.exact(d.at), lambda d: d.at, width=150),
        Column("edge", _("Edge"), lambda d: d.edge, width=120),
        Column("code", _("Why"), lambda d: d.code, width=160),
        Column("detail", _("Detail"), lambda d: d.detail, width=400),
    )
