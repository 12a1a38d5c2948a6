"""The first start of a hub: no default account, a one-time code opens the set-up, on this computer only."""

from __future__ import annotations

import ipaddress
import secrets
from datetime import datetime
from pathlib import Path

from core import __version__
from core.domain.people import Role
from core.errors import Conflict, Forbidden, TooMany
from core.paths import private_dir, write_private
from core.services import journal, passwords, samples, sessions, settings
from core.storage import db
from core.storage.tables import PersonRow
from core.wire.people import LoggedIn, SetUp, SetupState

_MOST_WRONG = 20  # wrong codes before the hub must be restarted; 50 bits of code would stand far more
_wrong = 0


def code_file() -> Path:
    """Where the one-time code lies until the hub is set up."""
    return settings.hub().data_dir / "setup-code"


def begin() -> str | None:
    """What every start of the hub does: the hub's epoch exists; returns the set-up code while one is needed."""
    settings.hub_epoch()
    if settings.plant().set_up:
        code_file().unlink(missing_ok=True)
        return None
    return setup_code()


def setup_code() -> str | None:
    """The one-time code, made when there is none; None when the hub is set up."""
    if settings.plant().set_up:
        return None
    if code_file().exists():
        return code_file().read_text(encoding="utf-8").strip()
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    code = "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(2))
    private_dir(settings.hub().data_dir)
    write_private(code_file(), code + "\n")
    return code


def state() -> SetupState:
    """Whether the hub waits for its set-up; public."""
    plant = settings.plant()
    language = "en" if plant.language == "en" else "zh_CN"
    return SetupState(needed=not plant.set_up, version=__version__, plant=plant.name, language=language)


def set_up(request: SetUp, *, now: datetime, address: str) -> LoggedIn:
    """Make the administrator and the plant, log in, and load the sample plant where one is wanted: all or nothing.

    Forbidden `setup.loopback_only`, `setup.wrong_code`; Conflict `setup.done`; AppError `password.*`.
    """
    if settings.plant().set_up:
        raise Conflict("setup.done", "this hub is set up already")
    if not _is_loopback(address):
        raise Forbidden(
            "setup.loopback_only", f"set-up from {address}; only this computer may", address=address
        )
    _check_code(request.code)
    password = request.password.get_secret_value()
    passwords.refuse_weak(password, (request.login, request.name, request.plant))
    logged_in = _make(request, passwords.hashed(password), now, address)
    code_file().unlink(missing_ok=True)
    return logged_in


def _is_loopback(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def _check_code(given: str) -> None:
    global _wrong
    if _wrong >= _MOST_WRONG:
        raise TooMany("setup.too_many", "too many wrong codes; restart the hub", retry_after_s=3600)
    # People type it without the dash, in small letters.
    plain = given.strip().upper().replace("-", "").replace(" ", "").encode()
    expected = (setup_code() or "").replace("-", "").encode()
    if not secrets.compare_digest(plain, expected):
        _wrong += 1
        raise Forbidden(
            "setup.wrong_code", "not the code this hub printed", {"code": "wrong"}, file=code_file()
        )


@db.transaction
def _make(request: SetUp, password_hash: str, now: datetime, address: str) -> LoggedIn:
    if (settings.get(settings.PLANT) or {}).get("set_up"):
        raise Conflict("setup.done", "this hub is set up already")
    if PersonRow.get_or_none(PersonRow.login == request.login) is not None:
        raise Conflict("person.login_taken", "login is taken", {"login": "taken"}, login=request.login)
    settings.change_plant(
        name=request.plant, language=request.language, public_url=request.public_url.rstrip("/"), set_up=True
    )
    admin = PersonRow.create(
        name=request.name,
        login=request.login,
        password_hash=password_hash,
        roles=[Role.ADMIN.value],
        language=request.language,
    )
    actor = sessions.actor_of(admin)
    journal.write(actor, "hub.set_up", "hub", None, now, plant=request.plant, name=request.name)
    if request.sample != "none":
        samples.load(request.sample, actor, now=now)
    return sessions.open_session(admin, now=now, address=address, program="set-up")
