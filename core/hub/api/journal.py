"""Doors of the journal, its live stream, and the dashboard."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from core.domain.people import Action, Actor, require
from core.hub.auth import SignedIn, Token, clock, who
from core.hub.feed import Feed
from core.services import dashboard, journal
from core.wire.journal import Dashboard, JournalEntry

router = APIRouter(tags=["journal"])


@router.get("/journal")
def get_journal(
    actor: SignedIn,
    after: Annotated[int, Query(ge=0, description="The last id seen.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> list[JournalEntry]:
    """Changes after `after`, oldest first."""
    return journal.after(actor, after, limit)


@router.get("/journal/stream", response_class=StreamingResponse)
def stream(
    request: Request,
    actor: SignedIn,
    token: Token,
    after: Annotated[int | None, Query(ge=0, description="The last id seen; left out: from now on.")] = None,
    last_event_id: Annotated[str, Header()] = "",
) -> StreamingResponse:
    """Changes as they are committed, as server-sent events: `id` is the cursor, `data` a JournalEntry."""
    require(actor, Action.TICKET_READ)
    if last_event_id.isdecimal() and last_event_id.isascii():
        after = int(last_event_id[:20])

    def renew() -> Actor:
        return who(token, actor.address)

    feed = cast(Feed, request.app.state.feed)
    return StreamingResponse(
        feed.stream(actor, journal.head() if after is None else after, renew),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


@router.get("/dashboard")
def get_dashboard(actor: SignedIn) -> Dashboard:
    """Figures of the console's first page."""
    return dashboard.view(actor, now=clock())
