"""Dialogs of the parts page: a part, a stock movement, a purchase request, a receipt."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from PySide6.QtWidgets import QDoubleSpinBox

from core.i18n import _, label
from core.wire.parts import MoveStock, PartView, PurchaseRequestView, RequestPurchase, SavePart
from desktop.widgets.form import FormDialog, request
from desktop.widgets.inputs import MoneyEdit, decimal, line, number, quantity, tick
from desktop.widgets.page import Page


def _titles() -> dict[str, tuple[str, str]]:
    """Kind of movement → title and a line of explanation."""
    return {
        "receive": (_("Receive"), _("Goods have come in: stock grows and the average cost follows.")),
        "count": (_("Count stock"), _("Type what really lies there; the difference is booked.")),
        "scrap": (_("Scrap"), _("Broken or expired: it leaves the stock for good.")),
        "vendor_return": (_("Return to vendor"), _("It goes back to the supplier and leaves the stock.")),
    }


def part_dialog(page: Page, part: PartView | None, categories: list[str]) -> FormDialog:
    """A new part, or a change of one."""

    def save(values: dict[str, Any]) -> PartView:
        for name in ("minimum", "order_qty"):
            values[name] = Decimal(str(values[name]))
        values["number"] = values["number"] or None
        if part is None:
            return page.hub.create_part(request(SavePart, values))
        return page.hub.save_part(part.id, request(SavePart, values | {"version": part.version}))

    dialog = FormDialog(page, _("New part") if part is None else _("Edit part"), save)
    number_hint = _("Leave empty for the next free number.") if part is None else ""
    dialog.add("name", label("word.name"), line(part.name if part else "", limit=200))
    dialog.add("number", _("Number"), line(part.number if part else "", limit=40), number_hint)
    dialog.add(
        "spec",
        _("Specification"),
        line(part.spec if part else "", _("such as 6204-2RS, 20 × 47 × 14"), limit=200),
    )
    dialog.add("unit", _("Unit"), line(part.unit if part else _("pc"), limit=20))
    dialog.add(
        "category", _("Category"), line(part.category if part else "", ", ".join(categories[:3]), limit=100)
    )
    dialog.add("bin", _("Bin"), line(part.bin if part else "", _("where it lies, such as A-03-2"), limit=40))
    dialog.add(
        "minimum",
        _("Minimum"),
        decimal(float(part.minimum) if part else 0),
        _("At or below it, available plus on order, the part counts as low and a purchase is requested."),
    )
    dialog.add("order_qty", _("Order quantity"), decimal(float(part.order_qty) if part else 0))
    dialog.add("lead_days", _("Lead time"), number(part.lead_days if part else 0, 0, 3650, " " + _("days")))
    dialog.add("supplier", _("Supplier"), line(part.supplier if part else "", limit=200))
    dialog.add("active", "", tick(_("In use"), part.active if part else True))
    return dialog


def stock_dialog(
    page: Page, part: PartView, kind: str, answers: PurchaseRequestView | None = None
) -> FormDialog:
    """A movement of one part's stock; `answers` is the purchase request that a receipt is for."""

    def save(values: dict[str, Any]) -> PartView:
        values |= {"kind": kind, "qty": Decimal(str(values["qty"]))}
        if answers is not None:
            values["request_id"] = answers.id
        return page.hub.move_stock(part.id, request(MoveStock, values))

    title, words = _titles()[kind]
    dialog = FormDialog(page, f"{title} · {part.name}", save, ok=title, width=440)
    dialog.form.add_text(words)
    dialog.form.add_text(
        _("On hand {on_hand} {unit}, of it reserved {reserved}.").format(
            on_hand=quantity(part.on_hand), unit=part.unit, reserved=quantity(part.reserved)
        ),
        "",
    )
    proposed = Decimal(0)
    if kind == "count":
        proposed = part.on_hand
    elif kind == "receive":
        proposed = answers.qty - answers.received if answers is not None else part.order_qty
    qty = decimal(float(proposed), suffix=f" {part.unit}")
    dialog.add("qty", _("Counted quantity") if kind == "count" else _("Quantity"), qty)
    if kind == "receive":
        dialog.add(
            "unit_cost_minor",
            _("Unit cost"),
            MoneyEdit(part.unit_cost_minor, page.shell.me.currency),
            _("What one {unit} cost this time.").format(unit=part.unit),
        )
    dialog.add("note", _("Note"), line(limit=200))
    qty.selectAll()
    return dialog


def purchase_dialog(page: Page, part: PartView) -> FormDialog:
    """A wish for more of a part."""

    def save(values: dict[str, Any]) -> PurchaseRequestView:
        values |= {"part_id": part.id, "qty": Decimal(str(values["qty"]))}
        return page.hub.request_purchase(request(RequestPurchase, values))

    dialog = FormDialog(
        page, _("Request purchase") + f": {part.name}", save, ok=_("Request purchase"), width=440
    )
    qty: QDoubleSpinBox = decimal(float(part.order_qty or 1), suffix=f" {part.unit}")
    dialog.add("qty", _("Quantity"), qty)
    dialog.add("reason", _("Reason"), line(limit=200))
    qty.selectAll()
    return dialog
