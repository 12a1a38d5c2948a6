"""What people do to alarms besides acknowledging them: shelve, take out of service, reset."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from core.wire.base import Request, trim

Why = Annotated[str, BeforeValidator(trim), StringConstraints(min_length=2, max_length=200)]


class ShelveAlarm(Request):
    """Keep an alarm quiet for a time; the edge counts down and brings it back by itself."""

    minutes: int = Field(60, ge=1, le=43_200)
    once: bool = Field(False, description="Until the condition has ended, at most `minutes`.")
    reason: Why


class TakeOutOfService(Request):
    """Keep an alarm quiet until somebody puts it back: planned work, a sensor taken out."""

    reason: Why
