"""The charts of a ticket: one per raise, chosen from a list, each as CSV too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QFileDialog, QWidget

from core.errors import FettleError, OutsideError
from core.i18n import _, explain
from core.wire.tickets import ChartView, TicketView
from desktop import tasks, times
from desktop.hub_client import HubClient
from desktop.widgets.basics import BusyLine, button, column, row, text_label
from desktop.widgets.page import Shell

if TYPE_CHECKING:
    from desktop.widgets.trend import Trend


def chart_file(number: str, chart: ChartView) -> str:
    """A file name that says whose chart it is: ticket, point, and the moment of the raise."""
    raised = chart.raised_at.astimezone().strftime("%Y-%m-%d %H%M%S")
    name = f"{number} {chart.point_name} {raised}.csv"
    return "".join("-" if sign in '/\\:*?"<>|' or not sign.isprintable() else sign for sign in name)


class ChartsTab(QWidget):
    """Fetched when first looked at; the plotting library is loaded then too."""

    def __init__(self, hub: HubClient, shell: Shell) -> None:
        super().__init__()
        self._hub = hub
        self._shell = shell
        self._ticket: TicketView | None = None
        self._known = (0, -1, False)
        self._charts: list[ChartView] = []
        self.trend: Trend | None = None
        self._busy = BusyLine()
        self._which = QComboBox()
        self._which.setAccessibleName(_("Which raise"))
        self._which.currentIndexChanged.connect(self._on_chosen)
        self._facts = text_label("", "muted", wrap=True)
        self._save = button("CSV …", self._save_csv, icon="download-outline", tip=_("Save the values as CSV"))
        self._layout = column(
            self._busy, row(self._which, None, self._save), self._facts, spacing=6, margins=(0, 6, 0, 6)
        )
        self.setLayout(self._layout)

    def forget(self) -> None:
        """Another ticket is shown."""
        self._known = (0, -1, False)
        self._charts = []

    def show_ticket(self, ticket: TicketView) -> None:
        """Fetch its charts unless they are shown."""
        key = (ticket.id, ticket.charts, all(chart.complete for chart in self._charts))
        if key == self._known and key[2]:
            return
        self._ticket = ticket
        self._busy.start()
        tasks.run(
            lambda: self._hub.charts(ticket.id),
            lambda found: self._on_charts(ticket, found),
            self._on_failed,
            self,
        )

    def _on_charts(self, ticket: TicketView, found: list[ChartView]) -> None:
        if self._ticket is None or ticket.id != self._ticket.id:
            return
        self._busy.stop()
        self._charts = found
        self._known = (ticket.id, ticket.charts, all(chart.complete for chart in found))
        at = max(0, self._which.currentIndex())
        self._which.blockSignals(True)
        self._which.clear()
        for chart in found:
            self._which.addItem(f"{times.exact(chart.raised_at)}  {chart.rule_name}")
        self._which.blockSignals(False)
        self._which.setVisible(len(found) > 1)
        self._which.setCurrentIndex(min(at, len(found) - 1))
        self._on_chosen(self._which.currentIndex())

    def _on_chosen(self, at: int) -> None:
        if not 0 <= at < len(self._charts):
            return
        if self.trend is None:
            from desktop.widgets.trend import Trend

            self.trend = Trend()
            self._layout.insertWidget(2, self.trend, 1)
        chart = self._charts[at]
        self.trend.show_chart(chart)
        values = [value for value in chart.values if value is not None]
        span = times.span((chart.offsets_ms[-1] - chart.offsets_ms[0]) / 1000) if chart.offsets_ms else ""
        words = [chart.rule_name, _("{n} values over {span}").format(n=len(chart.values), span=span)]
        if values:
            words.append(f"{min(values):g} – {max(values):g} {chart.unit}".strip())
        if chart.first_out:
            words.append(_("first of its storm"))
        if not chart.complete:
            words.append(_("still growing"))
        self._facts.setText(" · ".join(words))

    def _on_failed(self, error: FettleError) -> None:
        self._busy.stop()
        self._facts.setText(explain(error))

    def _save_csv(self) -> None:
        at = self._which.currentIndex()
        if self._ticket is None or not 0 <= at < len(self._charts):
            return
        chart, ticket_id = self._charts[at], self._ticket.id
        proposed = chart_file(self._ticket.number, chart)
        name, _kind = QFileDialog.getSaveFileName(self, _("Save the values as CSV"), proposed, "CSV (*.csv)")
        if not name:
            return

        def save() -> str:
            content = self._hub.chart_csv(ticket_id, chart.occurrence)
            try:
                Path(name).write_bytes(content)
            except OSError as error:
                raise OutsideError(
                    "file.cannot_write", str(error), file=name, reason=error.strerror or error
                ) from error
            return name

        tasks.run(
            save,
            lambda written: self._shell.toast(_("Written to {file}.").format(file=written)),
            lambda error: self._shell.toast(explain(error), bad=True),
            self,
        )
