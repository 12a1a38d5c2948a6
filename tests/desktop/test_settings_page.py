"""The settings page at a real hub: look and language, another password, log-ins ended, licences."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from PySide6.QtWidgets import QLineEdit

from core.wire.people import LogIn, SavePerson, SavePlant
from desktop.hub_client import HubClient
from desktop.main_window import MainWindow
from desktop.pages.settings import SettingsPage
from desktop.pages.settings_about import LIBRARIES, about_dialog, libraries
from desktop.widgets.form import FormDialog
from tests.desktop.conftest import PASSWORD, Plant

Until = Callable[..., object]


@pytest.fixture
def page(window: MainWindow, until: Until) -> SettingsPage:
    found = cast(SettingsPage, window.open_page("settings"))
    until(lambda: found.sessions.rows() and found.version.text() != "…")
    return found


def test_a_choice_of_look_is_kept_and_shown(page: SettingsPage, window: MainWindow) -> None:
    shown: list[bool] = []
    window.restyled.connect(lambda: shown.append(True))
    page.theme.setCurrentIndex(page.theme.findData("dark"))
    page.theme.activated.emit(page.theme.currentIndex())
    assert window.store.value("ui/theme") == "dark" and shown == [True]
    page.theme.activated.emit(page.theme.currentIndex())
    assert shown == [True], "the same choice again changes nothing"


def test_another_log_in_is_ended(page: SettingsPage, plant: Plant, until: Until) -> None:
    other = HubClient(plant.address)
    other.token = other.log_in(
        LogIn(login="ada", password=PASSWORD, program="fettle-console of the test")
    ).token
    page.refresh()
    until(lambda: any(one.program == "fettle-console of the test" for one in page.sessions.rows()))
    mine = next(one for one in page.sessions.rows() if one.current)
    page.sessions.select(mine.id)
    assert not page.end.isEnabled(), "one does not end what one is using"
    page.sessions.select(next(one.id for one in page.sessions.rows() if one.program.endswith("of the test")))
    page.end.click()
    until(lambda: all(one.program != "fettle-console of the test" for one in page.sessions.rows()))
    other.close()


def test_a_password_is_changed_only_when_typed_twice_alike(
    window: MainWindow, plant: Plant, until: Until
) -> None:
    plant.client.create_person(SavePerson(name="Lin", login="lin", password="first words of mine"))
    hub = HubClient(plant.address)
    answer = hub.log_in(LogIn(login="lin", password="first words of mine"))
    hub.token = answer.token
    shown = MainWindow(hub, answer.me, window.store)
    page = cast(SettingsPage, shown.open_page("settings"))
    page.password.click()
    dialog = page.findChildren(FormDialog)[-1]
    fields = {name: cast(QLineEdit, field) for name, field in dialog.form.fields.items()}
    fields["old"].setText("first words of mine")
    fields["new"].setText("second words of mine")
    fields["again"].setText("second words of nobody")
    dialog.submit()
    until(lambda: fields["again"].property("bad"))
    fields["again"].setText("second words of mine")
    fields["old"].setText("wrong")
    dialog.submit()
    assert not fields["again"].property("bad")
    until(dialog._ok.isEnabled)
    assert dialog._trouble.isVisible()
    fields["old"].setText("first words of mine")
    dialog.submit()
    until(lambda: "Password changed" in shown._toast._text.text())
    again = HubClient(plant.address)
    assert again.log_in(LogIn(login="lin", password="second words of mine")).me.name == "Lin"
    again.close()
    shown.shut()
    shown.deleteLater()
    hub.close()


def test_every_library_is_named_with_its_licence(page: SettingsPage) -> None:
    found = libraries()
    assert len(found) == len(LIBRARIES) and all(one.licence not in ("", "–") for one in found)
    dialog = about_dialog(page, "0.1.0")
    dialog.open()
    assert "hub 0.1.0" in [label.text() for label in dialog.findChildren(type(page.version))][1]
    dialog.reject()


def test_an_administrator_changes_the_plant(page: SettingsPage, plant: Plant, until: Until) -> None:
    before = plant.client.plant()
    page.plant.click()
    until(lambda: page.findChildren(FormDialog))
    dialog = page.findChildren(FormDialog)[-1]
    fields = {name: cast(QLineEdit, dialog.form.fields[name]) for name in ("name", "public_url")}
    fields["name"].setText("Plant of the test")
    fields["public_url"].setText("fettle.example.cn")
    dialog.submit()
    until(lambda: fields["public_url"].property("bad"))
    fields["public_url"].setText("https://fettle.example.cn/")
    dialog.submit()
    until(lambda: page.public_url.text() == "https://fettle.example.cn")
    assert page.plant_name.text() == plant.client.who_am_i().plant == "Plant of the test"
    after = plant.client.plant()
    plant.client.save_plant(
        SavePlant(
            version=after.version, name=before.name, language=before.language, public_url=before.public_url
        )
    )
