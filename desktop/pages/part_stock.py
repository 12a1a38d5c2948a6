"""One part beside the table: its facts, its ledger, and what can be done with its stock."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QStackedLayout, QWidget

from core.i18n import _
from core.wire.parts import PartView, PurchaseRequestView, StockMoveView
from desktop.pages.part_columns import move_columns
from desktop.pages.part_dialogs import purchase_dialog, stock_dialog
from desktop.widgets.basics import EmptyState, button, column, row, text_label
from desktop.widgets.inputs import money, quantity
from desktop.widgets.page import Page
from desktop.widgets.table import Table


class PartDetail(QWidget):
    """`changed` comes with the part as it is after a movement."""

    changed = Signal(object)
    edit = Signal()

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.part: PartView | None = None
        currency = page.shell.me.currency
        self.heading = text_label("", "title", wrap=True)
        self.subtitle = text_label("", "muted", wrap=True, selectable=True)
        self.warning = text_label("", "bad", wrap=True)
        self.facts = QGridLayout()
        self.facts.setHorizontalSpacing(20)
        self.facts.setVerticalSpacing(0)
        may_move, may_edit = page.shell.may("stock.move"), page.shell.may("part.edit")
        self.receive = button(_("Receive"), lambda: self.on_move("receive"), "tray-arrow-down", main=True)
        self.count = button(_("Count stock"), lambda: self.on_move("count"), "counter")
        self.scrap = button(_("Scrap"), lambda: self.on_move("scrap"), "delete-outline")
        self.back = button(_("Return to vendor"), lambda: self.on_move("vendor_return"), "truck-outline")
        self.order = button(_("Request purchase"), self.on_order, "cart-outline")
        self.change = button(_("Edit"), self.edit.emit, "pencil-outline")
        for one in (self.receive, self.count, self.scrap, self.back):
            one.setVisible(may_move)
        self.order.setVisible(may_edit)
        self.change.setVisible(may_edit)
        self.moves: Table[StockMoveView] = Table(
            "stock_moves",
            _("Stock movements"),
            move_columns(currency),
            lambda move: move.id,
            page.shell.store,
            sort="at",
            descending=True,
            empty=EmptyState(
                "history", _("No movements yet"), _("The first receipt or count starts the ledger.")
            ),
        )
        self.moves.opened.connect(self.on_opened)
        shown = QWidget()
        whole = column(self.heading, self.subtitle, self.warning, margins=(14, 10, 14, 10), spacing=6)
        whole.addLayout(self.facts)
        whole.addSpacing(4)
        whole.addLayout(row(self.receive, self.count, self.scrap, self.back, None))
        whole.addLayout(row(self.order, self.change, None))
        whole.addSpacing(4)
        whole.addWidget(text_label(_("Stock movements"), "heading"))
        whole.addWidget(self.moves, 1)
        shown.setLayout(whole)
        self.stack = QStackedLayout(self)
        self.stack.addWidget(
            EmptyState("package-variant-closed", _("Choose a part"), _("Its stock movements are shown here."))
        )
        self.stack.addWidget(shown)

    def show_part(self, part: PartView | None) -> None:
        """Show this part; its ledger follows."""
        is_other = part is None or self.part is None or part.id != self.part.id
        self.part = part
        self.stack.setCurrentIndex(0 if part is None else 1)
        if part is None:
            return
        if is_other:
            self.moves.set_rows([])
        self.heading.setText(part.name)
        self.subtitle.setText(
            "  ·  ".join(filter(None, (part.number, part.spec, part.category, part.supplier)))
        )
        self.warning.setText(
            _(
                "Low: {available} available and {on_order} on order do not exceed the minimum of {minimum} {unit}."
            ).format(
                available=quantity(part.available),
                on_order=quantity(part.on_order),
                minimum=quantity(part.minimum),
                unit=part.unit,
            )
        )
        self.warning.setVisible(part.low)
        self._show_facts(part)
        self.page.run(
            lambda: self.page.hub.stock_moves(part.id), lambda moves: self._show_moves(part.id, moves)
        )

    def on_move(self, kind: str) -> None:
        """Ask for a stock movement and do it."""
        if self.part is None:
            return
        dialog = stock_dialog(self.page, self.part, kind)
        dialog.saved.connect(self._on_moved)
        dialog.open()

    def _on_moved(self, part: PartView) -> None:
        words = _("Stock of {name} is now {qty} {unit}.")
        self.page.shell.toast(words.format(name=part.name, qty=quantity(part.on_hand), unit=part.unit))
        self.changed.emit(part)

    def on_order(self) -> None:
        """Ask the buyers for more."""
        if self.part is None:
            return
        dialog = purchase_dialog(self.page, self.part)
        dialog.saved.connect(self._on_ordered)
        dialog.open()

    def _on_ordered(self, made: PurchaseRequestView) -> None:
        self.page.shell.toast(_("Purchase request {number} made.").format(number=made.number))
        self.changed.emit(self.part)

    def on_opened(self, move: StockMoveView) -> None:
        """A movement for a ticket leads to it."""
        if move.ticket is not None:
            self.page.shell.open_ticket(move.ticket.id)

    def _show_moves(self, part_id: int, moves: list[StockMoveView]) -> None:
        if self.part is not None and self.part.id == part_id:
            self.moves.set_rows(moves)

    def _show_facts(self, part: PartView) -> None:
        while (item := self.facts.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.deleteLater()
        currency = self.page.shell.me.currency
        facts = [
            (_("Available"), f"{quantity(part.available)} {part.unit}"),
            (_("On hand"), quantity(part.on_hand)),
            (_("Reserved"), quantity(part.reserved)),
            (_("On order"), quantity(part.on_order)),
            (_("Minimum"), quantity(part.minimum)),
            (_("Bin"), part.bin or "–"),
            (_("Unit cost"), money(part.unit_cost_minor, currency)),
            (_("Stock value"), money(part.value_minor, currency)),
        ]
        for at, (name, value) in enumerate(facts):
            caption, shown = text_label(name, "muted"), QLabel(value)
            shown.setProperty("role", "heading")
            self.facts.addWidget(caption, 2 * (at // 4), at % 4)
            self.facts.addWidget(shown, 2 * (at // 4) + 1, at % 4)
        self.facts.setColumnStretch(4, 1)
