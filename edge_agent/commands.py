"""Orders from the hub to a running edge: carries each out in its own time, and answers it.

Knows what an order needs of the edge's parts; not how it came nor how the answer travels.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from pydantic import ValidationError

from core import log
from core.wire.edge_commands import EdgeCommand, EdgeReply

_log = log.get(__name__)


class Commands:
    """`status` tells the hub how the edge does, `new_epoch` begins one in the outbox, `reply` sends an answer."""

    def __init__(
        self,
        status: Callable[[], None],
        new_epoch: Callable[[], Awaitable[None]],
        reply: Callable[[EdgeReply], None],
    ) -> None:
        self._status, self._new_epoch, self._reply = status, new_epoch, reply

    def read(self, payload: bytes) -> EdgeCommand | None:
        """The order of a message; None for one that is not understood, which is answered if it has an id."""
        try:
            return EdgeCommand.model_validate_json(payload)
        except ValidationError as error:
            _log.warning("an order of the hub is not understood", reason=str(error))
        try:
            document = json.loads(payload)
        except (ValueError, RecursionError):
            return None
        id_ = document.get("id") if isinstance(document, dict) else None
        if isinstance(id_, str) and id_:
            self._reply(EdgeReply(id=id_[:40], ok=False, code="command.unknown"))
        return None

    async def carry_out(self, command: EdgeCommand) -> None:
        """Do what `command` says, and answer."""
        if command.name == "status":
            self._status()
        elif command.name == "new_epoch":
            await self._new_epoch()
        else:
            self._reply(EdgeReply(id=command.id, ok=False, code="command.unknown"))
            return
        self._reply(EdgeReply(id=command.id, ok=True))
