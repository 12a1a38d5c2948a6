"""Builds what an edge would send."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.wire.uplink import (
    AlarmCleared,
    AlarmRaised,
    Born,
    ChartFrozen,
    Event,
    UplinkBatch,
    UplinkEvent,
    Voided,
)

EPOCH = "0" * 31 + "1"
OTHER_EPOCH = "0" * 31 + "2"


def raised(
    occurrence: str, at: datetime, *, rule: str = "temp-high", asset: str = "A-00001", **more: object
) -> AlarmRaised:
    """A raise."""
    values: dict[str, object] = {
        "occurrence": f"occurrence-{occurrence}",
        "rule": rule,
        "rule_name": "轴承温度高",
        "asset": asset,
        "severity": "major",
        "value": 92.5,
        "limit": 85.0,
        "unit": "℃",
        "raised_at": at,
        **more,
    }
    return AlarmRaised.model_validate(values)


def cleared(
    occurrence: str, at: datetime, *, rule: str = "temp-high", asset: str = "A-00001"
) -> AlarmCleared:
    """The end of that raise."""
    return AlarmCleared(
        occurrence=f"occurrence-{occurrence}", rule=rule, asset=asset, value=70.0, cleared_at=at
    )


def chart(occurrence: str, at: datetime, *, complete: bool = True, n: int = 3) -> ChartFrozen:
    """Its chart."""
    return ChartFrozen(
        occurrence=f"occurrence-{occurrence}",
        rule="temp-high",
        point="p1",
        point_name="轴承温度",
        unit="℃",
        raised_at=at,
        limit=85.0,
        offsets_ms=[1000 * (i - n // 2) for i in range(n)],
        values=[80.0 + i for i in range(n - 1)] + [None],
        complete=complete,
    )


def born(*active: str) -> Born:
    """The first event of an epoch."""
    return Born(active=[f"occurrence-{one}" for one in active])


def voided(reason: str = "disk pressure") -> Voided:
    """An event that is lost."""
    return Voided(reason=reason)


def batch(
    *events: tuple[int, Event], at: datetime, edge: str = "edge-1", epoch: str = EPOCH, late_s: float = 0
) -> UplinkBatch:
    """Events under their seqs, sent at `at`."""
    return UplinkBatch(
        edge=edge,
        epoch=epoch,
        sent_at=at + timedelta(seconds=late_s),
        events=[UplinkEvent(seq=seq, at=at, body=body) for seq, body in events],
    )
