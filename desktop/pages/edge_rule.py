"""The dialog of a rule: its condition as a sentence and a picture, tried on recorded data, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QLineEdit, QWidget

from core.errors import AppError
from core.i18n import _, label
from core.wire.fleet import PointView, RuleView, SaveRule
from core.wire.parts import PartView
from desktop.pages.edge_hours import HoursEditor
from desktop.pages.edge_picture import RulePicture
from desktop.pages.edge_rule_words import BANDS, GROUPS, LEVELS, TIMED, condition_words, rule_sentence
from desktop.pages.edge_terms import KnownPoint, TermsEditor, point_choices, read_value, shown_value
from desktop.pages.edge_trial import TrialPanel
from desktop.pages.part_kit import KitEditor
from desktop.widgets.basics import column, text_label
from desktop.widgets.duration import DurationEdit
from desktop.widgets.form import FormDialog, request
from desktop.widgets.inputs import Choice, choice, decimal, line, tick, value_of
from desktop.widgets.page import Page

SEVERITIES = ("critical", "major", "minor", "info")
NUMBERS = (
    "high", "high_high", "low", "low_low", "outside", "inside", "rate", "stuck", "no_data", "deviation", "step",
    "equals", "all", "any",
)  # fmt: skip
SWITCHES = ("bit", "no_data", "stuck", "all", "any")
WORDS = ("equals", "stuck", "no_data", "all", "any")


def fitting(point: PointView) -> Sequence[str]:
    """The conditions that make sense for a point, the likeliest first."""
    if point.type == "string" or point.words_of:
        return WORDS
    if (
        point.area in ("coil", "discrete")
        or point.type == "bool"
        or (point.bit is not None and point.bits == 1)
    ):
        return SWITCHES
    # What a message holds is known only when it comes.
    return (*NUMBERS[:-2], "bit", *NUMBERS[-2:]) if point.path or point.topic else NUMBERS


class RuleDialog(FormDialog):
    """A new rule on a point, or a change of one."""

    def __init__(
        self,
        page: Page,
        point: PointView,
        rule: RuleView | None,
        teams: list[Choice],
        modes: list[Choice],
        parts: list[PartView],
        points: Sequence[KnownPoint] = (),
    ) -> None:
        super().__init__(page, _("New rule") if rule is None else _("Edit rule"), self._store, width=1180)
        self._page, self._point, self._rule = page, point, rule
        self._points = {one.id: one for one in points}
        self._others = [one for one in points if one.id != str(point.id)]
        self._unit = f" {point.unit}" if point.unit else ""
        self._condition_fields(rule)
        self._delay_fields(rule)
        self._fold_fields(rule)
        self._result_fields(rule, teams, modes, parts)
        self._lay_beside()
        self.form.changed.connect(self._on_changed)
        self.condition.currentIndexChanged.connect(self._on_condition)
        self._on_changed()

    # ---- fields

    def _condition_fields(self, rule: RuleView | None) -> None:
        known = fitting(self._point)
        if rule is not None and rule.condition not in known:
            known = (rule.condition, *known)
        conditions: list[Choice] = [(one, condition_words(one)) for one in known]
        self.condition: QComboBox = choice(conditions, rule.condition if rule else known[0])
        self.condition.setMaxVisibleItems(20)
        self._name = line(rule.name if rule else self._proposal(known[0]), limit=200)
        self.add("name", label("word.name"), self._name, _("Becomes the title of the ticket."))
        self.add("condition", _("Raise when it"), self.condition)
        self.add("limit", _("Limit"), decimal(rule.limit or 0 if rule else 0, -1e12, 1e12, 4, self._unit))
        self.add(
            "limit_high",
            _("Upper end"),
            decimal(rule.limit_high or 0 if rule else 0, -1e12, 1e12, 4, self._unit),
        )
        equals = line(shown_value(rule.equals) if rule else "", _("number or word"), limit=200)
        if self._point.words_of:
            words: list[Choice] = [(word, word) for word in self._point.words_of.values()]
            self.equals: QWidget = choice(words, rule.equals if rule else None)
        else:
            self.equals = equals
        self.add("equals", _("Value"), self.equals)
        self._when = choice([(True, _("on")), (False, _("off"))], rule.when if rule else True)
        self.add("when", _("Trouble when"), self._when)
        others = point_choices(self._others, ("", _("– choose a point –")))
        self.add("other", _("Compared with"), choice(others, rule.other if rule else ""))
        self.add("window_s", _("Within"), DurationEdit(rule.window_s or 60 if rule else 60, 1, 86_400))
        self.add("after_s", _("For"), DurationEdit(rule.after_s or 60 if rule else 60, 1, 2_592_000))
        self.terms = TermsEditor(self._others, rule.terms if rule else [], self._point.unit)
        self.add("terms", _("Conditions"), self.terms)
        self.add(
            "deadband",
            _("Deadband"),
            decimal(rule.deadband if rule else 0, 0, 1e12, 4, self._unit),
            _("How far back past the limit the value must go before it counts as over."),
        )

    def _delay_fields(self, rule: RuleView | None) -> None:
        self.add(
            "on_delay_s",
            _("Raise after"),
            DurationEdit(rule.on_delay_s if rule else 5),
            _("The condition must hold so long: keeps out short peaks."),
        )
        self.add(
            "off_delay_s",
            _("Clear after"),
            DurationEdit(rule.off_delay_s if rule else 5),
            _("It must be over so long: keeps out chattering."),
        )
        severities: list[Choice] = [(one, label(f"severity.{one}")) for one in SEVERITIES]
        self.add("severity", _("Severity"), choice(severities, rule.severity if rule else "major"))

    def _fold_fields(self, rule: RuleView | None) -> None:
        special = rule is not None and bool(
            rule.latching or rule.realarm_s or rule.schedule or rule.suppress_when
        )
        self.form.fold(_("Latching, reminder, hours, suppression, shelving"), special)
        self.add(
            "latching",
            _("Latching"),
            tick(_("Stays raised until somebody resets it"), rule.latching if rule else False),
        )
        self.add(
            "realarm_s",
            _("Remind every"),
            DurationEdit(rule.realarm_s if rule else 0, 10, 604_800, _("no reminder")),
            _("Tells again while the alarm is still active."),
        )
        self.add("schedule", _("Hours"), HoursEditor(rule.schedule if rule else []))
        self.add(
            "suppress_when",
            _("Quiet while"),
            TermsEditor(self._others, rule.suppress_when if rule else [], "", needs_point=True),
            _("While any of these holds the alarm is suppressed, such as: the machine stands still."),
        )
        self.add(
            "shelve_most_s",
            _("Shelve at most"),
            DurationEdit(rule.shelve_most_s if rule else 28_800, 60, 2_592_000),
            _("Longest time for which people may shelve it."),
        )
        self.form.fold()

    def _result_fields(
        self, rule: RuleView | None, teams: list[Choice], modes: list[Choice], parts: list[PartView]
    ) -> None:
        self.add("makes_ticket", "", tick(_("Make a ticket"), rule.makes_ticket if rule else True))
        self.form.fold(_("Team, failure mode and parts of the ticket"), rule is not None and bool(rule.kit))
        self.add("team_id", _("Team"), choice(teams, rule.team.id if rule and rule.team else None))
        self.add("failure_mode", _("Failure mode"), choice(modes, rule.failure_mode if rule else ""))
        self.kit = KitEditor()
        self.kit.set_parts(parts)
        self.kit.set_kit(rule.kit if rule else [])
        self.kit.setMinimumHeight(170)
        self.add("kit", _("Kit of parts"), self.kit, _("Reserved when the ticket is made."))
        self.form.fold()
        self.add("active", "", tick(_("In use"), rule.active if rule else True))

    def _lay_beside(self) -> None:
        self.picture = RulePicture()
        self.sentence = text_label("", "heading", wrap=True)
        self.sentence.setMinimumHeight(self.sentence.fontMetrics().lineSpacing() * 3)
        self.trial = TrialPanel(self._page, self._point, self._rule, self.rule)
        panel = QWidget()
        panel.setMinimumWidth(470)
        panel.setLayout(column(self.picture, self.sentence, self.trial, None, spacing=8))
        layout = panel.layout()
        assert layout is not None
        self.put_beside(panel)

    def fit(self) -> None:
        """High enough for the chart of a trial at its side."""
        super().fit()
        room = self.screen().availableSize()
        high = min(max(self.height(), 660), room.height() - 60)
        self.resize(min(self.width(), room.width() - 40), high)

    # ---- what follows from what is typed

    def named(self, point_id: str) -> tuple[str, str]:
        """(name, unit) of a point of this edge."""
        found = self._points.get(point_id)
        return (found.name, found.unit) if found is not None else (f"#{point_id}", "")

    def _proposal(self, condition: str) -> str:
        words = {
            "high": _("{point} too high"),
            "high_high": _("{point} far too high"),
            "low": _("{point} too low"),
            "low_low": _("{point} far too low"),
            "outside": _("{point} out of its band"),
            "rate": _("{point} changes too fast"),
            "stuck": _("{point} is stuck"),
            "no_data": _("{point} is silent"),
            "deviation": _("{point} deviates"),
            "step": _("{point} counts too fast"),
        }.get(condition, "{point}")
        return words.format(point=self._point.name)

    def _on_condition(self) -> None:
        """A name that was proposed follows the condition; one that was typed stays."""
        told = {self._proposal(one) for one in (*NUMBERS, *SWITCHES)}
        if self._rule is None and self._name.text() in told:
            self._name.setText(self._proposal(self.condition.currentData()))
        low, high = self.form.fields["limit"], self.form.fields["limit_high"]
        assert isinstance(low, QDoubleSpinBox) and isinstance(high, QDoubleSpinBox)
        if self.condition.currentData() in BANDS and high.value() <= low.value():
            high.setValue(low.value() + max(1.0, abs(low.value()) / 10))  # something to begin with
        if self.condition.currentData() in GROUPS and not self.terms.rows:
            self.terms.on_add()
            self.terms.on_add()

    def _on_changed(self) -> None:
        condition = self.condition.currentData()
        has_limit = condition in (*LEVELS, *BANDS, "rate", "deviation", "step")
        show = self.form.show_field
        show("limit", has_limit)
        show("limit_high", condition in BANDS)
        show("equals", condition == "equals")
        show("when", condition in ("bit", "equals"))
        show("other", condition == "deviation")
        show("window_s", condition in ("rate", "step"))
        show("after_s", condition in TIMED)
        show("terms", condition in GROUPS)
        show("deadband", condition in (*LEVELS, *BANDS, "deviation"))
        for name in ("on_delay_s", "off_delay_s"):
            show(name, condition != "no_data")
        caption = {
            "outside": _("Lower end"),
            "inside": _("Lower end"),
            "rate": _("Change by more than"),
            "step": _("Rise by more than"),
            "deviation": _("Away by more than"),
        }
        self.form.rename("limit", caption.get(condition, _("Limit")))
        self._name_states(condition)
        makes = value_of(self.form.fields["makes_ticket"])
        for name in ("team_id", "failure_mode", "kit"):
            show(name, makes)
        try:
            body = self.rule()
        except AppError:  # a field is not finished: the sentence waits, the picture shows what it is about
            self.sentence.setText(
                _("Raises when it {condition} …").format(condition=condition_words(condition))
            )
            self.picture.show_rule(SaveRule.model_construct(name="…", condition=condition), self._point.unit)
            return
        self.sentence.setText(rule_sentence(body, self._point.unit, self.named))
        self.picture.show_rule(body, self._point.unit)

    def _name_states(self, condition: str) -> None:
        """A switch is on or off; a value is as said or otherwise."""
        words = (
            (_("it is this value"), _("it is another value"))
            if condition == "equals"
            else (_("on"), _("off"))
        )
        for at, text in enumerate(words):
            if self._when.itemText(at) != text:
                self._when.setItemText(at, text)

    def rule(self) -> SaveRule:
        """The rule as it stands in the form; AppError when it is not finished."""
        values = self.form.values()
        return self._body(values | {"name": values["name"] or "…"})

    def _body(self, values: dict[str, Any]) -> SaveRule:
        values = {name: value for name, value in values.items() if name in SaveRule.model_fields}
        condition = values["condition"]
        if isinstance(self.equals, QLineEdit):
            values["equals"] = read_value(self.equals.text()) if condition == "equals" else None
        # What is not shown does not count, whatever stands in it.
        unused: dict[str, Any] = {
            "limit": None, "limit_high": None, "equals": None, "when": True, "other": "", "window_s": None,
            "after_s": None, "terms": [], "deadband": 0, "on_delay_s": 0, "off_delay_s": 0,
        }  # fmt: skip
        values |= {name: empty for name, empty in unused.items() if not self.form.is_shown(name)}
        values["failure_mode"] = values["failure_mode"] or ""
        if condition in BANDS and values["limit"] >= values["limit_high"]:
            raise AppError(
                "request.invalid",
                "a band needs room",
                fields={"limit_high": "band_order"},
                names="limit_high",
            )
        if condition == "deviation" and not values["other"]:
            raise AppError("request.invalid", "no point", fields={"other": "missing"}, names="other")
        if condition in GROUPS and not values["terms"]:
            raise AppError("request.invalid", "no terms", fields={"terms": "missing"}, names="terms")
        if condition == "equals" and values["equals"] in ("", None):
            raise AppError("request.invalid", "no value", fields={"equals": "missing"}, names="equals")
        body: SaveRule = request(SaveRule, values)
        return body

    def _store(self, values: dict[str, Any]) -> RuleView:
        body = self._body(values)
        if self._rule is None:
            return self._page.hub.create_rule(self._point.id, body)
        return self._page.hub.save_rule(
            self._rule.id, body.model_copy(update={"version": self._rule.version})
        )
