"""Dispatch rules, weights and certificates, as the API tells and asks them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from core.wire.base import Name, Ref, Request, View
from core.wire.tickets import Priority, TicketType


class _RuleFields(BaseModel):
    name: Name
    position: int = Field(0, ge=0, le=1000, description="The first rule that fits a ticket counts.")
    types: list[TicketType] = Field(default_factory=list)
    priorities: list[Priority] = Field(default_factory=list)
    categories: list[str] = Field(default_factory=list, max_length=50)
    mode: Literal["score", "grab", "person"] = Field(
        "score",
        description="score: the best of the team; grab: whoever of the team takes it; person: always the same.",
    )
    skills: list[str] = Field(default_factory=list, max_length=20)
    certificates: list[str] = Field(default_factory=list, max_length=20)
    active: bool = True


class DispatchRuleView(View, _RuleFields):
    id: int
    version: int
    location: Ref | None
    team: Ref | None
    person: Ref | None


class SaveDispatchRule(Request, _RuleFields):
    """Which tickets (empty: all) go to whom; without a team to that of the asset."""

    version: int | None = None
    location_id: int | None = None
    team_id: int | None = None
    person_id: int | None = None


class DispatchSettings(View):
    """What each part of a person's score is worth, and how many grabbed tickets one may hold at once."""

    load: float = 60.0
    distance: float = 10.0
    knows: float = 15.0
    fairness: float = 15.0
    grab_most: int = 5


class SaveDispatchSettings(Request):
    load: float = Field(ge=0, le=100)
    distance: float = Field(ge=0, le=100)
    knows: float = Field(ge=0, le=100)
    fairness: float = Field(ge=0, le=100)
    grab_most: int = Field(ge=1, le=100)


class Certificate(View):
    name: Name
    number: str = Field("", max_length=100)
    expires_on: date | None = Field(None, description="Its last day; none: for ever.")
    valid: bool = True


class SaveCertificates(Request):
    """All certificates of a person."""

    certificates: list[Certificate] = Field(max_length=50)
