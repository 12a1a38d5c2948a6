"""Doors of maintenance plans."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from core.domain.people import Action, require
from core.hub.auth import SignedIn, clock
from core.services import plans
from core.wire.base import View
from core.wire.plans import Due, PlanView, SavePlan

router = APIRouter(prefix="/plans", tags=["plans"])


class Created(View):
    """Ids of the tickets made."""

    created: list[int]


@router.get("")
def list_plans(actor: SignedIn) -> list[PlanView]:
    """All plans with their next due date."""
    return plans.listed(actor, now=clock())


@router.post("", status_code=201)
def create_plan(actor: SignedIn, body: SavePlan) -> PlanView:
    """A new plan for one or more assets."""
    return plans.create(actor, body, now=clock())


@router.get("/due")
def list_due(actor: SignedIn, days: Annotated[int, Query(ge=0, le=3660)] = 30) -> list[Due]:
    """What is due in the coming days, or overdue."""
    return plans.due(actor, days=days, now=clock())


@router.post("/run")
def run(actor: SignedIn) -> Created:
    """Make the tickets that are due now; the hub does it by itself as well, and twice is harmless."""
    require(actor, Action.PLAN_EDIT)
    return Created(created=plans.create_due(now=clock()))


@router.get("/{plan_id}")
def get_plan(actor: SignedIn, plan_id: int) -> PlanView:
    """One plan."""
    return plans.view(actor, plan_id, now=clock())


@router.put("/{plan_id}")
def save_plan(actor: SignedIn, plan_id: int, body: SavePlan) -> PlanView:
    """Change a plan."""
    return plans.save(actor, plan_id, body, now=clock())
