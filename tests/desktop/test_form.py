"""Forms and tables under a person's hands: what is typed is found or asked about, what does not fit gives way."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from core.errors import AppError
from desktop.lists import listed
from desktop.table_model import Column, ListModel
from desktop.widgets import inputs
from desktop.widgets.form import Form
from desktop.widgets.table import TableView
from desktop.widgets.toast import Toast

ASSETS = [(None, "no asset"), *((n, f"A-{n:05}  Pump {n}") for n in range(1, 20))]


def test_a_part_of_the_name_finds_the_asset(app: QApplication) -> None:
    box = inputs.choice(ASSETS)
    box.setEditText("A-00007")
    assert inputs.value_of(box) == 7
    box.setEditText("")
    assert inputs.value_of(box) is None


@pytest.mark.parametrize(
    ("typed", "code"), [("Pump", "form.several_in_list"), ("Press 3", "form.not_in_list")]
)
def test_what_names_no_single_asset_is_never_dropped_silently(
    app: QApplication, typed: str, code: str
) -> None:
    form = Form()
    box = inputs.choice(ASSETS)
    form.add("asset_id", "Asset", box)
    box.setEditText(typed)
    with pytest.raises(AppError) as caught:
        form.values()
    assert caught.value.code == code and caught.value.fields == {"asset_id": code}


def test_an_error_goes_when_its_field_is_put_right(app: QApplication) -> None:
    form = Form()
    line, other = inputs.line(), inputs.line()
    form.add("name", "Name", line)
    form.add("plant", "Plant", other)
    form.show_errors(AppError("request.invalid", fields={"name": "missing", "plant": "missing"}))
    line.setText("Zhang Wei")
    assert line.property("bad") is False and other.property("bad") is True


def test_a_list_is_written_with_the_comma_of_the_language(app: QApplication) -> None:
    assert listed(["a", "b"]) in ("a, b", "a、b")


def test_columns_give_way_and_come_back(app: QApplication, store: QSettings) -> None:
    columns = [
        Column[str]("number", "Number", lambda r: r, width=100),
        Column[str]("title", "Title", lambda r: r, width=150, stretch=True),
        Column[str]("asset", "Asset", lambda r: r, width=120, gives_way=2),
        Column[str]("source", "Source", lambda r: r, width=80, gives_way=1),
    ]
    view = TableView("give-way", "Rows", store)
    view.wear(ListModel(columns, key=lambda r: r))
    header = view.horizontalHeader()
    hidden = {}
    for width in (900, 340, 260, 900):
        view.resize(width, 200)
        view.show()
        app.processEvents()
        hidden[width] = [columns[at].key for at in range(4) if header.isSectionHidden(at)]
        assert header.length() <= view.viewport().width()
    assert hidden == {900: [], 340: ["source"], 260: ["asset", "source"]}
    view.resize(260, 200)
    app.processEvents()
    view._save()  # what only waits for room is kept as shown
    again = TableView("give-way", "Rows", store)
    again.wear(ListModel(columns, key=lambda r: r))
    again.resize(900, 200)
    again.show()
    app.processEvents()
    assert not any(again.horizontalHeader().isSectionHidden(at) for at in range(4))
    assert again.horizontalHeader().sectionSize(1) > 400  # and the title still takes the free room


def test_the_words_of_a_message_stand_out_from_its_ground(app: QApplication) -> None:
    view = TableView("below", "Below")
    view.resize(700, 300)
    toast = Toast(view)
    view.show()
    for bad in (False, True):
        toast.say("Ticket made.", bad=bad)
        app.processEvents()
        picture = toast.grab().toImage()
        shades = {picture.pixelColor(x, y).lightness() for x in range(picture.width()) for y in range(4, 30)}
        assert max(shades) - min(shades) > 120
