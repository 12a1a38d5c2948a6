"""The dialog of a point: where it is read, how registers become a value, what may be written; the address explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QSpinBox, QWidget

from core.i18n import _, label
from core.wire.assets import PointValue
from core.wire.edge_config import EDGE_FIGURES, Reads
from core.wire.fleet import DeviceView, PointView, SavePoint
from desktop.pages.edge_device import MODBUS
from desktop.pages.edge_point_fields import (
    OptionalNumber,
    OrderPreview,
    WordsEdit,
    figure_words,
    order_words,
    type_words,
)
from desktop.pages.edge_registers import ORDERS, SIZES, registers_behind
from desktop.pages.edge_words import address_words, from_manual
from desktop.widgets.form import FormDialog, request
from desktop.widgets.inputs import Choice, choice, decimal, line, number, tick, value_of
from desktop.widgets.page import Page
from desktop.widgets.wrapped import Wrapped

AREAS = ("holding", "input", "coil", "discrete")
TYPES = (
    "uint16", "int16", "uint32", "int32", "float32", "uint64", "int64", "float64", "bool", "bcd16", "bcd32",
    "string",
)  # fmt: skip


def note(words: str) -> QLabel:
    """A line of explanation that changes with what is typed."""
    return Wrapped(words, "muted")


class PointDialog(FormDialog):
    """`like` fills in a new point from another one; `value` is what the point tells now."""

    def __init__(
        self,
        page: Page,
        device: DeviceView,
        point: PointView | None,
        assets: list[Choice],
        like: PointView | None = None,
        siblings: Sequence[PointView] = (),
        value: PointValue | None = None,
    ) -> None:
        super().__init__(page, _("New point") if point is None else _("Edit point"), self._store, width=600)
        self._page, self._device, self._point = page, device, point
        self._modbus = device.kind in MODBUS
        shown = point or like
        reads: Reads = shown or Reads()
        name = point.name if point else _("{name} copy").format(name=like.name) if like else ""
        self.add("name", label("word.name"), line(name, _("such as Oil temperature"), limit=100))
        self.add("unit", _("Unit"), line(shown.unit if shown else "", "°C, bar, A …", limit=20))
        if self._modbus:
            self._registers(reads, value if point is not None else None)
        elif device.kind == "mqtt":
            self._message(reads)
        else:
            figures: list[Choice] = [(one, figure_words(one)) for one in EDGE_FIGURES]
            self.add("path", _("Figure"), choice(figures, reads.path))
        if device.kind != "edge":
            hint = _("Value = what the device sends × this + offset.")
            self.add("scale", _("Times"), decimal(reads.scale, -1e9, 1e9, 6), hint)
            self.add("offset", _("Offset"), decimal(reads.offset, -1e9, 1e9, 6))
        own = [(None, _("– as the device –")), *(pair for pair in assets if pair[0] is not None)]
        self.add("asset_id", _("Asset"), choice(own, shown.asset.id if shown and shown.asset else None))
        if device.kind != "edge":
            self._more(reads, [one for one in siblings if point is None or one.id != point.id])
        self.add("active", "", tick(_("In use"), shown.active if shown else True))
        if self._modbus:
            self._on_changed()
            self.form.changed.connect(self._on_changed)

    def _registers(self, reads: Reads, value: PointValue | None) -> None:
        self.manual: QLineEdit = line("", "40011")
        self.manual.textEdited.connect(self._on_manual)
        hint = _("If the manual says 40011 or 30001, type it here: area and address follow.")
        self.add("manual", _("From the manual"), self.manual, hint)
        areas: list[Choice] = [(area, label(f"point.area.{area}")) for area in AREAS]
        self.area: QComboBox = choice(areas, reads.area)
        self.address: QSpinBox = number(reads.address, 0, 65535)
        self.add("area", _("Area"), self.area)
        self.add("address", _("Address"), self.address)
        self.words = note("")
        self.form.add_row(self.words)
        self.type: QComboBox = choice([(kind, type_words(kind)) for kind in TYPES], reads.type)
        self.type.setEditable(False)
        self.add("type", _("Type"), self.type)
        orders: list[Choice] = [(order, order_words(order)) for order in ORDERS]
        self.add(
            "order",
            _("Order"),
            choice(orders, reads.order),
            _("If the value is absurd, such as 1.2e-38, try another order."),
        )
        self.preview = OrderPreview(registers_behind(value.value, reads) if value is not None else [])
        hint = _("What the device sends now, or type registers, to see which order makes sense.")
        self.add("preview", _("Registers"), self.preview, hint)
        self.add("words", _("Registers of the text"), number(reads.words, 1, 125))
        bit = number(-1 if reads.bit is None else reads.bit, -1, 15)
        bit.setSpecialValueText(_("the whole register"))
        self.add("bit", _("Bit"), bit, _("Counted from 0, the lowest."))
        self.add("bits", _("How many bits"), number(reads.bits, 1, 16), _("1 makes it a switch."))

    def _message(self, reads: Reads) -> None:
        sparkplug = self._device.config.get("payload") == "sparkplug_b"
        if sparkplug:
            self.add("path", _("Metric"), line(reads.path, "Motor/Temperature", limit=200))
        else:
            self.add(
                "path",
                _("Path in the JSON"),
                line(reads.path, "motor.temp", limit=200),
                _("Empty when the message is the bare value. Lists: a[0].v; * for the first match."),
            )
        self.add(
            "topic",
            _("Topic"),
            line(reads.topic, str(self._device.config.get("topic", "")), limit=500),
            _("Only needed when the device's filter covers several topics."),
        )

    def _more(self, reads: Reads, siblings: Sequence[PointView]) -> None:
        special = bool(
            reads.scale_point or reads.missing or reads.words_of or reads.poll_ms or reads.writable
        )
        self.form.fold(_("More: words for numbers, interval, writing"), special)
        words_hint = _("One a line. The value is the word then, and rules compare with it.")
        self.add("words_of", _("Words for numbers"), WordsEdit(reads.words_of), words_hint)
        if self._modbus:
            poll = number(reads.poll_ms or 0, 0, 3_600_000, " ms")
            poll.setSpecialValueText(_("as the device"))
            self.add("poll_ms", _("Read every"), poll)
            scales: list[Choice] = [("", _("– none –")), *((str(one.id), one.name) for one in siblings)]
            self.add(
                "scale_point",
                _("Scale from a point"),
                choice(scales, reads.scale_point),
                _("A point of this device that holds a power of ten (SunSpec)."),
            )
            missing: list[Choice] = [
                ("", _("is a value like others")),
                ("sunspec", _("is no value (SunSpec)")),
                ("sunspec_acc", _("is no value (SunSpec counter)")),
            ]
            self.add("missing", _("The type's “not there” number"), choice(missing, reads.missing))
            self.add(
                "writable",
                _("Writing"),
                tick(_("People with the right may write it"), reads.writable),
                _(
                    "Off for everything that is only measured. Each write is confirmed, read back and journalled."
                ),
            )
            self.add("write_low", _("Not below"), OptionalNumber(reads.write_low, _("no bound")))
            self.add("write_high", _("Not above"), OptionalNumber(reads.write_high, _("no bound")))
        self.form.fold()

    def _on_manual(self, text: str) -> None:
        found = from_manual(text)
        if found is not None:
            self.area.setCurrentIndex(AREAS.index(found[0]))
            self.address.setValue(found[1])

    def _on_changed(self) -> None:
        area, kind = self.area.currentData(), self.type.currentData()
        is_word = area in ("holding", "input")
        in_bits = is_word and kind in ("bool", "uint16", "int16")
        fields, show = self.form.fields, self.form.show_field
        bit, bits, order, times, offset = (fields[n] for n in ("bit", "bits", "order", "scale", "offset"))
        self.words.setText(address_words(area, self.address.value()))
        whole = isinstance(bit, QSpinBox) and bit.value() < 0
        is_switch = not is_word or kind == "bool" or (in_bits and not whole and _value(bits) == 1)
        show("type", is_word)
        show("order", is_word and SIZES.get(kind, 1) > 1)
        show("preview", is_word and SIZES.get(kind, 1) > 1)
        show("words", is_word and kind == "string")
        show("bit", in_bits)
        show("bits", in_bits and kind != "bool" and not whole)
        for name in ("scale", "offset", "scale_point", "missing"):
            show(name, is_word and not is_switch and kind != "string")
        show("words_of", kind != "string" and not is_switch)
        writable = value_of(fields["writable"])
        for name in ("write_low", "write_high"):
            show(name, writable and not is_switch and kind != "string")
        assert isinstance(order, QComboBox)
        self.preview.show_as(kind, order.currentData(), _value(times), _value(offset))

    def _store(self, values: dict[str, Any]) -> PointView:
        values.pop("manual", None)
        values.pop("preview", None)
        if self._modbus:
            self._registers_body(values)
        hub, point = self._page.hub, self._point
        if point is None:
            return hub.create_point(self._device.id, request(SavePoint, values))
        return hub.save_point(point.id, request(SavePoint, values | {"version": point.version}))

    def _registers_body(self, values: dict[str, Any]) -> None:
        """What is not shown gets its default."""
        is_word = values["area"] in ("holding", "input")
        values["poll_ms"] = values["poll_ms"] or None
        values["type"] = values["type"] if is_word else "bool"
        bit = values["bit"]
        values["bit"] = bit if self.form.is_shown("bit") and bit >= 0 else None
        if values["type"] == "bool" and is_word:
            values["bit"] = max(0, bit)
        unused: dict[str, Any] = {
            "order": "ABCD", "words": 1, "bits": 1, "scale": 1.0, "offset": 0.0, "scale_point": "", "missing": "",
            "words_of": {}, "write_low": None, "write_high": None,
        }  # fmt: skip
        values |= {name: empty for name, empty in unused.items() if not self.form.is_shown(name)}


def _value(widget: QWidget) -> float:
    """The number in a field of numbers."""
    return float(value_of(widget))
