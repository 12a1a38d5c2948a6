"""The week picture of the shifts: seven days by twenty-four hours, painted. Computes no rota, only draws it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from core.i18n import _, label
from core.wire.people import ShiftView
from desktop.lists import listed

DAY_MIN = 24 * 60
_COLOURS = ("#3b82c4", "#3c9d6e", "#c98a1b", "#9a63b8", "#c75d5d", "#4aa3a8", "#7a8b3b", "#8a6d5a")


@dataclass(frozen=True)
class Bar:
    """One stretch of a shift on one day, in minutes from midnight."""

    shift: ShiftView
    weekday: int
    from_min: int
    to_min: int
    colour: str


def bars_of(shifts: list[ShiftView]) -> list[Bar]:
    """What to draw for each shift; one over midnight goes on at the top of the next day."""
    bars: list[Bar] = []
    for index, shift in enumerate(shifts):
        colour = _COLOURS[index % len(_COLOURS)]
        for weekday in shift.weekdays:
            if shift.end_min > shift.start_min:
                bars.append(Bar(shift, weekday, shift.start_min, shift.end_min, colour))
            else:
                bars.append(Bar(shift, weekday, shift.start_min, DAY_MIN, colour))
                if shift.end_min > 0:
                    bars.append(Bar(shift, (weekday + 1) % 7, 0, shift.end_min, colour))
    return bars


def clock(minute: int) -> str:
    """Minutes from midnight as people write them."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


class WeekPicture(QWidget):
    """Who works when; a click on a bar chooses its shift."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shifts: list[ShiftView] = []
        self._bars: list[Bar] = []
        self._lanes = 1
        self._selected = 0
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(_("Week picture of the shifts"))

    def set_shifts(self, shifts: list[ShiftView]) -> None:
        """Draw these."""
        self._shifts = [shift for shift in shifts if shift.active]
        self._bars = bars_of(self._shifts)
        self._lanes = max(1, len(self._shifts))
        self.setAccessibleDescription(
            "; ".join(f"{s.name} {clock(s.start_min)}-{clock(s.end_min)}" for s in self._shifts)
        )
        self.update()

    def select(self, shift_id: int) -> None:
        """Draw this shift strong."""
        self._selected = shift_id
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(720, 300)

    def minimumSizeHint(self) -> QSize:
        return QSize(360, 220)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        left, top, width, height = self._grid()
        line = QColor(palette.text().color())
        line.setAlpha(34)
        metrics = QFontMetrics(self.font())
        small = QFont(self.font())
        small.setPointSizeF(self.font().pointSizeF() * 0.86)
        muted = QColor(palette.text().color())
        muted.setAlpha(150)
        for hour in range(0, 25, 2):
            x = left + width * hour / 24
            painter.setPen(QPen(line, 1))
            painter.drawLine(int(x), int(top), int(x), int(top + height))
            if hour % 4 == 0:
                painter.setPen(muted)
                text = f"{hour:02d}:00"
                shift = {0: 0.0, 24: 1.0}.get(hour, 0.5)
                painter.drawText(int(x - metrics.horizontalAdvance(text) * shift), int(top) - 6, text)
        for weekday in range(8):
            y = top + height * weekday / 7
            painter.setPen(QPen(line, 1))
            painter.drawLine(int(left), int(y), int(left + width), int(y))
            if weekday < 7:
                painter.setPen(palette.text().color())
                box = QRectF(0, y, left - 10, height / 7)
                painter.drawText(
                    box,
                    Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                    label(f"weekday.{weekday}"),
                )
        painter.setFont(small)
        for bar in self._bars:
            self._paint_bar(painter, bar, QFontMetrics(small))
        painter.setFont(self.font())
        if not self._bars:
            painter.setPen(muted)
            painter.drawText(
                QRectF(left, top, width, height),
                Qt.AlignmentFlag.AlignCenter,
                _("No shifts yet: add the first one."),
            )
        painter.end()

    def _paint_bar(self, painter: QPainter, bar: Bar, metrics: QFontMetrics) -> None:
        box = self._box(bar)
        colour = QColor(bar.colour)
        colour.setAlpha(235 if bar.shift.id == self._selected else 210)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(box, 3, 3)
        names = listed(member.name for member in bar.shift.members)
        text = f"{bar.shift.name}  {names}" if names else bar.shift.name
        if box.height() >= metrics.height() - 3:
            painter.setPen(QColor("white"))
            room = int(box.width()) - 10
            painter.drawText(
                box.adjusted(6, 0, -4, 0),
                Qt.AlignmentFlag.AlignVCenter,
                metrics.elidedText(text, Qt.TextElideMode.ElideRight, room),
            )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        bar = self._bar_at(event.position().x(), event.position().y())
        if bar is not None:
            self.select(bar.shift.id)
            self.chosen.emit(bar.shift.id)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            bar = self._bar_at(event.pos().x(), event.pos().y())
            if bar is None:
                QToolTip.hideText()
            else:
                shift = bar.shift
                people = listed(member.name for member in shift.members) or _("nobody")
                QToolTip.showText(
                    event.globalPos(),
                    f"{shift.name}  {clock(shift.start_min)}-{clock(shift.end_min)}\n{people}",
                    self,
                )
            return True
        return super().event(event)

    def _bar_at(self, x: float, y: float) -> Bar | None:
        return next((bar for bar in self._bars if self._box(bar).contains(x, y)), None)

    def _grid(self) -> tuple[float, float, float, float]:
        metrics = QFontMetrics(self.font())
        left = max(metrics.horizontalAdvance(label(f"weekday.{day}")) for day in range(7)) + 20.0
        top = metrics.height() + 8.0
        return left, top, self.width() - left - 8, self.height() - top - 6

    def _box(self, bar: Bar) -> QRectF:
        left, top, width, height = self._grid()
        lane = self._shifts.index(bar.shift)
        row = height / 7
        each = (row - 6) / self._lanes
        y = top + row * bar.weekday + 3 + lane * each
        x = left + width * bar.from_min / DAY_MIN
        return QRectF(x, y + 0.5, width * (bar.to_min - bar.from_min) / DAY_MIN, each - 1)
