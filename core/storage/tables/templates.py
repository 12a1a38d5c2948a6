"""Rows of ticket templates: what a kind of ticket asks for, and each revision of it that tickets were made by."""

from __future__ import annotations

import peewee

from core.storage.tables.base import JsonField, Row, UtcField, VersionedRow


class TemplateRow(VersionedRow):
    key = peewee.CharField(max_length=40, unique=True)
    name = JsonField()  # language → text
    type = peewee.CharField(max_length=20)
    icon = peewee.CharField(max_length=40, default="")
    position = peewee.IntegerField(default=0)
    active = peewee.BooleanField(default=True)


class TemplateRevisionRow(Row):
    """Tickets keep the revision that they were made by."""

    template = peewee.ForeignKeyField(TemplateRow, backref="revisions", on_delete="CASCADE")
    revision = peewee.IntegerField()
    body = JsonField()  # wire.templates.TemplateBody
    made_at = UtcField()

    class Meta:
        indexes = ((("template", "revision"), True),)
