"""A supervisor at the console with a real hub, edge and machine, without a file: device, rule, trial, push, shelf."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QSpinBox, QWidget

from core.wire.fleet import SaveEdge
from core.wire.tickets import AlarmView
from desktop.main_window import MainWindow
from desktop.pages.alarm_service import OutOfServiceDialog, ShelveDialog
from desktop.pages.alarms import AlarmsPage
from desktop.pages.edge_device import DeviceDialog
from desktop.pages.edge_library import LibraryDialog
from desktop.pages.edge_library_add import LibraryDeviceDialog
from desktop.pages.edge_point import PointDialog
from desktop.pages.edge_point_fields import OptionalNumber
from desktop.pages.edge_probe import ProbeDialog
from desktop.pages.edge_push import PushDialog
from desktop.pages.edge_rule import RuleDialog
from desktop.pages.edge_write import WriteDialog
from desktop.pages.edges import EdgesPage
from desktop.widgets.form import FormDialog
from tests.desktop.conftest import Plant, app, english, plant, store, until, window  # noqa: F401 - fixtures

Until = Callable[..., object]
EDGE = [sys.executable, "-m", "core.cli", "edge"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def machine(until: Until) -> Iterator[int]:  # noqa: F811
    """The simulator's moulding machine: barrel temperatures in input registers 0 to 2, as tenths."""
    port, other, control = free_port(), free_port(), free_port()
    words = [
        "simulate",
        "--moulding-port",
        str(port),
        "--compressor-port",
        str(other),
        "--control-port",
        str(control),
    ]
    process = subprocess.Popen([*EDGE, *words], env=os.environ | {"FETTLE_LANGUAGE": "en"})

    def listens() -> bool:
        with socket.socket() as line:
            return line.connect_ex(("127.0.0.1", port)) == 0

    until(listens, 30)
    yield port
    process.terminate()
    process.wait(20)


@pytest.fixture
def edge(plant: Plant, until: Until, tmp_path: Path) -> Iterator[int]:  # noqa: F811
    """An edge of its own that has joined and runs, with nothing to do yet; gives its id in the hub."""
    environment = os.environ | {"FETTLE_LANGUAGE": "en"}
    made = plant.client.create_edge(SaveEdge(name="Hall of the flow"))
    code = plant.client.join_code(made.id).code
    folder = ["--data-dir", str(tmp_path / "edge")]
    subprocess.run([*EDGE, "join", plant.address, code, *folder], check=True, env=environment, timeout=60)
    process = subprocess.Popen([*EDGE, "run", *folder], env=environment)
    until(lambda: next(one for one in plant.client.edges() if one.id == made.id).online, 60)
    yield made.id
    process.terminate()
    process.wait(20)


def put(dialog: FormDialog, **values: object) -> None:
    for name, value in values.items():
        field: QWidget = dialog.form.fields[name]
        if isinstance(field, QLineEdit):
            field.setText(str(value))
        elif isinstance(field, QComboBox):
            field.setCurrentIndex(field.findData(value))
        elif isinstance(field, QSpinBox):
            field.setValue(int(str(value)))
        elif hasattr(field, "set_seconds"):
            field.set_seconds(value)
        else:
            field.setValue(value)  # type: ignore[attr-defined]  # a decimal


def opened(page: QWidget, kind: type, until: Until) -> object:  # noqa: F811
    until(lambda: [one for one in page.findChildren(kind) if one.isVisible()])
    return [one for one in page.findChildren(kind) if one.isVisible()][-1]


def push(page: EdgesPage, until: Until) -> None:  # noqa: F811
    """Push, and see the edge say that it runs it."""
    until(page.strip.push.isEnabled)
    page.strip.push.click()
    dialog = cast(PushDialog, opened(page, PushDialog, until))
    assert dialog.table.rows()
    dialog.go.click()
    until(lambda: "Applied" in dialog.verdict.text(), 60)
    dialog.reject()


