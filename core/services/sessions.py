"""Log-in and sessions: opaque tokens kept hashed, back-off after wrong passwords, rights that change at once."""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.domain.people import SYSTEM, Action, Actor, require, rights
from core.errors import AppError, NotFound, TooMany, Unauthenticated
from core.services import journal, passwords, settings
from core.services.rows import ref
from core.storage import db
from core.storage.tables import LoginFailureRow, PersonRow, SessionRow, TeamMemberRow, TeamRow
from core.wire.people import ChangePassword, LoggedIn, LogIn, Me, SessionView

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=30)
SEEN_EVERY = timedelta(minutes=1)
_TRUST = timedelta(seconds=10)  # how long another hub process may not know of a change
_FIRST_WAIT_S, _LONGEST_WAIT_S = 15, 300
_FORGIVEN = timedelta(hours=1)
_PER_ADDRESS = 10  # an address may stand for a whole office


@dataclass(frozen=True, slots=True)
class _Known:
    actor: Actor
    seen_at: datetime
    expires_at: datetime
    read_at: datetime


_known: dict[str, _Known] = {}
_generation = 0
_lock = threading.Lock()


def rights_changed() -> None:
    """Forget who is who: roles, teams, passwords or sessions have changed (after the commit)."""
    global _generation
    with _lock:
        _generation += 1
        _known.clear()


def digest(token: str) -> str:
    """How a token of 256 random bits is kept; no slow hash is needed for those."""
    return hashlib.sha256(token.encode()).hexdigest()


def log_in(request: LogIn, *, now: datetime, address: str = "") -> LoggedIn:
    """Open a session. Unauthenticated `login.wrong` for unknown and wrong alike; TooMany `login.wait`."""
    login = request.login.lower()
    keys = {f"login:{login[:80]}": settings.hub().limits.login_attempts}
    if address:
        keys[f"address:{address}"] = settings.hub().limits.login_attempts * _PER_ADDRESS
    # Counted before the password is looked at: attempts side by side must not slip through.
    _count_attempt(keys, now)
    person = _find(login)
    stored = person.password_hash if person is not None and person.active else None
    if not passwords.fits(stored, request.password.get_secret_value()):
        _refused(person, address, now)
        raise Unauthenticated("login.wrong", "unknown login or wrong password")
    assert person is not None
    return _opened(person.id, keys, request.program, address, now)


@db.reading
def _find(login: str) -> PersonRow | None:
    return PersonRow.get_or_none(PersonRow.login == login)


@db.transaction
def _count_attempt(keys: dict[str, int], now: datetime) -> None:
    LoginFailureRow.delete().where(LoginFailureRow.last_at < now - _FORGIVEN).execute()
    # Each row exists and is held before it is read: on PostgreSQL attempts side by side would pass otherwise.
    for key in sorted(keys):
        LoginFailureRow.insert(key=key, count=0, last_at=now).on_conflict_ignore().execute()
    query = LoginFailureRow.select().where(LoginFailureRow.key.in_(list(keys))).order_by(LoginFailureRow.key)
    rows = {row.key: row for row in (query.for_update() if db.is_postgresql() else query)}
    for key, allowed in keys.items():
        row = rows.get(key)
        beyond = (row.count if row else 0) - allowed
        if row is not None and beyond >= 0:
            wait = timedelta(seconds=min(_FIRST_WAIT_S * 2 ** min(beyond, 10), _LONGEST_WAIT_S))
            # A clock that was set back must not lock anybody out for longer than the wait itself.
            left_s = min(wait, row.last_at + wait - now).total_seconds()
            if left_s > 0:
                raise TooMany(
                    "login.wait", f"{key}: {row.count} attempts", retry_after_s=max(1, round(left_s))
                )
    for key in keys:
        LoginFailureRow.insert(key=key, count=1, last_at=now).on_conflict(
            conflict_target=[LoginFailureRow.key],
            update={LoginFailureRow.count: LoginFailureRow.count + 1, LoginFailureRow.last_at: now},
        ).execute()


