"""Fields of a ticket template: what each takes, when it is asked, and what is wrong with what was filled in.

Pure: whether a person, asset, part or file exists is asked of the caller. Values are plain JSON: text, number,
bool, a list of option keys for `multi`, `2026-11-22` for a date, the id of a person, asset or part, a list of file
ids for photos and files, a file id for a signature.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from core.errors import AppError

MOST_FIELDS = 60
MOST_OPTIONS = 100
MOST_FILES = 10
_MOST = 1e300  # beyond it whole numbers are none that a machine reckons with
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    TICK = "tick"
    CHOICE = "choice"
    MULTI = "multi"
    DATE = "date"
    PERSON = "person"
    ASSET = "asset"
    PART = "part"
    PHOTO = "photo"
    FILE = "file"
    SIGNATURE = "signature"


class Asked(StrEnum):
    """When a field is filled in: with the report, or before the work is done."""

    REPORT = "report"
    RESOLVE = "resolve"


class Op(StrEnum):
    EQUALS = "equals"
    DIFFERS = "differs"
    CONTAINS = "contains"  # an option among those of a multi
    ABOVE = "above"
    BELOW = "below"
    FILLED = "filled"


REFERENCES = frozenset({Kind.PERSON, Kind.ASSET, Kind.PART, Kind.PHOTO, Kind.FILE, Kind.SIGNATURE})


@dataclass(frozen=True, slots=True)
class When:
    """A condition on another field of the same template."""

    field: str
    op: Op
    value: Any = None


@dataclass(frozen=True, slots=True)
class Option:
    key: str
    name: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `required_if` counts besides `required`; `shown_if` hides it, and what is hidden is not asked."""

    key: str
    kind: Kind
    name: Mapping[str, str]
    asked: Asked = Asked.REPORT
    help: Mapping[str, str] | None = None
    required: bool = False
    required_if: When | None = None
    shown_if: When | None = None
    default: Any = None
    options: tuple[Option, ...] = ()
    unit: str = ""
    low: float | None = None
    high: float | None = None
    longest: int = 2000


# ---------------------------------------------------------------- definitions


def check_fields(fields: Sequence[Field]) -> dict[str, str]:
    """What is wrong with a template's fields: `fields.2.options` → code of `field.<code>`; empty when all is well."""
    wrong: dict[str, str] = {}
    if len(fields) > MOST_FIELDS:
        wrong["fields"] = "too_long"
    earlier: dict[str, Field] = {}
    for number, field in enumerate(fields):
        for place, code in _faults(field, earlier):
            wrong.setdefault(f"fields.{number}.{place}", code)
        earlier[field.key] = field
    return wrong


def _faults(field: Field, earlier: Mapping[str, Field]) -> list[tuple[str, str]]:
    found = []
    if not _KEY.fullmatch(field.key):
        found.append(("key", "pattern"))
    if field.key in earlier:
        found.append(("key", "taken"))
    if not any(text.strip() for text in field.name.values()):
        found.append(("name", "missing"))
    if field.kind in (Kind.CHOICE, Kind.MULTI):
        keys = [option.key for option in field.options]
        if not 1 <= len(keys) <= MOST_OPTIONS or len(set(keys)) < len(keys) or "" in keys:
            found.append(("options", "invalid"))
    elif field.options:
        found.append(("options", "unknown"))
    if field.kind is not Kind.NUMBER and (field.low is not None or field.high is not None or field.unit):
        found.append(("low", "unknown"))
    if field.low is not None and field.high is not None and field.low > field.high:
        found.append(("high", "out_of_range"))
    for place, when in (("required_if", field.required_if), ("shown_if", field.shown_if)):
        if when is not None:
            found += _condition_faults(place, when, field, earlier)
    if field.default is not None and (code := value_fault(field, field.default)):
        found.append(("default", code))
    return found


def _condition_faults(
    place: str, when: When, field: Field, earlier: Mapping[str, Field]
) -> list[tuple[str, str]]:
    """A condition looks back only: at a field that stands before its own, and is asked no later."""
    other = earlier.get(when.field)
    if other is None or (other.asked is Asked.RESOLVE and field.asked is Asked.REPORT):
        return [(place, "unknown")]
    fits = {
        Op.CONTAINS: other.kind is Kind.MULTI,
        Op.ABOVE: other.kind is Kind.NUMBER,
        Op.BELOW: other.kind is Kind.NUMBER,
    }.get(when.op, True)
    if not fits:
        return [(place, "invalid")]
    options = [option.key for option in other.options]  # a value may be anything, also what has no hash
    if options and when.op in (Op.EQUALS, Op.DIFFERS, Op.CONTAINS) and when.value not in options:
        return [(place, "unknown")]
    return []


# ---------------------------------------------------------------- values


def holds(when: When, values: Mapping[str, Any]) -> bool:
    """Whether a condition is met by what has been filled in."""
    value = values.get(when.field)
    if when.op is Op.FILLED:
        return filled(value)
    if when.op is Op.EQUALS:
        return bool(value == when.value)
    if when.op is Op.DIFFERS:
        return bool(value != when.value)
    if when.op is Op.CONTAINS:
        return isinstance(value, list) and when.value in value
    if not _is_number(value) or not _is_number(when.value):
        return False
    return bool(value > when.value if when.op is Op.ABOVE else value < when.value)


