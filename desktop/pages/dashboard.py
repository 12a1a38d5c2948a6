"""The dashboard: figures that lead to what they count, open tickets by state, raises by hour, what happened lately."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QSizePolicy, QWidget

from core.errors import FettleError
from core.i18n import _, explain, label
from core.wire.journal import Dashboard, JournalEntry
from desktop import journal_words, theme, times
from desktop.feed import Gatherer
from desktop.pages.ticket_columns import state_colour
from desktop.pages.ticket_filter import TicketQuery
from desktop.table_model import Column
from desktop.widgets.basics import EmptyState, card, column, row, text_label
from desktop.widgets.page import Page, Shell
from desktop.widgets.table import Table

LATEST = 200
_QUIET = ("session.", "ticket.step_answered")


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


def journal_columns() -> list[Column[JournalEntry]]:
    """Time, what, about what, who."""

    def about(entry: JournalEntry) -> str:
        subject, more = journal_words.subject(entry.data), journal_words.details(entry.verb, entry.data)
        # The facts of an alarm begin with its title, which the subject has said already.
        more = more.removeprefix(str(entry.data.get("title") or "\0")).removeprefix(" · ")
        return "  ·  ".join(part for part in (subject, more) if part)

    return [
        Column(
            "at",
            _("Time"),
            lambda e: times.moment(e.at),
            sort=lambda e: e.id,
            colour=lambda e: "muted",
            tip=lambda e: times.exact(e.at),
            width=88,
        ),
        Column(
            "verb",
            _("What"),
            lambda e: journal_words.verb_words(e.verb),
            icon=lambda e: journal_words.icon_of(e.verb)[0],
            icon_colour=lambda e: journal_words.icon_of(e.verb)[1],
            width=150,
        ),
        Column("about", _("About"), about, tip=about, width=460, stretch=True),
        Column("who", _("Who"), lambda e: e.actor_name, colour=lambda e: "muted", width=110),
    ]


class DashboardPage(Page):
    """What needs attention now, and what has just happened."""

    key = "dashboard"
    icon = "view-dashboard-outline"

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self._entries: dict[int, JournalEntry] = {}
        self._changed = Gatherer(250, self)
        self._changed.gathered.connect(lambda _keys: self._show_entries())
        self.tiles: dict[str, Tile] = {}
        grid = QGridLayout()
        grid.setSpacing(10)
        for at, (name, words, call) in enumerate(self._offers()):
            tile = Tile(words, call)
            self.tiles[name] = tile
            grid.addWidget(tile, at // 4, at % 4)
        for at in range(4):
            grid.setColumnStretch(at, 1)
        self.bars = Bars(lambda state: self._tickets(TicketQuery(open=False, state=frozenset({state}))))
        self.hours = Hours()
        self.hours.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        states, hours = card(), card()
        states.setLayout(
            column(
                text_label(_("Open tickets by state"), "heading"), self.bars, None, margins=(14, 10, 14, 12)
            )
        )
        hours.setLayout(
            column(
                text_label(_("Alarms raised in the last 24 hours"), "heading"),
                self.hours,
                margins=(14, 10, 14, 8),
            )
        )
        middle = row(states, hours, spacing=10)
        middle.setStretch(0, 1)
        middle.setStretch(1, 1)
        self.table: Table[JournalEntry] = Table(
            "journal",
            _("What happened lately"),
            journal_columns(),
            key=lambda e: e.id,
            store=shell.store,
            sort="at",
            descending=True,
            empty=EmptyState("history", _("Nothing has happened yet"), ""),
        )
        self.table.opened.connect(self._open)
        layout = column(
            text_label(_("Dashboard"), "title"),
            grid,
            middle,
            text_label(_("What happened lately"), "heading"),
            self.table,
            spacing=10,
            margins=(16, 10, 16, 12),
        )
        layout.setStretchFactor(self.table, 1)
        self.setLayout(layout)

    def title(self) -> str:
        return _("Dashboard")

    def help_text(self) -> str:
        return _(
            "What needs attention now. Each figure leads to what it counts: click it or press Enter on it. Below: what "
            "has just happened; a double click opens the ticket."
        )

    def _offers(self) -> list[tuple[str, str, Callable[[], None]]]:
        def page(key: str) -> Callable[[], None]:
            return lambda: self._go(key)

        return [
            ("open_tickets", _("Open tickets"), lambda: self._tickets(TicketQuery())),
            (
                "unassigned",
                _("Nobody assigned"),
                lambda: self._tickets(TicketQuery(open=False, state=frozenset({"new"}))),
            ),
            ("overdue", _("Overdue"), lambda: self._tickets(TicketQuery(overdue=True))),
            (
                "in_progress",
                _("In progress"),
                lambda: self._tickets(TicketQuery(open=False, state=frozenset({"in_progress"}))),
            ),
            ("active_alarms", _("Active alarms"), page("alarms")),
            ("edges_offline", _("Edges offline"), page("edges")),
            ("parts_low", _("Parts to reorder"), page("parts")),
            ("plans_due", _("Maintenance due"), page("plans")),
        ]

    def refresh(self) -> None:
        self.run(self.hub.dashboard, self.show_figures, self._on_failed)
        if self.shell.may("journal.read") or self.shell.may("ticket.read"):
            self.run(self._latest, self._on_latest, self._on_failed)

    def show_figures(self, figures: Dashboard) -> None:
        """Also called by the main window when it has fetched them for its badges."""
        colours = {
            "unassigned": "warn",
            "overdue": "bad",
            "active_alarms": "bad",
            "edges_offline": "bad",
            "parts_low": "warn",
        }
        for name, tile in self.tiles.items():
            tile.show_figure(int(getattr(figures, name)), colours.get(name, ""))
        order = ("new", "assigned", "in_progress", "on_hold", "resolved", "follow_up")
        self.bars.show_bars(
            [(s, label(f"ticket.state.{s}"), figures.by_state.get(s, 0), state_colour(s)) for s in order]
        )
        self.hours.show_counts(figures.raised_by_hour)

    def on_entry(self, entry: JournalEntry) -> None:
        if not entry.verb.startswith(_QUIET):
            self._entries[entry.id] = entry
            self._changed.add(entry.id)

    def _latest(self) -> list[JournalEntry]:
        head = self.hub.journal_head()
        return self.hub.journal(max(0, head - LATEST), LATEST)

    def _on_latest(self, entries: list[JournalEntry]) -> None:
        self._entries |= {entry.id: entry for entry in entries if not entry.verb.startswith(_QUIET)}
        self._show_entries()

    def _show_entries(self) -> None:
        newest = sorted(self._entries)[-LATEST:]
        self._entries = {number: self._entries[number] for number in newest}
        self.table.set_rows(list(self._entries.values()))

    def _on_failed(self, error: FettleError) -> None:
        if not self._entries:
            self.tell(error)
        self.setToolTip(explain(error))

    def _open(self, entry: JournalEntry) -> None:
        if entry.ticket_id is not None:
            self.shell.open_ticket(entry.ticket_id)
        elif entry.subject == "asset" and entry.subject_id is not None:
            self.shell.open_asset(entry.subject_id)
        elif entry.subject == "alarm":
            self._go("alarms")

    def _go(self, key: str) -> None:
        self.shell.open_page(key)

    def _tickets(self, query: TicketQuery) -> None:
        show = getattr(self.shell.open_page("tickets"), "show_query", None)
        if show is not None:
            show(query)
