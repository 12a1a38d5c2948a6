"""The timeline of a ticket: what happened, who, when; photos as thumbnails; a box for notes."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QLabel,
    QLayout,
    QPlainTextEdit,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.i18n import _
from core.wire.assets import FileView
from core.wire.tickets import TicketView, TimelineEntry
from desktop import journal_words, tasks, theme, times
from desktop.hub_client import HubClient
from desktop.pages.ticket_photo import PhotoDialog
from desktop.widgets import inputs
from desktop.widgets.basics import button, column, row, text_label

THUMB_PX = 84
MOST = 300


class Timeline(QWidget):
    """Newest first. `noted` carries a note and whether it is internal."""

    noted = Signal(str, bool)
    file_wanted = Signal()

    def __init__(self, hub: HubClient) -> None:
        super().__init__()
        self._hub = hub
        self._thumbs: dict[int, QPixmap] = {}
        self._shown: tuple[object, ...] = ()
        self._photos = QWidget()
        self._photo_row = row(spacing=6, margins=(0, 6, 0, 2))
        self._photos.setLayout(self._photo_row)
        self._inner = QWidget()
        self._list = QVBoxLayout(self._inner)
        self._list.setContentsMargins(0, 4, 6, 4)
        self._list.setSpacing(2)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self._inner)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName(_("Timeline"))
        self.note: QPlainTextEdit = inputs.lines(rows=2, placeholder=_("Write a note …"))
        self.note.setAccessibleName(_("Note"))
        self.internal: QCheckBox = inputs.tick(_("internal"), True)
        self.internal.setAccessibleName(_("Internal: the reporter does not see it"))
        self.internal.setToolTip(_("The reporter does not see it"))
        self._send = button(_("Add note"), self.send, icon="send-outline", tip="Ctrl+Return")
        self._attach = button(_("Photo or file …"), self.file_wanted.emit, icon="paperclip")
        whole = column(
            self._photos,
            area,
            self.note,
            row(self._send, self.internal, None, self._attach),
            spacing=4,
            margins=(0, 0, 0, 6),
        )
        whole.setStretchFactor(area, 1)
        self.setLayout(whole)

    def send(self) -> None:
        """Give the note to whoever sends it; it stays until it was taken."""
        text = self.note.toPlainText().strip()
        if text:
            self._send.setEnabled(False)
            self.noted.emit(text, self.internal.isChecked())

    def sent(self, taken: bool) -> None:
        """The note has arrived, or not."""
        self._send.setEnabled(True)
        if taken:
            self.note.clear()

    def show_entries(self, ticket: TicketView, entries: list[TimelineEntry], may_note: bool) -> None:
        """Fill anew when something changed."""
        for widget in (self.note, self._send, self.internal, self._attach):
            widget.setVisible(may_note)
        key = (ticket.id, len(entries), entries[-1].id if entries else 0, tuple(f.id for f in ticket.files))
        if key == self._shown:
            return
        self._shown = key
        _empty(self._list)
        previous = None
        for entry in reversed(entries[-MOST:]):
            day = entry.at.astimezone().date()
            if day != previous and previous is not None:
                self._list.addWidget(text_label(day.isoformat(), "muted"))
            previous = day
            self._list.addWidget(self._line(entry))
        self._list.addStretch(1)
        self._show_photos([file for file in ticket.files if file.kind in ("photo", "signature")])

    def _line(self, entry: TimelineEntry) -> QFrame:
        frame = QFrame()
        name, meaning = journal_words.icon_of(entry.verb)
        picture = QLabel()
        picture.setPixmap(theme.icon(name, meaning).pixmap(theme.icon_size()))
        picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        words = text_label(journal_words.verb_words(entry.verb), "heading")
        who = text_label(entry.actor_name, "muted")
        at = text_label(entry.at.astimezone().strftime("%H:%M"), "muted")
        at.setToolTip(times.exact(entry.at))
        head = row(words, who, None, at, spacing=8)
        texts = column(head, spacing=1)
        more = journal_words.details(entry.verb, entry.data)
        if entry.verb == "ticket.noted" and more:
            note = text_label(more, wrap=True, selectable=True)
            note.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            meaning = "warn_soft" if entry.data.get("internal") else "info_soft"
            note.setStyleSheet(f"background: {theme.css(meaning)}; border-radius: 4px; padding: 4px 6px;")
            texts.addWidget(note)
        elif more:
            texts.addWidget(text_label(more, "muted", wrap=True))
        layout = row(picture, texts, spacing=8, margins=(0, 3, 0, 3))
        layout.setStretch(1, 1)
        frame.setLayout(layout)
        return frame

    def _show_photos(self, photos: list[FileView]) -> None:
        _empty(self._photo_row)
        self._photos.setVisible(bool(photos))
        for file in photos[:6]:
            thumb = QToolButton()
            thumb.setFixedSize(THUMB_PX, THUMB_PX)
            thumb.setAccessibleName(_("Photo {name}").format(name=file.name))
            thumb.setToolTip(f"{file.name} · {file.added_by} · {times.moment(file.added_at)}")
            thumb.clicked.connect(lambda _checked=False, file=file: PhotoDialog(self, self._hub, file).open())
            self._photo_row.addWidget(thumb)
            self._fill(thumb, file)
        self._photo_row.addStretch(1)

    def _fill(self, thumb: QToolButton, file: FileView) -> None:
        def show(picture: QPixmap) -> None:
            self._thumbs[file.id] = picture
            thumb.setIcon(picture)
            thumb.setIconSize(thumb.size() * 0.92)

        def done(content: bytes) -> None:
            picture = QPixmap()
            if picture.loadFromData(content):
                show(picture)

        if file.id in self._thumbs:
            show(self._thumbs[file.id])
        else:
            tasks.run(lambda: self._hub.file(file.id, thumb=True), done, None, thumb)


def _empty(layout: QLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
