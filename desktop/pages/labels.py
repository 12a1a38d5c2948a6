"""Labels: which assets, on which sheet, from which place; what is seen is what is printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtPrintSupport import QPrintDialog, QPrinter
from PySide6.QtWidgets import QFileDialog, QSplitter, QWidget

from core.errors import FettleError
from core.i18n import _, current, explain, label, ngettext
from core.wire.assets import AssetView, LabelPreset, LocationView, PrintLabels
from core.wire.journal import JournalEntry
from desktop.pages import label_preview, label_print
from desktop.pages.asset_picker import AssetPicker
from desktop.pages.label_sheet import SheetPicture
from desktop.widgets.basics import button, column, row, text_label
from desktop.widgets.form import Form
from desktop.widgets.inputs import Choice, choice, number
from desktop.widgets.page import Page, Shell

Things = tuple[list[LocationView], list[AssetView], list[LabelPreset]]


class LabelsPage(Page):
    key = "labels"
    icon = "qrcode"

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self._pdf = b""
        self._asked = 0
        self._presets: dict[str, LabelPreset] = {}
        self.picker = AssetPicker()
        self.picker.changed.connect(self._on_changed)
        self.preview = label_preview.Preview(self)
        self._later = QTimer(self, singleShot=True, interval=350)
        self._later.timeout.connect(self.on_preview)
        self._make_form()
        splitter = QSplitter(Qt.Orientation.Horizontal)
        for part in (self._left(), self._middle(), self._right()):
            splitter.addWidget(part)
        splitter.setSizes([370, 300, 560])
        splitter.setStretchFactor(2, 1)
        splitter.setChildrenCollapsible(False)
        self.setLayout(column(splitter, margins=(12, 10, 12, 12)))
        self._on_changed()

    def title(self) -> str:
        return _("Labels")

    def help_text(self) -> str:
        return _(
            "Each label carries a code of its own. Whoever scans it with a phone reports a fault without log-in. "
            "The preview shows sample codes; valid ones are made only when you print or save. Print at 100 % size, "
            "on a first sheet of plain paper. A lost label is revoked on the page of its asset."
        )

    def refresh(self) -> None:
        hub = self.hub
        self.run(lambda: (hub.locations(), hub.assets(), hub.label_presets()), self._show)

    def on_entry(self, entry: JournalEntry) -> None:
        if entry.verb.startswith(("asset.", "location.")):
            self.refresh_soon()

    def choose(self, asset_ids: list[int]) -> None:
        """Tick just these assets, for other pages."""
        self.picker.set_ticked(asset_ids)

    def commands(self) -> list[tuple[str, str, Callable[[], None]]]:
        """For Ctrl+K."""
        if not self.shell.may("label.print"):
            return []
        return [
            (_("Print"), "printer-outline", self.on_print),
            (_("Save as PDF"), "file-pdf-box", self.on_save),
        ]

    # ---- asking

    def order(self, preview: bool) -> PrintLabels | None:
        """What is to be printed; None while nothing is chosen."""
        values = self.form.values()
        asset_ids = self.picker.field_value()
        if not asset_ids or values["preset"] is None:
            return None
        return PrintLabels(
            asset_ids=asset_ids,
            preset=values["preset"],
            start=self.sheet.start,
            copies=values["copies"],
            language=values["language"],
            preview=preview,
        )

    def on_preview(self) -> None:
        """Show how it will look; only the newest answer counts."""
        order = self.order(preview=True)
        if order is None:
            return
        asked = self._asked
        self.preview.busy.start()
        self.run(
            lambda: self._drawn(order),
            lambda drawn: self._on_drawn(asked, drawn),
            lambda error: self._on_not_drawn(asked, error),
        )

    def on_print(self) -> None:
        """Ask for the printer, then print valid labels on it."""
        order = self.order(preview=False)
        if order is None:
            return
        printer = QPrinter(QPrinter.PrinterMode.HighResolution)
        printer.setDocName(_("Fettle labels"))
        if self._pdf:
            label_print.set_paper(printer, self._pdf)
        dialog = QPrintDialog(printer, self)
        dialog.setWindowTitle(_("Print labels"))
        if dialog.exec():
            self._work(True)
            self.run(
                lambda: label_print.print_pdf(self.hub.labels_pdf(order), printer),
                lambda pages: self._on_done(_("Sent to the printer: {n} pages.").format(n=pages)),
                self._on_failed,
            )

    def on_save(self) -> None:
        """Save valid labels as a PDF."""
        order = self.order(preview=False)
        if order is None:
            return
        name, _kind = QFileDialog.getSaveFileName(
            self, _("Save labels as PDF"), str(Path.home() / "labels.pdf"), "PDF (*.pdf)"
        )
        if name:
            self.save_to(Path(name))

    def save_to(self, file: Path) -> None:
        """Write valid labels into `file`."""
        order = self.order(preview=False)
        if order is not None:
            self._work(True)
            self.run(
                lambda: file.write_bytes(self.hub.labels_pdf(order)),
                lambda _size: self._on_done(_("Labels saved in {file}.").format(file=file)),
                self._on_failed,
            )

    # ---- showing

    def _show(self, things: Things) -> None:
        locations, assets, presets = things
        self.picker.set_things(locations, assets)
        if {preset.id: preset for preset in presets} != self._presets:
            self._presets = {preset.id: preset for preset in presets}
            self.preset.clear()
            for preset in presets:
                self.preset.addItem(_preset_words(preset), preset.id)
        self._on_changed()

    def _on_changed(self) -> None:
        preset = self._presets.get(str(self.preset.currentData()))
        if preset is not None and preset != self.sheet.preset:
            self.sheet.set_preset(preset)
        n = len(self.picker.field_value()) * self.copies.value()
        self.sheet.set_count(n)
        self.sheet_words.setVisible(not self.sheet.isHidden())
        self.summary.setText(self._summary(preset, n) if n else _("Tick the assets on the left."))
        for one in (self.print, self.save):
            one.setEnabled(n > 0)
        self.preview.at = 0
        self._asked += 1
        if n:
            self._later.start()
        else:
            self._later.stop()
            self.preview.clear()

    def _summary(self, preset: LabelPreset | None, n: int) -> str:
        words = ngettext("{n} label", "{n} labels", n).format(n=n)
        places = preset.columns * preset.rows if preset is not None else 1
        if places > 1:
            sheets = -(-(n + self.sheet.start - 1) // places)
            words += " · " + ngettext("{n} sheet", "{n} sheets", sheets).format(n=sheets)
        return words

    def _drawn(self, order: PrintLabels) -> tuple[bytes, int, QImage]:
        pdf = self.hub.labels_pdf(order)
        return pdf, label_print.page_count(pdf), label_print.page_image(pdf, 0, label_preview.DPI)

    def _on_drawn(self, asked: int, drawn: tuple[bytes, int, QImage]) -> None:
        if asked == self._asked:
            self._pdf = drawn[0]
            self.preview.show_pdf(*drawn)

    def _on_not_drawn(self, asked: int, error: FettleError) -> None:
        if asked == self._asked:
            self.preview.say(explain(error))

    def _work(self, busy: bool) -> None:
        for one in (self.print, self.save):
            one.setEnabled(not busy)

    def _on_done(self, words: str) -> None:
        self._work(False)
        self.shell.toast(words)

    def _on_failed(self, error: FettleError) -> None:
        self._work(False)
        self.tell(error)

    # ---- building

    def _make_form(self) -> None:
        self.form = Form()
        self.preset = choice([])
        self.form.add("preset", _("Paper"), self.preset)
        self.copies = number(1, 1, 20)
        self.form.add("copies", _("Copies of each"), self.copies)
        languages: list[Choice] = [(code, label(f"language.{code}")) for code in ("zh_CN", "en")]
        self.form.add("language", _("Language"), choice(languages, current()))
        self.form.changed.connect(self._on_changed)
        self.sheet = SheetPicture()
        self.sheet.changed.connect(lambda _start: self._on_changed())
        self.sheet_words = text_label(
            _("A sheet already begun? Click its first free label."), "muted", wrap=True
        )
        self.summary = text_label("", "heading", wrap=True)
        self.print = button(_("Print"), self.on_print, "printer-outline", main=True, shortcut="Ctrl+P")
        self.save = button(_("Save as PDF"), self.on_save, "file-pdf-box", shortcut="Ctrl+S")
        may_print = self.shell.may("label.print")
        self.print.setVisible(may_print)
        self.save.setVisible(may_print)

    def _left(self) -> QWidget:
        left = QWidget()
        left.setLayout(column(text_label(_("1. Assets"), "heading"), self.picker, margins=(0, 0, 10, 0)))
        return left

    def _middle(self) -> QWidget:
        middle = QWidget()
        layout = column(
            text_label(_("2. Paper"), "heading"),
            self.form,
            self.sheet,
            self.sheet_words,
            8,
            text_label(_("3. Print"), "heading"),
            self.summary,
            margins=(10, 0, 10, 0),
        )
        layout.addLayout(row(self.print, self.save, None))
        layout.addStretch(1)
        middle.setLayout(layout)
        return middle

    def _right(self) -> QWidget:
        right = QWidget()
        right.setLayout(column(self.preview, margins=(10, 0, 0, 0)))
        return right


def _preset_words(preset: LabelPreset) -> str:
    size = f"{preset.width_mm:g} × {preset.height_mm:g} mm"
    return f"{preset.name} · {size}" if size not in preset.name else preset.name
