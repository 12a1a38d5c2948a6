"""The dialogs of the edges page at a real hub: library, points, tables, every condition saved and read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from core.wire.edge_config import EDGE_FIGURES, EdgeConfig
from core.wire.fleet import DeviceView, EdgeView, PointView, SaveDevice, SaveEdge, SavePoint
from core.wire.uplink import ConfigError
from desktop.main_window import MainWindow
from desktop.pages.edge_device import FIELDS, KINDS, DeviceDialog
from desktop.pages.edge_health import HealthDialog, facts, measure_itself
from desktop.pages.edge_import import ImportDialog
from desktop.pages.edge_library import LibraryDialog
from desktop.pages.edge_library_add import LibraryDeviceDialog
from desktop.pages.edge_point import PointDialog
from desktop.pages.edge_probe import ProbeDialog, found_units
from desktop.pages.edge_push import PushDialog, differences, with_faults
from desktop.pages.edge_registers import registers_behind, registers_of, value_in
from desktop.pages.edge_rule import NUMBERS, RuleDialog, fitting
from desktop.pages.edge_terms import KnownPoint
from desktop.pages.edge_write import WriteDialog
from desktop.pages.edges import EdgesPage
from desktop.widgets.duration import DurationEdit
from desktop.widgets.form import FormDialog
from tests.desktop.conftest import Plant

Until = Callable[..., object]


@pytest.fixture
def page(window: MainWindow) -> EdgesPage:
    return cast(EdgesPage, window.open_page("edges"))


@pytest.fixture
def edge(plant: Plant) -> EdgeView:
    return plant.client.create_edge(SaveEdge(name="Hall of dialogs"))


@pytest.fixture
def device(plant: Plant, edge: EdgeView) -> DeviceView:
    body = SaveDevice(name="Press", kind="modbus_tcp", config={"host": "127.0.0.1", "port": 1502})
    return plant.client.create_device(edge.id, body)


def put(dialog: FormDialog, **values: Any) -> None:
    for name, value in values.items():
        field: QWidget = dialog.form.fields[name]
        match field:
            case QLineEdit():
                field.setText(value)
            case QComboBox():
                assert field.findData(value) >= 0, (name, value)
                field.setCurrentIndex(field.findData(value))
            case QDoubleSpinBox() | QSpinBox():
                field.setValue(value)
            case DurationEdit():
                field.set_seconds(value)
            case _:
                field.setChecked(value)  # type: ignore[attr-defined]  # a tick


def stored(dialog: FormDialog, until: Until) -> Any:
    """Save, and give what the hub answered."""
    answers: list[Any] = []
    dialog.saved.connect(answers.append)
    dialog.submit()
    until(lambda: answers or not dialog._trouble.isHidden())
    assert answers, dialog._trouble.text()
    return answers[0]


# ---- devices


def test_a_library_device_needs_its_address_only(
    page: EdgesPage, plant: Plant, edge: EdgeView, until: Until
) -> None:
    maps = plant.client.device_library()
    assert maps
    library = LibraryDialog(page, maps)
    library.show()
    assert library.list.count() == len(maps)
    library.search.setText("nothing is called so")
    until(lambda: library.list.count() == 0)
    assert not library.next.isEnabled()
    library.search.clear()
    until(lambda: library.list.count() == len(maps))
    for at in range(library.categories.count()):  # every category has something in it
        library.categories.setCurrentRow(at)
        assert library.list.count() > 0
    library.reject()
    one = next(m for m in maps if m.key == "xy_md02")
    dialog = LibraryDeviceDialog(page, edge.id, one, [(None, "–")])
    dialog.show()
    put(dialog, kind="modbus_tcp", name="Room sensor")
    dialog.submit()
    until(lambda: dialog.form.fields["host"].property("bad"))
    assert "Address" in dialog._trouble.text()  # the field by its name on the screen
    put(dialog, host="10.0.0.7", port=1502)
    dialog.points.tick(False)
    assert dialog.rules.ticked() == []
    dialog.submit()
    until(lambda: "Tick at least one" in dialog._trouble.text())
    dialog.points.list.item(0).setCheckState(dialog.points.list.item(0).checkState().Checked)
    dialog.rules.tick(True)
    assert len(dialog.rules.ticked()) == 2  # ticked by "All" …
    dialog.points.tick(True)
    dialog.points.list.item(1).setCheckState(dialog.points.list.item(1).checkState().Unchecked)
    assert dialog.rules.ticked() == [0]  # … but a rule goes with its point
    made = stored(dialog, until)
    (point,) = plant.client.points(made.id)
    assert (point.area, point.address, point.scale) == ("input", 1, 0.1)
    (rule,) = plant.client.rules(point.id)
    assert rule.limit == 40


CONFIGS: dict[str, dict[str, Any]] = {
    "modbus_tcp": {"host": "10.0.0.1", "pipeline": 4, "priority": "high", "warm_up_ms": 50},
    "modbus_rtu_tcp": {"host": "10.0.0.2", "port": 4001, "unit": 7, "max_bits": 100},
    "modbus_rtu": {"serial_port": "/dev/ttyUSB0", "baud_rate": 19_200, "parity": "even", "stop_bits": 2},
    "mqtt": {
        "url": "mqtt://10.0.0.3:1883",
        "topic": "a/#",
        "payload": "sparkplug_b",
        "alive_topic": "a/alive",
    },
    "edge": {"poll_ms": 2000},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_device_is_made_and_edited(
    page: EdgesPage, plant: Plant, edge: EdgeView, device: DeviceView, until: Until, kind: str
) -> None:
    dialog = DeviceDialog(page, edge.id, None, [(None, "–")], [device])
    dialog.show()
    put(dialog, kind=kind, name=f"A {kind}", **CONFIGS[kind])
    if "parent" in FIELDS[kind]:
        put(dialog, parent=str(device.id))
    shown = {name for name in dialog.form.fields if dialog.form.is_shown(name)}
    assert shown - {"name", "kind", "asset_id", "active"} == set(FIELDS[kind])
    made = stored(dialog, until)
    for name, value in CONFIGS[kind].items():
        assert made.config[name] == value
    again = DeviceDialog(page, edge.id, made, [(None, "–")], [device, made])
    again.show()
    before = made.config
    made = stored(again, until)
    assert made.config == before  # looking and saving changes nothing
    assert made.config.get("parent", str(device.id)) == str(device.id)


def test_the_edge_itself_is_measured(plant: Plant, edge: EdgeView) -> None:
    names = {figure: figure for figure in EDGE_FIGURES}
    made = measure_itself(plant.client, edge, "Itself", names)
    again = measure_itself(plant.client, edge, "Itself", names)
    points = plant.client.points(made.id)
    assert again.id == made.id and {one.path for one in points} == set(names)
    told = facts(edge, [made], [(one, None) for one in points])
    assert len(told) >= len(names) + 4


def test_what_a_probe_found_becomes_an_address(app: QApplication, page: EdgesPage, edge: EdgeView) -> None:
    result = {
        "units": [
            {"unit": 1, "answers": True, "exception": None, "identity": {"maker": "ACME", "product": "M1"},
             "sunspec": None, "ranges": [{"area": "holding", "first": 0, "last": 41, "more": True}]},
            {"unit": 2, "answers": False, "exception": None, "identity": {}, "sunspec": None, "ranges": []},
            {"unit": 3, "answers": True, "exception": 2, "identity": {}, "sunspec": 40000, "ranges": []},
        ]
    }  # fmt: skip
    first, third = found_units(result)
    assert first.words() == "ACME M1" and "0–41" in first.ranges and third.words() == "SunSpec device"
    dialog = ProbeDialog(page, edge)  # it is offline: it says so, and does not look
    assert "offline" in dialog.words.text() and not dialog.go.isEnabled()
    dialog.deleteLater()


# ---- points


def test_a_point_keeps_all_that_is_set(
    page: EdgesPage, plant: Plant, device: DeviceView, until: Until
) -> None:
    dialog = PointDialog(page, device, None, [(None, "–")])
    dialog.show()
    put(dialog, name="State", address=7, type="uint16", bit=4, bits=3)
    words = dialog.form.fields["words_of"].edit  # type: ignore[attr-defined]  # a WordsEdit
    words.setPlainText("0 = stopped\nrunning")
    dialog.submit()
    until(lambda: "running" in dialog.form._errors["words_of"].text() or not dialog._trouble.isHidden())
    words.setPlainText("0 = stopped\n1 = running")
    put(dialog, writable=True)
    made = stored(dialog, until)
    assert (made.bit, made.bits, made.words_of) == (4, 3, {"0": "stopped", "1": "running"})
    again = PointDialog(page, device, made, [(None, "–")])
    again.show()
    after = stored(again, until)
    assert after.model_dump(exclude={"version"}) == made.model_dump(exclude={"version"})
    power = plant.client.create_point(device.id, SavePoint(name="Power of ten", type="int16", address=30))
    wide = PointDialog(page, device, None, [(None, "–")], siblings=[made, power])
    wide.show()
    put(
        wide,
        name="Flow",
        address=20,
        type="int32",
        order="CDAB",
        scale_point=str(power.id),
        missing="sunspec",
    )
    saved = stored(wide, until)
    assert (saved.order, saved.scale_point, saved.missing, saved.bit) == (
        "CDAB",
        str(power.id),
        "sunspec",
        None,
    )


def test_registers_in_every_order() -> None:
    assert registers_of("0x4248 0") == [0x4248, 0] and registers_of("4248h, -1") == [0x4248, 0xFFFF]
    assert registers_of("70000") == [] and registers_of("hot") == []
    assert value_in([0x4248, 0], "float32", "ABCD") == 50
    assert value_in([0, 0x4248], "float32", "CDAB") == 50
    assert value_in([0x4842, 0], "float32", "BADC") == 50
    assert value_in([0, 0x4842], "float32", "DCBA") == 50
    assert value_in([0x1234], "bcd16", "ABCD") == 1234 and value_in([0xFFFF], "bcd16", "ABCD") is None
    assert value_in([1], "float32", "ABCD") is None
    for order in ("ABCD", "CDAB", "BADC", "DCBA"):
        reads = SavePoint(name="x", type="int32", order=order, scale=0.5, offset=1)
        found = registers_behind(-99.0, reads)
        assert value_in(found, "int32", order) == -200
    assert registers_behind(1e9, SavePoint(name="x", type="int16")) == []
    assert registers_behind("word", SavePoint(name="x")) == []


def test_a_table_is_tried_first_and_its_faults_are_named(
    page: EdgesPage, plant: Plant, device: DeviceView, until: Until, tmp_path: Path
) -> None:
    plant.client.create_point(device.id, SavePoint(name="Oil", unit="°C", type="int16", scale=0.1))
    head, row = plant.client.export_points(device.id, "csv").decode("utf-8-sig").splitlines()[:2]
    file = tmp_path / "points.csv"
    file.write_text(
        "\n".join([head, row.replace("0.1", "hot"), row.replace("Oil", "Water")]), encoding="utf-8"
    )
    dialog = ImportDialog(page, device)
    dialog.show()
    dialog.try_file(str(file))
    until(lambda: dialog.faults.rows())
    (fault,) = dialog.faults.rows()
    assert fault.row == 2 and fault.column and not dialog.take.isEnabled()
    file.write_text("\n".join([head, row, row.replace("Oil", "Water")]), encoding="utf-8")
    dialog.on_try()
    until(dialog.take.isEnabled)
    assert {one.name: one.does for one in dialog.points.rows()} == {"Oil": "unchanged", "Water": "added"}
    assert len(plant.client.points(device.id)) == 1  # only tried
    dialog.take.click()
    until(lambda: len(plant.client.points(device.id)) == 2)


def test_writing_wants_the_name(page: EdgesPage, plant: Plant, device: DeviceView, until: Until) -> None:
    body = SavePoint(name="Set-point", unit="bar", type="int16", writable=True, write_low=0, write_high=9)
    point = plant.client.create_point(device.id, body)
    dialog = WriteDialog(page, point, None)
    dialog.show()
    field = cast(QDoubleSpinBox, dialog.form.fields["value"])
    assert (field.minimum(), field.maximum()) == (0, 9) and not dialog._ok.isEnabled()
    put(dialog, value=5, confirm="Set-point")
    assert dialog._ok.isEnabled()
    dialog.submit()
    until(lambda: not dialog._trouble.isHidden())  # its edge is not there
    assert "“Hall of dialogs” is not connected" in dialog._trouble.text()


# ---- rules

RULES: dict[str, dict[str, Any]] = {
    "high": {"limit": 80, "deadband": 2},
    "high_high": {"limit": 90, "latching": True},
    "low": {"limit": 3, "realarm_s": 3600},
    "low_low": {"limit": 1, "shelve_most_s": 3600},
    "outside": {"limit": 3, "limit_high": 8},
    "inside": {"limit": 3, "limit_high": 8},
    "equals": {"equals": "7"},
    "rate": {"limit": -5, "window_s": 60},
    "stuck": {"after_s": 600},
    "no_data": {"after_s": 60},
    "deviation": {"limit": 4},
    "step": {"limit": 3, "window_s": 3600},
    "all": {},
    "any": {},
}


@pytest.mark.parametrize("condition", NUMBERS)
def test_every_condition_is_saved_and_read_back(
    page: EdgesPage, plant: Plant, device: DeviceView, until: Until, condition: str
) -> None:
    point = plant.client.create_point(device.id, SavePoint(name="Pressure", unit="bar", type="float32"))
    other = plant.client.create_point(device.id, SavePoint(name="Running", type="bool", bit=0, address=9))
    twin = plant.client.create_point(device.id, SavePoint(name="Second pressure", type="float32", address=4))
    known = [KnownPoint(str(one.id), one.name, one.unit, "Press") for one in (point, other, twin)]
    dialog = RuleDialog(page, point, None, [(None, "–")], [("", "–")], [], known)
    dialog.show()
    put(dialog, condition=condition, **RULES[condition])
    if condition == "deviation":
        put(dialog, other=str(twin.id))
    if condition in ("all", "any"):
        first, second = dialog.terms.rows
        first.limit.setValue(5)
        second.point.setCurrentIndex(second.point.findData(str(other.id)))
        second.condition.setCurrentIndex(second.condition.findData("bit"))
        assert "“Running” is on" in dialog.sentence.text()
    dialog.form.fields["schedule"].on_add()  # type: ignore[attr-defined]  # the hours
    made = stored(dialog, until)
    assert made.condition == condition and made.schedule[0].start == "08:00"
    for name, value in RULES[condition].items():
        assert getattr(made, name) == (7 if name == "equals" else value)
    again = RuleDialog(page, point, made, [(None, "–")], [("", "–")], [], known)
    again.show()
    after = stored(again, until)
    assert after.model_dump(exclude={"version"}) == made.model_dump(exclude={"version"})


def test_a_band_without_room_and_a_term_without_point_are_said(
    page: EdgesPage, plant: Plant, device: DeviceView, until: Until
) -> None:
    point = plant.client.create_point(device.id, SavePoint(name="Level", type="float32"))
    dialog = RuleDialog(page, point, None, [(None, "–")], [("", "–")], [])
    dialog.show()
    put(dialog, condition="outside", limit=9)
    put(dialog, limit_high=3)
    dialog.submit()
    until(lambda: dialog.form.fields["limit_high"].property("bad"))
    put(dialog, limit_high=12)
    dialog.form.fields["suppress_when"].on_add()  # type: ignore[attr-defined]  # a TermsEditor
    dialog.submit()
    until(lambda: "lacks its point" in dialog._trouble.text())
    assert dialog.form._folds["suppress_when"].is_open  # a fault is never hidden
    assert plant.client.rules(point.id) == []


def test_conditions_fit_the_point() -> None:
    def fits(**how: Any) -> tuple[str, ...]:
        shown = {
            "id": 1,
            "version": 1,
            "device_id": 1,
            "name": "x",
            "unit": "",
            "asset": None,
            "active": True,
        }
        return tuple(fitting(PointView.model_validate(shown | how)))

    assert fits(type="bool", bit=1)[0] == "bit" and fits(area="coil")[0] == "bit"
    assert fits(type="string")[0] == "equals" and fits(words_of={"1": "on"})[0] == "equals"
    assert "high" in fits(type="int16") and "bit" in fits(path="a.b")


# ---- pushing


def test_a_push_says_what_changes_and_what_was_refused() -> None:
    def config(limit: float, host: str, *names: str) -> EdgeConfig:
        rules = [
            {"id": str(at), "name": name, "point": "1", "condition": "high", "limit": limit}
            for at, name in enumerate(names)
        ]
        points = [{"id": "1", "device": "1", "name": "Oil"}]
        devices = [{"kind": "modbus_tcp", "id": "1", "name": "Press", "host": host}]
        return EdgeConfig.model_validate(
            {"edge": "e", "version": 2, "devices": devices, "points": points, "rules": rules}
        )

    before, after = config(80, "h", "Hot", "Cold"), config(85, "h", "Hot")
    found = {(one.kind, one.name): one for one in differences(before, after)}
    assert found["rules", "Hot"].how == "changed" and "80 → 85" in found["rules", "Hot"].what
    assert found["rules", "Cold"].how == "removed" and ("devices", "Press") not in found
    assert {one.how for one in differences(None, after)} == {"added"}
    errors = [
        ConfigError(path="rules[0].limit", code="made_up", detail="too hot"),
        ConfigError(path="devices[0].host", code="made_up", detail="no such host"),
    ]
    said = {(one.kind, one.id): one for one in with_faults(differences(before, after), errors, after)}
    assert "too hot" in said["rules", "0"].fault
    assert said["devices", "1"].how == "kept" and "no such host" in said["devices", "1"].fault


def test_everything_in_the_dialogs_that_takes_the_focus_has_a_name(
    page: EdgesPage, plant: Plant, edge: EdgeView, device: DeviceView, until: Until
) -> None:
    point = plant.client.create_point(device.id, SavePoint(name="Pressure", unit="bar", type="float32"))
    rule = RuleDialog(
        page, point, None, [(None, "–")], [("", "–")], [], [KnownPoint("7", "Motor", "A", "Press")]
    )
    put(rule, condition="all")
    rule.form.fields["schedule"].on_add()  # type: ignore[attr-defined]  # the hours
    rule.form.fields["suppress_when"].on_add()  # type: ignore[attr-defined]  # a TermsEditor
    maps = plant.client.device_library()
    dialogs = [
        rule,
        PointDialog(page, device, point, [(None, "–")]),
        DeviceDialog(page, edge.id, device, [(None, "–")]),
        LibraryDialog(page, maps),
        LibraryDeviceDialog(page, edge.id, maps[0], [(None, "–")]),
        ImportDialog(page, device),
        ProbeDialog(page, edge),
        PushDialog(page, edge, None, plant.client.edge_config(edge.id)),
        HealthDialog(page, edge),
        WriteDialog(page, point, None),
    ]
    nameless = [
        f"{type(dialog).__name__}: {type(widget).__name__} in {type(widget.parent()).__name__}"
        for dialog in dialogs
        for widget in dialog.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not widget.objectName().startswith("qt_")
        and type(widget.parent()).__name__ not in ("QComboBox", "QFrame")  # the list and the editor of a box
        and not (widget.accessibleName() or getattr(widget, "text", str)())
    ]
    assert nameless == []
    for dialog in dialogs:
        dialog.deleteLater()
