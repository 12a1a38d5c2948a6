"""What one edge watches, on three levels: devices, their points with live values, the rules of a point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QSplitter, QTabWidget, QWidget

from core.i18n import _
from core.wire.assets import PointValue
from core.wire.edge_config import EdgeConfig
from core.wire.fleet import DeviceView, EdgeView, PointView, RuleView, SaveDevice, SavePoint, SaveRule
from core.wire.uplink import DeviceHealth
from desktop.pages.edge_asks import Asks
from desktop.pages.edge_columns import device_columns, point_columns, rule_columns
from desktop.pages.edge_history import HistoryTab
from desktop.pages.edge_level import Level
from desktop.widgets.basics import EmptyState, button, column
from desktop.widgets.form import body_of
from desktop.widgets.page import Page
from desktop.widgets.table import Table

LIVE_MS = 2_000


class Levels(QWidget):
    """`changed` comes after each save, for the strip above that tells what is not pushed yet."""

    changed = Signal()

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page, self._hub = page, page.hub
        self._values: dict[int, PointValue] = {}
        self._edge: EdgeView | None = None
        self._device: DeviceView | None = None
        self._point: PointView | None = None
        self._names: dict[str, tuple[str, str]] = {}
        self._faults: Mapping[tuple[str, str], str] = {}
        self._asking = False
        self.asks = Asks(page)
        self.asks.saved.connect(self._on_saved)
        self.asks.made.connect(self._on_made)
        self.asks.changed.connect(self.changed)
        self.history = HistoryTab(page)
        self._make_tables()
        self._lay_out()
        self._live = QTimer(self, interval=LIVE_MS)
        self._live.timeout.connect(self.fetch_values)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._live.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._live.stop()

    # ---- showing: each level asks for the one below it

    def show_edge(self, edge: EdgeView) -> None:
        """Show what this edge watches."""
        if self._edge is None or edge.id != self._edge.id:
            self._device = self._point = None
            self._names = {}
            self.history.show_point(None, ())
            for table in (self.devices, self.points, self.rules):
                table.set_rows([])
        self._edge = edge
        self.device_level.set_able(True)
        self._page.run(lambda: self._hub.devices(edge.id), partial(self._show_devices, edge.id))

    def _show_devices(self, edge_pk: int, devices: list[DeviceView]) -> None:
        if self._edge is not None and self._edge.id == edge_pk:
            _fill(self.devices, devices)
            self.device_level.offer()
            self._on_device()

    def _on_device(self) -> None:
        device = self.devices.current()
        self.point_level.set_able(device is not None)
        if device is None or self._device is None or device.id != self._device.id:
            self._values, self._point = {}, None
            self.points.set_rows([])
            self.rules.set_rows([])
            self.rule_level.set_able(False)
        self._device = device
        self.point_level.hint.setText(device.name if device is not None else "")
        if device is not None:
            self._page.run(
                lambda: (self._hub.points(device.id), self._hub.device_values(device.id)),
                lambda answer: self._show_points(device.id, *answer),
            )

    def _show_points(self, device_id: int, points: list[PointView], values: list[PointValue]) -> None:
        if self._device is not None and self._device.id == device_id:
            self._values = {value.point_id: value for value in values}
            _fill(self.points, points)
            self.point_level.offer()
            self._on_point()

    def _on_point(self) -> None:
        point = self.points.current()
        self.rule_level.set_able(point is not None)
        if point is None or self._point is None or point.id != self._point.id:
            self.rules.set_rows([])
        self._point = point
        self.rule_level.hint.setText(point.name if point is not None else "")
        if point is not None:
            self._page.run(lambda: self._hub.rules(point.id), partial(self._show_rules, point.id))

    def _show_rules(self, point_id: int, rules: list[RuleView]) -> None:
        if self._point is not None and self._point.id == point_id:
            self.rules.set_rows(rules)
            self.rule_level.offer()
            self.history.show_point(self._point, rules)
            named = {term.point for rule in rules for term in (*rule.terms, *rule.suppress_when)}
            named |= {rule.other for rule in rules}
            if named - self._names.keys() - {""} and self._edge is not None:
                edge_pk = self._edge.id
                self._page.run(lambda: self._hub.edge_config(edge_pk), self._on_config, lambda _error: None)

    def _on_config(self, config: EdgeConfig) -> None:
        """Other points that rules name."""
        self._names = {point.id: (point.name, point.unit) for point in config.points}
        self.rules.set_rows(self.rules.rows())

    def _named(self, point_id: str) -> tuple[str, str]:
        return self._names.get(point_id, (f"#{point_id}", ""))

    def show_faults(self, faults: Mapping[tuple[str, str], str]) -> None:
        """What the edge refused, beside the things it is about."""
        self._faults = faults
        tables: tuple[Table[Any], ...] = (self.devices, self.points, self.rules)
        for table in tables:
            table.set_rows(table.rows())

    def _fault(self, kind: str, key: int) -> str:
        return self._faults.get((kind, str(key)), "")

    def fetch_values(self) -> None:
        """The readings anew, unless the last answer is still on its way."""
        device = self._device
        if device is None or self._asking:
            return
        self._asking = True
        self._page.run(
            lambda: self._hub.device_values(device.id),
            lambda values: self._show_values(device.id, values),
            lambda _error: self._show_values(device.id, list(self._values.values())),  # the ages go on
        )

    def _show_values(self, device_id: int, values: list[PointValue]) -> None:
        self._asking = False
        if self._device is not None and self._device.id == device_id:
            self._values = {value.point_id: value for value in values}
            self.points.set_rows(self.points.rows())

    def _health(self, device_id: int) -> DeviceHealth | None:
        known = self._edge.devices if self._edge is not None else []
        return next((health for health in known if health.id == str(device_id)), None)

    def _unit(self, point_id: int) -> str:
        return self._point.unit if self._point is not None and self._point.id == point_id else ""

    # ---- what people ask for

    def ask_device(self, device: DeviceView | None = None) -> None:
        """Choose a new device from the library, or change one."""
        if self._edge is not None and device is None:
            self.asks.library(self._edge)
        elif self._edge is not None:
            self.asks.device(self._edge, device)

    def ask_probe(self) -> None:
        """Look for devices from this edge."""
        if self._edge is not None:
            self.asks.probe(self._edge)

    def ask_point(self, point: PointView | None = None, like: PointView | None = None) -> None:
        """The dialog for a point of the chosen device."""
        if self._device is not None:
            value = self._values.get(point.id) if point is not None else None
            self.asks.point(self._device, point, like, self.points.rows(), value)

    def ask_table(self) -> None:
        """Points of the chosen device from a table."""
        if self._device is not None:
            self.asks.table(self._device)

    def ask_write(self, point: PointView) -> None:
        """A new value for a writable point."""
        self.asks.write(point, self._values.get(point.id))

    def ask_rule(self, rule: RuleView | None = None) -> None:
        """The dialog for a rule on the chosen point."""
        if self._point is not None and self._edge is not None:
            self.asks.rule(self._edge, self._point, rule)

    def _on_made(self, device: DeviceView) -> None:
        self._page.shell.toast(_("{name} added. Push to the edge to make it count.").format(name=device.name))
        self.devices.model.update_row(device)
        self.devices.set_rows(self.devices.rows())
        self.devices.select(device.id)
        self.changed.emit()

    def _on_saved(self, before: Any, now: Any, kind: Any) -> None:
        """Say so; a change can be undone."""
        known: dict[Any, tuple[Table[Any], Callable[..., Any]]] = {
            SaveDevice: (self.devices, self._hub.save_device),
            SavePoint: (self.points, self._hub.save_point),
            SaveRule: (self.rules, self._hub.save_rule),
        }
        table, save = known[kind]
        undo: Callable[[], None] | None = None
        if before is not None:
            old = body_of(kind, before, version=now.version)

            def undo() -> None:
                self._page.run(lambda: save(now.id, old), lambda _thing: self.changed.emit())

        self._page.shell.toast(
            _("{name} saved. Push to the edge to make it count.").format(name=now.name), undo
        )
        table.model.update_row(now)
        table.set_rows(table.rows())
        table.select(now.id)
        self.changed.emit()

    # ---- building

    def _make_tables(self) -> None:
        store = self._page.shell.store
        self.devices: Table[DeviceView] = Table(
            "devices",
            _("Devices"),
            device_columns(self._health, partial(self._fault, "devices")),
            lambda device: device.id,
            store,
            sort="name",
            empty=EmptyState(
                "expansion-card-variant",
                _("No devices yet"),
                _("Add one from the library, or an empty one: Modbus, MQTT, or the edge itself."),
            ),
        )
        self.points: Table[PointView] = Table(
            "points",
            _("Points"),
            point_columns(self._values_get, partial(self._fault, "points")),
            lambda point: point.id,
            store,
            empty=EmptyState(
                "gauge", _("No points yet"), _("A point is one value that the device measures.")
            ),
        )
        self.rules: Table[RuleView] = Table(
            "rules",
            _("Rules"),
            rule_columns(self._unit, self._named, partial(self._fault, "rules")),
            lambda rule: rule.id,
            store,
            empty=EmptyState(
                "bell-outline",
                _("No rules yet"),
                _("A rule says which values mean trouble."),
            ),
        )
        self.devices.picked.connect(self._on_device)
        self.points.picked.connect(self._on_point)

    def _values_get(self, point_id: int) -> PointValue | None:
        return self._values.get(point_id)

    def _lay_out(self) -> None:
        may_edit, may_write = self._page.shell.may("fleet.edit"), self._page.shell.may("point.write")
        look = button(
            _("Look for devices"),
            self.ask_probe,
            "radar",
            tip=_("The edge asks an address which Modbus units answer there"),
        )
        look.setVisible(may_edit)
        self.device_level = Level(
            _("Devices"), self.devices, _("New device"), self.ask_device, self.ask_device, None, may_edit
        )
        self.device_level.add_below(look)
        self.point_level = Level(
            _("Points"),
            self.points,
            _("New point"),
            self.ask_point,
            self.ask_point,
            lambda point: self.ask_point(like=point),
            may_edit,
        )
        self.point_level.add_extra(
            _("Table …"),
            self.ask_table,
            "file-table-outline",
            _("Points from Excel or CSV, and back"),
            may_edit,
        )
        self.point_level.add_for_chosen(
            _("Write …"),
            self.ask_write,
            "pencil-lock-outline",
            lambda point: point.writable and point.active,
            may_write,
        )
        self.rule_level = Level(
            _("Rules"), self.rules, _("New rule"), self.ask_rule, self.ask_rule, None, may_edit
        )
        for level in (self.device_level, self.point_level, self.rule_level):
            level.set_able(False)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName(_("Rules and history of the point"))
        self.tabs.addTab(self.rule_level, _("Rules"))
        self.tabs.addTab(self.history, _("History"))
        below = QSplitter(Qt.Orientation.Vertical)
        below.addWidget(self.point_level)
        below.addWidget(self.tabs)
        below.setSizes([400, 260])
        below.setChildrenCollapsible(False)
        whole = QSplitter(Qt.Orientation.Horizontal)
        self.device_level.setContentsMargins(0, 0, 8, 0)
        below.setContentsMargins(8, 0, 0, 0)
        whole.addWidget(self.device_level)
        whole.addWidget(below)
        whole.setSizes([320, 660])
        whole.setStretchFactor(1, 1)
        whole.setChildrenCollapsible(False)
        self.setLayout(column(whole))


def _fill(table: Table[Any], things: list[Any]) -> None:
    """Show these and choose the first when nothing is chosen, without the level below hearing of it twice."""
    table.blockSignals(True)
    table.set_rows(things)
    if table.current() is None and things:
        first = table.model.row_at(0)
        assert first is not None
        table.select(first.id)
    table.blockSignals(False)
