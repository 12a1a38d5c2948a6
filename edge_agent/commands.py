"""Orders from the hub to a running edge: each is carried out once, beside all other work, and answered.

Knows what an order needs of the edge's parts; not how it came nor how the answer travels. An order that comes after its
time, or a second time, is not carried out.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import ValidationError

from core import log
from core.errors import AppError, FettleError, OutsideError
from core.wire.edge_commands import EdgeCommand, EdgeReply, ProbeRequest
from core.wire.edge_config import EdgeConfig, PointConfig
from core.wire.uplink import Value
from edge_agent.channels import Channel
from edge_agent.polls import Polls

_log = log.get(__name__)
MOST_AT_ONCE = 32
REMEMBERED = 500  # ids, against orders that come twice
POINT_S = 10.0  # for reading or writing, when the order gives no time
PROBE_S = 300.0
_RULE_ORDERS = ("acknowledge", "reset", "shelve", "unshelve", "out_of_service", "in_service")


class Operated(Protocol):
    """What holds points and rules."""

    def channel(self, point_id: str) -> Channel: ...
    def operate(
        self,
        rule_id: str,
        operation: str,
        by: str = "",
        reason: str = "",
        seconds: float | None = None,
        once: bool = False,
    ) -> None: ...


class Commands:
    """Takes orders. `reply` sends an answer; `hub_time` is the hub's clock as far as it is known."""

    def __init__(
        self,
        watch: Operated,
        polls: Polls,
        config: Callable[[], EdgeConfig | None],
        hub_time: Callable[[], datetime],
        status: Callable[[], None],
        new_epoch: Callable[[], Awaitable[None]],
        probe: Callable[[ProbeRequest], Awaitable[dict[str, object]]],
        reply: Callable[[EdgeReply], None],
    ) -> None:
        self._watch, self._polls, self._config, self._hub_time = watch, polls, config, hub_time
        self._status, self._new_epoch, self._probe, self._reply = status, new_epoch, probe, reply
        self._seen: deque[str] = deque(maxlen=REMEMBERED)
        self._tasks: set[asyncio.Task[None]] = set()
        self._probing = False

    def take(self, payload: bytes) -> None:
        """An order has come: begin with it."""
        try:
            command = EdgeCommand.model_validate_json(payload)
        except ValidationError as error:
            _log.warning("an order of the hub is not understood", reason=str(error))
            self._not_understood(payload)
            return
        if command.id in self._seen:
            return
        self._seen.append(command.id)
        if len(self._tasks) >= MOST_AT_ONCE:
            self._reply(EdgeReply(id=command.id, ok=False, code="command.busy"))
            return
        task = asyncio.get_running_loop().create_task(self._answer(command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Leave undone what is not done yet."""
        for task in self._tasks:
            task.cancel()

    def _not_understood(self, payload: bytes) -> None:
        try:
            document = json.loads(payload)
        except (ValueError, RecursionError):
            return
        id_ = document.get("id") if isinstance(document, dict) else None
        if isinstance(id_, str) and id_:
            self._reply(EdgeReply(id=id_[:40], ok=False, code="command.unknown"))

    async def _answer(self, command: EdgeCommand) -> None:
        try:
            reply = await self._carry_out(command)
        except FettleError as error:
            params = {key: str(value) for key, value in error.params.items()}
            reply = EdgeReply(id=command.id, ok=False, code=error.code, detail=error.detail, params=params)
        except Exception as error:  # noqa: BLE001 - the top of an order: whoever waits must hear of it
            _log.exception("an order failed", order=command.name)
            reply = EdgeReply(id=command.id, ok=False, code="command.failed", detail=repr(error)[:500])
        _log.info(
            "order answered", order=command.name, by=command.by, rule=command.rule, point=command.point,
            reason=command.reason, ok=reply.ok, code=reply.code,
        )  # fmt: skip
        self._reply(reply)

    async def _carry_out(self, command: EdgeCommand) -> EdgeReply:
        expires_at = command.expires_at
        left_s = None if expires_at is None else (expires_at - self._hub_time()) / timedelta(seconds=1)
        if left_s is not None and left_s <= 0:
            raise AppError("command.expired", f"{command.name} came {-left_s:.1f} s after its time")
        if command.name in _RULE_ORDERS:
            self._watch.operate(
                command.rule, command.name, command.by, command.reason, command.seconds, command.once
            )
        elif command.name == "status":
            self._status()
        elif command.name == "new_epoch":
            await self._new_epoch()
        elif command.name == "probe":
            return await self._look_around(command, min(left_s or PROBE_S, PROBE_S))
        else:
            return await self._point(command, min(left_s or POINT_S, POINT_S))
        return EdgeReply(id=command.id, ok=True)

    async def _point(self, command: EdgeCommand, limit_s: float) -> EdgeReply:
        config = self._config()
        points = {} if config is None else {point.id: point for point in config.points}
        point = points.get(command.point)
        if point is None:
            raise AppError("command.no_point", f"no point {command.point}", point=command.point)
        if command.name == "write" and not point.writable:
            raise AppError("write.not_allowed", f"{point.name} may not be written", point=point.name)
        try:
            async with asyncio.timeout(limit_s):
                value = await self._ask(command, point)
        except TimeoutError:
            raise OutsideError(
                "command.no_time", f"{command.name} took more than {limit_s:.1f} s", point=point.name
            ) from None
        return EdgeReply(id=command.id, ok=True, value=value)

    async def _ask(self, command: EdgeCommand, point: PointConfig) -> Value:
        line = self._polls.line_of(point.device)
        if line is None:  # what publishes by itself is not asked
            channel = self._watch.channel(point.id)
            if channel.quality.value not in ("good", "uncertain"):
                raise OutsideError(
                    "command.no_value",
                    f"{point.name}: {channel.reason}",
                    point=point.name,
                    reason=channel.reason,
                )
            return channel.value
        if command.name == "read":
            return await line.read(point)
        return await line.write(point, command.value)

    async def _look_around(self, command: EdgeCommand, limit_s: float) -> EdgeReply:
        if command.probe is None:
            raise AppError("command.unknown", "probe without what to probe")
        if self._probing:  # two at once would disturb each other
            raise OutsideError("command.busy", "another probe is under way")
        self._probing = True
        try:
            async with asyncio.timeout(limit_s):
                found = await self._probe(command.probe)
        except TimeoutError:
            host = f"{command.probe.host}:{command.probe.port}"
            raise OutsideError(
                "command.probe_long", f"probing {host} takes more than {limit_s:.0f} s", host=host
            ) from None
        finally:
            self._probing = False
        return EdgeReply(id=command.id, ok=True, result=found)
