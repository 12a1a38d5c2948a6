"""The people page at a real hub: persons, teams, shifts drawn over the week, absences."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QListWidget

from core.wire.people import LogIn, ShiftView
from desktop.hub_client import HubClient
from desktop.main_window import MainWindow
from desktop.pages.people import PeoplePage
from desktop.pages.people_columns import days_words
from desktop.pages.people_dialogs import ClockEdit, WeekdayChips
from desktop.pages.people_week import WeekPicture, bars_of
from desktop.widgets.form import FormDialog
from tests.desktop.conftest import Plant

Until = Callable[..., object]


@pytest.fixture
def page(window: MainWindow, until: Until) -> PeoplePage:
    found = cast(PeoplePage, window.open_page("people"))
    until(lambda: found.people.rows())
    return found


def dialog_of(page: PeoplePage) -> FormDialog:
    return [one for one in page.findChildren(FormDialog) if one.isVisible()][-1]


def shift(weekdays: list[int], start_min: int, end_min: int, shift_id: int = 1) -> ShiftView:
    return ShiftView(
        id=shift_id, version=1, name="S", weekdays=weekdays, start_min=start_min, end_min=end_min, active=True,
        members=[],
    )  # fmt: skip


def test_a_person_is_made_who_can_log_in(page: PeoplePage, plant: Plant, until: Until) -> None:
    page.new.click()
    dialog = dialog_of(page)
    fields = dialog.form.fields
    cast(QLineEdit, fields["name"]).setText("Grace")
    cast(QLineEdit, fields["login"]).setText("grace")
    cast(QLineEdit, fields["password"]).setText("too short")
    dialog.submit()
    until(lambda: fields["password"].property("bad"))
    assert all(one.name != "Grace" for one in plant.client.people()), "nothing half-done"
    cast(QLineEdit, fields["password"]).setText("a compiler in the attic")
    cast(QLineEdit, fields["skills"]).setText("electrics，PLC")
    dialog.submit()
    until(lambda: any(one.name == "Grace" for one in page.people.rows()))
    made = next(one for one in page.people.rows() if one.name == "Grace")
    assert made.skills == ["electrics", "PLC"] and made.roles == ["technician"]
    other = HubClient(plant.address)
    assert other.log_in(LogIn(login="grace", password="a compiler in the attic")).me.name == "Grace"
    other.close()


def test_an_edit_keeps_the_password_and_the_teams_and_is_undone(
    page: PeoplePage, window: MainWindow, plant: Plant, until: Until
) -> None:
    person = next(one for one in page.people.rows() if one.teams and one.login)
    page._open_person(person)
    dialog = dialog_of(page)
    cast(QLineEdit, dialog.form.fields["phone"]).setText("4711")
    dialog.submit()
    until(lambda: any(one.id == person.id and one.phone == "4711" for one in page.people.rows()))
    now = next(one for one in plant.client.people() if one.id == person.id)
    assert now.teams == person.teams and now.shifts == person.shifts and now.roles == person.roles
    until(lambda: "saved" in window._toast.text())
    assert window._toast.undo()
    until(lambda: any(one.id == person.id and one.phone == person.phone for one in page.people.rows()))
    back = next(one for one in plant.client.people() if one.id == person.id)
    assert back.model_copy(update={"version": person.version}) == person


def test_a_team_and_a_shift_are_made(page: PeoplePage, plant: Plant, until: Until) -> None:
    page.tabs.setCurrentIndex(2)
    page.new_team.click()
    dialog = dialog_of(page)
    cast(QLineEdit, dialog.form.fields["name"]).setText("Night watch")
    members = cast(QListWidget, dialog.form.fields["member_ids"])
    members.item(0).setCheckState(Qt.CheckState.Checked)
    dialog.submit()
    until(lambda: any(one.name == "Night watch" and len(one.members) == 1 for one in page.teams.rows()))
    page.tabs.setCurrentIndex(1)
    page.shifts.new.click()
    dialog = dialog_of(page)
    cast(QLineEdit, dialog.form.fields["name"]).setText("Weekend night")
    for day, chip in enumerate(cast(WeekdayChips, dialog.form.fields["weekdays"]).chips):
        chip.setChecked(day >= 5)
    for name, minute in (("start_min", 22 * 60), ("end_min", 6 * 60)):
        edit = cast(ClockEdit, dialog.form.fields[name])
        edit.setTime(edit.time().fromMSecsSinceStartOfDay(minute * 60_000))
    dialog.submit()
    until(lambda: any(one.name == "Weekend night" for one in page.shifts.shifts.rows()))
    made = next(one for one in plant.client.shifts() if one.name == "Weekend night")
    assert (made.weekdays, made.start_min, made.end_min) == ([5, 6], 1320, 360)


def test_an_absence_is_added_removed_and_brought_back(
    page: PeoplePage, window: MainWindow, plant: Plant, until: Until
) -> None:
    page.tabs.setCurrentIndex(1)
    page.shifts.away.click()
    dialog = dialog_of(page)
    cast(QLineEdit, dialog.form.fields["reason"]).setText("training")
    dialog.submit()
    until(lambda: page.shifts.absences.rows())
    absence = page.shifts.absences.rows()[0]
    page.shifts.absences.select(absence.id)
    page.shifts.back.click()
    until(lambda: not page.shifts.absences.rows())
    assert window._toast.undo()
    until(lambda: page.shifts.absences.rows())
    back = plant.client.absences()[0]
    assert (back.person.id, back.from_on, back.reason) == (absence.person.id, absence.from_on, "training")


def test_a_shift_over_midnight_goes_on_the_next_day() -> None:
    bars = bars_of([shift([6], 1320, 360)])
    assert [(bar.weekday, bar.from_min, bar.to_min) for bar in bars] == [(6, 1320, 1440), (0, 0, 360)]
    assert [(bar.from_min, bar.to_min) for bar in bars_of([shift([0], 480, 0)])] == [(480, 1440)]
    assert days_words([0, 1, 2, 3, 4]) == "Monday – Friday" and days_words([6, 0]) == "Monday Sunday"


def test_a_click_on_the_picture_chooses_the_shift(app: QApplication) -> None:
    picture = WeekPicture()
    picture.resize(900, 400)
    picture.set_shifts([shift([0], 0, 1440, 7)])
    picture.show()
    found: list[int] = []
    picture.chosen.connect(found.append)
    QTest.mouseClick(picture, Qt.MouseButton.LeftButton, pos=QPoint(500, 45))
    assert found == [7]
    assert not picture.grab().isNull()
    picture.deleteLater()
