"""Register maps of common device families: read once from the shipped files, and made into devices of an edge."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from core.domain.people import Action, Actor, require
from core.errors import AppError, NotFound
from core.paths import ASSETS
from core.services import devices, fleet, journal
from core.storage import db
from core.wire import config_checks
from core.wire.device_library import AddFromLibrary, LibraryMap, LibraryPoint, LibraryRule
from core.wire.edge_config import Reads, RuleLogic, TermConfig
from core.wire.fleet import DeviceView, SaveDevice, SavePoint, SaveRule

FOLDER = ASSETS / "device_library"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where it is offered


def maps(actor: Actor) -> list[LibraryMap]:
    """All maps, by category and key."""
    require(actor, Action.FLEET_READ)
    return sorted(map(_read, _names()), key=lambda found: (found.category, found.key))


def one(actor: Actor, key: str) -> LibraryMap:
    """One map; NotFound `library.not_found`."""
    require(actor, Action.FLEET_READ)
    return _map(key)


def add(actor: Actor, edge_pk: int, new: AddFromLibrary, *, now: datetime) -> DeviceView:
    """Make a device with the points and rules wanted, all or nothing.

    Points that a chosen point or rule needs come along. NotFound `library.not_found`; AppError `library.*`,
    `device.*`, `point.*`, `rule.*`.
    """
    require(actor, Action.FLEET_EDIT)
    return _add(actor, edge_pk, _map(new.map), new, now)  # files are read before anything is locked


@db.transaction
def _add(actor: Actor, edge_pk: int, source: LibraryMap, new: AddFromLibrary, now: datetime) -> DeviceView:
    if new.kind != source.kind and new.kind not in source.kinds:
        raise AppError(
            "library.kind",
            f"{source.key} has no {new.kind}",
            {"kind": "invalid"},
            kind=new.kind,
            map=source.key,
        )
    rules = _wanted_rules(source, new.rules)
    points = _wanted_points(source, new.points, rules)
    asked = SaveDevice(
        name=new.name, kind=new.kind, asset_id=new.asset_id, config=_config(source, new) | new.config
    )
    device = devices.add_device(edge_pk, asked)
    rows_of: dict[str, Any] = {}
    for point in sorted(points, key=lambda point: bool(point.scale_point)):  # what others name comes first
        rows_of[point.key] = devices.add_point(device, _point(point, new, rows_of))
    for rule in rules:
        devices.add_rule(rows_of[rule.point], _rule(rule, source, new.language, rows_of))
    fleet.edited(edge_pk)
    journal.write(
        actor, "device.created", "device", device.id, now, name=device.name, edge_id=edge_pk, library=source.key,
        points=len(points), rules=len(rules),
    )  # fmt: skip
    return devices.view_of(device)


def read(path: Path) -> LibraryMap:
    """The map of one file. ValueError names what is wrong with it."""
    document = yaml.load(path.read_text(encoding="utf-8"), _LOADER)
    if not isinstance(document, dict):
        raise ValueError(f"{path.name}: not a mapping")
    found = LibraryMap.model_validate({"key": path.stem} | document)
    faults = list(_unknown_keys(document)) or list(_faults(found))
    if found.key != path.stem:
        faults.append(f"key {found.key} in a file of another name")
    if faults:
        raise ValueError(f"{path.name}: " + "; ".join(faults))
    return found


@cache
def _names() -> frozenset[str]:
    return frozenset(path.stem for path in FOLDER.glob("*.yaml"))


@cache
def _read(key: str) -> LibraryMap:
    return read(FOLDER / f"{key}.yaml")


def _map(key: str) -> LibraryMap:
    if key not in _names():
        raise NotFound("library.not_found", f"no map {key}", {"map": "unknown"}, map=key)
    return _read(key)


# ---------------------------------------------------------------- what is wanted


def _wanted_rules(source: LibraryMap, numbers: list[int]) -> list[LibraryRule]:
    unknown = [number for number in numbers if not 0 <= number < len(source.rules)]
    if unknown:
        raise AppError(
            "library.no_rule", f"no rule {unknown[0]}", {"rules": "unknown"}, rule=unknown[0], map=source.key
        )
    return [source.rules[number] for number in sorted(set(numbers))]


def _wanted_points(
    source: LibraryMap, keys: list[str] | None, rules: Iterable[LibraryRule]
) -> list[LibraryPoint]:
    by_key = {point.key: point for point in source.points}
    wanted = set(by_key if keys is None else keys)
    unknown = sorted(wanted - set(by_key))
    if unknown:
        raise AppError(
            "library.no_point",
            f"no point {unknown[0]}",
            {"points": "unknown"},
            point=unknown[0],
            map=source.key,
        )
    for rule in rules:
        wanted.update(_named(rule))
    wanted.update(by_key[key].scale_point for key in set(wanted) if by_key[key].scale_point)
    return [point for point in source.points if point.key in wanted]


def _named(rule: LibraryRule) -> set[str]:
    """Keys of the points that a rule is about."""
    terms = [*rule.terms, *rule.suppress_when]
    names = {rule.point, rule.other} | {name for term in terms for name in (term.point, term.other)}
    return names - {""}


def _config(source: LibraryMap, new: AddFromLibrary) -> dict[str, Any]:
    """The map's own device fields, as far as the kind chosen has them."""
    return {name: value for name, value in source.config.items() if name in devices.fields_of(new.kind)}