@db.transaction
def _refused(person: PersonRow | None, address: str, now: datetime) -> None:
    # What was typed as a login may be a password: only known names are written down.
    name = "" if person is None else person.login
    who = Actor("public", address=address)
    subject_id: int | None = None if person is None else person.id
    journal.write(who, "session.refused", "person", subject_id, now, login=name, address=address)


@db.transaction
def _opened(person_id: int, keys: dict[str, int], program: str, address: str, now: datetime) -> LoggedIn:
    for key in keys:
        if key.startswith("login:"):
            LoginFailureRow.delete().where(LoginFailureRow.key == key).execute()
        else:
            LoginFailureRow.update(count=LoginFailureRow.count - 1).where(
                LoginFailureRow.key == key, LoginFailureRow.count > 0
            ).execute()
    SessionRow.delete().where((SessionRow.expires_at < now) | (SessionRow.seen_at < now - IDLE)).execute()
    return open_session(PersonRow.get_by_id(person_id), now=now, address=address, program=program)


def open_session(person: PersonRow, *, now: datetime, address: str, program: str) -> LoggedIn:
    """A new session for someone who has shown who they are, in the running transaction."""
    token = secrets.token_urlsafe(32)
    row = SessionRow.create(
        token_hash=digest(token),
        person=person,
        created_at=now,
        seen_at=now,
        expires_at=now + LONGEST,
        address=address[:64],
        program=program,
    )
    actor = actor_of(person)
    journal.write(
        actor, "session.opened", "person", person.id, now, session=row.id, address=address, program=program
    )
    return LoggedIn(token=token, me=_me(person, actor))


def session(token: str, *, now: datetime, address: str = "") -> Actor:
    """Whose token this is; Unauthenticated `session.expired` when it is unknown, revoked or too old."""
    key = digest(token)
    known = _known.get(key)
    if known is None or now - known.read_at > _TRUST:
        generation = _generation
        known = _look_up(key, now)
        if known is not None and now - known.seen_at >= SEEN_EVERY:
            _seen(key, now)
            known = replace(known, seen_at=now)
        with _lock:
            if known is not None and generation == _generation:
                if len(_known) >= 1000:
                    _known.clear()
                _known[key] = known
    if known is None or now > known.expires_at or now > known.seen_at + IDLE:
        raise Unauthenticated("session.expired", "no such session, or it has ended")
    return replace(known.actor, address=address)


@db.reading
def _look_up(key: str, now: datetime) -> _Known | None:
    row = (
        SessionRow.select(SessionRow, PersonRow)
        .join(PersonRow)
        .where(SessionRow.token_hash == key, PersonRow.active)
        .first()
    )
    if row is None or now > row.expires_at or now > row.seen_at + IDLE:
        return None
    return _Known(actor_of(row.person), row.seen_at, row.expires_at, now)


@db.transaction
def _seen(key: str, now: datetime) -> None:
    SessionRow.update(seen_at=now).where(SessionRow.token_hash == key, SessionRow.seen_at < now).execute()


def actor_of(person: PersonRow) -> Actor:
    """The person as an actor, with roles and teams of this moment."""
    teams = TeamMemberRow.select(TeamMemberRow.team).where(TeamMemberRow.person == person.id)
    return Actor(
        "person",
        person.id,
        person.name,
        frozenset(person.roles),
        frozenset(row.team_id for row in teams),
        language=person.language,
    )


@db.reading
def me(actor: Actor) -> Me:
    """Who is logged in, what they may do, and what a screen needs to know of the plant."""
    person = PersonRow.get_or_none(PersonRow.id == actor.id) if actor.kind == "person" else None
    if person is None:
        raise Unauthenticated("auth.needed", "log in first")
    return _me(person, actor)


