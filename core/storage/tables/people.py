"""Rows of people, teams, shifts and log-ins."""

from __future__ import annotations

import peewee

from core.storage.tables.base import JsonField, Row, UtcField, VersionedRow


class PersonRow(VersionedRow):
    name = peewee.CharField(max_length=100)
    login = peewee.CharField(max_length=64, null=True, unique=True)
    password_hash = peewee.CharField(max_length=255, null=True)
    roles = JsonField(default=list)  # list of domain.people.Role
    skills = JsonField(default=list)  # list of words
    phone = peewee.CharField(max_length=40, default="")
    email = peewee.CharField(max_length=200, default="")
    notify_urls = JsonField(default=list)  # apprise addresses
    language = peewee.CharField(max_length=10, default="zh_CN")
    hourly_cost_minor = peewee.IntegerField(default=0)
    active = peewee.BooleanField(default=True)


class TeamRow(VersionedRow):
    name = peewee.CharField(max_length=100, unique=True)
    active = peewee.BooleanField(default=True)


class TeamMemberRow(Row):
    team = peewee.ForeignKeyField(TeamRow, backref="members", on_delete="CASCADE")
    person = peewee.ForeignKeyField(PersonRow, backref="memberships", on_delete="CASCADE")

    class Meta:
        indexes = ((("team", "person"), True),)


class ShiftRow(VersionedRow):
    """A weekly pattern in plant time; one that ends before it starts runs over midnight."""

    name = peewee.CharField(max_length=100, unique=True)
    weekdays = JsonField(default=list)  # 0 Monday … 6 Sunday: days on which it starts
    start_min = peewee.IntegerField()  # minutes after midnight
    end_min = peewee.IntegerField()
    active = peewee.BooleanField(default=True)


class ShiftMemberRow(Row):
    shift = peewee.ForeignKeyField(ShiftRow, backref="members", on_delete="CASCADE")
    person = peewee.ForeignKeyField(PersonRow, backref="shifts", on_delete="CASCADE")

    class Meta:
        indexes = ((("shift", "person"), True),)


class AbsenceRow(Row):
    person = peewee.ForeignKeyField(PersonRow, backref="absences", on_delete="CASCADE")
    from_on = peewee.DateField()
    to_on = peewee.DateField()
    reason = peewee.CharField(max_length=200, default="")


class SessionRow(Row):
    """A log-in: 256 random bits, kept hashed, so that a stolen database opens no door."""

    token_hash = peewee.CharField(max_length=64, unique=True)
    person = peewee.ForeignKeyField(PersonRow, on_delete="CASCADE")
    created_at = UtcField()
    seen_at = UtcField()
    expires_at = UtcField()
    address = peewee.CharField(max_length=64, default="")
    program = peewee.CharField(max_length=200, default="")


class LoginFailureRow(Row):
    """Wrong passwords in a row, per account and per address."""

    key = peewee.CharField(max_length=120, unique=True)
    count = peewee.IntegerField(default=0)
    last_at = UtcField()
