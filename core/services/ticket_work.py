"""Work on a ticket that does not change its state: notes, steps, labour, parts, files, urging, rating."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from core.domain import tickets, workflow
from core.domain.people import Action, Actor, may
from core.errors import AppError, Conflict, Forbidden, TooMany
from core.services import files, journal, rows, ticket_parts, ticket_states, timeline
from core.services.ticket_views import locked, of
from core.storage import db
from core.storage.tables import JournalRow, LabourRow, PersonRow, TicketRow
from core.wire.assets import FileView
from core.wire.tickets import AddLabour, AddNote, AnswerStep, RateTicket, TicketView, TimelineEntry, UseParts

URGE_EVERY = timedelta(minutes=10)
_ENDED = (workflow.State.CLOSED, workflow.State.CANCELLED, workflow.State.MERGED)


def _refuse_ended(row: TicketRow, what: str) -> None:
    if row.state in _ENDED:
        raise Conflict("ticket.wrong_state", f"the ticket is {row.state}", move=what, state=row.state)


@db.transaction
def add_note(actor: Actor, ticket_id: int, new: AddNote, *, now: datetime) -> TimelineEntry:
    """Write into the timeline; an internal note is never shown to the reporter."""
    row = locked(actor, ticket_id, Action.TICKET_NOTE)
    cursor = journal.write(
        actor, "ticket.noted", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, text=new.text, internal=new.internal,
    )  # fmt: skip
    return timeline.entry(JournalRow.get_by_id(cursor))


@db.transaction
def answer_step(actor: Actor, ticket_id: int, key: str, new: AnswerStep, *, now: datetime) -> TicketView:
    """Answer one step of the procedure; None takes the answer back. AppError `ticket.bad_answer`."""
    row = locked(actor, ticket_id, Action.TICKET_WORK)
    if workflow.State(row.state) not in workflow.OPEN:
        raise Conflict("ticket.wrong_state", "the work is completed", move="step", state=row.state)
    row.procedure, step = tickets.answer_step(row.procedure, key, new.answer, now, actor.name)
    ticket_states.save(row, now)
    journal.write(
        actor, "ticket.step_answered", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, step=step["title"], key=key, answer=step["answer"],
        unit=step.get("unit", ""), outside=tickets.outside_limits(step),
    )  # fmt: skip
    return of(actor, row, now)


@db.transaction
def add_labour(actor: Actor, ticket_id: int, new: AddLabour, *, now: datetime) -> TicketView:
    """Minutes worked by oneself or a colleague, at that person's rate of today."""
    row = locked(actor, ticket_id, Action.TICKET_WORK)
    person_id = new.person_id if new.person_id is not None else actor.id
    if person_id is None:
        raise AppError("ticket.person_needed", "whose time?", {"person_id": "missing"})
    if person_id != actor.id and not may(actor, Action.TICKET_ASSIGN):
        raise Forbidden("auth.forbidden", "only one's own time", action=Action.TICKET_ASSIGN)
    if row.cost is not None:
        raise Conflict("ticket.cost_frozen", "the cost was frozen at completion", number=row.number)
    note_labour(actor, row, rows.get(PersonRow, person_id, "person"), new.minutes, new.note, now)
    ticket_states.save(row, now)
    return of(actor, row, now)


def note_labour(actor: Actor, row: TicketRow, person: Any, minutes: int, note: str, now: datetime) -> None:
    """Write labour in the running transaction."""
    LabourRow.create(
        ticket=row,
        person=person,
        minutes=minutes,
        cost_minor_per_h=person.hourly_cost_minor,
        note=note,
        at=now,
    )
    journal.write(
        actor, "ticket.labour_added", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, person=person.name, minutes=minutes, note=note,
    )  # fmt: skip


@db.transaction
def use_parts(actor: Actor, ticket_id: int, new: UseParts, *, now: datetime) -> TicketView:
    """Reserve, issue, give back or release parts for a ticket. Conflict `part.not_enough`."""
    row = locked(actor, ticket_id, Action.PART_ISSUE)
    _refuse_ended(row, new.do)
    if row.cost is not None:
        raise Conflict("ticket.cost_frozen", "the cost was frozen at completion", number=row.number)
    if new.do == "reserve":
        ticket_parts.reserve(actor, row.id, new.part_id, new.qty, now=now, reason=row.number)
    elif new.do == "issue":
        ticket_parts.issue(actor, row.id, new.part_id, new.qty, now=now, note=new.note)
    elif new.do == "return":
        ticket_parts.give_back(actor, row.id, new.part_id, new.qty, now=now, note=new.note)
    else:
        ticket_parts.release(actor, row.id, new.part_id, new.qty, now=now)
    ticket_states.save(row, now)
    return of(actor, row, now)


def add_file(
    actor: Actor, ticket_id: int, content: bytes, *, name: str, kind: files.Kind, now: datetime
) -> FileView:
    """Attach a photo (redrawn), document or signature. AppError `file.*` when it is not one."""
    stored = files.take(content, name=name, kind=kind)  # outside the transaction: decoding takes a while
    return _attach(actor, ticket_id, stored, kind, now)


@db.transaction
def _attach(actor: Actor, ticket_id: int, stored: files.Stored, kind: files.Kind, now: datetime) -> FileView:
    row = locked(actor, ticket_id, Action.TICKET_NOTE)
    ticket_states.save(row, now)
    return files.attach(actor, stored, kind=kind, now=now, ticket_id=row.id)


@db.transaction
def urge(actor: Actor, ticket_id: int, *, now: datetime) -> TicketView:
    """Ask for more speed, at most once in ten minutes. TooMany `ticket.urged_lately`."""
    row = locked(actor, ticket_id, Action.TICKET_NOTE)
    if workflow.State(row.state) not in workflow.OPEN:
        raise Conflict("ticket.wrong_state", "the work is completed", move="urge", state=row.state)
    last = (
        JournalRow.select(JournalRow.at)
        .where(JournalRow.ticket_id == row.id, JournalRow.verb == "ticket.urged")
        .order_by(JournalRow.id.desc())
        .first()
    )
    if last is not None and now - last.at < URGE_EVERY:
        wait_s = int((URGE_EVERY - (now - last.at)).total_seconds()) + 1
        raise TooMany("ticket.urged_lately", "urged a moment ago", retry_after_s=wait_s, number=row.number)
    row.urge_count += 1
    ticket_states.save(row, now)
    journal.write(
        actor, "ticket.urged", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, count=row.urge_count,
    )  # fmt: skip
    return of(actor, row, now)


@db.transaction
def rate(actor: Actor, ticket_id: int, new: RateTicket, *, now: datetime) -> None:
    """The reporter's verdict: it confirms the work, and closes the ticket. The door has checked who answers."""
    row: TicketRow = rows.lock(TicketRow, ticket_id, "ticket")
    if row.state not in (workflow.State.RESOLVED, workflow.State.FOLLOW_UP, workflow.State.CLOSED):
        raise Conflict("ticket.not_done_yet", "it is not done yet", number=row.number)
    if row.rating is not None:
        raise Conflict("ticket.rated_already", "it has been rated", number=row.number)
    row.rating = new.rating
    row.rating_comment = new.comment
    journal.write(
        actor, "ticket.rated", "ticket", row.id, now, row.id,
        number=row.number, title=row.title, rating=new.rating, comment=new.comment,
    )  # fmt: skip
    if row.state == workflow.State.CLOSED:
        ticket_states.save(row, now)
        return
    close = workflow.transition_of("close", workflow.State(row.state))
    ticket_states.take(actor, row, close, now, by="reporter")
