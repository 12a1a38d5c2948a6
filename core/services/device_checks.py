"""Whether points and rules are sound before they are stored: their fields together, and the points they name.

Points are named by their row's id as text, as in the configuration that the edge gets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from core.errors import AppError
from core.storage.sql import JOIN
from core.storage.tables import DeviceRow, PointRow, RuleRow
from core.wire import config_checks
from core.wire.config_checks import Fault
from core.wire.edge_config import Reads, RuleLogic, TermConfig

_WHOLE = ("int16", "uint16", "int32", "uint32", "int64", "uint64")


def check_point(reads: Reads, device: Any, own_id: int | None = None) -> None:
    """AppError `point.*` naming each wrong field, unless `reads` makes a sound point of `device`."""
    _raise(list(config_checks.point_faults(reads, device.kind, device.config.get("max_registers", 125))))
    if not reads.scale_point:
        return
    wanted = {"point": reads.scale_point}
    row = _row(reads.scale_point)
    if row is None or row.device_id != device.id or not row.active or row.id == own_id:
        detail = f"no active point {reads.scale_point} of this device"
        raise AppError("point.scale_unknown", detail, {"scale_point": "unknown"}, **wanted)
    if row.config.get("scale_point") or row.config.get("words_of") or row.config["type"] not in _WHOLE:
        detail = f"{row.name} is not a plain whole number"
        raise AppError("point.scale_unfit", detail, {"scale_point": "does_not_fit"}, point=row.name)


def check_rule(name: str, rule: RuleLogic, point: Any) -> None:
    """AppError `rule.*` naming each wrong field, unless `rule` is sound and fits the points it is about."""
    _raise(list(config_checks.rule_faults(rule)))
    if rule.condition not in ("all", "any"):
        check_fit(name, rule.condition, point, "condition")
        if rule.condition == "deviation":
            check_fit(name, rule.condition, _named(name, rule.other, point, "other"), "other")
    for field, terms in (("terms", rule.terms), ("suppress_when", rule.suppress_when)):
        for index, term in enumerate(terms):
            _check_term(name, term, point, f"{field}.{index}.")


def _check_term(name: str, term: TermConfig, point: Any, where: str) -> None:
    about = _named(name, term.point, point, f"{where}point") if term.point else point
    check_fit(name, term.condition, about, f"{where}condition")
    if term.condition == "deviation":
        check_fit(name, term.condition, _named(name, term.other, point, f"{where}other"), f"{where}other")


def check_fit(name: str, condition: str, point: Any, field: str) -> None:
    """AppError unless a condition can be judged on this point."""
    held = config_checks.holds(Reads.model_validate(point.config), point.device.kind)
    if not config_checks.fits(condition, held):
        raise AppError(
            "rule.does_not_fit",
            f"{condition} on a point of type {point.config['type']}",
            {field: "does_not_fit"},
            rule=name,
            condition=condition,
            point=point.name,
        )


def check_own_rules(point: Any) -> None:
    """AppError when a rule of the point, or one that names it, would not fit it any more."""
    for rule in RuleRow.select().where(RuleRow.point == point.id, RuleRow.active):
        if rule.config["condition"] not in ("all", "any"):
            check_fit(rule.name, rule.config["condition"], point, "type")
    for rule, named in _naming(point):
        for condition in named:
            check_fit(rule.name, condition, point, "type")


def check_free(point: Any) -> None:
    """AppError `point.in_use` when another active point or rule needs this one."""
    wanted = str(point.id)
    for other in PointRow.select().where(PointRow.device == point.device_id, PointRow.active):
        if other.id != point.id and other.config.get("scale_point") == wanted:
            _in_use(point, other.name)
    for rule, _conditions in _naming(point):
        if rule.point_id != point.id:
            _in_use(point, rule.name)


def _in_use(point: Any, user: str) -> None:
    raise AppError(
        "point.in_use", f"{user} needs {point.name}", {"active": "in_use"}, user=user, point=point.name
    )


def _naming(point: Any) -> Iterator[tuple[Any, list[str]]]:
    """Active rules of the same edge that name the point, with the conditions they judge it by."""
    wanted = str(point.id)
    query = RuleRow.select(RuleRow, PointRow).join(PointRow).join(DeviceRow)
    query = query.where(DeviceRow.edge == point.device.edge_id, RuleRow.active, PointRow.active)
    for rule in query:
        terms = [rule.config, *_terms(rule.config)]
        named = [term["condition"] for term in terms if wanted in (term.get("point"), term.get("other"))]
        if named:
            yield rule, named


def _terms(config: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return [*config.get("terms", []), *config.get("suppress_when", [])]


def _named(rule: str, point_id: str, point: Any, field: str) -> Any:
    row = _row(point_id)
    if row is None or row.device.edge_id != point.device.edge_id or not (row.active and row.device.active):
        detail = f"no active point {point_id} of this edge"
        raise AppError("rule.point_unknown", detail, {field: "unknown"}, rule=rule, point=point_id)
    return row


def _row(point_id: str) -> Any:
    if not _is_id(point_id):
        return None
    query = PointRow.select(PointRow, DeviceRow).join(DeviceRow, JOIN.INNER)
    return query.where(PointRow.id == int(point_id)).first()


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 18


def _raise(faults: list[Fault]) -> None:
    if not faults:
        return
    fields = {fault.field: fault.says for fault in reversed(faults)}  # of two at one field the first counts
    first = faults[0]
    raise AppError(
        first.code, first.detail, {name: fields[name] for name in reversed(fields)}, **first.params
    )


def check_parent(parent: str, edge_pk: int, own_id: int | None = None) -> None:
    """AppError `device.parent_unknown`, `device.parent_circle` unless `parent` is another device of the same edge."""
    seen = {own_id}
    wanted = parent
    while wanted:
        row = DeviceRow.get_or_none(DeviceRow.id == int(wanted)) if _is_id(wanted) else None
        if row is None or row.edge_id != edge_pk:
            if wanted != parent:
                return  # a fault of another device is not this one's
            detail = f"no device {parent} of this edge"
            raise AppError("device.parent_unknown", detail, {"config.parent": "unknown"}, parent=parent)
        if row.id in seen:
            detail = f"{row.name} would be behind itself"
            raise AppError("device.parent_circle", detail, {"config.parent": "invalid"}, device=row.name)
        seen.add(row.id)
        wanted = row.config.get("parent", "")
