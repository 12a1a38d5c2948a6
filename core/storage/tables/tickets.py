"""Rows of tickets, alarms and what hangs on them."""

from __future__ import annotations

import peewee

from core.storage.tables.assets import AssetRow, FileRow
from core.storage.tables.base import JsonField, Row, UtcField, VersionedRow
from core.storage.tables.fleet import EdgeRow, RuleRow
from core.storage.tables.people import PersonRow, TeamRow
from core.storage.tables.sla import SlaPolicyRow
from core.storage.tables.templates import TemplateRevisionRow


class CounterRow(Row):
    """Numbers given out, such as tickets of a year; locked while one is taken."""

    name = peewee.CharField(max_length=40, unique=True)
    last = peewee.BigIntegerField(default=0)


class TicketRow(VersionedRow):
    number = peewee.CharField(max_length=20, unique=True)
    type = peewee.CharField(max_length=20, index=True)
    source = peewee.CharField(max_length=10)
    title = peewee.CharField(max_length=200, index=True)
    description = peewee.TextField(default="")
    state = peewee.CharField(max_length=20)
    hold_reason = peewee.CharField(max_length=30, default="")
    priority = peewee.IntegerField(index=True)  # 1 highest … 4
    priority_reason = peewee.CharField(max_length=200, default="")
    asset = peewee.ForeignKeyField(AssetRow, null=True, backref="tickets", on_delete="RESTRICT")
    reporter = peewee.ForeignKeyField(PersonRow, null=True, backref="reported", on_delete="RESTRICT")
    reporter_name = peewee.CharField(max_length=100, default="")
    reporter_contact = peewee.CharField(max_length=100, default="")
    verified = peewee.BooleanField(default=True)  # false: an anonymous report nobody has triaged
    team = peewee.ForeignKeyField(TeamRow, null=True, on_delete="RESTRICT")
    assignee = peewee.ForeignKeyField(PersonRow, null=True, backref="tickets", on_delete="RESTRICT")
    dispatch_why = JsonField(null=True)  # score breakdown of the assignment
    failure_mode = peewee.CharField(max_length=20, default="")
    failure_cause = peewee.CharField(max_length=20, default="")
    failure_remedy = peewee.CharField(max_length=20, default="")
    resolution = peewee.TextField(default="")
    procedure = JsonField(default=list)  # steps with answers
    # Links
    dedup_key = peewee.CharField(max_length=120, default="", index=True)
    open_key = peewee.CharField(
        max_length=120, null=True, unique=True
    )  # dedup_key while open: one open ticket
    request_id = peewee.CharField(
        max_length=64, null=True, unique=True
    )  # a double tap returns the same ticket
    progress_hash = peewee.CharField(max_length=64, null=True, unique=True)  # reporter's link
    parent = peewee.ForeignKeyField("self", null=True, backref="children", on_delete="SET NULL")
    merged_into = peewee.ForeignKeyField("self", null=True, on_delete="SET NULL")
    recurrence_of = peewee.ForeignKeyField("self", null=True, on_delete="SET NULL")
    plan_id = peewee.IntegerField(null=True)
    plan_due_on = peewee.DateField(null=True)
    # Times
    failed_at = UtcField(null=True)
    reported_at = UtcField(index=True)
    assigned_at = UtcField(null=True)
    acknowledged_at = UtcField(null=True)
    started_at = UtcField(null=True)
    held_at = UtcField(null=True)
    resolved_at = UtcField(null=True)
    closed_at = UtcField(null=True)
    restored_at = UtcField(null=True)
    respond_due_at = UtcField(null=True)
    resolve_due_at = UtcField(null=True, index=True)
    paused_s = peewee.IntegerField(default=0)
    updated_at = UtcField(null=True)  # null: not since it was reported
    # Counts, money, voice of the reporter
    occurrences = peewee.IntegerField(default=0)
    reopen_count = peewee.IntegerField(default=0)
    urge_count = peewee.IntegerField(default=0)
    other_cost_minor = peewee.BigIntegerField(default=0)
    cost = JsonField(null=True)  # frozen at completion, with the rates used
    rating = peewee.IntegerField(null=True)
    rating_comment = peewee.TextField(default="")
    # Service level
    sla_policy = peewee.ForeignKeyField(SlaPolicyRow, null=True, on_delete="SET NULL")
    sla_from_at = UtcField(null=True)  # null: since it was reported
    warn_due_at = UtcField(null=True)
    # What its template asks for
    template = peewee.ForeignKeyField(TemplateRevisionRow, null=True, on_delete="RESTRICT")
    custom = JsonField(default=dict)  # field key → value

    class Meta:
        indexes = (
            (("plan_id", "asset", "plan_due_on"), True),  # an occurrence of a plan makes one ticket
            (("state", "id"), False),
            (("state", "resolve_due_at"), False),
            (("assignee", "state"), False),
            (("asset", "reported_at"), False),
        )


