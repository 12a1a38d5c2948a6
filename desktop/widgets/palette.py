"""Ctrl+K: one box that finds tickets, assets, parts, pages and commands, by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from core.i18n import _, label
from core.wire.assets import AssetView
from core.wire.base import Page as WirePage
from core.wire.parts import PartView
from core.wire.tickets import TicketRowView
from desktop import tasks, theme
from desktop.widgets.page import Shell

MOST = 8


@dataclass(frozen=True)
class Command:
    """Something the palette can do."""

    text: str
    icon: str
    call: Callable[[], None]
    key: str = ""


class Palette(QDialog):
    """The box and its list. Arrow keys move, Enter does, Escape leaves."""

    def __init__(self, shell: Shell, commands: list[Command]) -> None:
        assert isinstance(shell, QWidget)
        super().__init__(shell, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(_("Search everything"))
        self._shell = shell
        self._commands = commands
        self._assets: list[AssetView] | None = None
        self._parts: list[PartView] | None = None
        self._found: list[Command] = []
        self.box = QLineEdit()
        self.box.setPlaceholderText(_("Ticket, asset, part, page or command …"))
        self.box.setAccessibleName(_("Search everything"))
        self.box.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName(_("Found"))
        self.list.setIconSize(theme.icon_size())
        self.list.itemActivated.connect(lambda _item: self._do())
        self.list.itemClicked.connect(lambda _item: self._do())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.addWidget(self.box)
        layout.addWidget(self.list)
        self.resize(620, 420)
        middle = shell.mapToGlobal(shell.rect().center())
        self.move(middle.x() - 310, shell.mapToGlobal(shell.rect().topLeft()).y() + 80)
        self._timer = QTimer(self, singleShot=True, interval=160)
        self._timer.timeout.connect(self._ask)
        self.box.textChanged.connect(self._on_typed)
        self._on_typed("")
        if shell.may("asset.read"):
            tasks.run(shell.hub.assets, self._on_assets, None, self)
        if shell.may("part.read"):
            tasks.run(shell.hub.parts, self._on_parts, None, self)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.box.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.box and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None and self.list.count():
                self.list.setCurrentRow((self.list.currentRow() + step) % self.list.count())
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._do()
                return True
        return False

    def _on_assets(self, found: list[AssetView]) -> None:
        self._assets = found
        self._show()

    def _on_parts(self, found: list[PartView]) -> None:
        self._parts = found
        self._show()

    def _on_typed(self, _text: str) -> None:
        self._found = []
        self._show()
        if self.box.text().strip():
            self._timer.start()

    def _ask(self) -> None:
        words = self.box.text().strip()
        tasks.run(
            lambda: self._shell.hub.tickets(q=words, limit=MOST),
            lambda page: self._on_tickets(words, page),
            None,
            self,
        )

    def _on_tickets(self, words: str, page: WirePage[TicketRowView]) -> None:
        if words == self.box.text().strip():
            self._found = [self._ticket(row) for row in page.items]
            self._show()

    def _ticket(self, row: TicketRowView) -> Command:
        text = f"{row.number}  {row.title}  ·  {label(f'ticket.state.{row.state}')}"
        return Command(text, "clipboard-text-outline", lambda: self._shell.open_ticket(row.id))

    def _matching(self) -> list[Command]:
        words = self.box.text().casefold().split()

        def fits(text: str) -> bool:
            return all(word in text.casefold() for word in words)

        commands = [command for command in self._commands if fits(command.text)]
        if not words:
            return commands
        assets = [
            Command(
                f"{a.number}  {a.name}", "robot-industrial-outline", partial(self._shell.open_asset, a.id)
            )
            for a in self._assets or []
            if fits(f"{a.number} {a.name}")
        ]
        parts = [
            Command(f"{p.number}  {p.name}", "package-variant-closed", partial(self._open_part, p.id))
            for p in self._parts or []
            if fits(f"{p.number} {p.name}")
        ]
        return commands + self._found[:MOST] + assets[:MOST] + parts[:MOST]

    def _open_part(self, part_id: int) -> None:
        show = getattr(self._shell.open_page("parts"), "show_part", None)
        if show is not None:
            show(part_id)

    def _show(self) -> None:
        self.list.clear()
        for command in self._matching():
            item = QListWidgetItem(
                theme.icon(command.icon), command.text + (f"    {command.key}" if command.key else "")
            )
            item.setData(Qt.ItemDataRole.UserRole, command)
            self.list.addItem(item)
        self.list.setCurrentRow(0)

    def _do(self) -> None:
        if self.list.currentRow() < 0:
            return
        command = self.list.currentItem().data(Qt.ItemDataRole.UserRole)
        self.close()
        command.call()
