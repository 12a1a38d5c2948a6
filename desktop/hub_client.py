"""The console's line to the hub: HTTP by httpx, errors rebuilt as the hub raised them. Knows no Qt.

One client may be used from many threads. It keeps the address and the session token, nothing else.
"""

from __future__ import annotations

import ssl
from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import httpx
from pydantic import TypeAdapter, ValidationError

from core import __version__
from core.errors import (
    AppError,
    Conflict,
    FettleError,
    Forbidden,
    NotFound,
    OutsideError,
    TooMany,
    Unauthenticated,
)
from core.i18n import current
from core.wire.base import Problem, Request
from core.wire.journal import JournalEntry
from desktop.fleet_routes import FleetRoutes
from desktop.hub_routes import (
    AssetRoutes,
    JournalRoutes,
    PartRoutes,
    PeopleRoutes,
    TicketRoutes,
)

T = TypeVar("T")

API = "/api/v1"
# For plain HTTP the certificates of the world need not be read (60 ms); were TLS used, it would fail, not pass.
_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_CLASSES: dict[int, type[FettleError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: TooMany,
}


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))


def normal_address(text: str) -> str:
    """`hub:8750` or a pasted page address as `http://hub:8750`; AppError when it cannot be one."""
    address = text.strip()
    if "://" not in address:
        address = f"http://{address}"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or " " in address:
        raise AppError(
            "hub.bad_address", f"not an address: {text}", fields={"address": "bad_value"}, address=text
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}"


class HubClient(TicketRoutes, AssetRoutes, PartRoutes, PeopleRoutes, FleetRoutes, JournalRoutes):
    """All routes over one pool of connections."""

    def __init__(self, address: str, token: str = "", timeout_s: float = 30.0) -> None:
        self.address = normal_address(address)
        self.token = token
        self._http = httpx.Client(
            base_url=self.address,
            timeout=httpx.Timeout(timeout_s, connect=5.0),
            headers={"User-Agent": f"fettle-console/{__version__}"},
            verify=True if self.address.startswith("https:") else _TRUSTS_NOBODY,
            trust_env=False,  # a hub of the plant's network is never behind the office's web proxy
        )

    def close(self) -> None:
        """Let the connections go; calls under way fail."""
        self._http.close()

    def another(self) -> HubClient:
        """A second line to the same hub for the same person."""
        return HubClient(self.address, self.token)

    def health(self) -> dict[str, str]:
        """`/healthz`: version and epoch of the hub, to tell it from another web server."""
        response = self._send("GET", "/healthz")
        try:
            found = response.json()
            if found["status"] == "ok" and "version" in found:
                return {str(key): str(value) for key, value in found.items()}
        except (ValueError, KeyError, TypeError):
            pass
        raise OutsideError("hub.not_a_hub", f"{self.address} is no hub", address=self.address)

    def read(self, kind: type[T], method: str, path: str, body: Request | None = None, **query: Any) -> T:
        return self._understood(kind, self._send(method, API + path, body, query))

    def read_slowly(self, kind: type[T], method: str, path: str, body: Request, wait_s: float) -> T:
        timeout = httpx.Timeout(wait_s, connect=5.0)
        return self._understood(kind, self._ask(method, API + path, json=_revealed(body), timeout=timeout))

    def _understood(self, kind: type[T], response: httpx.Response) -> T:
        method, path = response.request.method, response.request.url.path
        try:
            result: T = _adapter(cast(Hashable, kind)).validate_json(response.content)
        except ValidationError as error:
            raise OutsideError("hub.not_understood", f"{method} {path}: {error}", path=path) from error
        return result

    def do(self, method: str, path: str, body: Request | None = None) -> None:
        self._send(method, API + path, body)

    def fetch(
        self, method: str, path: str, body: Request | None = None, **query: Any
    ) -> tuple[bytes, Mapping[str, str]]:
        response = self._send(method, API + path, body, query)
        return response.content, response.headers

    def upload(self, answer: type[T], path: str, name: str, content: bytes, **form: str) -> T:
        response = self._ask("POST", API + path, data=form, files={"file": (name, content)})
        result: T = _adapter(cast(Hashable, answer)).validate_json(response.content)
        return result

    def stream(self, after: int) -> Iterator[JournalEntry | None]:
        """The live journal from `after` on, for ever; None for each heartbeat. Ends or raises at a cut."""
        timeout = httpx.Timeout(10.0, read=25.0)  # the hub beats every 15 s
        try:
            with self._http.stream(
                "GET",
                f"{API}/journal/stream",
                params={"after": after},
                headers=self._headers(),
                timeout=timeout,
            ) as response:
                if response.status_code != 200:
                    response.read()
                    raise _problem(response)
                yield None
                for line in response.iter_lines():
                    if line.startswith("data:"):
                        yield JournalEntry.model_validate_json(line[5:].strip())
                    elif line.startswith(":"):
                        yield None
        except httpx.HTTPError as error:
            raise self._away(error) from error

    def _headers(self) -> dict[str, str]:
        headers = {"Accept-Language": "zh-CN" if current() == "zh_CN" else "en"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def _send(
        self, method: str, path: str, body: Request | None = None, query: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        params = {key: _plain(value) for key, value in (query or {}).items() if value not in (None, [], "")}
        if body is None:
            return self._ask(method, path, params=params)
        return self._ask(method, path, params=params, json=_revealed(body))

    def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, headers=self._headers(), **how)
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client was closed meanwhile
            raise self._away(error) from error
        if response.status_code >= 400:
            raise _problem(response)
        return response

    def _away(self, error: Exception) -> OutsideError:
        return OutsideError("hub.away", f"{self.address}: {error!r}", address=self.address)


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return list(value) if isinstance(value, (set, frozenset, tuple)) else value


def _revealed(body: Request) -> Any:
    """The body as JSON, with passwords in clear: this is the one place where they leave the program."""
    given = body.model_dump(mode="json", exclude_unset=True)
    for name in given:
        secret = getattr(body, name)
        if hasattr(secret, "get_secret_value"):
            given[name] = secret.get_secret_value()
    return given


def _problem(response: httpx.Response) -> FettleError:
    """The error that the hub raised, of the same class."""
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        detail = f"{response.request.method} {response.request.url.path}: {response.status_code}"
        return OutsideError(
            "hub.not_a_hub", detail, address=str(response.request.url.copy_with(raw_path=b"/"))
        )
    status = response.status_code
    kind = _CLASSES.get(status, OutsideError if status == 503 else AppError if status < 500 else FettleError)
    params = {key: value for key, value in problem.params.items() if key not in ("code", "detail", "fields")}
    error = kind(problem.code, problem.message or problem.detail, problem.fields)
    error.params = params | ({"trace": problem.trace} if problem.trace else {})
    return error
