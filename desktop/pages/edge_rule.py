"""The dialog of a rule: its condition as a sentence and a picture, its delays, and what follows from it."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QComboBox

from core.errors import AppError
from core.i18n import _, label
from core.wire.fleet import PointView, RuleView, SaveRule
from core.wire.parts import PartView
from desktop.pages.edge_picture import RulePicture
from desktop.pages.edge_words import rule_sentence
from desktop.pages.part_kit import KitEditor
from desktop.widgets.basics import text_label
from desktop.widgets.form import FormDialog, request
from desktop.widgets.inputs import Choice, choice, decimal, line, tick
from desktop.widgets.page import Page

CONDITIONS = ("high", "low", "bit", "no_data")
SEVERITIES = ("critical", "major", "minor", "info")


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
    ) -> None:
        super().__init__(page, _("New rule") if rule is None else _("Edit rule"), self._store, width=620)
        self._page, self._point, self._rule = page, point, rule
        self.picture = RulePicture()
        self.sentence = text_label("", "heading", wrap=True)
        self.sentence.setMinimumHeight(self.sentence.fontMetrics().lineSpacing() * 2)
        self.form.add_row(self.picture)
        self.form.add_row(self.sentence)
        is_bit = point.type == "bool" or point.bit is not None or point.area in ("coil", "discrete")
        is_open = (
            bool(point.path or point.topic) and not is_bit
        )  # what a message holds is known when it comes
        fitting = CONDITIONS if is_open else ("bit", "no_data") if is_bit else ("high", "low", "no_data")
        conditions: list[Choice] = [(one, label(f"rule.condition.{one}")) for one in fitting]
        self.condition: QComboBox = choice(conditions, rule.condition if rule else fitting[0])
        unit = f" {point.unit}" if point.unit else ""
        name = _("{point} too high").format(point=point.name) if not is_bit else point.name
        self.add(
            "name",
            label("word.name"),
            line(rule.name if rule else name, limit=200),
            _("Becomes the title of the ticket."),
        )
        self.add("condition", _("Condition"), self.condition)
        self.add("limit", _("Limit"), decimal(rule.limit or 0 if rule else 0, -1e9, 1e9, 4, unit))
        self.add(
            "when",
            _("Trouble when"),
            choice([(True, _("on")), (False, _("off"))], rule.when if rule else True),
        )
        self.add(
            "after_s", _("Silent for"), decimal(rule.after_s or 60 if rule else 60, 0.1, 86_400, 1, " s")
        )
        self.add(
            "on_delay_s",
            _("Raise after"),
            decimal(rule.on_delay_s if rule else 5, 0, 86_400, 1, " s"),
            _("The condition must hold so long: keeps out short peaks."),
        )
        self.add(
            "off_delay_s",
            _("Clear after"),
            decimal(rule.off_delay_s if rule else 5, 0, 86_400, 1, " s"),
            _("It must be over so long: keeps out chattering."),
        )
        self.add(
            "deadband",
            _("Deadband"),
            decimal(rule.deadband if rule else 0, 0, 1e9, 4, unit),
            _("How far back past the limit the value must go before it counts as over."),
        )
        severities: list[Choice] = [(one, label(f"severity.{one}")) for one in SEVERITIES]
        self.add("severity", _("Severity"), choice(severities, rule.severity if rule else "major"))
        self.add("makes_ticket", "", tick(_("Make a ticket"), rule.makes_ticket if rule else True))
        self.add("team_id", _("Team"), choice(teams, rule.team.id if rule and rule.team else None))
        self.add("failure_mode", _("Failure mode"), choice(modes, rule.failure_mode if rule else ""))
        self.kit = KitEditor()
        self.kit.set_parts(parts)
        self.kit.set_kit(rule.kit if rule else [])
        self.kit.setMinimumHeight(170)
        self.add("kit", _("Kit of parts"), self.kit, _("Reserved when the ticket is made."))
        self.add("active", "", tick(_("In use"), rule.active if rule else True))
        self.form.changed.connect(self._on_changed)
        self.condition.currentIndexChanged.connect(self._on_condition)
        self._renamed = rule is not None
        self._on_changed()

    def _on_condition(self) -> None:
        """A name that was proposed follows the condition; one that was typed stays."""
        proposals = {
            "high": _("{point} too high"),
            "low": _("{point} too low"),
            "bit": "{point}",
            "no_data": _("{point} is silent"),
        }
        field = self.form.fields["name"]
        told = {words.format(point=self._point.name) for words in proposals.values()}
        if self._rule is None and getattr(field, "text")() in told:  # noqa: B009 - known as QWidget only
            words = proposals[self.condition.currentData()].format(point=self._point.name)
            getattr(field, "setText")(words)  # noqa: B009 - as above

    def _on_changed(self) -> None:
        condition = self.condition.currentData()
        has_limit = condition in ("high", "low")
        self.form.show_field("limit", has_limit)
        self.form.show_field("deadband", has_limit)
        self.form.show_field("when", condition == "bit")
        self.form.show_field("after_s", condition == "no_data")
        for name in ("on_delay_s", "off_delay_s"):
            self.form.show_field(name, condition != "no_data")
        values = self.form.values()
        for name in ("team_id", "failure_mode", "kit"):
            self.form.show_field(name, values["makes_ticket"])
        try:
            body = self._body(values | {"name": values["name"] or "…"})
        except AppError:
            return  # a field is not finished; the sentence waits
        self.sentence.setText(rule_sentence(body, self._point.unit))
        self.picture.show_rule(condition, body.on_delay_s, body.off_delay_s, body.deadband)

    def _body(self, values: dict[str, Any]) -> SaveRule:
        values = dict(values)
        condition = values["condition"]
        if condition not in ("high", "low"):
            values |= {"limit": None, "deadband": 0}
        if condition != "no_data":
            values["after_s"] = None
        else:
            values |= {"on_delay_s": 0, "off_delay_s": 0}
        values["failure_mode"] = values["failure_mode"] or ""
        body: SaveRule = request(SaveRule, values)
        return body

    def _store(self, values: dict[str, Any]) -> RuleView:
        body = self._body(values)
        if self._rule is None:
            return self._page.hub.create_rule(self._point.id, body)
        return self._page.hub.save_rule(
            self._rule.id, body.model_copy(update={"version": self._rule.version})
        )
