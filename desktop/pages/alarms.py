"""The alarms page: what is active, shelved or out of service; acknowledge, shelve, reset; jump to the ticket. Live."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QButtonGroup, QPushButton

from core.errors import FettleError
from core.i18n import _, explain, label
from core.wire.journal import JournalEntry
from core.wire.tickets import AlarmView
from desktop.feed import Gatherer
from desktop.pages.alarm_columns import alarm_columns
from desktop.pages.alarm_pane import AlarmPane
from desktop.pages.alarm_service import OutOfServiceDialog, ShelveDialog, each, shelved_words
from desktop.widgets.basics import (
    BusyLine,
    EmptyState,
    SearchBox,
    action,
    button,
    chip,
    column,
    row,
    text_label,
)
from desktop.widgets.page import Page, Shell
from desktop.widgets.table import Table

VIEWS = ("active", "shelved", "out_of_service", "suppressed", "all")
_WAITING = ("unack", "rtn_unack")


def belongs(alarm: AlarmView, view: str) -> bool:
    """Whether an alarm is shown in one of the views."""
    if view == "all":
        return True
    if view == "active":
        return alarm.service == "in_service" and (alarm.active or alarm.state in _WAITING)
    return alarm.service == view


class AlarmsPage(Page):
    """Active alarms first; one key acknowledges, one opens the ticket."""

    key = "alarms"
    icon = "bell-outline"

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        kept = str(shell.store.value("alarms/view", "active"))
        self._view = kept if kept in VIEWS else "active"
        self.search = SearchBox(_("Alarm or asset"))
        self.search.searched.connect(lambda text: self._filter(text))
        self._alarms: list[AlarmView] = []
        self.views: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        for view in VIEWS:
            made = chip(view_words(view), partial(self._on_view, view), view == self._view)
            self.views[view] = made
            self._group.addButton(made)
        self.count = text_label("", "muted")
        self._busy = BusyLine()
        self._empty = EmptyState(
            "bell-sleep-outline", _("No active alarms"), _("All rules are within their limits.")
        )
        self.table: Table[AlarmView] = Table(
            "alarms",
            _("Alarms"),
            alarm_columns(),
            key=lambda a: a.id,
            store=shell.store,
            sort="severity",
            empty=self._empty,
        )
        self.table.picked.connect(self._on_picked)
        self.table.opened.connect(self._open)
        self.ack_button = button(
            _("Acknowledge"), self.acknowledge, icon="bell-check-outline", tip=_("Key: A or Space")
        )
        self.ack_button.setVisible(shell.may("alarm.ack"))
        self.ticket_button = button(
            _("Open the ticket"), self.open_ticket, icon="clipboard-text-outline", tip=_("Key: Enter")
        )
        self.asset_button = button(_("Open the asset"), self.open_asset, icon="robot-industrial-outline")
        self._make_service_buttons(shell)
        self.pane = AlarmPane()
        bar = row(self.search, *self.views.values(), self.count, None, margins=(12, 8, 12, 4))
        doing = row(
            self.ack_button,
            self.shelve_button,
            self.unshelve_button,
            self.out_button,
            self.back_button,
            self.reset_button,
            None,
            self.ticket_button,
            self.asset_button,
            margins=(12, 2, 12, 6),
        )
        self.setLayout(column(bar, doing, self._busy, self.table, self.pane, spacing=0))
        self._changed = Gatherer(80, self)
        self._changed.gathered.connect(lambda _keys: self.refresh())
        if shell.may("alarm.ack"):
            action(self.table, _("Acknowledge"), self.acknowledge, "A")
            action(self.table, _("Acknowledge"), self.acknowledge, "Space")
        if shell.may("alarm.shelve"):
            action(self.table, _("Shelve"), self.shelve, "S")
        action(self, _("Search"), self.search.setFocus, "Ctrl+F")
        self._seconds = QTimer(self, interval=1_000)
        self._seconds.timeout.connect(self._tick)
        self._seconds.start()
        self._on_picked()

    def title(self) -> str:
        return _("Alarms")

    def help_text(self) -> str:
        return _(
            "What the rules on the edges have raised. Acknowledging says that somebody has seen it; it neither clears "
            "the alarm nor ends the ticket. An alarm clears by itself when its point is back within the limit. "
            "Shelving keeps one quiet for a time and takes it back by itself; out of service lasts until somebody "
            "puts it back. Who did it, until when and why is shown below the table."
        )

    def commands(self) -> list[tuple[str, str, Callable[[], None]]]:
        """For the palette."""
        found: list[tuple[str, str, Callable[[], None]]] = []
        if self.shell.may("alarm.ack"):
            found.append((_("Acknowledge the selected alarms"), "bell-check-outline", self.acknowledge))
        if self.shell.may("alarm.shelve"):
            found.append((_("Shelve the selected alarms"), "bell-sleep-outline", self.shelve))
        return found

    def refresh(self) -> None:
        self._busy.start()
        active = None if self._view == "all" else True
        self.run(lambda: self.hub.alarms(active), self._on_alarms, self._on_failed)

    def on_entry(self, entry: JournalEntry) -> None:
        if entry.verb.startswith("alarm.") or entry.verb in ("ticket.created", "ticket.occurrence"):
            self._changed.add(entry.id)

    def acknowledge(self) -> None:
        """Acknowledge all selected alarms that wait for it."""
        waiting = [alarm for alarm in self.table.selected() if alarm.state in ("unack", "rtn_unack")]
        if not waiting:
            self.shell.toast(_("Nothing to acknowledge in the selection."))
            return

        def ack() -> list[AlarmView]:
            return [self.hub.ack_alarm(alarm.id) for alarm in waiting]

        self.run(ack, self._on_acked)

    def open_ticket(self) -> None:
        """Jump to the ticket of the selected alarm."""
        current = self.table.current()
        if current is not None and current.ticket is not None:
            self.shell.open_ticket(current.ticket.id)

    def open_asset(self) -> None:
        """Jump to its asset."""
        current = self.table.current()
        if current is not None and current.asset is not None:
            self.shell.open_asset(current.asset.id)

    # ---- keeping quiet

    def shelve(self) -> None:
        """Ask how long and why, then shelve what is selected."""
        chosen = [alarm for alarm in self.table.selected() if alarm.service != "out_of_service"]
        if not chosen:
            self.shell.toast(_("Nothing to shelve in the selection."))
            return
        dialog = ShelveDialog(self, chosen)
        dialog.saved.connect(self._on_shelved)
        dialog.open()

    def unshelve(self) -> None:
        """Put back what is shelved in the selection."""
        self._put_back("shelved", lambda alarm: self.hub.unshelve_alarm(alarm.id))

    def take_out(self) -> None:
        """Ask why, then take out of service what is selected."""
        chosen = [alarm for alarm in self.table.selected() if alarm.service != "out_of_service"]
        if chosen:
            dialog = OutOfServiceDialog(self, chosen)
            dialog.saved.connect(self._on_taken_out)
            dialog.open()

    def put_back(self) -> None:
        """Put back in service what was taken out."""
        self._put_back("out_of_service", lambda alarm: self.hub.put_alarm_back(alarm.id))

    def reset(self) -> None:
        """Let go the latching alarms of the selection whose condition is over."""
        chosen = [alarm for alarm in self.table.selected() if alarm.state != "normal"]
        self._do(chosen, lambda alarm: self.hub.reset_alarm(alarm.id), _("Reset."))

    def _put_back(self, service: str, back: Callable[[AlarmView], AlarmView]) -> None:
        chosen = [alarm for alarm in self.table.selected() if alarm.service == service]
        self._do(chosen, back, _("Back in service."))

    def _do(self, chosen: list[AlarmView], call: Callable[[AlarmView], AlarmView], words: str) -> None:
        if chosen:
            self._busy.start()
            self.run(lambda: each(chosen, call), partial(self._on_done, words), self._on_not_done)

    def _on_shelved(self, alarms: list[AlarmView]) -> None:
        def undo() -> None:
            self._do(alarms, lambda alarm: self.hub.unshelve_alarm(alarm.id), _("Back in service."))

        self._take(alarms)
        self.shell.toast(shelved_words(alarms), undo)

    def _on_taken_out(self, alarms: list[AlarmView]) -> None:
        def undo() -> None:
            self._do(alarms, lambda alarm: self.hub.put_alarm_back(alarm.id), _("Back in service."))

        self._take(alarms)
        self.shell.toast(_("Out of service until somebody puts it back."), undo)

    def _on_done(self, words: str, alarms: list[AlarmView]) -> None:
        self._busy.stop()
        self._take(alarms)
        self.shell.toast(words)

    def _on_not_done(self, error: FettleError) -> None:
        self._busy.stop()
        self.tell(error)
        self.refresh()

    def _take(self, alarms: list[AlarmView]) -> None:
        now = {alarm.id: alarm for alarm in alarms}
        self._on_alarms([now.get(alarm.id, alarm) for alarm in self._alarms])
        self._changed.add("service")

    # ---- inside

    def _make_service_buttons(self, shell: Shell) -> None:
        self.shelve_button = button(_("Shelve …"), self.shelve, "bell-sleep-outline", tip=_("Key: S"))
        self.unshelve_button = button(_("Unshelve"), self.unshelve, "bell-ring-outline")
        self.out_button = button(_("Out of service …"), self.take_out, "bell-cancel-outline")
        self.back_button = button(_("Back in service"), self.put_back, "bell-ring-outline")
        self.reset_button = button(
            _("Reset"), self.reset, "restart", tip=_("Lets a latching alarm go whose condition is over")
        )
        self._may_shelve, self._may_ack = shell.may("alarm.shelve"), shell.may("alarm.ack")

    def _on_alarms(self, alarms: list[AlarmView]) -> None:
        self._busy.stop()
        self._alarms = alarms
        shown = [alarm for alarm in alarms if belongs(alarm, self._view)]
        self.table.set_rows(shown)
        active = sum(alarm.active and alarm.service == "in_service" for alarm in alarms)
        waiting = sum(alarm.state in _WAITING for alarm in alarms)
        self.count.setText(
            _("{active} active, {waiting} to acknowledge").format(active=active, waiting=waiting)
        )
        for view in ("shelved", "out_of_service", "suppressed"):
            n = sum(alarm.service == view for alarm in alarms)
            self.views[view].setText(f"{view_words(view)} {n}" if n else view_words(view))
        self._empty.say(*empty_words(self._view))
        self._on_picked()

    def _on_failed(self, error: FettleError) -> None:
        self._busy.stop()
        if not self.table.rows():
            self._empty.say(_("The alarms cannot be fetched"), explain(error))
            self.table.set_rows([])

    def _on_acked(self, acked: list[AlarmView]) -> None:
        for alarm in acked:
            self.table.model.update_row(alarm)
        self.shell.toast(_("{n} alarms acknowledged.").format(n=len(acked)))
        self._changed.add("acked")

    def _on_view(self, view: str, on: bool) -> None:
        if on and view != self._view:
            self._view = view
            self.shell.store.setValue("alarms/view", view)
            self._on_alarms(self._alarms)
            self.refresh()

    def _filter(self, text: str) -> None:
        self.table.set_filter(text)

    def _on_picked(self) -> None:
        chosen = self.table.selected()
        services = {alarm.service for alarm in chosen}
        self.ack_button.setEnabled(any(alarm.state in _WAITING for alarm in chosen))
        self.ticket_button.setEnabled(bool(chosen) and chosen[0].ticket is not None)
        self.asset_button.setEnabled(bool(chosen) and chosen[0].asset is not None)
        self.shelve_button.setVisible(self._may_shelve)
        self.shelve_button.setEnabled(bool(services - {"out_of_service"}))
        self.unshelve_button.setVisible(self._may_shelve and "shelved" in services)
        self.out_button.setVisible(self._may_shelve)
        self.out_button.setEnabled(bool(services - {"out_of_service"}))
        self.back_button.setVisible(self._may_shelve and "out_of_service" in services)
        self.reset_button.setVisible(self._may_ack)
        self.reset_button.setEnabled(
            any(alarm.state != "normal" and alarm.edge is not None for alarm in chosen)
        )
        self.pane.show_alarm(chosen[0] if len(chosen) == 1 else None)

    def _open(self, _alarm: AlarmView) -> None:
        self.open_ticket()

    def _tick(self) -> None:
        model = self.table.model
        if self.isVisible() and model.rowCount():
            for at, made in enumerate(model.columns):
                if made.key in ("lasting", "service"):
                    model.dataChanged.emit(model.index(0, at), model.index(model.rowCount() - 1, at))


def view_words(view: str) -> str:
    """A view by name."""
    names = {"active": _("Active now"), "all": _("All")}
    return names.get(view) or label(f"alarm.service.{view}")


def empty_words(view: str) -> tuple[str, str]:
    """What an empty view means."""
    return {
        "active": (_("No active alarms"), _("All rules are within their limits.")),
        "shelved": (_("Nothing is shelved"), _("An alarm that is shelved stays quiet for a time.")),
        "out_of_service": (_("Nothing is out of service"), _("All alarms may raise.")),
        "suppressed": (
            _("Nothing is suppressed"),
            _("No alarm is kept quiet by another one or by its rule."),
        ),
        "all": (
            _("No alarms yet"),
            _("Alarms come from rules on the points of an edge; see the page Edges."),
        ),
    }[view]
