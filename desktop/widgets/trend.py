"""A black-box chart: values around a raise, the limit, the moment of the raise; times in this computer's zone."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QWidget

from core.i18n import _
from core.wire.tickets import ChartView
from desktop import theme
from desktop.widgets.basics import column


class Trend(QWidget):
    """One chart; the wheel zooms time, dragging moves it, a double click shows all again."""

    def __init__(self) -> None:
        super().__init__()
        import pyqtgraph  # 250 ms with numpy: only when the first chart is looked at

        self._pg: Any = pyqtgraph
        self._chart: ChartView | None = None
        axis = pyqtgraph.DateAxisItem(orientation="bottom")
        self.plot = pyqtgraph.PlotWidget(axisItems={"bottom": axis})
        self.plot.setAccessibleName(_("Chart"))
        self.plot.setMouseEnabled(x=True, y=False)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.showGrid(x=True, y=True, alpha=0.15)
        self.setMinimumHeight(200)
        self.setLayout(column(self.plot))
        theme.theme().changed.connect(self._draw)

    def show_chart(self, chart: ChartView) -> None:
        """Draw this one."""
        self._chart = chart
        self._draw()

    def values_shown(self) -> int:
        """How many values are drawn."""
        return 0 if self._chart is None else len(self._chart.values)

    def _pen(self, meaning: str, width: float = 1.5, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
        pen: QPen = self._pg.mkPen(theme.colour(meaning), width=width, style=style)
        return pen

    def _draw(self) -> None:
        chart = self._chart
        if chart is None:
            return
        plot = self.plot
        plot.clear()
        plot.setBackground(theme.colour("base"))
        for side in ("bottom", "left"):
            plot.getAxis(side).setPen(self._pen("line", 1))
            plot.getAxis(side).setTextPen(theme.colour("muted"))
        plot.setLabel("left", f"{chart.point_name} ({chart.unit})" if chart.unit else chart.point_name)
        raised_s = chart.raised_at.timestamp()
        seconds = [raised_s + offset_ms / 1000 for offset_ms in chart.offsets_ms]
        values = [math.nan if value is None else value for value in chart.values]
        plot.plot(seconds, values, pen=self._pen("accent"), connect="finite")
        if len(values) < 60:
            brush = self._pg.mkBrush(theme.colour("accent"))
            plot.plot(seconds, values, pen=None, symbol="o", symbolSize=4, symbolBrush=brush, symbolPen=None)
        if chart.limit is not None:
            self._line(chart.limit, 0, "bad", _("Limit") + f" {chart.limit:g}", 0.04)
        first_s, last_s = (
            (min(seconds[0], raised_s), max(seconds[-1], raised_s)) if seconds else (raised_s, raised_s)
        )
        late_s = first_s + (last_s - first_s) * 0.8  # words of what is later stand at the left of its line
        self._line(raised_s, 90, "warn", _("Alarm"), 0.99, raised_s > late_s)
        if chart.cleared_at is not None and seconds and chart.cleared_at.timestamp() <= seconds[-1]:
            cleared_s = chart.cleared_at.timestamp()
            self._line(cleared_s, 90, "good", _("Cleared"), 0.99, cleared_s > late_s)
        plot.autoRange(padding=0.1)
        if seconds:
            plot.setXRange(first_s, last_s, padding=0.02)
            plot.getViewBox().setLimits(xMin=first_s - 60, xMax=last_s + 60)
        spoken = _("{point}: {n} values around {at}").format(
            point=chart.point_name,
            n=len(values),
            at=chart.raised_at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        )
        plot.setAccessibleDescription(spoken)

    def _line(
        self, at: float, angle: int, meaning: str, words: str, place: float, words_left: bool = False
    ) -> None:
        # Words at an upright line hang beside its top end, those at a level line stand on it.
        anchor = (1 if words_left else 0, 0 if angle else 1)
        self.plot.addItem(
            self._pg.InfiniteLine(
                pos=at,
                angle=angle,
                pen=self._pen(meaning, 1.2, Qt.PenStyle.DashLine),
                label=words,
                labelOpts={
                    "color": theme.colour(meaning),
                    "fill": theme.colour("base") if angle else None,
                    "position": place,
                    "movable": False,
                    "anchors": [anchor, anchor],
                },
            )
        )
