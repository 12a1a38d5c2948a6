"""How an edge does: its own figures with live values, its devices with what is wrong, program and clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QDialog

from core.errors import FettleError
from core.i18n import _, explain, fill, label
from core.wire.assets import PointValue
from core.wire.edge_config import EDGE_FIGURES
from core.wire.fleet import DeviceView, EdgeView, PointView, SaveDevice, SavePoint
from core.wire.uplink import DeviceHealth
from desktop import tasks, times
from desktop.hub_client import HubClient
from desktop.pages.asset_live import value_words
from desktop.pages.edge_point_fields import figure_words
from desktop.pages.edge_words import edge_state
from desktop.table_model import Column
from desktop.widgets.basics import button, column, row, text_label
from desktop.widgets.page import Page
from desktop.widgets.table import Table

EVERY_MS = 3_000
_UNITS = {
    "scan_late_ms": "ms", "clock_skew_s": "s", "memory_mib": "MiB", "disk_free_mib": "MiB",
}  # fmt: skip
# Above (or, of the disk and the line to the hub, below) these a figure asks for attention.
_MUCH = {
    "scan_late_ms": 500,
    "line_load": 0.8,
    "outbox_depth": 200,
    "clock_skew_s": 60,
    "devices_failing": 0.5,
}
_LITTLE = {"disk_free_mib": 500, "uplink_connected": 0.5}


@dataclass(frozen=True)
class Fact:
    """One line of the picture of health."""

    order: int
    name: str
    value: str
    meaning: str = ""
    note: str = ""


def health_words(health: DeviceHealth) -> str:
    """What is wrong with a device, in words."""
    if health.state == "ok":
        return ""
    sentence = label(f"error.{health.code}") if health.code else ""
    known = sentence and sentence != f"error.{health.code}"
    return fill(sentence, health.params) if known else health.detail


def figure_meaning(figure: str, value: float | bool | str | None) -> str:
    """Whether a figure asks for attention."""
    if not isinstance(value, (int, float)):
        return ""
    if figure in _MUCH and abs(value) > _MUCH[figure]:
        return "warn"
    return "warn" if figure in _LITTLE and value < _LITTLE[figure] else ""


def figure_value(figure: str, value: PointValue) -> str:
    """A figure for reading; the load, which is a share, in percent."""
    if figure == "line_load" and isinstance(value.value, float):
        return f"{value.value:.1%}"
    return value_words(value)


def facts(
    edge: EdgeView, devices: Sequence[DeviceView], figures: Sequence[tuple[PointView, PointValue | None]]
) -> list[Fact]:
    """All there is to say, most general first."""
    state, words = edge_state(edge)
    found = [
        Fact(0, _("State"), words, "bad" if state == "warning" else ""),
        Fact(1, _("Last heard"), times.ago(edge.seen_at)),
        Fact(2, _("Program"), edge.agent_version or "–"),
        Fact(3, _("Configuration"), _("runs version {n}").format(n=edge.applied_version or 0)),
        Fact(
            4,
            _("Events waiting for the hub"),
            str(edge.outbox_depth),
            "warn" if edge.outbox_depth > 200 else "",
        ),
    ]
    for at, (point, value) in enumerate(figures):
        if point.path == "outbox_depth":
            continue
        shown = figure_value(point.path, value) if value is not None and value.at is not None else "–"
        meaning = figure_meaning(point.path, value.value) if value is not None else ""
        found.append(Fact(10 + at, figure_words(point.path), shown, meaning))
    names = {str(device.id): device.name for device in devices}
    for at, health in enumerate(edge.devices):
        if health.id in names:
            colour = {"ok": "good", "failing": "bad"}.get(health.state, "muted")
            since = _("since {at}").format(at=times.moment(health.since_at)) if health.since_at else ""
            note = "  ".join(filter(None, (health_words(health), since)))
            found.append(
                Fact(100 + at, names[health.id], label(f"device.state.{health.state}"), colour, note)
            )
    return found


def fact_columns() -> Sequence[Column[Fact]]:
    """Name, value, and what there is to say to it."""
    return (
        Column("name", label("word.name"), lambda f: f.name, sort=lambda f: f.order, width=220),
        Column(
            "value",
            _("Now"),
            lambda f: f.value,
            colour=lambda f: f.meaning,
            bold=lambda f: f.meaning in ("bad", "warn"),
            width=170,
        ),
        Column(
            "note",
            _("Detail"),
            lambda f: f.note,
            colour=lambda f: "muted",
            tip=lambda f: f.note,
            width=260,
            stretch=True,
        ),
    )


def measure_itself(hub: HubClient, edge: EdgeView, name: str, names: dict[str, str]) -> DeviceView:
    """Make the edge a device of its own with a point for each figure; those that are there stay."""
    devices = hub.devices(edge.id)
    made = next((one for one in devices if one.kind == "edge"), None)
    if made is None:
        made = hub.create_device(edge.id, SaveDevice(name=name, kind="edge", config={}))
    there = {point.path for point in hub.points(made.id)}
    for figure in EDGE_FIGURES:
        if figure not in there:
            unit = _UNITS.get(figure, "")
            hub.create_point(made.id, SavePoint(name=names[figure], unit=unit, path=figure, type="float64"))
    return made


class HealthDialog(QDialog):
    """Goes on by itself while it is open; `changed` when the edge's own figures were added."""

    changed = Signal()

    def __init__(self, page: Page, edge: EdgeView) -> None:
        super().__init__(page)
        self.setWindowTitle(_("How {name} does").format(name=edge.name))
        self._page, self._edge = page, edge
        self._asking = False
        self.table: Table[Fact] = Table(
            "edge_health", _("Health"), fact_columns(), lambda fact: fact.order, page.shell.store, sort="name"
        )
        self.words = text_label("", "muted", wrap=True)
        self.own = button(
            _("Measure the edge itself"),
            self.on_own,
            "gauge",
            tip=_(
                "Adds lateness, load, memory, clock and more as points, with history and rules like any other."
            ),
        )
        self.own.hide()
        whole = column(spacing=8, margins=(16, 14, 16, 14))
        whole.addWidget(self.table, 1)
        whole.addWidget(self.words)
        whole.addLayout(row(self.own, None, button(_("Close"), self.accept)))
        self.setLayout(whole)
        self.resize(760, 520)
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.fetch)
        self._timer.start()
        self.fetch()

    def fetch(self) -> None:
        """Ask once, unless the last answer is still on its way."""
        if not self._asking:
            self._asking = True
            tasks.run(self._ask, self._on_facts, self._on_failed, self)

    def on_own(self) -> None:
        """Add the edge's own figures."""
        names = {figure: figure_words(figure) for figure in EDGE_FIGURES}
        hub, edge, name = self._page.hub, self._edge, _("The edge itself")
        self.own.setEnabled(False)
        tasks.run(lambda: measure_itself(hub, edge, name, names), self._on_own, self._on_failed, self)

    def _ask(self) -> tuple[EdgeView, list[Fact], bool]:
        hub = self._page.hub
        edge = next(one for one in hub.edges() if one.id == self._edge.id)
        devices = hub.devices(edge.id)
        figures: list[tuple[PointView, PointValue | None]] = []
        own = next((one for one in devices if one.kind == "edge"), None)
        if own is not None:
            values = {value.point_id: value for value in hub.device_values(own.id)}
            figures = [(point, values.get(point.id)) for point in hub.points(own.id)]
        return edge, facts(edge, devices, figures), own is not None

    def _on_facts(self, answer: tuple[EdgeView, list[Fact], bool]) -> None:
        self._asking = False
        self._edge, found, has_own = answer
        self.table.set_rows(found)
        self.own.setVisible(not has_own and self._page.shell.may("fleet.edit"))

    def _on_own(self, _device: DeviceView) -> None:
        self.words.setText(_("Added. Push to the edge to make it count."))
        self.changed.emit()
        self.fetch()

    def _on_failed(self, error: FettleError) -> None:
        self._asking = False
        self.own.setEnabled(True)
        self.words.setText(explain(error))
