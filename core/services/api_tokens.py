"""Tokens of other programs: made once, known by their hash, limited to what they were given."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from core.domain.people import Action, Actor, may, require
from core.errors import AppError, Forbidden, Unauthenticated
from core.services import journal, rows
from core.storage import db
from core.storage.tables import ApiTokenRow
from core.wire.integrations import ApiTokenMade, ApiTokenView, NewApiToken

PREFIX = "ftl_"  # lets scanners of source code and logs know one when they see it
_USED_EVERY = timedelta(minutes=1)
# What no program gets: it could make itself more of its kind, or it is for a person to do.
NEVER = frozenset(
    {
        Action.INTEGRATION_EDIT,
        Action.PEOPLE_EDIT,
        Action.SETTINGS_EDIT,
        Action.TICKET_GRAB,
        Action.TICKET_WORK,
    }
)


@db.reading
def listed(actor: Actor) -> list[ApiTokenView]:
    """All tokens, the newest first, the revoked ones too."""
    require(actor, Action.INTEGRATION_EDIT)
    return [ApiTokenView(**_fields(row)) for row in ApiTokenRow.select().order_by(ApiTokenRow.id.desc())]


@db.transaction
def create(actor: Actor, new: NewApiToken, *, now: datetime) -> ApiTokenMade:
    """Make a token; it is told here and never again. AppError `token.unknown_action`, `token.expired_already`."""
    require(actor, Action.INTEGRATION_EDIT)
    known = {action.value for action in Action if action not in NEVER}
    unknown = [name for name in new.actions if name not in known]
    if unknown:
        raise AppError("token.unknown_action", unknown[0], {"actions": "unknown"}, action=unknown[0])
    for name in new.actions:
        if not may(actor, Action(name)):
            raise Forbidden("auth.forbidden", f"{actor.ref} may not {name}", action=name)
    if new.expires_at is not None and new.expires_at <= now:
        raise AppError("token.expired_already", "it would never work", {"expires_at": "out_of_range"})
    token = PREFIX + secrets.token_urlsafe(32)
    row = ApiTokenRow.create(
        name=new.name, token_hash=_digest(token), actions=sorted(set(new.actions)), created_at=now,
        created_by=actor.id if actor.kind == "person" else None, expires_at=new.expires_at,
    )  # fmt: skip
    journal.write(actor, "token.created", "token", row.id, now, name=row.name, actions=row.actions)
    return ApiTokenMade(**_fields(row), token=token)


@db.transaction
def revoke(actor: Actor, token_id: int, *, now: datetime) -> ApiTokenView:
    """End a token at once; it stays in the list. The second time is harmless."""
    require(actor, Action.INTEGRATION_EDIT)
    row = rows.lock(ApiTokenRow, token_id, "token")
    if row.revoked_at is None:
        row.revoked_at = now
        row.save()
        journal.write(actor, "token.revoked", "token", row.id, now, name=row.name)
    return ApiTokenView(**_fields(row))


def actor(token: str, *, now: datetime, address: str = "") -> Actor:
    """The program whose token this is; Unauthenticated `session.expired` when it is unknown, revoked or too old."""
    row = _find(token)
    if row is None or row.revoked_at is not None or (row.expires_at is not None and now >= row.expires_at):
        raise Unauthenticated("session.expired", "no such token, or it has ended")
    if row.used_at is None or now - row.used_at >= _USED_EVERY:
        _used(row.id, now)
    allowed = frozenset(row.actions)
    return Actor("token", name=row.name, address=address, actions=allowed, token_id=row.id)


@db.reading
def _find(token: str) -> Any:
    return ApiTokenRow.get_or_none(ApiTokenRow.token_hash == _digest(token))


@db.transaction
def _used(token_id: int, now: datetime) -> None:
    ApiTokenRow.update(used_at=now).where(ApiTokenRow.id == token_id).execute()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _fields(row: Any) -> dict[str, Any]:
    named = ("id", "name", "actions", "created_at", "expires_at", "used_at", "revoked_at")
    found = {name: getattr(row, name) for name in named}
    return found | {"created_by": row.created_by.name if row.created_by_id is not None else ""}
