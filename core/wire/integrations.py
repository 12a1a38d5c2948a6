"""Other programs, as the API tells and asks them: tokens, webhooks, calls, and the feed of changes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from core.wire.base import Moment, Name, Request, View
from core.wire.journal import JournalEntry


class ApiTokenView(View):
    id: int
    name: str
    actions: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


class NewApiToken(Request):
    """A token may do what is listed, everywhere; nobody can give more than they have."""

    name: Name
    actions: list[str] = Field(
        min_length=1, max_length=60, description="Such as `ticket.read`, `ticket.create`."
    )
    expires_at: Moment | None = None


class ApiTokenMade(ApiTokenView):
    """Shown once."""

    token: str


class WebhookView(View):
    id: int
    version: int
    name: str
    url: str
    verbs: list[str]
    allow_private: bool
    active: bool
    waiting: int = Field(description="Calls not delivered yet.")
    failed: int = Field(description="Calls given up in the last 30 days.")


class WebhookMade(WebhookView):
    """The secret is shown once; calls are signed with it."""

    secret: str


Verb = Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.([a-z_]+|\*)$", max_length=40)]


class SaveWebhook(Request):
    """Called with each change whose verb is listed (`ticket.*` for all of tickets); with all when none is."""

    version: int | None = None
    name: Name
    url: str = Field(pattern=r"^https?://[^\s@]+$", max_length=500)
    verbs: list[Verb] = Field(default_factory=list, max_length=50)
    allow_private: bool = Field(
        False, description="Whether the address may be inside the plant's own network."
    )
    active: bool = True


class WebhookCallView(View):
    id: int
    journal_id: int
    attempts: int
    delivered_at: datetime | None
    next_try_at: datetime | None
    status: int | None
    failure: str


class Replay(Request):
    """Call again with everything from this journal entry on."""

    after: int = Field(ge=0, description="Journal id; entries after it are called again.")


class Changes(View):
    """A page of the feed; ask again with `after` = `next`, at once when there is `more`."""

    items: list[JournalEntry]
    next: int
    more: bool
