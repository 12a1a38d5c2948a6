"""A rule tried over what its point did: nothing is saved, charts of real alarms count, another rule beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.domain.people import Role
from core.errors import AppError, Forbidden, NotFound
from core.services import edge_watch, history, ingest, rule_trials
from core.storage.tables import AlarmRow, DeviceRow, JournalRow, PointRow, RuleRow
from core.wire.fleet import SaveRule
from core.wire.history import TrialResult, TryRule
from core.wire.uplink import ChartFrozen, PointSample, Telemetry
from tests.hub.actors import hub_in, person
from tests.hub.conftest import Plant
from tests.hub.uplink import batch, raised

HOUR = timedelta(hours=1)


class Trying:
    """Two points with an hour of readings, and how to try a rule on the first."""

    def __init__(self, plant: Plant, now: datetime) -> None:
        self.plant, self.now = plant, now
        device = DeviceRow.create(edge=plant.edge, name="PLC", kind="modbus_tcp", config={})
        config = {"type": "float32", "bit": None}
        self.point = PointRow.create(device=device, name="温度", unit="℃", config=config)
        self.running = PointRow.create(device=device, name="运行", config={"type": "bool", "area": "coil"})

    def told(self, second: float, value: Any, point: Any = None, **more: Any) -> None:
        at = self.now + timedelta(seconds=second)
        facts = {
            "id": str((point or self.point).id),
            "at": at,
            "quality": "good",
            "last": value,
            "n": 5,
            **more,
        }
        sample = PointSample.model_validate(facts)
        edge_watch.telemetry(Telemetry(edge="edge-1", at=at, points=[sample]), now=at)

    def run(self, compare_with: int | None = None, **rule: Any) -> TrialResult:
        wanted = SaveRule.model_validate({"name": "试算", "condition": "high", "limit": 80, **rule})
        asked = TryRule(rule=wanted, from_at=self.now, to_at=self.now + HOUR, compare_with=compare_with)
        return rule_trials.try_rule(self.plant.boss, self.point.id, asked)


@pytest.fixture
def trying(plant: Plant, now: datetime, tmp_path: Path) -> Iterator[Trying]:
    with hub_in(tmp_path):
        history.begin(tmp_path)
        store = history._store
        assert store is not None
        with store.held(writing=True):
            store._run("DELETE FROM telemetry_block")
        yield Trying(plant, now)
        history.end()


def test_a_rule_is_tried_and_nothing_is_saved(trying: Trying, now: datetime) -> None:
    for n in range(120):
        trying.told(30 * n, 90.0 if 20 <= n < 30 or n == 60 else 70.0)
    history.flush(now + HOUR)
    before = JournalRow.select().count()
    result = trying.run()
    assert [(r.raised_at - now, r.cleared_at, r.value) for r in result.tried.raises] == [
        (timedelta(seconds=600), now + timedelta(seconds=900), 90),
        (timedelta(seconds=1800), now + timedelta(seconds=1830), 90),
    ]
    assert (result.tried.count, result.tried.chattering, result.tried.active_s) == (2, 0, 330)
    assert (result.samples, result.resolution_s, result.compared) == (120, 30, None)
    assert len(result.history.samples) == 120
    assert trying.run(on_delay_s=60).tried.count == 1
    assert (RuleRow.select().count(), AlarmRow.select().count(), JournalRow.select().count()) == (
        0,
        0,
        before,
    )


def test_a_passing_extreme_counts_where_no_delay_forbids(trying: Trying) -> None:
    trying.told(0, 70.0, low=69, high=71)
    trying.told(60, 70.0, low=69, high=95)
    trying.told(120, 70.0, low=69, high=71)
    found = trying.run().tried
    assert (found.count, found.raises[0].value) == (1, 95)
    assert trying.run(on_delay_s=1).tried.count == 0
    assert trying.run(condition="low", limit=69.5).tried.count == 3


def test_the_chart_of_a_real_alarm_is_finer(trying: Trying, now: datetime) -> None:
    for n in range(12):
        trying.told(300 * n, 70.0)
    at = now + timedelta(minutes=20)
    values = [70.0, 85.0, 70.0, 85.0, 70.0, 85.0, 70.0]
    chart = ChartFrozen(
        occurrence="occurrence-a", rule="x", point=str(trying.point.id), raised_at=at,
        offsets_ms=[1000 * n for n in range(7)], values=values,
    )  # fmt: skip
    ingest.accept("edge-1", batch((1, raised("a", at)), (2, chart), at=at), now=at)
    result = trying.run()
    assert (result.tried.count, result.tried.chattering, result.samples) == (3, 3, 11 + 7)
    assert trying.run(off_delay_s=10).tried.count == 1


def test_a_saved_rule_stands_beside_it(trying: Trying) -> None:
    for n in range(180):
        trying.told(20 * n, 90.0 if n % 2 else 70.0)
    config = SaveRule(name="x", condition="high", limit=85).model_dump(mode="json")
    logic = {name: value for name, value in config.items() if name in rule_trials._RULE}
    saved = RuleRow.create(point=trying.point, name="现有", config=logic)
    result = trying.run(compare_with=saved.id, off_delay_s=120)
    assert result.compared is not None
    assert (result.tried.count, result.compared.count) == (1, 90)
    assert result.compared.flood_share > 0 and result.tried.flood_share == 0
    with pytest.raises(NotFound):
        trying.run(compare_with=999)


def test_a_rule_over_two_points(trying: Trying) -> None:
    for n in range(60):
        trying.told(60 * n, 90.0)
        trying.told(60 * n, 30 <= n < 40, trying.running)
    terms = [
        {"condition": "high", "limit": 80},
        {"condition": "bit", "point": str(trying.running.id), "when": True},
    ]
    found = trying.run(condition="all", limit=None, terms=terms).tried
    assert (found.count, found.active_s) == (1, 600)


def test_a_rule_that_makes_no_sense_is_refused(trying: Trying, now: datetime) -> None:
    with pytest.raises(AppError) as caught:
        trying.run(limit=None)
    assert caught.value.code == "rule.limit_missing"
    asked = TryRule(rule=SaveRule(name="x", condition="high", limit=1), from_at=now, to_at=now - HOUR)
    with pytest.raises(AppError) as span:
        rule_trials.try_rule(trying.plant.boss, trying.point.id, asked)
    assert span.value.code == "history.span"
    with pytest.raises(Forbidden):
        rule_trials.try_rule(person("T", Role.TECHNICIAN), trying.point.id, asked)
    assert trying.run().tried.count == 0  # where nothing is known, nothing is raised
