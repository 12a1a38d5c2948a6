"""Rows of preventive-maintenance plans. When a plan was last done is read from its tickets."""

from __future__ import annotations

import peewee

from core.storage.tables.assets import AssetRow
from core.storage.tables.base import JsonField, Row, VersionedRow
from core.storage.tables.people import TeamRow


class PlanRow(VersionedRow):
    name = peewee.CharField(max_length=200)
    every = peewee.IntegerField()
    period = peewee.CharField(max_length=10)  # day, week, month, year
    start_on = peewee.DateField()
    mode = peewee.CharField(max_length=10, default="fixed")  # fixed, floating
    lead_days = peewee.IntegerField(default=0)
    grace_days = peewee.IntegerField(default=0)
    skip_if_open = peewee.BooleanField(default=True)
    priority = peewee.IntegerField(default=3)
    team = peewee.ForeignKeyField(TeamRow, null=True, on_delete="SET NULL")
    description = peewee.TextField(default="")
    procedure = JsonField(default=list)  # wire.tickets.Step without answers
    kit = JsonField(default=list)  # [{part_id, qty}]
    estimated_min = peewee.IntegerField(default=0)
    active = peewee.BooleanField(default=True)


class PlanAssetRow(Row):
    plan = peewee.ForeignKeyField(PlanRow, backref="assets", on_delete="CASCADE")
    asset = peewee.ForeignKeyField(AssetRow, backref="plans", on_delete="CASCADE")

    class Meta:
        indexes = ((("plan", "asset"), True),)
