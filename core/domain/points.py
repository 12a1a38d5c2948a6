"""What a reading is: value, quality, times. Knows nothing of registers, topics or transports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Quality(StrEnum):
    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD_COMM = "bad_comm"
    BAD_STALE = "bad_stale"
    BAD_CONFIG = "bad_config"


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one point; `source_at`: when the device had it, `received_at`: when the edge got it (aware UTC)."""

    value: float | bool | str | None
    quality: Quality
    source_at: datetime
    received_at: datetime
    reason: str = ""

    @property
    def good(self) -> bool:
        """Only good readings may raise or clear a process alarm."""
        return self.quality is Quality.GOOD
