"""Choosing a device family from the library: searched, by category, with its points to look at; or an empty device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QListWidget, QListWidgetItem, QStackedLayout, QWidget

from core.i18n import _, current, label, ngettext
from core.wire.device_library import LibraryMap, LibraryPoint
from desktop import theme
from desktop.lists import listed
from desktop.table_model import Column
from desktop.widgets.basics import EmptyState, SearchBox, button, column, row, text_label
from desktop.widgets.page import Page
from desktop.widgets.table import Table

_ICONS = {
    "power_meter": "meter-electric-outline",
    "vfd": "sine-wave",
    "motor": "engine-outline",
    "temperature": "thermometer-lines",
    "compressor": "gauge",
    "chiller": "snowflake-thermometer",
    "heat_pump": "heat-pump-outline",
    "inverter": "solar-power-variant-outline",
    "battery": "battery-charging-outline",
    "plc": "chip",
    "io": "expansion-card-variant",
    "pump": "water-pump",
    "fan": "fan",
    "flow": "counter",
    "water": "water-percent",
    "weather": "weather-windy",
    "vibration": "vibrate",
    "ups": "power-plug-outline",
    "gateway": "lan-connect",
}
_MAP = Qt.ItemDataRole.UserRole
ALL = ""


def said(words: dict[str, str]) -> str:
    """A name in the user's language, or in the other one."""
    return words.get(current()) or words.get("en") or next(iter(words.values()), "")


def category_icon(category: str) -> str:
    """The picture of a category."""
    return _ICONS.get(category, "expansion-card-variant")


def category_words(category: str) -> str:
    """The name of a category; an unknown one as it is."""
    known = {
        "power_meter": _("Power meters"),
        "vfd": _("Frequency converters"),
        "motor": _("Motors"),
        "temperature": _("Temperature"),
        "compressor": _("Air compressors"),
        "chiller": _("Chillers"),
        "heat_pump": _("Heat pumps"),
        "inverter": _("Inverters"),
        "battery": _("Batteries"),
        "plc": _("Controllers (PLC)"),
        "io": _("Inputs and outputs"),
        "pump": _("Pumps"),
        "fan": _("Fans"),
        "flow": _("Flow and counters"),
        "water": _("Water"),
        "weather": _("Weather"),
        "vibration": _("Vibration"),
        "ups": _("Uninterruptible supplies"),
        "gateway": _("Gateways"),
    }
    return known.get(category, category)


def library_place(point: LibraryPoint) -> str:
    """Where a point of a map is read, short."""
    if point.path or point.topic:
        return point.path or point.topic
    place = f"{label(f'point.area.{point.area}')} {point.address}"
    return f"{place}.{point.bit}" if point.bit is not None else f"{place} · {point.type}"


def meaning_words(point: LibraryPoint) -> str:
    """What the numbers of a point mean: `0 = stopped, 1 = running`."""
    known = {**point.words_of, **{number: said(words) for number, words in point.meanings.items()}}
    return listed(f"{number} = {word}" for number, word in known.items())


def preview_columns() -> Sequence[Column[LibraryPoint]]:
    """The points of a map, to look at."""
    return (
        Column("name", _("Point"), lambda p: said(p.name), tip=meaning_words, width=160, stretch=True),
        Column(
            "unit",
            _("Unit"),
            lambda p: p.unit or ("…" if meaning_words(p) else ""),
            tip=meaning_words,
            width=56,
        ),
        Column("place", _("Read from"), library_place, colour=lambda p: "muted", width=205),
    )


