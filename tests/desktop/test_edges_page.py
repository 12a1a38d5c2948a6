"""The edges page at a real hub with a real edge: devices, points and rules made, pushed, and seen applied."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox

from core import i18n
from core.wire.edge_config import EdgeConfig
from core.wire.fleet import SaveEdge, SaveRule
from core.wire.uplink import ConfigError
from desktop.main_window import MainWindow
from desktop.pages import edge_words
from desktop.pages.edge_dialogs import JoinDialog
from desktop.pages.edge_library import LibraryDialog
from desktop.pages.edge_picture import RulePicture
from desktop.pages.edge_push import PushDialog
from desktop.pages.edge_rule_words import condition_words, rule_sentence
from desktop.pages.edges import EdgesPage
from desktop.widgets.duration import DurationEdit
from desktop.widgets.form import FormDialog
from desktop.widgets.table import Table
from tests.desktop.conftest import Plant

Until = Callable[..., object]


@pytest.fixture
def page(window: MainWindow, plant: Plant, until: Until) -> EdgesPage:
    """The page with an empty edge of its own chosen."""
    made = plant.client.create_edge(SaveEdge(name="Hall of the test"))
    found = cast(EdgesPage, window.open_page("edges"))
    until(lambda: any(one.id == made.id for one in found.edges.rows()))
    found.edges.select(made.id)
    until(lambda: found.strip.edge is not None and found.strip.edge.id == made.id)
    return found


def dialog_of(page: EdgesPage, until: Until, title: str) -> FormDialog:
    def shown() -> list[FormDialog]:
        dialogs = page.findChildren(FormDialog)
        return [one for one in dialogs if one.isVisible() and one.windowTitle() == title]

    until(shown)
    return shown()[-1]


def fill(dialog: FormDialog, **values: object) -> None:
    for name, value in values.items():
        field = dialog.form.fields[name]
        if isinstance(field, QLineEdit):
            field.setText(str(value))
        elif isinstance(field, QDoubleSpinBox):
            field.setValue(float(str(value)))
        elif isinstance(field, QSpinBox):
            field.setValue(int(str(value)))
        elif isinstance(field, DurationEdit):
            field.set_seconds(float(str(value)))
        else:
            box = cast(QComboBox, field)
            box.setCurrentIndex(box.findData(value))


def empty_device(page: EdgesPage, until: Until) -> None:
    page.levels.device_level.new.click()
    until(lambda: page.findChildren(LibraryDialog))
    page.findChildren(LibraryDialog)[-1].blank.click()


def push(page: EdgesPage, until: Until) -> PushDialog:
    page.strip.push.click()
    until(lambda: page.findChildren(PushDialog))
    dialog = page.findChildren(PushDialog)[-1]
    dialog.go.click()
    return dialog


def made_device(page: EdgesPage, until: Until, port: int = 1502) -> None:
    empty_device(page, until)
    dialog = dialog_of(page, until, "New device")
    fill(dialog, name="Press PLC", host="127.0.0.1", port=port, poll_ms=50)
    dialog.submit()
    until(lambda: [one.name for one in page.levels.devices.rows()] == ["Press PLC"])


def made_point(page: EdgesPage, until: Until) -> None:
    until(page.levels.point_level.new.isEnabled)
    page.levels.point_level.new.click()
    dialog = dialog_of(page, until, "New point")
    fill(dialog, name="Oil", unit="°C", type="int16", scale=0.1)
    dialog.form.fields["manual"].setFocus()
    cast(QLineEdit, dialog.form.fields["manual"]).setText("40011")
    cast(QLineEdit, dialog.form.fields["manual"]).textEdited.emit("40011")
    assert cast(QSpinBox, dialog.form.fields["address"]).value() == 10
    dialog.submit()
    until(lambda: [one.address for one in page.levels.points.rows()] == [10])


def made_rule(page: EdgesPage, until: Until) -> None:
    until(page.levels.rule_level.new.isEnabled)
    page.levels.rule_level.new.click()
    dialog = dialog_of(page, until, "New rule")
    fill(dialog, limit=80, on_delay_s=5, deadband=3)
    words = dialog.sentence.text()  # type: ignore[attr-defined]  # a RuleDialog
    assert words.startswith("Raises when the value is above 80 °C for 5 seconds.") and "77 °C" in words
    dialog.submit()
    until(lambda: [one.limit for one in page.levels.rules.rows()] == [80])
    assert page.levels.rules.rows()[0].name == "Oil too high"


@pytest.fixture
def edge_process(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Join with the command that the console showed, and run the edge."""
    running: list[subprocess.Popen[bytes]] = []
    environment = os.environ | {"FETTLE_LANGUAGE": "en"}
    start = [sys.executable, "-m", "core.cli", "edge"]

    def join(command: str) -> None:
        words = command.split()
        assert words[:3] == ["fettle", "edge", "join"]
        folder = ["--data-dir", str(tmp_path / "edge")]
        subprocess.run([*start, "join", *words[3:], *folder], check=True, env=environment, timeout=30)
        running.append(subprocess.Popen([*start, "run", *folder], env=environment))

    yield join
    for process in running:
        process.terminate()
        process.wait(20)


