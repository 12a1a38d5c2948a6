"""Doors of first set-up, log-in and one's own account."""

from __future__ import annotations

from fastapi import APIRouter, Response

from core.hub.auth import Address, SignedIn, Token, clock
from core.services import sessions, setup
from core.wire.people import ChangePassword, LoggedIn, LogIn, Me, SessionView, SetUp, SetupState

router = APIRouter(tags=["log-in"])


@router.get("/setup")
def get_setup() -> SetupState:
    """Whether this hub waits for its first set-up."""
    return setup.state()


@router.post("/setup")
def set_up(body: SetUp, address: Address) -> LoggedIn:
    """First set-up, with the one-time code that the hub printed; only from the hub's own computer."""
    return setup.set_up(body, now=clock(), address=address)


@router.post("/login")
def log_in(body: LogIn, address: Address) -> LoggedIn:
    """Open a session; its token goes into `Authorization: Bearer …`."""
    return sessions.log_in(body, now=clock(), address=address)


@router.post("/logout", status_code=204)
def log_out(actor: SignedIn, token: Token) -> Response:
    """End this session."""
    sessions.log_out(actor, token, now=clock())
    return Response(status_code=204)


@router.get("/me")
def get_me(actor: SignedIn) -> Me:
    """Who is logged in, and what they may do."""
    return sessions.me(actor)


@router.post("/me/password", status_code=204)
def change_password(actor: SignedIn, token: Token, body: ChangePassword) -> Response:
    """A new password of one's own; all other sessions end."""
    sessions.change_password(actor, body, token, now=clock())
    return Response(status_code=204)


@router.get("/me/sessions")
def get_sessions(actor: SignedIn, token: Token) -> list[SessionView]:
    """One's own open sessions."""
    return sessions.own_sessions(actor, token)


@router.delete("/me/sessions/{session_id}", status_code=204)
def end_session(actor: SignedIn, session_id: int) -> Response:
    """End one of one's own sessions."""
    sessions.end_session(actor, session_id, now=clock())
    return Response(status_code=204)
