"""Trying a rule on what its point did: period, run, the chart with what would have been raised, the figures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QWidget

from core.errors import AppError, FettleError
from core.i18n import _, explain, ngettext
from core.wire.fleet import PointView, RuleView, SaveRule
from core.wire.history import Trial, TrialResult, TryRule
from desktop import times
from desktop.pages.edge_rule_words import BANDS, LEVELS, duration, number
from desktop.widgets.basics import BusyLine, button, column, row, text_label
from desktop.widgets.inputs import Choice, choice
from desktop.widgets.page import Page

if TYPE_CHECKING:
    from desktop.widgets.history_plot import HistoryPlot

HOUR_S, DAY_S = 3600, 86_400


def limits_of(rule: SaveRule | RuleView) -> list[tuple[float, str]]:
    """The lines across a chart that a rule compares with."""
    if rule.condition in LEVELS and rule.limit is not None:
        return [(rule.limit, number(rule.limit))]
    if rule.condition in BANDS:
        return [(one, number(one)) for one in (rule.limit, rule.limit_high) if one is not None]
    return []


class TrialPanel(QWidget):
    """`ask` gives the rule as it stands in the form; AppError when it is not finished."""

    tried = Signal(object)  # TrialResult

    def __init__(
        self, page: Page, point: PointView, rule: RuleView | None, ask: Callable[[], SaveRule]
    ) -> None:
        super().__init__()
        self._page, self._point, self._rule, self._ask = page, point, rule, ask
        self._number = 0
        self._began: datetime | None = None
        self.plot: HistoryPlot | None = None
        periods: list[Choice] = [
            (HOUR_S, _("last hour")),
            (8 * HOUR_S, _("last 8 hours")),
            (DAY_S, _("last day")),
            (7 * DAY_S, _("last week")),
            (30 * DAY_S, _("last 30 days")),
        ]
        self.period = choice(periods, DAY_S)
        self.period.setAccessibleName(_("Period"))
        self.go = button(
            _("Try on recorded data"),
            self.start,
            "play-circle-outline",
            tip=_("Runs the rule as it stands here over what the point did. Nothing is saved or raised."),
        )
        self.stop = button(_("Cancel"), self.cancel, "stop-circle-outline")
        self.stop.hide()
        self._busy = BusyLine()
        self.verdict = text_label("", "title", wrap=True)
        self.facts = text_label("", "muted", wrap=True, selectable=True)
        self.trouble = text_label("", "bad", wrap=True, selectable=True)
        self.hint = text_label(
            _("See how often this rule would have raised, before anybody is woken by it."), "muted", wrap=True
        )
        for one in (self.verdict, self.facts, self.trouble):
            one.hide()
        self._frame = QFrame()
        self._frame.setProperty("card", True)
        self._inside = column(
            self.hint, self.verdict, self.facts, self.trouble, spacing=4, margins=(10, 8, 10, 8)
        )
        self._frame.setLayout(self._inside)
        whole = column(spacing=6)
        whole.addLayout(row(self.go, self.period, self.stop, None))
        whole.addWidget(self._busy)
        whole.addWidget(self._frame)
        self._whole = whole
        self.setLayout(whole)
        self._clock = QTimer(self, interval=1000)
        self._clock.timeout.connect(self._on_second)

    def start(self) -> None:
        """Run the rule over the period."""
        self.trouble.hide()
        try:
            rule = self._ask()
        except AppError as error:
            self._on_failed(self._number, error)
            return
        to_at = times.utc_now()
        from_at = to_at - timedelta(seconds=self.period.currentData())
        compared = self._rule.id if self._rule is not None else None
        body = TryRule(rule=rule, from_at=from_at, to_at=to_at, compare_with=compared)
        self._number += 1
        mine, hub, point_id = self._number, self._page.hub, self._point.id
        self._began = to_at
        self._show_busy(True)
        self._page.run(
            lambda: hub.try_rule(point_id, body),
            lambda result: self._on_tried(mine, rule, (from_at, to_at), result),
            lambda error: self._on_failed(mine, error),
        )

    def cancel(self) -> None:
        """Forget the trial under way; its answer is not waited for."""
        self._number += 1
        self._show_busy(False)
        self.hint.setText(_("Cancelled."))

    def is_busy(self) -> bool:
        """Whether a trial is under way."""
        return not self.go.isEnabled()

    # ---- inside

    def _show_busy(self, on: bool) -> None:
        self.go.setEnabled(not on)
        self.stop.setVisible(on)
        (self._busy.start if on else self._busy.stop)()
        (self._clock.start if on else self._clock.stop)()
        if on:
            self.hint.setText(_("Running over the recorded data …"))
            self.hint.show()

    def _on_second(self) -> None:
        if self._began is not None:
            span = times.span((times.utc_now() - self._began).total_seconds())
            self.hint.setText(_("Running over the recorded data … {span}").format(span=span))

    def _on_failed(self, mine: int, error: FettleError) -> None:
        if mine == self._number:
            self._show_busy(False)
            self.hint.hide()
            self.trouble.setText(explain(error))
            self.trouble.show()

    def _on_tried(
        self, mine: int, rule: SaveRule, period: tuple[datetime, datetime], result: TrialResult
    ) -> None:
        if mine != self._number:
            return
        self._show_busy(False)
        self.hint.hide()
        self.verdict.setText(self._verdict(result))
        self.facts.setText(self._facts(result, period))
        self.verdict.show()
        self.facts.show()
        if result.samples:
            self._draw(rule, period, result)
        self.tried.emit(result)

    def _draw(self, rule: SaveRule, period: tuple[datetime, datetime], result: TrialResult) -> None:
        if self.plot is None:
            from desktop.widgets.history_plot import HistoryPlot

            self.plot = HistoryPlot(180)
            self._whole.addWidget(self.plot, 1)
        spans = [(one.raised_at, one.cleared_at) for one in result.tried.raises]
        self.plot.show_history(result.history, period, limits_of(rule), spans)

    def _verdict(self, result: TrialResult) -> str:
        if not result.samples:
            return _("Nothing is recorded of this point in that time.")
        count = result.tried.count
        if result.compared is not None:
            return _("Saved rule: {before} × raised → this rule: {after} ×").format(
                before=result.compared.count, after=count
            )
        if not count:
            return _("It would not have raised.")
        return ngettext("It would have raised {n} time.", "It would have raised {n} times.", count).format(
            n=count
        )

    def _facts(self, result: TrialResult, period: tuple[datetime, datetime]) -> str:
        found = []
        if result.samples:
            found.append(self._quality(result.tried))
            span_s = (period[1] - period[0]).total_seconds()
            share = min(1.0, result.tried.active_s / span_s) if span_s else 0
            found.append(
                _("Active {time} in all ({share:.1%}).").format(
                    time=times.span(result.tried.active_s), share=share
                )
            )
            found.append(
                _("{n} values, about one each {time}.").format(
                    n=f"{result.samples:,}", time=duration(max(0.1, round(result.resolution_s, 1)))
                )
            )
        oldest = result.history.oldest_at
        if oldest is not None and oldest > period[0] + timedelta(minutes=5):
            found.append(_("Records begin at {at}.").format(at=times.exact(oldest)))
        return " ".join(found)

    def _quality(self, tried: Trial) -> str:
        words = []
        if tried.chattering:
            words.append(_("{n} raises in chatter (3 or more a minute).").format(n=tried.chattering))
        if tried.flood_share:
            words.append(_("Flood in {share:.0%} of the time.").format(share=tried.flood_share))
        return " ".join(words) or _("No chatter, no flood.")
