"""Small pieces every page uses: labels by role, buttons with icons, search box, empty state, chips, busy line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.i18n import _
from desktop import theme

Item = QWidget | QLayout | int | None


def text_label(text: str = "", role: str = "", wrap: bool = False, selectable: bool = False) -> QLabel:
    """A label; `role` is title, heading, muted, bad, figure or nothing. Plain text: what people typed is no markup."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(wrap)
    if role:
        label.setProperty("role", role)
    if selectable:
        label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        label.setAccessibleName(text)
    return label


def button(
    text: str,
    clicked: Callable[[], None] | None = None,
    icon: str = "",
    main: bool = False,
    shortcut: str = "",
    tip: str = "",
) -> QPushButton:
    """A push button; `main` paints it in the accent colour. The shortcut is named in its tool tip."""
    made = QPushButton(text)
    made.setAccessibleName(text)
    made.setAutoDefault(False)
    if main:
        made.setProperty("main", True)
    if icon:
        theme.set_icon(made, icon, "on_accent" if main else "muted")
        made.setIconSize(theme.icon_size())
    if shortcut:
        made.setShortcut(QKeySequence(shortcut))
        tip = f"{tip or text} ({shortcut})"
    if tip:
        made.setToolTip(tip)
    if clicked is not None:
        made.clicked.connect(lambda _checked=False: clicked())
    return made


def tool_button(
    icon: str, tip: str, clicked: Callable[[], None] | None = None, shortcut: str = ""
) -> QToolButton:
    """A button of an icon alone; the tip is its accessible name."""
    made = QToolButton()
    made.setAccessibleName(tip)
    made.setToolTip(f"{tip} ({shortcut})" if shortcut else tip)
    made.setIconSize(theme.icon_size())
    theme.set_icon(made, icon)
    if shortcut:
        made.setShortcut(QKeySequence(shortcut))
    if clicked is not None:
        made.clicked.connect(lambda _checked=False: clicked())
    return made


def chip(text: str, toggled: Callable[[bool], None], checked: bool = False, tip: str = "") -> QPushButton:
    """A round button that is on or off, for filters."""
    made = QPushButton(text)
    made.setCheckable(True)
    made.setChecked(checked)
    made.setAccessibleName(tip or text)
    made.setToolTip(tip)
    made.setProperty("chip", True)
    made.setFixedHeight(made.fontMetrics().height() + 10)
    made.setAutoDefault(False)
    made.toggled.connect(toggled)
    return made


def action(
    owner: QWidget, text: str, triggered: Callable[[], None], shortcut: str = "", icon: str = ""
) -> QAction:
    """A command of a widget with its key, active while the widget or a child has the focus."""
    made = QAction(text, owner)
    if shortcut:
        made.setShortcut(QKeySequence(shortcut))
        made.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    if icon:
        theme.set_icon(made, icon)
    made.triggered.connect(lambda _checked=False: triggered())
    owner.addAction(made)
    return made


def row(*items: Item, spacing: int = 6, margins: Sequence[int] = (0, 0, 0, 0)) -> QHBoxLayout:
    """Widgets side by side; None stretches, a number is a gap in pixels."""
    layout = QHBoxLayout()
    _fill(layout, items, spacing, margins)
    return layout


def column(*items: Item, spacing: int = 6, margins: Sequence[int] = (0, 0, 0, 0)) -> QVBoxLayout:
    """Widgets one below the other; None stretches, a number is a gap in pixels."""
    layout = QVBoxLayout()
    _fill(layout, items, spacing, margins)
    return layout


def _fill(layout: QBoxLayout, items: Sequence[Item], spacing: int, margins: Sequence[int]) -> None:
    layout.setSpacing(spacing)
    layout.setContentsMargins(*margins)
    for item in items:
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, int):
            layout.addSpacing(item)
        elif isinstance(item, QLayout):
            layout.addLayout(item)
        else:
            layout.addWidget(item)


def card() -> QFrame:
    """A framed area on the base colour."""
    frame = QFrame()
    frame.setProperty("card", True)
    return frame


def separator() -> QFrame:
    """A thin horizontal line."""
    line = QFrame()
    line.setFixedHeight(1)
    line.setStyleSheet(f"background: {theme.css('line')};")
    return line


class SearchBox(QLineEdit):
    """A quick filter: `searched` comes a moment after the last key; Escape empties it."""

    searched = Signal(str)

    def __init__(self, placeholder: str = "", delay_ms: int = 180) -> None:
        super().__init__()
        self.setPlaceholderText(placeholder or _("Search"))
        self.setAccessibleName(placeholder or _("Search"))
        self.setClearButtonEnabled(True)
        self.setMinimumWidth(150)
        glass = QAction(self)
        theme.set_icon(glass, "magnify")
        self.addAction(glass, QLineEdit.ActionPosition.LeadingPosition)
        self._timer = QTimer(self, singleShot=True, interval=delay_ms)
        self._timer.timeout.connect(lambda: self.searched.emit(self.text().strip()))
        self.textChanged.connect(lambda _text: self._timer.start())
        action(self, _("Empty the search"), self.clear, "Escape")


class EmptyState(QWidget):
    """Shown instead of an empty table: what is missing and what to do next."""

    def __init__(
        self, icon: str, heading: str, text: str = "", do: str = "", clicked: Callable[[], None] | None = None
    ) -> None:
        super().__init__()
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._icon = icon
        self.heading = text_label(heading, "heading", wrap=True)
        self.heading.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text = text_label(text, "muted", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = column(None, self._picture, self.heading, self.text, spacing=8, margins=(24, 24, 24, 24))
        if do:
            layout.addLayout(row(None, button(do, clicked, main=True), None))
        layout.addStretch(1)
        self.setLayout(layout)
        theme.theme().changed.connect(self._draw)
        self._draw()

    def say(self, heading: str, text: str = "") -> None:
        """Other words, for example after a filter found nothing."""
        self.heading.setText(heading)
        self.text.setText(text)

    def _draw(self) -> None:
        self._picture.setPixmap(theme.icon(self._icon, "faint").pixmap(40, 40))


class BusyLine(QProgressBar):
    """A two-pixel line at the top of an area that moves while something is fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.setRange(0, 0)
        self.setTextVisible(False)
        self.setFixedHeight(2)
        self.setAccessibleName(_("Loading"))
        self.setStyleSheet(
            f"QProgressBar {{ border: 0; background: transparent; }}"
            f"QProgressBar::chunk {{ background: {theme.css('accent')}; }}"
        )
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)
        self.hide()
        # A flash for every quick answer would be unrest: it shows only when something takes a while.
        self._timer = QTimer(self, singleShot=True, interval=250)
        self._timer.timeout.connect(self.show)

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()
        self.hide()
