"""A point's past as a chart: its values with their spread, limits across, and the times of alarms shaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QWidget

from core.i18n import _
from core.wire.history import HistorySample, PointHistory
from desktop import theme
from desktop.widgets.basics import column

MOST_SHADES = 300
Span = tuple[datetime, datetime | None]


def level(value: float | bool | str | None) -> float:
    """A value as a height; a switch is 0 or 1, a word is none."""
    if value is None or isinstance(value, str):
        return math.nan
    return float(value)


class HistoryPlot(QWidget):
    """The wheel zooms time, dragging moves it."""

    def __init__(self, least_height: int = 150) -> None:
        super().__init__()
        import pyqtgraph  # 250 ms with numpy: only when the first chart is looked at

        self._pg: Any = pyqtgraph
        self._history: PointHistory | None = None
        self._limits: Sequence[tuple[float, str]] = ()
        self._raises: Sequence[Span] = ()
        self._period: tuple[datetime, datetime] | None = None
        axis = pyqtgraph.DateAxisItem(orientation="bottom")
        self.plot = pyqtgraph.PlotWidget(axisItems={"bottom": axis})
        self.plot.setAccessibleName(_("Chart"))
        self.plot.setMouseEnabled(x=True, y=False)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.showGrid(x=True, y=True, alpha=0.15)
        self.plot.setMinimumHeight(least_height)
        self.setLayout(column(self.plot))
        theme.theme().changed.connect(self._draw)

    def show_history(
        self,
        history: PointHistory,
        period: tuple[datetime, datetime],
        limits: Sequence[tuple[float, str]] = (),
        raises: Sequence[Span] = (),
    ) -> None:
        """Draw this past: `limits` as (value, words), `raises` as (begin, end or None)."""
        self._history, self._period, self._limits, self._raises = history, period, limits, raises
        self._draw()

    def _pen(self, meaning: str, width: float = 1.4, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
        pen: QPen = self._pg.mkPen(theme.colour(meaning), width=width, style=style)
        return pen

    def _draw(self) -> None:
        plot, history, period = self.plot, self._history, self._period
        plot.clear()
        plot.setBackground(theme.colour("base"))
        for side in ("bottom", "left"):
            plot.getAxis(side).setPen(self._pen("line", 1))
            plot.getAxis(side).setTextPen(theme.colour("muted"))
        if history is None or period is None:
            return
        samples = history.samples
        seconds = [sample.at.timestamp() for sample in samples]
        values = [level(sample.last) for sample in samples]
        begin, end = (at.timestamp() for at in period)
        self._shade(begin, end)
        self._spread(samples, seconds)
        plot.plot(seconds, values, pen=self._pen("accent"), connect="finite")
        if len(values) < 80:
            brush = self._pg.mkBrush(theme.colour("accent"))
            plot.plot(seconds, values, pen=None, symbol="o", symbolSize=4, symbolBrush=brush, symbolPen=None)
        for value, words in self._limits:
            self._limit(value, words)
        plot.setLabel("left", history.unit or "")
        plot.autoRange(padding=0.08)
        if seconds and seconds[0] > begin + (end - begin) / 2:
            begin = (
                seconds[0] - (end - seconds[0]) * 0.1 - 1
            )  # records began late: an empty half tells nothing
        plot.setXRange(begin, end, padding=0.01)
        plot.setAccessibleDescription(
            _("{point}: {n} values, {raises} alarms").format(
                point=history.name, n=len(values), raises=len(self._raises)
            )
        )

    def _spread(self, samples: Sequence[HistorySample], seconds: list[float]) -> None:
        """Lowest and highest of each stretch as a band, where they are known."""
        if not any(sample.low is not None and sample.high is not None for sample in samples):
            return
        low = [math.nan if s.low is None else s.low for s in samples]
        high = [math.nan if s.high is None else s.high for s in samples]
        faint = theme.colour("accent")
        faint.setAlpha(45)
        lower = self._pg.PlotCurveItem(seconds, low, pen=None)
        upper = self._pg.PlotCurveItem(seconds, high, pen=None)
        self.plot.addItem(self._pg.FillBetweenItem(lower, upper, brush=self._pg.mkBrush(faint)))

    def _shade(self, begin: float, end: float) -> None:
        soft = theme.colour("bad")
        soft.setAlpha(50)
        for raised, cleared in self._raises[:MOST_SHADES]:
            start = raised.timestamp()
            stop = cleared.timestamp() if cleared is not None else end
            least = (end - begin) / 400  # a short one must still be seen
            self.plot.addItem(
                self._pg.LinearRegionItem(
                    (start, max(stop, start + least)),
                    movable=False,
                    brush=self._pg.mkBrush(soft),
                    pen=self._pg.mkPen(None),
                )
            )
            self.plot.addItem(self._pg.InfiniteLine(pos=start, angle=90, pen=self._pen("bad", 1)))

    def _limit(self, value: float, words: str) -> None:
        line = self._pg.InfiniteLine(
            pos=value,
            angle=0,
            pen=self._pen("bad", 1.2, Qt.PenStyle.DashLine),
            label=words,
            labelOpts={
                "color": theme.colour("bad"),
                "position": 0.03,
                "movable": False,
                "anchors": [(0, 1)] * 2,
            },
        )
        self.plot.addItem(line)
