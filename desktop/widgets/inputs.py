"""The fields of forms: one function or class per kind of value, and how each value is read and written in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from PySide6.QtCore import QDate, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateEdit,
    QDoubleSpinBox,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from core.errors import AppError
from core.i18n import _, label

Choice = tuple[Any, str]


def line(value: str = "", placeholder: str = "", secret: bool = False, limit: int = 0) -> QLineEdit:
    """One line of text."""
    edit = QLineEdit(value)
    edit.setPlaceholderText(placeholder)
    edit.setMinimumWidth(260)
    if secret:
        edit.setEchoMode(QLineEdit.EchoMode.Password)
    if limit:
        edit.setMaxLength(limit)
    return edit


def lines(value: str = "", rows: int = 4, placeholder: str = "") -> QPlainTextEdit:
    """Several lines of text; Tab leaves the field."""
    edit = QPlainTextEdit(value)
    edit.setPlaceholderText(placeholder)
    edit.setTabChangesFocus(True)
    edit.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    edit.setFixedHeight(edit.fontMetrics().lineSpacing() * rows + 16)
    return edit


def number(value: int = 0, low: int = 0, high: int = 1_000_000, suffix: str = "") -> QSpinBox:
    """A whole number."""
    spin = QSpinBox()
    spin.setRange(low, high)
    spin.setValue(value)
    spin.setSuffix(suffix)
    spin.lineEdit().setTextMargins(4, 0, 4, 0)  # a style sheet's padding does not reach it
    return spin


def decimal(
    value: float = 0, low: float = 0, high: float = 1e9, digits: int = 3, suffix: str = ""
) -> QDoubleSpinBox:
    """A number with digits after the point."""
    spin = _Decimal()
    spin.setDecimals(digits)
    spin.setRange(low, high)
    spin.setValue(value)
    spin.setSuffix(suffix)
    spin.lineEdit().setTextMargins(4, 0, 4, 0)  # a style sheet's padding does not reach it
    return spin


class _Decimal(QDoubleSpinBox):
    def textFromValue(self, value: float) -> str:
        """Without needless zeros."""
        text = self.locale().toString(value, "f", self.decimals())
        return text.rstrip("0").rstrip(self.locale().decimalPoint()) if self.decimals() else text


def tick(text: str, value: bool = False) -> QCheckBox:
    """Yes or no."""
    box = QCheckBox(text)
    box.setChecked(value)
    return box


def choice(options: Sequence[Choice], value: Any = None) -> QComboBox:
    """One of (value, words); typing searches when there are many."""
    box = QComboBox()
    for data, words in options:
        box.addItem(words, data)
    box.setCurrentIndex(max(0, next((at for at, (data, _words) in enumerate(options) if data == value), 0)))
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    if len(options) > 12:
        box.setEditable(True)
        box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        box.setMinimumWidth(260)
        completer = box.completer()
        assert completer is not None  # an editable box has one
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCompletionMode(completer.CompletionMode.PopupCompletion)
    return box


def many(options: Sequence[Choice], values: Sequence[Any] = (), rows: int = 6) -> QListWidget:
    """Any of (value, words), as a list with ticks."""
    box = QListWidget()
    for data, words in options:
        item = QListWidgetItem(words)
        item.setData(Qt.ItemDataRole.UserRole, data)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked if data in values else Qt.CheckState.Unchecked)
        box.addItem(item)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    box.setFixedHeight(box.fontMetrics().lineSpacing() * rows + 24)
    return box


class DayEdit(QDateEdit):
    """A date, or none when `optional`: its lowest date stands for "no date"."""

    def __init__(self, value: date | None = None, optional: bool = True) -> None:
        super().__init__()
        self.setCalendarPopup(True)
        self.setDisplayFormat("yyyy-MM-dd")
        self.setMinimumWidth(130)
        if optional:
            self.setMinimumDate(QDate(1970, 1, 1))
            self.setSpecialValueText(_("no date"))
        if value is not None:
            self.setDate(QDate(value.year, value.month, value.day))
        elif optional:
            self.setDate(self.minimumDate())
        else:
            self.setDate(QDate.currentDate())

    def day(self) -> date | None:
        """The date chosen."""
        if self.specialValueText() and self.date() == self.minimumDate():
            return None
        return date(self.date().year(), self.date().month(), self.date().day())

    def set_day(self, value: date | None) -> None:
        """Show a date, or none."""
        self.setDate(self.minimumDate() if value is None else QDate(value.year, value.month, value.day))


class MoneyEdit(QLineEdit):
    """An amount in the currency's unit, kept as integer minor units. Empty is None."""

    def __init__(self, value_minor: int | None = None, currency: str = "CNY") -> None:
        super().__init__("" if value_minor is None else f"{Decimal(value_minor) / 100:.2f}")
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setPlaceholderText(currency)
        self.setMaximumWidth(160)

    def minor(self) -> int | None:
        """Minor units; AppError when it is no amount."""
        text = self.text().strip().replace(",", "").replace("¥", "")
        if not text:
            return None
        try:
            return int((Decimal(text) * 100).to_integral_exact())
        except (InvalidOperation, ValueError, OverflowError):
            raise AppError("form.not_an_amount", f"no amount: {text}", text=text) from None


def money(value_minor: int | None, currency: str = "CNY") -> str:
    """An amount for reading."""
    if value_minor is None:
        return "–"
    sign = {"CNY": "¥", "USD": "$", "EUR": "€"}.get(currency, f"{currency} ")
    return f"{'-' if value_minor < 0 else ''}{sign}{abs(Decimal(value_minor)) / 100:,.2f}"


def quantity(value: Decimal | float | int | None, unit: str = "") -> str:
    """A quantity without needless zeros."""
    if value is None:
        return "–"
    text = f"{Decimal(str(value)).normalize():f}"
    return f"{text} {label(f'unit.{unit}') if label(f'unit.{unit}') != f'unit.{unit}' else unit}".rstrip()


def value_of(widget: QWidget) -> Any:
    match widget:
        case DayEdit():
            return widget.day()
        case MoneyEdit():
            return widget.minor()
        case QLineEdit():
            return widget.text().strip() if widget.echoMode() == QLineEdit.EchoMode.Normal else widget.text()
        case QPlainTextEdit():
            return widget.toPlainText().strip()
        case QSpinBox() | QDoubleSpinBox():
            return widget.value()
        case QCheckBox():
            return widget.isChecked()
        case QComboBox():
            return _chosen(widget)
        case QListWidget():
            items = (widget.item(at) for at in range(widget.count()))
            return [
                i.data(Qt.ItemDataRole.UserRole) for i in items if i.checkState() is Qt.CheckState.Checked
            ]
        case _:
            read = getattr(widget, "field_value", None)  # editors of pages that are more than one field
            return read() if callable(read) else widget.property("value")


def _chosen(box: QComboBox) -> Any:
    # In an editable box the typed text may not be what is selected: a part of it will do when only one has it.
    text = box.currentText().strip()
    if not box.isEditable() or text == box.itemText(box.currentIndex()).strip():
        return box.currentData()
    whole = box.findText(text, Qt.MatchFlag.MatchFixedString)
    found = [at for at in range(box.count()) if text.casefold() in box.itemText(at).casefold()]
    if whole >= 0:
        return box.itemData(whole)
    if text and len(found) != 1:
        raise AppError("form.not_in_list" if not found else "form.several_in_list", text=text)
    return box.itemData(found[0]) if text else None
