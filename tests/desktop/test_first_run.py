"""From nothing to the main window: a hub started on this computer, set up, logged in to; a kept session; twice."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from core import i18n
from core.settings import ConsoleSettings
from desktop.app import Console, SingleInstance
from desktop.first_run import FirstRun
from desktop.hub_client import HubClient
from desktop.local_hub import LocalHub
from desktop.log_in import LogInDialog
from tests.desktop.conftest import PASSWORD, Plant

Until = Callable[..., object]


@pytest.fixture
def console(app: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    monkeypatch.setenv("FETTLE_LANGUAGE", "en")
    made = Console(
        ConsoleSettings(data_dir=tmp_path / "console"), LocalHub(tmp_path / "hub", port=0, mqtt_port=0)
    )
    yield made
    app.lastWindowClosed.disconnect(made._on_last_closed)
    app.aboutToQuit.disconnect(made.shut)
    for widget in (made.window, made.dialog):
        if widget is not None:
            widget.hide()
            widget.deleteLater()
    made.shut()
    i18n.use("en")


def fill(wizard: FirstRun, **values: str) -> None:
    for name, value in values.items():
        wizard._set_up_form.fields[name].setText(value)  # type: ignore[attr-defined]


def test_one_pc_from_nothing_to_tickets(console: Console, until: Until, tmp_path: Path) -> None:
    console.start()
    wizard = console.dialog
    assert isinstance(wizard, FirstRun)
    wizard.use_this_computer()
    until(lambda: wizard._stack.currentWidget() is wizard._set_up, 60)
    fill(wizard, plant="Plant A", name="Ada", login="ada", password="short", again="short")
    wizard.set_up()
    until(lambda: "Too short" in wizard._set_up_form._errors["password"].text())
    fill(wizard, password=PASSWORD, again="something else")
    wizard.set_up()
    assert "differ" in wizard._trouble.text()
    fill(wizard, again=PASSWORD)
    wizard.set_up()
    until(lambda: console.window is not None and console.window.feed.is_online, 60)
    assert console.window is not None and console.window.me.plant == "Plant A"
    kept = tmp_path / "console" / "session.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert console.local_hub.is_mine


def test_a_kept_session_needs_no_log_in(console: Console, plant: Plant, until: Until) -> None:
    console.store.setValue("hub/address", plant.address)
    console.kept.keep(plant.address, plant.token)
    console.start()
    until(lambda: console.window is not None and console.window.feed.is_online)
    assert console.dialog is None


def test_a_wrong_password_stays_in_the_dialog_in_words(console: Console, plant: Plant, until: Until) -> None:
    console.store.setValue("hub/address", plant.address)
    console.start()
    dialog = console.dialog
    assert isinstance(dialog, LogInDialog)
    dialog.form.fields["login"].setText("nobody")  # type: ignore[attr-defined]
    dialog.form.fields["password"].setText("not the password")  # type: ignore[attr-defined]
    dialog.try_it()
    until(lambda: dialog.trouble.text() != "")
    assert console.window is None
    dialog.form.fields["login"].setText("ada")  # type: ignore[attr-defined]
    dialog.form.fields["password"].setText(PASSWORD)  # type: ignore[attr-defined]
    dialog.keep.setChecked(False)
    dialog.try_it()
    until(lambda: console.window is not None)
    assert console.kept.load(plant.address) == ""


def test_a_hub_that_is_away_is_told_at_the_log_in(console: Console, until: Until) -> None:
    console.store.setValue("hub/address", "http://127.0.0.1:9")
    console.kept.keep("http://127.0.0.1:9", "x")
    console.start()
    until(lambda: isinstance(console.dialog, LogInDialog))
    assert isinstance(console.dialog, LogInDialog)
    assert "does not answer" in console.dialog.trouble.text()
    assert console.kept.load("http://127.0.0.1:9") == "x"


def test_an_address_that_is_no_hub_is_refused(console: Console, until: Until) -> None:
    console.ask_hub()
    wizard = console.dialog
    assert isinstance(wizard, FirstRun)
    wizard._show(wizard._connect)
    wizard._connect_form.fields["address"].setText("my hub")  # type: ignore[attr-defined]
    wizard.connect_to_address()
    assert "not an address" in wizard._trouble.text()
    wizard._connect_form.fields["address"].setText("127.0.0.1:9")  # type: ignore[attr-defined]
    wizard.connect_to_address()
    until(lambda: "does not answer" in wizard._trouble.text())


def test_logging_out_ends_the_session_at_the_hub(console: Console, plant: Plant, until: Until) -> None:
    from core.errors import Unauthenticated
    from core.wire.people import LogIn

    hub = HubClient(plant.address)
    token = hub.log_in(LogIn(login="ada", password=PASSWORD)).token
    console.store.setValue("hub/address", plant.address)
    console.kept.keep(plant.address, token)
    console.start()
    until(lambda: console.window is not None and console.window.feed.is_online)
    assert console.window is not None
    console.window.leave.emit()
    until(lambda: isinstance(console.dialog, LogInDialog))
    hub.token = token

    def ended() -> bool:
        try:
            hub.who_am_i()
        except Unauthenticated:
            return True
        return False

    until(ended)
    assert console.kept.load(plant.address) == ""
    hub.close()


def test_language_and_theme_change_in_place(console: Console, plant: Plant, until: Until) -> None:
    console.store.setValue("hub/address", plant.address)
    console.kept.keep(plant.address, plant.token)
    console.start()
    until(lambda: console.window is not None and console.window.feed.is_online)
    first = console.window
    assert first is not None
    console.store.setValue("ui/language", "zh_CN")
    console.store.setValue("ui/theme", "dark")
    first.restyle()
    until(lambda: console.window is not first)
    assert console.window is not None
    assert console.window.rail.buttons["tickets"].accessibleName().startswith("工单")
    until(lambda: console.window is not None and console.window.feed.is_online)
    console.store.setValue("ui/theme", "light")
    console.dress()


def test_a_second_start_calls_the_first(app: QApplication, tmp_path: Path, until: Until) -> None:
    called: list[int] = []
    first = SingleInstance(tmp_path)
    assert first.is_first(lambda: called.append(1))
    code = (
        "import sys; from pathlib import Path; from PySide6.QtCore import QCoreApplication; "
        "app = QCoreApplication([]); from desktop.app import SingleInstance; "
        "sys.exit(5 if SingleInstance(Path(sys.argv[1])).is_first(lambda: None) else 0)"
    )
    second = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    until(lambda: second.poll() is not None, 30)
    assert second.returncode == 0
    until(lambda: called == [1])


def test_a_hub_that_cannot_start_says_why(tmp_path: Path) -> None:
    from core.errors import OutsideError

    folder = tmp_path / "hub"
    first = LocalHub(folder, port=0, mqtt_port=0)
    first.ensure()
    (folder / "run.json").unlink()
    with pytest.raises(OutsideError) as found:
        LocalHub(folder, port=0, mqtt_port=0).ensure()
    assert found.value.code == "hub.did_not_start"
    assert str(folder) in i18n.explain(found.value)
    first.stop()
