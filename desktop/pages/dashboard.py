"""The dashboard: figures that lead to what they count, open tickets by state, raises by hour, what happened lately."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QGridLayout, QSizePolicy

from core.errors import FettleError
from core.i18n import _, explain, label
from core.wire.journal import Dashboard, JournalEntry
from desktop import journal_words, times
from desktop.feed import Gatherer
from desktop.pages.ticket_columns import state_colour
from desktop.pages.ticket_filter import TicketQuery
from desktop.table_model import Column
from desktop.widgets.basics import EmptyState, card, column, row, text_label
from desktop.widgets.figures import Bars, Hours, Tile
from desktop.widgets.page import Page, Shell
from desktop.widgets.table import Table

LATEST = 200
_QUIET = ("session.", "ticket.step_answered")


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
