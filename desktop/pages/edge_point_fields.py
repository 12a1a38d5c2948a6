"""Fields that only points have: a bound that may be none, words for numbers, registers tried in every order."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.errors import AppError
from core.i18n import _
from desktop import theme
from desktop.pages.edge_registers import ORDERS, SIZES, registers_of, value_in
from desktop.widgets.basics import column, text_label
from desktop.widgets.inputs import line, lines


def type_words(kind: str) -> str:
    """A type of value, explained."""
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
        "bcd16": _("bcd16 – one register, four decimal digits"),
        "bcd32": _("bcd32 – two registers, eight decimal digits"),
        "string": _("string – text in several registers"),
    }[kind]


def order_words(order: str) -> str:
    """An order of bytes, explained."""
    return {
        "ABCD": _("ABCD – as the standard says"),
        "CDAB": _("CDAB – registers swapped"),
        "BADC": _("BADC – bytes swapped"),
        "DCBA": _("DCBA – both swapped"),
    }[order]


def figure_words(figure: str) -> str:
    """A figure of the edge itself, in words."""
    known = {
        "scan_late_ms": _("Lateness of scans (ms)"),
        "scans_skipped": _("Scans skipped"),
        "line_load": _("Load of the busiest line"),
        "outbox_depth": _("Events waiting for the hub"),
        "backlog": _("Telemetry waiting for the hub"),
        "clock_skew_s": _("Clock against the hub (s)"),
        "memory_mib": _("Memory used (MiB)"),
        "disk_free_mib": _("Free disk (MiB)"),
        "devices_failing": _("Devices that do not answer"),
        "alarms_active": _("Active alarms"),
        "uplink_connected": _("Connected to the hub"),
    }
    return known.get(figure, figure)


class OptionalNumber(QWidget):
    """A number, or none when it is empty."""

    edited = Signal()

    def __init__(self, value: float | None, placeholder: str) -> None:
        super().__init__()
        self.edit = line("" if value is None else f"{value:.12g}", placeholder, limit=30)
        self.edit.textChanged.connect(lambda _text: self.edited.emit())
        self.setLayout(column(self.edit))
        self.setFocusProxy(self.edit)

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.edit.setAccessibleName(name)

    def field_value(self) -> float | None:
        """For forms."""
        text = self.edit.text().strip().replace(",", ".")
        if not text:
            return None
        try:
            return float(text)
        except ValueError:
            raise AppError("form.not_a_number", f"no number: {text}", text=text) from None


class WordsEdit(QWidget):
    """Words for numbers, one a line: `1 = running`."""

    edited = Signal()

    def __init__(self, words_of: Mapping[str, str]) -> None:
        super().__init__()
        shown = "\n".join(f"{number} = {word}" for number, word in words_of.items())
        self.edit = lines(shown, 4, _("0 = stopped\n1 = running\n2 = fault"))
        self.edit.textChanged.connect(self.edited)
        self.setLayout(column(self.edit))
        self.setFocusProxy(self.edit)

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.edit.setAccessibleName(name)

    def field_value(self) -> dict[str, str]:
        """For forms; AppError naming the line that cannot be read."""
        found = {}
        for text in self.edit.toPlainText().splitlines():
            number, sign, word = text.replace("＝", "=").replace("：", "=").partition("=")
            if not text.strip():
                continue
            try:
                key = str(int(number.strip(), 0))
            except ValueError:
                key = ""
            if not key or not sign or not word.strip():
                raise AppError("point.word_line", f"not understood: {text}", text=text.strip())
            found[key] = word.strip()
        return found


class OrderPreview(QWidget):
    """Registers, and the value they would be in each order: what is told to make sense can be chosen."""

    def __init__(self, registers: list[int]) -> None:
        super().__init__()
        self.registers = line(
            " ".join(f"0x{register:04X}" for register in registers), "0x4248 0x0000", limit=60
        )
        self.registers.setAccessibleName(_("Registers"))
        self.values = text_label("", selectable=True, wrap=True)
        self.values.setMinimumHeight(self.values.fontMetrics().lineSpacing() * 2 + 6)
        self.setLayout(column(self.registers, self.values, spacing=3))
        self.setFocusProxy(self.registers)
        self._how: tuple[str, str, float, float] = ("uint16", "ABCD", 1.0, 0.0)
        self.registers.textChanged.connect(lambda _text: self._show())
        theme.theme().changed.connect(self._show)

    def show_as(self, kind: str, order: str, scale: float, offset: float) -> None:
        """Read the registers so."""
        self._how = (kind, order, scale, offset)
        self._show()

    def field_value(self) -> None:
        """Only for looking at: no field of a point."""

    def _show(self) -> None:
        kind, chosen, scale, offset = self._how
        found = registers_of(self.registers.text())
        if kind not in SIZES or len(found) < SIZES[kind]:
            need = SIZES.get(kind, 1)
            self.values.setText(_("Type {n} registers to see what value they make.").format(n=need))
            return
        parts = []
        for order in ORDERS:
            raw = value_in(found, kind, order)
            value = "–" if raw is None else f"{raw * scale + offset:.7g}"
            parts.append(f"{'▸ ' if order == chosen else ''}{order}: {value}")
        self.values.setText("     ".join(parts))
