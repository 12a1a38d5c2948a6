"""Figures one can see at a glance: tiles that lead somewhere, bars by state, columns by hour; painted, not charted."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

from core.i18n import _
from desktop import theme, times
from desktop.widgets.basics import column, text_label


class Tile(QFrame):
    """A figure with its name; click or Enter leads to what it counts."""

    def __init__(self, words: str, clicked: Callable[[], None]) -> None:
        super().__init__()
        self.setProperty("card", True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._clicked = clicked
        self._words = words
        self.figure = text_label("–", "figure")
        self.name = text_label(words, "muted")
        self.setLayout(column(self.figure, self.name, spacing=0, margins=(14, 8, 14, 10)))
        self.setAccessibleName(words)

    def show_figure(self, count: int, meaning: str = "") -> None:
        """The number, coloured when it asks for attention."""
        self.figure.setText(f"{count:,}")
        self.figure.setStyleSheet(f"color: {theme.css(meaning)};" if meaning and count else "")
        self.setAccessibleName(f"{self._words}: {count}")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._clicked()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._clicked()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(theme.colour("accent"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)


class Bars(QWidget):
    """Horizontal bars with names and numbers: open tickets by state."""

    def __init__(self, clicked: Callable[[str], None]) -> None:
        super().__init__()
        self._clicked = clicked
        self._bars: list[tuple[str, str, int, str]] = []
        self.setAccessibleName(_("Tickets by state"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_bars(self, bars: list[tuple[str, str, int, str]]) -> None:
        """(key, name, number, colour) of each."""
        self._bars = bars
        self.setAccessibleDescription(", ".join(f"{name} {count}" for _key, name, count, _c in bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, max(1, len(self._bars)) * self._line())

    def _line(self) -> int:
        return self.fontMetrics().height() + 10

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = int(event.position().y()) // self._line()
        if 0 <= at < len(self._bars):
            self._clicked(self._bars[at][0])

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        names = (
            max((self.fontMetrics().horizontalAdvance(name) for _k, name, _n, _c in self._bars), default=0)
            + 12
        )
        most = max((count for _k, _name, count, _c in self._bars), default=0) or 1
        room = self.width() - names - 56
        for at, (_key, name, count, meaning) in enumerate(self._bars):
            top = at * self._line()
            line = QRectF(0, top, self.width(), self._line())
            painter.setPen(theme.colour("muted"))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, name)
            bar = QRectF(names, top + self._line() / 2 - 5, max(3.0, room * count / most), 10)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(meaning if count else "line"))
            painter.drawRoundedRect(bar, 3, 3)
            painter.setPen(theme.colour("text"))
            place = QRectF(bar.right() + 8, top, 60, self._line())
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, f"{count:,}")


class Hours(QWidget):
    """Columns: raises in each of the last hours."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: list[int] = []
        self.setMinimumHeight(96)
        self.setAccessibleName(_("Alarms raised by hour"))

    def show_counts(self, counts: list[int]) -> None:
        """Oldest hour first."""
        self._counts = counts
        self.setAccessibleDescription(", ".join(str(count) for count in counts))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        words = self.fontMetrics().height() + 4
        height = self.height() - 2 * words
        count = max(1, len(self._counts))
        step = self.width() / count
        most = max(self._counts, default=0) or 1
        painter.setPen(theme.colour("line"))
        painter.drawLine(0, words + height, self.width(), words + height)
        hour = times.utc_now().astimezone().hour
        for at, raised in enumerate(self._counts):
            left = at * step
            if raised:
                tall = max(3.0, height * raised / most)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.colour("warn"))
                painter.drawRoundedRect(
                    QRectF(left + 1.5, words + height - tall, max(2.0, step - 3), tall), 2, 2
                )
                painter.setPen(theme.colour("muted"))
                place = QRectF(left - 10, words + height - tall - words, step + 20, words)
                painter.drawText(
                    place, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, str(raised)
                )
            if (count - 1 - at) % 6 == 0:
                painter.setPen(theme.colour("muted"))
                name = f"{(hour - (count - 1 - at)) % 24:02d}:00"
                place = QRectF(min(left - 24, self.width() - step - 48), words + height + 3, step + 48, words)
                at_edge = place.left() < left - 24
                side = Qt.AlignmentFlag.AlignRight if at_edge else Qt.AlignmentFlag.AlignHCenter
                painter.drawText(place, side, name)
