"""Messages that come and go: the toast with its undo at the bottom, the banner across the top."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QWidget

from core.i18n import _
from desktop import theme
from desktop.widgets.basics import row, text_label, tool_button

SHOWN_MS = 6_000
BAD_SHOWN_MS = 12_000


class Toast(QFrame):
    """One message over the bottom of a window; a new one takes its place. Ctrl+Z undoes while it shows."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._undo: Callable[[], None] | None = None
        self._text = QLabel()
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._button = QPushButton(_("Undo"))
        self._button.setAccessibleName(_("Undo"))
        self._button.setToolTip("Ctrl+Z")
        self._button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._button.clicked.connect(lambda _checked=False: self.undo())
        close = tool_button("close", _("Close the message"), self.hide)
        close.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._layout = row(self._text, self._button, close, spacing=10, margins=(14, 6, 6, 6))
        self.setLayout(self._layout)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.hide)
        window.installEventFilter(self)
        self.hide()

    def say(self, text: str, undo: Callable[[], None] | None = None, bad: bool = False) -> None:
        """Show a message."""
        self._undo = undo
        self._text.setText(text)
        self.setAccessibleName(text)
        self._button.setVisible(undo is not None)
        self.setProperty("toast", "bad" if bad else "true")
        # The colour of the words depends on what the frame is: children are dressed anew with it.
        for part in (self, *self.findChildren(QWidget)):
            part.style().unpolish(part)
            part.style().polish(part)
        self._place()
        self.show()
        self.raise_()
        self._timer.start(BAD_SHOWN_MS if bad or undo is not None else SHOWN_MS)

    def text(self) -> str:
        """What it says."""
        return self._text.text() if self.isVisible() else ""

    def undo(self) -> bool:
        """Undo what the message was about; False when there is nothing."""
        undo, self._undo = self._undo, None
        if undo is None or not self.isVisible():
            return False
        self.hide()
        undo()
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._window and event.type() is QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        width = min(640, self._window.width() - 80)
        metrics = self._text.fontMetrics()
        buttons = 60 + (90 if self._undo is not None else 0)
        wanted = metrics.horizontalAdvance(self._text.text()) + buttons + 40
        self.setFixedWidth(min(width, max(240, wanted)))
        self.setFixedHeight(max(40, self._layout.heightForWidth(self.width())))
        self.move((self._window.width() - self.width()) // 2, self._window.height() - self.height() - 40)


class Banner(QFrame):
    """A line across the top that stays while something lasts, such as a hub that does not answer."""

    def __init__(self, kind: str = "warn") -> None:
        super().__init__()
        self.setProperty("banner", kind)
        self._text = text_label("", wrap=False)
        self._icon = QLabel()
        self._clicked: Callable[[], None] = self.hide
        self._button = QPushButton()
        self._button.hide()
        self._button.clicked.connect(lambda _checked=False: self._clicked())
        self.setLayout(row(self._icon, self._text, None, self._button, spacing=8, margins=(12, 5, 12, 5)))
        self._icon.setPixmap(theme.icon("alert-outline", kind).pixmap(theme.icon_size()))
        self.hide()

    def say(self, text: str, do: str = "", clicked: Callable[[], None] | None = None) -> None:
        """Show a sentence, with one button when `do` is given."""
        self._text.setText(text)
        self.setAccessibleName(text)
        self._button.setVisible(bool(do))
        if do and clicked is not None:
            self._button.setText(do)
            self._button.setAccessibleName(do)
            self._clicked = clicked
        self.show()

    def text(self) -> str:
        """What it says; empty while hidden."""
        return self._text.text() if not self.isHidden() else ""
