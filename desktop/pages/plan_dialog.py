"""The editor of a maintenance plan: when, on which assets, with which procedure and parts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Any

from PySide6.QtCore import QDate
from PySide6.QtWidgets import QComboBox, QSpinBox, QTabWidget, QVBoxLayout, QWidget

from core.domain import plans as rules
from core.errors import FettleError
from core.i18n import _, label
from core.wire.assets import AssetView, LocationView
from core.wire.parts import PartView
from core.wire.people import TeamView
from core.wire.plans import PlanView, SavePlan
from desktop.pages.asset_picker import AssetPicker
from desktop.pages.part_kit import KitEditor
from desktop.pages.plan_procedure import ProcedureEditor
from desktop.widgets.basics import row, text_label
from desktop.widgets.form import FormDialog, request
from desktop.widgets.inputs import DayEdit, choice, line, lines, number, tick
from desktop.widgets.page import Page

PERIODS = ("day", "week", "month", "year")
PREVIEWED = 5


@dataclass(frozen=True)
class Choices:
    """What a plan may name."""

    locations: list[LocationView]
    assets: list[AssetView]
    parts: list[PartView]
    teams: list[TeamView]


class PlanDialog(FormDialog):
    """A new plan, or a change of one."""

    def __init__(self, page: Page, plan: PlanView | None, choices: Choices) -> None:
        super().__init__(page, _("New plan") if plan is None else _("Edit plan"), self._store, width=900)
        self._page = page
        self._plan = plan
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setAccessibleName(_("Parts of the plan"))
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(1, self.tabs, 1)
        self.tabs.addTab(self._area, _("When and who"))
        self._general(choices)
        self.assets = AssetPicker()
        self.assets.set_things(choices.locations, choices.assets)
        self._tab("asset_ids", _("Assets"), self.assets)
        self.procedure = ProcedureEditor()
        self._tab("procedure", _("Procedure"), self.procedure)
        self.kit = KitEditor()
        self.kit.set_parts(choices.parts)
        self._tab("kit", _("Kit of parts"), self.kit)
        if plan is not None:
            self.assets.set_ticked([asset.id for asset in plan.assets])
            self.procedure.set_steps(plan.procedure)
            self.kit.set_kit(plan.kit)
        for signal in (self.assets.changed, self.procedure.changed, self.kit.changed):
            signal.connect(self._count)
        self.form.changed.connect(self._preview)
        self._count()
        self._preview()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.resize(900, 660)

    def preview_words(self) -> str:
        """The next dates that the form as it stands gives."""
        values = self.form.values()
        start: date = values["start_on"]
        rhythm = rules.Rhythm(values["every"], values["period"], start)
        first = max(start, rules.first_after(rhythm, _today() - timedelta(days=1)))
        until = rules.later(first, PREVIEWED * rhythm.every, rhythm.period)
        dates = list(islice(rules.occurrences(rhythm, first - timedelta(days=1), until), PREVIEWED))
        words = " · ".join(f"{day:%Y-%m-%d} {label(f'weekday.{day.weekday()}')}" for day in dates)
        if values["mode"] == "floating":
            return _("First due {first}. If each is completed on its day: {dates}").format(
                first=f"{first:%Y-%m-%d}", dates=words
            )
        return _("Due on: {dates}").format(dates=words)

    # ---- building

    def _general(self, choices: Choices) -> None:
        plan = self._plan
        self.add(
            "name",
            label("word.name"),
            line(plan.name if plan else "", _("such as Monthly lubrication"), limit=200),
        )
        self.every: QSpinBox = number(plan.every if plan else 1, 1, 1000)
        self.period: QComboBox = choice(
            [(period, label(f"plan.period.{period}")) for period in PERIODS], plan.period if plan else "month"
        )
        self.every.setAccessibleName(_("Every how many"))
        self.period.setAccessibleName(_("Period"))
        every = QWidget()
        every.setLayout(row(self.every, self.period, None))
        self.form.add("every_row", _("Every"), every)
        self._own("every", self.every)
        self._own("period", self.period)
        self.add("start_on", _("First due on"), DayEdit(plan.start_on if plan else _today(), optional=False))
        mode = choice(
            [(mode, label(f"plan.mode.{mode}")) for mode in ("fixed", "floating")],
            plan.mode if plan else "fixed",
        )
        self.add("mode", _("Counted"), mode)
        self._mode_words = self.form.add_text("")
        self._dates = self.form.add_text("", "heading")
        self.add(
            "lead_days",
            _("Ticket made"),
            number(plan.lead_days if plan else 3, 0, 365, " " + _("days before it is due")),
        )
        self.add(
            "grace_days",
            _("Still in time"),
            number(plan.grace_days if plan else 2, 0, 365, " " + _("days after")),
        )
        self.add("skip_if_open", "", tick(_("Skip a date while the last ticket is still open"), _skip(plan)))
        teams = [(None, _("the team of the asset"))] + [
            (team.id, team.name) for team in choices.teams if team.active
        ]
        self.add("team_id", _("Team"), choice(teams, plan.team.id if plan and plan.team else None))
        priorities = [(n, label(f"ticket.priority.{n}")) for n in (1, 2, 3, 4)]
        self.add("priority", _("Priority"), choice(priorities, plan.priority if plan else 3))
        minutes = number(plan.estimated_min if plan else 30, 0, 100_000, " " + _("min"))
        self.add("estimated_min", _("Takes about"), minutes)
        self.add("description", _("Description"), lines(plan.description if plan else "", 3))
        self.add("active", "", tick(_("In use"), plan.active if plan else True))

    def _own(self, name: str, widget: QWidget) -> None:
        error = text_label("", "bad", wrap=True)
        self.form.add_row(error)
        self.form.adopt(name, widget, error)

    def _tab(self, name: str, words: str, editor: QWidget) -> None:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(4, 10, 4, 4)
        error = text_label("", "bad", wrap=True)
        layout.addWidget(editor, 1)
        layout.addWidget(error)
        self.form.adopt(name, editor, error, words)
        self.tabs.addTab(page, words)

    # ---- doing

    def _store(self, values: dict[str, Any]) -> PlanView:
        values.pop("every_row")
        if self._plan is None:
            return self._page.hub.create_plan(request(SavePlan, values))
        body = request(SavePlan, values | {"version": self._plan.version})
        return self._page.hub.save_plan(self._plan.id, body)

    def _on_failed(self, error: FettleError) -> None:
        super()._on_failed(error)
        for at in range(self.tabs.count()):
            page = self.tabs.widget(at)
            if page is not None and any(page.isAncestorOf(bad) for bad in self._bad_fields()):
                self.tabs.setCurrentIndex(at)
                return

    def _bad_fields(self) -> list[QWidget]:
        return [field for field in self.form.fields.values() if field.property("bad")]

    def _count(self) -> None:
        for at, n in enumerate(
            (len(self.assets.field_value()), len(self.procedure.steps()), len(self.kit.kit())), start=1
        ):
            words = (_("Assets"), _("Procedure"), _("Kit of parts"))[at - 1]
            self.tabs.setTabText(at, f"{words} ({n})" if n else words)

    def _preview(self) -> None:
        floating = self.form.values()["mode"] == "floating"
        self._mode_words.setText(
            _("The next date counts from the day the work was completed.")
            if floating
            else _("The dates stand firm; working early or late does not move them.")
        )
        self._dates.setText(self.preview_words())


def _skip(plan: PlanView | None) -> bool:
    return plan.skip_if_open if plan is not None else True


def _today() -> date:
    today = QDate.currentDate()
    return date(today.year(), today.month(), today.day())
