"""The editor of a kit: which parts, and how many of each. Used by plans and by alarm rules."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QCompleter,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.i18n import _
from core.wire.parts import PartView
from core.wire.plans import KitLine
from desktop.widgets.inputs import quantity

_PART = Qt.ItemDataRole.UserRole


def read_quantity(text: str) -> Decimal | None:
    """A quantity above nought with at most three decimals; None when the text is none."""
    try:
        value = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return value if value.is_finite() and Decimal(0) < value < 10**9 and value == round(value, 3) else None


class PartChoice(QComboBox):
    """A part by typing some of its number or name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setMinimumWidth(220)
        self.setAccessibleName(_("Part"))
        edit = self.lineEdit()
        assert edit is not None
        edit.setPlaceholderText(_("Part: type some of its number or name"))
        edit.setAccessibleName(_("Part"))
        completer = self.completer()
        assert completer is not None
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)

    def set_parts(self, parts: list[PartView]) -> None:
        """Offer these."""
        self.clear()
        for part in parts:
            if part.active:
                self.addItem(f"{part.number}  {part.name}", part)
        self.setCurrentIndex(-1)

    def part(self) -> PartView | None:
        """The one chosen or typed whole."""
        index = self.findText(self.currentText(), Qt.MatchFlag.MatchFixedString)
        found: PartView | None = self.itemData(index) if index >= 0 else None
        return found


class KitEditor(QWidget):
    """A table of part and quantity, with a line below to add one."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: dict[int, PartView] = {}
        self.table = QTableWidget(0, 3)
        self.table.setAccessibleName(_("Kit of parts"))
        self.table.setHorizontalHeaderLabels([_("Part"), _("Quantity"), _("Available")])
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        self.table.setColumnWidth(1, 90)
        self.table.setColumnWidth(2, 110)
        self.table.setMinimumHeight(110)
        self.choice = PartChoice()
        self.qty = QLineEdit("1")
        self.qty.setMaximumWidth(80)
        self.qty.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.qty.setAccessibleName(_("Quantity"))
        self.add = QPushButton(_("Add part"))
        self.remove = QPushButton(_("Remove"))
        self.remove.setEnabled(False)
        self.add.clicked.connect(self.on_add)
        self.remove.clicked.connect(self.on_remove)
        self.table.itemSelectionChanged.connect(
            lambda: self.remove.setEnabled(bool(self.table.selectedItems()))
        )
        line = QHBoxLayout()
        line.addWidget(self.choice, 1)
        line.addWidget(self.qty)
        line.addWidget(self.add)
        line.addWidget(self.remove)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.table, 1)
        whole.addLayout(line)

    def set_parts(self, parts: list[PartView]) -> None:
        """The parts to choose from."""
        self._parts = {part.id: part for part in parts}
        self.choice.set_parts(parts)
        self.set_kit(self.kit())

    def set_kit(self, kit: list[KitLine]) -> None:
        """Show this kit."""
        self.table.setRowCount(0)
        for line in kit:
            self._append(line.part_id, line.qty, line.name)

    def kit(self) -> list[KitLine]:
        """What is shown; a quantity that is none counts as 1."""
        return [
            KitLine(
                part_id=int(self._item(row, 0).data(_PART)),
                qty=read_quantity(self._item(row, 1).text()) or Decimal(1),
                name=self._item(row, 0).text(),
            )
            for row in range(self.table.rowCount())
        ]

    def field_value(self) -> list[KitLine]:
        """For forms."""
        return self.kit()

    def on_add(self) -> None:
        """Put the chosen part on the list, or more of it."""
        part, qty = self.choice.part(), read_quantity(self.qty.text())
        if part is None or not qty:
            (self.choice if part is None else self.qty).setFocus()
            return
        for row in range(self.table.rowCount()):
            if self._item(row, 0).data(_PART) == part.id:
                have = read_quantity(self._item(row, 1).text()) or Decimal(0)
                self._item(row, 1).setText(quantity(have + qty))
                break
        else:
            self._append(part.id, qty, part.name)
        self.choice.setCurrentIndex(-1)
        self.choice.clearEditText()
        self.qty.setText("1")
        self.changed.emit()

    def on_remove(self) -> None:
        """Take the selected rows out."""
        for row in sorted({item.row() for item in self.table.selectedItems()}, reverse=True):
            self.table.removeRow(row)
        self.changed.emit()

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        item = self.table.item(row, column)
        assert item is not None  # every cell is filled in _append
        return item

    def _append(self, part_id: int, qty: Decimal, name: str) -> None:
        part = self._parts.get(part_id)
        row = self.table.rowCount()
        self.table.insertRow(row)
        first = QTableWidgetItem(f"{part.number}  {part.name}" if part else name or f"#{part_id}")
        first.setData(_PART, part_id)
        first.setFlags(first.flags() & ~Qt.ItemFlag.ItemIsEditable)
        second = QTableWidgetItem(quantity(qty))
        second.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        third = QTableWidgetItem(f"{quantity(part.available)} {part.unit}" if part else "")
        third.setFlags(third.flags() & ~Qt.ItemFlag.ItemIsEditable)
        third.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for column, item in enumerate((first, second, third)):
            self.table.setItem(row, column, item)
