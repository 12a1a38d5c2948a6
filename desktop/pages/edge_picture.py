"""The picture of a rule: a value over time, the limit it crosses, when the alarm is raised and when it clears."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.i18n import _
from desktop import theme

# The shape that is drawn, as (share of the width, share of the height from below).
_CURVE = (
    (0.0, 0.25),
    (0.15, 0.3),
    (0.28, 0.42),
    (0.38, 0.78),
    (0.52, 0.85),
    (0.62, 0.7),
    (0.7, 0.38),
    (1.0, 0.28),
)
_LIMIT, _BACK = 0.6, 0.48
_CROSS, _RETURN = 0.335, 0.675


class RulePicture(QWidget):
    """`show_rule` tells what kind it is and which delays it has; the picture is not to scale."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._condition = "high"
        self._delays = (0.0, 0.0)
        self._deadband = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(_("Picture of the rule"))

    def show_rule(self, condition: str, on_delay_s: float, off_delay_s: float, deadband: float) -> None:
        """Draw this rule."""
        self._condition, self._delays, self._deadband = condition, (on_delay_s, off_delay_s), deadband
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(420, 110)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.setBrush(theme.colour("base"))
        painter.drawRoundedRect(box, 6, 6)
        area = box.adjusted(10, 8, -10, -8)
        if self._condition in ("high", "low"):
            self._paint_limit(painter, area)
        else:
            self._paint_steps(painter, area)
        painter.end()

    def _at(self, area: QRectF, x: float, y: float) -> QPointF:
        if self._condition == "low":
            y = 1 - y
        return QPointF(area.left() + area.width() * x, area.bottom() - area.height() * y)

    def _alarm(self, painter: QPainter, area: QRectF, start: float, end: float) -> None:
        """The shaded time in which the alarm is active; each delay moves its edge."""
        start += 0.07 if self._delays[0] else 0
        end += 0.07 if self._delays[1] else 0
        left, right = area.left() + area.width() * start, area.left() + area.width() * end
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("bad_soft"))
        painter.drawRect(QRectF(left, area.top(), right - left, area.height()))
        painter.setPen(theme.colour("bad"))
        painter.drawText(
            QRectF(left + 4, area.top(), right - left, 18), Qt.AlignmentFlag.AlignLeft, _("alarm")
        )

    def _paint_limit(self, painter: QPainter, area: QRectF) -> None:
        self._alarm(painter, area, _CROSS, _RETURN if self._deadband else 0.64)
        painter.setPen(QPen(theme.colour("bad"), 1.4))
        painter.drawLine(self._at(area, 0, _LIMIT), self._at(area, 1, _LIMIT))
        if self._deadband:
            painter.setPen(QPen(theme.colour("muted"), 1, Qt.PenStyle.DashLine))
            painter.drawLine(self._at(area, 0, _BACK), self._at(area, 1, _BACK))
        path = QPainterPath(self._at(area, *_CURVE[0]))
        for (x0, y0), (x1, y1) in pairwise(_CURVE):
            middle = (x0 + x1) / 2
            path.cubicTo(self._at(area, middle, y0), self._at(area, middle, y1), self._at(area, x1, y1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.colour("accent"), 1.8))
        painter.drawPath(path)
        painter.setPen(theme.colour("muted"))
        corner = self._at(area, 0, _LIMIT)
        below = self._condition == "low"
        painter.drawText(QPointF(corner.x() + 2, corner.y() + (14 if below else -4)), _("limit"))

    def _paint_steps(self, painter: QPainter, area: QRectF) -> None:
        silent = self._condition == "no_data"
        self._alarm(painter, area, 0.5 if silent else 0.34, 0.74)
        painter.setPen(QPen(theme.colour("accent"), 1.8))
        if silent:
            for n in range(21):
                if not 0.34 < n / 20 < 0.74:
                    centre = self._at(area, n / 20, 0.3 + 0.08 * (n % 3))
                    painter.drawEllipse(centre, 2, 2)
            painter.setPen(theme.colour("muted"))
            painter.drawText(self._at(area, 0.36, 0.12), _("no readings"))
            return
        path = QPainterPath(self._at(area, 0, 0.2))
        for x, y in ((0.34, 0.2), (0.34, 0.75), (0.74, 0.75), (0.74, 0.2), (1, 0.2)):
            path.lineTo(self._at(area, x, y))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
