"""Preventive-maintenance plans, as the API tells and asks them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import Field

from core.wire.base import Ref, Request, Title, Trimmed, View
from core.wire.tickets import Priority, Qty, Step


class KitLine(View):
    part_id: int
    qty: Qty
    name: str = ""
    unit: str = ""
    available: Decimal | None = None


class Due(View):
    """One coming or open occurrence of a plan on an asset."""

    plan: Ref
    asset: Ref
    due_on: date
    ticket: Ref | None = None
    overdue: bool = False


class PlanView(View):
    id: int
    version: int
    name: str
    every: int
    period: Literal["day", "week", "month", "year"]
    start_on: date
    mode: Literal["fixed", "floating"]
    lead_days: int
    grace_days: int
    skip_if_open: bool
    priority: int
    team: Ref | None
    description: str
    procedure: list[Step]
    kit: list[KitLine]
    estimated_min: int
    active: bool
    assets: list[Ref]
    next_due_on: date | None
    last_done_on: date | None


class SavePlan(Request):
    """Fixed: next from the planned date; floating: next from the completion."""

    version: int | None = None
    name: Title
    every: int = Field(ge=1, le=1000)
    period: Literal["day", "week", "month", "year"]
    start_on: date
    mode: Literal["fixed", "floating"] = "fixed"
    lead_days: int = Field(0, ge=0, le=365)
    grace_days: int = Field(0, ge=0, le=365)
    skip_if_open: bool = True
    priority: Priority = 3
    team_id: int | None = None
    description: Trimmed = Field("", max_length=4000)
    procedure: list[Step] = Field(default_factory=list, max_length=200)
    kit: list[KitLine] = Field(default_factory=list, max_length=100)
    estimated_min: int = Field(0, ge=0, le=100_000)
    active: bool = True
    asset_ids: list[int] = Field(min_length=1, max_length=1000)
