"""The navigation at the left: a button per page with icon, name and a badge, and the person's menu at the bottom."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QMenu, QSizePolicy, QToolButton, QVBoxLayout

from desktop import theme


class RailButton(QToolButton):
    """A page in the navigation, with a number that asks for attention."""

    def __init__(self, icon: str, text: str) -> None:
        super().__init__()
        self._name = icon
        self._badge = 0
        self._words = text
        self.setText(f"  {text}")
        self.setAccessibleName(text)
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIconSize(QSize(20, 20))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.toggled.connect(lambda _on: self._draw())
        theme.theme().changed.connect(self._draw)
        self._draw()

    def set_badge(self, count: int) -> None:
        """Show a number; 0 hides it."""
        if count != self._badge:
            self._badge = count
            self.setAccessibleName(f"{self._words} ({count})" if count else self._words)
            self.update()

    def _draw(self) -> None:
        self.setIcon(theme.icon(self._name, "on_accent" if self.isChecked() else "rail_text"))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._badge:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPointSizeF(theme.theme().font_pt * 0.82)
        font.setBold(True)
        painter.setFont(font)
        text = "99+" if self._badge > 99 else str(self._badge)
        width = max(18, painter.fontMetrics().horizontalAdvance(text) + 10)
        place = QRectF(self.width() - width - 8, (self.height() - 18) / 2, width, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#c62828"))
        painter.drawRoundedRect(place, 9, 9)
        painter.setPen(QColor("#ffffff"))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)


class Rail(QFrame):
    """All pages one below the other; Ctrl+1 … go to them."""

    def __init__(self, plant: str, shown: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("rail")
        self.setFixedWidth(168)
        self._shown = shown
        self.buttons: dict[str, RailButton] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(8, 12, 8, 8)
        self._layout.setSpacing(2)
        title = QLabel("Fettle")
        title.setObjectName("rail_title")
        self._layout.addWidget(title)
        place = QLabel(plant)
        place.setTextFormat(Qt.TextFormat.PlainText)
        place.setObjectName("rail_place")
        place.setWordWrap(True)
        self._layout.addWidget(place)
        self._layout.addSpacing(8)
        self.person = QToolButton()
        self.person.setObjectName("rail_person")
        self.person.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.person.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.person.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.set_icon(self.person, "account-circle-outline", "rail_text")
        self._layout.addStretch(1)
        self._layout.addWidget(self.person)
        theme.theme().changed.connect(self._dress)
        self._dress()

    def add(self, key: str, icon: str, text: str) -> None:
        """A page at the end of the list."""
        made = RailButton(icon, text)
        made.clicked.connect(lambda _checked=False: self._shown(key))
        if len(self.buttons) < 10:
            made.setToolTip(f"{text} (Ctrl+{(len(self.buttons) + 1) % 10})")
        self.buttons[key] = made
        self._layout.insertWidget(self._layout.count() - 2, made)

    def set_person(self, name: str, menu: QMenu) -> None:
        """Who is logged in, and what they can do to themselves."""
        self.person.setText(f" {name}")
        self.person.setAccessibleName(name)
        self.person.setMenu(menu)

    def mark(self, key: str) -> None:
        """Show which page is open."""
        if key in self.buttons:
            self.buttons[key].setChecked(True)

    def _dress(self) -> None:
        self.setStyleSheet(
            f"""
            QFrame#rail {{ background: {theme.css("rail")}; border: 0; }}
            QLabel#rail_title {{ color: #ffffff; font-size: {theme.theme().font_pt * 1.6:.1f}pt; font-weight: 600;
                padding: 0 7px; }}
            QLabel#rail_place {{ color: {theme.css("rail_text")}; padding: 0 9px; }}
            QToolButton {{ color: {theme.css("rail_text")}; border: 1px solid transparent; border-radius: 6px;
                padding: 6px 8px; text-align: left; background: transparent; }}
            QToolButton:hover {{ background: rgba(255, 255, 255, 0.07); }}
            QToolButton:focus {{ border: 1px solid {theme.css("accent")}; }}
            QToolButton:checked {{ background: {theme.css("accent")}; color: #ffffff; }}
            QToolButton::menu-indicator {{ image: none; }}
            """
        )
