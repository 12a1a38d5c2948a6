"""Rows of dispatch: what people are certified for, and rules by which tickets find them."""

from __future__ import annotations

import peewee

from core.storage.tables.assets import LocationRow
from core.storage.tables.base import JsonField, Row, VersionedRow
from core.storage.tables.people import PersonRow, TeamRow


class CertificateRow(Row):
    """A certificate of a person; the last day counts."""

    person = peewee.ForeignKeyField(PersonRow, backref="certificates", on_delete="CASCADE")
    name = peewee.CharField(max_length=100)
    number = peewee.CharField(max_length=100, default="")
    expires_on = peewee.DateField(null=True)

    class Meta:
        indexes = ((("person", "name"), True),)


class DispatchRuleRow(VersionedRow):
    name = peewee.CharField(max_length=100)
    position = peewee.IntegerField(default=0)  # the first that fits counts
    types = JsonField(default=list)
    priorities = JsonField(default=list)
    categories = JsonField(default=list)
    location = peewee.ForeignKeyField(LocationRow, null=True, on_delete="CASCADE")
    mode = peewee.CharField(max_length=10)  # score, grab, person
    team = peewee.ForeignKeyField(TeamRow, null=True, on_delete="CASCADE")
    person = peewee.ForeignKeyField(PersonRow, null=True, on_delete="CASCADE")
    skills = JsonField(default=list)
    certificates = JsonField(default=list)
    active = peewee.BooleanField(default=True)
