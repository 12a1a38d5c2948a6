"""Rows of the journal, the notices that wait to be sent, jobs that have run, and the hub's own settings."""

from __future__ import annotations

import peewee

from core.storage.tables.base import JsonField, Row, UtcField
from core.storage.tables.people import PersonRow


class JournalRow(Row):
    """Append-only: audit trail, live feed and source of notices. `id` is the cursor of the feed."""

    at = UtcField()
    actor = peewee.CharField(max_length=40)
    actor_name = peewee.CharField(max_length=100, default="")
    verb = peewee.CharField(max_length=40)
    subject = peewee.CharField(max_length=20)  # ticket, alarm, asset …
    subject_id = peewee.BigIntegerField(null=True)
    ticket_id = peewee.BigIntegerField(null=True, index=True)  # whose timeline it belongs to
    data = JsonField(default=dict)

    class Meta:
        indexes = ((("subject", "subject_id"), False),)


class JournalSealRow(Row):
    """What the journal said up to `last_id`: SHA-256 over the seal before and every row since."""

    last_id = peewee.BigIntegerField(unique=True)
    rows = peewee.IntegerField()
    digest = peewee.CharField(max_length=64)
    sealed_at = UtcField()


class NoticeRow(Row):
    """One message to one person on one channel: written with its cause, sent afterwards."""

    journal = peewee.ForeignKeyField(JournalRow, on_delete="CASCADE")
    person = peewee.ForeignKeyField(PersonRow, null=True, on_delete="CASCADE")
    channel = peewee.CharField(max_length=20)  # scheme of the address
    address = peewee.TextField()
    title = peewee.CharField(max_length=200)
    body = peewee.TextField(default="")
    created_at = UtcField()
    next_try_at = UtcField(null=True, index=True)  # null: sent or given up
    attempts = peewee.IntegerField(default=0)
    sent_at = UtcField(null=True)
    failure = peewee.CharField(max_length=200, default="")


class JobRunRow(Row):
    """A job's slot that is done: the same slot twice is harmless."""

    job = peewee.CharField(max_length=40)
    slot = peewee.CharField(max_length=40)
    at = UtcField()

    class Meta:
        indexes = ((("job", "slot"), True),)


class MetaRow(Row):
    """The hub's own facts: set-up done, plant name, public address, hub_epoch."""

    key = peewee.CharField(max_length=60, unique=True)
    value = JsonField(null=True)
