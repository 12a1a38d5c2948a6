"""The preview of a PDF: one page at a time, as wide as there is room. Rendering happens in the background."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QLabel, QScrollArea, QStackedLayout, QWidget

from core.i18n import _
from desktop.pages import label_print
from desktop.widgets.basics import BusyLine, EmptyState, column, row, text_label, tool_button
from desktop.widgets.page import Page

DPI = 150
_WIDEST_PX = 900


class Preview(QWidget):
    """`show_pdf` takes bytes; `clear` goes back to the empty state."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self._pdf = b""
        self._image = QImage()
        self.at = 0
        self.pages = 0
        self.busy = BusyLine()
        self.where = text_label("", "muted")
        self.back = tool_button("chevron-left", _("Page before"), lambda: self.turn(-1))
        self.forth = tool_button("chevron-right", _("Next page"), lambda: self.turn(1))
        self.trouble = text_label("", "bad", wrap=True)
        self.trouble.hide()
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.picture.setAccessibleName(_("Preview of the labels"))
        self.area = QScrollArea()
        self.area.setWidget(self.picture)
        self.area.setWidgetResizable(True)
        self.area.setAccessibleName(_("Preview of the labels"))
        self.area.viewport().installEventFilter(self)
        body = QWidget()
        self._stack = QStackedLayout(body)
        self._stack.addWidget(
            EmptyState(
                "qrcode",
                _("No labels yet"),
                _("Tick assets on the left; their labels appear here as they print."),
            )
        )
        self._stack.addWidget(self.area)
        whole = column(self.busy, spacing=6)
        whole.addLayout(row(text_label(_("Preview"), "heading"), None, self.back, self.where, self.forth))
        whole.addWidget(self.trouble)
        whole.addWidget(body, 1)
        self.setLayout(whole)
        self._show_place()

    def show_pdf(self, pdf: bytes, pages: int, image: QImage) -> None:
        """Show this document, of which `image` is the page at `at`."""
        self._pdf, self.pages, self._image = pdf, pages, image
        self.busy.stop()
        self.trouble.hide()
        self._stack.setCurrentIndex(1)
        self._fit()
        self._show_place()

    def say(self, words: str) -> None:
        """Why there is no preview."""
        self.busy.stop()
        self.trouble.setText(words)
        self.trouble.show()

    def clear(self) -> None:
        """Nothing to show."""
        self._pdf, self.pages, self.at = b"", 0, 0
        self.busy.stop()
        self.trouble.hide()
        self._stack.setCurrentIndex(0)
        self._show_place()

    def turn(self, by: int) -> None:
        """Go to another page."""
        pdf, at = self._pdf, self.at + by
        if 0 <= at < self.pages:
            self.at = at
            self._page.run(
                lambda: label_print.page_image(pdf, at, DPI), lambda image: self._on_turned(at, image)
            )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize:
            self._fit()
        return False

    def _on_turned(self, at: int, image: QImage) -> None:
        if at == self.at:
            self._image = image
            self._fit()
            self._show_place()

    def _fit(self) -> None:
        if self._image.isNull():
            return
        ratio = self.devicePixelRatioF()
        room = min(self.area.viewport().width() - 4, _WIDEST_PX)
        width = min(round(room * ratio), self._image.width())
        shown = QPixmap.fromImage(
            self._image.scaledToWidth(max(width, 50), Qt.TransformationMode.SmoothTransformation)
        )
        shown.setDevicePixelRatio(ratio)
        self.picture.setPixmap(shown)

    def _show_place(self) -> None:
        many = self.pages > 1
        self.where.setText(_("Page {n} of {pages}").format(n=self.at + 1, pages=self.pages) if many else "")
        self.back.setVisible(many)
        self.forth.setVisible(many)
        self.back.setEnabled(self.at > 0)
        self.forth.setEnabled(self.at + 1 < self.pages)