class LibraryDialog(QDialog):
    """`chosen` carries the map; `empty` is for a device without one. It stays until the device is made."""

    chosen = Signal(object)
    empty = Signal()

    def __init__(self, page: Page, maps: Sequence[LibraryMap]) -> None:
        super().__init__(page)
        self.setWindowTitle(_("Add a device"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._maps = sorted(maps, key=lambda one: said(one.name).casefold())
        self.search = SearchBox(_("Name, maker or model"))
        self.search.searched.connect(lambda _text: self._show())
        self.categories = QListWidget()
        self.categories.setAccessibleName(_("Categories"))
        self.categories.setIconSize(QSize(20, 20))
        self.categories.setFixedWidth(theme.scaled(190))
        self.categories.setSpacing(1)
        self.list = QListWidget()
        self.list.setAccessibleName(_("Devices of the library"))
        self.list.setIconSize(QSize(34, 34))
        self.list.setSpacing(2)
        self.list.setUniformItemSizes(True)
        self.list.setMinimumWidth(theme.scaled(300))
        self.points: Table[LibraryPoint] = Table(
            "library_points", _("Points"), preview_columns(), lambda point: point.key
        )
        self.heading = text_label("", "heading", wrap=True)
        self.facts = text_label("", "muted", wrap=True, selectable=True)
        self.note = text_label("", "", wrap=True, selectable=True)
        self.next = button(_("Use this one …"), self.on_use, "arrow-right", main=True)
        self.blank = button(
            _("Empty device …"),
            self.empty.emit,
            "file-outline",
            tip=_("A device of any kind without points; you add them one by one, or from a table."),
        )
        self._fill_categories()
        self._lay_out()
        self.categories.currentRowChanged.connect(lambda _at: self._show())
        self.list.currentRowChanged.connect(lambda _at: self._on_current())
        self.list.itemActivated.connect(lambda _item: self.on_use())
        QShortcut(QKeySequence("Ctrl+F"), self, self.search.setFocus)
        self._show()
        self.search.setFocus()

    def current(self) -> LibraryMap | None:
        """The family that is chosen."""
        item = self.list.currentItem()
        found: LibraryMap | None = item.data(_MAP) if item is not None else None
        return found

    def on_use(self) -> None:
        """Go on with the chosen one."""
        found = self.current()
        if found is not None:
            self.chosen.emit(found)

    def _fill_categories(self) -> None:
        counts = Counter(one.category for one in self._maps)
        words = _("All devices") + f"  ({len(self._maps)})"
        every = QListWidgetItem(theme.icon("view-grid-outline", "muted"), words)
        every.setData(_MAP, ALL)
        self.categories.addItem(every)
        for category in sorted(counts, key=category_words):
            words = f"{category_words(category)}  ({counts[category]})"
            item = QListWidgetItem(theme.icon(category_icon(category), "muted"), words)
            item.setData(_MAP, category)
            self.categories.addItem(item)
        self.categories.setCurrentRow(0)

    def _show(self) -> None:
        item = self.categories.currentItem()
        category = item.data(_MAP) if item is not None else ALL
        words = self.search.text().casefold().split()
        before = self.current()
        self.list.blockSignals(True)
        self.list.clear()
        for one in self._maps:
            text = " ".join((*one.name.values(), one.maker, one.key, category_words(one.category))).casefold()
            if category in (ALL, one.category) and all(word in text for word in words):
                self.list.addItem(self._item(one))
        self.list.blockSignals(False)
        again = next((at for at in range(self.list.count()) if self.list.item(at).data(_MAP) is before), 0)
        self.list.setCurrentRow(again)
        self._stack.setCurrentIndex(0 if self.list.count() else 1)
        self._on_current()

    def _item(self, one: LibraryMap) -> QListWidgetItem:
        points = ngettext("{n} point", "{n} points", len(one.points)).format(n=len(one.points))
        below = "  ·  ".join(filter(None, (one.maker, points)))
        item = QListWidgetItem(
            theme.icon(category_icon(one.category), "accent"), f"{said(one.name)}\n{below}"
        )
        item.setData(_MAP, one)
        item.setSizeHint(QSize(200, self.fontMetrics().lineSpacing() * 2 + 16))
        return item

    def _on_current(self) -> None:
        one = self.current()
        self.next.setEnabled(one is not None)
        self.points.set_rows(one.points if one is not None else [])
        self.heading.setText(said(one.name) if one is not None else "")
        facts = []
        if one is not None:
            kinds = dict.fromkeys((one.kind, *one.kinds))
            facts = [one.maker, listed(label(f"device.kind.{kind}") for kind in kinds)]
            rules = len(one.rules)
            facts += [ngettext("{n} proposed rule", "{n} proposed rules", rules).format(n=rules)] * bool(
                rules
            )
        self.facts.setText("\n".join(filter(None, facts)))
        note = (
            [said(one.note), _("Facts from: {source}").format(source=one.source)] if one is not None else []
        )
        self.note.setText("\n".join(filter(None, note)))

    def _lay_out(self) -> None:
        nothing = EmptyState(
            "magnify",
            _("Nothing found"),
            _("Try another word, or take an empty device and bring its points from a table."),
        )
        area = QWidget()
        self._stack = QStackedLayout(area)
        self._stack.addWidget(self.list)
        self._stack.addWidget(nothing)
        left = column(self.search, spacing=8)
        below = row(self.categories, spacing=8)
        below.addWidget(area, 1)
        left.addLayout(below, 1)
        right = column(self.heading, self.facts, spacing=6)
        right.addWidget(self.points, 1)
        right.addWidget(self.note)
        middle = row(spacing=14)
        middle.addLayout(left, 5)
        middle.addLayout(right, 4)
        cancel = button(_("Cancel"), self.reject)
        whole = column(
            text_label(_("What kind of device is it?"), "title"), spacing=10, margins=(16, 14, 16, 14)
        )
        whole.addLayout(middle, 1)
        whole.addLayout(row(self.blank, None, cancel, self.next))
        self.setLayout(whole)
        room = self.screen().availableSize()
        self.resize(min(1120, room.width() - 40), min(680, room.height() - 60))
