"""Doors of the phone's pages: decode a form, call one service, draw or send on."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AfterValidator
from starlette.datastructures import UploadFile

from core import i18n
from core.errors import AppError, Conflict, Forbidden
from core.hub.api.uploads import download
from core.hub.auth import Address, clock
from core.hub.phone.pages import draw
from core.i18n import _
from core.services import intake, knowledge, settings
from core.services import progress as progress_of
from core.wire.tickets import RateTicket

MOST_AT_ONCE = 4  # of the sixteen threads that serve requests


def _writable(text: str) -> str:
    """Without the zero that no keyboard types and no database keeps."""
    return text.replace("\x00", "")


Words = Annotated[str, Form(max_length=2000), AfterValidator(_writable)]
Short = Annotated[str, Form(max_length=100), AfterValidator(_writable)]


def same_origin(request: Request) -> None:
    """Forms of other web pages are refused; browsers say where a form comes from."""
    origin = request.headers.get("origin")
    if origin is None:
        if request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none"):
            return
    elif urlsplit(origin).netloc in (request.headers.get("host"), urlsplit(settings.public_url()).netloc):
        return
    raise Forbidden("report.other_site", f"form sent from {origin}")


async def in_turn(request: Request) -> AsyncIterator[None]:
    """Forms of strangers are worked on a few at a time, so that a flood of them leaves room for everybody else."""
    async with request.app.state.reporters:
        yield


async def photos_of(request: Request) -> list[tuple[str, bytes]]:
    """Name and bytes of the photos chosen; browsers send an empty file for a field that was left alone."""
    found = (await request.form()).getlist("photo")
    return [
        (file.filename or "", await file.read())
        for file in found
        if isinstance(file, UploadFile) and file.size
    ]


Photos = Annotated[list[tuple[str, bytes]], Depends(photos_of)]

router = APIRouter(include_in_schema=False)
posts = [Depends(same_origin), Depends(in_turn)]


@router.get("/q/{token}")
@router.get("/Q/{token}")
def report_form(request: Request, token: str) -> Response:
    """The report form of the label's asset."""
    return _form(request, token, intake.Report(request_id=""))


@router.get("/q/{token}/help", dependencies=[Depends(in_turn)])
def help_first(token: str, text: Annotated[str, Query(max_length=2000)] = "") -> list[dict[str, str]]:
    """What one might try before reporting: articles meant for reporters that speak of the same."""
    intake.place(token)  # only for who stands before a label
    found = knowledge.for_reporters(text.replace("\x00", ""))
    return [{"title": article.title, "remedy": article.remedy} for article in found]


def _form(
    request: Request, token: str, given: intake.Report, problem: str = "", status: int = 200
) -> Response:
    return draw(
        request,
        "report.html",
        status,
        place=intake.place(token),
        given=given,
        problem=problem,
        request_id=secrets.token_hex(16),
        here=f"/q/{token}",
        choices=intake.WHAT,
        urgencies=tuple(intake.URGENCY),
        most_photos=settings.hub().limits.uploads_per_report,
    )


@router.post("/q/{token}", dependencies=posts)
def send_report(
    request: Request,
    token: str,
    address: Address,
    photos: Photos,
    request_id: Annotated[str, Form(min_length=8, max_length=64)],
    what: Short = "",
    text: Words = "",
    urgency: Short = "",
    name: Short = "",
    contact: Short = "",
) -> Response:
    """Take a report and go on to its progress page; what is wrong with it is said above the form."""
    given = intake.Report(request_id, what, text, urgency, name, contact, address)
    try:
        taken = intake.report(token, given, photos, now=clock())
    except Conflict:
        raise
    except AppError as error:
        if error.status != 422 and error.status != 413:
            raise
        return _form(request, token, given, i18n.explain(error), error.status)
    return _to_progress(taken.token, "same" if taken.joined else "new")