def _me(person: PersonRow, actor: Actor) -> Me:
    teams = (
        TeamRow.select().join(TeamMemberRow).where(TeamMemberRow.person == person.id).order_by(TeamRow.name)
    )
    plant = settings.plant()
    return Me(
        id=person.id,
        name=person.name,
        login=person.login or "",
        roles=person.roles,
        language=person.language,
        rights=rights(actor),
        teams=[r for r in map(ref, teams) if r],
        plant=plant.name,
        currency=settings.hub().currency,
        timezone=settings.hub().timezone,
        public_url=settings.public_url(),
    )


@db.transaction
def log_out(actor: Actor, token: str, *, now: datetime) -> None:
    """End the session of this token."""
    if SessionRow.delete().where(SessionRow.token_hash == digest(token)).execute():
        journal.write(actor, "session.closed", "person", actor.id, now)
    db.after_commit(rights_changed)


@db.reading
def own_sessions(actor: Actor, token: str) -> list[SessionView]:
    """The actor's open sessions, newest first; `current` is the one asking."""
    rows = SessionRow.select().where(SessionRow.person == actor.id).order_by(SessionRow.id.desc())
    return [
        SessionView(
            id=row.id,
            created_at=row.created_at,
            seen_at=row.seen_at,
            address=row.address,
            program=row.program,
            current=secrets.compare_digest(row.token_hash, digest(token)),
        )
        for row in rows
    ]


@db.transaction
def end_session(actor: Actor, session_id: int, *, now: datetime) -> None:
    """End one of the actor's own sessions, or anyone's with the right to edit people."""
    row = SessionRow.get_or_none(SessionRow.id == session_id)
    if row is not None and row.person_id != actor.id:
        require(actor, Action.PEOPLE_EDIT)
    if row is None:
        raise NotFound("session.not_found", f"no session {session_id}", id=session_id)
    row.delete_instance()
    journal.write(actor, "session.closed", "person", row.person_id, now, address=row.address)
    db.after_commit(rights_changed)


def change_password(actor: Actor, request: ChangePassword, token: str, *, now: datetime) -> None:
    """A new password of one's own; all other sessions end. AppError `password.wrong_old`, `password.*`."""
    person = _find_by_id(actor.id)
    keys = {f"password:{person.id}": settings.hub().limits.login_attempts}
    _count_attempt(keys, now)
    if not passwords.fits(person.password_hash, request.old.get_secret_value()):
        raise AppError("password.wrong_old", "the old password is not right", {"old": "password.wrong_old"})
    new = request.new.get_secret_value()
    passwords.refuse_weak(new, (person.login or "", person.name, settings.plant().name), "new")
    _set_password(actor, person.id, passwords.hashed(new), now, keep=digest(token), counted=list(keys))


@db.reading
def _find_by_id(person_id: int | None) -> PersonRow:
    person = PersonRow.get_or_none(PersonRow.id == person_id)
    if person is None:
        raise Unauthenticated("auth.needed", "log in first")
    return person


@db.transaction
def _set_password(
    actor: Actor,
    person_id: int,
    password_hash: str,
    now: datetime,
    keep: str = "",
    counted: list[str] | None = None,
) -> None:
    PersonRow.update(password_hash=password_hash, version=PersonRow.version + 1).where(
        PersonRow.id == person_id
    ).execute()
    LoginFailureRow.delete().where(LoginFailureRow.key.in_(counted or [])).execute()
    end_sessions(person_id, keep)
    journal.write(actor, "person.password_changed", "person", person_id, now)


def end_sessions(person_id: int, keep: str = "") -> None:
    """End a person's sessions but the one hashed `keep`, in the running transaction."""
    SessionRow.delete().where(SessionRow.person == person_id, SessionRow.token_hash != keep).execute()
    db.after_commit(rights_changed)


def reset_password(login: str, *, now: datetime) -> str:
    """A new random password for someone who is locked out; for the hub's own command line."""
    person = _find(login.lower())
    if person is None:
        raise NotFound("person.no_login", f"no login {login}", login=login)
    new = secrets.token_urlsafe(15)
    _set_password(SYSTEM, person.id, passwords.hashed(new), now, counted=[f"login:{login.lower()}"])
    return new
