"""Rows of spare parts: stock is a ledger, on hand is the sum of its moves. Quantities in thousandths."""

from __future__ import annotations

import peewee

from core.storage.tables.base import Row, UtcField, VersionedRow
from core.storage.tables.tickets import TicketRow


class BinRow(VersionedRow):
    code = peewee.CharField(max_length=40, unique=True)
    name = peewee.CharField(max_length=100, default="")


class PartRow(VersionedRow):
    number = peewee.CharField(max_length=40, unique=True)
    name = peewee.CharField(max_length=200)
    spec = peewee.CharField(max_length=200, default="")
    unit = peewee.CharField(max_length=20, default="pc")
    category = peewee.CharField(max_length=100, default="")
    bin = peewee.ForeignKeyField(BinRow, null=True, on_delete="RESTRICT")
    minimum_milli = peewee.BigIntegerField(default=0)
    order_milli = peewee.BigIntegerField(default=0)  # usual order quantity
    lead_days = peewee.IntegerField(default=0)
    supplier = peewee.CharField(max_length=200, default="")
    active = peewee.BooleanField(default=True)


class PurchaseRequestRow(VersionedRow):
    number = peewee.CharField(max_length=20, unique=True)
    part = peewee.ForeignKeyField(PartRow, backref="requests", on_delete="RESTRICT")
    ticket = peewee.ForeignKeyField(TicketRow, null=True, backref="requests", on_delete="SET NULL")
    qty_milli = peewee.BigIntegerField()
    received_milli = peewee.BigIntegerField(default=0)
    state = peewee.CharField(
        max_length=20, index=True
    )  # requested approved sent part_received closed cancelled
    reason = peewee.CharField(max_length=200, default="")
    requested_at = UtcField()
    closed_at = UtcField(null=True)


class StockMoveRow(Row):
    """One signed movement; never changed, corrected by another move."""

    part = peewee.ForeignKeyField(PartRow, backref="moves", on_delete="RESTRICT")
    bin = peewee.ForeignKeyField(BinRow, null=True, on_delete="RESTRICT")
    kind = peewee.CharField(max_length=20)  # receive issue return count scrap transfer vendor_return
    qty_milli = peewee.BigIntegerField()  # signed
    price_minor = peewee.BigIntegerField(
        default=0
    )  # what one unit of this move cost: paid, issued, given back
    unit_cost_minor = peewee.BigIntegerField()  # moving average after this move
    on_hand_milli = peewee.BigIntegerField()  # after this move
    ticket = peewee.ForeignKeyField(TicketRow, null=True, backref="moves", on_delete="RESTRICT")
    request = peewee.ForeignKeyField(PurchaseRequestRow, null=True, on_delete="RESTRICT")
    note = peewee.CharField(max_length=200, default="")
    at = UtcField()
    by = peewee.CharField(max_length=40)  # actor ref


class ReservationRow(Row):
    part = peewee.ForeignKeyField(PartRow, backref="reservations", on_delete="RESTRICT")
    ticket = peewee.ForeignKeyField(TicketRow, backref="reservations", on_delete="CASCADE")
    qty_milli = peewee.BigIntegerField()  # wanted
    issued_milli = peewee.BigIntegerField(default=0)
    open = peewee.BooleanField(default=True, index=True)  # false: issued in full or released
    at = UtcField()