def shown(field: Field, values: Mapping[str, Any]) -> bool:
    """Whether a form with these values shows the field."""
    return field.shown_if is None or holds(field.shown_if, values)


def required(field: Field, values: Mapping[str, Any]) -> bool:
    """Whether it must be filled in, as the others are now."""
    if not shown(field, values):
        return False
    return field.required or (field.required_if is not None and holds(field.required_if, values))


def filled(value: Any) -> bool:
    """Zero and False are answers; nothing, an empty text and an empty list are none."""
    return value is not None and value != [] and not (isinstance(value, str) and not value.strip())


def defaults(fields: Sequence[Field]) -> dict[str, Any]:
    """What a new form starts with."""
    return {field.key: field.default for field in fields if field.default is not None}


def take(
    fields: Sequence[Field],
    given: Mapping[str, Any],
    asked: Asked,
    exists: Callable[[Kind, int], bool] = lambda _kind, _id: True,
    partial: bool = False,
) -> dict[str, Any]:
    """The values to keep of a form filled in at `asked`: checked, hidden ones left out.

    `partial`: what is missing is not asked yet (a ticket under work). AppError `ticket.fields_wrong` whose
    `fields` name each value as `values.<key>`.
    """
    known = {field.key: field for field in fields}
    wrong = {f"values.{key}": "unknown" for key in given if key not in known}
    kept: dict[str, Any] = {}
    for field in fields:  # in order: conditions look back
        value = given.get(field.key)
        if not shown(field, kept):
            continue
        if not filled(value):
            due = field.asked is Asked.REPORT or asked is Asked.RESOLVE
            if due and not partial and required(field, kept):
                wrong[f"values.{field.key}"] = "missing"
            continue
        code = value_fault(field, value) or _reference_fault(field, value, exists)
        if code:
            wrong[f"values.{field.key}"] = code
        else:
            kept[field.key] = value
    if wrong:
        first = next(iter(wrong)).removeprefix("values.")
        name = known[first].name if first in known else {}
        raise AppError(
            "ticket.fields_wrong", ", ".join(f"{key}: {code}" for key, code in wrong.items()), wrong,
            field=next(iter(name.values()), first),
        )  # fmt: skip
    return kept


def missing(fields: Sequence[Field], values: Mapping[str, Any], asked: Asked) -> list[str]:
    """Keys of required fields that are still empty, in order: what stands between a ticket and its next state."""
    return [
        field.key
        for field in fields
        if (field.asked is Asked.REPORT or asked is Asked.RESOLVE)
        and required(field, values)
        and not filled(values.get(field.key))
    ]


def value_fault(field: Field, value: Any) -> str:
    """The code of what is wrong with a filled-in value; empty when it fits."""
    return _CHECKS[field.kind](field, value)


def _reference_fault(field: Field, value: Any, exists: Callable[[Kind, int], bool]) -> str:
    if field.kind not in REFERENCES:
        return ""
    ids = value if isinstance(value, list) else [value]
    return "" if all(exists(field.kind, id_) for id_ in ids) else "unknown"


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        return "invalid"
    return "too_long" if len(value) > field.longest else ""


def _number(field: Field, value: Any) -> str:
    if not _is_number(value):
        return "invalid"
    low, high = field.low, field.high
    return "out_of_range" if (low is not None and value < low) or (high is not None and value > high) else ""


def _choice(field: Field, value: Any) -> str:
    return "" if any(option.key == value for option in field.options) else "unknown"


def _multi(field: Field, value: Any) -> str:
    if not isinstance(value, list) or len(set(map(str, value))) < len(value):
        return "invalid"
    return next((code for item in value if (code := _choice(field, item))), "")


def _date(_field: Field, value: Any) -> str:
    try:
        return "" if 1900 < date.fromisoformat(value).year < 2200 else "out_of_range"
    except (TypeError, ValueError):
        return "invalid"


def _id(_field: Field, value: Any) -> str:
    return "" if isinstance(value, int) and not isinstance(value, bool) and value > 0 else "invalid"


def _ids(field: Field, value: Any) -> str:
    if not isinstance(value, list):
        return "invalid"
    if len(value) > MOST_FILES:
        return "too_long"
    return next((code for item in value if (code := _id(field, item))), "")


def _tick(_field: Field, value: Any) -> str:
    return "" if isinstance(value, bool) else "invalid"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST


_CHECKS: Mapping[Kind, Callable[[Field, Any], str]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.TICK: _tick,
    Kind.CHOICE: _choice,
    Kind.MULTI: _multi,
    Kind.DATE: _date,
    Kind.PERSON: _id,
    Kind.ASSET: _id,
    Kind.PART: _id,
    Kind.PHOTO: _ids,
    Kind.FILE: _ids,
    Kind.SIGNATURE: _id,
}
