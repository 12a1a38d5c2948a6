"""The three kinds of error and what they carry."""

from __future__ import annotations

import pytest

from core import errors


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.AppError, 422),
        (errors.NotFound, 404),
        (errors.Conflict, 409),
        (errors.Forbidden, 403),
        (errors.Unauthenticated, 401),
        (errors.TooMany, 429),
        (errors.OutsideError, 503),
    ],
)
def test_each_kind_has_its_status(kind: type[errors.FettleError], status: int) -> None:
    error = kind("a.b", "what happened", fields={"name": "empty"}, number=3)
    assert (error.status, error.code, str(error)) == (status, "a.b", "what happened")
    assert error.fields == {"name": "empty"}
    assert error.params == {"number": "3"}


def test_an_outside_error_is_not_the_callers() -> None:
    assert not issubclass(errors.OutsideError, errors.AppError)


def test_without_a_detail_the_code_stands() -> None:
    assert str(errors.AppError("a.b")) == "a.b"
