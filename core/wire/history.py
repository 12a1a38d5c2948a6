"""What points did in the past, and what a rule would have made of it."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from core.wire.base import Moment, Request, View
from core.wire.fleet import SaveRule


class HistorySample(View):
    """A stretch of one point: last, lowest, highest and mean of its good readings; None when there were none."""

    at: datetime = Field(description="Its end.")
    last: float | bool | str | None
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    n: int = 0


class PointHistory(View):
    point_id: int
    name: str
    unit: str
    samples: list[HistorySample]
    oldest_at: datetime | None = Field(None, description="From when on anything is kept.")


class TryRule(Request):
    """Run a rule that need not be saved over what its points did; `compare_with` is a saved rule beside it."""

    rule: SaveRule
    from_at: Moment
    to_at: Moment
    compare_with: int | None = None


class TrialRaise(View):
    """One raise that would have been."""

    raised_at: datetime
    cleared_at: datetime | None
    value: float | bool | str | None


class Trial(View):
    """What one rule would have done. Chatter: raises that came ≥ 3 a minute; flood: share of 10-minute windows
    with more than 10 raises (ISA-18.2)."""

    raises: list[TrialRaise]
    count: int
    chattering: int
    flood_share: float
    active_s: float


class TrialResult(View):
    tried: Trial
    compared: Trial | None = None
    samples: int
    resolution_s: float = Field(description="Median distance of the samples the rule was run over.")
    history: PointHistory
