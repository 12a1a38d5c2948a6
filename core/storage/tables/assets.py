"""Rows of locations, assets, labels, files and failure codes."""

from __future__ import annotations

import peewee

from core.storage.tables.base import Row, UtcField, VersionedRow
from core.storage.tables.people import PersonRow, TeamRow


class LocationRow(VersionedRow):
    kind = peewee.CharField(max_length=10)  # site, area, line
    name = peewee.CharField(max_length=100)
    parent = peewee.ForeignKeyField("self", null=True, backref="children", on_delete="RESTRICT")


class AssetRow(VersionedRow):
    number = peewee.CharField(max_length=40, unique=True)
    name = peewee.CharField(max_length=200)
    parent = peewee.ForeignKeyField("self", null=True, backref="components", on_delete="RESTRICT")
    location = peewee.ForeignKeyField(LocationRow, null=True, backref="assets", on_delete="RESTRICT")
    category = peewee.CharField(max_length=100, default="")
    criticality = peewee.CharField(max_length=1, default="B")  # A, B, C
    maker = peewee.CharField(max_length=100, default="")
    model = peewee.CharField(max_length=100, default="")
    serial = peewee.CharField(max_length=100, default="")
    in_service_on = peewee.DateField(null=True)
    warranty_until_on = peewee.DateField(null=True)
    team = peewee.ForeignKeyField(TeamRow, null=True, on_delete="RESTRICT")
    downtime_cost_minor_per_h = peewee.IntegerField(default=0)
    notes = peewee.TextField(default="")
    retired_at = UtcField(null=True)


class LabelRow(Row):
    """A printed code. It names a place and authenticates nobody; only the hash of its token is kept."""

    token_hash = peewee.CharField(max_length=64, unique=True)
    asset = peewee.ForeignKeyField(AssetRow, null=True, backref="labels", on_delete="CASCADE")
    created_at = UtcField()
    created_by = peewee.ForeignKeyField(PersonRow, null=True, on_delete="SET NULL")
    revoked_at = UtcField(null=True)


class FileRow(Row):
    """Bytes on disk under their SHA-256."""

    sha256 = peewee.CharField(max_length=64, unique=True)
    media_type = peewee.CharField(max_length=100)
    size = peewee.IntegerField()
    width = peewee.IntegerField(null=True)
    height = peewee.IntegerField(null=True)
    created_at = UtcField()


class FailureCodeRow(VersionedRow):
    """ISO 14224 style words for what failed (mode), why (cause) and what helped (remedy)."""

    category = peewee.CharField(max_length=100, default="")  # asset category; empty: for all
    kind = peewee.CharField(max_length=10)  # mode, cause, remedy
    code = peewee.CharField(max_length=20)
    name = peewee.CharField(max_length=100)
    active = peewee.BooleanField(default=True)

    class Meta:
        indexes = ((("category", "kind", "code"), True),)
