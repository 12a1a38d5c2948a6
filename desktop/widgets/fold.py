"""A line that opens and closes what stands below it, for what few people need. Knows no form."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSizePolicy, QToolButton

from desktop import theme


class Fold(QToolButton):
    """Closed at first; `turned` tells each change."""

    turned = Signal(bool)

    def __init__(self, words: str, is_open: bool = False) -> None:
        super().__init__()
        self.setText(words)
        self.setAccessibleName(words)
        self.setCheckable(True)
        self.setChecked(is_open)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setIconSize(theme.icon_size())
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setStyleSheet("QToolButton { text-align: left; }")
        self.toggled.connect(self._on_toggled)
        theme.theme().changed.connect(self._draw)
        self._draw()

    @property
    def is_open(self) -> bool:
        return self.isChecked()

    def _on_toggled(self, on: bool) -> None:
        self._draw()
        self.turned.emit(on)

    def _draw(self) -> None:
        self.setIcon(theme.icon("chevron-down" if self.isChecked() else "chevron-right", "muted"))
