"""Words for what failed, why, and what helped: ISO 14224 style codes by asset category."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.domain.people import Action, Actor, may, require
from core.services import journal, rows
from core.storage import db
from core.storage.tables import FailureCodeRow
from core.wire.assets import FailureCodeView, SaveFailureCode


@db.reading
def listed(actor: Actor, *, category: str | None = None) -> list[FailureCodeView]:
    """Codes in use; with `category` those of it and those for all categories."""
    if not may(actor, Action.TICKET_WORK):  # a vendor's engineer has to say what had failed, too
        require(actor, Action.ASSET_READ)
    query = FailureCodeRow.select().where(FailureCodeRow.active)
    if category is not None:
        query = query.where(FailureCodeRow.category.in_(["", category]))
    order = (FailureCodeRow.kind, FailureCodeRow.category, FailureCodeRow.code)
    return [_view(row) for row in query.order_by(*order)]


@db.transaction
def save(actor: Actor, new: SaveFailureCode, *, now: datetime) -> FailureCodeView:
    """Add a code, or give one that is there (category, kind and code) another name."""
    require(actor, Action.ASSET_EDIT)
    row: Any = FailureCodeRow.get_or_none(
        FailureCodeRow.category == new.category,
        FailureCodeRow.kind == new.kind,
        FailureCodeRow.code == new.code,
    )
    if row is None:
        row = FailureCodeRow.create(category=new.category, kind=new.kind, code=new.code, name=new.name)
        journal.write(
            actor, "failure_code.created", "failure_code", row.id, now, code=new.code, name=new.name
        )
    else:
        changed = rows.change(row, name=new.name, active=True)
        journal.write(
            actor, "failure_code.edited", "failure_code", row.id, now, code=new.code, changed=changed
        )
    return _view(row)


def _view(row: Any) -> FailureCodeView:
    return FailureCodeView(id=row.id, category=row.category, kind=row.kind, code=row.code, name=row.name)
