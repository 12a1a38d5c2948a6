"""What a ticket's parts mean: numbers, priority, steps of a procedure, which alarm belongs to which ticket."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import AppError

MOST_KEY = 120
# A raise this soon after the ticket was resolved means that the repair did not hold.
RECURRENCE_WINDOW = timedelta(hours=24)
# After a closed ticket a new one within this time is linked to it.
RECURRENCE_LINK = timedelta(days=30)
# A ticket that waits for nothing but a confirmation closes by itself.
CLOSE_AFTER_RESOLVED = timedelta(days=3)
CLOSE_AFTER_FOLLOW_UP = timedelta(days=7)

# Severity x criticality of the asset → priority, 1 the highest.
_MATRIX: Mapping[str, Mapping[str, int]] = {
    "critical": {"A": 1, "B": 1, "C": 2},
    "major": {"A": 2, "B": 2, "C": 3},
    "minor": {"A": 3, "B": 3, "C": 4},
    "info": {"A": 4, "B": 4, "C": 4},
}


def number_of(counter: int, year: int) -> str:
    """`T-2026-000123`."""
    return f"T-{year}-{counter:06d}"


def year_of(now: datetime, zone: ZoneInfo) -> int:
    """The year in the plant when a ticket is made."""
    return now.astimezone(zone).year


def priority_of(severity: str, criticality: str) -> int:
    """What an alarm of this severity on an asset of this criticality deserves."""
    return _MATRIX[severity].get(criticality, 3)


def default_priority(type_: str, criticality: str) -> int:
    """What a ticket that nobody ranked deserves."""
    if type_ == "fault":
        return 2 if criticality == "A" else 3
    return 4 if type_ == "improvement" else 3


def key_of(*parts: str) -> str:
    """One text for several that fits the column; long ones are hashed, so that none is taken for another."""
    whole = "|".join(parts)
    if len(whole) <= MOST_KEY:
        return whole
    return whole[: MOST_KEY - 41] + "#" + hashlib.sha256(whole.encode()).hexdigest()[:40]


def steps_open(procedure: Iterable[Mapping[str, Any]]) -> int:
    """How many required steps have no answer yet; an unticked tick is none."""
    return sum(
        1 for step in procedure if step.get("required", True) and step.get("answer") in (None, "", False)
    )


def answer_step(
    procedure: Iterable[Mapping[str, Any]],
    key: str,
    answer: bool | float | str | None,
    now: datetime,
    by: str,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The procedure with one answer given (None: taken back), and that step.

    Raises AppError `ticket.no_step`, `ticket.bad_answer`.
    """
    steps = [dict(step) for step in procedure]
    for step in steps:
        if step["key"] != key:
            continue
        if answer is not None and not _fits(step, answer):
            raise AppError(
                "ticket.bad_answer",
                f"{answer!r} is no answer to a step of kind {step['kind']}",
                fields={"answer": str(step["kind"])},
                step=step["title"],
                answer=answer,
            )
        step["answer"] = answer
        step["answered_at"] = None if answer is None else now.isoformat()
        step["answered_by"] = "" if answer is None else by
        return steps, step
    raise AppError("ticket.no_step", f"no step {key!r}", fields={"key": "unknown"}, step=key)


def _fits(step: Mapping[str, Any], answer: bool | float | str) -> bool:
    kind = step["kind"]
    if kind == "tick":
        return isinstance(answer, bool)
    if kind == "number":
        return isinstance(answer, int | float) and not isinstance(answer, bool)
    if kind == "choice":
        return answer in step.get("choices", [])
    return isinstance(answer, str) and bool(answer.strip())


def outside_limits(step: Mapping[str, Any]) -> bool:
    """Whether a number answered is beyond the step's limits."""
    answer, low, high = step.get("answer"), step.get("low"), step.get("high")
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return False
    return (low is not None and answer < low) or (high is not None and answer > high)
