"""The journal and its live feed, as the API tells them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.wire.base import View


class JournalEntry(View):
    """One change. `id` is the cursor: ask for what is `after` the last one seen."""

    id: int
    at: datetime
    actor: str
    actor_name: str
    verb: str
    subject: str
    subject_id: int | None
    ticket_id: int | None
    data: dict[str, Any]


class Dashboard(View):
    """Figures of the console's first page."""

    open_tickets: int
    unassigned: int
    overdue: int
    in_progress: int
    active_alarms: int
    unacked_alarms: int
    edges_offline: int
    parts_low: int
    plans_due: int
    by_state: dict[str, int]
    raised_by_hour: list[int]
