"""What every request passes first: whose address, which language, how large, and what leaves with the answer.

One plain ASGI layer, so that event streams flow through it. Knows no route and no service.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable, Iterable

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import i18n, log
from core.hub.problems import Problems, TooLarge

logger = log.get("hub.access")

MIB = 1024 * 1024
LANGUAGE_COOKIE = "fettle_language"

_CSP = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
# The interactive documentation sets style attributes and draws its icons from data: addresses.
_CSP_DOCS = _CSP + "; style-src 'self' 'unsafe-inline'"
_SECRET_IN_PATH = re.compile(r"^(/+[qr]/+)[^/]+", re.IGNORECASE)

_QUIET = ("/healthz", "/static/")  # asked all the time; not worth a line each when they succeed

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: with it browsers hide where a form comes from, and ours are checked for that.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=()",
}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(addresses: Iterable[str]) -> list[Network]:
    """Addresses or networks in CIDR form; ValueError names the wrong one."""
    return [ipaddress.ip_network(text.strip(), strict=False) for text in addresses if text.strip()]


def _inside(address: str, trusted: list[Network]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in trusted)


def caller(peer: str, forwarded: str, trusted: list[Network]) -> str:
    """The caller's address: `X-Forwarded-For` is believed from the right, and only as far as proxies are trusted."""
    address = peer
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    while hops and _inside(address, trusted):
        address = hops.pop()
    return address


def path_for_log(path: str) -> str:
    """A path without the secret that phone links carry."""
    return _SECRET_IN_PATH.sub(r"\1***", path)[:200]


class Gate:
    """ASGI layer around the whole hub."""

    def __init__(
        self,
        app: ASGIApp,
        problems: Problems,
        trusted_proxies: list[str],
        limit_of: Callable[[str], int],
        https: bool,
    ) -> None:
        self._app = app
        self._problems = problems
        self._trusted = networks(trusted_proxies)
        self._limit_of = limit_of
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request = Request(scope)
        headers = request.headers
        peer = scope["client"][0] if scope.get("client") else ""
        scope.setdefault("state", {})["address"] = caller(
            peer, headers.get("x-forwarded-for", ""), self._trusted
        )
        i18n.use(_language(request))
        answer = _Answer(send, scope, self._https)
        limited = _Limited(receive, self._limit_of(scope["path"]))
        try:
            limited.check_announced(headers)
            await self._app(scope, limited, answer)
        # The outermost door: whatever comes here becomes an answer with a trace id, and a log entry.
        except Exception as error:
            response = self._problems.answer(request, error)
            if answer.status:  # too late to say so: cut the connection instead of ending it as if complete
                raise
            response.headers["Connection"] = "close"
            await response(scope, receive, answer)
        finally:
            quiet = scope["path"].startswith(_QUIET) and answer.status < 400
            (logger.debug if quiet else logger.info)(
                "request",
                method=scope["method"],
                path=path_for_log(scope["path"]),
                status=answer.status,
                ms=round((time.perf_counter() - started) * 1000, 1),
                address=scope["state"]["address"],
                actor=scope["state"].get("actor", ""),
            )


def _language(request: Request) -> str:
    wanted = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    if request.url.path.startswith("/api/"):
        wanted = None
    return i18n.normalise(wanted or request.headers.get("accept-language"))


class _Limited:
    """`receive` that refuses a body beyond the limit while it arrives."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._seen = 0

    def check_announced(self, headers: Headers) -> None:
        announced = headers.get("content-length", "0")
        if not (announced.isascii() and announced.isdecimal()) or int(announced[:20]) > self._limit:
            raise self._too_large()

    def _too_large(self) -> TooLarge:
        return TooLarge(
            "request.too_large", f"body above {self._limit} bytes", limit_mib=round(self._limit / MIB, 1)
        )

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            if self._seen > self._limit:
                raise self._too_large()
        return message


class _Answer:
    """`send` that adds the security headers and remembers the status."""

    def __init__(self, send: Send, scope: Scope, https: bool) -> None:
        self._send = send
        self._path: str = scope["path"]
        self._named_by_content = b"v=" in scope["query_string"]
        self._https = https
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Content-Security-Policy", _CSP_DOCS if self._path == "/docs" else _CSP)
            if self._https:
                headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            headers.setdefault("Cache-Control", self._caching())
        await self._send(message)

    def _caching(self) -> str:
        if not self._path.startswith("/static/"):
            return "no-store"
        return "public, max-age=31536000, immutable" if self._named_by_content else "public, max-age=600"
