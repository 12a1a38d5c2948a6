"""Alarms of programs without our agent: the same rules, with keys of their own making."""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError

from core.domain.people import Actor
from core.services import alarm_events, dead_letters
from core.storage import db
from core.wire.uplink import AlarmRaised, ThirdPartyAlarm


@db.transaction
def third_party(actor: Actor, source: str, alarm: ThirdPartyAlarm, *, now: datetime) -> str | None:
    """An alarm of a program without our agent; the number of its ticket. The same `id` again is harmless."""
    from_them = alarm_events.Source(actor, f"in:{source[:40]}")
    at = alarm.at if alarm.at is not None and alarm.at.tzinfo is not None else now
    if not alarm.active:
        alarm_events.cleared_all(from_them, alarm.key, alarm.asset, at, now=now)
        return None
    event = AlarmRaised(
        occurrence=dead_letters.short(f"{source}|{alarm.id}"),
        rule=dead_letters.short(alarm.key) if len(alarm.key) > 40 else alarm.key,
        rule_name=alarm.title,
        asset=alarm.asset,
        severity=alarm.severity,
        raised_at=at,
    )
    ticket = alarm_events.raised(from_them, event, now=now)
    return None if ticket is None else ticket.number


def third_party_payload(source: str, payload: bytes, *, now: datetime) -> None:
    """The same for bytes from a broker, where the source's login has been checked."""
    try:
        alarm = ThirdPartyAlarm.model_validate_json(payload)
    except ValidationError as error:
        dead_letters.keep(f"in/{source}", "uplink.schema", dead_letters.told(error), payload, now=now)
        return
    third_party(Actor("system", name=source[:100]), source, alarm, now=now)
