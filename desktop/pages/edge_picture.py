"""The picture of a rule: a value over time, what it is compared with, when the alarm is raised and when it clears."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.i18n import _
from core.wire.fleet import RuleView, SaveRule
from desktop import theme
from desktop.pages.edge_rule_words import BANDS, HIGH, LEVELS, LOW, number

Curve = tuple[tuple[float, float], ...]
# Shapes as (share of the width, share of the height from below); each rises through 0.6 at 0.335 or does not.
_BUMP: Curve = (
    (0.0, 0.25),
    (0.15, 0.3),
    (0.28, 0.42),
    (0.38, 0.78),
    (0.52, 0.85),
    (0.62, 0.7),
    (0.7, 0.38),
    (1.0, 0.28),
)
_OUT_OF_BAND: Curve = (
    (0.0, 0.45),
    (0.2, 0.55),
    (0.34, 0.7),
    (0.46, 0.9),
    (0.58, 0.7),
    (0.74, 0.5),
    (1.0, 0.42),
)
_INTO_BAND: Curve = (
    (0.0, 0.95),
    (0.2, 0.9),
    (0.34, 0.7),
    (0.46, 0.5),
    (0.58, 0.55),
    (0.72, 0.7),
    (0.85, 0.9),
    (1.0, 0.95),
)
_STEEP: Curve = ((0.0, 0.2), (0.3, 0.24), (0.36, 0.3), (0.5, 0.82), (0.58, 0.86), (1.0, 0.86))
_STUCK: Curve = ((0.0, 0.4), (0.07, 0.55), (0.14, 0.38), (0.21, 0.6), (0.28, 0.5), (0.29, 0.5), (0.74, 0.5))
_AGAIN: Curve = ((0.74, 0.5), (0.82, 0.65), (0.9, 0.42), (1.0, 0.55))
_APART: Curve = (
    (0.0, 0.34),
    (0.25, 0.38),
    (0.4, 0.62),
    (0.52, 0.82),
    (0.62, 0.76),
    (0.74, 0.42),
    (1.0, 0.36),
)
_OTHER: Curve = ((0.0, 0.26), (0.3, 0.3), (0.6, 0.27), (1.0, 0.29))
_LIMIT, _BACK = 0.6, 0.48
_DELAY = 0.07


class RulePicture(QWidget):
    """`show_rule` takes the rule; the picture is not to scale, but its words are the rule's own numbers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rule: RuleView | SaveRule = SaveRule(name="…", condition="high", limit=0)
        self._unit = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(120)
        self.setAccessibleName(_("Picture of the rule"))

    def show_rule(self, rule: RuleView | SaveRule, unit: str) -> None:
        """Draw this rule."""
        self._rule, self._unit = rule, unit
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(420, 130)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.setBrush(theme.colour("base"))
        painter.drawRoundedRect(box, 6, 6)
        _Sketch(painter, box.adjusted(10, 8, -10, -8), self._rule, self._unit).draw()
        painter.end()


