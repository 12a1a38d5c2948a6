"""Every family of codes that people see, with its members taken from where they are defined."""

from __future__ import annotations

from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from core.domain.people import Action, Role, Scope
from core.domain.points import Quality
from core.services import intake
from core.wire import (
    assets,
    config_checks,
    edge_config,
    fleet,
    knowledge,
    parts,
    people,
    plans,
    tickets,
    uplink,
)
from edge_agent.plant import FAULTS


def literals(annotation: Any) -> list[str]:
    """The strings of all Literal types in an annotation, the empty one left out."""
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation) if value != ""]
    if get_origin(annotation) in (Annotated, Union, UnionType, list):
        return [value for part in get_args(annotation) for value in literals(part)]
    return []


def of(model: type[BaseModel], field: str) -> list[str]:
    """The literal values of one field."""
    return literals(model.model_fields[field].annotation)


FAMILIES: dict[str, Iterable[str]] = {
    "ticket.state.": literals(tickets.TicketState),
    "ticket.type.": literals(tickets.TicketType),
    "ticket.source.": literals(tickets.TicketSource),
    "ticket.hold.": literals(tickets.HoldReason),
    "ticket.priority.": ["1", "2", "3", "4"],
    "severity.": literals(tickets.Severity),
    "quality.": [quality.value for quality in Quality],
    "role.": [role.value for role in Role],
    "scope.": [scope.value for scope in Scope],
    "action.": [action.value for action in Action],
    "criticality.": literals(assets.Criticality),
    "location.kind.": of(assets.LocationView, "kind"),
    "file.kind.": of(assets.FileView, "kind"),
    "failure.kind.": of(assets.FailureCodeView, "kind"),
    "error.": config_checks.CODES,
    "device.kind.": of(fleet.DeviceView, "kind"),
    "device.state.": of(uplink.DeviceHealth, "state"),
    "rule.condition.": of(fleet.RuleView, "condition"),
    "alarm.service.": of(uplink.ServiceChanged, "service"),
    "alarm.why.": of(uplink.ServiceChanged, "why"),
    "article.state.": of(knowledge.ArticleView, "state"),
    "article.audience.": of(knowledge.ArticleView, "audience"),
    "point.area.": literals(edge_config.Area),
    "step.kind.": of(tickets.Step, "kind"),
    "plan.period.": of(plans.PlanView, "period"),
    "plan.mode.": of(plans.PlanView, "mode"),
    "purchase.state.": literals(parts.RequestState),
    "purchase.do.": of(parts.MovePurchase, "do"),
    "stock.kind.": literals(parts.MoveKind),
    "cost.kind.": of(tickets.CostLine, "kind"),
    "language.": literals(people.Language),
    "setup.sample.": of(people.SetUp, "sample"),
    "report.what.": intake.WHAT,
    "report.urgency.": intake.URGENCY,
    "weekday.": [str(day) for day in range(7)],
    "simulator.fault.": list(FAULTS),
}
