"""The columns of the tables of parts, stock moves and purchase requests, as data."""

from __future__ import annotations

from collections.abc import Sequence

from core.i18n import _, label
from core.wire.parts import PartView, PurchaseRequestView, StockMoveView
from desktop import times
from desktop.table_model import Column
from desktop.widgets.inputs import money, quantity


def part_columns(currency: str) -> Sequence[Column[PartView]]:
    """Stock of each part; what is low stands in red."""
    low = "bad"
    return (
        Column("number", _("Number"), lambda p: p.number, width=75),
        Column(
            "name",
            label("word.name"),
            lambda p: f"{p.name}  {p.spec}".rstrip(),
            width=260,
            stretch=True,
            colour=lambda p: "" if p.active else "faint",
        ),
        Column("category", _("Category"), lambda p: p.category, width=90, hidden=True),
        Column("bin", _("Bin"), lambda p: p.bin, width=65),
        Column(
            "available",
            _("Available"),
            lambda p: quantity(p.available),
            sort=lambda p: p.available,
            align="right",
            width=80,
            colour=lambda p: low if p.low else "",
            bold=lambda p: p.low,
            icon=lambda p: "alert" if p.low else "",
            icon_colour=lambda p: low,
            tip=lambda p: _("Available + on order is at or below the minimum.") if p.low else "",
        ),
        Column(
            "on_hand", _("On hand"), lambda p: quantity(p.on_hand), lambda p: p.on_hand, "right", width=68
        ),
        Column(
            "reserved",
            _("Reserved"),
            lambda p: quantity(p.reserved),
            lambda p: p.reserved,
            "right",
            width=72,
            gives_way=1,
        ),
        Column(
            "on_order",
            _("On order"),
            lambda p: quantity(p.on_order),
            lambda p: p.on_order,
            "right",
            width=70,
            gives_way=2,
        ),
        Column(
            "minimum", _("Minimum"), lambda p: quantity(p.minimum), lambda p: p.minimum, "right", width=76
        ),
        Column("unit", _("Unit"), lambda p: p.unit, width=50, hidden=True),
        Column(
            "cost",
            _("Unit cost"),
            lambda p: money(p.unit_cost_minor, currency),
            lambda p: p.unit_cost_minor,
            "right",
            width=80,
            hidden=True,
        ),
        Column(
            "value",
            _("Stock value"),
            lambda p: money(p.value_minor, currency),
            lambda p: p.value_minor,
            "right",
            width=105,
            hidden=True,
        ),
        Column("supplier", _("Supplier"), lambda p: p.supplier, width=140, hidden=True),
    )


def move_columns(currency: str) -> Sequence[Column[StockMoveView]]:
    """The ledger of one part."""
    return (
        Column("at", _("Time"), lambda m: times.moment(m.at), lambda m: m.at, width=80),
        Column("kind", _("Movement"), lambda m: label(f"stock.kind.{m.kind}"), width=92),
        Column(
            "qty",
            _("Quantity"),
            lambda m: f"{'+' if m.qty > 0 else ''}{quantity(m.qty)}",
            lambda m: m.qty,
            "right",
            colour=lambda m: "bad" if m.qty < 0 else "good",
            width=76,
        ),
        Column(
            "on_hand", _("On hand"), lambda m: quantity(m.on_hand), lambda m: m.on_hand, "right", width=68
        ),
        Column(
            "cost",
            _("Unit cost"),
            lambda m: money(m.unit_cost_minor, currency),
            lambda m: m.unit_cost_minor,
            "right",
            width=90,
            hidden=True,
        ),
        Column("ticket", _("Ticket"), lambda m: m.ticket.number if m.ticket else "", width=98),
        Column("by", _("By"), lambda m: m.by, width=60),
        Column("note", _("Note"), lambda m: m.note, width=60),
    )


_REQUEST_COLOURS = {
    "requested": "warn",
    "approved": "info",
    "sent": "info",
    "part_received": "info",
    "closed": "good",
}


def _reason(reason: str) -> str:
    """What a person typed, or why the hub asked by itself."""
    words = label(f"purchase.reason.{reason}")
    return reason if words == f"purchase.reason.{reason}" else words


def request_columns() -> Sequence[Column[PurchaseRequestView]]:
    """Purchase requests with how far they are."""
    return (
        Column("number", _("Number"), lambda r: r.number, width=120),
        Column(
            "state",
            _("State"),
            lambda r: label(f"purchase.state.{r.state}"),
            width=110,
            colour=lambda r: _REQUEST_COLOURS.get(r.state, "muted"),
        ),
        Column("part", _("Part"), lambda r: f"{r.part.number}  {r.part.name}", width=240),
        Column(
            "qty", _("Wanted"), lambda r: f"{quantity(r.qty)} {r.unit}", lambda r: r.qty, "right", width=90
        ),
        Column(
            "received", _("Received"), lambda r: quantity(r.received), lambda r: r.received, "right", width=80
        ),
        Column("ticket", _("For ticket"), lambda r: r.ticket.number if r.ticket else "", width=120),
        Column("reason", _("Reason"), lambda r: _reason(r.reason), width=220),
        Column(
            "at",
            _("Requested"),
            lambda r: f"{r.requested_at.astimezone():%Y-%m-%d %H:%M}",
            lambda r: r.requested_at,
            width=130,
        ),
    )
