"""Which tickets are shown: the filter as data, as a query for the hub, and for one row that just arrived."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton, QToolButton, QWidget

from core.i18n import _, label
from core.wire.people import Me
from core.wire.tickets import TicketRowView
from desktop import theme
from desktop.pages.ticket_columns import OPEN, is_overdue
from desktop.widgets.basics import chip
from desktop.widgets.flow import FlowLayout

STATES = (
    "new",
    "assigned",
    "in_progress",
    "on_hold",
    "resolved",
    "follow_up",
    "closed",
    "cancelled",
    "merged",
)
TYPES = ("fault", "request", "inspection", "maintenance", "complaint", "improvement")
PRIORITIES = ("1", "2", "3", "4")


@dataclass(frozen=True)
class TicketQuery:
    """What is wanted, in which order."""

    open: bool = True
    mine: bool = False
    overdue: bool = False
    state: frozenset[str] = field(default_factory=frozenset)
    type: frozenset[str] = field(default_factory=frozenset)
    priority: frozenset[str] = field(default_factory=frozenset)
    q: str = ""
    sort: str = "reported_at"
    descending: bool = True

    def params(self) -> dict[str, Any]:
        """As the hub takes it."""
        return {
            "open": True if self.open and not self.state else None,
            "mine": self.mine or None,
            "overdue": self.overdue or None,
            "state": sorted(self.state),
            "type": sorted(self.type),
            "priority": sorted(self.priority),
            "q": self.q,
            "sort": ("-" if self.descending else "") + self.sort,
        }

    def takes(self, ticket: TicketRowView, me: Me, now: datetime) -> bool:
        """Whether a row belongs to the list as far as a row can tell; words are looked up by the hub alone."""
        mine = me.id in (ticket.assignee.id if ticket.assignee else None, ticket.reporter_id)
        return all(
            (
                not (self.open and not self.state) or ticket.state in OPEN,
                not self.mine or mine,
                not self.overdue or is_overdue(ticket, now),
                not self.state or ticket.state in self.state,
                not self.type or ticket.type in self.type,
                not self.priority or str(ticket.priority) in self.priority,
            )
        )

    @property
    def newest_first(self) -> bool | None:
        """Where a new ticket belongs: True at the top, False at the end, None: only the hub knows."""
        return self.descending if self.sort in ("reported_at", "number") else None


class FilterBar(QWidget):
    """Chips for open, mine, overdue, and menus of states, types and priorities."""

    changed = Signal()

    def __init__(self, query: TicketQuery) -> None:
        super().__init__()
        self.query = query
        self._chips: dict[str, QPushButton] = {
            "open": chip(
                _("Open"), lambda on: self._set(open=on), query.open, _("Only tickets somebody has work with")
            ),
            "mine": chip(
                _("Mine"), lambda on: self._set(mine=on), query.mine, _("Given to me or reported by me")
            ),
            "overdue": chip(
                _("Overdue"), lambda on: self._set(overdue=on), query.overdue, _("Past the time to resolve")
            ),
        }
        self._menus = {
            "state": _ChoiceButton(
                _("State"), [(s, label(f"ticket.state.{s}")) for s in STATES], self._chooser("state")
            ),
            "type": _ChoiceButton(
                _("Type"), [(t, label(f"ticket.type.{t}")) for t in TYPES], self._chooser("type")
            ),
            "priority": _ChoiceButton(
                _("Priority"),
                [(p, label(f"ticket.priority.{p}")) for p in PRIORITIES],
                self._chooser("priority"),
            ),
        }
        layout = FlowLayout()
        for made in (*self._chips.values(), *self._menus.values()):
            layout.addWidget(made)
        self.setLayout(layout)

    def show_query(self, query: TicketQuery) -> None:
        """Set all chips without asking the hub for each."""
        self.blockSignals(True)
        for name, made in self._chips.items():
            made.setChecked(bool(getattr(query, name)))
        for name, menu in self._menus.items():
            menu.choose(getattr(query, name))
        self.blockSignals(False)
        self.query = query
        self.changed.emit()

    def _chooser(self, name: str) -> Callable[[frozenset[str]], None]:
        return lambda values: self._set(**{name: values})

    def _set(self, **what: Any) -> None:
        self.query = replace(self.query, **what)
        self.changed.emit()


class _ChoiceButton(QToolButton):
    """A chip with a menu of ticks; says how many are chosen."""

    def __init__(
        self, words: str, options: list[tuple[str, str]], chosen: Callable[[frozenset[str]], None]
    ) -> None:
        super().__init__()
        self._words = words
        self._chosen = chosen
        self.setFixedHeight(self.fontMetrics().height() + 10)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self._actions: dict[str, QAction] = {}
        for value, text in options:
            made = menu.addAction(text)
            made.setCheckable(True)
            made.toggled.connect(lambda _on: self._tell())
            self._actions[value] = made
        menu.addSeparator()
        menu.addAction(_("All")).triggered.connect(lambda _checked=False: self.choose(frozenset(), tell=True))
        self.setMenu(menu)
        theme.theme().changed.connect(self._show)
        self._show()

    def values(self) -> frozenset[str]:
        """What is ticked."""
        return frozenset(value for value, made in self._actions.items() if made.isChecked())

    def choose(self, values: frozenset[str], tell: bool = False) -> None:
        """Tick these and no others."""
        for value, made in self._actions.items():
            made.blockSignals(True)
            made.setChecked(value in values)
            made.blockSignals(False)
        self._show()
        if tell:
            self._chosen(values)

    def _tell(self) -> None:
        self._show()
        self._chosen(self.values())

    def _show(self) -> None:
        ticked = [made.text() for made in self._actions.values() if made.isChecked()]
        text = (
            self._words
            if not ticked
            else f"{self._words} {ticked[0]}" + (f" +{len(ticked) - 1}" if ticked[1:] else "")
        )
        self.setText(f"{text} ▾")
        self.setAccessibleName(text)
        border = theme.css("accent" if ticked else "line")
        ground = theme.css("selection" if ticked else "raised")
        self.setStyleSheet(
            f"QToolButton {{ border: 1px solid {border}; border-radius: 10px; padding: 2px 10px; background: {ground};"
            f" color: {theme.css('text' if ticked else 'muted')}; }} QToolButton:focus {{ border-color:"
            f" {theme.css('accent')}; }} QToolButton::menu-indicator {{ image: none; }}"
        )
