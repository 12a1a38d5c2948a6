"""Edges: which programs on the shop floor there are, how they do, and what each of them watches."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QSplitter, QStackedLayout, QWidget

from core.i18n import _
from core.wire.fleet import DeadLetterView, EdgeView
from core.wire.journal import JournalEntry
from desktop.pages.edge_columns import dead_letter_columns, edge_columns
from desktop.pages.edge_dialogs import edge_dialog
from desktop.pages.edge_levels import Levels
from desktop.pages.edge_state import EdgeStrip
from desktop.widgets.basics import EmptyState, button, column, row, text_label
from desktop.widgets.page import Page, Shell
from desktop.widgets.table import Table


class EdgesPage(Page):
    key = "edges"
    icon = "lan-connect"

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self.may_edit = shell.may("fleet.edit")
        self.edges: Table[EdgeView] = Table(
            "edges", _("Edges"), edge_columns(), lambda edge: edge.id, shell.store, sort="name"
        )
        self.edges.picked.connect(self._on_edge)
        self.strip = EdgeStrip(self)
        self.strip.changed.connect(self.refresh)
        self.levels = Levels(self)
        self.levels.changed.connect(self.refresh)
        self.strip.refused.connect(self.levels.show_faults)
        self.new = button(_("New edge"), self.on_new, "plus")
        self.new.setVisible(self.may_edit)
        self.letters = button(
            _("Undeliverable"),
            self.on_letters,
            "email-alert-outline",
            tip=_("Messages of edges that the hub could not take in, with the reason"),
        )
        self._lay_out()

    def title(self) -> str:
        return _("Edges")

    def help_text(self) -> str:
        return _(
            "An edge polls devices and raises alarms by rules, also while the hub is away. Choose an edge, then a "
            "device, then a point: what belongs to it is shown beside or below. New devices come from the library, "
            "or are looked for behind an address; points come from a table too. A rule can be tried on what its "
            "point did before it is saved. Changes count only after “Push to edge”, which says first what it will "
            "change, and then what the edge answers."
        )

    def refresh(self) -> None:
        self.run(self.hub.edges, self._show)

    def on_entry(self, entry: JournalEntry) -> None:
        if entry.verb.split(".")[0] in ("edge", "device", "point", "rule", "alarm"):
            self.refresh_soon()

    def commands(self) -> list[tuple[str, str, Callable[[], None]]]:
        """For Ctrl+K."""
        if not self.may_edit:
            return []
        return [
            (_("New edge"), "plus", self.on_new),
            (_("New device"), "plus", self.levels.ask_device),
            (_("Look for devices"), "radar", self.levels.ask_probe),
            (_("Health"), "heart-pulse", self.strip.on_health),
            (_("Push to edge"), "upload-network-outline", self.strip.on_push),
        ]

    def on_new(self) -> None:
        """The dialog for a new edge."""
        dialog = edge_dialog(self, None)
        dialog.saved.connect(self._on_made)
        dialog.open()

    def on_letters(self) -> None:
        """Fetch and show what could not be taken in."""
        self.run(self.hub.dead_letters, self._show_letters)

    def _on_made(self, edge: EdgeView) -> None:
        self._show([*self.edges.rows(), edge])
        self.edges.select(edge.id)
        self.shell.toast(
            _("Edge {name} added. Make a join code and type it on its computer.").format(name=edge.name)
        )
        self.refresh()

    def _show(self, edges: list[EdgeView]) -> None:
        self.edges.blockSignals(True)
        self.edges.set_rows(edges)
        self._stack.setCurrentIndex(1 if edges else 0)
        if self.edges.current() is None and edges:
            first = self.edges.model.row_at(0)
            assert first is not None
            self.edges.select(first.id)
        self.edges.blockSignals(False)
        self._on_edge()

    def _on_edge(self) -> None:
        edge = self.edges.current()
        if edge is not None:
            self.strip.show_edge(edge)
            self.levels.show_edge(edge)

    def _show_letters(self, letters: list[DeadLetterView]) -> None:
        dialog = QDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(_("Undeliverable"))
        table: Table[DeadLetterView] = Table(
            "dead_letters",
            _("Undeliverable"),
            dead_letter_columns(),
            lambda letter: letter.id,
            self.shell.store,
            sort="at",
            descending=True,
            empty=EmptyState(
                "email-check-outline", _("Everything was taken in"), _("No message of an edge is lost.")
            ),
        )
        table.set_rows(letters)
        dialog.setLayout(column(table, margins=(10, 10, 10, 10)))
        dialog.resize(900, 420)
        dialog.open()

    def _lay_out(self) -> None:
        left, right = QWidget(), QWidget()
        layout = column(margins=(0, 0, 8, 0), spacing=8)
        layout.addLayout(row(text_label(_("Edges"), "heading"), None, self.new))
        layout.addWidget(self.edges, 1)
        layout.addLayout(row(self.letters, None))
        left.setLayout(layout)
        layout = column(self.strip, margins=(12, 0, 0, 0))
        layout.addWidget(self.levels, 1)
        right.setLayout(layout)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(left)
        splitter.addWidget(right)
        splitter.setSizes([250, 1000])
        splitter.setStretchFactor(1, 1)
        splitter.setChildrenCollapsible(False)
        empty = EmptyState(
            "lan-connect",
            _("No edge yet"),
            _(
                "An edge is the program on the shop floor that reads machines. Add one, then join it by its code."
            ),
            _("New edge") if self.may_edit else "",
            self.on_new,
        )
        body = QWidget()
        self._stack = QStackedLayout(body)
        self._stack.addWidget(empty)
        self._stack.addWidget(splitter)
        self.setLayout(column(body, margins=(12, 10, 12, 12)))
