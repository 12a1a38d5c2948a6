"""A length of time as people set it: a number and its unit; its value is seconds."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QWidget

from core.i18n import _
from desktop.widgets.basics import row
from desktop.widgets.inputs import decimal

_UNITS = (1.0, 60.0, 3600.0, 86_400.0)


class DurationEdit(QWidget):
    """Between `low_s` and `high_s`; `none_words` makes 0 mean that there is none, and `None` its value."""

    edited = Signal()

    def __init__(
        self, seconds: float | None = 0, low_s: float = 0, high_s: float = 86_400, none_words: str = ""
    ) -> None:
        super().__init__()
        self._low_s, self._high_s, self._none = low_s, high_s, bool(none_words)
        self.count = decimal(0, 0, high_s, 3)
        self.count.setSpecialValueText(none_words)
        self.count.setMinimumWidth(110)
        self.unit = QComboBox()
        self.unit.setAccessibleName(_("Unit of time"))
        for factor, words in zip(_UNITS, (_("seconds"), _("minutes"), _("hours"), _("days")), strict=True):
            if factor <= high_s:
                self.unit.addItem(words, factor)
        self.setLayout(row(self.count, self.unit, None))
        self.setFocusProxy(self.count)
        self.set_seconds(seconds or 0)
        self.count.valueChanged.connect(lambda _value: self.edited.emit())
        self.unit.currentIndexChanged.connect(lambda _at: self._on_unit())

    def setAccessibleName(self, name: str) -> None:
        """The number is what has the focus."""
        super().setAccessibleName(name)
        self.count.setAccessibleName(name)

    def set_seconds(self, seconds: float) -> None:
        """Show a time in the largest unit that keeps it whole."""
        usable = [at for at in range(self.unit.count()) if seconds and seconds % self.unit.itemData(at) == 0]
        self.unit.setCurrentIndex(usable[-1] if usable else 0)
        self._limit()
        self.count.setValue(seconds / self.unit.currentData())

    def seconds(self) -> float:
        """What is set; at least `low_s` unless it may be none."""
        return float(round(self.count.value() * self.unit.currentData(), 3))

    def field_value(self) -> float | None:
        """For forms."""
        seconds = self.seconds()
        if self._none:
            return seconds or None
        return seconds

    def _on_unit(self) -> None:
        self._limit()
        self.edited.emit()

    def _limit(self) -> None:
        factor = self.unit.currentData()
        low = 0.0 if self._none else self._low_s / factor
        self.count.setRange(low, self._high_s / factor)
