"""What can be read out of a report as it is typed or comes by mail: machine, caller, kind, urgency, and its twins.

All of it is a proposal with how sure it is; a person takes or leaves it. Learned from the plant's own tickets.
"""

from __future__ import annotations

from datetime import datetime

from core.domain import extraction
from core.domain.people import Action, Actor, require
from core.domain.words import Guess, Learned
from core.services import ticket_links
from core.services.kept import Kept
from core.storage import db
from core.storage.tables import AssetRow, TicketRow
from core.wire.intake import Proposal, Reading, ReadReport, Spotted

_LEARNED_FROM = 5000
_LEARN_EVERY_S = 600.0
_KNOWN_EVERY_S = 30.0
_LEAST_SURE = 0.5


@db.reading
def read(actor: Actor, given: ReadReport, *, now: datetime) -> Reading:
    """Proposals for a report."""
    require(actor, Action.TICKET_CREATE)
    numbers, serials = _assets.get()
    spotted = extraction.extract(given.text, numbers, serials)
    assets = _names({int(item.value) for item in spotted if item.what in ("asset", "serial")})
    asset_id = given.asset_id or next((int(i.value) for i in spotted if int_or_none(i.value) in assets), None)
    told = _without(given.text, spotted)  # a telephone number makes two reports no more alike
    learned = _learned.get()
    return Reading(
        spotted=[
            Spotted(
                what=item.what,
                value=item.value,
                text=given.text[item.start : item.end],
                start=item.start,
                end=item.end,
                name=assets.get(int(item.value), "") if item.what in ("asset", "serial") else "",
            )
            for item in spotted
        ],
        type=_proposal(learned["type"].guess(given.text)),
        priority=_proposal(learned["priority"].guess(given.text)),
        failure_mode=_proposal(learned["failure_mode"].guess(given.text)),
        duplicates=ticket_links.duplicates(actor, text=told, asset_id=asset_id, now=now),
        learned_from=learned["type"].examples,
    )


def _without(text: str, spotted: list[extraction.Found]) -> str:
    kept, at = [], 0
    for item in spotted:
        kept.append(text[at : item.start])
        at = item.end
    return " ".join([*kept, text[at:]])


def int_or_none(text: str) -> int | None:
    """The number a text is; None for none."""
    return int(text) if text.isdecimal() else None


def _proposal(guess: Guess | None) -> Proposal | None:
    if guess is None or guess.confidence < _LEAST_SURE:
        return None
    return Proposal(value=guess.key, confidence=round(guess.confidence, 3), because=list(guess.because))


def _load_assets() -> tuple[dict[str, int], dict[str, int]]:
    query = AssetRow.select(AssetRow.id, AssetRow.number, AssetRow.serial).where(
        AssetRow.retired_at.is_null()
    )
    rows = list(query)
    numbers = {extraction.key(row.number): row.id for row in rows}
    serials = {extraction.key(row.serial): row.id for row in rows if row.serial}
    return numbers, serials


def _names(ids: set[int]) -> dict[int, str]:
    query = AssetRow.select(AssetRow.id, AssetRow.name).where(AssetRow.id.in_(sorted(ids)))
    return {row.id: row.name for row in query} if ids else {}


def _learn() -> dict[str, Learned]:
    """From the newest tickets that a person has looked at."""
    query = TicketRow.select(
        TicketRow.title, TicketRow.description, TicketRow.type, TicketRow.priority, TicketRow.failure_mode
    ).where(TicketRow.verified, TicketRow.source != "alarm", TicketRow.source != "plan")
    rows = list(query.order_by(TicketRow.id.desc()).limit(_LEARNED_FROM))
    texts = [(f"{row.title}\n{row.description}", row) for row in rows]
    return {
        "type": Learned((text, row.type) for text, row in texts),
        "priority": Learned((text, str(row.priority)) for text, row in texts),
        "failure_mode": Learned((text, row.failure_mode) for text, row in texts if row.failure_mode),
    }


_assets = Kept(_load_assets, _KNOWN_EVERY_S)
_learned = Kept(_learn, _LEARN_EVERY_S)


def forget() -> None:
    """Learn anew at the next question."""
    _assets.forget()
    _learned.forget()
