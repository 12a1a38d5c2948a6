"""Doors of working calendars and service-level policies."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from core.hub.auth import SignedIn, clock
from core.services import sla_policies
from core.wire.sla import CalendarDay, CalendarView, PolicyView, SaveCalendar, SavePolicy

router = APIRouter(tags=["service levels"])


@router.get("/calendars")
def list_calendars(actor: SignedIn) -> list[CalendarView]:
    """Working calendars by name."""
    return sla_policies.calendars(actor)


@router.post("/calendars", status_code=201)
def create_calendar(actor: SignedIn, body: SaveCalendar) -> CalendarView:
    """A new working calendar."""
    return sla_policies.save_calendar(actor, None, body, now=clock())


@router.put("/calendars/{calendar_id}")
def save_calendar(actor: SignedIn, calendar_id: int, body: SaveCalendar) -> CalendarView:
    """Change a calendar; what is due on open tickets moves with it."""
    return sla_policies.save_calendar(actor, calendar_id, body, now=clock())


@router.get("/calendars/{calendar_id}/days")
def list_days(
    actor: SignedIn, calendar_id: int, year: Annotated[int, Query(ge=2000, le=2100)]
) -> list[CalendarDay]:
    """Holidays, make-up days and own exceptions of a year."""
    return sla_policies.days(actor, calendar_id, year)


@router.get("/sla-policies")
def list_policies(actor: SignedIn) -> list[PolicyView]:
    """Policies in the order in which they are looked at."""
    return sla_policies.policies(actor)


@router.post("/sla-policies", status_code=201)
def create_policy(actor: SignedIn, body: SavePolicy) -> PolicyView:
    """A new policy."""
    return sla_policies.save_policy(actor, None, body, now=clock())


@router.put("/sla-policies/{policy_id}")
def save_policy(actor: SignedIn, policy_id: int, body: SavePolicy) -> PolicyView:
    """Change a policy; what is due on open tickets moves with it."""
    return sla_policies.save_policy(actor, policy_id, body, now=clock())