def _point(point: LibraryPoint, new: AddFromLibrary, rows_of: dict[str, Any]) -> SavePoint:
    values = point.model_dump(include=set(Reads.model_fields))
    if new.kind.startswith("modbus"):
        values["address"] += new.shift
        if not 0 <= values["address"] <= config_checks.LAST_ADDRESS:
            raise AppError(
                "library.shift",
                f"{point.key} would be at {values['address']}",
                {"shift": "out_of_range"},
                shift=new.shift,
                point=point.key,
            )
    if point.meanings:
        values["words_of"] = _meanings(point, new.language)
    if point.scale_point:
        values["scale_point"] = str(rows_of[point.scale_point].id)
    return SavePoint(name=_word(point.name, new.language), unit=point.unit, **values)


def _meanings(point: LibraryPoint, language: str) -> dict[str, str]:
    return {number: _word(words, language) for number, words in point.meanings.items()}


def _rule(rule: LibraryRule, source: LibraryMap, language: str, rows_of: dict[str, Any]) -> SaveRule:
    """A rule as the hub stores it; what it compares with is said as its point says it."""
    words = {point.key: _meanings(point, language) for point in source.points}
    values = rule.model_dump(include=set(RuleLogic.model_fields))
    for term in [values, *values["terms"], *values["suppress_when"]]:
        known = words[term.get("point") or rule.point]
        term["equals"] = known.get(term["equals"], term["equals"])
        for name in ("point", "other"):
            if term.get(name):
                term[name] = str(rows_of[term[name]].id)
    return SaveRule(name=_word(rule.name, language), severity=rule.severity, **values)


def _word(words: dict[str, str], language: str) -> str:
    return words.get(language) or words["en"]


# ---------------------------------------------------------------- whether a file is sound


def _unknown_keys(document: dict[str, Any]) -> Iterable[str]:
    """Keys that nothing reads: a mistyped `scale` would be a wrong value in every plant."""
    shapes: list[tuple[str, Any, type[BaseModel]]] = [("", document, LibraryMap)]
    lists: tuple[tuple[str, type[BaseModel]], ...] = (("points", LibraryPoint), ("rules", LibraryRule))
    for name, shape in lists:
        for index, item in enumerate(document.get(name, [])):
            shapes.append((f"{name}[{index}].", item, shape))
            for inner in ("terms", "suppress_when"):
                shapes += [(f"{name}[{index}].{inner}.", term, TermConfig) for term in item.get(inner, [])]
    for where, item, shape in shapes:
        for key in set(item) - set(shape.model_fields):
            yield f"{where}{key} is unknown"


def _faults(found: LibraryMap) -> Iterable[str]:
    by_key: dict[str, LibraryPoint] = {}
    for point in found.points:
        if point.key in by_key:
            yield f"point {point.key} is there twice"
        by_key[point.key] = point
        most = int(found.config.get("max_registers", 125))
        for fault in config_checks.point_faults(point, found.kind, most):
            yield f"{point.key}.{fault.field}: {fault.detail}"
    for point in found.points:
        if point.scale_point and point.scale_point not in by_key:
            yield f"{point.key}: no point {point.scale_point}"
    yield from _rule_faults(found, by_key)
    for what, words in _worded(found):
        if set(words) != {"zh_CN", "en"} or not all(words.values()):
            yield f"{what}: words in zh_CN and en are wanted"


def _rule_faults(found: LibraryMap, by_key: dict[str, LibraryPoint]) -> Iterable[str]:
    for number, rule in enumerate(found.rules):
        for fault in config_checks.rule_faults(rule):
            yield f"rules[{number}].{fault.field}: {fault.detail}"
        for name in _named(rule) - set(by_key):
            yield f"rules[{number}]: no point {name}"
        if rule.point in by_key and rule.condition not in ("all", "any"):
            held = (
                "text" if by_key[rule.point].meanings else config_checks.holds(by_key[rule.point], found.kind)
            )
            if not config_checks.fits(rule.condition, held):
                yield f"rules[{number}]: {rule.condition} does not fit {rule.point}"


def _worded(found: LibraryMap) -> Iterable[tuple[str, dict[str, str]]]:
    yield "name", found.name
    if found.note:
        yield "note", found.note
    yield from ((point.key, point.name) for point in found.points)
    yield from (
        (f"{point.key}: {number}", words)
        for point in found.points
        for number, words in point.meanings.items()
    )
    yield from ((f"rules[{number}]", rule.name) for number, rule in enumerate(found.rules))
