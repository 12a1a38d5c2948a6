"""The main window at a real hub: navigation, palette, banner, badges, accessible names, languages, undo."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QSettings, Qt, Signal
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from core import i18n
from desktop.hub_client import HubClient
from desktop.main_window import MainWindow, page_title
from desktop.pages import PAGES
from desktop.widgets.palette import Palette
from tests.desktop.conftest import Plant, dispose

Until = Callable[..., object]


def test_every_page_opens_and_has_a_title(window: MainWindow, until: Until) -> None:
    for spec in PAGES:
        page = window.open_page(spec.key)
        assert page.title() == page_title(spec.key)
        assert page.help_text(), spec.key
    until(lambda: window.feed.is_online)


def test_everything_that_takes_the_focus_has_an_accessible_name(
    window: MainWindow, plant: Plant, until: Until
) -> None:
    pages = [window.open_page(spec.key) for spec in PAGES]
    ticket = plant.client.tickets(limit=1).items
    if ticket:
        window.open_ticket(ticket[0].id)
        tickets = window.pages["tickets"]
        until(lambda: tickets.pane.ticket is not None)  # type: ignore[attr-defined]
    nameless = [
        f"{page.objectName()}: {type(widget).__name__} {widget.objectName()} in {type(widget.parent()).__name__}"
        for page in [*pages, window.rail]
        for widget in page.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not widget.objectName().startswith("qt_")
        and widget.parent().metaObject().className()
        != "QComboBoxPrivateContainer"  # the list of a box, named by it
        and not (widget.accessibleName() or getattr(widget, "text", str)())
    ]
    assert nameless == []


def test_the_palette_finds_a_ticket_by_words_of_its_title(
    window: MainWindow, plant: Plant, until: Until
) -> None:
    from core.wire.tickets import CreateTicket

    made = plant.client.create_ticket(CreateTicket(title="Flux capacitor hums"))
    window.show_palette()
    palette = window.findChild(Palette)
    assert palette is not None
    QTest.keyClicks(palette.box, "flux capac")
    until(lambda: any(made.number in palette.list.item(n).text() for n in range(palette.list.count())))
    QTest.keyClick(palette.box, Qt.Key.Key_Return)
    tickets = window.pages["tickets"]
    until(lambda: tickets.pane.ticket is not None and tickets.pane.ticket.id == made.id)  # type: ignore[attr-defined]


def test_the_palette_goes_to_a_page_by_keyboard(window: MainWindow) -> None:
    window.show_palette()
    palette = window.findChild(Palette)
    assert palette is not None
    QTest.keyClicks(palette.box, "alarm")
    QTest.keyClick(palette.box, Qt.Key.Key_Return)
    assert window.rail.buttons["alarms"].isChecked()


def test_badges_count_alarms_that_wait(window: MainWindow, plant: Plant, until: Until) -> None:
    plant.raise_alarm(5, rule="badge")
    until(lambda: "(" in window.rail.buttons["alarms"].accessibleName())


def test_undo_calls_back_once(window: MainWindow) -> None:
    undone: list[int] = []
    window.toast("Moved", undo=lambda: undone.append(1))
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert undone == [1]


def test_the_window_speaks_chinese(app: QApplication, plant: Plant, store: QSettings) -> None:
    i18n.use("zh_CN")
    hub = plant.open()
    made = MainWindow(hub, plant.me, store)
    assert made.rail.buttons["tickets"].accessibleName() == "工单"
    assert made.rail.buttons["dashboard"].accessibleName() == "工作台"
    dispose(app, made)
    hub.close()


def test_a_person_without_rights_sees_fewer_pages(app: QApplication, plant: Plant, store: QSettings) -> None:
    reporter = plant.me.model_copy(update={"rights": {"ticket.read": "own", "asset.read": "all"}})
    hub = plant.open()
    made = MainWindow(hub, reporter, store)
    assert set(made.rail.buttons) == {"dashboard", "tickets", "assets", "settings"}
    dispose(app, made)
    hub.close()


class _Emitter(QObject):
    fired = Signal(object)


def test_emitting_none_keeps_its_references(app: QApplication) -> None:
    """PySide 6.12.0 on Python 3.11 loses a reference to None at each emit and aborts after a few hundred."""
    emitter = _Emitter()
    got: list[object] = []
    emitter.fired.connect(got.append)
    before = sys.getrefcount(None)
    for _n in range(2_000):
        emitter.fired.emit(None)
    assert len(got) == 2_000
    assert sys.getrefcount(None) >= before


@pytest.fixture
def own_plant(tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path / "hub")
    yield made
    made.client.close()
    made.local.stop()


def test_a_hub_that_dies_shows_a_banner_and_comes_back(
    app: QApplication, own_plant: Plant, store: QSettings, until: Until
) -> None:
    from core.wire.tickets import CreateTicket
    from desktop.local_hub import LocalHub

    port = int(own_plant.address.rsplit(":", 1)[1])
    hub = HubClient(own_plant.address, own_plant.token)
    window = MainWindow(hub, own_plant.me, store)
    window.show()
    window.begin()
    until(lambda: window.feed.is_online)
    tickets = window.open_page("tickets")
    assert own_plant.local._process is not None
    own_plant.local._process.kill()
    own_plant.local._process.wait()
    until(lambda: not window.banner.isHidden())
    assert "does not answer" in window.banner.text()
    tickets.run(lambda: hub.create_ticket(CreateTicket(title="Lost?")))
    until(lambda: "does not answer" in window._toast.text())
    again = LocalHub(own_plant.local.folder, port=port, mqtt_port=0)
    again.ensure()
    own_plant.local = again
    until(lambda: window.banner.isHidden(), 20)
    made = hub.create_ticket(CreateTicket(title="After the cut"))
    model = tickets.list.model  # type: ignore[attr-defined]
    until(lambda: model.position_of(made.id) >= 0)
    assert [row.title for row in hub.tickets(q="Lost?").items] == []
    window.close()
    dispose(app, window)
    hub.close()
