"""Ticket templates and approvals, as the API tells and asks them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from core.wire.base import Request, View
from core.wire.tickets import Step, TicketType

Words = Annotated[
    dict[Literal["zh_CN", "en"], Annotated[str, StringConstraints(max_length=200)]],
    Field(description="By language; where one is missing the other is shown."),
]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
FieldKind = Literal[
    "text", "number", "tick", "choice", "multi", "date", "person", "asset", "part", "photo", "file", "signature"
]  # fmt: skip


class FieldWhen(View):
    """A condition on an earlier field."""

    field: Key
    op: Literal["equals", "differs", "contains", "above", "below", "filled"]
    value: Any = None


class FieldOption(View):
    key: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    name: Words


class TemplateField(View):
    """One field of a form; `asked` with the report, or before the ticket is resolved."""

    key: Key
    kind: FieldKind
    name: Words
    asked: Literal["report", "resolve"] = "report"
    help: Words | None = None
    required: bool = False
    required_if: FieldWhen | None = None
    shown_if: FieldWhen | None = None
    default: Any = None
    options: list[FieldOption] = Field(default_factory=list, max_length=100)
    unit: str = Field("", max_length=20)
    low: float | None = None
    high: float | None = None
    longest: int = Field(2000, ge=1, le=8000)


class ApprovalLevel(View):
    """Who must agree before the work is given out; one of them is enough. Levels are asked in order."""

    name: Words
    roles: list[Literal["supervisor", "dispatcher", "admin", "agent"]] = Field(default_factory=list)
    person_ids: list[int] = Field(default_factory=list, max_length=20)


class TemplateBody(BaseModel):
    """What tickets made by it keep, also when the template is changed later."""

    fields: list[TemplateField] = Field(default_factory=list, max_length=60)
    procedure: list[Step] = Field(default_factory=list, max_length=200)
    approvals: list[ApprovalLevel] = Field(default_factory=list, max_length=5)
    follow_up: bool = Field(True, description="Whether the reporter is asked in the end.")
    phone: bool = Field(False, description="Whether people choose it when they report by a label.")


class TemplateView(View, TemplateBody):
    id: int
    version: int
    revision_id: int
    revision: int
    key: str
    name: Words
    type: TicketType
    icon: str
    position: int
    active: bool


class SaveTemplate(Request, TemplateBody):
    """Create (without `version`) or change; a changed form becomes a new revision, open tickets keep theirs."""

    version: int | None = None
    key: Key
    name: Words
    type: TicketType
    icon: str = Field("", max_length=40)
    position: int = Field(0, ge=0, le=1000)
    active: bool = True


class ApprovalView(View):
    """One level of a ticket's approval chain. `mine`: the reader may decide it now."""

    level: int
    name: Words
    granted: bool | None
    decided_by: str
    decided_at: datetime | None
    comment: str
    mine: bool


class Decide(Request):
    granted: bool
    comment: str = Field("", max_length=500)


class TicketForm(View):
    """What a ticket's template asks for, and what has been filled in."""

    template: str
    name: Words
    fields: list[TemplateField]
    values: dict[str, Any]
    missing: list[str] = Field(description="Fields that stand between the ticket and its resolution.")
    approvals: list[ApprovalView]


class FillForm(Request):
    """Values by field key; what is left out stays, None empties a field."""

    version: int
    values: dict[str, Any]
