"""The live values of one asset's points: fetched every two seconds while they are seen."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from core.i18n import _, label
from core.wire.assets import PointValue
from desktop import times
from desktop.pages.edge_words import reading
from desktop.table_model import Column
from desktop.widgets.basics import EmptyState, column
from desktop.widgets.page import Page
from desktop.widgets.table import Table

EVERY_MS = 2_000
_OLD_S = 60


def value_words(point: PointValue) -> str:
    """The value with its unit, as people read it."""
    if point.value is None:
        return "–"
    if isinstance(point.value, bool):
        return _("on") if point.value else _("off")
    value = point.value if isinstance(point.value, str) else reading(point.value)
    return f"{value} {point.unit}".rstrip()


def value_colour(point: PointValue) -> str:
    """Bad while an alarm is active on the point, faint when the value cannot be trusted."""
    if point.alarm:
        return "bad" if point.alarm in ("critical", "major") else "warn"
    if point.at is None or point.quality != "good":
        return "faint"
    return ""


def _quality_words(point: PointValue) -> str:
    return label(f"quality.{point.quality}") if point.at is not None else _("never heard")


def point_columns() -> Sequence[Column[PointValue]]:
    """Points of an asset as they are now."""
    return (
        Column(
            "name",
            _("Point"),
            lambda p: p.name,
            icon=lambda p: "alert-circle" if p.alarm else "",
            icon_colour=value_colour,
            width=130,
            stretch=True,
        ),
        Column(
            "value",
            _("Value"),
            value_words,
            lambda p: p.value if isinstance(p.value, float) else None,
            "right",
            colour=value_colour,
            background=lambda p: "bad_soft" if p.alarm else "",
            bold=lambda p: bool(p.alarm),
            tip=lambda p: (
                _("Alarm active: {severity}").format(severity=label(f"severity.{p.alarm}")) if p.alarm else ""
            ),
            width=100,
        ),
        Column(
            "quality",
            _("Quality"),
            _quality_words,
            colour=lambda p: "good" if p.quality == "good" and p.at is not None else "warn",
            width=95,
        ),
        Column(
            "age",
            _("Age"),
            lambda p: times.ago(p.at),
            lambda p: p.at,
            colour=lambda p: "warn" if _is_old(p) else "muted",
            width=76,
            gives_way=1,
        ),
    )


def _is_old(point: PointValue) -> bool:
    return point.at is None or (times.utc_now() - point.at).total_seconds() > _OLD_S


class LivePoints(QWidget):
    """`show_asset` chooses whose points; None stops."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self._asset_id: int | None = None
        self._asking = False
        self.table: Table[PointValue] = Table(
            "asset_points",
            _("Live points"),
            point_columns(),
            lambda point: point.point_id,
            page.shell.store,
            sort="name",
            empty=EmptyState(
                "gauge-empty",
                _("No points on this asset"),
                _(
                    "Points come from a device of an edge: add them on the Edges page and name this asset there."
                ),
            ),
        )
        self.setLayout(column(self.table))
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.fetch)

    def show_asset(self, asset_id: int | None) -> None:
        """Show the points of this asset from now on."""
        if asset_id != self._asset_id:
            self._asset_id = asset_id
            self.table.set_rows([])
        self.fetch()

    def fetch(self) -> None:
        """Ask once, unless the last answer is still on its way."""
        asset_id = self._asset_id
        if asset_id is None or self._asking or not self.isVisible():
            return
        self._asking = True
        self._page.run(
            lambda: self._page.hub.asset_points(asset_id),
            lambda points: self._show(asset_id, points),
            lambda _error: (
                self._done()
            ),  # the banner already says that the hub is away; the ages tell the rest
        )

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self.fetch()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _done(self) -> None:
        self._asking = False
        self.table.set_rows(self.table.rows())  # ages go on

    def _show(self, asset_id: int, points: list[PointValue]) -> None:
        self._asking = False
        if asset_id == self._asset_id:
            self.table.set_rows(points)
        else:
            self.fetch()
