"""The editor of the hours in which a rule counts: rows of days with a beginning and an end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QLocale, Signal
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from core.errors import AppError
from core.i18n import _, current, label
from core.wire.edge_config import ActiveTimes
from desktop.widgets.basics import button, chip, column, row, text_label, tool_button
from desktop.widgets.inputs import line

MOST = 14
WORKING_DAYS = (0, 1, 2, 3, 4)


class HoursRow(QWidget):
    """Some days of the week, from one time of day to another."""

    edited = Signal()

    def __init__(self, times: ActiveTimes) -> None:
        super().__init__()
        self.days = [_day_chip(day, self, day in times.days) for day in range(7)]
        self.start = _clock(times.start, _("From"))
        self.end = _clock(times.end, _("To"))
        self.remove = tool_button("close", _("Remove these hours"))
        for edit in (self.start, self.end):
            edit.textChanged.connect(lambda _text: self.edited.emit())
        layout = column(spacing=3)
        layout.addLayout(row(*self.days, None, spacing=3))
        layout.addLayout(row(self.start, text_label("–"), self.end, self.remove, None, spacing=4))
        self.setLayout(layout)

    def values(self) -> dict[str, Any]:
        """What `ActiveTimes` is made of."""
        days = [day for day, one in enumerate(self.days) if one.isChecked()]
        return {"days": days, "start": _time(self.start.text()), "end": _time(self.end.text())}


def _day_chip(day: int, owner: HoursRow, on: bool) -> QPushButton:
    short = QLocale(current()).dayName(day + 1, QLocale.FormatType.ShortFormat)
    return chip(short, lambda _on: owner.edited.emit(), on, tip=label(f"weekday.{day}"))


def _clock(text: str, words: str) -> QLineEdit:
    edit = line(text, "08:00", limit=5)
    edit.setMinimumWidth(64)
    edit.setMaximumWidth(72)
    edit.setAccessibleName(words)
    return edit


def _time(text: str) -> str:
    """`8:00` as `08:00`; what is no time stays, and is refused with its field."""
    hours, _colon, minutes = text.strip().replace("：", ":").partition(":")
    return f"{int(hours):02d}:{minutes or '00'}" if hours.isdigit() and len(hours) <= 2 else text.strip()


class HoursEditor(QWidget):
    """No row: the rule always counts."""

    edited = Signal()

    def __init__(self, schedule: Sequence[ActiveTimes]) -> None:
        super().__init__()
        self.rows: list[HoursRow] = []
        self._always = text_label(_("Always. Add hours to limit it."), "muted", wrap=True)
        self._box = QVBoxLayout()
        self._box.setSpacing(6)
        self._box.setContentsMargins(0, 0, 0, 0)
        self.add = button(_("Add hours"), lambda: self.on_add(), "clock-plus-outline")
        whole = column(self._always, spacing=6)
        whole.addLayout(self._box)
        whole.addLayout(row(self.add, None))
        self.setLayout(whole)
        for times in schedule:
            self.on_add(times)

    def on_add(self, times: ActiveTimes | None = None) -> None:
        """A row more: at first the working days."""
        made = HoursRow(times or ActiveTimes(days=list(WORKING_DAYS), start="08:00", end="17:00"))
        made.edited.connect(self.edited)
        made.remove.clicked.connect(lambda _checked=False: self.on_remove(made))
        self.rows.append(made)
        self._box.addWidget(made)
        self._fit()

    def on_remove(self, gone: HoursRow) -> None:
        """A row less."""
        self.rows.remove(gone)
        self._box.removeWidget(gone)
        gone.hide()
        gone.deleteLater()
        self._fit()

    def field_value(self) -> list[dict[str, Any]]:
        """For forms; AppError when a row has no day."""
        found = [one.values() for one in self.rows]
        if any(not values["days"] for values in found):
            raise AppError("rule.hours_no_day", "hours without a day")
        return found

    def _fit(self) -> None:
        self._always.setVisible(not self.rows)
        self.add.setEnabled(len(self.rows) < MOST)
        self.setMinimumHeight(self.sizeHint().height())
        self.edited.emit()
