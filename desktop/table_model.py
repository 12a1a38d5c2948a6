"""The one table model: rows of any kind in memory, columns as data. Knows no page and no hub.

`TableModel` is what a view needs; `ListModel` holds its rows, `paged_model` fetches them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop import theme

R = TypeVar("R")
Index = QModelIndex | QPersistentModelIndex
_Role = Qt.ItemDataRole

SORT_ROLE = int(_Role.UserRole)
ROW_ROLE = SORT_ROLE + 1
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_MIDDLE = Qt.AlignmentFlag.AlignCenter


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column. `text` is what is shown; the others give more about a row, or nothing.

    `colour`, `background` and `icon_colour` name meanings of the theme; `icon` an icon's name.
    """

    key: str
    title: str
    text: Callable[[R], str]
    sort: Callable[[R], Any] | None = None
    align: str = "left"
    colour: Callable[[R], str] | None = None
    background: Callable[[R], str] | None = None
    icon: Callable[[R], str] | None = None
    icon_colour: Callable[[R], str] | None = None
    tip: Callable[[R], str] | None = None
    bold: Callable[[R], bool] | None = None
    width: int = 120
    hidden: bool = False
    stretch: bool = False  # takes the room that is left, until somebody sets widths by hand
    gives_way: int = 0  # left out while there is no room: 1 first, then 2 …; 0 never


