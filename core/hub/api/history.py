"""Doors of what points hold and held: history, trials of rules over it, reading and writing, looking for devices."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request

from core.errors import OutsideError
from core.hub.auth import SignedIn, clock
from core.services import edge_commands, history, point_values, rule_trials
from core.wire.base import Moment
from core.wire.edge_commands import EdgeReply, ProbeRequest
from core.wire.fleet import PointWritten, WritePoint
from core.wire.history import PointHistory, TrialResult, TryRule

router = APIRouter(tags=["edges"])

LOOK_S = 1.0  # how often a long wait looks whether its caller is still there


@router.get("/points/{point_id}/history")
def get_history(
    actor: SignedIn,
    point_id: int,
    from_at: Moment,
    to_at: Moment,
    most: Annotated[int, Query(ge=10, le=20_000)] = 2000,
) -> PointHistory:
    """What a point did, at the finest resolution that needs at most `most` samples; switches by their changes."""
    return history.of_point(actor, point_id, from_at, to_at, most)


@router.post("/points/{point_id}/try-rule")
def try_rule(actor: SignedIn, point_id: int, body: TryRule) -> TrialResult:
    """What a rule would have raised; nothing is saved."""
    return rule_trials.try_rule(actor, point_id, body)


@router.post("/points/{point_id}/read")
def read_point(actor: SignedIn, point_id: int) -> PointWritten:
    """The point's value as its device has it now."""
    return point_values.read(actor, point_id)


@router.post("/points/{point_id}/write")
def write_point(actor: SignedIn, point_id: int, body: WritePoint) -> PointWritten:
    """Write a point; the answer is what its device holds afterwards."""
    return point_values.write(actor, point_id, body, now=clock())


@router.post("/edges/{edge_id}/probe")
async def probe(actor: SignedIn, edge_id: int, body: ProbeRequest, request: Request) -> dict[str, Any]:
    """Let an edge look for Modbus units and their registers; closing the connection ends the wait."""
    order, timeout_s = edge_commands.probe_order(actor, body)
    pending = await to_thread.run_sync(edge_commands.send, actor, edge_id, order, timeout_s)
    try:
        await to_thread.run_sync(lambda: edge_commands.probed(actor, edge_id, body, now=clock()))
        return edge_commands.accepted(await _reply(pending, request)).result
    finally:
        edge_commands.forget(pending)


async def _reply(pending: edge_commands.Pending, request: Request) -> EdgeReply:
    """The answer to an order that may take minutes; no thread is held meanwhile."""
    reply = asyncio.wrap_future(pending.future)
    until = asyncio.get_running_loop().time() + pending.timeout_s
    while asyncio.get_running_loop().time() < until:
        done, _waiting = await asyncio.wait([reply], timeout=LOOK_S)
        if done:
            return reply.result()
        if await request.is_disconnected():
            raise OutsideError("edge.no_reply", "the caller has gone", name=pending.edge_name, seconds="-")
    raise edge_commands.no_reply(pending)
