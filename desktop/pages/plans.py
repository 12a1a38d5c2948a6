"""Preventive maintenance: the plans, and what is due in the next thirty days."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QWidget

from core.errors import FettleError
from core.i18n import _, ngettext
from core.wire.journal import JournalEntry
from core.wire.plans import Due, PlanView, SavePlan
from desktop.pages.plan_dialog import Choices, PlanDialog
from desktop.pages.plan_words import due_columns, plan_columns
from desktop.widgets.basics import EmptyState, SearchBox, action, button, chip, column, row, text_label
from desktop.widgets.form import body_of
from desktop.widgets.page import Page, Shell
from desktop.widgets.table import Table

DAYS = 30


class PlansPage(Page):
    key = "plans"
    icon = "calendar-sync-outline"

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self._text = ""
        may_edit = shell.may("plan.edit")
        self.search = SearchBox(_("Search plans"))
        self.search.searched.connect(self.on_searched)
        self.unused = chip(_("With unused"), lambda _on: self._filter(), tip=_("Also plans no longer in use"))
        self.count = text_label("", "muted")
        self.edit = button(_("Edit"), self.on_edit, "pencil-outline")
        self.new = button(_("New plan"), self.on_new, "plus", main=True)
        self.make = button(
            _("Create due tickets now"),
            self.on_make,
            "ticket-confirmation-outline",
            tip=_("The hub does it by itself every few minutes; this does it at once."),
        )
        for one in (self.edit, self.new, self.make):
            one.setVisible(may_edit)
        self.table: Table[PlanView] = Table(
            "plans",
            _("Maintenance plans"),
            plan_columns(),
            lambda plan: plan.id,
            shell.store,
            sort="next",
            empty=EmptyState(
                "calendar-sync-outline",
                _("No maintenance plans yet"),
                _(
                    "A plan makes its tickets by itself: say how often, on which assets, with which steps and parts."
                ),
                _("New plan") if may_edit else "",
                self.on_new,
            ),
        )
        self.table.picked.connect(self._on_picked)
        self.table.opened.connect(lambda _plan: self.on_edit())
        self.due: Table[Due] = Table(
            "due",
            _("Due in the next 30 days"),
            due_columns(),
            lambda due: (due.plan.id, due.asset.id, due.due_on),
            shell.store,
            sort="due",
            empty=EmptyState("calendar-check-outline", _("Nothing is due in the next 30 days")),
        )
        self.due.opened.connect(self.on_due_opened)
        self.setLayout(column(self._body(), margins=(12, 10, 12, 12)))
        action(self, _("Find"), self.search.setFocus, "Ctrl+F")
        self._on_picked()

    def title(self) -> str:
        return _("Plans")

    def help_text(self) -> str:
        return _(
            "A plan makes a maintenance ticket for each of its assets some days before the date is due, with its "
            "procedure and its parts reserved. Fixed dates stand firm; floating ones count from the last completion. "
            "When it was last done is read from the completed tickets."
        )

    def refresh(self) -> None:
        self.run(lambda: (self.hub.plans(), self.hub.plans_due(DAYS)), self._show)

    def on_entry(self, entry: JournalEntry) -> None:
        if entry.verb.startswith("plan.") or entry.verb in (
            "ticket.created",
            "ticket.resolved",
            "ticket.cancelled",
        ):
            self.refresh_soon()

    def commands(self) -> list[tuple[str, str, Callable[[], None]]]:
        """For Ctrl+K."""
        if not self.shell.may("plan.edit"):
            return []
        return [
            (_("New plan"), "plus", self.on_new),
            (_("Create due tickets now"), "ticket-confirmation-outline", self.on_make),
        ]

    def on_searched(self, text: str) -> None:
        """Filter by words."""
        self._text = text
        self._filter()

    def on_new(self) -> None:
        """The editor with an empty plan."""
        self._open(None)

    def on_edit(self) -> None:
        """The editor with the chosen plan."""
        if self.table.current() is not None and self.shell.may("plan.edit"):
            self._open(self.table.current())

    def on_make(self) -> None:
        """Let the hub make the tickets that are due."""
        self.make.setEnabled(False)
        self.run(self.hub.run_plans, self._on_made, self._on_not_made)

    def on_due_opened(self, due: Due) -> None:
        """A due date leads to its ticket, or to its asset."""
        if due.ticket is not None:
            self.shell.open_ticket(due.ticket.id)
        else:
            self.shell.open_asset(due.asset.id)

    def _on_made(self, made: list[int]) -> None:
        self.make.setEnabled(True)
        n = len(made)
        words = ngettext("{n} ticket made.", "{n} tickets made.", n).format(n=n)
        self.shell.toast(words if n else _("Nothing is due now: no ticket was needed."))
        self.refresh()

    def _on_not_made(self, error: FettleError) -> None:
        self.make.setEnabled(True)
        self.tell(error)

    def _open(self, plan: PlanView | None) -> None:
        hub = self.hub
        self.run(
            lambda: Choices(hub.locations(), hub.assets(), hub.parts(), hub.teams()),
            lambda choices: self._open_with(plan, choices),
        )

    def _open_with(self, plan: PlanView | None, choices: Choices) -> None:
        dialog = PlanDialog(self, plan, choices)
        dialog.saved.connect(lambda now: self._on_saved(plan, now))
        dialog.open()

    def _on_saved(self, before: PlanView | None, plan: PlanView) -> None:
        def undo() -> None:
            assert before is not None
            body = body_of(SavePlan, before, version=plan.version)
            self.run(lambda: self.hub.save_plan(plan.id, body), lambda _plan: self.refresh())

        self.shell.toast(
            _("Plan “{name}” saved.").format(name=plan.name), undo if before is not None else None
        )
        self.table.model.update_row(plan)
        self.table.set_rows(self.table.rows())
        self.table.select(plan.id)
        self.refresh()

    def _show(self, answer: tuple[list[PlanView], list[Due]]) -> None:
        plans, due = answer
        self.table.set_rows(plans)
        self.due.set_rows(due)
        late = sum(one.overdue for one in due)
        self.late.setText(ngettext("{n} overdue", "{n} overdue", late).format(n=late) if late else "")
        self._filter()
        self._on_picked()

    def _filter(self) -> None:
        unused = self.unused.isChecked()
        self.table.set_filter(self._text, lambda plan: plan.active or unused)
        n = self.table.model.rowCount()
        self.count.setText(ngettext("{n} plan", "{n} plans", n).format(n=n))

    def _on_picked(self) -> None:
        self.edit.setEnabled(self.table.current() is not None)

    def _body(self) -> QWidget:
        left, right = QWidget(), QWidget()
        layout = column(margins=(0, 0, 8, 0), spacing=8)
        layout.addLayout(row(self.search, self.unused, self.count, None, self.edit, self.new))
        layout.addWidget(self.table, 1)
        left.setLayout(layout)
        self.late = text_label("", "bad")
        layout = column(margins=(8, 0, 0, 0), spacing=8)
        layout.addLayout(row(text_label(_("Due in the next 30 days"), "heading"), self.late, None, self.make))
        layout.addWidget(self.due, 1)
        right.setLayout(layout)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(left)
        splitter.addWidget(right)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        splitter.setSizes([760, 480])
        splitter.setChildrenCollapsible(False)
        return splitter
