"""The editor of several conditions: each a row of point, condition and what it compares with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from core.errors import AppError
from core.i18n import _
from core.wire.edge_config import EdgeConfig, TermConfig
from desktop.pages.edge_rule_words import BANDS, LEVELS, condition_words
from desktop.widgets.basics import button, card, column, row, text_label, tool_button
from desktop.widgets.duration import DurationEdit
from desktop.widgets.inputs import Choice, choice, decimal, line

SIMPLE = (
    "high", "high_high", "low", "low_low", "outside", "inside", "bit", "equals", "rate", "stuck", "no_data",
    "deviation", "step",
)  # fmt: skip
MOST = 10


@dataclass(frozen=True)
class KnownPoint:
    """A point that a rule may name."""

    id: str
    name: str
    unit: str
    device: str


def known_points(config: EdgeConfig) -> list[KnownPoint]:
    """All points of an edge, with the names of their devices."""
    devices = {device.id: device.name for device in config.devices}
    return [KnownPoint(p.id, p.name, p.unit, devices.get(p.device, "")) for p in config.points]


def point_choices(points: Sequence[KnownPoint], first: Choice) -> list[Choice]:
    """Points for a box, each with its device."""
    return [first, *((p.id, f"{p.device} · {p.name}" if p.device else p.name) for p in points)]


def read_value(text: str) -> float | bool | str:
    """What was typed to compare with: on and off, a number, else the word itself."""
    text = text.strip()
    if text.casefold() in ("true", "on", _("on").casefold()):
        return True
    if text.casefold() in ("false", "off", _("off").casefold()):
        return False
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return text


def shown_value(value: object) -> str:
    """The same as text to edit."""
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return f"{value:.12g}" if isinstance(value, (int, float)) else str(value or "")


class TermRow(QWidget):
    """One condition of several."""

    edited = Signal()

    def __init__(
        self, points: Sequence[KnownPoint], term: TermConfig | None, own: str, needs_point: bool
    ) -> None:
        super().__init__()
        self._units = {p.id: p.unit for p in points}
        self._units[""] = own
        self._before = term
        first: Choice = ("", _("– choose a point –") if needs_point else _("this point"))
        self.point = choice(point_choices(points, first), term.point if term else "")
        self.point.setAccessibleName(_("Point"))
        conditions: list[Choice] = [(one, condition_words(one)) for one in SIMPLE]
        self.condition = choice(conditions, term.condition if term else "high")
        self.condition.setAccessibleName(_("Condition"))
        for box in (self.point, self.condition):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(12)
            box.setMinimumWidth(120)
        self.remove = tool_button("close", _("Remove this condition"))
        self.limit = decimal(term.limit or 0 if term else 0, -1e12, 1e12, 4)
        self.limit_high = decimal(term.limit_high or 0 if term else 0, -1e12, 1e12, 4)
        self.equals = line(shown_value(term.equals) if term else "", _("number or word"))
        self.equals.setMinimumWidth(110)
        self.when = choice([(True, _("on")), (False, _("off"))], term.when if term else True)
        self.after = DurationEdit(term.after_s or 60 if term else 60, 1, 2_592_000)
        self.within = DurationEdit(term.window_s or 60 if term else 60, 1, 86_400)
        other: Choice = ("", _("– choose a point –"))
        self.other = choice(point_choices(points, other), term.other if term else "")
        self._labels: dict[str, QLabel] = {}
        fields: list[tuple[str, str, QWidget]] = [
            ("limit", _("Limit"), self.limit),
            ("limit_high", _("to"), self.limit_high),
            ("equals", _("Value"), self.equals),
            ("when", _("Trouble when"), self.when),
            ("after_s", _("for"), self.after),
            ("other", _("from"), self.other),
            ("window_s", _("within"), self.within),
        ]
        self._fields = {name: widget for name, _words, widget in fields}
        below = row(spacing=6)
        for name, words, widget in fields:
            widget.setAccessibleName(words)
            self._labels[name] = text_label(words, "muted")
            below.addWidget(self._labels[name])
            below.addWidget(widget)
        below.addStretch(1)
        frame = card()
        above = row(self.point, self.condition, self.remove)
        above.setStretch(0, 1)
        above.setStretch(1, 1)
        frame.setLayout(column(above, below, spacing=4, margins=(8, 6, 6, 6)))
        self.setLayout(column(frame))
        for box in (self.point, self.condition, self.when, self.other):
            box.currentIndexChanged.connect(lambda _at: self._on_changed())
        for spin in (self.limit, self.limit_high):
            spin.valueChanged.connect(lambda _value: self.edited.emit())
        for edit in (self.after, self.within):
            edit.edited.connect(self.edited)
        self.equals.textChanged.connect(lambda _text: self.edited.emit())
        self._show()

    def values(self) -> dict[str, Any]:
        """What `TermConfig` is made of."""
        condition = self.condition.currentData()
        found: dict[str, Any] = {"point": self.point.currentData() or "", "condition": condition}
        if condition in (*LEVELS, *BANDS, "rate", "deviation", "step"):
            found["limit"] = self.limit.value()
        if condition in BANDS:
            found["limit_high"] = self.limit_high.value()
        if condition == "bit":
            found["when"] = self.when.currentData()
        if condition == "equals":
            found["equals"] = read_value(self.equals.text())
        if condition in ("stuck", "no_data"):
            found["after_s"] = self.after.seconds()
        if condition in ("rate", "step"):
            found["window_s"] = self.within.seconds()
        if condition == "deviation":
            found["other"] = self.other.currentData() or ""
        if self._before is not None and self._before.condition == condition:
            found["deadband"] = self._before.deadband
        return found

    def _on_changed(self) -> None:
        self._show()
        self.edited.emit()

    def _show(self) -> None:
        condition = self.condition.currentData()
        shown = {
            "limit": condition in (*LEVELS, *BANDS, "rate", "deviation", "step"),
            "limit_high": condition in BANDS,
            "equals": condition == "equals",
            "when": condition == "bit",
            "after_s": condition in ("stuck", "no_data"),
            "other": condition == "deviation",
            "window_s": condition in ("rate", "step"),
        }
        for name, widget in self._fields.items():
            widget.setVisible(shown[name])
            self._labels[name].setVisible(shown[name])
        self._labels["limit"].setText(
            _("from")
            if condition in BANDS
            else _("by more than")
            if condition in ("rate", "deviation", "step")
            else _("Limit")
        )
        unit = self._units.get(self.point.currentData() or "", "")
        for spin in (self.limit, self.limit_high):
            spin.setSuffix(f" {unit}" if unit else "")


class TermsEditor(QWidget):
    """Up to ten conditions. `needs_point`: none is over the rule's own point, as in what suppresses it."""

    edited = Signal()

    def __init__(
        self,
        points: Sequence[KnownPoint],
        terms: Sequence[TermConfig],
        own_unit: str,
        needs_point: bool = False,
    ) -> None:
        super().__init__()
        self._points, self._own, self._needs_point = points, own_unit, needs_point
        self.rows: list[TermRow] = []
        self._box = QVBoxLayout()
        self._box.setSpacing(6)
        self._box.setContentsMargins(0, 0, 0, 0)
        self.add = button(_("Add a condition"), lambda: self.on_add(), "plus")
        whole = column(spacing=6)
        whole.addLayout(self._box)
        whole.addLayout(row(self.add, None))
        self.setLayout(whole)
        for term in terms:
            self.on_add(term)

    def on_add(self, term: TermConfig | None = None) -> None:
        """A row more."""
        made = TermRow(self._points, term, self._own, self._needs_point)
        made.remove.clicked.connect(lambda _checked=False: self.on_remove(made))
        made.edited.connect(self.edited)
        self.rows.append(made)
        self._box.addWidget(made)
        self.add.setEnabled(len(self.rows) < MOST)
        self._fit()

    def on_remove(self, gone: TermRow) -> None:
        """A row less."""
        self.rows.remove(gone)
        self._box.removeWidget(gone)
        gone.hide()
        gone.deleteLater()
        self.add.setEnabled(True)
        self._fit()

    def field_value(self) -> list[dict[str, Any]]:
        """For forms; AppError when a point that is needed is not chosen."""
        found = [one.values() for one in self.rows]
        for values in found:
            lacks = self._needs_point and not values["point"]
            if lacks or (values["condition"] == "deviation" and not values["other"]):
                raise AppError("rule.term_point", "a condition lacks its point")
        return found

    def _fit(self) -> None:
        # A form keeps the height that a field had when it was added; rows make it grow.
        self.setMinimumHeight(self.sizeHint().height())
        self.edited.emit()