@router.post("/q/{token}/same", dependencies=posts)
def same(token: str, address: Address, ticket: Annotated[int, Form()]) -> Response:
    """“Me too” on what was reported already."""
    return _to_progress(intake.same(token, ticket, address=address, now=clock()), "same")


def _to_progress(token: str, thanks: str) -> Response:
    # 303: reloading the page that follows sends nothing again.
    return RedirectResponse(f"/r/{token}?thanks={thanks}", status_code=303)


_STEPS = ("new", "assigned", "in_progress", "resolved", "closed")
_PLACE = {
    "new": 0, "assigned": 1, "in_progress": 2, "on_hold": 2, "resolved": 3, "follow_up": 3, "closed": 4,
}  # fmt: skip


@router.get("/r/{token}")
def progress(request: Request, token: str, thanks: Annotated[str, Query(max_length=10)] = "") -> Response:
    """How the report goes."""
    return _progress(request, token, thanks)


def _progress(
    request: Request, token: str, thanks: str = "", problem: str = "", status: int = 200
) -> Response:
    found = progress_of.view(token, now=clock())
    place = _PLACE.get(found.state)
    steps = [
        {"state": state, "look": "done" if index < place else "now" if index == place else "ahead"}
        for index, state in enumerate(_STEPS)
    ] if place is not None else []  # fmt: skip
    lines = [{"at": line.at, "words": _words(line), "text": line.text} for line in reversed(found.lines)]
    ticket = {name: getattr(found, name) for name in found.__slots__} | {"steps": steps, "timeline": lines}
    return draw(
        request, "progress.html", status, ticket=ticket, thanks=thanks, problem=problem, here=f"/r/{token}"
    )


def _words(line: progress_of.Line) -> str:
    """What happened, said to the one who reported it."""
    if line.verb == "ticket.noted":
        return _("The maintenance team writes:") if line.ours else _("Added by a reporter:")
    if line.verb == "ticket.held" and line.hold_reason:
        return _("The work has to wait: {reason}").format(
            reason=i18n.label(f"ticket.hold.{line.hold_reason}")
        )
    return {
        "ticket.created": _("The report has arrived"),
        "ticket.same": _("Somebody else has reported it, too"),
        "ticket.assigned": _("A technician has been chosen"),
        "ticket.accepted": _("The technician is on it"),
        "ticket.started": _("The work has begun"),
        "ticket.held": _("The work has to wait"),
        "ticket.resumed": _("The work goes on"),
        "ticket.resolved": _("The work is done"),
        "ticket.follow_up": _("We ask whether it is in order again"),
        "ticket.closed": _("Closed"),
        "ticket.reopened": _("The work has begun again"),
        "ticket.declined": _("Back in the queue; somebody else will take it"),
        "ticket.cancelled": _("Cancelled"),
        "ticket.merged": _("Handled together with another report"),
        "ticket.rated": _("The reporter has answered"),
    }[line.verb]


@router.post("/r/{token}/rate", dependencies=posts)
def rate(
    token: str, address: Address, rating: Annotated[int, Form(ge=1, le=5)], comment: Words = ""
) -> Response:
    """The reporter's answer."""
    answer = RateTicket(rating=rating, comment=comment)
    progress_of.rate(token, answer, address=address, now=clock())
    return _to_progress(token, "rated")


@router.post("/r/{token}/note", dependencies=posts)
def note(request: Request, token: str, address: Address, text: Words = "") -> Response:
    """Something the reporter adds."""
    try:
        progress_of.note(token, text, address=address, now=clock())
    except AppError as error:
        if error.status not in (409, 422):
            raise
        return _progress(request, token, problem=i18n.explain(error), status=error.status)
    return _to_progress(token, "noted")


@router.get("/r/{token}/photo/{attachment_id}")
def photo(token: str, attachment_id: int, size: Annotated[str, Query(max_length=10)] = "full") -> Response:
    """One of the reporter's own photos."""
    found = progress_of.photo(token, attachment_id, thumb=size == "thumb", now=clock())
    return download(found.content, found.media_type, found.name, inline=True)
