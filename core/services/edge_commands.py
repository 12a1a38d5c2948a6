"""Orders to running edges and their answers: passed on at once, answered in time or not at all.

Knows who waits for which answer in this process; how messages travel is registered by whoever carries them. With
several hub processes each hears all answers and keeps its own.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core import log
from core.domain.people import Action, Actor, require
from core.errors import AppError, OutsideError, TooMany
from core.services import journal, rows
from core.storage import db
from core.storage.tables import EdgeRow
from core.wire.edge_commands import EdgeCommand, EdgeReply, ProbeRequest

_log = log.get(__name__)

Publish = Callable[[str, EdgeCommand], bool]

ASK_S = 8.0  # a write on a slow serial line, with its read-back, is through by then
MOST_WAITING = 64
MOST_ASKING = 8  # each holds a thread of the hub, which has sixteen for all requests
PROBE_LEAST_S, PROBE_MOST_S = 30.0, 300.0

_lock = threading.Lock()
_asking = threading.BoundedSemaphore(MOST_ASKING)
_publish: Publish | None = None
_waiting: dict[str, Pending] = {}


@dataclass(frozen=True, slots=True)
class Pending:
    """An order on its way; `future` gets the answer."""

    command: EdgeCommand
    edge_id: str
    edge_name: str
    timeout_s: float
    future: Future[EdgeReply]


def use(publish: Publish) -> Callable[[], None]:
    """Let orders go out through `publish(edge_id, command)`, False when it cannot now; returns how to stop that."""
    global _publish
    with _lock:
        _publish = publish

    def stop() -> None:
        global _publish
        with _lock:
            if _publish is publish:
                _publish = None

    return stop


def answered(edge_id: str, reply: EdgeReply) -> bool:
    """An edge's answer; False when nobody here waits for it, or another edge was asked."""
    with _lock:
        pending = _waiting.get(reply.id)
        if pending is None or pending.edge_id != edge_id:
            return False
        del _waiting[reply.id]
    if not pending.future.set_running_or_notify_cancel():
        return False
    pending.future.set_result(reply)
    return True


def ask(actor: Actor, edge_pk: int, command: EdgeCommand, timeout_s: float = ASK_S) -> EdgeReply:
    """Order something of an edge and wait for its answer; never in a transaction. The caller has checked the right.

    OutsideError `edge.offline`, `edge.no_reply`, `edge.no_way`; AppError with the edge's own code when it refuses;
    TooMany `edge.busy`.
    """
    if not _asking.acquire(blocking=False):
        raise _busy()
    try:
        return _ask(actor, edge_pk, command, timeout_s)
    finally:
        _asking.release()


def _busy() -> TooMany:
    return TooMany("edge.busy", "too many orders are waiting for answers", retry_after_s=5)


def _ask(actor: Actor, edge_pk: int, command: EdgeCommand, timeout_s: float) -> EdgeReply:
    pending = send(actor, edge_pk, command, timeout_s)
    try:
        return accepted(pending.future.result(timeout_s))
    except TookTooLong:
        raise no_reply(pending) from None
    finally:
        forget(pending)


def send(actor: Actor, edge_pk: int, command: EdgeCommand, timeout_s: float) -> Pending:
    """Send an order and return what waits for its answer; `forget` it in the end. Errors as `ask`."""
    if db.database.obj is not None and db.database.in_transaction():
        raise RuntimeError("an edge is never waited for while a transaction is open")
    edge_id, name = _reachable(edge_pk)
    expires_at = datetime.now(UTC) + timedelta(seconds=timeout_s)
    sent = command.model_copy(update={"expires_at": expires_at, "by": command.by or actor.name[:100]})
    pending = Pending(sent, edge_id, name, timeout_s, Future())
    with _lock:
        if len(_waiting) >= MOST_WAITING:
            raise _busy()
        _waiting[sent.id] = pending
        publish = _publish
    if publish is None or not publish(edge_id, sent):
        forget(pending)
        raise OutsideError("edge.no_way", "the hub has no connection to the broker", name=name)
    return pending


def forget(pending: Pending) -> None:
    """Nobody waits for this answer any more; harmless twice."""
    with _lock:
        _waiting.pop(pending.command.id, None)
    pending.future.cancel()


def tell(actor: Actor, edge_pk: int, command: EdgeCommand) -> None:
    """Order something of an edge without waiting; what does not arrive is no error."""
    edge = _edge(edge_pk)
    expires_at = datetime.now(UTC) + timedelta(seconds=60)
    sent = command.model_copy(update={"expires_at": expires_at, "by": command.by or actor.name[:100]})
    publish = _publish
    if not edge[2] or publish is None or not publish(edge[0], sent):
        _log.info("an edge was not told", edge=edge[0], order=command.name)


def order(name: str, **values: Any) -> EdgeCommand:
    """A new order under an id of its own."""
    return EdgeCommand.model_validate({"id": secrets.token_hex(12), "name": name, **values})


def no_reply(pending: Pending) -> OutsideError:
    """What is raised when an answer does not come in time."""
    seconds = f"{pending.timeout_s:g}"
    return OutsideError(
        "edge.no_reply",
        f"{pending.edge_id} did not answer {pending.command.name} within {seconds} s",
        name=pending.edge_name,
        seconds=seconds,
    )


def accepted(reply: EdgeReply) -> EdgeReply:
    """The answer, unless it says no: AppError with the edge's own code."""
    if reply.ok:
        return reply
    code: str = reply.code or "command.refused"
    params = {key: value for key, value in reply.params.items() if key not in ("code", "detail", "fields")}
    raise AppError(code, reply.detail, None, **params)


def _reachable(edge_pk: int) -> tuple[str, str]:
    edge_id, name, online = _edge(edge_pk)
    if not online:
        raise OutsideError("edge.offline", f"{edge_id} is not connected", name=name)
    return edge_id, name


@db.reading
def _edge(edge_pk: int) -> tuple[str, str, bool]:
    row = rows.get(EdgeRow, edge_pk, "edge")
    return row.edge_id, row.name, bool(row.active and row.online)


# ---------------------------------------------------------------- looking for devices


def probe_order(actor: Actor, wanted: ProbeRequest) -> tuple[EdgeCommand, float]:
    """The order to look for devices, and how many seconds it may take. AppError `probe.units`."""
    require(actor, Action.FLEET_EDIT)
    if wanted.last_unit < wanted.first_unit:
        raise AppError("probe.units", "last_unit is before first_unit", {"last_unit": "too_low"})
    units = wanted.last_unit - wanted.first_unit + 1
    # A silent unit costs one timeout, one that answers some dozens of requests.
    needed_s = units * wanted.timeout_ms / 1000 * 3
    return order("probe", probe=wanted), min(PROBE_MOST_S, PROBE_LEAST_S + needed_s)


@db.transaction
def probed(actor: Actor, edge_pk: int, wanted: ProbeRequest, *, now: datetime) -> None:
    """Keep that somebody has had devices looked for: it reaches into the plant's network."""
    row = rows.get(EdgeRow, edge_pk, "edge")
    units = f"{wanted.first_unit}-{wanted.last_unit}"
    journal.write(
        actor, "edge.probed", "edge", row.id, now,
        name=row.name, text=f"{wanted.host}:{wanted.port}, {units}",
    )  # fmt: skip
