"""Tickets and alarms, as the API tells and asks them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from core.wire.assets import FileView
from core.wire.base import Moment, Ref, Request, Title, Trimmed, View

TicketType = Literal["fault", "request", "inspection", "maintenance", "complaint", "improvement"]
TicketSource = Literal["alarm", "qr", "phone", "web", "email", "api", "plan", "console"]
TicketState = Literal[
    "new", "assigned", "in_progress", "on_hold", "resolved", "follow_up", "closed", "cancelled", "merged"
]
HoldReason = Literal["waiting_parts", "waiting_stop", "waiting_vendor", "waiting_reporter"]
Priority = Annotated[int, Field(ge=1, le=4, description="1 highest … 4 lowest.")]
Severity = Literal["critical", "major", "minor", "info"]
Qty = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=3)]


class Step(View):
    """One step of a procedure; `answer` is None until done. Numbers have limits and a unit."""

    key: str
    kind: Literal["tick", "number", "choice", "text", "photo", "signature", "scan"]
    title: str
    required: bool = True
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: list[str] = Field(default_factory=list)
    answer: bool | float | str | None = None
    answered_at: datetime | None = None
    answered_by: str = ""


class TicketRowView(View):
    """A ticket as a line of a table."""

    id: int
    number: str
    type: TicketType
    source: TicketSource
    state: TicketState
    hold_reason: HoldReason | Literal[""]
    priority: int
    title: str
    asset: Ref | None
    location_path: str = ""
    team: Ref | None
    assignee: Ref | None
    reporter_name: str
    reporter_id: int | None = Field(None, description="When the reporter is a person of the plant.")
    verified: bool
    reported_at: datetime
    respond_due_at: datetime | None
    resolve_due_at: datetime | None
    responded: bool
    resolved_at: datetime | None
    occurrences: int
    alarm_active: bool
    updated_at: datetime


class AllowedMove(View):
    """A transition open to this person now. `needs`: what must be given with it."""

    move: str = Field(
        description="accept, start, hold, resume, resolve, close, reopen, decline, cancel, grab …"
    )
    to: TicketState
    needs: list[str] = Field(
        default_factory=list, description="reason, hold_reason, resolution, failure_mode …"
    )
    blocked: list[str] = Field(default_factory=list, description="Codes of guards that do not hold yet.")


class ChartView(View):
    """A black-box chart; times in milliseconds from `raised_at`."""

    occurrence: str
    rule_name: str
    point_name: str
    unit: str
    raised_at: datetime
    cleared_at: datetime | None
    limit: float | None
    first_out: bool
    complete: bool
    offsets_ms: list[int]
    values: list[float | None]


class TimelineEntry(View):
    """One journal row of a ticket."""

    id: int
    at: datetime
    actor: str
    actor_name: str
    verb: str
    data: dict[str, Any]


class TicketPart(View):
    """A part on a ticket; quantities as decimals."""

    reservation_id: int
    part: Ref
    unit: str
    bin: str
    wanted: Decimal
    issued: Decimal
    on_hand: Decimal
    short: Decimal
    open: bool


class CostLine(View):
    kind: Literal["labour", "part", "vendor", "other"]
    name: str
    qty: Decimal
    unit: str
    rate_minor: int
    cost_minor: int


class CostView(View):
    """Money is integer minor units. `frozen`: completed, with the rates of that time."""

    currency: str
    total_minor: int
    lines: list[CostLine]
    downtime_min: int
    downtime_loss_minor: int
    frozen: bool


class TicketView(TicketRowView):
    """A ticket whole."""

    version: int
    description: str
    priority_reason: str
    reporter_contact: str
    dispatch_why: dict[str, Any] | None
    failure_mode: str
    failure_cause: str
    failure_remedy: str
    resolution: str
    procedure: list[Step]
    parent: Ref | None
    merged_into: Ref | None = None
    recurrence_of: Ref | None
    plan: Ref | None
    plan_due_on: date | None
    failed_at: datetime | None
    assigned_at: datetime | None
    acknowledged_at: datetime | None
    started_at: datetime | None
    closed_at: datetime | None
    restored_at: datetime | None
    paused_s: int
    reopen_count: int
    urge_count: int
    rating: int | None
    rating_comment: str
    moves: list[AllowedMove]
    parts: list[TicketPart]
    files: list[FileView]
    cost: CostView | None = Field(description="None when the reader may not see money.")
    charts: int = Field(description="How many charts there are.")
    has_form: bool = Field(
        False, description="Whether it has a template; GET /tickets/{id}/form tells its fields."
    )


class CreateTicket(Request):
    """A new ticket. The same `request_id` again returns the first one."""

    type: TicketType = "fault"
    source: TicketSource = "api"
    title: Title
    description: Trimmed = Field("", max_length=8000)
    asset_id: int | None = None
    priority: Priority | None = None
    reporter_name: Trimmed = Field("", max_length=100)
    reporter_contact: Trimmed = Field("", max_length=100)
    failed_at: Moment | None = None
    request_id: str | None = Field(None, min_length=8, max_length=64)
    procedure: list[Step] = Field(default_factory=list, max_length=200)
    template_id: int | None = Field(None, description="Its type and procedure count then.")
    values: dict[str, Any] = Field(default_factory=dict, max_length=60, description="The template's fields.")


class EditTicket(Request):
    """Only the fields given are changed."""

    version: int
    title: Title | None = None
    description: Trimmed | None = Field(None, max_length=8000)
    type: TicketType | None = None
    asset_id: int | None = None
    priority: Priority | None = None
    priority_reason: Trimmed | None = Field(None, max_length=200)
    failure_mode: str | None = Field(None, max_length=20)
    failure_cause: str | None = Field(None, max_length=20)
    failure_remedy: str | None = Field(None, max_length=20)
    resolution: Trimmed | None = Field(None, max_length=8000)
    other_cost_minor: int | None = Field(None, ge=0)
    reporter_name: Trimmed | None = Field(None, max_length=100)
    reporter_contact: Trimmed | None = Field(None, max_length=100)


class MoveTicket(Request):
    """Take one transition of the lifecycle."""

    move: str = Field(max_length=40)
    version: int | None = Field(None, description="Refused when the ticket has changed since.")
    reason: Trimmed = Field("", max_length=500)
    hold_reason: HoldReason | None = None
    resolution: Trimmed | None = Field(None, max_length=8000)
    failure_mode: str | None = Field(None, max_length=20)
    failure_cause: str | None = Field(None, max_length=20)
    failure_remedy: str | None = Field(None, max_length=20)
    labour_min: int | None = Field(None, ge=0, le=100_000)
    values: dict[str, Any] = Field(default_factory=dict, max_length=60, description="The template's fields.")
    override: bool = Field(False, description="Pass guards that do not hold; needs the right and a reason.")


class MergeTicket(Request):
    """Into which open ticket, and why."""

    into_id: int
    reason: Trimmed = Field("", max_length=500)


class SplitTicket(Request):
    """A second ticket of a part of one; `file_ids` are attachments that go with it."""

    title: Title
    description: Trimmed = Field("", max_length=8000)
    type: TicketType | None = None
    asset_id: int | None = Field(None, description="The same when left out.")
    file_ids: list[int] = Field(default_factory=list, max_length=50)


class Duplicate(View):
    """An open ticket that may be about the same."""

    id: int
    number: str
    title: str
    state: TicketState
    reported_at: datetime
    same_asset: bool
    likeness: float = Field(description="0 to 1.")


class AssignTicket(Request):
    """Give to a person, or to a team (then anyone of it may grab it). Neither: dispatch by rule."""

    person_id: int | None = None
    team_id: int | None = None
    reason: Trimmed = Field("", max_length=500)


class Candidate(View):
    """One person for one ticket, with why (not)."""

    person: Ref
    on_shift: bool
    open_tickets: int
    score: float
    why: dict[str, Any]
    fits: bool


class AddNote(Request):
    text: Annotated[str, Field(min_length=1, max_length=4000)]
    internal: bool = True


class AnswerStep(Request):
    """None takes the answer back."""

    answer: bool | float | str | None


class AddLabour(Request):
    person_id: int | None = Field(None, description="Oneself when left out.")
    minutes: int = Field(ge=1, le=100_000)
    note: Trimmed = Field("", max_length=200)


class UseParts(Request):
    """Reserve, issue or give back parts for a ticket."""

    do: Literal["reserve", "issue", "return", "release"]
    part_id: int
    qty: Qty
    note: Trimmed = Field("", max_length=200)


class RateTicket(Request):
    rating: int = Field(ge=1, le=5)
    comment: Trimmed = Field("", max_length=2000)


TicketSort = Literal[
    "number", "-number", "priority", "-priority", "reported_at", "-reported_at", "resolve_due_at",
    "-resolve_due_at", "state", "-state", "title", "-title", "asset", "-asset", "assignee", "-assignee",
]  # fmt: skip


class TicketFilter(View):
    """Which tickets, in which order; what is left out does not matter."""

    state: list[TicketState] = Field(default_factory=list)
    type: list[TicketType] = Field(default_factory=list)
    priority: list[Priority] = Field(default_factory=list)
    asset_id: int | None = None
    assignee_id: int | None = None
    team_id: int | None = None
    open: bool | None = Field(None, description="Somebody still has work with it.")
    mine: bool = Field(False, description="Given to me, or reported by me.")
    overdue: bool = Field(
        False, description="Open, past its resolve time and not on a hold that stops the clock."
    )
    q: Trimmed = Field("", max_length=200, description="In number, title, asset's number or name.")
    sort: TicketSort = "-reported_at"


class AlarmView(View):
    id: int
    title: str
    severity: Severity
    state: str
    active: bool
    asset: Ref | None
    asset_number: str
    edge: Ref | None
    value: float | bool | str | None
    limit: float | None
    unit: str
    raised_at: datetime | None
    cleared_at: datetime | None
    acked_at: datetime | None
    acked_by: str
    count: int
    first_out: bool
    ticket: Ref | None
    service: str = "in_service"
    service_why: str = ""
    service_by: str = ""
    service_reason: str = ""
    service_until: datetime | None = None
    children: list[str] = Field(
        default_factory=list, description="Devices this communication alarm speaks for."
    )
    children_count: int = 0