def test_from_the_library_to_a_shelved_alarm(
    window: MainWindow,  # noqa: F811
    plant: Plant,  # noqa: F811
    until: Until,  # noqa: F811
    machine: int,
    edge: int,
) -> None:
    page = cast(EdgesPage, window.open_page("edges"))
    until(lambda: any(one.id == edge for one in page.edges.rows()))
    page.edges.select(edge)
    until(lambda: page.strip.edge is not None and page.strip.edge.id == edge)
    asset = plant.client.assets()[0]

    # A device of the library: only its address is typed.
    page.levels.device_level.new.click()
    library = cast(LibraryDialog, opened(page, LibraryDialog, until))
    library.search.setText("MD02")
    until(lambda: library.list.count() == 1)
    assert [point.key for point in library.points.rows()] == ["temperature", "humidity"]
    library.next.click()
    step = cast(LibraryDeviceDialog, opened(page, LibraryDeviceDialog, until))
    put(step, kind="modbus_tcp", name="Barrel sensor", host="127.0.0.1", port=machine, unit=1, poll_ms=200)
    put(step, asset_id=asset.id)
    step.submit()
    until(lambda: [one.name for one in page.levels.devices.rows()] == ["Barrel sensor"])
    until(lambda: len(page.levels.points.rows()) == 2)

    # Pushed; its value is seen live.
    push(page, until)
    point = page.levels.points.rows()[0]

    def value() -> float | None:
        known = page.levels._values.get(point.id)
        good = known is not None and known.quality == "good" and isinstance(known.value, float)
        return float(known.value) if known is not None and good else None  # type: ignore[arg-type]

    until(lambda: value() is not None, 60)
    now = value()
    assert now is not None and now > 50

    # A rule is tried on what was recorded, before it is saved.
    until(lambda: len(plant_history(plant, point.id)) >= 2, 60)
    page.levels.points.select(point.id)
    page.levels.rule_level.new.click()
    rule = cast(RuleDialog, opened(page, RuleDialog, until))
    put(rule, name="Barrel too hot", limit=now + 500, on_delay_s=0, off_delay_s=0)
    rule.trial.period.setCurrentIndex(0)
    rule.trial.go.click()
    until(lambda: rule.trial.verdict.text() == "It would not have raised.", 30)
    put(rule, limit=now - 30)
    rule.trial.go.click()
    until(lambda: rule.trial.verdict.text() == "It would have raised 1 time.", 30)
    assert rule.trial.plot is not None and "No chatter" in rule.trial.facts.text()
    rule.submit()
    until(lambda: [one.name for one in page.levels.rules.rows()] == ["Barrel too hot"])
    push(page, until)

    # The alarm is raised, shelved with a reason, quiet, and back by the undo of the message.
    alarms = cast(AlarmsPage, window.open_page("alarms"))

    def named() -> AlarmView | None:
        return next((one for one in alarms._alarms if one.title == "Barrel too hot"), None)

    def active() -> bool:
        found = named()
        return found is not None and found.active and found.service == "in_service"

    until(active, 60)
    found = named()
    assert found is not None and found.ticket is not None
    alarms.table.select(found.id)
    alarms.shelve()
    shelve = cast(ShelveDialog, opened(alarms, ShelveDialog, until))
    shelve.submit()
    until(lambda: shelve.form.fields["reason"].property("bad"))  # nobody shelves without a reason
    shelve.span.choose(15)
    put(shelve, reason="Sensor is being replaced")
    shelve.submit()

    def shelved() -> bool:
        known = named()
        return known is not None and known.service == "shelved"

    until(shelved, 30)
    until(lambda: "is shelved" in window._toast.text())
    assert found.id not in [one.id for one in alarms.table.rows()]  # not among the active ones
    alarms.views["shelved"].click()
    until(lambda: found.id in [one.id for one in alarms.table.rows()])
    alarms.table.select(found.id)
    assert "Sensor is being replaced" in alarms.pane.reason.text() and "Ada" in alarms.pane.reason.text()
    assert window._toast.undo()
    alarms.views["active"].click()
    until(active, 60)


def plant_history(plant: Plant, point_id: int) -> list[object]:  # noqa: F811
    """What is recorded of a point in the last hour."""
    from datetime import UTC, datetime, timedelta

    to_at = datetime.now(UTC)
    return list(plant.client.point_history(point_id, to_at - timedelta(hours=1), to_at).samples)


