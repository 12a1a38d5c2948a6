"""How the phone's pages are drawn: templates, words, times. Knows no service but the plant's facts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core import i18n
from core.errors import OutsideError
from core.hub.gate import LANGUAGE_COOKIE
from core.i18n import _, ngettext
from core.paths import ASSETS
from core.services import settings
from core.wire.base import Problem

_STATIC = ASSETS / "static"
_YEAR_S = 365 * 24 * 3600

_environment = Environment(
    loader=FileSystemLoader(ASSETS / "templates" / "phone"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@lru_cache
def _asset(name: str) -> str:
    """A file's address with its digest, so that phones keep it until it changes."""
    digest = hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"


_environment.globals.update(_=_, ngettext=ngettext, label=i18n.label, asset=_asset)


def when(at: datetime) -> str:
    """A moment in plant time, without the year: pages are about days, not years."""
    return at.astimezone(settings.zone()).strftime("%m-%d %H:%M")


def ago(at: datetime) -> str:
    """How long since, in words, as rough as people say it."""
    minutes = int((datetime.now(UTC) - at).total_seconds() // 60)
    if minutes < 1:
        return _("just now")
    if minutes < 60:
        return ngettext("{n} minute ago", "{n} minutes ago", minutes).format(n=minutes)
    if minutes < 24 * 60:
        return ngettext("{n} hour ago", "{n} hours ago", minutes // 60).format(n=minutes // 60)
    return ngettext("{n} day ago", "{n} days ago", minutes // 1440).format(n=minutes // 1440)


def _plant() -> str:
    """The plant's name; none while the database is away, which the page is there to tell."""
    try:
        return settings.plant().name
    except OutsideError:
        return ""


def draw(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page in the language of the request; `?lang=` is remembered on the phone."""
    chinese = i18n.current() == "zh_CN"
    words: Mapping[str, Any] = {
        "html_language": "zh-CN" if chinese else "en",
        "other_language": "en" if chinese else "zh_CN",
        "other_html_language": "en" if chinese else "zh-CN",
        "other_language_name": "English" if chinese else "中文",
        "plant": _plant(),
        "when": when,
        "ago": ago,
    }
    page = HTMLResponse(_environment.get_template(template).render({**words, **values}), status_code=status)
    if "lang" in request.query_params:
        page.set_cookie(
            LANGUAGE_COOKIE, i18n.current(), max_age=_YEAR_S, httponly=True, samesite="lax",
            secure=request.url.scheme == "https",
        )  # fmt: skip
    page.headers["Cache-Control"] = "no-store"
    return page


def is_page(path: str) -> bool:
    """Whether errors at this address are shown to people rather than told to programs."""
    return path[:3].lower() in ("/q/", "/r/")


def problem_page(request: Request, status: int, problem: Problem) -> Response:
    """The same friendly page for whatever went wrong."""
    heading = {
        "label.unknown": _("This label is not in use"),
        "report.link_unknown": _("This link is not in use"),
    }.get(problem.code, _("That did not work"))
    return draw(request, "notice.html", status, heading=heading, message=problem.message, trace=problem.trace)
