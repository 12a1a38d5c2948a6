"""What the tests of the alarm engine share: readings, and running a rule over a list of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from core.domain import alarms
from core.domain.alarms import AlarmState, Change, Rule
from core.domain.points import Quality, Reading

AT = datetime(2026, 1, 1, tzinfo=UTC)
Step = tuple[float, Reading | None] | tuple[float, Reading | None, str]


def reading(value: float | bool | str | None, quality: Quality = Quality.GOOD) -> Reading:
    """A reading of now."""
    return Reading(value, quality, AT, AT)


BAD = reading(None, Quality.BAD_COMM)


def run(
    rule: Rule, steps: Sequence[Step], state: AlarmState | None = None
) -> tuple[AlarmState, list[Change]]:
    """Step a rule: (seconds, reading[, point]); no reading is a tick."""
    state, all_changes = state or AlarmState(), list[Change]()
    for at_s, what, *point in steps:
        if what is None:
            state, changes = alarms.tick(rule, state, at_s)
        else:
            state, changes = alarms.step(rule, state, what, at_s, *point)
        all_changes += changes
    return state, all_changes


def told(changes: list[Change]) -> list[tuple[str, float]]:
    """Kinds and moments, short: ("Raised", 3.0)."""
    return [(type(change).__name__, change.at_s) for change in changes]
