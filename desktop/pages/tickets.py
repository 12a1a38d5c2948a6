"""The tickets page: filter bar, the live table, the ticket pane beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QByteArray, QEvent, QItemSelectionModel, QObject, Qt, QTimer
from PySide6.QtWidgets import QFileDialog, QPushButton, QSplitter, QStackedWidget, QWidget

from core.errors import FettleError
from core.i18n import _, explain
from core.wire.journal import JournalEntry
from core.wire.tickets import TicketRowView
from desktop import theme
from desktop.pages.ticket_columns import DUE_COLUMN
from desktop.pages.ticket_export import export_csv
from desktop.pages.ticket_filter import FilterBar, TicketQuery
from desktop.pages.ticket_list import TicketList
from desktop.pages.ticket_pane import TicketPane
from desktop.widgets.basics import (
    BusyLine,
    EmptyState,
    SearchBox,
    action,
    button,
    column,
    row,
    text_label,
    tool_button,
)
from desktop.widgets.page import Page, Shell
from desktop.widgets.table import TableView

SECOND_MS = 1_000
LIST_WIDTH = 670  # enough for number, priority, title, state and due, and for the filters in one line


class TicketsPage(Page):
    """All tickets, live; one of them open at the right."""

    key = "tickets"
    icon = "clipboard-text-outline"

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self.list = TicketList(self.hub, shell.me, self._kept_query(), self)
        self._shown_id: int | None = None
        self._loaded = False
        self._build()
        self.list.loading.connect(self._busy.start)
        self.list.loaded.connect(self._on_loaded)
        self.list.counted.connect(self._on_counted)
        self.list.failed.connect(self._on_failed)
        self.list.arrived.connect(self._on_arrived)
        self.list.model.modelAboutToBeReset.connect(self._remember)
        self._seconds = QTimer(self, interval=SECOND_MS)
        self._seconds.timeout.connect(self._tick)
        self._seconds.start()

    def title(self) -> str:
        return _("Tickets")

    def help_text(self) -> str:
        return _(
            "All work from report to closure. Type in the search box to find a number, words of the title or an asset; "
            "the chips narrow the list, a click on a column's head sorts it. New and changed tickets appear by "
            "themselves. Enter opens the selected ticket at the right; Ctrl+F searches; Ctrl+E exports what the "
            "filter shows."
        )

    # ---- layout

    def _build(self) -> None:
        self.search = SearchBox(_("Number, title or asset"))
        self.search.setText(self.list.query.q)
        self.search.searched.connect(lambda text: self._set_query(replace(self.list.query, q=text)))
        self.filters = FilterBar(self.list.query)
        self.filters.changed.connect(self._on_filter)
        self.count = text_label("", "muted")
        self._busy = BusyLine()
        self.table = TableView("tickets", _("Tickets"), self.shell.store)
        self.table.wear(self.list.model, self.list.query.sort, self.list.query.descending)
        self.table.picked.connect(self._on_picked)
        self.table.opened.connect(self._on_opened)
        self._empty = EmptyState("clipboard-check-outline", _("No tickets"), "")
        self._stack = QStackedWidget()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self._empty)
        self.pane = TicketPane(self.shell, self)
        self.pane.setMinimumWidth(400)
        self.pane.closed.connect(self._close_pane)
        self._tools = (
            tool_button("table-column", _("Choose columns"), lambda: self.table.choose_columns()),
            tool_button("file-export-outline", _("Export to CSV") + " (Ctrl+E)", self.export),
        )
        action(self, _("Export to CSV"), self.export, "Ctrl+E")
        bar = row(
            self.search,
            self.filters,
            self.count,
            *self._tools,
            margins=(12, 8, 12, 6),
        )
        self.count.setFixedHeight(self.count.fontMetrics().height() + 10)
        bar.setStretch(1, 1)
        self._new: QPushButton | None = None
        if self.shell.may("ticket.create"):
            self._new = button(
                _("New ticket"),
                lambda: self.shell.new_ticket(),
                icon="plus",
                main=True,
                tip=_("New ticket (Ctrl+N)"),
            )
            bar.addWidget(self._new)
        for at in range(bar.count()):
            item = bar.itemAt(at)
            if item is not None and item.widget() is not self.filters:
                item.setAlignment(Qt.AlignmentFlag.AlignTop)
        left = QWidget()
        left.setLayout(column(bar, self._busy, self._stack, spacing=0))
        left.installEventFilter(self)
        self._bar_width = bar.sizeHint().width() + 24  # with room for a count of many digits
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(left)
        self.splitter.addWidget(self.pane)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setChildrenCollapsible(False)
        kept = self.shell.store.value("tickets/splitter")
        if isinstance(kept, QByteArray):
            self.splitter.restoreState(kept)
        self.splitter.splitterMoved.connect(
            lambda _at, _index: self.shell.store.setValue("tickets/splitter", self.splitter.saveState())
        )
        self.pane.hide()
        self.setLayout(column(self.splitter))
        action(self, _("Search"), self.search.setFocus, "Ctrl+F")
        action(self, _("Close the ticket"), self._close_pane, "Alt+Left")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Beside an open ticket the bar does with less, so that the filters stay in one line."""
        if event.type() is QEvent.Type.Resize and isinstance(watched, QWidget):
            narrow = watched.width() < self._bar_width
            self.search.setFixedWidth(theme.scaled(110 if narrow else 170))
            for tool in self._tools:  # also in the menu of the head, and by Ctrl+E
                tool.setVisible(not narrow)
            if self._new is not None:
                self._new.setText("" if narrow else _("New ticket"))
        return super().eventFilter(watched, event)

    def commands(self) -> list[tuple[str, str, Callable[[], None]]]:
        """For the palette."""
        return [
            (_("Export to CSV"), "file-export-outline", self.export),
            (_("Show all tickets"), "filter-off-outline", lambda: self.show_query(TicketQuery(open=False))),
            (
                _("Show overdue tickets"),
                "clock-alert-outline",
                lambda: self.show_query(TicketQuery(overdue=True)),
            ),
            *self.pane.commands(),
        ]

    # ---- what others ask

    def refresh(self) -> None:
        self.list.forget() if self._loaded else self.list.reload()
        self.pane.refresh()

    def on_entry(self, entry: JournalEntry) -> None:
        if self._loaded:
            self.list.on_entry(entry)
        self.pane.on_entry(entry)

    def unsaved(self) -> bool:
        return self.pane.unsaved()

    def show_ticket(self, ticket_id: int) -> None:
        """Open one ticket, whether or not the filter shows it."""
        self._shown_id = ticket_id
        self.pane.show_ticket(ticket_id)
        self._open_pane()
        self._select(ticket_id)

    def show_query(self, query: TicketQuery) -> None:
        """Another filter, from the dashboard or the palette."""
        self.search.blockSignals(True)
        self.search.setText(query.q)
        self.search.blockSignals(False)
        self.filters.show_query(query)

    def export(self) -> None:
        """Write exactly the filtered rows as CSV."""
        name, _kind = QFileDialog.getSaveFileName(self, _("Export to CSV"), "tickets.csv", "CSV (*.csv)")
        if name:
            ids = list(self.list.model.ids)
            self.shell.toast(_("Exporting {n} tickets …").format(n=len(ids)))
            self.run(
                lambda: export_csv(self.hub, ids, name),
                lambda n: self.shell.toast(_("{n} tickets written to {file}.").format(n=n, file=name)),
            )

    # ---- filter

    def _kept_query(self) -> TicketQuery:
        try:
            kept = json.loads(str(self.shell.store.value("tickets/query", "{}")))
            sets = {name: frozenset(kept.pop(name, ())) for name in ("state", "type", "priority")}
            return TicketQuery(**(kept | sets))
        except (ValueError, TypeError):
            return TicketQuery()

    def _on_filter(self) -> None:
        bar = self.filters.query
        now = self.list.query
        self._set_query(replace(bar, q=self.search.text().strip(), sort=now.sort, descending=now.descending))

    def _set_query(self, query: TicketQuery) -> None:
        self.filters.query = query
        self.list.set_query(query)

    def _on_loaded(self, count: int) -> None:
        self._loaded = True
        self._busy.stop()
        query = self.list.query
        lists = {name: sorted(getattr(query, name)) for name in ("state", "type", "priority")}
        self.shell.store.setValue("tickets/query", json.dumps(query.__dict__ | lists))
        if self._shown_id is not None:
            self._select(self._shown_id)

    def _on_counted(self, count: int) -> None:
        self.count.setText(_("{n} tickets").format(n=f"{count:,}"))
        if count == 0:
            plain = self.list.query == TicketQuery(
                sort=self.list.query.sort, descending=self.list.query.descending
            )
            if plain:
                self._empty.say(
                    _("No open tickets"), _("New ones appear here by themselves; Ctrl+N makes one.")
                )
            else:
                self._empty.say(
                    _("Nothing matches the filter"), _("Take a chip off or empty the search box.")
                )
        self._stack.setCurrentIndex(0 if count else 1)

    def _on_failed(self, error: FettleError) -> None:
        self._busy.stop()
        if not self._loaded:
            self._empty.say(_("The tickets cannot be fetched"), explain(error))
            self._stack.setCurrentIndex(1)

    # ---- selection

    def _remember(self) -> None:
        positions = self.table.positions()
        if len(positions) == 1 and self._shown_id is None:
            self._shown_id = self.list.model.ids[positions[0]]

    def _select(self, ticket_id: int) -> None:
        at = self.list.model.position_of(ticket_id)
        if at < 0 or self.table.positions() == [at]:
            return
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.table.selectionModel().setCurrentIndex(self.list.model.index(at, 0), flags)

    def _on_picked(self) -> None:
        positions = self.table.positions()
        if len(positions) == 1 and positions[0] < len(self.list.model.ids):
            ticket_id = self.list.model.ids[positions[0]]
            if ticket_id != self._shown_id:
                self._shown_id = ticket_id
                self.pane.show_ticket(ticket_id)
            self._open_pane()

    def _on_opened(self, _position: int) -> None:
        self._on_picked()
        self.pane.setFocus()

    def _open_pane(self) -> None:
        """Until somebody moves the line: the pane as wide as the list beside it can spare."""
        first = self.pane.isHidden() and self.shell.store.value("tickets/splitter") is None
        self.pane.show()
        if first:
            whole = self.splitter.width()
            pane = max(self.pane.minimumWidth(), min(whole * 2 // 5, 640, whole - theme.scaled(LIST_WIDTH)))
            self.splitter.setSizes([whole - pane, pane])

    def _close_pane(self) -> None:
        self._shown_id = None
        self.pane.hide()
        self.table.clearSelection()
        self.table.setFocus()

    def _on_arrived(self, ticket: TicketRowView) -> None:
        if not self.isVisible() and ticket.priority == 1:
            self.shell.toast(
                _("New urgent ticket {number}: {title}").format(number=ticket.number, title=ticket.title),
                bad=True,
            )

    # ---- time

    def _tick(self) -> None:
        """Remaining times count down while they can be seen."""
        if not self.isVisible() or not len(self.list.model.ids):
            return
        first, last = self.table.rowAt(0), self.table.rowAt(self.table.viewport().height() - 1)
        at = next(n for n, made in enumerate(self.list.model.columns) if made.key == DUE_COLUMN)
        self.list.model.touch(max(0, first), last if last >= 0 else len(self.list.model.ids) - 1, at)
        self.pane.tick()