class TableModel(QAbstractTableModel, Generic[R]):
    """Columns as data over rows that a subclass finds."""

    def __init__(self, columns: Sequence[Column[R]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = list(columns)

    def row_at(self, position: int) -> R | None:
        """The row at a position; None while it is on its way."""
        raise NotImplementedError

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and 0 <= section < len(self.columns):
            column = self.columns[section]
            if role == _Role.DisplayRole:
                return column.title
            if role == _Role.TextAlignmentRole:
                return _alignment(column.align)
        return None

    def data(self, index: Index, role: int = _Role.DisplayRole) -> Any:
        # Asked 2,000 times for one paint of a page: what needs no row is answered before one is looked for.
        reader = _READERS.get(role)
        if reader is None or not index.isValid():
            return None
        column = self.columns[index.column()]
        chooser = _CHOOSERS.get(role)
        if chooser is not None and getattr(column, chooser) is None:
            return None
        row = self.row_at(index.row())
        if row is None:
            return "…" if role == _Role.DisplayRole and index.column() == 0 else None
        return reader(column, row)


def _alignment(align: str) -> Qt.AlignmentFlag:
    return {"right": _RIGHT, "middle": _MIDDLE}.get(align, _LEFT)


def _sort_key(column: Column[Any], row: Any) -> Any:
    return column.sort(row) if column.sort is not None else column.text(row).casefold()


def _brush(chooser: Callable[[Any], str] | None, row: Any) -> Any:
    meaning = chooser(row) if chooser is not None else ""
    return theme.brush(meaning) if meaning else None


def _icon(column: Column[Any], row: Any) -> Any:
    name = column.icon(row) if column.icon is not None else ""
    if not name:
        return None
    return theme.picture(name, (column.icon_colour(row) if column.icon_colour is not None else "") or "muted")


def _font(column: Column[Any], row: Any) -> Any:
    if column.bold is None or not column.bold(row):
        return None
    from PySide6.QtWidgets import QApplication

    font = QApplication.font()
    font.setBold(True)
    return font


# Roles that a column may have nothing to say to, and what it would say it by.
_CHOOSERS: dict[int, str] = {
    int(_Role.ForegroundRole): "colour",
    int(_Role.BackgroundRole): "background",
    int(_Role.DecorationRole): "icon",
    int(_Role.FontRole): "bold",
    int(_Role.ToolTipRole): "tip",
}

_READERS: dict[int, Callable[[Column[Any], Any], Any]] = {
    int(_Role.DisplayRole): lambda column, row: column.text(row),
    SORT_ROLE: _sort_key,
    ROW_ROLE: lambda _column, row: row,
    int(_Role.TextAlignmentRole): lambda column, row: _alignment(column.align),
    int(_Role.ForegroundRole): lambda column, row: _brush(column.colour, row),
    int(_Role.BackgroundRole): lambda column, row: _brush(column.background, row),
    int(_Role.DecorationRole): _icon,
    int(_Role.FontRole): _font,
    int(_Role.ToolTipRole): lambda column, row: column.tip(row) if column.tip is not None else None,
    int(_Role.AccessibleTextRole): lambda column, row: f"{column.title}: {column.text(row)}",
}


class ListModel(TableModel[R]):
    """Rows in memory, sorted and filtered here; a row is known by its key."""

    def __init__(
        self,
        columns: Sequence[Column[R]],
        key: Callable[[R], Hashable],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(columns, parent)
        self._key = key
        self._all: list[R] = []
        self._shown: list[R] = []
        self._sort_column = -1
        self._descending = False
        self._words: list[str] = []
        self._accept: Callable[[R], bool] | None = None

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._shown)

    def row_at(self, position: int) -> R | None:
        return self._shown[position] if 0 <= position < len(self._shown) else None

    def key_at(self, position: int) -> Hashable:
        """The key of the row at a position."""
        return self._key(self._shown[position])

    def position_of(self, key: Hashable) -> int:
        """Where the row with this key is shown; -1 when it is not."""
        return next((at for at, row in enumerate(self._shown) if self._key(row) == key), -1)

    def rows(self) -> list[R]:
        """All rows, also those the filter hides."""
        return list(self._all)

    def shown_rows(self) -> list[R]:
        """The rows as they are shown."""
        return list(self._shown)

    def set_rows(self, rows: Sequence[R]) -> None:
        """Take new rows; selection and scroll stay when only contents changed."""
        self._all = list(rows)
        self._show()

    def update_row(self, row: R) -> None:
        """Put one changed or new row in its place."""
        key = self._key(row)
        at = next((n for n, old in enumerate(self._all) if self._key(old) == key), -1)
        if at < 0:
            self._all.append(row)
        else:
            self._all[at] = row
        self._show()

    def set_filter(self, text: str = "", accept: Callable[[R], bool] | None = None) -> None:
        """Show only rows that contain every word of `text` in some column, and that `accept` takes."""
        self._words = text.casefold().split()
        self._accept = accept
        self._show()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sort_column = column
        self._descending = order is Qt.SortOrder.DescendingOrder
        self._show()

    def _matches(self, row: R) -> bool:
        if self._accept is not None and not self._accept(row):
            return False
        if not self._words:
            return True
        text = "\n".join(column.text(row) for column in self.columns).casefold()
        return all(word in text for word in self._words)

    def _show(self) -> None:
        rows = [row for row in self._all if self._matches(row)]
        if 0 <= self._sort_column < len(self.columns):
            column = self.columns[self._sort_column]
            rows.sort(key=lambda row: _comparable(_sort_key(column, row)), reverse=self._descending)
        before = [self._key(row) for row in self._shown]
        after = [self._key(row) for row in rows]
        if before == after:
            self._shown = rows
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(self.columns) - 1))
        elif len(before) == len(after) and set(before) == set(after):
            self._reorder(rows, after)
        else:
            self._replace(rows, before, after)

    def _reorder(self, rows: list[R], after: list[Hashable]) -> None:
        self.layoutAboutToBeChanged.emit()
        places = {key: at for at, key in enumerate(after)}
        old = self.persistentIndexList()
        moved = [places[self._key(self._shown[index.row()])] for index in old]
        self._shown = rows
        new = [self.index(at, index.column()) for at, index in zip(moved, old, strict=True)]
        self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()

    def _replace(self, rows: list[R], before: list[Hashable], after: list[Hashable]) -> None:
        """Row by row while few changed, so that a view keeps its selection and scroll; else from new."""
        kept = set(before) & set(after)
        if len(before) + len(after) - 2 * len(kept) > 200 or [k for k in before if k in kept] != [
            k for k in after if k in kept
        ]:
            self.beginResetModel()
            self._shown = rows
            self.endResetModel()
            return
        for at in range(len(before) - 1, -1, -1):
            if before[at] not in kept:
                self.beginRemoveRows(QModelIndex(), at, at)
                del self._shown[at]
                self.endRemoveRows()
        for at, (key, row) in enumerate(zip(after, rows, strict=True)):
            if key not in kept:
                self.beginInsertRows(QModelIndex(), at, at)
                self._shown.insert(at, row)
                self.endInsertRows()
            else:
                self._shown[at] = row
        if rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(self.columns) - 1))


def _comparable(value: Any) -> tuple[bool, Any]:
    """None sorts last among ascending values of one kind."""
    return (value is None, 0 if value is None else value)
