"""The list of tickets kept live: ids of the filter, rows in pages, changes from the feed put in their place.

A change never moves what a person looks at: rows are updated where they are, a new ticket is inserted, one that no
longer fits is taken out; the order is made anew when the list is asked for again.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal

from core.errors import FettleError
from core.wire.journal import JournalEntry
from core.wire.people import Me
from core.wire.tickets import TicketRowView
from desktop import tasks, times
from desktop.feed import Gatherer
from desktop.hub_client import HubClient
from desktop.paged_model import PagedModel
from desktop.pages.ticket_columns import SORTABLE, ticket_columns
from desktop.pages.ticket_filter import TicketQuery

LIVE_MS = 80  # changes of one burst are asked for together; a single one at once
RELOAD_MS = 4_000  # at most this often the whole list is asked for because of changes
MOST_AT_ONCE = 400


class TicketList(QObject):
    """Model and how it stays true. `loaded` after new ids, `arrived` for each new ticket that came live."""

    loaded = Signal(int)
    counted = Signal(int)
    arrived = Signal(object)
    failed = Signal(object)
    loading = Signal()

    def __init__(self, hub: HubClient, me: Me, query: TicketQuery, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hub = hub
        self._me = me
        self.query = query
        self.model: PagedModel[TicketRowView] = PagedModel(ticket_columns(), self._fetch, SORTABLE, self)
        self.model.sorted_by.connect(self._on_sorted)
        self._asked = 0
        self._changed = Gatherer(LIVE_MS, self)
        self._changed.gathered.connect(self._on_changed)
        self._new: set[int] = set()
        self._later = QTimer(self, singleShot=True, interval=RELOAD_MS)
        self._later.timeout.connect(self.reload)

    def reload(self) -> None:
        """Ask for the ids anew."""
        self._asked += 1
        number = self._asked
        params = self.query.params()
        self.loading.emit()
        tasks.run(
            lambda: self._hub.ticket_ids(**params)[0],
            lambda ids: self._on_ids(number, ids),
            self.failed.emit,
            self,
        )

    def set_query(self, query: TicketQuery) -> None:
        """Another filter or order."""
        if query != self.query:
            self.query = query
            self.reload()

    def forget(self) -> None:
        """After the hub was away: nothing known can be trusted."""
        self.model.forget_rows()
        self.reload()

    def on_entry(self, entry: JournalEntry) -> None:
        """A change somewhere; those of tickets are looked up."""
        if entry.ticket_id is None:
            return
        if entry.verb == "ticket.created":
            self._new.add(entry.ticket_id)
        self._changed.add(entry.ticket_id)

    # ---- inside

    def _on_ids(self, number: int, ids: array[int]) -> None:
        if number != self._asked:
            return  # a newer question is under way
        self._later.stop()
        if ids != self.model.ids:
            self.model.set_ids(ids)
        self.loaded.emit(len(ids))
        self.counted.emit(len(ids))

    def _on_sorted(self, key: str, descending: bool) -> None:
        self.set_query(replace(self.query, sort=key, descending=descending))

    def _fetch(
        self, ids: list[int], done: Callable[[list[TicketRowView]], None], failed: Callable[[], None]
    ) -> None:
        def on_failed(error: FettleError) -> None:
            failed()
            self.failed.emit(error)

        tasks.run(lambda: self._hub.ticket_rows(ids), done, on_failed, self)

    def _on_changed(self, keys: set[int]) -> None:
        if len(keys) > MOST_AT_ONCE:
            self.reload()
            self.model.forget_rows()
            return
        ids = sorted(keys)
        tasks.run(
            lambda: self._hub.ticket_rows(ids), lambda rows: self._on_rows(keys, rows), self.failed.emit, self
        )

    def _on_rows(self, asked: set[int], rows: list[TicketRowView]) -> None:
        now = times.utc_now()
        found = {row.id: row for row in rows}
        stay = []
        for ticket_id in sorted(asked):
            row = found.get(ticket_id)
            here = self.model.position_of(ticket_id) >= 0
            if row is None or not self.query.takes(row, self._me, now):
                if here:
                    self.model.remove(ticket_id)
            elif here:
                stay.append(row)
            elif self.query.q:  # the hub knows where those words are, as soon as it has read them
                self._later.start()
            else:
                self._insert(row)
            if row is not None and ticket_id in self._new:
                self.arrived.emit(row)
        self._new -= asked
        self.model.update_rows(stay)
        self.counted.emit(len(self.model.ids))

    def _insert(self, row: TicketRowView) -> None:
        newest_first = self.query.newest_first
        if newest_first is None or not self._is_newest(row):
            # Where it belongs only the hub knows; it is shown at the top at once, and in its place a little later.
            self.model.insert(0, row)
            if not self._later.isActive():
                self._later.start()
        else:
            self.model.insert(0 if newest_first else -1, row)

    def _is_newest(self, row: TicketRowView) -> bool:
        ids = self.model.ids
        return not len(ids) or row.id > (ids[0] if self.query.descending else ids[-1])