def test_a_device_is_found_written_and_its_alarm_taken_out_of_service(
    window: MainWindow,  # noqa: F811
    plant: Plant,  # noqa: F811
    until: Until,  # noqa: F811
    machine: int,
    edge: int,
) -> None:
    page = cast(EdgesPage, window.open_page("edges"))
    until(lambda: any(one.id == edge for one in page.edges.rows()))
    page.edges.select(edge)
    until(lambda: page.strip.edge is not None and page.strip.edge.id == edge)
    until(lambda: page.strip.edge is not None and page.strip.edge.online)

    # The edge looks, and what answers is taken over.
    page.levels.ask_probe()
    probe = cast(ProbeDialog, opened(page, ProbeDialog, until))
    cast(QLineEdit, probe.form.fields["host"]).setText("127.0.0.1")
    cast(QSpinBox, probe.form.fields["port"]).setValue(machine)
    cast(QSpinBox, probe.form.fields["last_unit"]).setValue(2)
    probe.on_look()
    until(lambda: probe.units.rows(), 90)
    assert [one.unit for one in probe.units.rows()] == [1]
    probe.blank.click()
    device = cast(DeviceDialog, opened(page, DeviceDialog, until))
    assert device.form.values()["host"] == "127.0.0.1" and device.form.values()["port"] == machine
    put(device, name="Moulding machine", poll_ms=200)
    device.submit()
    until(lambda: [one.name for one in page.levels.devices.rows()] == ["Moulding machine"])
    probe.reject()

    # A set-point that may be written, within bounds.
    until(page.levels.point_level.new.isEnabled)
    page.levels.point_level.new.click()
    point = cast(PointDialog, opened(page, PointDialog, until))
    put(point, name="Barrel set-point", unit="°C", area="holding", address=0, type="int16", scale=0.1)
    cast(QCheckBox, point.form.fields["writable"]).setChecked(True)
    for name, bound in (("write_low", "150"), ("write_high", "250")):
        cast(OptionalNumber, point.form.fields[name]).edit.setText(bound)
    point.submit()
    until(lambda: [one.writable for one in page.levels.points.rows()] == [True])
    push(page, until)
    made = page.levels.points.rows()[0]

    def value() -> object:
        known = page.levels._values.get(made.id)
        return known.value if known is not None and known.quality == "good" else None

    until(lambda: isinstance(value(), float), 60)

    # Written, read back, and in the journal.
    page.levels.points.select(made.id)
    page.levels.ask_write(made)
    write = cast(WriteDialog, opened(page, WriteDialog, until))
    put(write, value=212.5, confirm="Barrel set-point", reason="Trial of the flow")
    write.submit()
    until(lambda: "212.5" in write.read_back.text() or not write._trouble.isHidden(), 30)
    assert "212.5" in write.read_back.text(), write._trouble.text()
    write.reject()
    until(lambda: value() == 212.5, 60)
    assert any(entry.verb == "point.written" for entry in plant.client.journal(0, 500))

    # Its alarm is taken out of service, stays quiet, and is put back.
    page.levels.rule_level.new.click()
    rule = cast(RuleDialog, opened(page, RuleDialog, until))
    put(rule, name="Set-point too high", limit=200, on_delay_s=0, off_delay_s=0)
    rule.submit()
    until(lambda: [one.name for one in page.levels.rules.rows()] == ["Set-point too high"])
    push(page, until)
    alarms = cast(AlarmsPage, window.open_page("alarms"))

    def service() -> str:
        found = next((one for one in alarms._alarms if one.title == "Set-point too high"), None)
        return (
            ""
            if found is None
            else found.service
            if found.active or found.service != "in_service"
            else "normal"
        )

    until(lambda: service() == "in_service", 60)
    mine = next(one for one in alarms._alarms if one.title == "Set-point too high")
    alarms.table.select(mine.id)
    alarms.take_out()
    out = cast(OutOfServiceDialog, opened(alarms, OutOfServiceDialog, until))
    put(out, reason="Overhaul")
    out.submit()
    until(lambda: service() == "out_of_service", 30)
    alarms.views["out_of_service"].click()
    until(lambda: alarms.table.select(mine.id))
    alarms.put_back()
    until(lambda: service() == "in_service", 60)
