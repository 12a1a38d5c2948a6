"""What all messages of the HTTP API share: views are lenient to read, requests are strict."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

T = TypeVar("T")
_DEEPEST = 40  # levels of lists and mappings in one request

# A time that any time zone can show; beyond it there are only mistakes.
Moment = Annotated[
    AwareDatetime, Field(ge=datetime(1900, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))
]


class View(BaseModel):
    """What the hub tells; a newer hub may tell more, which older clients ignore."""

    model_config = ConfigDict(extra="ignore")


class Request(BaseModel):
    """What a client asks; an unknown field is an error, so that a typing mistake is not silently lost."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _can_be_written(cls, value: Any) -> Any:
        """JSON can spell half a character, and a zero that ends texts elsewhere; databases keep neither.

        Nor do they keep what is no number, or what is nested beyond all sense.
        """
        if not writable(value):
            raise ValueError(
                "a text holds NUL or half a character, a number is none, or it is nested too deep"
            )
        return value


def writable(value: Any) -> bool:
    """Whether a value read from JSON can be kept: its texts, its numbers, and how deep it goes."""
    level = [value]
    for _ in range(_DEEPEST):
        if not all(map(_writable, level)):
            return False
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return True
    return False


def _writable(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    return not isinstance(value, float) or math.isfinite(
        value
    )  # JSON has no others, though Python reads them


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return (inner for pair in value.items() for inner in pair)
    return value if isinstance(value, list) else ()


def trim(value: Any) -> Any:
    """A text without blanks around it."""
    return value.strip() if isinstance(value, str) else value


Trimmed = Annotated[str, BeforeValidator(trim)]
Name = Annotated[str, BeforeValidator(trim), StringConstraints(min_length=1, max_length=100)]
Title = Annotated[str, BeforeValidator(trim), StringConstraints(min_length=1, max_length=200)]


class Page(View, Generic[T]):
    """A page of a list; pass `next` as `after` for the following one."""

    items: list[T]
    next: str | None = None
    total: int | None = None


class Ref(View):
    """A thing named: id and what people call it."""

    id: int
    name: str
    number: str = ""


class Problem(View):
    """The one JSON shape of every error."""

    code: str
    message: str = Field(description="In the language asked for, with the remedy.")
    detail: str = Field("", description="In English, for logs.")
    fields: dict[str, str] = Field(default_factory=dict, description="Field → code of what is wrong with it.")
    params: dict[str, str] = Field(default_factory=dict)
    trace: str = Field("", description="Names the log entry of an internal error.")


# pydantic's error types, folded into few codes that screens can say in words beside a field (`field.<code>`).
FIELD_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown",
    "string_too_short": "too_short",
    "too_short": "too_short",
    "string_too_long": "too_long",
    "too_long": "too_long",
    "string_pattern_mismatch": "pattern",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "decimal_max_places": "out_of_range",
    "decimal_max_digits": "out_of_range",
    "decimal_whole_digits": "out_of_range",
    "finite_number": "out_of_range",
    "timezone_aware": "timezone",
    "json_invalid": "json",
}


def field_code(error_type: str) -> str:
    """The code of a field for one of pydantic's error types."""
    return FIELD_CODES.get(error_type, "invalid")
