"""Service levels and working calendars, as the API tells and asks them. Hours are minutes after midnight."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from core.wire.base import Name, Ref, Request, View
from core.wire.tickets import Priority, TicketType

Minute = Annotated[int, Field(ge=0, le=2880)]
Span = tuple[Minute, Minute]
Day = Annotated[
    list[Span], Field(max_length=6, description="[[480, 720], [780, 1050]]: 8 to 12, 13 to 17:30.")
]


class CalendarView(View):
    id: int
    version: int
    name: str
    week: list[list[Span]]
    country: str
    exceptions: dict[date, list[Span]]


class SaveCalendar(Request):
    """Working time: seven days, Monday first; beyond 1440 is the next morning."""

    version: int | None = None
    name: Name
    week: list[Day] = Field(min_length=7, max_length=7)
    country: str = Field(
        "", max_length=10, description="Public holidays and make-up days of (ISO 3166, DE-BY)."
    )
    exceptions: dict[date, Day] = Field(
        default_factory=dict, max_length=400, description="Days of one's own; they count before the holidays."
    )


class CalendarDay(View):
    on: date
    worked: bool
    name: str
    source: Literal["holiday", "own"]


class EscalationLevel(View):
    """So many minutes after the breach, these are told."""

    after_min: int = Field(ge=0, le=100_000)
    roles: list[Literal["supervisor", "dispatcher", "admin", "agent"]] = Field(default_factory=list)
    person_ids: list[int] = Field(default_factory=list, max_length=20)


class _PolicyFields(BaseModel):
    name: Name
    position: int = Field(0, ge=0, le=1000, description="The first policy that fits a ticket counts.")
    types: list[TicketType] = Field(default_factory=list)
    priorities: list[Priority] = Field(default_factory=list)
    categories: list[str] = Field(default_factory=list, max_length=50)
    respond_min: int = Field(ge=1, le=525_600)
    resolve_min: int = Field(ge=1, le=525_600)
    warn_percent: int = Field(75, ge=10, le=99)
    levels: list[EscalationLevel] = Field(default_factory=list, max_length=5)
    remind_min: int = Field(
        0, ge=0, le=10_080, description="Minutes between reminders until it is accepted; 0: none."
    )
    active: bool = True


class PolicyView(View, _PolicyFields):
    id: int
    version: int
    location: Ref | None
    calendar: Ref | None


class SavePolicy(Request, _PolicyFields):
    """Which tickets (empty: all), how long, and on whose working time (no calendar: around the clock)."""

    version: int | None = None
    location_id: int | None = None
    calendar_id: int | None = None
