"""The alarms page: what is active now, or all of late; acknowledge; jump to the ticket. Live."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QPushButton

from core.errors import FettleError
from core.i18n import _, explain, label
from core.wire.journal import JournalEntry
from core.wire.tickets import AlarmView
from desktop import times
from desktop.feed import Gatherer
from desktop.journal_words import number_words
from desktop.table_model import Column
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

_RANK = {"critical": 0, "major": 1, "minor": 2, "info": 3}
_COLOURS = {"critical": "bad", "major": "bad", "minor": "warn", "info": "info"}
_ICONS = {
    "critical": "alert-octagon",
    "major": "alert",
    "minor": "alert-outline",
    "info": "information-outline",
}


def severity_colour(alarm: AlarmView) -> str:
    """The colour of an alarm: of its severity while active, quiet after."""
    return _COLOURS.get(alarm.severity, "info") if alarm.active else "muted"


def value_words(value: float | bool | str | None, unit: str) -> str:
    """A measured value with its unit."""
    return f"{number_words(value)} {unit}".strip() if value is not None else ""


def alarm_columns() -> list[Column[AlarmView]]:
    """All columns, in the current language."""

    def quiet(alarm: AlarmView) -> str:
        return "" if alarm.active else "muted"

    def lasting(alarm: AlarmView) -> str:
        if alarm.raised_at is None:
            return ""
        end = times.utc_now() if alarm.active or alarm.cleared_at is None else alarm.cleared_at
        return times.span((end - alarm.raised_at).total_seconds())

    return [
        Column(
            "severity",
            _("Severity"),
            lambda a: label(f"severity.{a.severity}"),
            sort=lambda a: (not a.active, _RANK.get(a.severity, 9)),
            icon=lambda a: _ICONS.get(a.severity, "alert-outline"),
            icon_colour=severity_colour,
            colour=severity_colour,
            bold=lambda a: a.active and a.severity == "critical",
            width=88,
        ),
        Column(
            "title",
            _("Alarm"),
            lambda a: a.title,
            colour=quiet,
            tip=lambda a: a.title,
            width=240,
            stretch=True,
        ),
        Column(
            "asset",
            _("Asset"),
            lambda a: f"{a.asset.number} {a.asset.name}".strip() if a.asset else a.asset_number,
            colour=quiet,
            width=180,
        ),
        Column(
            "value",
            _("Value"),
            lambda a: value_words(a.value, a.unit),
            align="right",
            colour=severity_colour,
            width=96,
        ),
        Column(
            "limit", _("Limit"), lambda a: value_words(a.limit, a.unit), align="right", colour=quiet, width=86
        ),
        Column(
            "state",
            _("State"),
            lambda a: label(f"alarm.state.{a.state}"),
            colour=lambda a: "bad" if a.state == "unack" else quiet(a),
            tip=lambda a: label(f"alarm.state.{a.state}"),
            width=164,
        ),
        Column(
            "raised_at",
            _("Raised"),
            lambda a: times.moment(a.raised_at),
            sort=lambda a: a.raised_at,
            colour=quiet,
            tip=lambda a: times.exact(a.raised_at),
            width=96,
        ),
        Column("lasting", _("Lasting"), lasting, colour=quiet, width=86, gives_way=2),
        Column(
            "count",
            _("Count"),
            lambda a: str(a.count),
            lambda a: a.count,
            "right",
            colour=quiet,
            width=56,
            gives_way=3,
        ),
        Column(
            "acked",
            _("Acknowledged"),
            lambda a: f"{a.acked_by} {times.moment(a.acked_at)}".strip() if a.acked_at else "",
            colour=quiet,
            width=120,
            gives_way=1,
        ),
        Column(
            "edge", _("Edge"), lambda a: a.edge.name if a.edge else "", colour=quiet, width=96, hidden=True
        ),
        Column("ticket", _("Ticket"), lambda a: a.ticket.number if a.ticket else "", colour=quiet, width=124),
    ]


class AlarmsPage(Page):
    """Active alarms first; one key acknowledges, one opens the ticket."""

    key = "alarms"
    icon = "bell-outline"

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self._active_only = str(shell.store.value("alarms/active", "true")) == "true"
        self.search = SearchBox(_("Alarm or asset"))
        self.search.searched.connect(lambda text: self._filter(text))
        self.only_active: QPushButton = chip(_("Active only"), self._on_active, self._active_only)
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
        bar = row(
            self.search,
            self.only_active,
            self.count,
            None,
            self.ack_button,
            self.ticket_button,
            self.asset_button,
            margins=(12, 8, 12, 6),
        )
        self.setLayout(column(bar, self._busy, self.table, spacing=0))
        self._changed = Gatherer(80, self)
        self._changed.gathered.connect(lambda _keys: self.refresh())
        if shell.may("alarm.ack"):
            action(self.table, _("Acknowledge"), self.acknowledge, "A")
            action(self.table, _("Acknowledge"), self.acknowledge, "Space")
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
            "the alarm nor ends the ticket. An alarm clears by itself when its point is back within the limit."
        )

    def commands(self) -> list[tuple[str, str, Callable[[], None]]]:
        """For the palette."""
        return [(_("Acknowledge the selected alarms"), "bell-check-outline", self.acknowledge)]

    def refresh(self) -> None:
        self._busy.start()
        active = True if self._active_only else None
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

    # ---- inside

    def _on_alarms(self, alarms: list[AlarmView]) -> None:
        self._busy.stop()
        self.table.set_rows(alarms)
        active = sum(alarm.active for alarm in alarms)
        waiting = sum(alarm.state in ("unack", "rtn_unack") for alarm in alarms)
        self.count.setText(
            _("{active} active, {waiting} to acknowledge").format(active=active, waiting=waiting)
        )
        self._empty.say(
            _("No active alarms") if self._active_only else _("No alarms yet"),
            _("All rules are within their limits.")
            if self._active_only
            else _("Alarms come from rules on the points of an edge; see the page Edges."),
        )
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

    def _on_active(self, on: bool) -> None:
        self._active_only = on
        self.shell.store.setValue("alarms/active", "true" if on else "false")
        self.refresh()

    def _filter(self, text: str) -> None:
        self.table.set_filter(text)

    def _on_picked(self) -> None:
        chosen = self.table.selected()
        self.ack_button.setEnabled(any(alarm.state in ("unack", "rtn_unack") for alarm in chosen))
        self.ticket_button.setEnabled(bool(chosen) and chosen[0].ticket is not None)
        self.asset_button.setEnabled(bool(chosen) and chosen[0].asset is not None)

    def _open(self, _alarm: AlarmView) -> None:
        self.open_ticket()

    def _tick(self) -> None:
        model = self.table.model
        if self.isVisible() and model.rowCount():
            at = next(n for n, made in enumerate(model.columns) if made.key == "lasting")
            model.dataChanged.emit(model.index(0, at), model.index(model.rowCount() - 1, at))
