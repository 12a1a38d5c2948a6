"""Rows of working calendars and service-level policies."""

from __future__ import annotations

import peewee

from core.storage.tables.assets import LocationRow
from core.storage.tables.base import JsonField, VersionedRow


class CalendarRow(VersionedRow):
    name = peewee.CharField(max_length=100, unique=True)
    week = JsonField()  # seven days, Monday first, of [[from_min, to_min], …]
    country = peewee.CharField(
        max_length=10, default=""
    )  # whose public holidays and make-up days; empty: none
    exceptions = JsonField(default=dict)  # "2026-10-01" → hours of that day, [] for a day off


class SlaPolicyRow(VersionedRow):
    name = peewee.CharField(max_length=100)
    position = peewee.IntegerField(default=0)  # the first that fits counts
    types = JsonField(default=list)
    priorities = JsonField(default=list)
    categories = JsonField(default=list)
    location = peewee.ForeignKeyField(LocationRow, null=True, on_delete="CASCADE")
    respond_min = peewee.IntegerField()
    resolve_min = peewee.IntegerField()
    calendar = peewee.ForeignKeyField(CalendarRow, null=True, on_delete="RESTRICT")  # null: around the clock
    warn_percent = peewee.IntegerField(default=75)
    levels = JsonField(default=list)  # [{after_min, roles, person_ids}]
    remind_min = peewee.IntegerField(default=0)  # 0: not
    active = peewee.BooleanField(default=True)
