"""What one edge watches, on three levels: devices, their points with live values, the rules of a point."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QSplitter, QWidget

from core.i18n import _
from core.wire.assets import AssetView, FailureCodeView, PointValue
from core.wire.fleet import DeviceView, EdgeView, PointView, RuleView, SaveDevice, SavePoint, SaveRule
from core.wire.parts import PartView
from core.wire.people import TeamView
from core.wire.uplink import DeviceHealth
from desktop.pages.edge_columns import device_columns, point_columns, rule_columns
from desktop.pages.edge_dialogs import DeviceDialog
from desktop.pages.edge_level import Level
from desktop.pages.edge_point import PointDialog
from desktop.pages.edge_rule import RuleDialog
from desktop.widgets.basics import EmptyState, column
from desktop.widgets.form import FormDialog, body_of
from desktop.widgets.inputs import Choice
from desktop.widgets.page import Page
from desktop.widgets.table import Table

LIVE_MS = 2_000
Named = tuple[list[TeamView], list[FailureCodeView], list[PartView]]


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
        self._asking = False
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

    # ---- dialogs: what may be named is fetched first

    def ask_device(self, device: DeviceView | None = None) -> None:
        """The dialog for a device of this edge."""
        edge = self._edge
        if edge is not None:
            self._page.run(
                self._hub.assets,
                lambda assets: self._open(
                    DeviceDialog(self._page, edge.id, device, _asset_choices(assets)), device, SaveDevice
                ),
            )

    def ask_point(self, point: PointView | None = None, like: PointView | None = None) -> None:
        """The dialog for a point of the chosen device."""
        device = self._device
        if device is not None:
            self._page.run(
                self._hub.assets,
                lambda assets: self._open(
                    PointDialog(self._page, device, point, _asset_choices(assets), like), point, SavePoint
                ),
            )

    def ask_rule(self, rule: RuleView | None = None) -> None:
        """The dialog for a rule on the chosen point."""
        point, hub, may = self._point, self._hub, self._page.shell.may
        if point is not None:
            self._page.run(
                lambda: (
                    hub.teams() if may("people.read") else [],
                    hub.failure_codes(),
                    hub.parts() if may("part.read") else [],
                ),
                lambda named: self._open(self._rule_dialog(point, rule, named), rule, SaveRule),
            )

    def _rule_dialog(self, point: PointView, rule: RuleView | None, named: Named) -> RuleDialog:
        teams: list[Choice] = [(None, _("the team of the asset"))]
        teams += [(team.id, team.name) for team in named[0] if team.active]
        modes: list[Choice] = [("", _("– none –"))]
        modes += [(code.code, f"{code.code}  {code.name}") for code in named[1] if code.kind == "mode"]
        return RuleDialog(self._page, point, rule, teams, modes, named[2])

    def _open(self, dialog: FormDialog, before: Any, kind: Any) -> None:
        dialog.saved.connect(lambda now: self._on_saved(before, now, kind))
        dialog.open()

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
            device_columns(self._health),
            lambda device: device.id,
            store,
            sort="name",
            empty=EmptyState(
                "expansion-card-variant",
                _("No devices yet"),
                _("Add a Modbus unit, or a machine that sends MQTT."),
            ),
        )
        self.points: Table[PointView] = Table(
            "points",
            _("Points"),
            point_columns(self._values_get),
            lambda point: point.id,
            store,
            empty=EmptyState(
                "gauge", _("No points yet"), _("A point is one value that the device measures.")
            ),
        )
        self.rules: Table[RuleView] = Table(
            "rules",
            _("Rules"),
            rule_columns(self._unit),
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
        may_edit = self._page.shell.may("fleet.edit")
        self.device_level = Level(
            _("Devices"), self.devices, _("New device"), self.ask_device, self.ask_device, None, may_edit
        )
        self.point_level = Level(
            _("Points"),
            self.points,
            _("New point"),
            self.ask_point,
            self.ask_point,
            lambda point: self.ask_point(like=point),
            may_edit,
        )
        self.rule_level = Level(
            _("Rules"), self.rules, _("New rule"), self.ask_rule, self.ask_rule, None, may_edit
        )
        for level in (self.device_level, self.point_level, self.rule_level):
            level.set_able(False)
        below = QSplitter(Qt.Orientation.Vertical)
        below.addWidget(self.point_level)
        below.addWidget(self.rule_level)
        below.setSizes([420, 240])
        below.setChildrenCollapsible(False)
        whole = QSplitter(Qt.Orientation.Horizontal)
        self.device_level.setContentsMargins(0, 0, 8, 0)
        below.setContentsMargins(8, 0, 0, 0)
        whole.addWidget(self.device_level)
        whole.addWidget(below)
        whole.setSizes([340, 640])
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


def _asset_choices(assets: list[AssetView]) -> list[Choice]:
    return [(None, _("– none –")), *((asset.id, f"{asset.name}  {asset.number}") for asset in assets)]
