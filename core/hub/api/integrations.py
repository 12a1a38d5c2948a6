"""Doors for and about other programs: tokens, webhooks, and the feed of changes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from core.hub.auth import SignedIn, clock
from core.services import api_tokens, journal, webhooks
from core.wire.integrations import (
    ApiTokenMade,
    ApiTokenView,
    Changes,
    NewApiToken,
    Replay,
    SaveWebhook,
    WebhookCallView,
    WebhookMade,
    WebhookView,
)

router = APIRouter(tags=["integrations"])


@router.get("/tokens")
def list_tokens(actor: SignedIn) -> list[ApiTokenView]:
    """Tokens of other programs, the newest first."""
    return api_tokens.listed(actor)


@router.post("/tokens", status_code=201)
def create_token(actor: SignedIn, body: NewApiToken) -> ApiTokenMade:
    """A new token; it is shown in this answer alone."""
    return api_tokens.create(actor, body, now=clock())


@router.post("/tokens/{token_id}/revoke")
def revoke_token(actor: SignedIn, token_id: int) -> ApiTokenView:
    """End a token at once."""
    return api_tokens.revoke(actor, token_id, now=clock())


@router.get("/webhooks")
def list_webhooks(actor: SignedIn) -> list[WebhookView]:
    """All webhooks and how they do."""
    return webhooks.listed(actor, now=clock())


@router.post("/webhooks", status_code=201)
def create_webhook(actor: SignedIn, body: SaveWebhook) -> WebhookMade:
    """A new webhook; its secret is shown in this answer alone."""
    return webhooks.create(actor, body, now=clock())


@router.put("/webhooks/{webhook_id}")
def save_webhook(actor: SignedIn, webhook_id: int, body: SaveWebhook) -> WebhookView:
    """Change a webhook, or turn it off."""
    return webhooks.save(actor, webhook_id, body, now=clock())


@router.get("/webhooks/{webhook_id}/calls")
def list_calls(actor: SignedIn, webhook_id: int) -> list[WebhookCallView]:
    """The last calls with their answers."""
    return webhooks.calls(actor, webhook_id)


@router.post("/webhooks/{webhook_id}/replay")
def replay(actor: SignedIn, webhook_id: int, body: Replay) -> WebhookView:
    """Call again with everything after a journal entry."""
    return webhooks.replay(actor, webhook_id, body.after, now=clock())


@router.get("/changes")
def changes(
    actor: SignedIn,
    after: Annotated[int, Query(ge=0, description="`next` of the last answer; 0 for the beginning.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> Changes:
    """What has changed, oldest first; never skips anything, however long one was away."""
    items = journal.after(actor, after, limit)
    return Changes(items=items, next=items[-1].id if items else after, more=len(items) == limit)
