"""The past of a point as a small chart that goes on by itself, with the limits of its rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from core.errors import FettleError
from core.i18n import _, explain
from core.wire.fleet import PointView, RuleView
from core.wire.history import HistorySample, PointHistory
from desktop import times
from desktop.pages.edge_rule_words import number
from desktop.pages.edge_trial import DAY_S, HOUR_S, limits_of
from desktop.widgets.basics import BusyLine, EmptyState, column, row, text_label
from desktop.widgets.inputs import Choice, choice
from desktop.widgets.page import Page

if TYPE_CHECKING:
    from desktop.widgets.history_plot import HistoryPlot

EVERY_MS = 10_000


class HistoryTab(QWidget):
    """`show_point` chooses whose; nothing is fetched while it is not seen."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self.point: PointView | None = None
        self._rules: Sequence[RuleView] = ()
        self._asking = False
        self.plot: HistoryPlot | None = None
        periods: list[Choice] = [
            (HOUR_S, _("last hour")),
            (8 * HOUR_S, _("last 8 hours")),
            (DAY_S, _("last day")),
            (7 * DAY_S, _("last week")),
        ]
        self.period = choice(periods, HOUR_S)
        self.period.setAccessibleName(_("Period"))
        self.period.currentIndexChanged.connect(lambda _at: self.fetch())
        self.facts = text_label("", "muted")
        self._busy = BusyLine()
        self._layout = column(
            row(self.period, self.facts, None, spacing=10), self._busy, spacing=4, margins=(0, 6, 0, 0)
        )
        self.nothing = EmptyState("chart-line", _("Nothing is recorded in that time."))
        self._layout.addWidget(self.nothing, 1)
        self.setLayout(self._layout)
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.fetch)

    def show_point(self, point: PointView | None, rules: Sequence[RuleView]) -> None:
        """Whose past, and the rules whose limits are drawn."""
        same = point is not None and self.point is not None and point.id == self.point.id
        self.point, self._rules = point, rules
        if not same and self.plot is not None:
            self.plot.setVisible(False)
            self.nothing.setVisible(True)
        self.fetch()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self.fetch()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def fetch(self) -> None:
        """Ask once, unless the last answer is still on its way."""
        point = self.point
        if point is None or self._asking or not self.isVisible():
            return
        self._asking = True
        self._busy.start()
        to_at = times.utc_now()
        period = (to_at - timedelta(seconds=self.period.currentData()), to_at)
        self._page.run(
            lambda: self._page.hub.point_history(point.id, *period),
            lambda found: self._on_history(point, period, found),
            self._on_failed,
        )

    def _on_history(self, point: PointView, period: tuple[datetime, datetime], found: PointHistory) -> None:
        self._asking = False
        self._busy.stop()
        if self.point is None or self.point.id != point.id:
            self.fetch()
            return
        if self.plot is None:
            from desktop.widgets.history_plot import HistoryPlot

            self.plot = HistoryPlot(110)
            self._layout.addWidget(self.plot, 1)
        self.plot.setVisible(bool(found.samples))
        self.nothing.setVisible(not found.samples)
        limits = [line for rule in self._rules if rule.active for line in limits_of(rule)]
        self.plot.show_history(found, period, limits)
        self.facts.setText(self._words(found))

    def _words(self, found: PointHistory) -> str:
        if not found.samples:
            return ""
        low, high = _extremes(found.samples)
        if low is None or high is None:
            return _("{n} values").format(n=len(found.samples))
        unit = f" {found.unit}" if found.unit else ""
        return _("lowest {low}, highest {high}").format(low=number(low) + unit, high=number(high) + unit)

    def _on_failed(self, error: FettleError) -> None:
        self._asking = False
        self._busy.stop()
        self.facts.setText(explain(error))


def _extremes(samples: Sequence[HistorySample]) -> tuple[float | None, float | None]:
    """The lowest and the highest of a past, None when there are no numbers."""
    lows = [s.low if s.low is not None else s.last for s in samples]
    highs = [s.high if s.high is not None else s.last for s in samples]
    low = [float(one) for one in lows if isinstance(one, (int, float)) and not isinstance(one, bool)]
    high = [float(one) for one in highs if isinstance(one, (int, float)) and not isinstance(one, bool)]
    return (min(low), max(high)) if low and high else (None, None)
