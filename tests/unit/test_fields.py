"""Template fields: definitions that make sense, values that fit, and questions that depend on answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.fields import (
    Asked,
    Field,
    Kind,
    Op,
    Option,
    When,
    check_fields,
    defaults,
    filled,
    holds,
    missing,
    required,
    take,
    value_fault,
)
from core.errors import AppError

NAME = {"zh_CN": "字段", "en": "Field"}
YES_NO = (Option("yes", NAME), Option("no", NAME))
STOPPED = Field("stopped", Kind.CHOICE, NAME, required=True, options=YES_NO)
PIECES = Field(
    "pieces", Kind.NUMBER, NAME, required_if=When("stopped", Op.EQUALS, "yes"), unit="件", low=0, high=500
)
REASON = Field("reason", Kind.TEXT, NAME, shown_if=When("pieces", Op.ABOVE, 100), required=True, longest=10)
CHECKED = Field("checked", Kind.TICK, NAME, asked=Asked.RESOLVE, required=True)
FORM = (STOPPED, PIECES, REASON, CHECKED)


def wrong(given: dict[str, Any], asked: Asked = Asked.REPORT, **more: Any) -> dict[str, str]:
    with pytest.raises(AppError) as raised:
        take(FORM, given, asked, **more)
    assert raised.value.code == "ticket.fields_wrong"
    return raised.value.fields


def test_a_form_keeps_what_fits() -> None:
    values = {"stopped": "yes", "pieces": 120, "reason": "jam"}
    assert take(FORM, values, Asked.REPORT) == values


def test_what_is_required_depends_on_answers() -> None:
    assert wrong({}) == {"values.stopped": "missing"}
    assert wrong({"stopped": "yes"}) == {"values.pieces": "missing"}
    assert take(FORM, {"stopped": "no"}, Asked.REPORT) == {"stopped": "no"}
    assert wrong({"stopped": "no", "pieces": 101}) == {"values.reason": "missing"}
    assert not required(REASON, {"pieces": 100})


def test_hidden_values_are_not_kept() -> None:
    assert take(FORM, {"stopped": "no", "pieces": 3, "reason": "left over"}, Asked.REPORT) == {
        "stopped": "no",
        "pieces": 3,
    }


def test_fields_for_the_end_are_asked_at_the_end() -> None:
    assert wrong({"stopped": "no"}, Asked.RESOLVE) == {"values.checked": "missing"}
    assert missing(FORM, {"stopped": "yes"}, Asked.REPORT) == ["pieces"]
    assert missing(FORM, {"stopped": "yes"}, Asked.RESOLVE) == ["pieces", "checked"]
    assert take(FORM, {}, Asked.RESOLVE, partial=True) == {}


def test_every_fault_is_named_at_once() -> None:
    given = {"stopped": "maybe", "pieces": 501, "ghost": 1, "checked": "x"}
    assert wrong(given, Asked.RESOLVE) == {
        "values.ghost": "unknown",
        "values.stopped": "unknown",
        "values.pieces": "out_of_range",
        "values.checked": "invalid",
    }


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Kind.TEXT, ["x"], [3, "x" * 2001]),
        (Kind.NUMBER, [0, -2.5], ["3", True, float("nan"), float("inf")]),
        (Kind.TICK, [True, False], [1, "yes"]),
        (Kind.MULTI, [["yes"], ["yes", "no"]], ["yes", ["yes", "yes"], ["other"]]),
        (Kind.DATE, ["2026-11-22"], ["22.11.2026", 5, "0001-01-01"]),
        (Kind.PERSON, [1], ["1", True, 0]),
        (Kind.PHOTO, [[1, 2]], [1, [0], list(range(1, 12))]),
        (Kind.SIGNATURE, [7], [[7]]),
    ],
)
def test_each_kind_takes_its_values(kind: Kind, good: list[Any], bad: list[Any]) -> None:
    field = Field("f", kind, NAME, options=YES_NO if kind is Kind.MULTI else ())
    assert [value_fault(field, value) for value in good] == [""] * len(good)
    assert all(value_fault(field, value) for value in bad)


def test_what_does_not_exist_is_refused() -> None:
    form = (Field("who", Kind.PERSON, NAME), Field("pictures", Kind.PHOTO, NAME))
    with pytest.raises(AppError) as raised:
        take(form, {"who": 9, "pictures": [1, 2]}, Asked.REPORT, exists=lambda _kind, id_: id_ == 1)
    assert raised.value.fields == {"values.who": "unknown", "values.pictures": "unknown"}


@pytest.mark.parametrize(
    ("field", "place"),
    [
        (Field("Bad key", Kind.TEXT, NAME), "key"),
        (Field("stopped", Kind.TEXT, NAME), "key"),
        (Field("x", Kind.TEXT, {"en": " "}), "name"),
        (Field("x", Kind.CHOICE, NAME), "options"),
        (Field("x", Kind.MULTI, NAME, options=(YES_NO[0], YES_NO[0])), "options"),
        (Field("x", Kind.TEXT, NAME, options=YES_NO), "options"),
        (Field("x", Kind.NUMBER, NAME, low=2, high=1), "high"),
        (Field("x", Kind.TEXT, NAME, low=2), "low"),
        (Field("x", Kind.TEXT, NAME, shown_if=When("later", Op.FILLED)), "shown_if"),
        (Field("x", Kind.TEXT, NAME, required_if=When("stopped", Op.EQUALS, "perhaps")), "required_if"),
        (Field("x", Kind.TEXT, NAME, required_if=When("stopped", Op.ABOVE, 3)), "required_if"),
        (Field("x", Kind.TEXT, NAME, shown_if=When("end", Op.FILLED)), "shown_if"),
        (Field("x", Kind.NUMBER, NAME, default="many"), "default"),
    ],
)
def test_definitions_that_make_no_sense_are_named(field: Field, place: str) -> None:
    end = Field("end", Kind.TICK, NAME, asked=Asked.RESOLVE)
    assert list(check_fields((STOPPED, end, field))) == [f"fields.2.{place}"]


def test_a_sensible_definition_has_no_fault() -> None:
    assert check_fields(FORM) == {}
    assert check_fields([Field(f"f{n}", Kind.TEXT, NAME) for n in range(61)]) == {"fields": "too_long"}


def test_defaults_and_conditions() -> None:
    field = Field("n", Kind.NUMBER, NAME, default=0)
    assert defaults((field, STOPPED)) == {"n": 0}
    assert filled(0) and filled(False) and not filled(" ") and not filled([])
    assert holds(When("m", Op.CONTAINS, "a"), {"m": ["a"]}) and not holds(When("m", Op.CONTAINS, "a"), {})
    assert holds(When("m", Op.DIFFERS, "a"), {"m": "b"}) and holds(When("m", Op.BELOW, 3), {"m": 2})
    assert not holds(When("m", Op.BELOW, 3), {"m": "2"})
    assert holds(When("m", Op.FILLED), {"m": False}) and not holds(When("m", Op.FILLED), {"m": " "})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["stopped", "pieces", "reason", "checked", "other"]), json_values))
def test_whatever_is_sent_it_is_kept_checked_or_refused_by_name(given: dict[str, Any]) -> None:
    try:
        kept = take(FORM, given, Asked.RESOLVE)
    except AppError as error:
        assert error.fields
        return
    assert missing(FORM, kept, Asked.RESOLVE) == []
    assert take(FORM, kept, Asked.RESOLVE) == kept
