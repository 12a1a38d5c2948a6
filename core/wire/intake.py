"""What the hub reads out of a report, as the API tells and asks it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.wire.base import Request, View
from core.wire.tickets import Duplicate


class ReadReport(Request):
    text: str = Field(max_length=20_000)
    asset_id: int | None = Field(None, description="When the machine is known already.")


class Spotted(View):
    """`text` (from `start` to `end`) names an asset (`value` is its id), a telephone number or an address."""

    what: Literal["asset", "serial", "phone", "email"]
    value: str
    text: str
    start: int
    end: int
    name: str = ""


class Proposal(View):
    value: str
    confidence: float = Field(description="0 to 1.")
    because: list[str] = Field(description="Words that spoke for it most.")


class Reading(View):
    """Proposals only: nothing of it has been done."""

    spotted: list[Spotted]
    type: Proposal | None
    priority: Proposal | None
    failure_mode: Proposal | None
    duplicates: list[Duplicate]
    learned_from: int = Field(description="Tickets of the plant's own past.")
