"""The plans page at a real hub: a new plan with its dates, assets, steps and parts; tickets for what is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import cast

import pytest
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QSpinBox

from desktop.main_window import MainWindow
from desktop.pages.plan_dialog import PlanDialog
from desktop.pages.plan_procedure import ProcedureEditor
from desktop.pages.plans import PlansPage
from desktop.widgets.inputs import DayEdit
from tests.desktop.conftest import Plant

Until = Callable[..., object]


@pytest.fixture
def page(window: MainWindow, until: Until) -> PlansPage:
    found = cast(PlansPage, window.open_page("plans"))
    until(lambda: found.table.rows())
    return found


def opened(page: PlansPage, until: Until) -> PlanDialog:
    until(lambda: any(one.isVisible() for one in page.findChildren(PlanDialog)))
    return next(one for one in page.findChildren(PlanDialog) if one.isVisible())


def today() -> date:
    return datetime.now().astimezone().date()


def test_a_plan_is_made_with_steps_and_assets_and_its_ticket_too(
    page: PlansPage, window: MainWindow, plant: Plant, until: Until
) -> None:
    page.on_new()
    dialog = opened(page, until)
    cast(QLineEdit, dialog.form.fields["name"]).setText("Weekly look")
    cast(QComboBox, dialog.form.fields["period"]).setCurrentIndex(1)
    cast(DayEdit, dialog.form.fields["start_on"]).set_day(today())
    dialog.submit()
    until(lambda: dialog.tabs.currentIndex() == 1)
    assert plant.client.plans() == page.table.rows(), "refused: a plan needs assets, and the tab says so"
    asset = plant.client.assets()[3]
    dialog.assets.set_ticked([asset.id])
    dialog.procedure.on_add()
    dialog.procedure.title.setText("Look at it")
    dialog.procedure.on_edited()
    assert dialog.tabs.tabText(1) == "Assets (1)" and dialog.tabs.tabText(2) == "Procedure (1)"
    dialog.submit()
    until(lambda: any(one.name == "Weekly look" for one in page.table.rows()))
    made = next(one for one in page.table.rows() if one.name == "Weekly look")
    assert [step.title for step in made.procedure] == ["Look at it"] and made.every == 1
    page.on_make()
    until(lambda: plant.client.tickets(asset_id=asset.id, type="maintenance").items)
    ticket = plant.client.tickets(asset_id=asset.id, type="maintenance").items[0]
    until(lambda: any(one.ticket and one.ticket.id == ticket.id for one in page.due.rows()))
    page.on_make()
    until(lambda: page.make.isEnabled())
    assert len(plant.client.tickets(asset_id=asset.id, type="maintenance").items) == 1, (
        "the second time is harmless"
    )


def test_an_edit_is_undone_whole(page: PlansPage, window: MainWindow, plant: Plant, until: Until) -> None:
    plan = next(one for one in plant.client.plans() if one.procedure and one.kit)
    page.table.select(plan.id)
    page.on_edit()
    dialog = opened(page, until)
    dialog.procedure.on_remove()
    dialog.kit.set_kit([])
    cast(QSpinBox, dialog.form.fields["every"]).setValue(9)
    dialog.submit()
    until(lambda: "saved" in window._toast.text())
    changed = plant.client.plan(plan.id)
    assert (changed.every, changed.kit, len(changed.procedure)) == (9, [], len(plan.procedure) - 1)
    assert window._toast.undo()
    until(lambda: plant.client.plan(plan.id).every == plan.every)
    back = plant.client.plan(plan.id)
    assert back.model_copy(update={"version": plan.version}) == plan


def test_the_preview_shows_the_next_dates(page: PlansPage, until: Until) -> None:
    page.on_new()
    dialog = opened(page, until)
    start = today().replace(day=1) + timedelta(days=62)
    start = start.replace(day=1)
    cast(DayEdit, dialog.form.fields["start_on"]).set_day(start)
    cast(QSpinBox, dialog.form.fields["every"]).setValue(2)
    words = dialog.preview_words()
    month = start.month - 1
    for n in range(5):
        year, at = divmod(start.year * 12 + month + 2 * n, 12)
        assert f"{year}-{at + 1:02d}-01" in words
    cast(QComboBox, dialog.form.fields["mode"]).setCurrentIndex(1)
    assert f"First due {start:%Y-%m-%d}" in dialog.preview_words()
    dialog.reject()


def test_an_old_start_is_previewed_from_today_on(page: PlansPage, until: Until) -> None:
    page.on_new()
    dialog = opened(page, until)
    cast(DayEdit, dialog.form.fields["start_on"]).set_day(date(2020, 1, 15))
    first = dialog.preview_words().removeprefix("Due on: ")[:10]
    assert date.fromisoformat(first) >= today() and first.endswith("-15")
    dialog.reject()


def test_steps_are_reordered_and_keep_their_keys(app: QApplication) -> None:
    editor = ProcedureEditor()
    for title in ("one", "two", "three"):
        editor.on_add()
        editor.title.setText(title)
        editor.on_edited()
    editor.list.setCurrentRow(2)
    editor.up.click()
    assert [(step.key, step.title) for step in editor.steps()] == [
        ("s1", "one"),
        ("s3", "three"),
        ("s2", "two"),
    ]
    editor.kind.setCurrentIndex(1)
    editor.on_edited()
    editor.low.setText("2,5")
    editor.unit.setText("bar")
    editor.on_edited()
    step = editor.steps()[1]
    assert (step.kind, step.low, step.high, step.unit) == ("number", 2.5, None, "bar")
    editor.on_remove()
    editor.on_add()
    assert [step.title for step in editor.steps()] == ["one", "two"], "a step without words is none"
    editor.deleteLater()
