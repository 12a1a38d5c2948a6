"""The parts page at a real hub: stock movements, what cannot be issued, purchases from wish to receipt."""

from __future__ import annotations

import socket
from collections.abc import Callable
from decimal import Decimal
from typing import cast

import pytest
from PySide6.QtWidgets import QDoubleSpinBox, QLineEdit

from core.wire.parts import PartView, SavePart
from desktop.hub_client import HubClient
from desktop.main_window import MainWindow
from desktop.pages.part_kit import KitEditor, read_quantity
from desktop.pages.parts import PartsPage
from desktop.widgets.form import FormDialog
from tests.desktop.conftest import Plant

Until = Callable[..., object]


@pytest.fixture
def page(window: MainWindow, until: Until) -> PartsPage:
    found = cast(PartsPage, window.open_page("parts"))
    until(lambda: found.table.rows())
    return found


@pytest.fixture
def belt(page: PartsPage, plant: Plant, until: Until) -> PartView:
    """A new part of its own for each test, chosen."""
    made = plant.client.create_part(SavePart(name="Test belt", unit="m"))
    until(lambda: any(part.id == made.id for part in page.table.rows()))
    page.table.select(made.id)
    until(lambda: page.detail.part is not None and page.detail.part.id == made.id)
    return made


def dialogs(page: PartsPage) -> list[FormDialog]:
    return [one for one in page.findChildren(FormDialog) if one.isVisible()]


def dialog_of(page: PartsPage) -> FormDialog:
    (only,) = dialogs(page)
    return only


def settled(page: PartsPage) -> bool:
    """Whether the last dialog has gone and the page shows what came of it, as a person would wait for."""
    return not dialogs(page) and page.detail.part is not None


def move(page: PartsPage, kind: str, qty: float, until: Until, cost: str = "") -> FormDialog:
    until(lambda: settled(page))
    page.detail.on_move(kind)
    dialog = dialog_of(page)
    cast(QDoubleSpinBox, dialog.form.fields["qty"]).setValue(qty)
    if cost:
        cast(QLineEdit, dialog.form.fields["unit_cost_minor"]).setText(cost)
    dialog.submit()
    return dialog


def test_stock_is_received_counted_and_scrapped(
    page: PartsPage, belt: PartView, plant: Plant, until: Until
) -> None:
    move(page, "receive", 12, until, "3.50")
    until(lambda: plant.client.part(belt.id).on_hand == 12)
    move(page, "count", 10.5, until)
    until(lambda: plant.client.part(belt.id).on_hand == Decimal("10.5"))
    move(page, "scrap", 0.5, until)
    until(lambda: plant.client.part(belt.id).on_hand == 10)
    until(lambda: [one.kind for one in page.detail.moves.rows()] == ["scrap", "count", "receive"])
    assert page.detail.moves.rows()[0].by == "Ada", "people by name"
    assert plant.client.part(belt.id).unit_cost_minor == 350


def test_more_than_there_is_cannot_be_scrapped(
    page: PartsPage, belt: PartView, plant: Plant, until: Until
) -> None:
    move(page, "receive", 2, until, "1")
    until(lambda: page.detail.part is not None and page.detail.part.on_hand == 2)
    dialog = move(page, "scrap", 5, until)
    until(lambda: dialog.form.fields["qty"].property("bad"))
    assert dialog.isVisible() and dialog._trouble.text()
    assert plant.client.part(belt.id).on_hand == 2
    dialog.reject()


def test_a_hub_that_is_away_is_named_and_nothing_typed_is_lost(
    page: PartsPage, belt: PartView, plant: Plant, until: Until
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        page.hub = HubClient(f"127.0.0.1:{closed.getsockname()[1]}")
    dialog = move(page, "receive", 7, until, "1.25")
    until(dialog._trouble.isVisible)
    assert "hub" in dialog._trouble.text() and cast(QDoubleSpinBox, dialog.form.fields["qty"]).value() == 7
    assert plant.client.part(belt.id).on_hand == 0
    page.hub.close()
    page.hub = plant.open()
    dialog.submit()
    until(lambda: plant.client.part(belt.id).on_hand == 7)
    page.hub.close()


def test_a_purchase_goes_from_wish_to_receipt(
    page: PartsPage, belt: PartView, plant: Plant, until: Until
) -> None:
    page.detail.on_order()
    dialog = dialog_of(page)
    cast(QDoubleSpinBox, dialog.form.fields["qty"]).setValue(5)
    dialog.submit()
    table = page.purchases.table
    until(lambda: any(one.part.id == belt.id for one in table.rows()))
    request = next(one for one in table.rows() if one.part.id == belt.id)
    page.tabs.setCurrentIndex(1)
    table.select(request.id)
    assert page.purchases.approve.isEnabled() and not page.purchases.receive.isEnabled()
    for button, state in ((page.purchases.approve, "approved"), (page.purchases.send, "sent")):
        until(button.isEnabled)
        button.click()
        until(lambda state=state: any(one.id == request.id and one.state == state for one in table.rows()))
        table.select(request.id)
    until(page.purchases.receive.isEnabled)
    page.purchases.receive.click()
    dialog = dialog_of(page)
    assert cast(QDoubleSpinBox, dialog.form.fields["qty"]).value() == 5
    cast(QLineEdit, dialog.form.fields["unit_cost_minor"]).setText("2")
    dialog.submit()
    until(lambda: plant.client.part(belt.id).on_hand == 5)
    until(lambda: any(one.id == request.id and one.state == "closed" for one in table.rows()))


def test_only_low_parts_are_shown_on_demand(page: PartsPage, plant: Plant, until: Until) -> None:
    low = [part.id for part in plant.client.parts() if part.low and part.active]
    page.low.click()
    until(lambda: sorted(part.id for part in page.table.model.shown_rows()) == sorted(low))
    page.low.click()


def test_an_edit_of_a_stale_part_is_refused_with_words(
    page: PartsPage, belt: PartView, plant: Plant, until: Until
) -> None:
    page.on_edit()
    dialog = dialog_of(page)
    plant.client.save_part(belt.id, SavePart(version=belt.version, name="Renamed belt", unit="m"))
    cast(QLineEdit, dialog.form.fields["bin"]).setText("Z-9")
    dialog.submit()
    until(lambda: dialog._trouble.isVisible())
    assert plant.client.part(belt.id).bin == "", "nothing half-done"
    dialog.reject()


def test_a_kit_takes_whole_quantities_of_known_parts(page: PartsPage, plant: Plant) -> None:
    editor = KitEditor()
    editor.set_parts(plant.client.parts())
    first = next(part for part in plant.client.parts() if part.active)
    editor.choice.setCurrentText("something unknown")
    editor.on_add()
    assert editor.kit() == []
    editor.choice.setCurrentText(f"{first.number}  {first.name}")
    editor.qty.setText("1,5")
    editor.on_add()
    editor.choice.setCurrentText(f"{first.number}  {first.name}")
    editor.on_add()
    assert [(line.part_id, line.qty) for line in editor.kit()] == [(first.id, Decimal("2.5"))]
    assert [read_quantity(text) for text in ("0", "-1", "x", "1e9", "0.0001", "nan")] == [None] * 6
    editor.deleteLater()
