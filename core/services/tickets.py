"""Verbs of tickets: make one, change it, move it through its life, work on it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, TypedDict, Unpack

from core.domain import sla, tickets, workflow
from core.domain.people import Action, Actor, require
from core.errors import AppError, Conflict
from core.services import (
    dispatch,
    journal,
    settings,
    sla_policies,
    templates,
    ticket_costs,
    ticket_forms,
    ticket_parts,
    ticket_states,
)  # fmt: skip
from core.services.dispatch import candidates
from core.services.numbers import next_number
from core.services.rows import get, plain, refuse_changed
from core.services.ticket_rows import ids, of_asset, page
from core.services.ticket_rows import listed as rows
from core.services.ticket_views import locked, of, readable, view
from core.services.ticket_views import seen as held
from core.services.ticket_work import (
    add_file,
    add_labour,
    add_note,
    answer_step,
    note_labour,
    rate,
    urge,
    use_parts,
)
from core.services.timeline import chart_csv, charts, timeline
from core.storage import db, queries
from core.storage.sql import IntegrityError
from core.storage.tables import AssetRow, FailureCodeRow, PersonRow, TeamRow, TicketRow
from core.wire.tickets import AssignTicket, CreateTicket, EditTicket, MoveTicket, TicketView

__all__ = [
    "Links", "add_file", "add_labour", "add_note", "answer_step", "assign", "candidates", "chart_csv", "charts",
    "create", "edit", "ids", "make", "move", "of", "of_asset", "page", "rate", "readable", "rows", "seen", "step_to",
    "timeline", "urge", "use_parts", "view",
]  # fmt: skip


class Links(TypedDict, total=False):
    """What only the hub itself may give a new ticket."""

    plan_id: int
    plan_due_on: date
    team_id: int | None
    priority_reason: str
    dedup_key: str
    failure_mode: str
    kit: list[dict[str, Any]]  # [{part_id, qty}], reserved at once
    parent_id: int | None
    recurrence_of_id: int | None
    reporter_id: int | None
    verified: bool
    progress_hash: str
    occurrences: int
    held: bool  # waits for a person instead of being dispatched


# ---------------------------------------------------------------- making


def create(actor: Actor, new: CreateTicket, *, now: datetime, **links: Unpack[Links]) -> TicketView:
    """Make a ticket, dispatch it by rule, reserve its kit. The same `request_id` again gives the first one."""
    try:
        return _create(actor, new, now, links)
    except IntegrityError:
        # Two taps at the same moment: the other one made it.
        if new.request_id is None or not seen(new.request_id):
            raise
        return _create(actor, new, now, links)


@db.transaction
def _create(actor: Actor, new: CreateTicket, now: datetime, links: Links) -> TicketView:
    _require_create(actor, new)
    return of(actor, make(actor, new, now, links), now)


def _require_create(actor: Actor, new: CreateTicket) -> None:
    # A label's holder has no log-in; the door has checked the label and the limits.
    if actor.kind == "public" and new.source in ("qr", "web"):
        return
    if actor.kind == "edge" and new.source == "alarm":
        return
    require(actor, Action.TICKET_CREATE)


@db.reading
def seen(request_id: str) -> bool:
    """Whether a ticket was made for this request already."""
    return bool(_of_request(request_id))


@queries.prepared
def _of_request(request_id: str) -> Any:
    return TicketRow.select().where(TicketRow.request_id == request_id)


def make(actor: Actor, new: CreateTicket, now: datetime, links: Links) -> TicketRow:
    """The row of a new ticket, in the running transaction, with all that follows from it."""
    if new.request_id is not None:
        first: TicketRow | None = queries.first(_of_request(new.request_id))
        if first is not None:
            _refuse_anothers(actor, first)
            return first
    template, body, custom = None, None, dict[str, Any]()
    if new.template_id is not None:
        kind, template = templates.current(new.template_id)
        body = templates.body_of(template.id)
        custom = ticket_forms.first_values(body, new.values)
        new = new.model_copy(update={"type": kind.type, "procedure": new.procedure or body.procedure})
    elif new.values:
        raise AppError(
            "ticket.no_template", "values without a template", {"template_id": "missing"}, number=""
        )
    asset = None if new.asset_id is None else get(AssetRow, new.asset_id, "asset")
    priority = new.priority or tickets.default_priority(new.type, asset.criticality if asset else "B")
    if not links.get("verified", actor.kind != "public"):
        priority = max(priority, 2)  # only somebody known may claim the highest
    policy = sla_policies.of(new.type, priority, asset)
    due = sla.due(policy, priority, now)
    year = tickets.year_of(now, settings.zone())
    reporter_id = links.get("reporter_id")
    if reporter_id is None and actor.kind == "person" and not new.reporter_name:
        reporter_id = actor.id
    team_id = links.get("team_id") or (asset.team_id if asset else None)
    row = TicketRow.create(
        number=tickets.number_of(next_number(f"ticket:{year}"), year),
        type=new.type,
        source=new.source,
        title=new.title,
        description=new.description,
        state=workflow.State.NEW.value,
        priority=priority,
        priority_reason=links.get("priority_reason", ""),
        asset=asset,
        reporter=reporter_id,
        reporter_name=new.reporter_name or (actor.name if reporter_id == actor.id and actor.id else ""),
        reporter_contact=new.reporter_contact,
        verified=links.get("verified", actor.kind != "public"),
        team=queries.by_id(TeamRow, team_id),
        failure_mode=links.get("failure_mode", ""),
        procedure=[step.model_dump(mode="json") for step in new.procedure],
        dedup_key=links.get("dedup_key", ""),
        open_key=links.get("dedup_key") or None,
        request_id=new.request_id,
        progress_hash=links.get("progress_hash"),
        parent=links.get("parent_id"),
        recurrence_of=links.get("recurrence_of_id"),
        plan_id=links.get("plan_id"),
        plan_due_on=links.get("plan_due_on"),
        failed_at=new.failed_at or (now if new.type == "fault" else None),
        reported_at=now,
        updated_at=now,
        respond_due_at=due.respond_at,
        resolve_due_at=due.resolve_at,
        warn_due_at=due.warn_at,
        sla_policy=policy.id if policy else None,
        occurrences=links.get("occurrences", 0),
        template=template,
        custom=custom,
    )
    journal.write(
        actor, "ticket.created", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, type=row.type, source=row.source, priority=row.priority,
        asset=asset.name if asset else "", asset_number=asset.number if asset else "",
        reporter=row.reporter_name,
    )  # fmt: skip
    kit = links.get("kit")
    if kit:
        ticket_parts.reserve_kit(actor, row.id, kit, now=now, reason=row.number)
    if body is not None and ticket_forms.begin_approvals(row, body):
        dispatch.hold_back(row, now, dispatch.APPROVAL)
    elif links.get("held"):
        dispatch.hold_back(row, now)
    else:
        dispatch.assign_by_rule(row, now)
    return row


def _refuse_anothers(actor: Actor, first: TicketRow) -> None:
    """Whoever guesses a request id is not shown the ticket that somebody else made with it."""
    if actor.kind == "person" and not ticket_states.permits(actor, first, Action.TICKET_READ):
        raise Conflict("request.id_used", "this request id was used by somebody else", {"request_id": "used"})


# ---------------------------------------------------------------- changing


@db.transaction
def edit(actor: Actor, ticket_id: int, new: EditTicket, *, now: datetime) -> TicketView:
    """Change the fields given. Conflict `ticket.changed` when somebody else was faster."""
    row = locked(actor, ticket_id, Action.TICKET_EDIT, new.version)
    values = new.model_dump(exclude_unset=True, exclude={"version"})
    _refuse_frozen(row, values)
    if values.get("asset_id") is not None:
        get(AssetRow, values["asset_id"], "asset")
    for kind in ("mode", "cause", "remedy"):
        _known_code(kind, values.get(f"failure_{kind}"))
    changed: dict[str, list[Any]] = {}
    for name, value in values.items():
        if value is None and name != "asset_id":
            continue
        before = getattr(row, name)
        if before != value:
            changed[name] = [plain(before), plain(value)]
            setattr(row, name, value)
    if changed.keys() & {"priority", "type", "asset_id"}:
        sla_policies.set_due(row)
    if not row.verified and actor.kind == "person":
        row.verified = True  # somebody known has looked at it
        changed["verified"] = [False, True]
    if changed:
        ticket_states.save(row, now)
        journal.write(
            actor, "ticket.edited", "ticket", row.id, now, row.id,
            number=row.number, title=row.title, changed=changed,
        )  # fmt: skip
    return of(actor, queries.by_id(TicketRow, row.id), now)


def _refuse_frozen(row: TicketRow, values: dict[str, Any]) -> None:
    if row.cost is not None and "other_cost_minor" in values:
        raise Conflict("ticket.cost_frozen", "the cost was frozen at completion", number=row.number)
    if row.state in (workflow.State.CLOSED, workflow.State.CANCELLED, workflow.State.MERGED):
        raise Conflict(
            "ticket.wrong_state", f"a {row.state} ticket is not edited", move="edit", state=row.state
        )


def _known_code(kind: str, code: str | None) -> None:
    if not code:
        return
    if not FailureCodeRow.select().where(FailureCodeRow.kind == kind, FailureCodeRow.code == code).exists():
        raise AppError("failure_code.unknown", f"no {kind} {code}", {f"failure_{kind}": "unknown"}, word=code)


# ---------------------------------------------------------------- moving


@db.transaction
def move(actor: Actor, ticket_id: int, wanted: MoveTicket, *, now: datetime) -> TicketView:
    """Take one transition of the lifecycle; AppError and Conflict name what is missing or in the way."""
    row = held(actor, ticket_id)
    refuse_changed(row, "ticket", wanted.version)
    step_to(actor, row, wanted, now)
    return of(actor, queries.by_id(TicketRow, row.id), now)


def step_to(actor: Actor, row: TicketRow, wanted: MoveTicket, now: datetime) -> None:
    """Take a transition on a row that is held, with what it brings about."""
    ticket_forms.fill_with(actor, row, wanted, now)
    given = wanted.model_dump(include={"reason", "hold_reason", "resolution", "failure_mode"})
    if wanted.move == "assign":  # without a person: by rule
        given["assignee"] = True
    transition = workflow.check(
        wanted.move,
        ticket_states.facts(row, now),
        given,
        lambda action: ticket_states.permits(actor, row, action),
        wanted.override,
    )
    if wanted.move == "assign":
        dispatch.assign(actor, row, None, None, wanted.reason, now)
        return
    for kind in ("mode", "cause", "remedy"):
        code = getattr(wanted, f"failure_{kind}")
        _known_code(kind, code)
        if code:
            setattr(row, f"failure_{kind}", code)
    if wanted.resolution:
        row.resolution = wanted.resolution
    if wanted.hold_reason and transition.move == "hold":
        row.hold_reason = wanted.hold_reason
    if transition.move == "grab":
        dispatch.refuse_greed(actor, row)
        row.assignee = PersonRow.get_by_id(actor.id)
        row.dispatch_why = {"mode": "grab"}
    told: dict[str, Any] = {"reason": wanted.reason, "override": wanted.override or None}
    if transition.move in ("hold", "resolve"):
        told |= {"hold_reason": row.hold_reason, "resolution": wanted.resolution}
    if transition.move == "resolve":
        _before_resolved(actor, row, wanted, now)
    if transition.move == "cancel":
        ticket_parts.release(actor, row.id, now=now)
    ticket_states.take(actor, row, transition, now, **told)
    if transition.move == "resolve":
        _after_resolved(actor, row, now)


def _before_resolved(actor: Actor, row: TicketRow, wanted: MoveTicket, now: datetime) -> None:
    """Labour given with the completion, and parts that were kept for it but not used."""
    if wanted.labour_min and actor.id is not None:
        note_labour(actor, row, PersonRow.get_by_id(actor.id), wanted.labour_min, "", now)
    ticket_parts.release(actor, row.id, now=now)


def _after_resolved(actor: Actor, row: TicketRow, now: datetime) -> None:
    cost = ticket_costs.freeze(row, now)
    asked = row.template_id is None or templates.body_of(row.template_id).follow_up
    if asked and (row.reporter_id is not None or row.progress_hash is not None or row.reporter_contact):
        # There is somebody to ask whether it is right.
        ask = workflow.transition_of("ask", workflow.State.RESOLVED)
        ticket_states.take(actor, row, ask, now)
    else:
        ticket_states.save(row, now)
    journal.write(
        actor, "ticket.cost_frozen", "ticket", row.id, now, row.id,
        number=row.number, total_minor=cost.total_minor, currency=cost.currency,
        downtime_min=cost.downtime_min, downtime_loss_minor=cost.downtime_loss_minor,
    )  # fmt: skip


@db.transaction
def assign(actor: Actor, ticket_id: int, wanted: AssignTicket, *, now: datetime) -> TicketView:
    """Give to a person, or to a team; neither: by rule."""
    row = locked(actor, ticket_id, Action.TICKET_ASSIGN)
    if not row.verified:
        row.verified = True
    dispatch.assign(actor, row, wanted.person_id, wanted.team_id, wanted.reason, now)
    return of(actor, queries.by_id(TicketRow, row.id), now)
