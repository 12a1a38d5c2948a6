"""Assets, locations and failure codes: numbers, trees, retiring, counts, live values."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

import pytest

from core.domain.people import Actor, Role
from core.errors import AppError, Conflict, Forbidden, NotFound
from core.services import assets, devices, edge_configs, failure_codes, fleet, locations
from core.storage.tables import AlarmRow, EdgeRow, JournalRow
from core.wire.assets import SaveAsset, SaveFailureCode, SaveLocation
from core.wire.fleet import SaveDevice, SaveEdge, SavePoint, SaveRule
from core.wire.uplink import PointSample, Telemetry
from tests.hub.actors import person, ticket


@pytest.fixture
def admin(database: str) -> Actor:
    return person("Root", Role.ADMIN)


def test_numbers_are_given_and_passed_over_when_taken(admin: Actor, now: datetime) -> None:
    assets.create(admin, SaveAsset(name="Press", number="A-00002"), now=now)
    first = assets.create(admin, SaveAsset(name="Lathe"), now=now)
    second = assets.create(admin, SaveAsset(name="Mill"), now=now)
    assert (first.number, second.number) == ("A-00001", "A-00003")
    assert [a.number for a in assets.listed(admin)] == ["A-00001", "A-00002", "A-00003"]


def test_a_number_is_taken_once(admin: Actor, now: datetime) -> None:
    assets.create(admin, SaveAsset(name="Press", number="P-1"), now=now)
    with pytest.raises(Conflict) as caught:
        assets.create(admin, SaveAsset(name="Other", number="P-1"), now=now)
    error = caught.value
    assert (error.code, error.fields) == ("asset.number_taken", {"number": "taken"})
    assert error.params == {"number": "P-1", "name": "Press"}
    other = assets.create(admin, SaveAsset(name="Other"), now=now)
    with pytest.raises(Conflict):
        assets.save(admin, other.id, SaveAsset(name="Other", number="P-1", version=1), now=now)


def test_a_number_taken_by_several_at_once_goes_to_one(admin: Actor, now: datetime) -> None:
    def attempt(_n: int) -> str:
        try:
            assets.create(admin, SaveAsset(name="Press", number="P-1"), now=now)
        except Conflict as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(16)))
    assert outcomes.count("made") == 1 and outcomes.count("asset.number_taken") == 15


def test_a_change_is_journalled_with_before_and_after(admin: Actor, now: datetime) -> None:
    made = assets.create(admin, SaveAsset(name="Press", in_service_on=date(2020, 1, 1)), now=now)
    changed = assets.save(
        admin, made.id, SaveAsset(name="Big press", in_service_on=date(2021, 1, 1), version=1), now=now
    )
    assert (changed.version, changed.number) == (2, made.number)
    told = JournalRow.get(JournalRow.verb == "asset.edited").data["changed"]
    assert told == {"name": ["Press", "Big press"], "in_service_on": ["2020-01-01", "2021-01-01"]}
    with pytest.raises(Conflict) as caught:
        assets.save(admin, made.id, SaveAsset(name="X", version=1), now=now)
    assert caught.value.code == "asset.changed"


def test_no_asset_is_part_of_itself(admin: Actor, now: datetime) -> None:
    top = assets.create(admin, SaveAsset(name="Press"), now=now)
    part = assets.create(admin, SaveAsset(name="Motor", parent_id=top.id), now=now)
    for parent in (top.id, part.id):
        with pytest.raises(Conflict) as caught:
            assets.save(admin, top.id, SaveAsset(name="Press", parent_id=parent), now=now)
        assert caught.value.code == "asset.loop" and caught.value.fields == {"parent_id": "loop"}
    for field in ("parent_id", "location_id", "team_id"):
        with pytest.raises(NotFound) as missing:
            assets.create(admin, SaveAsset.model_validate({"name": "X", field: 999}), now=now)
        assert missing.value.fields == {field: "unknown"}


def test_retiring_waits_for_open_tickets_and_components(admin: Actor, now: datetime) -> None:
    top = assets.create(admin, SaveAsset(name="Press"), now=now)
    part = assets.create(admin, SaveAsset(name="Motor", parent_id=top.id), now=now)
    row = ticket("T-1", part.id)
    with pytest.raises(Conflict) as caught:
        assets.save(admin, part.id, SaveAsset(name="Motor", parent_id=top.id, retired=True), now=now)
    assert caught.value.params["tickets"] == "T-1" and caught.value.params["count"] == "1"
    row.state = "closed"
    row.save()
    with pytest.raises(Conflict, match="components"):
        assets.save(admin, top.id, SaveAsset(name="Press", retired=True), now=now)
    assert assets.save(
        admin, part.id, SaveAsset(name="Motor", parent_id=top.id, retired=True), now=now
    ).retired
    assets.save(admin, top.id, SaveAsset(name="Press", retired=True), now=now)
    assert assets.listed(admin) == [] and len(assets.listed(admin, retired=True)) == 2
    back = assets.save(admin, top.id, SaveAsset(name="Press", retired=False), now=now)
    assert not back.retired


def test_open_tickets_and_active_alarms_are_counted(admin: Actor, now: datetime) -> None:
    press = assets.create(admin, SaveAsset(name="Press"), now=now)
    assets.create(admin, SaveAsset(name="Mill"), now=now)
    for n, state in enumerate(("new", "on_hold", "closed")):
        ticket(f"T-{n}", press.id, state=state)
    for key, active in (("a", True), ("b", False)):
        AlarmRow.create(
            key=key, rule_key=key, title="hot", asset=press.id, severity="major", state="unack", active=active
        )
    shown = {a.name: (a.open_tickets, a.active_alarms) for a in assets.listed(admin)}
    assert shown == {"Press": (2, 1), "Mill": (0, 0)}


def test_dates_backwards_are_refused(admin: Actor, now: datetime) -> None:
    wrong = SaveAsset(name="X", in_service_on=date(2026, 1, 1), warranty_until_on=date(2025, 1, 1))
    with pytest.raises(AppError) as caught:
        assets.create(admin, wrong, now=now)
    assert caught.value.fields == {"warranty_until_on": "too_early"}


def test_who_may_read_does_not_edit(admin: Actor, now: datetime) -> None:
    reporter = person("Rep", Role.REPORTER)
    assert assets.listed(reporter) == []
    with pytest.raises(Forbidden):
        assets.create(reporter, SaveAsset(name="X"), now=now)
    with pytest.raises(Forbidden):
        locations.create(reporter, SaveLocation(kind="site", name="X"), now=now)


def test_locations_make_a_tree_by_width(admin: Actor, now: datetime) -> None:
    site = locations.create(admin, SaveLocation(kind="site", name="Works"), now=now)
    hall = locations.create(admin, SaveLocation(kind="area", name="Hall", parent_id=site.id), now=now)
    line = locations.create(admin, SaveLocation(kind="line", name="Line 1", parent_id=hall.id), now=now)
    press = assets.create(admin, SaveAsset(name="Press", location_id=line.id), now=now)
    assert press.location_path == "Works / Hall / Line 1"
    cases = (
        (SaveLocation(kind="site", name="W2", parent_id=hall.id), None, "location.wrong_level"),
        (SaveLocation(kind="area", name="Hall", parent_id=site.id), None, "location.name_taken"),
        (SaveLocation(kind="area", name="Hall", parent_id=line.id), hall.id, "location.loop"),
        (SaveLocation(kind="line", name="Hall", parent_id=site.id), hall.id, "location.wrong_level"),
        (SaveLocation(kind="line", name="L", parent_id=999), None, "location.not_found"),
    )
    for new, existing, code in cases:
        with pytest.raises(AppError) as caught:
            if existing is None:
                locations.create(admin, new, now=now)
            else:
                locations.save(admin, existing, new, now=now)
        assert caught.value.code == code
    with pytest.raises(Conflict) as full:
        locations.remove(admin, line.id, now=now)
    assert full.value.params == {"name": "Line 1", "assets": "1", "locations": "0"}
    assets.save(admin, press.id, SaveAsset(name="Press"), now=now)
    locations.remove(admin, line.id, now=now)
    assert [place.name for place in locations.listed(admin)] == ["Hall", "Works"]


def test_failure_codes_by_category(admin: Actor, now: datetime) -> None:
    failure_codes.save(admin, SaveFailureCode(kind="mode", code="LEAK", name="Leak"), now=now)
    failure_codes.save(admin, SaveFailureCode(category="press", kind="mode", code="JAM", name="Jam"), now=now)
    renamed = failure_codes.save(admin, SaveFailureCode(kind="mode", code="LEAK", name="Leakage"), now=now)
    assert [c.code for c in failure_codes.listed(admin, category="mill")] == ["LEAK"]
    assert {c.name for c in failure_codes.listed(admin, category="press")} == {"Leakage", "Jam"}
    assert renamed.name == "Leakage" and len(failure_codes.listed(admin)) == 2


def test_live_values_of_an_asset(admin: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "_latest", {})
    press = assets.create(admin, SaveAsset(name="Press"), now=now)
    motor = assets.create(admin, SaveAsset(name="Motor", parent_id=press.id), now=now)
    edge = fleet.create_edge(admin, SaveEdge(name="Hall"), now=now)
    config = {"host": "10.0.0.5"}
    device = devices.create_device(
        admin, edge.id, SaveDevice(name="PLC", kind="modbus_tcp", asset_id=press.id, config=config), now=now
    )
    oil = devices.create_point(admin, device.id, SavePoint(name="Oil", unit="°C"), now=now)
    amps = devices.create_point(
        admin, device.id, SavePoint(name="Amps", address=1, asset_id=motor.id), now=now
    )
    for limit in (70.0, 80.0):
        devices.create_rule(admin, oil.id, SaveRule(name="hot", condition="high", limit=limit), now=now)
    assert [p.at for p in assets.point_values(admin, press.id)] == [None]
    samples = [PointSample(id=str(oil.id), at=now, quality="good", last=61.5)]
    fleet.remember(Telemetry(edge=edge.edge_id, at=now, points=samples))
    fleet.remember(
        Telemetry(edge="somebody-else", at=now, points=[samples[0].model_copy(update={"last": 1.0})])
    )
    (value,) = assets.point_values(admin, press.id)
    assert (value.name, value.value, value.quality, value.at, value.high) == ("Oil", 61.5, "good", now, 70.0)
    assert [p.name for p in assets.point_values(admin, motor.id)] == ["Amps"]
    assert amps.asset is not None and amps.asset.name == "Motor"


def test_a_device_tells_its_values_and_their_worst_alarm(
    admin: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "_latest", {})
    edge = fleet.create_edge(admin, SaveEdge(name="Hall"), now=now)
    plc = SaveDevice(name="PLC", kind="modbus_tcp", config={"host": "10.0.0.5"})
    device = devices.create_device(admin, edge.id, plc, now=now)
    oil = devices.create_point(admin, device.id, SavePoint(name="Oil"), now=now)
    devices.create_point(admin, device.id, SavePoint(name="Amps", address=1), now=now)
    for severity, active in (("minor", True), ("critical", True), ("major", False)):
        rule = SaveRule(name=severity, condition="high", limit=1)
        rule_id = devices.create_rule(admin, oil.id, rule, now=now).id
        AlarmRow.create(
            key=severity, edge=edge.id, rule=rule_id, rule_key=str(rule_id), title=severity, severity=severity,
            state="unack" if active else "normal", active=active,
        )  # fmt: skip
    assert [(p.name, p.alarm) for p in assets.device_values(admin, device.id)] == [
        ("Oil", "critical"),
        ("Amps", ""),
    ]
    with pytest.raises(Forbidden):
        assets.device_values(person("Reporter", Role.REPORTER), device.id)
    with pytest.raises(NotFound):
        assets.device_values(admin, device.id + 1)


def test_a_new_number_asks_for_a_push(admin: Actor, now: datetime) -> None:
    press = assets.create(admin, SaveAsset(name="Press"), now=now)
    edge = fleet.create_edge(admin, SaveEdge(name="Hall"), now=now)
    plc = SaveDevice(name="PLC", kind="modbus_tcp", asset_id=press.id, config={"host": "10.0.0.5"})
    devices.create_device(admin, edge.id, plc, now=now)
    edge_configs.push(admin, edge.id, now=now)
    assets.save(admin, press.id, SaveAsset(name="Big press"), now=now)
    assert not EdgeRow.get().config_dirty
    assets.save(admin, press.id, SaveAsset(name="Press", number="X-1"), now=now)
    assert EdgeRow.get().config_dirty
