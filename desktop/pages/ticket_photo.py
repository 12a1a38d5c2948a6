"""One photo, as big as the window allows; can be saved."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QLabel, QWidget

from core.errors import FettleError
from core.i18n import _, explain
from core.wire.assets import FileView
from desktop import tasks, times
from desktop.hub_client import HubClient
from desktop.widgets.basics import BusyLine, button, column, row, text_label


class PhotoDialog(QDialog):
    """Fetches the photo and shows it scaled to the dialog."""

    def __init__(self, parent: QWidget, hub: HubClient, file: FileView) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(file.name)
        self.resize(960, 720)
        self._file = file
        self._content = b""
        self._photo = QPixmap()
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._picture.setMinimumSize(QSize(200, 150))
        self._picture.setAccessibleName(file.name)
        self._busy = BusyLine()
        self._save = button(_("Save as …"), self._save_as, icon="download-outline")
        self._save.setEnabled(False)
        facts = text_label(f"{file.added_by} · {times.exact(file.added_at)}", "muted")
        layout = column(
            self._busy, self._picture, row(facts, None, self._save, button(_("Close"), self.accept))
        )
        layout.setStretchFactor(self._picture, 1)
        layout.setContentsMargins(12, 6, 12, 12)
        self.setLayout(layout)
        self._busy.start()
        tasks.run(lambda: hub.file(file.id), self._on_content, self._on_failed, self)

    def _on_content(self, content: bytes) -> None:
        self._busy.stop()
        self._content = content
        self._save.setEnabled(True)
        if self._photo.loadFromData(content):
            self._fit()
        else:
            self._picture.setText(_("This file cannot be shown; save it to open it with another program."))

    def _on_failed(self, error: FettleError) -> None:
        self._busy.stop()
        self._picture.setText(explain(error))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if not self._photo.isNull():
            self._picture.setPixmap(
                self._photo.scaled(
                    self._picture.size(),
                    Qt.AspectRatioMode.KeepAspectRatio,
                    Qt.TransformationMode.SmoothTransformation,
                )
            )

    def _save_as(self) -> None:
        name, _kind = QFileDialog.getSaveFileName(self, _("Save as …"), self._file.name)
        if name:
            Path(name).write_bytes(self._content)
