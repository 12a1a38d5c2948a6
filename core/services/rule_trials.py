"""Rules tried over what their points did: nothing is saved, and the engine is the edge's own.

As fine as samples are kept; the black-box charts of real alarms, at the edge's resolution, take their place where
there are some. Within a sample only its extremes are known: they count for rules without on-delay alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from core.domain import trials
from core.domain.people import Action, Actor, require
from core.domain.points import Quality, Reading
from core.services import device_checks, history, rows, settings
from core.storage import db
from core.storage.samples import Sample
from core.storage.tables import AlarmRow, OccurrenceRow, PointRow, RuleRow
from core.wire.edge_config import RuleConfig, RuleLogic
from core.wire.fleet import SaveRule
from core.wire.history import Trial, TrialRaise, TrialResult, TryRule
from core.wire.rule_logic import domain_rule

MOST_RAISES = 1000  # told one by one; all are counted
_RULE = set(RuleLogic.model_fields)
_TRIED, _COMPARED = "tried", "compared"
# What a passing extreme can bring about; other conditions look at the way between readings.
_OF_A_MOMENT = frozenset({"high_high", "high", "low", "low_low", "outside", "inside"})


def try_rule(actor: Actor, point_id: int, wanted: TryRule) -> TrialResult:
    """What `wanted.rule` would have raised, and a saved one beside it. AppError `rule.*`, `history.span`."""
    require(actor, Action.FLEET_READ)
    history.check_span(wanted.from_at, wanted.to_at)
    rules, charts = _prepared(point_id, wanted)
    watched = [trials.Watched(point, domain_rule(config)) for point, config in rules]
    own = str(point_id)
    found: dict[str, list[Sample]] = {}
    for name in dict.fromkeys([own, *(name for one in watched for name in (one.point, *one.rule.points))]):
        found[name] = _with_charts(_samples(name, wanted), charts.get(name, []))
    outcome = {
        one.rule.id: _outcome(one, config, found, wanted)
        for one, (_point, config) in zip(watched, rules, strict=True)
    }
    mine = found[own]
    steps = [after.at_ms - before.at_ms for before, after in pairwise(mine)]
    return TrialResult(
        tried=_shown(outcome[_TRIED], wanted.from_at),
        compared=_shown(outcome[_COMPARED], wanted.from_at) if _COMPARED in outcome else None,
        samples=len(mine),
        resolution_s=median(steps) / 1000 if steps else 0.0,
        history=history.of_point(actor, point_id, wanted.from_at, wanted.to_at),
    )


@db.reading
def _prepared(
    point_id: int, wanted: TryRule
) -> tuple[list[tuple[str, RuleConfig]], dict[str, list[list[Sample]]]]:
    """The rules with their points, and the charts of the points' real alarms."""
    point = rows.get(PointRow, point_id, "point")
    device_checks.check_rule(wanted.rule.name, wanted.rule, point)
    rules = [(str(point_id), _config(_TRIED, wanted.rule, point_id))]
    if wanted.compare_with is not None:
        saved = rows.get(RuleRow, wanted.compare_with, "rule")
        values = {**saved.config, "id": _COMPARED, "name": saved.name, "point": str(saved.point_id)}
        rules.append((str(saved.point_id), RuleConfig.model_validate(values)))
    return rules, _charts(point.device.edge_id, wanted.from_at, wanted.to_at)


def _config(rule_id: str, rule: SaveRule, point_id: int) -> RuleConfig:
    logic = rule.model_dump(include=_RULE)
    return RuleConfig.model_validate(
        {**logic, "id": rule_id, "name": rule.name, "point": str(point_id), "severity": rule.severity}
    )


def _charts(edge_pk: int, from_at: datetime, to_at: datetime) -> dict[str, list[list[Sample]]]:
    around = timedelta(minutes=15)
    query: Any = OccurrenceRow.select(OccurrenceRow.chart, OccurrenceRow.raised_at).join(AlarmRow)
    query = query.where(
        AlarmRow.edge == edge_pk, OccurrenceRow.chart.is_null(False),
        OccurrenceRow.raised_at >= from_at - around, OccurrenceRow.raised_at <= to_at + around,
    )  # fmt: skip
    found: dict[str, list[list[Sample]]] = {}
    for row in query.order_by(OccurrenceRow.raised_at):
        raised_ms = int(row.raised_at.timestamp() * 1000)
        moments = zip(row.chart["offsets_ms"], row.chart["values"], strict=False)
        samples = [Sample(raised_ms + offset_ms, value, n=1) for offset_ms, value in moments]
        if samples:
            found.setdefault(row.chart["point"], []).append(samples)
    return found


def _samples(point: str, wanted: TryRule) -> list[Sample]:
    return history.series(int(point), wanted.from_at, wanted.to_at) if point.isdecimal() else []


def _with_charts(samples: list[Sample], charts: Sequence[Sequence[Sample]]) -> list[Sample]:
    """A chart knows better than the samples of its time."""
    for chart in charts:
        first, last = chart[0].at_ms, chart[-1].at_ms
        kept = [one for one in samples if not first <= one.at_ms <= last]
        samples = list(heapq.merge(kept, chart, key=lambda one: one.at_ms))
    return samples


def _outcome(
    watched: trials.Watched, config: RuleConfig, found: dict[str, list[Sample]], wanted: TryRule
) -> trials.Outcome:
    from_ms, to_ms = (int(at.timestamp() * 1000) for at in (wanted.from_at, wanted.to_at))
    extremes = config.on_delay_s == 0 and config.condition in _OF_A_MOMENT
    streams = [
        _readings(name, found[name], extremes)
        for name in dict.fromkeys([watched.point, *watched.rule.points])
        if name in found
    ]
    trial = trials.Trial([watched], wanted.from_at, settings.zone(), MOST_RAISES)
    for at_ms, name, reading in heapq.merge(*streams, key=lambda one: one[0]):
        if from_ms <= at_ms <= to_ms:
            trial.put(name, reading, (at_ms - from_ms) / 1000)
    return trial.finish((to_ms - from_ms) / 1000)


def _readings(name: str, samples: Sequence[Sample], extremes: bool) -> Iterator[tuple[int, str, Reading]]:
    for one in samples:
        at = datetime.fromtimestamp(one.at_ms / 1000, UTC)
        if one.last is None:
            yield one.at_ms, name, Reading(None, Quality.BAD_COMM, at, at)
            continue
        if extremes:
            for value in (one.low, one.high):
                if value is not None and value != one.last:
                    yield one.at_ms, name, Reading(value, Quality.GOOD, at, at)
        yield one.at_ms, name, Reading(one.last, Quality.GOOD, at, at)


def _shown(outcome: trials.Outcome, from_at: datetime) -> Trial:
    def at(seconds: float) -> datetime:
        return from_at + timedelta(seconds=seconds)

    return Trial(
        raises=[
            TrialRaise(
                raised_at=at(one.raised_s),
                cleared_at=None if one.cleared_s is None else at(one.cleared_s),
                value=one.value,
            )
            for one in outcome.raises
        ],
        count=outcome.total.count,
        chattering=outcome.total.chattering,
        flood_share=outcome.flood_share,
        active_s=outcome.total.active_s,
    )
