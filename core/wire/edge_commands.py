"""Orders from the hub to a running edge, and its answers: what needs no new configuration.

An order is answered once or not at all; one that comes after `expires_at` is not carried out.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from core.wire.base import Moment
from core.wire.uplink import VERSION, Message, Value

CommandName = Literal[
    "status", "new_epoch", "acknowledge", "reset", "shelve", "unshelve", "out_of_service", "in_service", "write",
    "read", "probe",
]  # fmt: skip


class ProbeRequest(Message):
    """Look for Modbus units and readable registers behind an address."""

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(502, ge=1, le=65535)
    first_unit: int = Field(1, ge=0, le=255)
    last_unit: int = Field(10, ge=0, le=255)
    timeout_ms: int = Field(300, ge=20, le=5000)


class EdgeCommand(Message):
    """An order to an edge. Unknown ones are answered with an error.

    acknowledge, reset, shelve, unshelve, out_of_service, in_service name a `rule`; write and read a `point`.
    """

    v: int = VERSION
    id: str = Field(max_length=40)
    name: CommandName
    expires_at: Moment | None = None
    rule: str = Field("", max_length=40)
    point: str = Field("", max_length=40)
    by: str = Field("", max_length=100, description="Who ordered it, in words people know.")
    reason: str = Field("", max_length=200)
    seconds: float | None = Field(None, gt=0, le=2_592_000, description="For shelve: how long.")
    once: bool = Field(False, description="For shelve: until the condition has ended, at most `seconds`.")
    value: Value = Field(None, description="For write.")
    probe: ProbeRequest | None = None


class EdgeReply(Message):
    """The answer to EdgeCommand `id`. `code` has a sentence `error.<code>` with `params`."""

    v: int = VERSION
    id: str
    ok: bool
    code: str = ""
    detail: str = ""
    params: dict[str, str] = Field(default_factory=dict)
    value: Value = Field(None, description="What was read, or read back after a write.")
    result: dict[str, Any] = Field(default_factory=dict, description="For probe: what was found.")
