"""The one place where an error becomes an answer: `Problem` as JSON for programs, a page for phones.

Knows nothing of services; the phone room registers how its page looks.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from core import i18n, log
from core.errors import AppError, FettleError, OutsideError, TooMany
from core.wire.base import Problem, field_code

logger = log.get("hub.problems")

_TOLD = ("reason", "retry_after_s", "name", "seconds")  # of what failed outside; edges by name

Page = Callable[[Request, int, Problem], Response]

_STATUS_CODES = {404: "request.no_such_address", 405: "request.method", 413: "request.too_large"}


class TooLarge(AppError):
    """The body is larger than this address takes."""

    status = 413


def problem_of(error: FettleError, trace: str = "") -> Problem:
    """An error as the API tells it, in the language of this request."""
    return Problem(
        code=error.code,
        message=i18n.explain(error),
        detail=error.detail,
        fields=error.fields,
        params=error.params,
        trace=trace,
    )


def from_validation(error: RequestValidationError) -> AppError:
    """What is wrong with a request's shape, field by field."""
    fields: dict[str, str] = {}
    for item in error.errors():
        # The first part says where (body, query, path); people know fields, not places.
        name = ".".join(str(part) for part in item["loc"][1:]) or str(item["loc"][0])
        fields.setdefault(name, field_code(item["type"]))
    detail = "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
    )
    return AppError("request.invalid", detail[:2000], fields=fields, names=", ".join(fields)[:500])


def from_http(error: HTTPException) -> FettleError:
    """Errors of the web framework itself: no such address, wrong method, malformed body."""
    if isinstance(error.__cause__, FettleError):  # the gate's, met while the body was read
        return error.__cause__
    code = _STATUS_CODES.get(error.status_code, "request.refused")
    mended = AppError(code, str(error.detail))
    mended.status = error.status_code
    return mended


def _for_strangers(error: OutsideError) -> OutsideError:
    """Addresses, accounts and paths of what failed are for the log alone."""
    if error.code == "database.failed":
        return OutsideError("database.away")
    told = OutsideError(error.code)
    told.params = {name: value for name, value in error.params.items() if name in _TOLD}
    return told


def _headers(error: FettleError) -> dict[str, str]:
    if error.status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, TooMany) and error.params.get("retry_after_s", "").isdigit():
        return {"Retry-After": error.params["retry_after_s"]}
    if isinstance(error, OutsideError):
        return {"Retry-After": "5"}
    return {}


class Problems:
    """Turns every error into an answer; `page` draws it for people on phone addresses."""

    def __init__(self, page: Page, is_page: Callable[[str], bool]) -> None:
        self._page = page
        self._is_page = is_page

    def install(self, app: FastAPI) -> None:
        """Make `app` answer all its errors through this object."""
        app.add_exception_handler(FettleError, self._on_error)
        app.add_exception_handler(RequestValidationError, self._on_error)
        app.add_exception_handler(HTTPException, self._on_error)

    async def _on_error(self, request: Request, error: Exception) -> Response:
        return self.answer(request, error)

    def answer(self, request: Request, error: Exception) -> Response:
        """The answer to any exception; what is not ours to expect is logged with a trace id, and is a 500."""
        trace = ""
        if isinstance(error, RequestValidationError):
            known: FettleError = from_validation(error)
        elif isinstance(error, HTTPException):
            known = from_http(error)
        elif isinstance(error, FettleError):
            known = error
        else:
            trace = secrets.token_hex(6)
            known = FettleError("internal", "internal error", trace=trace)
            logger.error("internal error", trace=trace, exc_info=error)
        if isinstance(known, OutsideError):
            logger.warning("something outside failed", error=known.code, detail=known.detail)
            known = _for_strangers(known)
        problem = problem_of(known, trace)
        if self._is_page(request.url.path):
            response = self._page(request, known.status, problem)
        else:
            response = JSONResponse(problem.model_dump(mode="json"), status_code=known.status)
        response.headers.update(_headers(known))
        return response
