"""The picture of a partly used label sheet: a click names its first free place. Knows no labels, only the grid."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.i18n import _
from core.wire.assets import LabelPreset
from desktop import theme

_A4_MM = (210.0, 297.0)
_STEPS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}


class SheetPicture(QWidget):
    """Places before the start are struck out, those that will be printed are filled."""

    changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.preset: LabelPreset | None = None
        self._start = 1
        self._count = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(_("First free place on the sheet"))
        self.setToolTip(_("Click the first free label of a partly used sheet."))
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    @property
    def start(self) -> int:
        """The first free place, counted from 1, row by row."""
        return self._start

    def set_preset(self, preset: LabelPreset) -> None:
        """Draw this sheet, all of it free."""
        self.preset = preset
        self.set_start(1)
        self.setVisible(preset.columns * preset.rows > 1)
        self.updateGeometry()

    def set_count(self, labels: int) -> None:
        """Fill as many places as labels will be printed."""
        self._count = labels
        self.update()

    def set_start(self, start: int) -> None:
        """Begin at `start`, as near as the sheet allows."""
        preset = self.preset
        places = preset.columns * preset.rows if preset else 1
        start = max(1, min(start, places))
        if start != self._start:
            self._start = start
            self.changed.emit(start)
        self.setAccessibleDescription(_("Place {start} of {places}").format(start=start, places=places))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(190, 268)

    def paintEvent(self, event: QPaintEvent) -> None:
        preset = self.preset
        if preset is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        page = self._page()
        painter.setPen(QPen(palette.mid().color(), 1))
        painter.setBrush(QColor("white"))
        painter.drawRect(page)
        if self.hasFocus():
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(page)
        fill = theme.colour("accent")
        for place in range(1, preset.columns * preset.rows + 1):
            box = self._box(place).adjusted(1, 1, -1, -1)
            used = place < self._start
            printed = not used and place < self._start + self._count
            painter.setPen(QPen(fill if printed else QColor("#c3c8cf"), 1))
            if printed:
                light = QColor(fill)
                light.setAlpha(60)
                painter.setBrush(light)
            else:
                painter.setBrush(QColor("#e9ebee") if used else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box, 2, 2)
            if used:
                painter.drawLine(box.bottomLeft(), box.topRight())
            if place == self._start:
                painter.setPen(QColor("#20262e"))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(place))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        preset = self.preset
        if preset is None:
            return
        for place in range(1, preset.columns * preset.rows + 1):
            if self._box(place).contains(event.position()):
                self.set_start(place)
                return

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _STEPS.get(Qt.Key(event.key()))
        if self.preset is None or step is None:
            super().keyPressEvent(event)
            return
        self.set_start(self._start + step[0] + step[1] * self.preset.columns)

    def _page(self) -> QRectF:
        width, height = _A4_MM
        scale = min((self.width() - 4) / width, (self.height() - 4) / height)
        drawn = QRectF(0, 0, width * scale, height * scale)
        drawn.moveTopLeft(QRectF(2, 2, 0, 0).topLeft())
        return drawn

    def _box(self, place: int) -> QRectF:
        assert self.preset is not None
        preset, page = self.preset, self._page()
        scale = page.width() / _A4_MM[0]
        width, height = preset.width_mm * scale, preset.height_mm * scale
        left = page.left() + (page.width() - width * preset.columns) / 2
        top = page.top() + (page.height() - height * preset.rows) / 2
        row, column = divmod(place - 1, preset.columns)
        return QRectF(left + column * width, top + row * height, width, height)
