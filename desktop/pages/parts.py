"""Spare parts: what there is, what runs low, what is on order."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QTabWidget, QWidget

from core.i18n import _
from core.wire.journal import JournalEntry
from core.wire.parts import PartView, PurchaseRequestView, SavePart
from desktop.pages.part_columns import part_columns
from desktop.pages.part_dialogs import part_dialog
from desktop.pages.part_purchases import Purchases
from desktop.pages.part_stock import PartDetail
from desktop.widgets.basics import EmptyState, SearchBox, action, button, chip, column, row, text_label
from desktop.widgets.form import body_of
from desktop.widgets.page import Page, Shell
from desktop.widgets.table import Table


class PartsPage(Page):
    key = "parts"
    icon = "package-variant-closed"

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self._text = ""
        self.search = SearchBox(_("Search parts"))
        self.search.searched.connect(self.on_searched)
        self.low = chip(_("Low only"), lambda _on: self._filter(), tip=_("Only parts that run low"))
        self.unused = chip(_("With unused"), lambda _on: self._filter(), tip=_("Also parts no longer in use"))
        self.count = text_label("", "muted")
        self.new = button(_("New part"), self.on_new, "plus", main=True)
        self.new.setVisible(shell.may("part.edit"))
        self.table: Table[PartView] = Table(
            "parts",
            _("Spare parts"),
            part_columns(shell.me.currency),
            lambda part: part.id,
            shell.store,
            sort="number",
            empty=EmptyState(
                "package-variant-closed",
                _("No spare parts yet"),
                _("Add the parts that must not be missing; plans and tickets then reserve them."),
                _("New part") if shell.may("part.edit") else "",
                self.on_new,
            ),
        )
        self.table.opened.connect(lambda _part: self.on_edit())
        self.detail = PartDetail(self)
        self.table.picked.connect(lambda: self.detail.show_part(self.table.current()))
        self.detail.edit.connect(self.on_edit)
        self.detail.changed.connect(self._on_changed)
        self.purchases = Purchases(self)
        self.purchases.changed.connect(self.refresh)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setAccessibleName(_("Spare parts"))
        self.tabs.addTab(self._stock_tab(), _("Stock"))
        self.tabs.addTab(self.purchases, _("Purchase requests"))
        self.setLayout(column(self.tabs, margins=(12, 6, 12, 12)))
        action(self, _("Find"), self.search.setFocus, "Ctrl+F")

    def title(self) -> str:
        return _("Parts")

    def help_text(self) -> str:
        return _(
            "Stock is a ledger: every receipt, issue, count and scrap is one movement, and nothing is overwritten. "
            "Available is what lies there less what is reserved for tickets and plans. A part is low when available "
            "plus on order is at or below its minimum; a purchase request is then made by itself."
        )

    def refresh(self) -> None:
        self.run(lambda: (self.hub.parts(), self.hub.purchase_requests()), self._show)

    def on_entry(self, entry: JournalEntry) -> None:
        if entry.verb.split(".")[0] in ("part", "stock", "purchase") or entry.verb.startswith("ticket.part_"):
            self.refresh_soon()

    def commands(self) -> list[tuple[str, str, Callable[[], None]]]:
        """For Ctrl+K."""
        return [(_("New part"), "plus", self.on_new)] if self.shell.may("part.edit") else []

    def on_searched(self, text: str) -> None:
        """Filter by words."""
        self._text = text
        self._filter()

    def on_new(self) -> None:
        """The dialog for a new part."""
        self._open(None)

    def on_edit(self) -> None:
        """The dialog for the chosen part."""
        if self.table.current() is not None and self.shell.may("part.edit"):
            self._open(self.table.current())

    def _open(self, part: PartView | None) -> None:
        categories = sorted({part.category for part in self.table.rows() if part.category})
        dialog = part_dialog(self, part, categories)
        dialog.saved.connect(lambda now: self._on_saved(part, now))
        dialog.open()

    def _on_saved(self, before: PartView | None, part: PartView) -> None:
        def undo() -> None:
            assert before is not None
            body = body_of(SavePart, before, version=part.version)
            self.run(lambda: self.hub.save_part(part.id, body), self._on_changed)

        self.shell.toast(_("{name} saved.").format(name=part.name), undo if before is not None else None)
        self._on_changed(part)

    def _on_changed(self, part: PartView) -> None:
        self.table.model.update_row(part)
        self.table.set_rows(self.table.rows())
        self._filter()
        self.table.select(part.id)
        self.detail.show_part(part)
        self.refresh()

    def _show(self, answer: tuple[list[PartView], list[PurchaseRequestView]]) -> None:
        parts, requests = answer
        self.table.set_rows(parts)
        self._filter()
        self.detail.show_part(self.table.current())
        self.purchases.show_requests(requests, parts)
        waiting = sum(request.state == "requested" for request in requests)
        self.tabs.setTabText(1, _("Purchase requests") + (f" ({waiting})" if waiting else ""))

    def _filter(self) -> None:
        low, unused = self.low.isChecked(), self.unused.isChecked()
        self.table.set_filter(self._text, lambda part: (part.active or unused) and (part.low or not low))
        self.count.setText(_("{n} parts").format(n=self.table.model.rowCount()))

    def _stock_tab(self) -> QWidget:
        left = QWidget()
        layout = column(margins=(0, 8, 8, 0), spacing=8)
        layout.addLayout(row(self.search, self.low, self.unused, self.count, None, self.new))
        layout.addWidget(self.table, 1)
        left.setLayout(layout)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(left)
        splitter.addWidget(self.detail)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        splitter.setSizes([720, 500])
        splitter.setChildrenCollapsible(False)
        return splitter
