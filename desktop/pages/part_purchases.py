"""The purchase requests: from the wish to the receipt."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from core.i18n import _, label
from core.wire.parts import MovePurchase, PartView, PurchaseRequestView
from desktop.lists import listed
from desktop.pages.part_columns import request_columns
from desktop.pages.part_dialogs import stock_dialog
from desktop.widgets.basics import EmptyState, SearchBox, button, chip, column, row, text_label
from desktop.widgets.page import Page
from desktop.widgets.table import Table

# What may be done in which state; the hub checks again.
_OPEN_TO = {
    "approve": {"requested"},
    "send": {"approved"},
    "receive": {"approved", "sent", "part_received"},
    "cancel": {"requested", "approved", "sent"},
}
_OVER = {"closed", "cancelled"}


class Purchases(QWidget):
    """`changed` comes after each move."""

    changed = Signal()

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self._parts: dict[int, PartView] = {}
        self._text = ""
        self.search = SearchBox(_("Search requests"))
        self.search.searched.connect(self.on_searched)
        self.over = chip(_("With closed ones"), lambda _on: self._filter())
        self.count = text_label("", "muted")
        self.approve = button(_("Approve"), lambda: self.on_move("approve"), "check", main=True)
        self.send = button(_("Mark as sent"), lambda: self.on_move("send"), "send-outline")
        self.receive = button(_("Receive"), self.on_receive, "tray-arrow-down")
        self.cancel = button(_("Cancel request"), lambda: self.on_move("cancel"), "close")
        may_edit = page.shell.may("part.edit")
        for one in (self.approve, self.send, self.cancel):
            one.setVisible(may_edit)
        self.receive.setVisible(page.shell.may("stock.move"))
        self.table: Table[PurchaseRequestView] = Table(
            "purchase_requests",
            _("Purchase requests"),
            request_columns(),
            lambda request: request.id,
            page.shell.store,
            sort="at",
            descending=True,
            empty=EmptyState(
                "cart-outline",
                _("No purchase requests"),
                _(
                    "They are made by themselves when a part runs low or is short for a ticket, or on the stock tab."
                ),
            ),
        )
        self.table.picked.connect(self.on_picked)
        self.table.opened.connect(self.on_opened)
        whole = column(margins=(0, 8, 0, 0), spacing=8)
        whole.addLayout(
            row(self.search, self.over, self.count, None, self.approve, self.send, self.receive, self.cancel)
        )
        whole.addWidget(self.table, 1)
        self.setLayout(whole)
        self.on_picked()

    def show_requests(self, requests: list[PurchaseRequestView], parts: list[PartView]) -> None:
        """Show these."""
        self._parts = {part.id: part for part in parts}
        self.table.set_rows(requests)
        self._filter()
        self.on_picked()

    def on_searched(self, text: str) -> None:
        """Filter by words."""
        self._text = text
        self._filter()

    def on_picked(self) -> None:
        """Offer what the selected ones are open to."""
        states = {request.state for request in self.table.selected()}
        for do, one in (("approve", self.approve), ("send", self.send), ("cancel", self.cancel)):
            one.setEnabled(bool(states) and states <= _OPEN_TO[do])
        self.receive.setEnabled(len(self.table.selected()) == 1 and states <= _OPEN_TO["receive"])

    def on_opened(self, request: PurchaseRequestView) -> None:
        """Enter on a row leads to the ticket it is for."""
        if request.ticket is not None:
            self.page.shell.open_ticket(request.ticket.id)

    def on_move(self, do: str) -> None:
        """Approve, send or cancel all that are selected."""
        chosen = self.table.selected()

        def move() -> list[PurchaseRequestView]:
            bodies = [(r, MovePurchase.model_validate({"do": do, "version": r.version})) for r in chosen]
            return [self.page.hub.move_purchase(request.id, body) for request, body in bodies]

        self.page.run(move, self._on_moved)

    def on_receive(self) -> None:
        """Book a receipt for the selected one."""
        request = self.table.current()
        part = self._parts.get(request.part.id) if request is not None else None
        if part is not None:
            dialog = stock_dialog(self.page, part, "receive", request)
            dialog.saved.connect(lambda _part: self.changed.emit())
            dialog.open()

    def _on_moved(self, requests: list[PurchaseRequestView]) -> None:
        if requests:
            state = label(f"purchase.state.{requests[0].state}")
            names = listed(request.number for request in requests)
            self.page.shell.toast(f"{names} · {state}")
        self.changed.emit()

    def _filter(self) -> None:
        with_closed = self.over.isChecked()
        self.table.set_filter(self._text, lambda request: with_closed or request.state not in _OVER)
        self.count.setText(str(self.table.model.rowCount()))
        self.count.setAlignment(Qt.AlignmentFlag.AlignVCenter)
