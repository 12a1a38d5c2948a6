"""A table of up to millions of rows: all ids in memory, rows in pages of 200 fetched when they are looked at.

Knows how to hold, place and forget; what a row is and how pages are fetched is given to it.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

from desktop.table_model import Column, TableModel

PAGE_ROWS = 200
KEPT_PAGES = 24  # a row takes about 5 kB
_TOGETHER_MS = 15  # a view asks for many rows in one paint: collect before fetching


class _HasId(Protocol):
    @property
    def id(self) -> int: ...


R = TypeVar("R", bound=_HasId)
Index = QModelIndex | QPersistentModelIndex
Fetch = Callable[[list[int], Callable[[list[R]], None], Callable[[], None]], None]


class PagedModel(TableModel[R]):
    """Rows by id. `fetch(ids, done, failed)` gets rows in the background; `sorted_by` asks for the ids in new order."""

    sorted_by = Signal(str, bool)

    def __init__(
        self,
        columns: Sequence[Column[R]],
        fetch: Fetch[R],
        sortable: Sequence[str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(columns, parent)
        self.ids: array[int] = array("q")
        self._fetch = fetch
        self._sortable = set(sortable)
        self._rows: dict[int, R] = {}
        self._pages: OrderedDict[int, list[int]] = OrderedDict()
        self._wanted: OrderedDict[int, None] = OrderedDict()
        self._under_way: set[int] = set()
        self._generation = 0
        self._timer = QTimer(self, singleShot=True, interval=_TOGETHER_MS)
        self._timer.timeout.connect(self._ask)

    # ---- what Qt asks

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.ids)

    def row_at(self, position: int) -> R | None:
        if not 0 <= position < len(self.ids):
            return None
        row = self._rows.get(self.ids[position])
        page = position // PAGE_ROWS
        if row is None and page not in self._pages:
            self._want(page)
        elif page in self._pages:
            self._pages.move_to_end(page)
        return row

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(self.columns) and self.columns[column].key in self._sortable:
            self.sorted_by.emit(self.columns[column].key, order is Qt.SortOrder.DescendingOrder)

    # ---- what the page tells

    def set_ids(self, ids: array[int]) -> None:
        """Another list; rows already known are kept, so that what was on the screen is painted at once."""
        self._generation += 1
        self._wanted.clear()
        self._under_way.clear()
        self.beginResetModel()
        self.ids = ids
        if len(self._rows) > 2 * PAGE_ROWS * KEPT_PAGES:
            self._rows.clear()
        self._pages.clear()
        self.endResetModel()

    def position_of(self, row_id: int) -> int:
        """Where an id is; -1 when it is not in the list."""
        try:
            return self.ids.index(row_id)
        except ValueError:
            return -1

    def known(self, row_id: int) -> R | None:
        """The row if it is in memory."""
        return self._rows.get(row_id)

    def update_rows(self, rows: Iterable[R]) -> None:
        """Newer contents for ids that stay where they are."""
        for row in rows:
            at = self.position_of(row.id)
            if at >= 0:
                self._rows[row.id] = row
                self.dataChanged.emit(self.index(at, 0), self.index(at, len(self.columns) - 1))

    def insert(self, at: int, row: R) -> None:
        """A new row at a position; selection and scroll of the views move along."""
        at = len(self.ids) if at < 0 else min(at, len(self.ids))
        self.beginInsertRows(QModelIndex(), at, at)
        self.ids.insert(at, row.id)
        self._rows[row.id] = row
        self._pages.clear()
        self.endInsertRows()

    def remove(self, row_id: int) -> None:
        """Take a row out."""
        at = self.position_of(row_id)
        if at < 0:
            return
        self.beginRemoveRows(QModelIndex(), at, at)
        del self.ids[at]
        self._rows.pop(row_id, None)
        self._pages.clear()
        self.endRemoveRows()

    def forget_rows(self) -> None:
        """Fetch everything anew when it is looked at (after the hub was away)."""
        self._generation += 1
        self._rows.clear()
        self._pages.clear()
        self._wanted.clear()
        self._under_way.clear()
        if len(self.ids):
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.ids) - 1, len(self.columns) - 1))

    def touch(self, first: int, last: int, column: int) -> None:
        """Paint a column anew: its words change with the time."""
        if len(self.ids):
            self.dataChanged.emit(
                self.index(max(0, first), column), self.index(min(last, len(self.ids) - 1), column)
            )

    # ---- pages

    def _want(self, page: int) -> None:
        if page in self._under_way:
            return
        self._wanted[page] = None
        self._wanted.move_to_end(page)
        if not self._timer.isActive():
            self._timer.start()

    def _ask(self) -> None:
        # After a quick scroll only the last pages are of interest; the others are asked for when seen again.
        while len(self._wanted) > 4:
            self._wanted.popitem(last=False)
        while self._wanted:
            page, _nothing = self._wanted.popitem(last=True)
            ids = list(self.ids[page * PAGE_ROWS : (page + 1) * PAGE_ROWS])
            self._under_way.add(page)
            generation = self._generation
            self._fetch(
                ids,
                lambda rows, page=page, ids=ids, generation=generation: self._take(
                    page, ids, generation, rows
                ),  # type: ignore[misc]
                lambda page=page: self._under_way.discard(page),  # type: ignore[misc]
            )

    def _take(self, page: int, ids: list[int], generation: int, rows: list[R]) -> None:
        if generation == self._generation:
            self._under_way.discard(page)
        if len(self._rows) > 2 * PAGE_ROWS * KEPT_PAGES:  # pages were renumbered by insertions
            self._rows.clear()
            self._pages.clear()
        for row in rows:
            self._rows[row.id] = row
        if generation != self._generation:
            return
        self._pages[page] = ids
        self._pages.move_to_end(page)
        while len(self._pages) > KEPT_PAGES:
            for old in self._pages.popitem(last=False)[1]:
                self._rows.pop(old, None)
        first = page * PAGE_ROWS
        last = min(first + PAGE_ROWS, len(self.ids)) - 1
        if last >= first:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(self.columns) - 1))
