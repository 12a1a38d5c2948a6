"""The labels page at a real hub: what is previewed is printed, previews make no valid code, codes are read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy
import pytest
import zxingcpp
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtPrintSupport import QPrinter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QSpinBox

from core.wire.assets import PrintLabels
from desktop.main_window import MainWindow
from desktop.pages import label_print
from desktop.pages.labels import LabelsPage
from tests.desktop.conftest import Plant

Until = Callable[..., object]


@pytest.fixture
def page(window: MainWindow, until: Until) -> LabelsPage:
    found = cast(LabelsPage, window.open_page("labels"))
    until(lambda: found.preset.count() > 0)
    return found


def codes_of(image: QImage) -> set[str]:
    grey = image.convertToFormat(QImage.Format.Format_Grayscale8)
    rows = numpy.frombuffer(grey.constBits(), numpy.uint8).reshape(grey.height(), grey.bytesPerLine())
    pixels = numpy.ascontiguousarray(rows[:, : grey.width()])
    return {found.text for found in zxingcpp.read_barcodes(pixels)}


def labels_of(plant: Plant, asset_ids: list[int]) -> int:
    return sum(len(plant.client.asset_labels(asset_id)) for asset_id in asset_ids)


def test_a_preview_shows_the_labels_and_makes_none(page: LabelsPage, plant: Plant, until: Until) -> None:
    asset_ids = [asset.id for asset in plant.client.assets()[:4]]
    before = labels_of(plant, asset_ids)
    assert not page.print.isEnabled() and not page.save.isEnabled()
    page.choose(asset_ids)
    until(lambda: page.preview.pages == 1)
    assert "4 labels" in page.summary.text() and not page.preview.picture.pixmap().isNull()
    assert labels_of(plant, asset_ids) == before
    cast(QSpinBox, page.copies).setValue(20)
    until(lambda: page.preview.pages > 1)
    page.preview.forth.click()
    until(lambda: page.preview.where.text().startswith("Page 2"))
    page.choose([])
    assert page.preview.pages == 0


def test_labels_are_saved_and_their_codes_read_back(
    page: LabelsPage, plant: Plant, tmp_path: Path, until: Until
) -> None:
    asset_ids = [asset.id for asset in plant.client.assets()[4:7]]
    before = labels_of(plant, asset_ids)
    page.choose(asset_ids)
    page.sheet.set_start(5)
    file = tmp_path / "labels.pdf"
    page.save_to(file)
    until(lambda: file.exists() and file.stat().st_size and page.save.isEnabled())
    assert labels_of(plant, asset_ids) == before + 3
    codes = codes_of(label_print.page_image(file.read_bytes(), 0, 300))
    assert len(codes) == 3 and all("/Q/" in code and code == code.upper() for code in codes)


def test_printing_keeps_the_true_size(plant: Plant, tmp_path: Path, page: LabelsPage) -> None:
    pdf = plant.client.labels_pdf(PrintLabels(asset_ids=[plant.client.assets()[0].id], preview=True))
    assert label_print.page_size_mm(pdf) == pytest.approx((210, 297), abs=0.6)
    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    printer.setOutputFileName(str(tmp_path / "printed.pdf"))
    printer.setResolution(300)
    label_print.set_paper(printer, pdf)
    assert label_print.print_pdf(pdf, printer) == 1
    printed = (tmp_path / "printed.pdf").read_bytes()
    assert label_print.page_size_mm(printed) == pytest.approx(label_print.page_size_mm(pdf), abs=0.6)
    assert codes_of(label_print.page_image(printed, 0, 300)) == codes_of(label_print.page_image(pdf, 0, 300))


def test_a_printer_that_takes_nothing_is_named(plant: Plant, tmp_path: Path, page: LabelsPage) -> None:
    from core.errors import OutsideError
    from core.i18n import explain

    pdf = plant.client.labels_pdf(PrintLabels(asset_ids=[plant.client.assets()[0].id], preview=True))
    printer = QPrinter()
    printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    printer.setOutputFileName(str(tmp_path / "no such folder" / "x.pdf"))
    with pytest.raises(OutsideError) as caught:
        label_print.print_pdf(pdf, printer)
    assert caught.value.code == "print.failed" and "{" not in explain(caught.value)


def test_the_sheet_picture_takes_clicks_and_keys(page: LabelsPage) -> None:
    sheet = page.sheet
    assert sheet.preset is not None and sheet.preset.columns * sheet.preset.rows > 1
    sheet.resize(200, 280)
    centre = sheet._box(sheet.preset.columns + 2).center()
    QTest.mouseClick(sheet, Qt.MouseButton.LeftButton, pos=QPoint(int(centre.x()), int(centre.y())))
    assert sheet.start == sheet.preset.columns + 2
    QTest.keyClick(sheet, Qt.Key.Key_Up)
    assert sheet.start == 2
    QTest.keyClick(sheet, Qt.Key.Key_Left)
    QTest.keyClick(sheet, Qt.Key.Key_Left)
    assert sheet.start == 1, "there is nothing before the first"
    rolls = [n for n in range(page.preset.count()) if "roll" in str(page.preset.itemData(n))]
    cast(QComboBox, page.preset).setCurrentIndex(rolls[0])
    assert sheet.isHidden() and page.order(preview=True) is None
