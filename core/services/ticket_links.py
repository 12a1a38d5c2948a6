"""Tickets that belong together: proposed as duplicates, merged into one, split off, and found again afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from core.domain import words, workflow
from core.domain.people import Action, Actor, require
from core.domain.workflow import State
from core.errors import AppError, Conflict
from core.services import journal, ticket_parts, ticket_rows, ticket_states, ticket_views, tickets
from core.storage import db, queries, search
from core.storage.tables import AlarmRow, AttachmentRow, OccurrenceRow, TicketRow
from core.wire.tickets import CreateTicket, Duplicate, SplitTicket, TicketView

LEAST_LIKENESS = 0.25
RECENT = timedelta(days=30)
_CANDIDATES = 60
_SHOWN = 8
_MOST_STEPS = 20  # from one merged ticket to the next

# ---------------------------------------------------------------- duplicates


@db.reading
def duplicates(
    actor: Actor, *, text: str, asset_id: int | None = None, but: int | None = None, now: datetime
) -> list[Duplicate]:
    """Open tickets that speak of the same, the likeliest first; of the last month, seen by the reader."""
    require(actor, Action.TICKET_READ)
    base = TicketRow.select().where(
        TicketRow.state.in_(sorted(workflow.OPEN)), TicketRow.reported_at > now - RECENT
    )
    limits = ticket_rows.visible(actor)
    if limits is not None:
        base = base.where(limits)
    if but is not None:
        base = base.where(TicketRow.id != but)
    found: dict[int, Any] = {}
    if asset_id is not None:
        here = base.where(TicketRow.asset == asset_id).order_by(TicketRow.id.desc()).limit(_CANDIDATES)
        found = {row.id: row for row in here}
    terms = list(words.telling(text))
    if terms and search.mark() is not None:
        rare = search.rarest("ticket", terms, 8)
        ids = [row_id for row_id, _score in search.ranked("ticket", rare, _CANDIDATES, every=False)]
        found |= {row.id: row for row in base.where(TicketRow.id.in_(ids))} if ids else {}
    scored = [(_alike(row, text, asset_id), row) for row in found.values()]
    best = sorted((pair for pair in scored if pair[0] >= LEAST_LIKENESS), key=lambda pair: -pair[0])
    return [
        Duplicate(
            id=row.id, number=row.number, title=row.title, state=row.state, reported_at=row.reported_at,
            same_asset=asset_id is not None and row.asset_id == asset_id, likeness=round(score, 3),
        )
        for score, row in best[:_SHOWN]
    ]  # fmt: skip


def _alike(row: Any, text: str, asset_id: int | None) -> float:
    """Words in common; on the same machine half as many say as much."""
    score = words.likeness(text, f"{row.title}\n{row.description}")
    if asset_id is not None and row.asset_id == asset_id:
        return min(1.0, 0.3 + score)
    return score * (0.6 if asset_id is not None and row.asset_id is not None else 1.0)


# ---------------------------------------------------------------- merging


@db.transaction
def merge(actor: Actor, ticket_id: int, into_id: int, reason: str, *, now: datetime) -> TicketView:
    """Put a ticket into another, which takes its alarms, photos and reporter; what it was stays readable.

    Returns the one that goes on. AppError `ticket.merge_self`; Conflict `ticket.merge_done`, `ticket.wrong_state`.
    """
    if ticket_id == into_id:
        raise AppError("ticket.merge_self", "into itself", {"into_id": "same"})
    for held in sorted((ticket_id, into_id)):  # always in one order, so that two never wait for each other
        ticket_views.locked(actor, held, Action.TICKET_ASSIGN)
    row, into = (queries.by_id(TicketRow, wanted) for wanted in (ticket_id, into_id))
    if into.state not in workflow.OPEN:
        raise Conflict("ticket.merge_done", f"{into.number} is {into.state}", number=into.number)
    transition = workflow.transition_of("merge", State(row.state))
    ticket_parts.release(actor, row.id, now=now)
    key, open_key = row.dedup_key, row.open_key
    row.merged_into = into
    ticket_states.take(actor, row, transition, now, reason=reason, into=into.number, into_id=into.id)
    if open_key and not into.dedup_key:
        into.dedup_key, into.open_key = key, open_key  # the next raise of its alarm comes here
    into.occurrences += row.occurrences
    _hand_over(row.id, into.id)
    ticket_states.save(into, now)
    journal.write(
        actor, "ticket.took_over", "ticket", into.id, now, into.id,
        number=into.number, title=into.title, merged=row.number, merged_id=row.id,
        merged_title=row.title, reporter=row.reporter_name,
    )  # fmt: skip
    return tickets.of(actor, queries.by_id(TicketRow, into.id), now)


def _hand_over(from_id: int, to_id: int) -> None:
    tables: tuple[Any, ...] = (AlarmRow, OccurrenceRow, AttachmentRow)
    for table in tables:
        for found in table.select().where(table.ticket == from_id):
            found.ticket = to_id
            found.save()


def leading(row: Any) -> Any:
    """The ticket that goes on for this one: itself, or what it was merged into, and so on."""
    for _ in range(_MOST_STEPS):
        if row.merged_into_id is None:
            break
        row = queries.by_id(TicketRow, row.merged_into_id)
    return row


@db.reading
def merged_into(actor: Actor, ticket_id: int) -> list[Duplicate]:
    """What has been merged into a ticket, as far as the reader may see it."""
    row = ticket_views.readable(actor, ticket_id)
    query = TicketRow.select().where(TicketRow.merged_into == row.id).order_by(TicketRow.id)
    limits = ticket_rows.visible(actor)
    if limits is not None:
        query = query.where(limits)
    return [
        Duplicate(
            id=one.id, number=one.number, title=one.title, state=one.state, reported_at=one.reported_at,
            same_asset=one.asset_id == row.asset_id, likeness=1.0,
        )
        for one in query
    ]  # fmt: skip


# ---------------------------------------------------------------- splitting


@db.transaction
def split(actor: Actor, ticket_id: int, new: SplitTicket, *, now: datetime) -> TicketView:
    """Make a second ticket of a part of one: same place and reporter, linked to it, with the photos named."""
    require(actor, Action.TICKET_CREATE)
    row = ticket_views.locked(actor, ticket_id, Action.TICKET_EDIT)
    if row.state not in workflow.OPEN:
        raise Conflict("ticket.wrong_state", f"a {row.state} ticket", move="split", state=row.state)
    made = tickets.make(
        actor,
        CreateTicket(
            type=new.type or row.type,
            source=row.source,
            title=new.title,
            description=new.description,
            asset_id=row.asset_id if new.asset_id is None else new.asset_id,
            priority=row.priority,
            reporter_name=row.reporter_name,
            reporter_contact=row.reporter_contact,
            failed_at=row.failed_at,
        ),
        now,
        {"parent_id": row.id, "reporter_id": row.reporter_id, "team_id": row.team_id},
    )
    _move_files(row, made, new.file_ids)
    journal.write(
        actor, "ticket.split", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, made=made.number, made_id=made.id, made_title=made.title,
    )  # fmt: skip
    return tickets.of(actor, queries.by_id(TicketRow, made.id), now)


def _move_files(row: Any, made: Any, file_ids: Sequence[int]) -> None:
    for attachment_id in file_ids:
        found: Any = AttachmentRow.get_or_none(
            AttachmentRow.id == attachment_id, AttachmentRow.ticket == row.id
        )
        if found is None:
            raise AppError(
                "ticket.no_such_file", str(attachment_id), {"file_ids": "unknown"}, number=row.number
            )
        found.ticket = made.id
        found.save()
