"""Doors of alarms."""

from __future__ import annotations

from fastapi import APIRouter

from core.hub.auth import SignedIn, clock
from core.services import alarms
from core.wire.alarms import ShelveAlarm, TakeOutOfService
from core.wire.tickets import AlarmView

router = APIRouter(tags=["alarms"])


@router.get("/alarms")
def list_alarms(actor: SignedIn, active: bool | None = None) -> list[AlarmView]:
    """Alarms, newest raise first, at most 1,000. Active ones include those that are shelved or out of service."""
    return alarms.listed(actor, active=active)


@router.get("/alarms/{alarm_id}")
def get_alarm(actor: SignedIn, alarm_id: int) -> AlarmView:
    """One alarm."""
    return alarms.view(actor, alarm_id)


@router.post("/alarms/{alarm_id}/ack")
def acknowledge(actor: SignedIn, alarm_id: int) -> AlarmView:
    """Take note of an alarm; it does not assign anything."""
    return alarms.ack(actor, alarm_id, now=clock())


@router.post("/alarms/{alarm_id}/shelve")
def shelve(actor: SignedIn, alarm_id: int, body: ShelveAlarm) -> AlarmView:
    """Keep an alarm quiet for a time; its edge brings it back by itself."""
    return alarms.shelve(actor, alarms.of_alarm(actor, alarm_id), body, now=clock())


@router.post("/alarms/{alarm_id}/unshelve")
def unshelve(actor: SignedIn, alarm_id: int) -> AlarmView:
    """End a shelving before its time."""
    return alarms.unshelve(actor, alarms.of_alarm(actor, alarm_id), now=clock())


@router.post("/alarms/{alarm_id}/out-of-service")
def take_out_of_service(actor: SignedIn, alarm_id: int, body: TakeOutOfService) -> AlarmView:
    """Keep an alarm quiet until somebody puts it back."""
    return alarms.out_of_service(actor, alarms.of_alarm(actor, alarm_id), body, now=clock())


@router.post("/alarms/{alarm_id}/in-service")
def put_in_service(actor: SignedIn, alarm_id: int) -> AlarmView:
    """Put an alarm back in service."""
    return alarms.in_service(actor, alarms.of_alarm(actor, alarm_id), now=clock())


@router.post("/alarms/{alarm_id}/reset")
def reset(actor: SignedIn, alarm_id: int) -> AlarmView:
    """Let a latching alarm go whose condition is over."""
    return alarms.reset(actor, alarm_id, now=clock())


@router.post("/rules/{rule_id}/shelve")
def shelve_rule(actor: SignedIn, rule_id: int, body: ShelveAlarm) -> AlarmView:
    """The same for a rule, which may never have raised."""
    return alarms.shelve(actor, alarms.of_rule(actor, rule_id), body, now=clock())


@router.post("/rules/{rule_id}/unshelve")
def unshelve_rule(actor: SignedIn, rule_id: int) -> AlarmView:
    """End a shelving of a rule before its time."""
    return alarms.unshelve(actor, alarms.of_rule(actor, rule_id), now=clock())


@router.post("/rules/{rule_id}/out-of-service")
def take_rule_out_of_service(actor: SignedIn, rule_id: int, body: TakeOutOfService) -> AlarmView:
    """Keep a rule quiet until somebody puts it back."""
    return alarms.out_of_service(actor, alarms.of_rule(actor, rule_id), body, now=clock())


@router.post("/rules/{rule_id}/in-service")
def put_rule_in_service(actor: SignedIn, rule_id: int) -> AlarmView:
    """Put a rule back in service."""
    return alarms.in_service(actor, alarms.of_rule(actor, rule_id), now=clock())
