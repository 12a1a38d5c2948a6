"""Doors of tickets: lists, one ticket, and all that is done to it."""

from __future__ import annotations

import sys
from array import array
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Response, UploadFile
from pydantic import Field

from core.hub.api.uploads import content_of, download
from core.hub.auth import SignedIn, clock
from core.services import intake_reading, journal, ticket_links, ticket_work, tickets
from core.wire.assets import FileView
from core.wire.base import Page, Request
from core.wire.intake import Reading, ReadReport
from core.wire.tickets import (
    AddLabour,
    AddNote,
    AnswerStep,
    AssignTicket,
    Candidate,
    ChartView,
    CreateTicket,
    Duplicate,
    EditTicket,
    MergeTicket,
    MoveTicket,
    SplitTicket,
    TicketFilter,
    TicketRowView,
    TicketView,
    TimelineEntry,
    UseParts,
)

router = APIRouter(prefix="/tickets", tags=["tickets"])

Wanted = Annotated[TicketFilter, Query()]


class PageWanted(TicketFilter):
    """Which tickets, and which page of them."""

    limit: int = Field(50, ge=1, le=500)
    after: str | None = Field(None, description="`next` of the page before.")


class Ids(Request):
    """Tickets asked for by id."""

    ids: list[int] = Field(max_length=500)


@router.get("")
def list_tickets(actor: SignedIn, wanted: Annotated[PageWanted, Query()]) -> Page[TicketRowView]:
    """A page of tickets."""
    return tickets.page(actor, wanted, limit=wanted.limit, after=wanted.after, now=clock())


@router.get("/ids", response_class=Response)
def list_ids(actor: SignedIn, wanted: Wanted) -> Response:
    """All ids that fit, in order, as little-endian 64-bit integers; `X-Cursor`: the journal's id of that moment."""
    # Read first: what is committed in between is then told again by the stream, never lost.
    cursor = journal.head()
    ids = array("q", tickets.ids(actor, wanted, now=clock()))
    if sys.byteorder == "big":
        ids.byteswap()
    return Response(ids.tobytes(), media_type="application/octet-stream", headers={"X-Cursor": str(cursor)})


@router.post("/rows")
def get_rows(actor: SignedIn, body: Ids) -> list[TicketRowView]:
    """Tickets by id, in the order asked; missing ones are left out."""
    return tickets.rows(actor, body.ids)


@router.post("/read")
def read_report(actor: SignedIn, body: ReadReport) -> Reading:
    """What can be read out of a report while it is typed: proposals, none of which is done."""
    return intake_reading.read(actor, body, now=clock())


@router.post("/{ticket_id}/merge")
def merge(actor: SignedIn, ticket_id: int, body: MergeTicket) -> TicketView:
    """Put a ticket into another; returns the one that goes on."""
    return ticket_links.merge(actor, ticket_id, body.into_id, body.reason, now=clock())


@router.get("/{ticket_id}/merged")
def list_merged(actor: SignedIn, ticket_id: int) -> list[Duplicate]:
    """What has been merged into a ticket."""
    return ticket_links.merged_into(actor, ticket_id)


@router.post("/{ticket_id}/split", status_code=201)
def split(actor: SignedIn, ticket_id: int, body: SplitTicket) -> TicketView:
    """Make a second ticket of a part of one."""
    return ticket_links.split(actor, ticket_id, body, now=clock())


@router.post("", status_code=201)
def create(actor: SignedIn, body: CreateTicket, response: Response) -> TicketView:
    """A new ticket; 200 and the first one when `request_id` was seen before."""
    if body.request_id is not None and tickets.seen(body.request_id):
        response.status_code = 200
    return tickets.create(actor, body, now=clock())


@router.get("/{ticket_id}")
def get_ticket(actor: SignedIn, ticket_id: int) -> TicketView:
    """One ticket, whole, with the moves that are open to the caller."""
    return tickets.view(actor, ticket_id)


@router.patch("/{ticket_id}")
def edit(actor: SignedIn, ticket_id: int, body: EditTicket) -> TicketView:
    """Change the fields given."""
    return tickets.edit(actor, ticket_id, body, now=clock())


@router.post("/{ticket_id}/moves")
def move(actor: SignedIn, ticket_id: int, body: MoveTicket) -> TicketView:
    """Take one transition of the lifecycle."""
    return tickets.move(actor, ticket_id, body, now=clock())


@router.post("/{ticket_id}/assign")
def assign(actor: SignedIn, ticket_id: int, body: AssignTicket) -> TicketView:
    """Give the ticket to a person or a team; neither: by rule."""
    return tickets.assign(actor, ticket_id, body, now=clock())


@router.get("/{ticket_id}/candidates")
def list_candidates(actor: SignedIn, ticket_id: int) -> list[Candidate]:
    """Who could take the ticket, with why and why not."""
    return tickets.candidates(actor, ticket_id, now=clock())


@router.get("/{ticket_id}/timeline")
def get_timeline(actor: SignedIn, ticket_id: int) -> list[TimelineEntry]:
    """All that happened to the ticket, oldest first."""
    return tickets.timeline(actor, ticket_id)


@router.post("/{ticket_id}/notes", status_code=201)
def add_note(actor: SignedIn, ticket_id: int, body: AddNote) -> TimelineEntry:
    """A note; an internal one is never shown to the reporter."""
    return ticket_work.add_note(actor, ticket_id, body, now=clock())


@router.get("/{ticket_id}/charts")
def list_charts(actor: SignedIn, ticket_id: int) -> list[ChartView]:
    """What the point did around each raise."""
    return tickets.charts(actor, ticket_id)


@router.get("/{ticket_id}/charts/{occurrence}.csv", response_class=Response)
def get_chart_csv(actor: SignedIn, ticket_id: int, occurrence: str) -> Response:
    """The same as a table."""
    text = tickets.chart_csv(actor, ticket_id, occurrence)
    return download(text.encode("utf-8-sig"), "text/csv; charset=utf-8", f"{occurrence}.csv")


@router.put("/{ticket_id}/steps/{key}")
def answer_step(actor: SignedIn, ticket_id: int, key: str, body: AnswerStep) -> TicketView:
    """Answer a step of the procedure; null takes the answer back."""
    return ticket_work.answer_step(actor, ticket_id, key, body, now=clock())


@router.post("/{ticket_id}/labour")
def add_labour(actor: SignedIn, ticket_id: int, body: AddLabour) -> TicketView:
    """Minutes worked, by oneself or a colleague."""
    return ticket_work.add_labour(actor, ticket_id, body, now=clock())


@router.post("/{ticket_id}/parts")
def use_parts(actor: SignedIn, ticket_id: int, body: UseParts) -> TicketView:
    """Reserve, issue, give back or release parts."""
    return ticket_work.use_parts(actor, ticket_id, body, now=clock())


@router.post("/{ticket_id}/files", status_code=201)
def add_file(
    actor: SignedIn,
    ticket_id: int,
    file: UploadFile,
    kind: Annotated[Literal["photo", "document", "signature"], Form()] = "photo",
) -> FileView:
    """A photo, document or signature."""
    name, content = content_of(file)
    return ticket_work.add_file(actor, ticket_id, content, name=name, kind=kind, now=clock())


@router.post("/{ticket_id}/urge")
def urge(actor: SignedIn, ticket_id: int) -> TicketView:
    """Ask for more speed; limited in how often."""
    return ticket_work.urge(actor, ticket_id, now=clock())
