"""The ticket pane: one ticket whole, with what may be done next. Shows and asks; the hub decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QFrame, QMenu, QTabWidget, QWidget

from core.errors import FettleError, OutsideError
from core.i18n import _, explain, label
from core.wire.journal import JournalEntry
from core.wire.tickets import (
    AddNote,
    AllowedMove,
    AnswerStep,
    MoveTicket,
    TicketView,
    TimelineEntry,
)
from desktop import tasks
from desktop.feed import Gatherer
from desktop.pages.ticket_charts import ChartsTab
from desktop.pages.ticket_dialogs import AssignDialog, add_labour, ask_move, edit_ticket, use_part
from desktop.pages.ticket_facts import FactsTab
from desktop.pages.ticket_head import TicketHead
from desktop.pages.ticket_timeline import Timeline
from desktop.pages.ticket_work import WorkTab
from desktop.widgets.basics import BusyLine, column
from desktop.widgets.page import Shell

LIVE_MS = 120
# The way back of a move, where there is one that loses nothing.
UNDO = {"hold": "resume", "resume": "hold"}


class TicketPane(QFrame):
    """Head with state, clocks and moves; tabs for timeline, chart, work, details."""

    closed = Signal()

    def __init__(self, shell: Shell, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shell = shell
        self._hub = shell.hub
        self._id = 0
        self.ticket: TicketView | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(_("Ticket"))
        self.setObjectName("pane")
        self._busy = BusyLine()
        self.head = TicketHead(shell)
        self.head.closed.connect(self.closed)
        self.head.move_wanted.connect(self.take_move)
        self.head.assign_wanted.connect(self.assign)
        self.head.more_wanted.connect(self._more_menu)
        self.timeline = Timeline(self._hub)
        self.timeline.noted.connect(self._on_noted)
        self.timeline.file_wanted.connect(self.attach)
        self.charts = ChartsTab(self._hub, shell)
        self.work = WorkTab()
        self.work.answered.connect(self._on_answered)
        self.work.part_wanted.connect(self._on_part)
        self.work.photo_wanted.connect(self._on_photo_step)
        self.work.labour_wanted.connect(lambda: self._with(lambda t: add_labour(self, shell, t, self._take)))
        self.facts = FactsTab(shell)
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName(_("Parts of the ticket"))
        self.tabs.tabBar().setAccessibleName(_("Parts of the ticket"))
        self.tabs.addTab(self.timeline, _("Timeline"))
        self.tabs.addTab(self.charts, _("Chart"))
        self.tabs.addTab(self.work, _("Work"))
        self.tabs.addTab(self.facts, _("Details"))
        self.tabs.currentChanged.connect(lambda _at: self._show_charts())
        layout = column(self._busy, self.head, self.tabs, spacing=4, margins=(12, 2, 12, 4))
        layout.setStretchFactor(self.tabs, 1)
        self.setLayout(layout)
        self._changed = Gatherer(LIVE_MS, self)
        self._changed.gathered.connect(lambda _keys: self._fetch())

    # ---- what the page asks

    def show_ticket(self, ticket_id: int) -> None:
        """Open another ticket."""
        if ticket_id != self._id:
            self._id = ticket_id
            self.ticket = None
            self.head.setEnabled(False)
        self._fetch()

    def refresh(self) -> None:
        """Ask again for what is shown."""
        if self._id and self.isVisible():
            self._fetch()

    def on_entry(self, entry: JournalEntry) -> None:
        """Something happened to a ticket; ours?"""
        if entry.ticket_id == self._id and self._id:
            self._changed.add(entry.id)

    def unsaved(self) -> bool:
        """A note that was not sent."""
        return self.isVisible() and bool(self.timeline.note.toPlainText().strip())

    def tick(self) -> None:
        """A second has passed."""
        if self.isVisible() and self.ticket is not None:
            self.head.show_clocks(self.ticket)

    def commands(self) -> list[tuple[str, str, Callable[[], None]]]:
        """For the palette: what may be done with the open ticket."""
        ticket = self.ticket
        if ticket is None or not self.isVisible():
            return []
        found: list[tuple[str, str, Callable[[], None]]] = []
        for move in ticket.moves:
            if move.move != "assign" and not move.blocked:
                words = f"{label(f'ticket.move.{move.move}')} · {ticket.number}"
                found.append((words, "arrow-right-circle-outline", lambda move=move: self.take_move(move)))  # type: ignore[misc]
        if self._shell.may("ticket.assign"):
            found.append(
                (
                    _("Assign {number}").format(number=ticket.number),
                    "account-arrow-right-outline",
                    self.assign,
                )
            )
        return found

    # ---- fetching

    def _fetch(self) -> None:
        ticket_id = self._id
        self._busy.start()
        tasks.run(
            lambda: (self._hub.ticket(ticket_id), self._hub.timeline(ticket_id)),
            lambda found: self._on_found(ticket_id, *found),
            lambda error: self._on_failed(ticket_id, error),
            self,
        )

    def _on_found(self, ticket_id: int, ticket: TicketView, entries: list[TimelineEntry]) -> None:
        if ticket_id != self._id:
            return
        self._busy.stop()
        self._show(ticket)
        self.timeline.show_entries(ticket, entries, self._shell.may("ticket.note"))

    def _on_failed(self, ticket_id: int, error: FettleError) -> None:
        if ticket_id == self._id:
            self._busy.stop()
            if self.ticket is None:
                self.head.show_trouble(explain(error))

    def _take(self, ticket: TicketView) -> None:
        """A command was done: show the result at once; the timeline follows."""
        if ticket.id == self._id:
            self._show(ticket)
            self._changed.add("done")

    def _show(self, ticket: TicketView) -> None:
        first = self.ticket is None or self.ticket.id != ticket.id
        self.ticket = ticket
        self.head.setEnabled(True)
        self.head.show_ticket(ticket)
        self.work.show_ticket(ticket, self._shell.may("ticket.work"), self._shell.may("part.issue"))
        self.facts.show_ticket(ticket)
        self.tabs.setTabVisible(1, ticket.charts > 0)
        if first:
            self.charts.forget()
            if self.tabs.currentIndex() == 1 and not ticket.charts:
                self.tabs.setCurrentIndex(0)
        self._show_charts()

    def _show_charts(self) -> None:
        if self.ticket is not None and self.tabs.currentWidget() is self.charts:
            self.charts.show_ticket(self.ticket)

    # ---- commands

    def _with(self, do: Callable[[TicketView], None]) -> None:
        if self.ticket is not None:
            do(self.ticket)

    def take_move(self, move: AllowedMove) -> None:
        """Take a move at once, or ask for what it needs."""
        ticket = self.ticket
        if ticket is None:
            return
        if move.needs or move.blocked or move.move in ("hold", "resolve"):
            ask_move(self, self._shell, ticket, move, lambda done: self._on_moved(ticket, move.move, done))
            return
        body = MoveTicket(move=move.move, version=ticket.version)

        def failed(error: FettleError) -> None:
            self._busy.stop()
            self.head.setEnabled(True)
            self._tell(error)

        self.head.setEnabled(False)  # one click, one move, also when the hub takes its time
        self._busy.start()
        tasks.run(
            lambda: self._hub.move_ticket(ticket.id, body),
            lambda done: self._on_moved(ticket, move.move, done),
            failed,
            self,
        )

    def _on_moved(self, before: TicketView, taken: str, ticket: TicketView) -> None:
        self._busy.stop()
        self._take(ticket)
        words = f"{ticket.number} · {label(f'ticket.state.{ticket.state}')}"
        back = next((move for move in ticket.moves if move.move == UNDO.get(taken)), None)
        if back is None or (back.needs and taken != "resume"):
            self._shell.toast(words)
            return
        body: dict[str, object] = {"move": back.move, "version": ticket.version}
        if "hold_reason" in back.needs:
            body["hold_reason"] = before.hold_reason
        undo = MoveTicket.model_validate(body)

        def send() -> None:
            tasks.run(lambda: self._hub.move_ticket(ticket.id, undo), self._take, self._tell, self)

        self._shell.toast(words, undo=send)

    def assign(self) -> None:
        """The dialog with candidates."""
        self._with(lambda ticket: AssignDialog(self, self._shell, ticket, self._take).open())

    def attach(self) -> None:
        """Send a photo or a document."""
        ticket = self.ticket
        names, _kind = QFileDialog.getOpenFileNames(self, _("Photo or file"), "", "")
        for name in names if ticket is not None else []:
            self._send_file(cast(TicketView, ticket), Path(name))

    def _on_photo_step(self, key: str, kind: str) -> None:
        ticket = self.ticket
        name, _kind = QFileDialog.getOpenFileName(
            self, _("Photo"), "", _("Photos") + " (*.jpg *.jpeg *.png *.webp)"
        )
        if name and ticket is not None:
            path = Path(name)

            def send() -> TicketView:
                file = self._hub.add_ticket_file(ticket.id, path.name, read_file(path), kind)
                return self._hub.answer_step(ticket.id, key, AnswerStep(answer=file.name))

            tasks.run(send, self._take, self._tell, self)

    def _send_file(self, ticket: TicketView, path: Path) -> None:
        kind = (
            "photo"
            if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".heic")
            else "document"
        )
        tasks.run(
            lambda: self._hub.add_ticket_file(ticket.id, path.name, read_file(path), kind),
            lambda _file: self._changed.add("file"),
            self._tell,
            self,
        )

    def _on_noted(self, text: str, internal: bool) -> None:
        def failed(error: FettleError) -> None:
            self.timeline.sent(False)
            self._tell(error)

        def done(_entry: TimelineEntry) -> None:
            self.timeline.sent(True)
            self._changed.add("note")

        ticket_id = self._id
        tasks.run(
            lambda: self._hub.add_note(ticket_id, AddNote(text=text, internal=internal)), done, failed, self
        )

    def _on_answered(self, key: str, answer: bool | float | str | None) -> None:
        ticket = self.ticket
        if ticket is None:
            return
        before = next((step.answer for step in ticket.procedure if step.key == key), None)

        def send(value: bool | float | str | None) -> None:
            tasks.run(
                lambda: self._hub.answer_step(ticket.id, key, AnswerStep(answer=value)),
                self._take,
                failed,
                self,
            )

        def failed(error: FettleError) -> None:
            self._tell(error)
            self._fetch()

        send(answer)
        self._shell.toast(_("Step answered."), undo=lambda: send(before))

    def _on_part(self, do: str, part: tuple[int, str, object] | None) -> None:
        parts = [] if part is None else [part]
        self._with(lambda ticket: use_part(self, self._shell, ticket, do, self._take, parts))  # type: ignore[arg-type]  # as the tab emits them

    def _more_menu(self) -> None:
        ticket = self.ticket
        if ticket is None:
            return
        menu = QMenu(self)
        if self._shell.may("ticket.edit"):
            menu.addAction(_("Edit …")).triggered.connect(
                lambda _on=False: edit_ticket(self, self._shell, ticket, self._take)
            )
        menu.addAction(_("Urge")).triggered.connect(lambda _on=False: self._urge(ticket))
        if ticket.asset is not None:
            asset_id = ticket.asset.id
            menu.addAction(_("Open the asset")).triggered.connect(
                lambda _on=False: self._shell.open_asset(asset_id)
            )
        for move in ticket.moves:
            if move.move in ("return", "cancel", "decline"):
                words = label(f"ticket.move.{move.move}") + " …"
                menu.addAction(words).triggered.connect(lambda _on=False, move=move: self.take_move(move))
        menu.exec(self.head.more.mapToGlobal(self.head.more.rect().bottomLeft()))

    def _urge(self, ticket: TicketView) -> None:
        tasks.run(
            lambda: self._hub.urge(ticket.id),
            lambda found: self._shell.toast(_("Urged: {number}").format(number=found.number)),
            self._tell,
            self,
        )

    def _tell(self, error: FettleError) -> None:
        self._shell.toast(explain(error), bad=True)
        if error.status == 409:
            self._changed.add("conflict")  # somebody else was faster: show how it is now


def read_file(path: Path) -> bytes:
    """What a file holds; OutsideError `file.cannot_read`."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutsideError("file.cannot_read", str(error), file=path, reason=reason) from error
