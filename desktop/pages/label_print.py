"""Draws a PDF of labels on the screen and on paper. Knows no hub: it gets the bytes of the document."""

from __future__ import annotations

import threading

import pypdfium2
from PySide6.QtCore import QMarginsF, QRectF, QSizeF
from PySide6.QtGui import QImage, QPageLayout, QPageSize, QPainter
from PySide6.QtPrintSupport import QPrinter

from core.errors import OutsideError

_POINTS_PER_INCH = 72
_MM_PER_POINT = 25.4 / 72
MOST_DPI = 600  # above it a code gains nothing, and an A4 page no longer fits into 40 MB
_pdfium = threading.Lock()  # PDFium may be used by one thread at a time


def page_count(pdf: bytes) -> int:
    """How many pages the document has."""
    with _pdfium:
        document = pypdfium2.PdfDocument(pdf)
        try:
            return len(document)
        finally:
            document.close()


def page_image(pdf: bytes, page: int, dpi: float) -> QImage:
    """One page (from 0) as a picture of `dpi` dots per inch."""
    with _pdfium:
        document = pypdfium2.PdfDocument(pdf)
        try:
            bitmap = document[page].render(scale=dpi / _POINTS_PER_INCH, grayscale=False, prefer_bgrx=True)
            shown = QImage(
                bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.stride, QImage.Format.Format_RGB32
            ).copy()  # the copy owns its pixels; the bitmap's go with the document
        finally:
            document.close()
    shown.setDotsPerMeterX(round(dpi / 0.0254))
    shown.setDotsPerMeterY(round(dpi / 0.0254))
    return shown


def page_size_mm(pdf: bytes) -> tuple[float, float]:
    """Width and height of the first page in millimetres."""
    with _pdfium:
        document = pypdfium2.PdfDocument(pdf)
        try:
            width, height = document[0].get_size()
        finally:
            document.close()
    return width * _MM_PER_POINT, height * _MM_PER_POINT


def set_paper(printer: QPrinter, pdf: bytes) -> None:
    """Tell the printer the document's own paper, edge to edge, so that labels fall where the sheet has them."""
    width, height = page_size_mm(pdf)
    size = QPageSize(QSizeF(min(width, height), max(width, height)), QPageSize.Unit.Millimeter)
    turned = QPageLayout.Orientation.Landscape if width > height else QPageLayout.Orientation.Portrait
    printer.setFullPage(True)
    printer.setPageLayout(QPageLayout(size, turned, QMarginsF(0, 0, 0, 0)))


def print_pdf(pdf: bytes, printer: QPrinter) -> int:
    """Print all pages at their true size, in the thread that calls; the number of pages.

    Raises OutsideError `print.failed` when the printer does not take the job.
    """
    painter = QPainter()
    if not painter.begin(printer):
        raise OutsideError("print.failed", "the printer did not take the job", printer=printer.printerName())
    dpi = min(printer.resolution(), MOST_DPI)
    pages = page_count(pdf)
    try:
        for page in range(pages):
            if page and not printer.newPage():
                raise OutsideError("print.failed", "no new page", printer=printer.printerName())
            picture = page_image(pdf, page, dpi)
            scale = printer.resolution() / dpi
            painter.drawImage(QRectF(0, 0, picture.width() * scale, picture.height() * scale), picture)
    finally:
        painter.end()
    return pages
