"""The main window: navigation, pages, banner, status bar, palette, keys. Knows the pages by name only.

It is the `Shell` that pages talk to, and hands every entry of the live feed to the pages that are open.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import cast

from PySide6.QtCore import QByteArray, QSettings, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.errors import FettleError
from core.i18n import _, explain
from core.wire.journal import Dashboard, JournalEntry
from core.wire.people import Me
from desktop import tasks
from desktop.feed import Feed, Gatherer
from desktop.hub_client import HubClient
from desktop.lists import listed
from desktop.pages import PAGES, PageSpec
from desktop.widgets.basics import text_label
from desktop.widgets.page import Page
from desktop.widgets.palette import Command, Palette
from desktop.widgets.person_menu import person_menu
from desktop.widgets.rail import Rail
from desktop.widgets.toast import Banner, Toast

FIGURES_EVERY_MS = 60_000


class MainWindow(QMainWindow):
    """One window for one person at one hub. `leave` asks for another log-in, `restyled` for a new window."""

    leave = Signal()
    restyled = Signal()

    def __init__(self, hub: HubClient, me: Me, store: QSettings) -> None:
        super().__init__()
        self.hub = hub
        self.me = me
        self.store = store
        self.setWindowTitle(f"{me.plant} – Fettle" if me.plant else "Fettle")
        self.setMinimumSize(900, 560)
        self.pages: dict[str, Page] = {}
        self._specs = {spec.key: spec for spec in PAGES if not spec.right or self.may(spec.right)}
        self._key = ""
        self.feed = Feed(hub, self)
        self.feed.entry.connect(self._on_entry)
        self.feed.online.connect(self._on_online)
        self.feed.offline.connect(self._on_offline)
        self.feed.expired.connect(self.leave)
        self._build()
        self._bind_keys()
        self._figures = Gatherer(400, self)
        self._figures.gathered.connect(lambda _keys: self._fetch_figures())
        self._clock = QTimer(self, interval=FIGURES_EVERY_MS)
        self._clock.timeout.connect(lambda: self._figures.add("clock"))
        self._restore()

    def begin(self, cursor: int = -1) -> None:
        """Show the first page and start listening."""
        self.open_page(str(self.store.value("window/page", "")) or next(iter(self._specs)))
        self.feed.start(cursor)
        self._figures.add("start")
        self._clock.start()

    # ---- what pages may ask

    def may(self, action: str) -> bool:
        return action in self.me.rights

    def toast(self, text: str, undo: Callable[[], None] | None = None, bad: bool = False) -> None:
        self._toast.say(text, undo, bad)

    def open_page(self, key: str) -> Page:
        if key not in self._specs:
            key = next(iter(self._specs))
        page = self.pages.get(key)
        if page is None:
            page = self._make(self._specs[key])
            self.pages[key] = page
            self._stack.addWidget(page)
        if key != self._key:
            self._key = key
            self.store.setValue("window/page", key)
            self._stack.setCurrentWidget(page)
            self.rail.mark(key)
        page.refresh()
        return page

    def _go(self, key: str) -> None:
        self.open_page(key)

    def open_ticket(self, ticket_id: int) -> None:
        show = getattr(self.open_page("tickets"), "show_ticket", None)
        if show is not None:
            show(ticket_id)

    def open_asset(self, asset_id: int) -> None:
        show = getattr(self.open_page("assets"), "show_asset", None)
        if show is not None:
            show(asset_id)

    def new_ticket(self, asset_id: int | None = None) -> None:
        ask = getattr(import_module("desktop.pages.ticket_new"), "ask_new_ticket", None)
        if ask is not None:
            ask(self, asset_id)

    def restyle(self) -> None:
        self.restyled.emit()

    # ---- the parts

    def _build(self) -> None:
        self.rail = Rail(self.me.plant, self._go)
        self.banner = Banner("warn")
        self._stack = QStackedWidget()
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.banner)
        right.addWidget(self._stack, 1)
        whole = QWidget()
        layout = QHBoxLayout(whole)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.rail)
        layout.addLayout(right, 1)
        self.setCentralWidget(whole)
        for spec in self._specs.values():
            self.rail.add(spec.key, spec.icon, page_title(spec.key))
        self.rail.set_person(self.me.name, self._person_menu())
        self._dot = text_label("○", "muted")
        self._line = text_label(_("Connecting …"), "muted")
        self._unsaved = text_label("", "bad")
        hint = text_label(_("Ctrl+K search · F1 help · F5 refresh"), "muted")
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        bar.setContentsMargins(10, 0, 10, 0)
        bar.addWidget(self._dot)
        bar.addWidget(self._line)
        bar.addWidget(self._unsaved)
        bar.addPermanentWidget(text_label(self.hub.address, "muted"))
        bar.addPermanentWidget(hint)
        self._toast = Toast(self)
        look = QTimer(self, interval=500)
        look.timeout.connect(self._show_unsaved)
        look.start()

    def _person_menu(self) -> QMenu:
        commands: list[tuple[str, Callable[[], None]]] = [
            (_("Help for this page"), self.show_help),
            (_("Log out"), self.leave.emit),
            (_("Quit"), lambda: cast(None, self.close())),
        ]
        return person_menu(self, self.store, self.restyle, commands)

    def _make(self, spec: PageSpec) -> Page:
        module, name = spec.place.split(":")
        page = getattr(import_module(module), name)(self)
        assert isinstance(page, Page)
        return page

    def _bind_keys(self) -> None:
        def key(sequence: str, call: Callable[[], object]) -> None:
            QShortcut(QKeySequence(sequence), self, lambda: cast(None, call()))

        for at, name in enumerate(self._specs):
            if at < 10:
                key(f"Ctrl+{(at + 1) % 10}", partial(self._go, name))
        key("Ctrl+K", self.show_palette)
        key("F1", self.show_help)
        key("F5", self._refresh)
        key("Ctrl+Z", self._toast.undo)
        if self.may("ticket.create"):
            key("Ctrl+N", self.new_ticket)

    def _refresh(self) -> None:
        self.feed.retry_now()
        self.pages[self._key].refresh()
        self._figures.add("F5")

    def show_help(self) -> None:
        """F1: what the page in front is for, and its keys."""
        page = self.pages[self._key]
        box = QMessageBox(self)
        box.setWindowTitle(page.title())
        box.setText(f"<h3>{page.title()}</h3>" + page.help_text())
        box.setInformativeText(
            _(
                "Ctrl+K search everything · Ctrl+1 … Ctrl+0 pages · Ctrl+N new ticket · F5 refresh · "
                "Ctrl+Z undo while the message shows · Enter opens the selected row."
            )
        )
        box.open()

    def show_palette(self) -> None:
        """Ctrl+K: tickets, assets, parts, pages, commands."""
        Palette(self, self._commands()).open()

    def _commands(self) -> list[Command]:
        found = [
            Command(page_title(spec.key), spec.icon, partial(self._go, spec.key))
            for spec in self._specs.values()
        ]
        if self.may("ticket.create"):
            found.insert(0, Command(_("New ticket"), "plus", self.new_ticket, "Ctrl+N"))
        found.append(Command(_("Refresh"), "refresh", self._refresh, "F5"))
        found.append(Command(_("Help for this page"), "help-circle-outline", self.show_help, "F1"))
        for text, icon, call in getattr(self.pages.get(self._key), "commands", list)():
            found.append(Command(text, icon, call))
        return found

    # ---- the live feed

    def _on_entry(self, entry: JournalEntry) -> None:
        for page in self.pages.values():
            page.on_entry(entry)
        if entry.verb.split(".")[0] in ("ticket", "alarm", "edge", "stock", "part"):
            self._figures.add(entry.subject)

    def _on_online(self) -> None:
        self._say_state("●", "good", _("Connected"))
        self._figures.add("online")
        if not self.banner.isHidden():
            self.banner.hide()
            self.toast(_("The hub is back; everything is up to date."))
            self.pages[self._key].refresh()

    def _on_offline(self, error: FettleError | None) -> None:
        self._say_state("○", "bad", _("Offline"))
        if self.banner.isHidden():
            words = _(
                "The hub does not answer. What you see may be old; nothing can be changed until it is back."
            )
            self.banner.say(words, _("Try now"), self.feed.retry_now)
            self.banner.setToolTip(explain(error) if error is not None else "")

    def _say_state(self, dot: str, role: str, words: str) -> None:
        self._dot.setText(dot)
        self._dot.setProperty("role", role)
        self._dot.style().unpolish(self._dot)
        self._dot.style().polish(self._dot)
        self._line.setText(words)

    def _fetch_figures(self) -> None:
        if self.feed.is_online or self.feed.cursor < 0:
            tasks.run(self.hub.dashboard, self._on_figures, None, self)

    def _on_figures(self, figures: Dashboard) -> None:
        for key, count in (("tickets", figures.unassigned), ("alarms", figures.unacked_alarms)):
            if key in self.rail.buttons:
                self.rail.buttons[key].set_badge(count)
        take = getattr(self.pages.get("dashboard"), "show_figures", None)
        if take is not None:
            take(figures)

    # ---- coming and going

    def _show_unsaved(self) -> None:
        names = [page.title() for page in self.pages.values() if page.unsaved()]
        self._unsaved.setText(_("Unsaved: {pages}").format(pages=listed(names)) if names else "")

    def _restore(self) -> None:
        geometry = self.store.value("window/geometry")
        if not (isinstance(geometry, QByteArray) and self.restoreGeometry(geometry)):
            self.resize(1440, 900)

    def may_leave(self) -> bool:
        """Asks when something typed would be lost."""
        unsaved = [page.title() for page in self.pages.values() if page.unsaved()]
        if not unsaved:
            return True
        words = _("There are unsaved changes: {pages}.").format(pages=listed(unsaved))
        answer = QMessageBox.question(self, _("Leave without saving?"), words)
        return answer is QMessageBox.StandardButton.Yes

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.may_leave():
            event.ignore()
            return
        self.shut()
        super().closeEvent(event)

    def shut(self) -> None:
        """Stop listening and keep the layout."""
        self.feed.stop()
        self._clock.stop()
        self.store.setValue("window/geometry", self.saveGeometry())
        self.store.sync()


def page_title(key: str) -> str:
    """The name of a page in the navigation."""
    return {
        "dashboard": _("Dashboard"),
        "tickets": _("Tickets"),
        "alarms": _("Alarms"),
        "assets": _("Assets"),
        "plans": _("Plans"),
        "parts": _("Parts"),
        "people": _("People"),
        "edges": _("Edges"),
        "labels": _("Labels"),
        "settings": _("Settings"),
    }[key]