def test_a_device_is_set_up_pushed_and_seen_applied(
    page: EdgesPage, plant: Plant, until: Until, edge_process: Callable[[str], None]
) -> None:
    assert "make a join code" in page.strip.state.text()
    made_device(page, until, port=1)  # nothing listens there: the edge must say so
    made_point(page, until)
    made_rule(page, until)
    until(lambda: page.strip.push.isEnabled())
    asked = push(page, until)
    assert {(one.kind, one.how) for one in asked.table.rows()} == {
        ("devices", "added"), ("points", "added"), ("rules", "added"),
    }  # fmt: skip
    until(lambda: page.strip.edge is not None and page.strip.edge.config_version == 1)
    until(lambda: "waits for the edge" in asked.verdict.text())  # it has not joined
    asked.reject()
    page.strip.join.click()
    until(lambda: page.findChildren(JoinDialog))
    dialog = page.findChildren(JoinDialog)[0]
    dialog.on_copy()
    assert QApplication.clipboard().text() == dialog.command.text()
    command = dialog.command.text().split()
    edge_process(" ".join([*command[:3], plant.address, command[-1]]))
    dialog.reject()
    until(lambda: page.strip.edge is not None and page.strip.edge.applied_version == 1, 40)
    until(lambda: page.strip.edge is not None and page.strip.edge.devices, 20)
    until(lambda: page.levels._health(page.levels.devices.rows()[0].id) is not None)
    until(lambda: edge_words.edge_state(page.strip.edge)[0] == "warning", 30)
    assert "does not answer" in page.strip.state.text()


def test_a_wrong_field_is_said_and_nothing_is_half_done(page: EdgesPage, plant: Plant, until: Until) -> None:
    empty_device(page, until)
    dialog = dialog_of(page, until, "New device")
    fill(dialog, name="No host")
    dialog.submit()
    until(lambda: dialog.form.fields["host"].property("bad"))
    assert page.strip.edge is not None and plant.client.devices(page.strip.edge.id) == []
    fill(dialog, kind="mqtt", url="not an address", topic="a/#")
    dialog.submit()
    until(lambda: dialog.form.fields["url"].property("bad"))
    fill(dialog, url="mqtt://127.0.0.1:1883", username="x", password="secret")
    dialog.submit()
    until(lambda: [one.kind for one in page.levels.devices.rows()] == ["mqtt"])
    device = page.levels.devices.rows()[0]
    assert device.config["password"] == "", "written, never read"


def test_a_change_is_undone(page: EdgesPage, window: MainWindow, plant: Plant, until: Until) -> None:
    made_device(page, until)
    device = page.levels.devices.rows()[0]
    page.levels.ask_device(device)
    dialog = dialog_of(page, until, "Edit device")
    fill(dialog, unit=7)
    dialog.submit()
    until(lambda: page.levels.devices.rows()[0].config["unit"] == 7)
    until(lambda: window._toast.text().startswith("Press PLC saved"))
    assert window._toast.undo()
    assert page.strip.edge is not None
    edge_pk = page.strip.edge.id
    until(lambda: plant.client.devices(edge_pk)[0].config["unit"] == 1)


def test_rules_in_words() -> None:
    high = SaveRule(name="x", condition="high", limit=80.5, on_delay_s=300, deadband=2, off_delay_s=3600)
    assert rule_sentence(high, "bar") == (
        "Raises when the value is above 80.5 bar for 5 minutes. Clears back past 78.5 bar for 1 hour."
    )
    low = SaveRule(name="x", condition="low", limit=-1)
    assert rule_sentence(low, "") == (
        "Raises when the value is below -1, at once. Clears when that is over, at once."
    )
    silent = SaveRule(name="x", condition="no_data", after_s=1.5)
    assert rule_sentence(silent, "") == "Raises when no good reading has come for 1.5 seconds."
    off = SaveRule(name="x", condition="bit", when=False, on_delay_s=1)
    assert "is off for 1 second." in rule_sentence(off, "")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("40001", ("holding", 0)),
        ("40011", ("holding", 10)),
        ("410001", ("holding", 10_000)),
        ("465536", ("holding", 65_535)),
        ("30005", ("input", 4)),
        ("10001", ("discrete", 0)),
        ("00017", ("coil", 16)),
        ("465537", None),
        ("40000", None),
        ("20001", None),
        ("12", None),
        ("x", None),
    ],
)
def test_addresses_of_manuals(text: str, found: tuple[str, int] | None) -> None:
    assert edge_words.from_manual(text) == found
    if found is not None:
        assert edge_words.manual_address(*found) == text


