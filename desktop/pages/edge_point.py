"""The dialog of a point: where it is read, how the registers become a value, with the address explained."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox

from core.i18n import _, label
from core.wire.fleet import DeviceView, PointView, SavePoint
from desktop.pages.edge_dialogs import note
from desktop.pages.edge_words import address_words, from_manual
from desktop.widgets.form import FormDialog, request
from desktop.widgets.inputs import Choice, choice, decimal, line, number, tick
from desktop.widgets.page import Page

AREAS = ("holding", "input", "coil", "discrete")
TYPES = ("uint16", "int16", "uint32", "int32", "float32", "uint64", "int64", "float64", "bool")
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
_LONG = {"int32", "uint32", "int64", "uint64", "float32", "float64"}


def _type_words(kind: str) -> str:
    return {
        "uint16": _("uint16 – one register, 0 … 65535"),
        "int16": _("int16 – one register, with sign"),
        "uint32": _("uint32 – two registers"),
        "int32": _("int32 – two registers, with sign"),
        "float32": _("float32 – two registers, with decimals"),
        "uint64": _("uint64 – four registers"),
        "int64": _("int64 – four registers, with sign"),
        "float64": _("float64 – four registers, with decimals"),
        "bool": _("bool – one bit of a register"),
    }[kind]


def _order_words(order: str) -> str:
    return {
        "ABCD": _("ABCD – as the standard says"),
        "CDAB": _("CDAB – registers swapped"),
        "BADC": _("BADC – bytes swapped"),
        "DCBA": _("DCBA – both swapped"),
    }[order]


class PointDialog(FormDialog):
    """`like` fills in a new point from another one."""

    def __init__(
        self,
        page: Page,
        device: DeviceView,
        point: PointView | None,
        assets: list[Choice],
        like: PointView | None = None,
    ) -> None:
        super().__init__(page, _("New point") if point is None else _("Edit point"), self._store, width=560)
        self._page, self._device, self._point = page, device, point
        shown = point or like
        name = point.name if point else _("{name} copy").format(name=like.name) if like else ""
        self.add("name", label("word.name"), line(name, _("such as Oil temperature"), limit=100))
        self.add("unit", _("Unit"), line(shown.unit if shown else "", "°C, bar, A …", limit=20))
        if device.kind == "modbus_tcp":
            self._modbus(shown)
        else:
            self._mqtt(shown)
        scale = decimal(shown.scale if shown else 1, -1e9, 1e9, 6)
        self.add("scale", _("Times"), scale, _("Value = what the device sends × this + offset."))
        self.add("offset", _("Offset"), decimal(shown.offset if shown else 0, -1e9, 1e9, 6))
        own = [(None, _("– as the device –")), *(pair for pair in assets if pair[0] is not None)]
        self.add("asset_id", _("Asset"), choice(own, shown.asset.id if shown and shown.asset else None))
        self.add("active", "", tick(_("In use"), shown.active if shown else True))
        if device.kind == "modbus_tcp":
            self._on_changed()
            self.form.changed.connect(self._on_changed)

    def _modbus(self, shown: PointView | None) -> None:
        self.manual: QLineEdit = line("", "40011")
        self.manual.textEdited.connect(self._on_manual)
        hint = _("If the manual says 40011 or 30001, type it here: area and address follow.")
        self.add("manual", _("From the manual"), self.manual, hint)
        areas: list[Choice] = [(area, label(f"point.area.{area}")) for area in AREAS]
        self.area: QComboBox = choice(areas, shown.area if shown else "holding")
        self.address: QSpinBox = number(shown.address if shown else 0, 0, 65535)
        self.add("area", _("Area"), self.area)
        self.add("address", _("Address"), self.address)
        self.words = note("")
        self.form.add_row(self.words)
        self.type: QComboBox = choice(
            [(kind, _type_words(kind)) for kind in TYPES], shown.type if shown else "uint16"
        )
        self.add("type", _("Type"), self.type)
        orders: list[Choice] = [(order, _order_words(order)) for order in ORDERS]
        self.add(
            "order",
            _("Order"),
            choice(orders, shown.order if shown else "ABCD"),
            _("If the value is absurd, such as 1.2e-38, try another order."),
        )
        self.add("bit", _("Bit"), number(shown.bit if shown and shown.bit is not None else 0, 0, 15))
        poll = number(shown.poll_ms or 0 if shown else 0, 0, 3_600_000, " ms")
        poll.setSpecialValueText(_("as the device"))
        self.add("poll_ms", _("Read every"), poll)

    def _mqtt(self, shown: PointView | None) -> None:
        self.add(
            "path",
            _("Path in the JSON"),
            line(shown.path if shown else "", "motor.temp", limit=200),
            _("Empty when the message is the bare value. Lists: a[0].v"),
        )
        self.add(
            "topic",
            _("Topic"),
            line(shown.topic if shown else "", str(self._device.config.get("topic", "")), limit=500),
            _("Only needed when the device's filter covers several topics."),
        )

    def _on_manual(self, text: str) -> None:
        found = from_manual(text)
        if found is not None:
            self.area.setCurrentIndex(AREAS.index(found[0]))
            self.address.setValue(found[1])

    def _on_changed(self) -> None:
        area = self.area.currentData()
        is_word, kind = area in ("holding", "input"), self.type.currentData()
        self.words.setText(address_words(area, self.address.value()))
        self.form.show_field("type", is_word)
        self.form.show_field("order", is_word and kind in _LONG)
        self.form.show_field("bit", is_word and kind == "bool")
        for name in ("scale", "offset"):
            self.form.show_field(name, is_word and kind != "bool")

    def _store(self, values: dict[str, Any]) -> PointView:
        values.pop("manual", None)
        if self._device.kind == "modbus_tcp":
            is_word = values["area"] in ("holding", "input")
            values["poll_ms"] = values["poll_ms"] or None
            values["type"] = values["type"] if is_word else "bool"
            values["bit"] = values["bit"] if is_word and values["type"] == "bool" else None
        hub, point = self._page.hub, self._point
        if point is None:
            return hub.create_point(self._device.id, request(SavePoint, values))
        return hub.save_point(point.id, request(SavePoint, values | {"version": point.version}))
