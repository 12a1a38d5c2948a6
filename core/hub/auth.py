"""Who is calling: bearer tokens of people, HTTP Basic of edges; and that no door is left without a lock.

Knows how a caller proves who he is, not what he may do: that is `core.domain.people` in the services.
A cookie is never looked at, so that no other web page can act in a person's name.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security import HTTPBearer

from core.domain.people import Actor
from core.errors import Unauthenticated
from core.services import api_tokens, fleet, sessions

# Doors that anybody may open; every other one must ask `signed_in` or `edge_login`.
PUBLIC = frozenset(
    {
        ("GET", "/healthz"),
        ("GET", "/docs"),
        ("GET", "/api/v1/openapi.json"),
        ("GET", "/api/v1/setup"),
        ("POST", "/api/v1/setup"),
        ("POST", "/api/v1/login"),
        ("POST", "/api/v1/edges/join"),
        ("GET", "/"),
        ("GET", "/q/{token}"),
        ("GET", "/Q/{token}"),
        ("GET", "/q/{token}/help"),
        ("POST", "/q/{token}"),
        ("POST", "/q/{token}/same"),
        ("GET", "/r/{token}"),
        ("POST", "/r/{token}/rate"),
        ("POST", "/r/{token}/note"),
        ("GET", "/r/{token}/photo/{attachment_id}"),
    }
)

# Only for the padlock in the interactive documentation; `signed_in` reads the header itself.
_described = HTTPBearer(auto_error=False, description="The `token` of POST /login.")


def clock() -> datetime:
    """The hub's time, given to every service by the doors."""
    return datetime.now(UTC)


def address_of(request: Request) -> str:
    """The caller's address as the gate found it."""
    return str(request.state.address)


def bearer(request: Request) -> str:
    """The token of the Authorization header; Unauthenticated when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("auth.needed", "no bearer token")
    return token.strip()


def who(token: str, address: str) -> Actor:
    """Whose token this is, now: a person's session or a program's key. Unauthenticated when nobody's any more."""
    known = api_tokens.actor if token.startswith(api_tokens.PREFIX) else sessions.session
    return known(token, now=clock(), address=address)


def signed_in(request: Request, _shown: Annotated[Any, Depends(_described)] = None) -> Actor:
    """The person or program whose token came with the request; Unauthenticated without one."""
    actor = who(bearer(request), address_of(request))
    request.state.actor = actor.ref
    return actor


def edge_login(request: Request, edge_id: str) -> Actor:
    """The edge that the address names, proved by its own password."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise Unauthenticated("auth.edge_needed", "HTTP Basic edge_id:password")
    try:
        name, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Unauthenticated("auth.edge_needed", "malformed HTTP Basic") from None
    if name != edge_id or not fleet.check_login(name, password):
        raise Unauthenticated("auth.edge_refused", f"edge {edge_id}", edge=edge_id)
    request.state.actor = f"edge:{edge_id}"
    return Actor("edge", name=edge_id, address=address_of(request))


SignedIn = Annotated[Actor, Depends(signed_in)]
EdgeLogin = Annotated[Actor, Depends(edge_login)]
Token = Annotated[str, Depends(bearer)]
Address = Annotated[str, Depends(address_of)]


def doors(app: FastAPI) -> Iterator[tuple[str, str, bool]]:
    """(method, path, whether it asks who is calling) of every route of `app`."""
    for route in iter_route_contexts(app.routes):
        asks = isinstance(route.original_route, APIRoute) and _asks(route.dependant)
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, str(route.path), asks


def _asks(dependant: Any) -> bool:
    return dependant.call in (signed_in, edge_login) or any(_asks(inner) for inner in dependant.dependencies)


def refuse_open_doors(app: FastAPI) -> None:
    """Stop a hub whose code has a route that neither asks who is calling nor is meant to be public."""
    unlocked = [
        f"{method} {path}" for method, path, asks in doors(app) if not asks and (method, path) not in PUBLIC
    ]
    if unlocked:
        raise RuntimeError(f"doors without a lock: {', '.join(unlocked)}")
