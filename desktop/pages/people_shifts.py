"""Shifts and absences: the week picture, the patterns behind it, who is away."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSplitter, QWidget

from core.i18n import _
from core.wire.people import AbsenceView, AddAbsence, PersonView, SaveShift, ShiftView
from desktop.pages.people_columns import absence_columns, shift_columns
from desktop.pages.people_dialogs import absence_dialog, shift_dialog
from desktop.pages.people_week import WeekPicture
from desktop.widgets.basics import EmptyState, button, card, column, row, text_label
from desktop.widgets.form import body_of
from desktop.widgets.page import Page
from desktop.widgets.table import Table


class Shifts(QWidget):
    """`changed` comes after each change."""

    changed = Signal()

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self._people: list[PersonView] = []
        may_edit = page.shell.may("people.edit")
        self.week = WeekPicture()
        self.week.chosen.connect(lambda shift_id: self.shifts.select(shift_id))
        self.shifts: Table[ShiftView] = Table(
            "shifts",
            _("Shifts"),
            shift_columns(),
            lambda shift: shift.id,
            page.shell.store,
            sort="from",
            empty=EmptyState(
                "calendar-clock-outline",
                _("No shifts yet"),
                _("Tickets go only to people on shift. Add the weekly patterns of the plant."),
                _("New shift") if may_edit else "",
                lambda: self._open(None),
            ),
        )
        self.shifts.picked.connect(self._on_picked)
        self.shifts.opened.connect(self._open)
        today = datetime.now().astimezone().date()
        self.absences: Table[AbsenceView] = Table(
            "absences",
            _("Absences"),
            absence_columns(today),
            lambda absence: absence.id,
            page.shell.store,
            sort="from",
            descending=True,
            empty=EmptyState("beach", _("Nobody is away")),
        )
        self.absences.picked.connect(self._on_picked)
        self.edit = button(_("Edit"), lambda: self._open(self.shifts.current()), "pencil-outline")
        self.new = button(_("New shift"), lambda: self._open(None), "plus", main=True)
        self.away = button(_("New absence"), self.on_away, "plus")
        self.back = button(_("Remove"), self.on_remove, "delete-outline")
        for one in (self.edit, self.new, self.away, self.back):
            one.setVisible(may_edit)
        self._lay_out()
        self._on_picked()

    def show_shifts(
        self, shifts: list[ShiftView], absences: list[AbsenceView], people: list[PersonView]
    ) -> None:
        """Show these."""
        self._people = people
        self.shifts.set_rows(shifts)
        self.absences.set_rows(absences)
        self.week.set_shifts(shifts)
        self._on_picked()

    def on_away(self) -> None:
        """The dialog for an absence."""
        dialog = absence_dialog(self.page, self._people, None)
        dialog.saved.connect(lambda _absence: self.changed.emit())
        dialog.open()

    def on_remove(self) -> None:
        """Take the chosen absence away; it can be undone."""
        absence = self.absences.current()
        if absence is None:
            return
        self.page.run(
            lambda: self.page.hub.delete_absence(absence.id), lambda _none: self._on_removed(absence)
        )

    def _on_removed(self, absence: AbsenceView) -> None:
        body = AddAbsence(from_on=absence.from_on, to_on=absence.to_on, reason=absence.reason)

        def undo() -> None:
            add = self.page.hub.add_absence
            self.page.run(lambda: add(absence.person.id, body), lambda _absence: self.changed.emit())

        self.page.shell.toast(_("Absence of {name} removed.").format(name=absence.person.name), undo)
        self.changed.emit()

    def _open(self, shift: ShiftView | None) -> None:
        if not self.page.shell.may("people.edit"):
            return
        dialog = shift_dialog(self.page, shift, self._people)
        dialog.saved.connect(lambda now: self._on_saved(shift, now))
        dialog.open()

    def _on_saved(self, before: ShiftView | None, shift: ShiftView) -> None:
        def undo() -> None:
            assert before is not None
            body = body_of(SaveShift, before, version=shift.version)
            save = self.page.hub.save_shift
            self.page.run(lambda: save(shift.id, body), lambda _shift: self.changed.emit())

        words = _("{name} saved.").format(name=shift.name)
        self.page.shell.toast(words, undo if before is not None else None)
        self.changed.emit()

    def _on_picked(self) -> None:
        chosen = self.shifts.current()
        self.edit.setEnabled(chosen is not None)
        self.back.setEnabled(self.absences.current() is not None)
        self.week.select(chosen.id if chosen is not None else 0)

    def _lay_out(self) -> None:
        frame = card()
        frame.setLayout(column(self.week, margins=(12, 8, 8, 8)))
        left, right = QWidget(), QWidget()
        layout = column(margins=(0, 6, 8, 0), spacing=8)
        layout.addLayout(row(text_label(_("Shifts"), "heading"), None, self.edit, self.new))
        layout.addWidget(self.shifts, 1)
        left.setLayout(layout)
        layout = column(margins=(8, 6, 0, 0), spacing=8)
        layout.addLayout(row(text_label(_("Absences"), "heading"), None, self.back, self.away))
        layout.addWidget(self.absences, 1)
        right.setLayout(layout)
        lower = QSplitter(Qt.Orientation.Horizontal)
        lower.addWidget(left)
        lower.addWidget(right)
        lower.setSizes([640, 460])
        lower.setChildrenCollapsible(False)
        self.setLayout(column(frame, lower, margins=(0, 8, 0, 0)))
