"""Rows of edges, their devices, points and rules, and what they sent."""

from __future__ import annotations

import peewee

from core.storage.tables.assets import AssetRow
from core.storage.tables.base import JsonField, Row, UtcField, VersionedRow
from core.storage.tables.people import TeamRow


class EdgeRow(VersionedRow):
    edge_id = peewee.CharField(max_length=40, unique=True)  # in topics: lower-case letters, digits, -
    name = peewee.CharField(max_length=100)
    password_hash = peewee.CharField(max_length=255, null=True)  # null until it has joined
    joined_at = UtcField(null=True)
    config_version = peewee.IntegerField(default=0)  # last pushed
    config_dirty = peewee.BooleanField(default=True)  # edited since
    status = JsonField(null=True)  # last wire.uplink.EdgeStatus
    online = peewee.BooleanField(default=False)
    seen_at = UtcField(null=True)
    active = peewee.BooleanField(default=True)


class JoinCodeRow(Row):
    code_hash = peewee.CharField(max_length=64, unique=True)
    edge = peewee.ForeignKeyField(EdgeRow, backref="join_codes", on_delete="CASCADE")
    expires_at = UtcField()
    used_at = UtcField(null=True)


class EdgeConfigRow(Row):
    """Each configuration that was pushed, whole."""

    edge = peewee.ForeignKeyField(EdgeRow, backref="configs", on_delete="CASCADE")
    config_version = peewee.IntegerField()
    body = JsonField()
    pushed_at = UtcField()

    class Meta:
        indexes = ((("edge", "config_version"), True),)


class DeviceRow(VersionedRow):
    edge = peewee.ForeignKeyField(EdgeRow, backref="devices", on_delete="CASCADE")
    name = peewee.CharField(max_length=100)
    kind = peewee.CharField(max_length=20)  # wire.uplink Device kinds
    asset = peewee.ForeignKeyField(AssetRow, null=True, on_delete="SET NULL")
    config = JsonField(default=dict)  # the kind's own fields
    active = peewee.BooleanField(default=True)


class PointRow(VersionedRow):
    device = peewee.ForeignKeyField(DeviceRow, backref="points", on_delete="CASCADE")
    name = peewee.CharField(max_length=100)
    unit = peewee.CharField(max_length=20, default="")
    asset = peewee.ForeignKeyField(AssetRow, null=True, backref="points", on_delete="SET NULL")
    config = JsonField(default=dict)  # address, type, order … or topic, path
    active = peewee.BooleanField(default=True)


class RuleRow(VersionedRow):
    point = peewee.ForeignKeyField(PointRow, backref="rules", on_delete="CASCADE")
    name = peewee.CharField(max_length=200)
    severity = peewee.CharField(max_length=10, default="major")
    config = JsonField(default=dict)  # condition, limit, delays, deadband
    makes_ticket = peewee.BooleanField(default=True)
    team = peewee.ForeignKeyField(TeamRow, null=True, on_delete="SET NULL")
    failure_mode = peewee.CharField(max_length=20, default="")
    kit = JsonField(default=list)  # [{part_id, qty}] reserved when the ticket is made
    active = peewee.BooleanField(default=True)


class EpochRow(Row):
    """High-water mark of one outbox; its row is locked while events of its edge are taken in."""

    edge = peewee.ForeignKeyField(EdgeRow, backref="epochs", on_delete="CASCADE")
    epoch = peewee.CharField(max_length=32)
    through = peewee.BigIntegerField(default=0)
    began_at = UtcField()
    gap_since_at = UtcField(null=True)
    conflict_seq = peewee.BigIntegerField(null=True)  # first seq that came again with other content

    class Meta:
        indexes = ((("edge", "epoch"), True),)


class UplinkEventRow(Row):
    """Every event as it came. The unique key is what makes delivery exactly-once."""

    edge = peewee.ForeignKeyField(EdgeRow, on_delete="CASCADE")
    epoch = peewee.CharField(max_length=32)
    seq = peewee.BigIntegerField()
    digest = peewee.CharField(max_length=64)
    kind = peewee.CharField(max_length=20)
    body = JsonField()
    event_at = UtcField()
    received_at = UtcField()
    applied_at = UtcField(null=True)

    class Meta:
        indexes = ((("edge", "epoch", "seq"), True),)


class DeadLetterRow(Row):
    """What could not be taken in, with the reason; kept visible and replayable."""

    edge = peewee.ForeignKeyField(EdgeRow, null=True, on_delete="CASCADE")
    source = peewee.CharField(max_length=200, default="")
    epoch = peewee.CharField(max_length=32, default="")
    seq = peewee.BigIntegerField(null=True)
    code = peewee.CharField(max_length=60)
    detail = peewee.TextField(default="")
    payload = peewee.TextField(default="")
    at = UtcField(index=True)
    settled_at = UtcField(null=True)
