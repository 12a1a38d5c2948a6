"""Takes in dead letters after all, once their cause is gone: a hub of a newer version, a fault mended, an edge known.

A raise that comes in this late brings with it what was sent about it since, or it would stay active for ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.domain.people import Action, Actor, require
from core.errors import AppError, Conflict
from core.services import alarm_events, dead_letters, ingest, journal, rows
from core.storage import db
from core.storage.tables import DeadLetterRow, EdgeRow, UplinkEventRow
from core.wire.uplink import (
    AlarmCleared,
    AlarmRaised,
    AlarmReminded,
    ChartFrozen,
    Event,
    ServiceChanged,
    ThirdPartyAlarm,
    UplinkEvent,
)

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
_TAKE: dict[type, Callable[..., object]] = {
    AlarmRaised: alarm_events.raised,
    AlarmCleared: alarm_events.cleared,
    AlarmReminded: alarm_events.reminded,
    ServiceChanged: alarm_events.service_changed,
    ChartFrozen: alarm_events.charted,
}
_ABOUT_A_RAISE = ("alarm_cleared", "chart_frozen")


def replay(actor: Actor, letter_id: int, *, now: datetime) -> None:
    """Take one in. NotFound `dead_letter.not_found`, Conflict `dead_letter.settled` or `dead_letter.came_anew`,
    AppError `dead_letter.still_bad` with the reason; then it stays where it is."""
    require(actor, Action.FLEET_EDIT)
    letter: Any = rows.get(DeadLetterRow, letter_id, "dead_letter")
    if letter.settled_at is not None:
        raise Conflict("dead_letter.settled", f"dead letter {letter_id} is settled", id=str(letter_id))
    if letter.code == "uplink.conflict":
        raise Conflict(
            "dead_letter.came_anew", "its edge has sent it anew under another epoch", id=str(letter_id)
        )
    if letter.seq is None or letter.edge_id is None:
        _payload(letter, now)
    _settle(actor, letter_id, now)


def _payload(letter: Any, now: datetime) -> None:
    """A whole message in which no event could be named: as if it came now."""
    payload = letter.payload.encode()
    try:
        if letter.source.startswith("in/"):
            ingest.third_party_payload(letter.source.removeprefix("in/"), payload, now=now)
            taken = not _still_there(letter)
        else:
            taken = ingest.accept_payload(letter.source, payload, now=now) is not None
    except AppError as error:
        raise _still_bad(letter.id, error.detail) from error
    if not taken:
        raise _still_bad(letter.id, letter.detail)


def _still_there(letter: Any) -> bool:
    """Whether what was put aside is no message of the contract even now."""
    try:
        ThirdPartyAlarm.model_validate_json(letter.payload)
    except ValidationError:
        return True
    return False


@db.transaction
def _settle(actor: Actor, letter_id: int, now: datetime) -> None:
    letter = rows.lock(DeadLetterRow, letter_id, "dead_letter")  # two people may ask for the same at once
    if letter.settled_at is not None:
        return
    if letter.seq is not None and letter.edge_id is not None:
        _event(letter, now)
    letter.settled_at = now
    letter.save()
    journal.write(
        actor, "dead_letter.replayed", "dead_letter", letter_id, now,
        edge=letter.source, seq=letter.seq, code=letter.code,
    )  # fmt: skip


def _event(letter: Any, now: datetime) -> None:
    event = _read(letter)
    edge = EdgeRow.get_by_id(letter.edge_id)
    _take(edge, event, letter.id, now)
    if not isinstance(event, AlarmRaised):
        return
    later = (
        UplinkEventRow.select()
        .where(UplinkEventRow.edge == edge.id, UplinkEventRow.kind.in_(_ABOUT_A_RAISE))
        .order_by(UplinkEventRow.id)
    )
    for row in later:
        if row.body.get("occurrence") == event.occurrence:
            _take(edge, _EVENT.validate_python(row.body), letter.id, now)


def _read(letter: Any) -> Event:
    """What was put aside: the whole event when it could not be read, its body when it could not be applied."""
    try:
        raw = json.loads(letter.payload)
        if isinstance(raw, dict) and "body" in raw:
            return UplinkEvent.model_validate(raw).body
        return _EVENT.validate_python(raw)
    except ValidationError as error:
        raise _still_bad(letter.id, dead_letters.told(error)) from error
    except ValueError as error:
        raise _still_bad(letter.id, str(error)) from error


def _take(edge: EdgeRow, event: Event, letter_id: int, now: datetime) -> None:
    take = _TAKE.get(type(event))
    if take is None:
        return  # a birth or a void of the past changes nothing now
    try:
        with db.savepoint():
            take(alarm_events.of_edge(edge), event, now=now)
    except db.DatabaseTrouble:
        raise
    except Exception as error:
        raise _still_bad(letter_id, f"{type(error).__name__}: {error}") from error


def _still_bad(letter_id: int, reason: str) -> AppError:
    return AppError(
        "dead_letter.still_bad", f"dead letter {letter_id}: {reason}", id=str(letter_id), reason=reason
    )
