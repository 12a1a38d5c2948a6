"""The assets page at a real hub: the tree, editing with conflict and undo, moving, live points, files, labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QDropEvent, QImage
from PySide6.QtWidgets import QDialog, QLineEdit

from core.wire.assets import PrintLabels
from desktop.main_window import MainWindow
from desktop.pages.asset_dialogs import asset_body
from desktop.pages.asset_live import value_colour, value_words
from desktop.pages.asset_picker import AssetPicker
from desktop.pages.assets import AssetsPage
from desktop.widgets.form import FormDialog
from tests.desktop.conftest import Plant

Until = Callable[..., object]


@pytest.fixture
def page(window: MainWindow, until: Until) -> Iterator[AssetsPage]:
    found = cast(AssetsPage, window.open_page("assets"))
    until(lambda: found.assets)
    yield found
    found.detail.dirty = False  # or the window would ask before it closes


def chosen(page: AssetsPage, until: Until, number: str) -> int:
    """Choose an asset by its number; gives its id once it is shown."""
    asset = next(one for one in page.assets if one.number == number)
    page.show_asset(asset.id)
    until(lambda: page.detail.asset is not None and page.detail.asset.id == asset.id)
    return asset.id


def dialog_of(page: QDialog | AssetsPage) -> FormDialog:
    return next(one for one in page.findChildren(FormDialog) if one.isVisible())


def type_into(page: AssetsPage, name: str, text: str) -> None:
    cast(QLineEdit, page.detail.form.fields[name]).setText(text)


def test_the_tree_shows_places_and_assets_and_filters(page: AssetsPage) -> None:
    total = len(page.assets)
    assert page.count.text() == f"{total} assets" and page.tree.topLevelItemCount() == 1
    assert 0 < page.tree.filter("compressor main motor") < total
    assert page.tree.filter("no such thing anywhere") == 0
    assert page.tree.filter("") == total


def test_a_change_is_saved_and_undone(
    page: AssetsPage, window: MainWindow, plant: Plant, until: Until
) -> None:
    asset_id = chosen(page, until, "A-00012")
    before = plant.client.asset(asset_id)
    assert not page.unsaved()
    type_into(page, "serial", "SN-4711")
    assert page.unsaved() and page.detail.save.isEnabled()
    page.detail.on_save()
    until(lambda: plant.client.asset(asset_id).serial == "SN-4711" and not page.unsaved())
    until(lambda: "saved" in window._toast.text())
    assert window._toast.undo()
    until(lambda: plant.client.asset(asset_id).serial == before.serial)


def test_a_change_of_somebody_else_is_named_and_can_be_loaded(
    page: AssetsPage, plant: Plant, until: Until
) -> None:
    asset_id = chosen(page, until, "A-00013")
    type_into(page, "model", "mine")
    other = plant.client.asset(asset_id)
    plant.client.save_asset(asset_id, asset_body(other, model="theirs"))
    page.detail.on_save()
    until(lambda: page.detail.newer.isVisible())
    assert plant.client.asset(asset_id).model == "theirs", "nothing half-done"
    assert cast(QLineEdit, page.detail.form.fields["model"]).text() == "mine", "nothing typed is lost"
    page.detail.newer.click()
    until(lambda: cast(QLineEdit, page.detail.form.fields["model"]).text() == "theirs")
    assert not page.unsaved() and not page.detail.newer.isVisible()


def test_a_taken_number_is_said_at_its_field(page: AssetsPage, until: Until) -> None:
    page.on_new_asset()
    dialog = dialog_of(page)
    dialog.submit()
    until(lambda: dialog.form.fields["name"].property("bad"))
    cast(QLineEdit, dialog.form.fields["name"]).setText("Second press")
    cast(QLineEdit, dialog.form.fields["number"]).setText("A-00001")
    dialog.submit()
    until(lambda: dialog.form.fields["number"].property("bad"))
    assert "A-00001" in dialog._trouble.text()
    cast(QLineEdit, dialog.form.fields["number"]).setText("")
    dialog.submit()
    until(lambda: any(one.name == "Second press" for one in page.assets))
    until(lambda: page.detail.asset is not None and page.detail.asset.name == "Second press")


def test_an_asset_is_moved_and_moved_back(
    page: AssetsPage, window: MainWindow, plant: Plant, until: Until
) -> None:
    asset = next(one for one in page.assets if one.number == "A-00021")
    target = next(one for one in page.assets if one.number == "A-00017")
    page.on_moved("asset", asset.id, "asset", target.id)
    until(lambda: plant.client.asset(asset.id).parent_id == target.id)
    until(lambda: "moved" in window._toast.text())
    assert window._toast.undo()
    until(lambda: plant.client.asset(asset.id).parent_id == asset.parent_id)
    assert plant.client.asset(asset.id).location_id == asset.location_id


def test_an_asset_cannot_be_moved_into_itself(
    page: AssetsPage, window: MainWindow, plant: Plant, until: Until
) -> None:
    child = next(one for one in page.assets if one.parent_id)
    page.on_moved("asset", child.parent_id or 0, "asset", child.id)
    until(lambda: window._toast.property("toast") == "bad" and window._toast.text())
    assert plant.client.asset(child.id).parent_id == child.parent_id


def test_an_empty_location_is_removed_and_comes_back(
    page: AssetsPage, window: MainWindow, until: Until
) -> None:
    site = next(one for one in page.locations if one.kind == "site")
    page.tree.choose(("location", site.id))
    page.on_new_location()
    dialog = dialog_of(page)
    cast(QLineEdit, dialog.form.fields["name"]).setText("Hall 9")
    dialog.submit()
    until(lambda: any(one.name == "Hall 9" for one in page.locations))
    made = next(one for one in page.locations if one.name == "Hall 9")
    assert made.parent_id == site.id and made.kind == "area"
    page.tree.choose(("location", made.id))
    page.on_delete_location()
    until(lambda: all(one.name != "Hall 9" for one in page.locations))
    assert window._toast.undo()
    until(lambda: any(one.name == "Hall 9" for one in page.locations))


def test_a_point_with_an_active_alarm_is_coloured(page: AssetsPage, plant: Plant, until: Until) -> None:
    # Tests of other pages make edges of their own: the sample plant's is meant.
    edge = next(edge for edge in plant.client.edges() if edge.edge_id == "plant-1")
    device = plant.client.devices(edge.id)[0]
    points = plant.client.points(device.id)
    point, rule = next((p, r) for p in points for r in plant.client.rules(p.id))
    owner = point.asset or device.asset
    assert owner is not None
    asset_id = owner.id
    at = next(n for n, one in enumerate(plant.client.assets()) if one.id == asset_id)
    occurrence = plant.raise_alarm(at, rule=str(rule.id))
    page.show_asset(asset_id)
    until(lambda: any(one.alarm for one in page.detail.live.table.rows()))
    shown = next(one for one in page.detail.live.table.rows() if one.point_id == point.id)
    assert value_colour(shown) == "bad" and value_words(shown) == "–"
    plant.clear_alarm(occurrence, at, rule=str(rule.id))
    page.detail.live.fetch()
    until(lambda: not any(one.alarm for one in page.detail.live.table.rows()))


def test_a_photo_is_added_and_what_is_none_is_refused(
    page: AssetsPage, window: MainWindow, tmp_path: Path, until: Until
) -> None:
    chosen(page, until, "A-00014")
    picture = QImage(64, 48, QImage.Format.Format_RGB32)
    picture.fill(0x3366AA)
    good, bad = tmp_path / "tower.png", tmp_path / "notes.jpg"
    assert picture.save(str(good))
    bad.write_text("these are words, not a photo", encoding="utf-8")
    page.detail.files.add_files([good])
    until(lambda: page.detail.files.list.count() == 1)
    assert page.detail.tabs.tabText(2) == "Files (1)"
    page.detail.files.add_files([bad])
    until(lambda: window._toast.property("toast") == "bad" and window._toast.text())
    assert page.detail.files.list.count() == 1


def test_printed_labels_are_listed_and_revoked(page: AssetsPage, plant: Plant, until: Until) -> None:
    asset_id = chosen(page, until, "A-00015")
    plant.client.labels_pdf(PrintLabels(asset_ids=[asset_id]))
    labels = page.detail.labels
    labels.show_asset(page.detail.asset)
    until(lambda: len(labels.table.rows()) == 1)
    label = labels.table.rows()[0]
    labels.table.select(label.id)
    assert labels.revoke.isEnabled()
    plant.client.revoke_label(label.id)
    labels.show_asset(page.detail.asset)
    until(lambda: labels.table.rows()[0].revoked_at is not None)
    assert not labels.revoke.isEnabled()


def test_a_retired_asset_leaves_the_tree_and_comes_back(
    page: AssetsPage, window: MainWindow, plant: Plant, until: Until
) -> None:
    asset_id = chosen(page, until, "A-00020")
    page.detail.on_retire()
    until(lambda: plant.client.asset(asset_id).retired)
    until(lambda: all(one.id != asset_id for one in page.assets))
    until(lambda: "saved" in window._toast.text())
    assert window._toast.undo()
    until(lambda: any(one.id == asset_id for one in page.assets))


def test_a_row_dropped_on_another_is_told_and_stays_until_the_hub_agrees(page: AssetsPage) -> None:
    tree = page.tree
    asset = next(one for one in page.assets if one.number == "A-00007")
    target = next(one for one in page.assets if one.number == "A-00008")
    told: list[tuple[str, int, str, int]] = []
    tree.moved.disconnect()
    tree.moved.connect(lambda *what: told.append(what))
    tree.choose(("asset", target.id))
    onto = tree.visualItemRect(tree._items["asset", target.id]).center()
    tree.choose(("asset", asset.id))
    data = tree.mimeData([tree._items["asset", asset.id]])
    event = QDropEvent(
        QPointF(onto),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    tree.dropEvent(event)
    assert told == [], "from elsewhere: not taken"
    event.source = lambda: tree  # type: ignore[method-assign]  # a drag of the system cannot be made here
    tree.dropEvent(event)
    assert told == [("asset", asset.id, "asset", target.id)]
    assert tree.current() == ("asset", asset.id)


def test_a_tick_on_a_place_ticks_all_in_it(page: AssetsPage) -> None:
    picker = AssetPicker()
    picker.set_things(page.locations, page.assets)
    site = next(one for one in page.locations if one.kind == "site")
    area = next(one for one in page.locations if one.name == "Moulding shop")
    items = picker.tree._items
    items["location", area.id].setCheckState(0, Qt.CheckState.Checked)
    some = picker.field_value()
    assert 0 < len(some) < len(page.assets)
    assert items["location", site.id].checkState(0) is Qt.CheckState.PartiallyChecked
    items["location", site.id].setCheckState(0, Qt.CheckState.Checked)
    assert len(picker.field_value()) >= len([one for one in page.assets if one.location_id])
    picker.none.click()
    assert picker.field_value() == []
    assert items["location", site.id].checkState(0) is Qt.CheckState.Unchecked
    picker.set_ticked(some)
    picker.set_things(page.locations, page.assets)
    assert picker.field_value() == some, "kept when the lists come anew"
    picker.deleteLater()
