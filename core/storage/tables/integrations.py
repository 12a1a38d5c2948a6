"""Rows of other programs: their tokens, the addresses that are called, and each call."""

from __future__ import annotations

import peewee

from core.storage.tables.base import JsonField, Row, UtcField, VersionedRow
from core.storage.tables.people import PersonRow


class ApiTokenRow(Row):
    """A program's key; only its hash is kept."""

    name = peewee.CharField(max_length=100)
    token_hash = peewee.CharField(max_length=64, unique=True)
    actions = JsonField(default=list)  # domain.people.Action values
    created_by = peewee.ForeignKeyField(PersonRow, null=True, on_delete="SET NULL")
    created_at = UtcField()
    expires_at = UtcField(null=True)
    used_at = UtcField(null=True)
    revoked_at = UtcField(null=True)


class WebhookRow(VersionedRow):
    """An address that is told what happens. `cursor`: the journal up to which its calls are queued."""

    name = peewee.CharField(max_length=100)
    url = peewee.CharField(max_length=500)
    secret = peewee.CharField(max_length=100)  # in the clear: each call is signed with it
    verbs = JsonField(default=list)  # "ticket.created", "ticket.*"; empty: all
    allow_private = peewee.BooleanField(default=False)
    active = peewee.BooleanField(default=True)
    cursor = peewee.BigIntegerField(default=0)


class WebhookCallRow(Row):
    """One journal entry on its way to one address."""

    webhook = peewee.ForeignKeyField(WebhookRow, backref="calls", on_delete="CASCADE")
    journal_id = peewee.BigIntegerField()
    next_try_at = UtcField(null=True, index=True)  # null: delivered or given up
    attempts = peewee.IntegerField(default=0)
    delivered_at = UtcField(null=True)
    status = peewee.IntegerField(null=True)  # HTTP status of the last answer
    failure = peewee.CharField(max_length=200, default="")

    class Meta:
        indexes = ((("webhook", "journal_id"), True),)
