"""Edges: joining by one-time code, their logins, and the latest values of their points."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections import deque
from datetime import datetime, timedelta
from typing import Any

from core.domain.people import Action, Actor, require
from core.errors import AppError, Conflict, NotFound, TooMany
from core.services import journal, rows, settings
from core.storage import db
from core.storage.tables import (
    DeadLetterRow,
    EdgeRow,
    JoinCodeRow,
)
from core.wire import topics
from core.wire.fleet import DeadLetterView, EdgeView, JoinCode, SaveEdge
from core.wire.uplink import EdgeJoined, EdgeStatus, JoinEdge, PointSample, Telemetry

CODE_LIFE = timedelta(minutes=15)
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_WRONG_PER_MINUTE = 10
_TRUST_S = 10.0  # how long another hub process may not know of a re-join
_MOST_POINTS = 50_000  # of one edge, in memory

_lock = threading.Lock()
_logins: dict[str, tuple[str, float]] = {}
_wrong_codes: deque[float] = deque()
_latest: dict[str, dict[str, PointSample]] = {}

# ---------------------------------------------------------------- edges


@db.reading
def edges(actor: Actor) -> list[EdgeView]:
    """All edges, by name."""
    require(actor, Action.FLEET_READ)
    return [_view(row) for row in EdgeRow.select().order_by(EdgeRow.name)]


@db.reading
def edge(actor: Actor, edge_pk: int) -> EdgeView:
    """One edge."""
    require(actor, Action.FLEET_READ)
    return _view(rows.get(EdgeRow, edge_pk, "edge"))


@db.transaction
def create_edge(actor: Actor, new: SaveEdge, *, now: datetime) -> EdgeView:
    """Add an edge; it joins later, by code. Conflict `edge.id_taken`, `edge.id_reserved`."""
    require(actor, Action.FLEET_EDIT)
    edge_id = new.edge_id or _next_edge_id()
    if edge_id in (topics.OTHERS, settings.hub().broker.username):  # others in topics and logins
        raise Conflict("edge.id_reserved", f"{edge_id} is reserved", {"edge_id": "reserved"}, edge_id=edge_id)
    if EdgeRow.get_or_none(EdgeRow.edge_id == edge_id) is not None:
        raise Conflict("edge.id_taken", f"edge {edge_id} exists", {"edge_id": "taken"}, edge_id=edge_id)
    row = EdgeRow.create(edge_id=edge_id, name=new.name, active=new.active)
    journal.write(actor, "edge.created", "edge", row.id, now, name=row.name, edge_id=edge_id)
    return _view(row)


def _next_edge_id() -> str:
    used = {row.edge_id for row in EdgeRow.select(EdgeRow.edge_id)}
    return next(name for name in (f"edge-{n}" for n in range(1, len(used) + 2)) if name not in used)


@db.transaction
def save_edge(actor: Actor, edge_pk: int, new: SaveEdge, *, now: datetime) -> EdgeView:
    """Rename an edge, or shut it out. Its id is in topics and logins, and stays."""
    require(actor, Action.FLEET_EDIT)
    row = rows.lock(EdgeRow, edge_pk, "edge", new.version)
    if new.edge_id not in (None, row.edge_id):
        raise Conflict("edge.id_fixed", "an edge keeps its id", {"edge_id": "fixed"}, edge_id=row.edge_id)
    changed = rows.change(row, name=new.name, active=new.active)
    db.after_commit(_logins.clear)
    journal.write(actor, "edge.edited", "edge", row.id, now, name=row.name, changed=changed)
    return _view(row)


def _view(row: Any) -> EdgeView:
    status = EdgeStatus.model_validate(row.status) if row.status else None
    return EdgeView(
        id=row.id,
        version=row.version,
        edge_id=row.edge_id,
        name=row.name,
        joined=row.password_hash is not None,
        online=row.online,
        seen_at=row.seen_at,
        agent_version=status.agent_version if status else "",
        config_version=row.config_version,
        config_dirty=row.config_dirty,
        applied_version=status.config_version if status else 0,
        refused_version=status.config_refused if status else 0,
        config_errors=list(status.config_errors) if status else [],
        devices=list(status.devices) if status else [],
        outbox_depth=status.outbox_depth if status else 0,
        active=row.active,
    )


# ---------------------------------------------------------------- joining and logins


@db.transaction
def make_join_code(actor: Actor, edge_pk: int, *, now: datetime) -> JoinCode:
    """A code for one edge, good once within 15 minutes; earlier ones of this edge end."""
    require(actor, Action.FLEET_EDIT)
    row = rows.get(EdgeRow, edge_pk, "edge")
    code = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(2))
    JoinCodeRow.delete().where(
        (JoinCodeRow.edge == row.id) & JoinCodeRow.used_at.is_null() | (JoinCodeRow.expires_at < now)
    ).execute()
    JoinCodeRow.create(code_hash=_code_hash(code), edge=row.id, expires_at=now + CODE_LIFE)
    journal.write(actor, "edge.join_code_made", "edge", row.id, now, name=row.name)
    return JoinCode(
        code=code, expires_at=now + CODE_LIFE, command=f"fettle edge join {settings.public_url()} {code}"
    )


def _code_hash(code: str) -> str:
    return hashlib.sha256(code.strip().upper().replace("-", "").encode()).hexdigest()


def join(request: JoinEdge, *, now: datetime, address: str = "localhost") -> EdgeJoined:
    """Give an edge its login for the code. A re-join makes the old password worthless. NotFound `edge.bad_code`.

    `address` is the caller's: AppError `edge.broker_local` when it could not reach the broker from there.
    """
    if settings.broker_only_here() and not settings.is_loopback(address):
        bind = settings.hub().broker.bind
        raise AppError("edge.broker_local", f"broker.bind is {bind}, the edge is at {address}", bind=bind)
    moment = time.monotonic()
    with _lock:
        while _wrong_codes and _wrong_codes[0] < moment - 60:
            _wrong_codes.popleft()
        if len(_wrong_codes) >= _WRONG_PER_MINUTE:
            raise TooMany("edge.join_wait", "too many wrong codes", retry_after_s=60)
        _wrong_codes.append(moment)  # taken back when it was right
    joined = _join(request, now)
    with _lock:
        _wrong_codes.remove(moment)
    return joined


@db.transaction
def _join(request: JoinEdge, now: datetime) -> EdgeJoined:
    code = JoinCodeRow.get_or_none(JoinCodeRow.code_hash == _code_hash(request.code))
    if code is None or code.used_at is not None or code.expires_at <= now or not code.edge.active:
        raise NotFound(
            "edge.bad_code", "no such join code, or it has been used or has expired", {"code": "unknown"}
        )
    taken = JoinCodeRow.update(used_at=now).where(JoinCodeRow.id == code.id, JoinCodeRow.used_at.is_null())
    if taken.execute() != 1:
        raise NotFound("edge.bad_code", "this join code has just been used", {"code": "unknown"})
    row = rows.lock(EdgeRow, code.edge_id, "edge")
    password = secrets.token_urlsafe(32)
    rows.change(row, password_hash=broker_hash(password), joined_at=now)
    db.after_commit(_logins.clear)
    who = Actor("edge", row.id, row.name)
    facts: dict[str, Any] = {"hostname": request.hostname, "agent_version": request.agent_version}
    journal.write(who, "edge.joined", "edge", row.id, now, name=row.name, **facts)
    host, port, tls = settings.broker_address()
    return EdgeJoined(
        edge=row.edge_id,
        name=row.name,
        mqtt_host=host,
        mqtt_port=port,
        mqtt_tls=tls,
        password=password,
        http_url=settings.public_url(),
        ca_pem=settings.ca_pem(),
    )


def broker_hash(password: str, salt: bytes | None = None, rounds: int = 101) -> str:
    """A password as Mosquitto's password file has it (`$7$`, PBKDF2-SHA512), so that either broker can check it.

    Few rounds are enough for 256 random bits.
    """
    salt = salt or secrets.token_bytes(12)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, 64)
    return f"$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def check_login(edge_id: str, password: str) -> bool:
    """Whether this is the edge's password. Kept in memory for seconds: a broker asks at each connection."""
    known = _logins.get(edge_id)
    if known is None or time.monotonic() - known[1] > _TRUST_S:
        known = (_stored_login(edge_id), time.monotonic())
        if len(_logins) > 1000:  # names that nobody has must not fill the memory
            _logins.clear()
        _logins[edge_id] = known
    stored = known[0]
    if not stored:
        return False
    _, _, rounds, salt, _ = stored.split("$")
    again = broker_hash(password, base64.b64decode(salt), int(rounds))
    return secrets.compare_digest(again, stored)


