"""The alarms page and the dashboard at a real hub: live, acknowledged by key, figures that lead somewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core import i18n
from core.wire.tickets import AlarmView
from desktop import journal_words
from desktop.main_window import MainWindow
from desktop.pages.alarms import AlarmsPage
from desktop.pages.dashboard import DashboardPage
from desktop.pages.tickets import TicketsPage
from tests.desktop.conftest import Plant

Until = Callable[..., object]


@pytest.fixture
def page(window: MainWindow, until: Until) -> AlarmsPage:
    found = cast(AlarmsPage, window.open_page("alarms"))
    until(lambda: found.count.text() != "")
    return found


def test_an_alarm_appears_is_acknowledged_by_key_and_leads_to_its_ticket(
    page: AlarmsPage, window: MainWindow, plant: Plant, until: Until
) -> None:
    occurrence = plant.raise_alarm(8, rule="keyed")
    asset = plant.client.assets()[8]

    def raised() -> list[AlarmView]:
        return [a for a in page.table.rows() if a.active and a.asset and a.asset.id == asset.id]

    until(raised)
    (alarm,) = raised()
    assert page.table.select(alarm.id)
    window.activateWindow()  # shortcuts are for the active window
    until(window.isActiveWindow)
    page.table.view.setFocus()
    QTest.keyClick(page.table.view, Qt.Key.Key_A)
    until(lambda: any(a.id == alarm.id and a.state == "acked" for a in page.table.rows()))
    assert plant.client.alarm(alarm.id).acked_by == "Ada"
    assert [a.id for a in page.table.selected()] == [alarm.id]
    plant.clear_alarm(occurrence, 8, rule="keyed")
    until(lambda: all(a.id != alarm.id for a in page.table.rows()))
    page.views["all"].click()
    until(lambda: any(a.id == alarm.id and not a.active for a in page.table.rows()))
    page.table.select(alarm.id)
    QTest.keyClick(page.table.view, Qt.Key.Key_Return)
    tickets = cast(TicketsPage, window.pages["tickets"])
    until(lambda: tickets.pane.ticket is not None and alarm.ticket is not None)
    assert tickets.pane._id == alarm.ticket.id  # type: ignore[union-attr]


def test_figures_lead_to_what_they_count(window: MainWindow, plant: Plant, until: Until) -> None:
    page = cast(DashboardPage, window.open_page("dashboard"))
    figures = plant.client.dashboard()
    until(lambda: page.tiles["open_tickets"].figure.text() == f"{figures.open_tickets:,}")
    QTest.keyClick(page.tiles["overdue"], Qt.Key.Key_Return)
    tickets = cast(TicketsPage, window.pages["tickets"])
    assert tickets.list.query.overdue
    window.open_page("dashboard")
    QTest.mouseClick(page.tiles["active_alarms"], Qt.MouseButton.LeftButton)
    assert window.rail.buttons["alarms"].isChecked()


def test_what_happens_is_told_live(window: MainWindow, plant: Plant, until: Until) -> None:
    from core.wire.tickets import CreateTicket

    page = cast(DashboardPage, window.open_page("dashboard"))
    made = plant.client.create_ticket(CreateTicket(title="Seen on the dashboard"))
    until(lambda: any(e.ticket_id == made.id and e.verb == "ticket.created" for e in page.table.rows()))


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_every_row_of_a_real_journal_can_be_said(plant: Plant, language: str) -> None:
    plant.clear_alarm(plant.raise_alarm(9, rule="said"), 9, rule="said")
    i18n.use(language)
    unsaid = set()
    for entry in plant.client.journal(0, 500):
        if journal_words.verb_words(entry.verb) == entry.verb:
            unsaid.add(entry.verb)
        words = journal_words.details(entry.verb, entry.data)
        assert "{" not in words and "None" not in words, (entry.verb, words)
        assert journal_words.icon_of(entry.verb)[0]
    assert unsaid == set()
