"""Doors of alarms."""

from __future__ import annotations

from fastapi import APIRouter

from core.hub.auth import SignedIn, clock
from core.services import alarms
from core.wire.tickets import AlarmView

router = APIRouter(prefix="/alarms", tags=["alarms"])


@router.get("")
def list_alarms(actor: SignedIn, active: bool | None = None) -> list[AlarmView]:
    """Alarms, newest raise first, at most 1,000."""
    return alarms.listed(actor, active=active)


@router.get("/{alarm_id}")
def get_alarm(actor: SignedIn, alarm_id: int) -> AlarmView:
    """One alarm."""
    return alarms.view(actor, alarm_id)


@router.post("/{alarm_id}/ack")
def acknowledge(actor: SignedIn, alarm_id: int) -> AlarmView:
    """Take note of an alarm; it does not assign anything."""
    return alarms.ack(actor, alarm_id, now=clock())
