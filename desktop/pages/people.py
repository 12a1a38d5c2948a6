"""People, their roles and teams, and who works when."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QTabWidget, QWidget

from core.i18n import _, ngettext
from core.wire.journal import JournalEntry
from core.wire.people import AbsenceView, PersonView, SavePerson, ShiftView, TeamView
from desktop.pages.people_columns import person_columns, team_columns
from desktop.pages.people_dialogs import person_dialog, team_dialog
from desktop.pages.people_shifts import Shifts
from desktop.widgets.basics import EmptyState, SearchBox, action, button, chip, column, row, text_label
from desktop.widgets.form import body_of
from desktop.widgets.page import Page, Shell
from desktop.widgets.table import Table

Answer = tuple[list[PersonView], list[TeamView], list[ShiftView], list[AbsenceView]]
_NOUNS = ("person", "team", "shift", "absence")
_CHANGE_LOAD = ("ticket.assigned", "ticket.created", "ticket.resolved", "ticket.cancelled", "ticket.reopened")


class PeoplePage(Page):
    key = "people"
    icon = "account-group-outline"

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self._text = ""
        self._teams: list[TeamView] = []
        self._shifts: list[ShiftView] = []
        self.may_edit = shell.may("people.edit")
        self.people: Table[PersonView] = Table(
            "people",
            _("People"),
            person_columns(),
            lambda person: person.id,
            shell.store,
            sort="name",
            empty=EmptyState("account-group-outline", _("Nobody here yet")),
        )
        self.people.opened.connect(self._open_person)
        self.teams: Table[TeamView] = Table(
            "teams",
            _("Teams"),
            team_columns(),
            lambda team: team.id,
            shell.store,
            sort="name",
            empty=EmptyState(
                "account-multiple-outline",
                _("No teams yet"),
                _("A team takes the tickets of its assets; the one with the least to do on shift gets each."),
                _("New team") if self.may_edit else "",
                lambda: self._open_team(None),
            ),
        )
        self.teams.opened.connect(self._open_team)
        self.shifts = Shifts(self)
        self.shifts.changed.connect(self.refresh)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setAccessibleName(_("People"))
        self.tabs.addTab(self._people_tab(), _("People"))
        self.tabs.addTab(self.shifts, _("Shifts and absences"))
        self.tabs.addTab(self._teams_tab(), _("Teams"))
        self.setLayout(column(self.tabs, margins=(12, 6, 12, 12)))
        action(self, _("Find"), self.search.setFocus, "Ctrl+F")

    def title(self) -> str:
        return _("People")

    def help_text(self) -> str:
        return _(
            "Roles say what a person may do; the hub checks them at every step. A ticket is dispatched to a "
            "technician of the right team who is on shift, not away, and has the least to do. Shifts are weekly "
            "patterns in the plant's time."
        )

    def refresh(self) -> None:
        hub = self.hub
        self.run(lambda: (hub.people(), hub.teams(), hub.shifts(), hub.absences()), self._show)

    def on_entry(self, entry: JournalEntry) -> None:
        if entry.verb.split(".")[0] in _NOUNS or entry.verb in _CHANGE_LOAD:
            self.refresh_soon(1000)  # whole lists: once a second at most

    def commands(self) -> list[tuple[str, str, Callable[[], None]]]:
        """For Ctrl+K."""
        if not self.may_edit:
            return []
        return [
            (_("New person"), "account-plus-outline", self.new.click),
            (_("New team"), "plus", self.new_team.click),
            (_("New shift"), "plus", self.shifts.new.click),
            (_("New absence"), "plus", self.shifts.on_away),
        ]

    def on_searched(self, text: str) -> None:
        """Filter by words."""
        self._text = text
        self._filter()

    def _open_person(self, person: PersonView | None) -> None:
        if self.may_edit:
            dialog = person_dialog(self, person, self._teams, self._shifts)
            dialog.saved.connect(lambda now: self._on_person(person, now))
            dialog.open()

    def _on_person(self, before: PersonView | None, person: PersonView) -> None:
        def undo() -> None:
            assert before is not None
            body = body_of(SavePerson, before, version=person.version)
            self.run(lambda: self.hub.save_person(person.id, body), lambda _person: self.refresh())

        self.shell.toast(_("{name} saved.").format(name=person.name), undo if before is not None else None)
        self.refresh()

    def _open_team(self, team: TeamView | None) -> None:
        if self.may_edit:
            dialog = team_dialog(self, team, self.people.rows())
            dialog.saved.connect(lambda _team: self.refresh())
            dialog.open()

    def _show(self, answer: Answer) -> None:
        people, self._teams, self._shifts, absences = answer
        self.people.set_rows(people)
        self.teams.set_rows(self._teams)
        self.shifts.show_shifts(self._shifts, absences, people)
        self._filter()
        self._on_picked()

    def _filter(self) -> None:
        on_shift, left = self.on_shift.isChecked(), self.left.isChecked()
        self.people.set_filter(self._text, lambda p: (p.active or left) and (p.on_shift or not on_shift))
        n = self.people.model.rowCount()
        self.count.setText(ngettext("{n} person", "{n} people", n).format(n=n))

    def _on_picked(self) -> None:
        self.edit.setEnabled(self.people.current() is not None)
        self.edit_team.setEnabled(self.teams.current() is not None)

    def _people_tab(self) -> QWidget:
        self.search = SearchBox(_("Search people"))
        self.search.searched.connect(self.on_searched)
        self.on_shift = chip(_("On shift now"), lambda _on: self._filter())
        self.left = chip(_("With inactive"), lambda _on: self._filter())
        self.count = text_label("", "muted")
        self.edit = button(_("Edit"), lambda: self._open_person(self.people.current()), "pencil-outline")
        self.new = button(_("New person"), lambda: self._open_person(None), "plus", main=True)
        self.people.picked.connect(self._on_picked)
        tab = QWidget()
        layout = column(margins=(0, 8, 0, 0), spacing=8)
        layout.addLayout(row(self.search, self.on_shift, self.left, self.count, None, self.edit, self.new))
        layout.addWidget(self.people, 1)
        tab.setLayout(layout)
        for one in (self.edit, self.new):
            one.setVisible(self.may_edit)
        return tab

    def _teams_tab(self) -> QWidget:
        self.edit_team = button(_("Edit"), lambda: self._open_team(self.teams.current()), "pencil-outline")
        self.new_team = button(_("New team"), lambda: self._open_team(None), "plus", main=True)
        self.teams.picked.connect(self._on_picked)
        tab = QWidget()
        layout = column(margins=(0, 8, 0, 0), spacing=8)
        layout.addLayout(row(None, self.edit_team, self.new_team))
        layout.addWidget(self.teams, 1)
        tab.setLayout(layout)
        for one in (self.edit_team, self.new_team):
            one.setVisible(self.may_edit)
        return tab
