"""What people do to keep an alarm quiet: the dialogs of shelving and of taking out of service, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QPushButton, QWidget

from core.errors import FettleError
from core.i18n import _, ngettext
from core.wire.alarms import ShelveAlarm, TakeOutOfService
from core.wire.tickets import AlarmView
from desktop.hub_client import HubClient
from desktop.lists import listed
from desktop.widgets.basics import chip, column, row, text_label
from desktop.widgets.duration import DurationEdit
from desktop.widgets.form import FormDialog, request
from desktop.widgets.inputs import line, tick
from desktop.widgets.page import Page

MINUTES = (15, 60, 480, 1440)
OWN = 0
_MOST_NAMED = 4


def each(alarms: Sequence[AlarmView], do: Callable[[AlarmView], AlarmView]) -> list[AlarmView]:
    """Do something to each; what was done before an error stays done, and the error says how far it came."""
    done: list[AlarmView] = []
    for alarm in alarms:
        try:
            done.append(do(alarm))
        except FettleError as error:
            if done:
                error.params["done"] = str(len(done))
            raise
    return done


def names_of(alarms: Sequence[AlarmView]) -> str:
    """The alarms of a selection by name, the first of many."""
    named = listed(alarm.title for alarm in alarms[:_MOST_NAMED])
    more = len(alarms) - _MOST_NAMED
    return named + (" " + _("and {n} others").format(n=more) if more > 0 else "")


class SpanChoice(QWidget):
    """A few usual lengths of time, or one's own; its value is minutes."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.group = QButtonGroup(self)
        self.chips: dict[int, QPushButton] = {}
        flow = row()
        words = {15: _("15 minutes"), 60: _("1 hour"), 480: _("8 hours"), 1440: _("1 day"), OWN: _("Other …")}
        for minutes, text in words.items():
            made = chip(text, lambda _on: self._on_chosen(), minutes == 60)
            self.chips[minutes] = made
            self.group.addButton(made)
            flow.addWidget(made)
        flow.addStretch(1)
        self.own = DurationEdit(7200, 60, 2_592_000)
        self.own.setAccessibleName(_("How long"))
        self.own.hide()
        self.own.edited.connect(self.edited)
        self.setLayout(column(flow, self.own, spacing=6))

    def choose(self, minutes: int) -> None:
        """Choose a length."""
        if minutes in self.chips:
            self.chips[minutes].setChecked(True)
        else:
            self.chips[OWN].setChecked(True)
            self.own.set_seconds(minutes * 60)

    def field_value(self) -> int:
        """For forms: minutes."""
        for minutes, made in self.chips.items():
            if made.isChecked() and minutes != OWN:
                return minutes
        return max(1, round(self.own.seconds() / 60))

    def _on_chosen(self) -> None:
        self.own.setVisible(self.chips[OWN].isChecked())
        self.edited.emit()


class ShelveDialog(FormDialog):
    """`saved` carries the alarms as they are then."""

    def __init__(self, page: Page, alarms: Sequence[AlarmView]) -> None:
        super().__init__(page, _("Shelve"), self._store, ok=_("Shelve"), width=520)
        self._hub: HubClient = page.hub
        self._alarms = alarms
        self.form.add_row(text_label(names_of(alarms), "heading", wrap=True))
        words = _("It stays quiet for that time: no alarm, no ticket. It comes back by itself.")
        self.form.add_text(words)
        self.span = SpanChoice()
        self.add("minutes", _("How long"), self.span)
        self.add("once", "", tick(_("Only until the condition has ended, at most that long")))
        self.add(
            "reason",
            _("Why"),
            line("", _("such as sensor is being replaced"), limit=200),
            _("Required: others see who shelved it, until when and why."),
        )

    def _store(self, values: dict[str, Any]) -> list[AlarmView]:
        body: ShelveAlarm = request(ShelveAlarm, values)
        return each(self._alarms, lambda alarm: self._hub.shelve_alarm(alarm.id, body))


class OutOfServiceDialog(FormDialog):
    """`saved` carries the alarms as they are then."""

    def __init__(self, page: Page, alarms: Sequence[AlarmView]) -> None:
        super().__init__(page, _("Out of service"), self._store, ok=_("Take out of service"), width=520)
        self._hub: HubClient = page.hub
        self._alarms = alarms
        self.form.add_row(text_label(names_of(alarms), "heading", wrap=True))
        words = _(
            "It stays quiet until somebody puts it back: for planned work, or a sensor that was taken out."
        )
        self.form.add_text(words)
        self.add(
            "reason",
            _("Why"),
            line("", _("such as machine is being overhauled"), limit=200),
            _("Required: others see who did it and why."),
        )

    def _store(self, values: dict[str, Any]) -> list[AlarmView]:
        body: TakeOutOfService = request(TakeOutOfService, values)
        return each(self._alarms, lambda alarm: self._hub.take_alarm_out(alarm.id, body))


def shelved_words(alarms: Sequence[AlarmView]) -> str:
    """What was done, for the message bar."""
    n = len(alarms)
    if n == 1:
        return _("{title} is shelved.").format(title=alarms[0].title)
    return ngettext("{n} alarm shelved.", "{n} alarms shelved.", n).format(n=n)