class ApprovalRow(Row):
    """One level of the approval chain of a ticket; the lowest undecided one is asked now."""

    ticket = peewee.ForeignKeyField(TicketRow, backref="approvals", on_delete="CASCADE")
    level = peewee.IntegerField()
    name = JsonField()  # language → text
    roles = JsonField(default=list)
    person_ids = JsonField(default=list)
    granted = peewee.BooleanField(null=True)  # null: not decided
    decided_by = peewee.ForeignKeyField(PersonRow, null=True, on_delete="SET NULL")
    decided_at = UtcField(null=True)
    comment = peewee.CharField(max_length=500, default="")

    class Meta:
        indexes = ((("ticket", "level"), True),)


class SlaPauseRow(Row):
    """A hold that stopped the clock of a ticket; still does while `to_at` is null."""

    ticket = peewee.ForeignKeyField(TicketRow, backref="pauses", on_delete="CASCADE")
    reason = peewee.CharField(max_length=30)
    from_at = UtcField()
    to_at = UtcField(null=True)


class AlarmRow(Row):
    """One rule on one asset, with its state now."""

    key = peewee.CharField(max_length=120, unique=True)  # edge, rule and asset
    edge = peewee.ForeignKeyField(EdgeRow, null=True, on_delete="SET NULL")
    rule = peewee.ForeignKeyField(RuleRow, null=True, on_delete="SET NULL")
    rule_key = peewee.CharField(max_length=60)
    title = peewee.CharField(max_length=200)
    asset = peewee.ForeignKeyField(AssetRow, null=True, backref="alarms", on_delete="SET NULL")
    asset_number = peewee.CharField(max_length=40, default="")  # as sent, also when unknown here
    severity = peewee.CharField(max_length=10)
    state = peewee.CharField(max_length=20, index=True)  # domain.alarms: normal, unack, acked, rtn_unack
    active = peewee.BooleanField(default=False, index=True)
    value = JsonField(null=True)
    limit_value = peewee.FloatField(null=True)
    unit = peewee.CharField(max_length=20, default="")
    raised_at = UtcField(null=True)
    cleared_at = UtcField(null=True)
    acked_at = UtcField(null=True)
    acked_by = peewee.ForeignKeyField(PersonRow, null=True, on_delete="SET NULL")
    count = peewee.IntegerField(default=0)
    first_out = peewee.BooleanField(default=False)
    ticket = peewee.ForeignKeyField(TicketRow, null=True, backref="alarms", on_delete="SET NULL")
    # Whether its rule may raise: in_service, shelved, suppressed, out_of_service; since when it may not, and why
    service = peewee.CharField(max_length=20, default="in_service")
    service_why = peewee.CharField(max_length=20, default="")  # wire.uplink.ServiceChanged.why
    service_by = peewee.CharField(max_length=100, default="")
    service_reason = peewee.CharField(max_length=200, default="")
    service_until = UtcField(null=True)
    children = JsonField(default=list)  # names of devices that this communication alarm speaks for
    children_count = peewee.IntegerField(default=0)
    reminded_at = UtcField(null=True)


class OccurrenceRow(Row):
    """One raise-to-clear of an alarm."""

    occurrence = peewee.CharField(max_length=40, unique=True)
    alarm = peewee.ForeignKeyField(AlarmRow, backref="history", on_delete="CASCADE")
    ticket = peewee.ForeignKeyField(TicketRow, null=True, backref="raises", on_delete="SET NULL")
    raised_at = UtcField(index=True)
    cleared_at = UtcField(null=True)
    received_at = UtcField()
    value = JsonField(null=True)
    limit_value = peewee.FloatField(null=True)
    first_out = peewee.BooleanField(default=False)
    chart = JsonField(null=True)  # wire.uplink.ChartFrozen

    class Meta:
        indexes = ((("alarm", "cleared_at"), False),)


class AttachmentRow(Row):
    file = peewee.ForeignKeyField(FileRow, on_delete="RESTRICT")
    ticket = peewee.ForeignKeyField(TicketRow, null=True, backref="attachments", on_delete="CASCADE")
    asset = peewee.ForeignKeyField(AssetRow, null=True, backref="attachments", on_delete="CASCADE")
    kind = peewee.CharField(max_length=12)  # photo, document, signature
    name = peewee.CharField(max_length=200)
    added_at = UtcField()
    added_by = peewee.CharField(max_length=40, default="")  # actor ref


class LabourRow(Row):
    ticket = peewee.ForeignKeyField(TicketRow, backref="labour", on_delete="CASCADE")
    person = peewee.ForeignKeyField(PersonRow, on_delete="RESTRICT")
    minutes = peewee.IntegerField()
    cost_minor_per_h = peewee.IntegerField()  # the rate at that time
    note = peewee.CharField(max_length=200, default="")
    at = UtcField()
