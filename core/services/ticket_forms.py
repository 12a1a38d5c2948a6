"""What a ticket's template asks of it: values of its fields, and the approvals before its work is given out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.domain import fields, workflow
from core.domain.fields import Asked, Kind
from core.domain.people import Action, Actor, Scope, scope_of
from core.errors import Conflict, Forbidden
from core.services import dispatch, journal, templates, ticket_states, ticket_views
from core.storage import db
from core.storage.tables import (
    ApprovalRow,
    AssetRow,
    AttachmentRow,
    PartRow,
    PersonRow,
    TemplateRevisionRow,
    TicketRow,
)
from core.wire.templates import ApprovalView, Decide, FillForm, TemplateBody, TicketForm
from core.wire.tickets import MoveTicket

# What can only be added once the ticket is there.
_LATER = frozenset({Kind.PHOTO, Kind.FILE, Kind.SIGNATURE})


def first_values(body: TemplateBody, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a new ticket, checked; AppError `ticket.fields_wrong`. Files come after it is made."""
    form = templates.form(body.fields)
    now_asked = tuple(field for field in form if field.kind not in _LATER)
    return fields.take(now_asked, fields.defaults(now_asked) | dict(given), Asked.REPORT, _exists)


def begin_approvals(ticket: TicketRow, body: TemplateBody) -> bool:
    """Write down who has to agree; whether anybody has."""
    for number, level in enumerate(body.approvals, start=1):
        ApprovalRow.create(
            ticket=ticket.id, level=number, name=level.name, roles=level.roles, person_ids=level.person_ids
        )
    return bool(body.approvals)


@db.reading
def view(actor: Actor, ticket_id: int) -> TicketForm | None:
    """What the ticket's template asks for and what is filled in; None for a ticket without one."""
    row = ticket_views.readable(actor, ticket_id)
    return None if row.template_id is None else _view(actor, row)


@db.transaction
def fill(actor: Actor, ticket_id: int, new: FillForm, *, now: datetime) -> TicketForm:
    """Fill in or change fields. AppError `ticket.fields_wrong`; Conflict `ticket.no_template`."""
    row = ticket_views.locked(actor, ticket_id, Action.TICKET_EDIT, new.version)
    if row.state not in workflow.OPEN:
        raise Conflict("ticket.wrong_state", f"a {row.state} ticket", move="edit", state=row.state)
    if _take(actor, row, new.values, now):
        ticket_states.save(row, now)
    return _view(actor, row)


@db.transaction
def decide(actor: Actor, ticket_id: int, new: Decide, *, now: datetime) -> TicketForm:
    """Grant or refuse the level that is asked now. The last grant gives the work out; a refusal cancels the ticket.

    Conflict `ticket.no_approval_asked`; Forbidden for who is not asked.
    """
    row = ticket_views.seen(actor, ticket_id)
    level = _asked_now(row)
    if level is None or row.state != workflow.State.NEW:
        raise Conflict("ticket.no_approval_asked", row.number, number=row.number)
    if not _is_asked(actor, level):
        raise Forbidden("auth.forbidden", f"{actor.ref} is not asked", action="ticket.approve")
    level.granted, level.comment = new.granted, new.comment
    level.decided_by, level.decided_at = actor.id, now
    level.save()
    journal.write(
        actor, "ticket.approved" if new.granted else "ticket.refused", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, level=level.level, name=level.name, reason=new.comment,
    )  # fmt: skip
    if not new.granted:
        cancel = workflow.transition_of("cancel", workflow.State.NEW)
        ticket_states.take(actor, row, cancel, now, reason=new.comment or "refused")
    elif _asked_now(row) is None:
        row.dispatch_why = None
        dispatch.assign_by_rule(row, now)
    return _view(actor, row)


def fill_with(actor: Actor, row: TicketRow, wanted: MoveTicket, now: datetime) -> None:
    """Values that come with a move, taken into the row that is held; whoever moves it saves it."""
    if wanted.values:
        _take(actor, row, wanted.values, now)


def _take(actor: Actor, row: TicketRow, given: Mapping[str, Any], now: datetime) -> bool:
    """Take values into a row, with their trace in the journal; whether any differed."""
    if row.template_id is None:
        raise Conflict("ticket.no_template", row.number, number=row.number)
    body = templates.body_of(int(row.template_id))
    kept = fields.take(
        templates.form(body.fields),
        {key: value for key, value in (row.custom | given).items() if fields.filled(value)},
        Asked.RESOLVE,
        lambda kind, id_: _exists(kind, id_, row.id),
        partial=True,
    )
    changed = {
        key: [row.custom.get(key), kept.get(key)]
        for key in sorted(row.custom.keys() | kept.keys())
        if row.custom.get(key) != kept.get(key)
    }
    if changed:
        row.custom = kept
        journal.write(
            actor, "ticket.form_filled", "ticket", row.id, now, row.id,
            number=row.number, title=row.title, changed=changed,
        )  # fmt: skip
    return bool(changed)


def _asked_now(row: TicketRow) -> Any:
    query = ApprovalRow.select().where(ApprovalRow.ticket == row.id, ApprovalRow.granted.is_null())
    return query.order_by(ApprovalRow.level).first()


def _is_asked(actor: Actor, level: Any) -> bool:
    if actor.kind != "person":
        return False
    return actor.id in level.person_ids or bool(set(level.roles) & actor.roles) or "admin" in actor.roles


def _exists(kind: Kind, row_id: int, ticket_id: int | None = None) -> bool:
    if kind in _LATER:
        found = AttachmentRow.select().where(AttachmentRow.id == row_id, AttachmentRow.ticket == ticket_id)
        return ticket_id is not None and bool(found.exists())
    table: Any = {Kind.PERSON: PersonRow, Kind.ASSET: AssetRow, Kind.PART: PartRow}[kind]
    return bool(table.select().where(table.id == row_id).exists())


def _view(actor: Actor, row: TicketRow) -> TicketForm:
    revision: Any = TemplateRevisionRow.get_by_id(row.template_id)
    body = TemplateBody.model_validate(revision.body)
    asked = _asked_now(row)
    # What approvers say is for the plant, and for the one who asked.
    told = scope_of(actor, Action.TICKET_READ) is not Scope.OWN or row.reporter_id == actor.id
    levels = ApprovalRow.select().where(ApprovalRow.ticket == row.id).order_by(ApprovalRow.level)
    return TicketForm(
        template=revision.template.key,
        name=revision.template.name,
        fields=body.fields,
        values=row.custom,
        missing=templates.fields_open(int(row.template_id), row.custom),
        approvals=[
            ApprovalView(
                level=level.level,
                name=level.name,
                granted=level.granted,
                decided_by="" if level.decided_by is None else level.decided_by.name,
                decided_at=level.decided_at,
                comment=level.comment if told else "",
                mine=asked is not None
                and level.id == asked.id
                and row.state == "new"
                and _is_asked(actor, level),
            )
            for level in levels
        ],
    )
