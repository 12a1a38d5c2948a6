"""The head of the ticket pane: number, state, title, clocks, and the moves as buttons."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton

from core.i18n import _, label
from core.wire.tickets import AllowedMove, TicketView
from desktop import theme, times
from desktop.lists import listed
from desktop.pages.ticket_columns import OPEN, clock_runs, state_colour, state_words
from desktop.widgets.basics import button, column, row, text_label, tool_button
from desktop.widgets.flow import FlowLayout
from desktop.widgets.page import Shell

# Moves that are one click away; the rarer ones are in the menu.
_MAIN = ("grab", "accept", "start", "resume", "resolve", "close")
_RARE = ("return", "cancel", "decline", "assign")


class TicketHead(QFrame):
    """What a person needs to know first."""

    closed = Signal()
    move_wanted = Signal(object)
    assign_wanted = Signal()
    more_wanted = Signal()

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self._shell = shell
        self._moves: list[AllowedMove] | None = None
        self.number = text_label("", "heading", selectable=True)
        self.state = QLabel()
        self.priority = QLabel()
        self.title = text_label("", "title", wrap=True)
        self.facts = text_label("", "muted", wrap=True)
        self.why = text_label("", "muted", wrap=True)
        self.respond = QLabel()
        self.resolve = QLabel()
        self.more = tool_button("dots-horizontal", _("More"), self.more_wanted.emit)
        self.locked = text_label("", "muted", wrap=True)
        self._buttons = FlowLayout()
        self.setLayout(
            column(
                row(
                    self.number,
                    self.state,
                    self.priority,
                    None,
                    self.more,
                    tool_button("close", _("Close the ticket"), self.closed.emit),
                ),
                self.title,
                self.facts,
                row(self.respond, self.resolve, None, spacing=16),
                self.why,
                self._buttons,
                self.locked,
                spacing=5,
                margins=(0, 2, 0, 4),
            )
        )
        self._shown: TicketView | None = None
        theme.theme().changed.connect(self._again)

    def show_ticket(self, ticket: TicketView) -> None:
        """Fill anew."""
        self._shown = ticket
        self.number.setText(ticket.number)
        self.number.setAccessibleName(ticket.number)
        self.title.setText(ticket.title)
        asset = f"{ticket.asset.number} {ticket.asset.name}".strip() if ticket.asset else _("no asset")
        who = ticket.assignee.name if ticket.assignee else _("nobody yet")
        team = _("{name} ({team})").format(name=who, team=ticket.team.name) if ticket.team else who
        words = [asset, ticket.location_path, _("Assignee: {name}").format(name=team)]
        if ticket.occurrences > 1:
            words.append(_("{n} raises").format(n=ticket.occurrences))
        self.facts.setText(" · ".join(word for word in words if word))
        self.why.setText(_why(ticket))
        self.why.setVisible(bool(self.why.text()))
        self._pill(self.state, state_words(ticket), state_colour(ticket.state))
        urgent = {1: "bad", 2: "warn"}.get(ticket.priority, "muted")
        self._pill(self.priority, label(f"ticket.priority.{ticket.priority}"), urgent)
        self.show_clocks(ticket)
        self._show_moves(ticket)

    def show_trouble(self, words: str) -> None:
        """The ticket could not be fetched."""
        self.title.setText(words)

    def show_clocks(self, ticket: TicketView) -> None:
        """How much time is left; called each second."""
        for clock in (self.respond, self.resolve):
            clock.setVisible(ticket.state in OPEN)
        now = times.utc_now()
        if ticket.respond_due_at is None or ticket.state not in OPEN:
            self.respond.setText("")
        elif ticket.responded:
            self._clock(self.respond, _("Response"), "✓", "good")
        else:
            late = ticket.respond_due_at < now
            self._clock(
                self.respond, _("Response"), times.due(ticket.respond_due_at, now), "bad" if late else "muted"
            )
        if ticket.resolve_due_at is None or ticket.state not in OPEN:
            self.resolve.setText("")
        elif not clock_runs(ticket):
            self._clock(self.resolve, _("Resolution due"), _("paused"), "warn")
        else:
            late = ticket.resolve_due_at < now
            words = times.due(ticket.resolve_due_at, now)
            self._clock(self.resolve, _("Resolution due"), words, "bad" if late else "muted")

    def _clock(self, where: QLabel, name: str, words: str, meaning: str) -> None:
        name = f'<span style="color:{theme.css("muted")}">{name}</span>'
        text = f'{name} <b style="color:{theme.css(meaning)}">{words}</b>'
        if where.text() != text:
            where.setText(text)

    def _pill(self, where: QLabel, words: str, meaning: str) -> None:
        where.setText(words)
        soft = f"{meaning}_soft" if meaning in ("bad", "warn", "good", "info") else "alternate"
        where.setStyleSheet(
            f"color: {theme.css(meaning)}; background: {theme.css(soft)}; border-radius: 8px; padding: 1px 8px;"
        )

    def _show_moves(self, ticket: TicketView) -> None:
        if ticket.moves == self._moves:
            return
        self._moves = ticket.moves
        self._buttons.empty()
        shown = [move for move in ticket.moves if move.move not in _RARE]
        shown.sort(key=lambda move: _MAIN.index(move.move) if move.move in _MAIN else len(_MAIN))
        main = next((move for move in shown if move.move in _MAIN and not move.blocked), None)
        for move in shown:
            self._buttons.addWidget(self._button(move, move is main))
        if self._shell.may("ticket.assign") and ticket.state in OPEN:
            self._buttons.addWidget(
                button(_("Assign …"), self.assign_wanted.emit, main=main is None and ticket.state == "new")
            )
        self._buttons.invalidate()
        locked = [
            _("{move} is locked: {why}").format(
                move=label(f"ticket.move.{move.move}"),
                why=listed(label(f"guard.{code}") for code in move.blocked),
            )
            for move in shown
            if move.blocked
        ]
        self.locked.setText("\n".join(locked))
        self.locked.setVisible(bool(locked))

    def _button(self, move: AllowedMove, main: bool) -> QPushButton:
        asks = bool(move.needs) or move.move in ("hold", "resolve")
        words = label(f"ticket.move.{move.move}") + (" …" if asks else "")
        icon = "lock-outline" if move.blocked else ""
        made = button(words, lambda: self.move_wanted.emit(move), icon=icon, main=main)
        if move.blocked:
            why = "\n".join(label(f"guard.{code}") for code in move.blocked)
            made.setToolTip(why)
            made.setAccessibleDescription(why)
            # Who may pass a guard can still try, and is asked for the reason.
            made.setEnabled(self._shell.may("ticket.override"))
        return made

    def _again(self) -> None:
        if self._shown is not None:
            self.show_ticket(self._shown)


def _why(ticket: TicketView) -> str:
    why = ticket.dispatch_why or {}
    if why.get("waiting") and ticket.state == "new":
        words = label(f"dispatch.{why['waiting']}")
        return words if words != f"dispatch.{why['waiting']}" else ""
    if why.get("mode") == "hand" and ticket.state in OPEN:
        return _("Assigned by {name}").format(name=why.get("by", ""))
    if why.get("mode") == "rule" and ticket.state in OPEN:
        return _("Assigned by rule: on shift, fewest open tickets")
    return ""