@db.reading
def _stored_login(edge_id: str) -> str:
    row = EdgeRow.get_or_none(EdgeRow.edge_id == edge_id)
    return row.password_hash if row is not None and row.active and row.password_hash else ""


def edited(edge_pk: int) -> None:
    """Mark, in the running transaction, that an edge runs an older configuration than the hub has."""
    EdgeRow.update(config_dirty=True).where(EdgeRow.id == edge_pk).execute()


@db.reading
def dead_letters(actor: Actor, limit: int = 500) -> list[DeadLetterView]:
    """What could not be taken in and is not settled, newest first."""
    require(actor, Action.FLEET_READ)
    query = DeadLetterRow.select().where(DeadLetterRow.settled_at.is_null()).order_by(DeadLetterRow.id.desc())
    return [
        DeadLetterView(
            id=row.id,
            edge=row.source or (row.edge.edge_id if row.edge else ""),
            seq=row.seq,
            code=row.code,
            detail=row.detail,
            at=row.at,
        )
        for row in query.limit(limit)
    ]


# ---------------------------------------------------------------- latest values, in memory only


def remember(telemetry: Telemetry) -> None:
    """Keep the newest sample of each point of an edge; the caller has checked who sent it."""
    known = _latest.setdefault(telemetry.edge, {})
    for sample in telemetry.points:
        old = known.get(sample.id)
        if (old is None and len(known) < _MOST_POINTS) or (old is not None and sample.at >= old.at):
            known[sample.id] = sample


def latest(edge_id: str, point_id: int) -> PointSample | None:
    """The newest sample of a point since the hub started; None when it was never heard."""
    return _latest.get(edge_id, {}).get(str(point_id))
