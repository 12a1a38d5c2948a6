"""A table on the one model: sorting, header state kept, column chooser, quick filter, empty state, keyboard."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import QByteArray, QPoint, QSettings, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QMenu,
    QStackedLayout,
    QTableView,
    QWidget,
)

from core.i18n import _
from desktop import theme
from desktop.table_model import Column, ListModel, TableModel

R = TypeVar("R")


class TableView(QTableView):
    """A dense table of whole rows. `opened` comes with Enter or a double click, with the row's position."""

    opened = Signal(int)
    picked = Signal()  # the selection changed

    def __init__(self, name: str, accessible: str, store: QSettings | None = None) -> None:
        super().__init__()
        self._name = name
        self._store = store
        self._restoring = False
        self._stretched = -1
        self._left_out: dict[int, int] = {}  # sections that gave way, with their widths
        self.setAccessibleName(accessible)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self._fit_rows()
        theme.theme().changed.connect(self._fit_rows)
        header = self.horizontalHeader()
        header.setAccessibleName(accessible)
        header.setSectionsMovable(True)
        header.setHighlightSections(False)
        header.setSortIndicatorClearable(False)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._on_header_menu)
        self.doubleClicked.connect(lambda index: self.opened.emit(index.row()))

    def wear(self, model: TableModel[R], sort_column: str = "", descending: bool = False) -> None:
        """Show `model`, with the widths, order and sorting kept from the last time."""
        self.setModel(model)
        header = self.horizontalHeader()
        for at, column in enumerate(model.columns):
            header.resizeSection(at, theme.scaled(column.width))
            header.setSectionHidden(at, column.hidden)
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        keys = [column.key for column in model.columns]
        header.setSortIndicator(keys.index(sort_column) if sort_column in keys else -1, order)
        self._stretched = next((at for at, column in enumerate(model.columns) if column.stretch), -1)
        self._restore()
        self.setSortingEnabled(True)
        header.setStretchLastSection(self._stretched < 0)
        header.sectionResized.connect(self._on_resized)
        for signal in (
            header.sectionResized,
            header.sectionMoved,
            header.sortIndicatorChanged,
        ):
            signal.connect(self._save)
        self.selectionModel().selectionChanged.connect(lambda _now, _before: self.picked.emit())

    def positions(self) -> list[int]:
        """Positions of the selected rows, from the top."""
        selection = self.selectionModel()
        return sorted(index.row() for index in selection.selectedRows()) if selection is not None else []

    def choose_columns(self, at: QPoint | None = None) -> None:
        """The menu of columns to show."""
        menu = QMenu(self)
        header = self.horizontalHeader()
        model = self.model()
        for section in range(model.columnCount()):
            title = model.headerData(section, Qt.Orientation.Horizontal)
            act = menu.addAction(str(title))
            act.setCheckable(True)
            act.setChecked(not header.isSectionHidden(section) or section in self._left_out)
            act.setData(section)
        menu.addSeparator()
        fit = menu.addAction(_("Fit widths to contents"))
        chosen = menu.exec(at or header.mapToGlobal(QPoint(0, header.height())))
        if chosen is fit:
            self.resizeColumnsToContents()
        elif chosen is not None:
            visible = sum(not header.isSectionHidden(n) for n in range(header.count()))
            if chosen.isChecked() or visible > 1:
                self._left_out.pop(int(chosen.data()), None)
                header.setSectionHidden(int(chosen.data()), not chosen.isChecked())
                self._stretch()
        self._save()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.currentIndex().row())
        elif event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.model() is not None and self.model().rowCount():
            self.setCurrentIndex(self.model().index(0, self.horizontalHeader().logicalIndex(0)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._stretch()

    def _stretch(self) -> None:
        model = self.model()
        if not isinstance(model, TableModel):
            return
        header = self.horizontalHeader()
        self._restoring = True
        self._make_room(model)
        if self._stretched >= 0:
            used = header.length() - header.sectionSize(self._stretched)
            room = self.viewport().width() - used
            header.resizeSection(self._stretched, max(self._least(model), room))
        self._restoring = False

    def _least(self, model: TableModel[R]) -> int:
        return theme.scaled(model.columns[self._stretched].width * 2 // 3)

    def _make_room(self, model: TableModel[R]) -> None:
        """Leave out columns that may give way until the rest fits; they come back with the room."""
        header = self.horizontalHeader()
        wide = {
            at: self._left_out.get(at) or header.sectionSize(at)
            for at in range(header.count())
            if at in self._left_out or not header.isSectionHidden(at)
        }
        if self._stretched in wide:
            wide[self._stretched] = self._least(model)
        over = sum(wide.values()) - self.viewport().width()
        giving = sorted(
            (at for at in wide if model.columns[at].gives_way), key=lambda at: model.columns[at].gives_way
        )
        out: dict[int, int] = {}
        for at in giving:
            if over > 0:
                out[at] = wide[at]
                over -= wide[at]
        for at in (self._left_out.keys() | out.keys()) - (self._left_out.keys() & out.keys()):
            header.setSectionHidden(at, at in out)
        self._left_out = out

    def _on_resized(self, section: int, _old: int, _new: int) -> None:
        if not self._restoring:
            if section == self._stretched:
                self._stretched = -1  # set by hand: it keeps this width
                if self._store is not None:
                    self._store.setValue(f"{self._place}-by-hand", True)
                self.horizontalHeader().setStretchLastSection(True)
            else:
                self._stretch()

    def _copy(self) -> None:
        header = self.horizontalHeader()
        shown = [header.logicalIndex(at) for at in range(header.count())]
        shown = [section for section in shown if not header.isSectionHidden(section)]
        model = self.model()
        lines = ["\t".join(str(model.index(at, n).data() or "") for n in shown) for at in self.positions()]
        QApplication.clipboard().setText("\n".join(lines))

    def _fit_rows(self) -> None:
        vertical = self.verticalHeader()
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        vertical.setDefaultSectionSize(self.fontMetrics().height() + 9)
        vertical.setMinimumSectionSize(12)
        self.horizontalHeader().setMinimumSectionSize(24)

    def _on_header_menu(self, at: QPoint) -> None:
        self.choose_columns(self.horizontalHeader().mapToGlobal(at))

    def _restore(self) -> None:
        if self._store is None:
            return
        self._restoring = True
        state = self._store.value(self._place)
        if isinstance(state, QByteArray) and self.horizontalHeader().restoreState(state):
            by_hand = self._store.value(f"{self._place}-by-hand", "false")
            self._stretched = -1 if by_hand in (True, "true") else self._stretched
        self._restoring = False

    @property
    def _place(self) -> str:
        """Where the store keeps this table: widths of one font do not fit another."""
        font_pt = theme.theme().font_pt
        size = "" if font_pt == theme.DEFAULT_FONT_PT else f"@{font_pt:g}"
        return f"table/{self._name}/{self.horizontalHeader().count()}{size}"

    def _save(self, *_what: object) -> None:
        if self._store is not None and not self._restoring:
            header = self.horizontalHeader()
            header.blockSignals(True)  # what gave way is kept as shown: it only waits for room
            for at in self._left_out:
                header.setSectionHidden(at, False)
            state = header.saveState()
            for at in self._left_out:
                header.setSectionHidden(at, True)
            header.blockSignals(False)
            self._store.setValue(self._place, state)


class Table(QWidget, Generic[R]):
    """Rows in memory with everything around them: `set_rows`, `selected`, `opened`, `picked`, an empty state."""

    opened = Signal(object)
    picked = Signal()

    def __init__(
        self,
        name: str,
        accessible: str,
        columns: Sequence[Column[R]],
        key: Callable[[R], Hashable],
        store: QSettings | None = None,
        sort: str = "",
        descending: bool = False,
        empty: QWidget | None = None,
    ) -> None:
        super().__init__()
        self.model: ListModel[R] = ListModel(columns, key, self)
        self.view = TableView(name, accessible, store)
        self.view.wear(self.model, sort, descending)
        self.view.opened.connect(self._on_opened)
        self.view.picked.connect(self.picked)
        self._chosen: list[Hashable] = []
        self.model.modelAboutToBeReset.connect(self._remember)
        self.model.modelReset.connect(self._choose_again)
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.addWidget(self.view)
        self._empty = empty
        if empty is not None:
            self._stack.addWidget(empty)
        self.setFocusProxy(self.view)

    def set_rows(self, rows: Sequence[R]) -> None:
        """Show these rows; what was selected stays so."""
        self.model.set_rows(rows)
        if self._empty is not None:
            self._stack.setCurrentWidget(self.view if rows else self._empty)

    def rows(self) -> list[R]:
        """All rows, also those hidden by the filter."""
        return self.model.rows()

    def selected(self) -> list[R]:
        """The selected rows, from the top."""
        found = (self.model.row_at(at) for at in self.view.positions())
        return [row for row in found if row is not None]

    def current(self) -> R | None:
        """The one selected row, or the first of them."""
        return next(iter(self.selected()), None)

    def select(self, key: Hashable) -> bool:
        """Select the row with this key and bring it into view; False when it is not shown."""
        at = self.model.position_of(key)
        if at >= 0:
            self.view.selectRow(at)
            self.view.scrollTo(self.model.index(at, 0))
        return at >= 0

    def set_filter(self, text: str = "", accept: Callable[[R], bool] | None = None) -> None:
        """Show only what matches."""
        self.model.set_filter(text, accept)

    def _on_opened(self, position: int) -> None:
        row = self.model.row_at(position)
        if row is not None:
            self.opened.emit(row)

    def _remember(self) -> None:
        self._chosen = [self.model.key_at(at) for at in self.view.positions()]

    def _choose_again(self) -> None:
        selection = self.view.selectionModel()
        for key in self._chosen:
            at = self.model.position_of(key)
            if at >= 0:
                flags = selection.SelectionFlag.Select | selection.SelectionFlag.Rows
                selection.select(self.model.index(at, 0), flags)
                selection.setCurrentIndex(self.model.index(at, 0), selection.SelectionFlag.NoUpdate)
