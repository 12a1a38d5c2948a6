"""What every page is made of: title, icon, refresh, the live feed, help; and what a page may ask of the shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QWidget

from core.errors import FettleError
from core.i18n import explain
from core.wire.journal import JournalEntry
from core.wire.people import Me
from desktop import tasks
from desktop.hub_client import HubClient

T = TypeVar("T")


class Shell(Protocol):
    """The main window as a page sees it."""

    hub: HubClient
    me: Me
    store: QSettings

    def may(self, action: str) -> bool:
        """Whether this person has the right `ticket.assign`, …; to hide what is not allowed."""

    def toast(self, text: str, undo: Callable[[], None] | None = None, bad: bool = False) -> None:
        """A short message at the bottom, with an undo button when `undo` is given."""

    def open_page(self, key: str) -> Page:
        """Show a page (`tickets`, `assets`, …) and return it."""

    def open_ticket(self, ticket_id: int) -> None:
        """Show the tickets page with this ticket open."""

    def open_asset(self, asset_id: int) -> None:
        """Show the assets page with this asset open."""

    def new_ticket(self, asset_id: int | None = None) -> None:
        """The dialog for a new ticket, with the asset filled in."""

    def restyle(self) -> None:
        """Read theme, font size and language from the settings again, and show them."""


class Page(QWidget):
    """Base of all pages. Construct cheaply; fetch in `refresh`, which is called each time it is shown."""

    key = ""
    icon = "circle-outline"

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.shell = shell
        self.hub = shell.hub
        self._soon: QTimer | None = None
        self.setObjectName(self.key)
        self.setAccessibleName(self.title())

    def title(self) -> str:
        """Its name in the navigation, in the current language."""
        return self.key

    def help_text(self) -> str:
        """What F1 shows: a few sentences as rich text."""
        return ""

    def refresh(self) -> None:
        """Fetch everything anew (shown, reconnected, F5)."""

    def refresh_soon(self, delay_ms: int = 250) -> None:
        """Refresh once, a moment from now, however often it is called; not while the page is hidden."""
        if self._soon is None:
            self._soon = QTimer(self, singleShot=True)
            self._soon.timeout.connect(lambda: self.refresh() if self.isVisible() else None)
        if not self._soon.isActive():
            self._soon.start(delay_ms)

    def on_entry(self, entry: JournalEntry) -> None:
        """A change happened somewhere; called for every page that has been opened, shown or not."""

    def unsaved(self) -> bool:
        """Whether leaving would lose something typed."""
        return False

    def run(
        self,
        call: Callable[[], T],
        done: Callable[[T], None] | None = None,
        failed: Callable[[FettleError], None] | None = None,
    ) -> None:
        """`tasks.run` owned by this page; an error becomes a toast unless `failed` is given."""
        tasks.run(call, done, failed or self.tell, self)

    def tell(self, error: FettleError) -> None:
        """Say in words what went wrong."""
        self.shell.toast(explain(error), bad=True)
