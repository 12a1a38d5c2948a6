"""Writing a point: a value within its bounds, confirmed by its name, and what the device then says it holds."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QWidget

from core.errors import AppError
from core.i18n import _, label
from core.wire.assets import PointValue
from core.wire.fleet import PointView, PointWritten, WritePoint
from desktop.pages.asset_live import value_words
from desktop.pages.edge_rule_words import with_unit
from desktop.widgets.basics import text_label
from desktop.widgets.form import FormDialog, request
from desktop.widgets.inputs import Choice, choice, decimal, line
from desktop.widgets.page import Page


def is_switch(point: PointView) -> bool:
    """Whether a point is on or off."""
    return (
        point.area in ("coil", "discrete")
        or point.type == "bool"
        or (point.bit is not None and point.bits == 1)
    )


class WriteDialog(FormDialog):
    """Stays open after the write and shows what was read back; `saved` carries PointWritten."""

    def __init__(self, page: Page, point: PointView, value: PointValue | None) -> None:
        super().__init__(
            page, _("Write {name}").format(name=point.name), self._store, ok=_("Write"), width=520
        )
        self._page, self._point = page, point
        words = _("This changes the machine at once. The edge writes, reads back, and journals who did it.")
        self.form.add_text(words, "bad")
        now = value_words(value) if value is not None and value.at is not None else "–"
        self.add("now", _("Now"), text_label(now, "heading", selectable=True))
        self.add("value", _("New value"), self._editor(point, value), self._bounds(point))
        hint = _("Type the point's name to confirm: {name}").format(name=point.name)
        self.confirm = line("", point.name, limit=100)
        self.add("confirm", label("word.name"), self.confirm, hint)
        self.add("reason", _("Why"), line("", _("such as new set-point after maintenance"), limit=200))
        self.read_back = text_label("", "heading", wrap=True, selectable=True)
        self.form.add_row(self.read_back)
        self.form.changed.connect(self._on_changed)
        self._on_changed()

    def _editor(self, point: PointView, value: PointValue | None) -> QWidget:
        now = value.value if value is not None else None
        if is_switch(point):
            return choice([(True, _("on")), (False, _("off"))], not now)
        if point.words_of:
            words: list[Choice] = [(word, word) for word in point.words_of.values()]
            return choice(words, now)
        if point.type == "string":
            return line(str(now or ""), limit=2 * point.words)
        low = -1e12 if point.write_low is None else point.write_low
        high = 1e12 if point.write_high is None else point.write_high
        start = float(now) if isinstance(now, (int, float)) else 0.0
        unit = f" {point.unit}" if point.unit else ""
        return decimal(min(max(start, low), high), low, high, 4, unit)

    def _bounds(self, point: PointView) -> str:
        low = "" if point.write_low is None else with_unit(point.write_low, point.unit)
        high = "" if point.write_high is None else with_unit(point.write_high, point.unit)
        return f"{low} … {high}" if low or high else ""

    def _on_changed(self) -> None:
        self._ok.setEnabled(self.confirm.text().strip() == self._point.name)

    def _store(self, values: dict[str, Any]) -> PointWritten:
        if values["confirm"] != self._point.name:
            raise AppError(
                "request.invalid", "not confirmed", fields={"confirm": "not_the_name"}, names="confirm"
            )
        body = request(WritePoint, {name: values[name] for name in ("value", "confirm", "reason")})
        return self._page.hub.write_point(self._point.id, body)

    def _on_saved(self, result: object) -> None:
        assert isinstance(result, PointWritten)
        self._busy.stop()
        self.saved.emit(result)
        value = result.value
        if isinstance(value, bool):
            words = _("on") if value else _("off")
        else:
            words = with_unit(value, self._point.unit) if isinstance(value, float) else str(value)
        self.read_back.setText(_("Written. The device now says: {value}").format(value=words))
        self.read_back.setProperty("role", "good")
        self.read_back.style().unpolish(self.read_back)
        self.read_back.style().polish(self.read_back)
        self.confirm.clear()
        self.buttons.button(self.buttons.StandardButton.Cancel).setText(_("Close"))
        self.fit()
