"""The second step of adding a device from the library: its address, and which points and proposed rules are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QListWidget, QListWidgetItem, QWidget

from core.errors import AppError
from core.i18n import _, current, label, ngettext
from core.wire.device_library import AddFromLibrary, LibraryMap, LibraryRule
from core.wire.edge_config import TermConfig
from core.wire.fleet import DeviceView, SaveRule
from desktop import theme
from desktop.pages.edge_device import MODBUS, DeviceFields, gateway_choices
from desktop.pages.edge_library import category_icon, library_place, said
from desktop.pages.edge_rule_words import rule_sentence
from desktop.widgets.basics import button, column, row, text_label
from desktop.widgets.form import FormDialog, request
from desktop.widgets.inputs import Choice, choice, line, number
from desktop.widgets.page import Page

_KEY = Qt.ItemDataRole.UserRole


def proposed_words(one: LibraryMap, rule: LibraryRule) -> str:
    """A proposed rule as a sentence."""
    names = {point.key: (said(point.name), point.unit) for point in one.points}
    values = {name: getattr(rule, name) for name in SaveRule.model_fields if name in LibraryRule.model_fields}
    values |= {"name": said(rule.name) or "…", "terms": [TermConfig.model_validate(t) for t in rule.terms]}
    unit = names.get(rule.point, ("", ""))[1]
    return rule_sentence(SaveRule.model_validate(values), unit, lambda key: names.get(key, (key, "")))


class TickList(QWidget):
    """Things to tick, with how many are, and all or none at once."""

    edited = Signal()

    def __init__(self, words: str, items: Sequence[tuple[object, str, str]], ticked: bool) -> None:
        super().__init__()
        self._words = words
        self.list = QListWidget()
        self.list.setAccessibleName(words)
        for key, text, tip in items:
            item = QListWidgetItem(text)
            item.setData(_KEY, key)
            item.setToolTip(tip)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.setWordWrap(True)
        self.heading = text_label("", "heading")
        self.every = button(_("All"), lambda: self.tick(True))
        self.none = button(_("None"), lambda: self.tick(False))
        for one in (self.every, self.none):
            one.setAccessibleName(f"{words}: {one.text()}")
        whole = column(row(self.heading, None, self.every, self.none), spacing=4)
        whole.addWidget(self.list, 1)
        self.setLayout(whole)
        self.list.itemChanged.connect(lambda _item: self._on_changed())
        self._on_changed()

    def tick(self, on: bool) -> None:
        """Tick all, or none."""
        for at in range(self.list.count()):
            self.list.item(at).setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)

    def ticked(self) -> list[Any]:
        """The keys of what is ticked, from the top."""
        items = (self.list.item(at) for at in range(self.list.count()))
        return [item.data(_KEY) for item in items if item.checkState() is Qt.CheckState.Checked]

    def _on_changed(self) -> None:
        counts = _("{n} of {all}").format(n=len(self.ticked()), all=self.list.count())
        self.heading.setText(f"{self._words}  {counts}")
        self.edited.emit()


class LibraryDeviceDialog(FormDialog):
    """Only what the library cannot know is asked for."""

    def __init__(
        self,
        page: Page,
        edge_pk: int,
        one: LibraryMap,
        assets: list[Choice],
        devices: Sequence[DeviceView] = (),
        known: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(page, said(one.name), self._store, ok=_("Add device"), width=1060)
        self._page, self._edge_pk, self._map = page, edge_pk, one
        kinds = list(dict.fromkeys((one.kind, *one.kinds)))
        found: list[Choice] = [(kind, label(f"device.kind.{kind}")) for kind in kinds]
        self.kind: QComboBox = choice(found, one.kind)
        self.add("name", label("word.name"), line(said(one.name)[:100], limit=100))
        self.add(
            "asset_id",
            _("Asset"),
            choice(assets, None),
            _("The machine that its alarms and tickets are about."),
        )
        self.add("kind", _("Connection"), self.kind)
        self.form.show_field("kind", len(kinds) > 1)
        self.device_fields = DeviceFields(
            self.form, {**one.config, **(known or {})}, gateway_choices(devices), True
        )
        self.form.fold(_("More: where its addresses begin"))
        self.add(
            "shift",
            _("Shift addresses by"),
            number(0, -65_535, 65_535),
            _("For a device whose map is the same but begins elsewhere; 0 for none."),
        )
        self.form.fold()
        points = [
            (point.key, "  ".join(filter(None, (said(point.name), point.unit))), library_place(point))
            for point in one.points
        ]
        self.points = TickList(_("Points"), points, True)
        rules: list[tuple[object, str, str]] = []
        for at, rule in enumerate(one.rules):
            name = "  ·  ".join((said(rule.name), label(f"severity.{rule.severity}")))
            sentence = proposed_words(one, rule)
            rules.append((at, f"{name}\n{sentence}", sentence))
        self.rules = TickList(_("Proposed rules"), rules, False)
        self.rules.list.setSpacing(2)
        self.rules.setVisible(bool(rules))
        self._lay_beside(one)
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.points.edited.connect(self._on_points)
        self._on_kind()
        self._on_points()

    def fit(self) -> None:
        """Room for the lists at the side."""
        super().fit()
        room = self.screen().availableSize()
        self.resize(min(self.width(), room.width() - 40), min(max(self.height(), 620), room.height() - 60))

    def _lay_beside(self, one: LibraryMap) -> None:
        picture = text_label("")
        picture.setPixmap(theme.icon(category_icon(one.category), "accent").pixmap(QSize(40, 40)))
        facts = "  ·  ".join(filter(None, (one.maker, said(one.note))))
        panel = QWidget()
        head = row(
            picture, column(text_label(said(one.name), "heading"), text_label(facts, "muted", wrap=True))
        )
        head.setStretch(1, 1)
        hint = text_label(
            _("Rules are proposals: tick those you want, and try each on recorded data later."),
            "muted",
            wrap=True,
        )
        hint.setVisible(bool(one.rules))
        layout = column(spacing=8)
        layout.addLayout(head)
        layout.addWidget(self.points, 3)
        layout.addWidget(self.rules, 3)
        layout.addWidget(hint)
        panel.setLayout(layout)
        panel.setMinimumWidth(400)
        self.put_beside(panel)

    def _on_kind(self) -> None:
        self.device_fields.show(self.kind.currentData())
        self.form.show_field("shift", self.kind.currentData() in MODBUS)

    def _on_points(self) -> None:
        """A rule needs its points; the button says how many points will be made."""
        wanted = set(self.points.ticked())
        for at in range(self.rules.list.count()):
            item = self.rules.list.item(at)
            rule = self._map.rules[item.data(_KEY)]
            able = _points_of(rule) <= wanted
            flags = item.flags()
            on = flags | Qt.ItemFlag.ItemIsEnabled if able else flags & ~Qt.ItemFlag.ItemIsEnabled
            item.setFlags(on)
            if not able:
                item.setCheckState(Qt.CheckState.Unchecked)
        words = ngettext("Add device with {n} point", "Add device with {n} points", len(wanted))
        self._ok.setText(words.format(n=len(wanted)))
        self._ok.setAccessibleName(self._ok.text())

    def _store(self, values: dict[str, Any]) -> DeviceView:
        kind = values["kind"]
        wanted, rules = self.points.ticked(), self.rules.ticked()
        if not wanted:
            raise AppError("library.no_points", "no point is ticked")
        body = {
            "map": self._map.key,
            "name": values["name"],
            "asset_id": values["asset_id"],
            "kind": kind,
            "config": self.device_fields.config(kind, values),
            "points": wanted if len(wanted) < len(self._map.points) else None,
            "rules": rules,
            "language": current(),
            "shift": values["shift"] if kind != "mqtt" else 0,
        }
        return self._page.hub.add_from_library(self._edge_pk, request(AddFromLibrary, body))


def _points_of(rule: LibraryRule) -> set[str]:
    """The keys of all points that a proposed rule names."""
    terms = [*rule.terms, *rule.suppress_when]
    named = {rule.point, rule.other, *(t.point for t in terms), *(t.other for t in terms)}
    return named - {""}
