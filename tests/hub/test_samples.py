"""The sample plant is entered through the services, whole, and once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.domain.people import SYSTEM
from core.errors import AppError
from core.services import assets, devices, edge_configs, fleet, parts, people, plans, samples
from core.storage.tables import AssetRow, JournalRow, PersonRow, PlanRow, StockMoveRow

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
KINDS = {
    "teams": 4, "shifts": 4, "people": 11, "locations": 10, "assets": 22, "failure_codes": 20, "parts": 20,
    "plans": 5, "edges": 1, "devices": 3, "points": 33, "rules": 11,
}  # fmt: skip


@pytest.mark.parametrize("language", ["zh_CN", "en"])
def test_sample_plant_is_there_whole(database: str, language: str) -> None:
    assert samples.load(language, SYSTEM, now=NOW) == KINDS
    by_number = {asset.number: asset for asset in assets.listed(SYSTEM)}
    assert by_number["A-00003"].parent_id == by_number["A-00001"].id
    assert by_number["A-00001"].team is not None
    stock = {part.number: part for part in parts.listed(SYSTEM)}
    assert stock["P-0005"].on_hand == 320 and stock["P-0005"].unit_cost_minor == 1650
    assert stock["P-0008"].on_order == 2, "below its minimum: asked for at once"
    today = [plan for plan in plans.listed(SYSTEM, now=NOW) if str(plan.next_due_on) == "2026-03-10"]
    assert len(today) == 1 and len(today[0].kit) == 3 and len(today[0].procedure) == 6
    (edge,) = fleet.edges(SYSTEM)
    config = edge_configs.shown(SYSTEM, edge.id)
    assert (len(config.devices), len(config.points), len(config.rules)) == (3, 33, 11)
    assert edge.config_version == 1 and not edge.config_dirty
    assert {device.kind for device in devices.devices(SYSTEM, edge.id)} == {"modbus_tcp", "mqtt"}
    assert sum(person.on_shift for person in people.persons(SYSTEM, now=NOW)) >= 5  # Tuesday, 10:00


def test_loading_again_adds_only_what_is_missing(sqlite_database: object) -> None:
    samples.load("zh_CN", SYSTEM, now=NOW)
    asset = AssetRow.get(AssetRow.number == "A-00020")
    asset.name = "码垛机（改名）"
    asset.save()
    PlanRow.get(PlanRow.every == 6).delete_instance(recursive=True)
    moves, rows = StockMoveRow.select().count(), JournalRow.select().count()
    assert samples.load("zh_CN", SYSTEM, now=NOW) == {"plans": 1}
    assert AssetRow.get(AssetRow.number == "A-00020").name == "码垛机（改名）"
    assert StockMoveRow.select().count() == moves
    assert JournalRow.select().count() == rows + 1
    assert fleet.edges(SYSTEM)[0].config_version == 1


def test_a_sample_that_fails_half_way_leaves_nothing(
    sqlite_database: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = samples.read("en")
    broken["plans"][-1]["assets"] = ["A-99999"]
    monkeypatch.setattr(samples, "read", lambda _language: broken)
    with pytest.raises(KeyError):
        samples.load("en", SYSTEM, now=NOW)
    assert PersonRow.select().count() == 0 and AssetRow.select().count() == 0


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(AppError, match="no sample plant in fr"):
        samples.read("fr")
