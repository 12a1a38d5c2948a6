"""Whom the pollers tell what they read: shapes only, so that pollers know neither rules nor hub."""

from __future__ import annotations

from typing import Protocol

from core.domain.points import Quality
from edge_agent.channels import Channel, Value


class Sink(Protocol):
    """Who is told what a line reads."""

    def channel(self, point_id: str) -> Channel: ...
    def put(
        self, channel: Channel, value: Value, quality: Quality, reason: str, previous_good_s: float
    ) -> None: ...
    def answers(self, device_id: str, answering: bool) -> None: ...
    def flush(self) -> None: ...


class Health(Protocol):
    """Who is told how a device does: state (ok, failing), error code, detail, and what its sentence names."""

    def __call__(
        self, device_id: str, state: str, code: str, detail: str, params: dict[str, str], /
    ) -> None: ...


class PublishingSink(Sink, Protocol):
    """A sink that also counts the silence of machines which publish by themselves."""

    def heard(self, device_id: str) -> None: ...