def test_a_refusal_names_the_thing_and_the_field() -> None:
    config = EdgeConfig.model_validate(
        {
            "edge": "e",
            "version": 1,
            "devices": [{"kind": "modbus_tcp", "id": "1", "name": "Press", "host": "h"}],
            "rules": [{"id": "1", "name": "Oil hot", "point": "9", "condition": "high"}],
        }
    )
    error = ConfigError(path="rules[0].limit", code="made_up", detail="a limit is missing")
    assert edge_words.error_words(error, config) == "Rule “Oil hot”, limit: a limit is missing"
    assert edge_words.error_words(error, None) == "Rule “#1”, limit: a limit is missing"
    whole = ConfigError(path="", code="made_up", detail="not readable")
    assert edge_words.error_words(whole, config) == "not readable"
    beyond = ConfigError(path="devices[7].odd", code="made_up", detail="d")
    assert edge_words.error_words(beyond, config) == "Device “#8”, odd: d"


CONDITIONS = {
    "high_high": {"limit": 90},
    "low_low": {"limit": 3},
    "outside": {"limit": 3, "limit_high": 8},
    "inside": {"limit": 3, "limit_high": 8},
    "bit": {"when": False},
    "equals": {"equals": "fault"},
    "rate": {"limit": -5, "window_s": 60},
    "stuck": {"after_s": 600},
    "no_data": {"after_s": 60},
    "deviation": {"limit": 4, "other": "7"},
    "step": {"limit": 3, "window_s": 3600},
    "all": {"terms": [{"condition": "high", "limit": 3}, {"condition": "bit", "point": "7"}]},
    "any": {
        "terms": [{"condition": "low", "limit": 3}, {"condition": "no_data", "after_s": 5, "point": "7"}]
    },
}


@pytest.mark.parametrize("language", ["en", "zh_CN"])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_has_a_picture_and_a_sentence(
    app: QApplication, condition: str, language: str
) -> None:
    i18n.use(language)
    picture = RulePicture()
    picture.resize(420, 130)
    empty = picture.grab().toImage()
    rule = SaveRule.model_validate(
        {"name": "x", "condition": condition, "on_delay_s": 5} | CONDITIONS[condition]
    )
    picture.show_rule(rule, "bar")
    assert picture.grab().toImage() != empty
    words = rule_sentence(rule, "bar", lambda key: (f"Motor {key}", "A"))
    assert "{" not in words and "None" not in words and condition_words(condition)
    assert ("Motor 7" in words) == ("7" in str(CONDITIONS[condition].values()))
    picture.deleteLater()


def test_what_else_a_rule_does_is_said() -> None:
    rule = SaveRule.model_validate(
        {
            "name": "x", "condition": "high", "limit": 3, "latching": True, "realarm_s": 3600,
            "schedule": [{"days": [0, 1, 2, 3, 4], "start": "08:00", "end": "17:00"}],
            "suppress_when": [{"condition": "bit", "point": "9", "when": False}],
        }
    )  # fmt: skip
    assert rule_sentence(rule, "bar", lambda key: ("Running", "")) == (
        "Raises when the value is above 3 bar, at once. Stays until somebody resets it. Reminds every 1 hour. "
        "Counts Monday–Friday 08:00–17:00. Quiet while “Running” is off."
    )


def test_what_an_edge_refused_stands_beside_the_thing(page: EdgesPage, plant: Plant, until: Until) -> None:
    made_device(page, until)
    made_point(page, until)
    device, point = page.levels.devices.rows()[0], page.levels.points.rows()[0]
    assert page.strip.edge is not None
    page.strip._config = EdgeConfig.model_validate(
        {
            "edge": "e",
            "version": 1,
            "devices": [{"kind": "modbus_tcp", "id": str(device.id), "name": "Press PLC", "host": "h"}],
            "points": [{"id": str(point.id), "device": str(device.id), "name": "Oil"}],
        }
    )
    errors = [
        ConfigError(path="devices[0].host", code="made_up", detail="no such host"),
        ConfigError(path="points[0].address", code="made_up", detail="taken twice"),
    ]
    page.strip.show_edge(page.strip.edge.model_copy(update={"config_errors": errors, "joined": True}))

    def shown(table: Table[Any], key: str) -> tuple[str, str]:
        at = next(n for n, column in enumerate(table.model.columns) if column.key == key)
        index = table.model.index(0, at)
        return str(index.data()), str(index.data(int(Qt.ItemDataRole.ToolTipRole)))

    assert shown(page.levels.devices, "state")[0] == "refused"
    assert "no such host" in shown(page.levels.devices, "state")[1]
    assert "taken twice" in shown(page.levels.points, "name")[1]
    assert "Device “Press PLC”" in page.strip.errors.text()