class _Sketch:
    """One drawing; `up` turned over for what falls below a limit."""

    def __init__(self, painter: QPainter, area: QRectF, rule: RuleView | SaveRule, unit: str) -> None:
        self.painter, self.area, self.rule, self.unit = painter, area, rule, unit
        self.falls = rule.condition in LOW or (rule.condition == "rate" and (rule.limit or 0) < 0)

    def draw(self) -> None:
        condition = self.rule.condition
        if condition in LEVELS:
            self._level()
        elif condition in BANDS:
            self._band()
        elif condition in ("all", "any"):
            self._several()
        elif condition == "rate":
            self._alarm(0.44, 0.62)
            self._window(0.36, 0.5, 0.3, 0.82)
            self._curve(_STEEP)
        elif condition == "stuck":
            self._alarm(0.55, 0.76)
            self._curve(_STUCK)
            self._curve(_AGAIN)
            self._span(0.29, 0.55, 0.36)
        elif condition == "deviation":
            self._alarm(0.36, 0.7)
            self._curve(_OTHER, "muted")
            self._curve(_APART)
            self._window(0.52, 0.52, 0.28, 0.82)
        elif condition == "step":
            self._counter()
        elif condition == "no_data":
            self._silence()
        else:
            self._switch()

    # ---- conditions

    def _level(self) -> None:
        self._alarm(0.335, 0.675 if self.rule.deadband else 0.64)
        self._line(_LIMIT, "bad", self._number(self.rule.limit))
        if self.rule.deadband:
            back = (self.rule.limit or 0) + self.rule.deadband * (-1 if self.rule.condition in HIGH else 1)
            self._line(_BACK, "muted", self._number(back), dashed=True)
        self._curve(_BUMP)

    def _band(self) -> None:
        inside = self.rule.condition == "inside"
        self._alarm(*((0.355, 0.7) if inside else (0.355, 0.56)))
        self._line(0.68, "bad", self._number(self.rule.limit_high))
        self._line(0.2, "bad", self._number(self.rule.limit))
        self._curve(_INTO_BAND if inside else _OUT_OF_BAND)

    def _several(self) -> None:
        spans = ((0.18, 0.62), (0.36, 0.8))
        both = (0.36, 0.62) if self.rule.condition == "all" else (0.18, 0.8)
        self._alarm(*both)
        for at, (start, end) in enumerate(spans):
            low = 0.5 - 0.4 * at
            path = QPainterPath(self._at(0, low))
            for x, y in ((start, low), (start, low + 0.24), (end, low + 0.24), (end, low), (1, low)):
                path.lineTo(self._at(x, y))
            self.painter.setBrush(Qt.BrushStyle.NoBrush)
            self.painter.setPen(QPen(theme.colour("accent"), 1.8))
            self.painter.drawPath(path)
            self._words(0.0, low + 0.05, _("condition {n}").format(n=at + 1))

    def _counter(self) -> None:
        self._alarm(0.52, 0.7)
        path = QPainterPath(self._at(0, 0.15))
        steps = (0.12, 0.3, 0.36, 0.42, 0.48, 0.54, 0.78, 0.95)
        for n, x in enumerate(steps):
            path.lineTo(self._at(x, 0.15 + 0.09 * n))
            path.lineTo(self._at(x, 0.15 + 0.09 * (n + 1)))
        path.lineTo(self._at(1, 0.15 + 0.09 * len(steps)))
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        self.painter.setPen(QPen(theme.colour("accent"), 1.8))
        self.painter.drawPath(path)
        self._window(0.3, 0.54, 0.24, 0.69)

    def _silence(self) -> None:
        self._alarm(0.5, 0.74)
        self.painter.setPen(QPen(theme.colour("accent"), 1.8))
        for n in range(21):
            if not 0.34 < n / 20 < 0.74:
                self.painter.drawEllipse(self._at(n / 20, 0.3 + 0.08 * (n % 3)), 2, 2)
        self._span(0.34, 0.5, 0.2)

    def _switch(self) -> None:
        self._alarm(0.34, 0.74)
        low, high = (0.2, 0.75) if self.rule.when else (0.75, 0.2)
        path = QPainterPath(self._at(0, low))
        for x, y in ((0.34, low), (0.34, high), (0.74, high), (0.74, low), (1, low)):
            path.lineTo(self._at(x, y))
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        self.painter.setPen(QPen(theme.colour("accent"), 1.8))
        self.painter.drawPath(path)

    # ---- strokes

    def _at(self, x: float, y: float) -> QPointF:
        if self.falls:
            y = 1 - y
        return QPointF(self.area.left() + self.area.width() * x, self.area.bottom() - self.area.height() * y)

    def _number(self, value: float | None) -> str:
        return f"{number(value or 0)} {self.unit}".rstrip()

    def _alarm(self, start: float, end: float) -> None:
        """The shaded time in which the alarm is active; each delay moves its edge, a latch has no end."""
        cross, area = start, self.area
        start += _DELAY if self.rule.on_delay_s else 0
        end += _DELAY if self.rule.off_delay_s else 0
        end = 1.0 if self.rule.latching else end
        left, right = area.left() + area.width() * start, area.left() + area.width() * end
        self.painter.setPen(Qt.PenStyle.NoPen)
        self.painter.setBrush(theme.colour("bad_soft"))
        self.painter.drawRect(QRectF(left, area.top(), right - left, area.height()))
        if start > cross:  # the delay before it, hatched
            begin = area.left() + area.width() * cross
            self.painter.setBrush(theme.colour("warn_soft"))
            self.painter.drawRect(QRectF(begin, area.top(), left - begin, area.height()))
        self.painter.setPen(theme.colour("bad"))
        flag = Qt.AlignmentFlag.AlignBottom if self.falls else Qt.AlignmentFlag.AlignTop
        place = QRectF(left + 4, area.top(), max(60.0, right - left), area.height())
        self.painter.drawText(place, Qt.AlignmentFlag.AlignLeft | flag, _("alarm"))

    def _curve(self, points: Curve, meaning: str = "accent") -> None:
        path = QPainterPath(self._at(*points[0]))
        for (x0, y0), (x1, y1) in pairwise(points):
            middle = (x0 + x1) / 2
            path.cubicTo(self._at(middle, y0), self._at(middle, y1), self._at(x1, y1))
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        self.painter.setPen(QPen(theme.colour(meaning), 1.8))
        self.painter.drawPath(path)

    def _line(self, y: float, meaning: str, words: str, dashed: bool = False) -> None:
        style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        self.painter.setPen(QPen(theme.colour(meaning), 1.3, style))
        self.painter.drawLine(self._at(0, y), self._at(1, y))
        self.painter.setPen(theme.colour(meaning))
        right = self._at(1, y)
        under = dashed != self.falls  # the line nearer the middle has its words on the other side
        height = self.painter.fontMetrics().height()
        top = right.y() + 2 if under else right.y() - height - 1
        place = QRectF(right.x() - 150, top, 150, height)
        self.painter.drawText(place, Qt.AlignmentFlag.AlignRight, words)

    def _window(self, x0: float, x1: float, y0: float, y1: float) -> None:
        """A measured rectangle: how much within how long."""
        self.painter.setPen(QPen(theme.colour("muted"), 1, Qt.PenStyle.DashLine))
        if x1 > x0:
            self.painter.drawLine(self._at(x0, y0), self._at(x1, y0))
        self.painter.drawLine(self._at(x1, y0), self._at(x1, y1))
        self._words(x1 + 0.01, (y0 + y1) / 2 - 0.05, self._number(abs(self.rule.limit or 0)))

    def _span(self, x0: float, x1: float, y: float) -> None:
        """How long something has to last."""
        self.painter.setPen(QPen(theme.colour("muted"), 1, Qt.PenStyle.DashLine))
        self.painter.drawLine(self._at(x0, y), self._at(x1, y))
        seconds = self.rule.after_s or 0
        self._words(x0, y - 0.17, f"{number(seconds)} s")

    def _words(self, x: float, y: float, words: str) -> None:
        self.painter.setPen(theme.colour("muted"))
        self.painter.drawText(self._at(x, y) + QPointF(3, 0), words)
