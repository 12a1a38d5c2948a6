"""Rows of the knowledge base: what was seen, why, and what helped."""

from __future__ import annotations

import peewee

from core.storage.tables.base import Row, UtcField, VersionedRow
from core.storage.tables.people import PersonRow
from core.storage.tables.tickets import TicketRow


class ArticleRow(VersionedRow):
    number = peewee.CharField(max_length=20, unique=True)
    title = peewee.CharField(max_length=200)
    symptom = peewee.TextField(default="")
    cause = peewee.TextField(default="")
    remedy = peewee.TextField(default="")
    category = peewee.CharField(max_length=100, default="", index=True)  # asset category; empty: for all
    failure_mode = peewee.CharField(max_length=20, default="")
    failure_cause = peewee.CharField(max_length=20, default="")
    failure_remedy = peewee.CharField(max_length=20, default="")
    audience = peewee.CharField(max_length=10, default="staff")  # staff, reporters
    state = peewee.CharField(max_length=10, default="draft")  # draft, published, retired
    author = peewee.ForeignKeyField(PersonRow, null=True, on_delete="SET NULL")
    source_ticket = peewee.ForeignKeyField(TicketRow, null=True, on_delete="SET NULL")
    created_at = UtcField()
    updated_at = UtcField()


class ArticleUseRow(Row):
    """An article that helped with a ticket, as whoever worked on it said."""

    article = peewee.ForeignKeyField(ArticleRow, backref="uses", on_delete="CASCADE")
    ticket = peewee.ForeignKeyField(TicketRow, backref="articles", on_delete="CASCADE")
    person = peewee.ForeignKeyField(PersonRow, null=True, on_delete="SET NULL")
    at = UtcField()

    class Meta:
        indexes = ((("article", "ticket"), True),)
