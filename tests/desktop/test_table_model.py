"""The table models: sorting, filtering, selection kept, and a million ids in pages."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication

from desktop.paged_model import KEPT_PAGES, PAGE_ROWS, PagedModel
from desktop.table_model import Column
from desktop.widgets.table import Table, TableView


@dataclass
class Thing:
    id: int
    name: str
    size: int | None = None


def columns() -> list[Column[Thing]]:
    return [
        Column("name", "Name", lambda t: t.name),
        Column(
            "size",
            "Size",
            lambda t: "" if t.size is None else str(t.size),
            sort=lambda t: t.size,
            align="right",
        ),
        Column("id", "Id", lambda t: f"#{t.id}"),
    ]


def make(store: QSettings | None = None) -> Table[Thing]:
    return Table("things", "Things", columns(), key=lambda t: t.id, store=store, sort="size")


def names(table: Table[Thing]) -> list[str]:
    return [row.name for row in table.model.shown_rows()]


THINGS = [Thing(1, "Pump", 30), Thing(2, "Fan", 4), Thing(3, "Belt", None)]


def test_rows_sort_by_value_not_by_words(app: QApplication) -> None:
    table = make()
    table.set_rows(THINGS)
    assert names(table) == ["Fan", "Pump", "Belt"]
    table.model.sort(1, Qt.SortOrder.DescendingOrder)
    assert names(table) == ["Belt", "Pump", "Fan"]
    table.model.sort(0)
    assert names(table) == ["Belt", "Fan", "Pump"]


def test_every_word_of_the_filter_must_be_somewhere(app: QApplication) -> None:
    table = make()
    table.set_rows(THINGS)
    table.set_filter("fa 4")
    assert names(table) == ["Fan"]
    table.set_filter("", lambda thing: thing.size is None)
    assert names(table) == ["Belt"]
    table.set_filter()
    assert len(names(table)) == 3


def test_selection_follows_its_row_when_rows_change(app: QApplication) -> None:
    table = make()
    table.set_rows(THINGS)
    assert table.select(1)
    table.set_rows([*THINGS, Thing(4, "Valve", 1)])
    assert [row.name for row in table.selected()] == ["Pump"]
    table.set_rows([Thing(9, "New", 2), *(thing for thing in THINGS if thing.id != 2)])
    assert [row.name for row in table.selected()] == ["Pump"]
    table.model.sort(0, Qt.SortOrder.DescendingOrder)
    assert [row.name for row in table.selected()] == ["Pump"]
    table.set_rows([Thing(n, f"Thing {n}", n) for n in range(1, 1000)])
    assert [row.id for row in table.selected()] == [1]


def test_a_table_remembers_its_columns(app: QApplication, store: QSettings) -> None:
    table = make(store)
    table.view.horizontalHeader().resizeSection(0, 222)
    table.view.horizontalHeader().setSectionHidden(1, True)
    table.view._save()
    again = make(store)
    assert again.view.horizontalHeader().sectionSize(0) == 222
    assert again.view.horizontalHeader().isSectionHidden(1)


class Source:
    """Answers for pages at once, and counts them."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def __call__(
        self, ids: list[int], done: Callable[[list[Thing]], None], failed: Callable[[], None]
    ) -> None:
        self.asked.append(ids)
        done([Thing(n, f"Thing {n}", n) for n in ids])


def paged(count: int) -> tuple[PagedModel[Thing], Source]:
    source = Source()
    model: PagedModel[Thing] = PagedModel(columns(), source, ["name"])
    model.set_ids(array("q", range(1, count + 1)))
    return model, source


def shown(model: PagedModel[Thing], at: int) -> str:
    return str(model.data(model.index(at, 0)))


def test_a_million_rows_fetch_only_what_is_looked_at(app: QApplication, until: Callable[..., object]) -> None:
    model, source = paged(1_000_000)
    view = TableView("many", "Many")
    view.wear(model)
    view.resize(600, 400)
    view.show()
    until(lambda: shown(model, 0) == "Thing 1")
    view.scrollToBottom()
    until(lambda: shown(model, 999_999) == "Thing 1000000")
    assert sum(len(ids) for ids in source.asked) <= 4 * PAGE_ROWS
    view.close()


def test_pages_out_of_sight_are_forgotten(app: QApplication, until: Callable[..., object]) -> None:
    model, _source = paged(200_000)
    for page in range(KEPT_PAGES + 20):
        at = page * PAGE_ROWS
        until(lambda at=at: shown(model, at) != "…")
    assert len(model._rows) <= (KEPT_PAGES + 1) * PAGE_ROWS


def test_rows_come_and_go_without_moving_what_is_selected(
    app: QApplication, until: Callable[..., object]
) -> None:
    model, _source = paged(5_000)
    view = TableView("many", "Many")
    view.wear(model)
    until(lambda: shown(model, 100) == "Thing 101")
    view.selectRow(100)
    model.insert(0, Thing(9_999, "New", 1))
    assert [model.ids[at] for at in view.positions()] == [101]
    model.remove(50)
    assert [model.ids[at] for at in view.positions()] == [101]
    model.update_rows([Thing(101, "Changed", 5)])
    assert shown(model, model.position_of(101)) == "Changed"
    model.remove(101)
    assert view.positions() == [] or 101 not in model.ids


def test_an_id_the_hub_does_not_know_is_asked_for_once(
    app: QApplication, until: Callable[..., object]
) -> None:
    asked: list[list[int]] = []

    def fetch(ids: list[int], done: Callable[[list[Thing]], None], failed: Callable[[], None]) -> None:
        asked.append(ids)
        done([])

    model: PagedModel[Thing] = PagedModel(columns(), fetch, [])
    model.set_ids(array("q", [1, 2, 3]))
    for _n in range(20):
        shown(model, 0)
        until(lambda: True)
        app.processEvents()
    until(lambda: asked != [])
    for _n in range(20):
        shown(model, 0)
        app.processEvents()
    assert len(asked) == 1
