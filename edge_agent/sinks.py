"""Whom the pollers tell what they read: shapes only, so that pollers know neither rules nor hub."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from core.domain.points import Quality
from edge_agent.channels import Channel, Value


class Sink(Protocol):
    """Who is told what a line reads.

    `take`: what a good scan says anew of points that share a feed, by index into `channels`; a None is no number,
    `reasons` says why. `line_answers`: nothing at all comes from a line with several devices, or it does again;
    called before the devices' own `answers`. `flush`: one scan's readings are complete.
    """

    def channel(self, point_id: str) -> Channel: ...
    def put(
        self, channel: Channel, value: Value, quality: Quality, reason: str, previous_good_s: float
    ) -> None: ...
    def take(
        self,
        channels: Sequence[Channel],
        changes: Iterable[tuple[int, Value]],
        previous_good_s: float,
        reasons: Sequence[str] = (),
    ) -> None: ...
    def answers(self, device_id: str, answering: bool) -> None: ...
    def line_answers(self, line_id: str, device_ids: Sequence[str], answering: bool, name: str) -> None: ...
    def flush(self) -> None: ...


class Health(Protocol):
    """Who is told how a device does: state (ok, failing), error code, detail, and what its sentence names."""

    def __call__(
        self, device_id: str, state: str, code: str, detail: str, params: dict[str, str], /
    ) -> None: ...


class PublishingSink(Sink, Protocol):
    """A sink that also counts the silence of machines which publish by themselves.

    `gone`: the broker says that the machine is not there any more (its last will); no need to wait for silence.
    """

    def heard(self, device_id: str) -> None: ...
    def gone(self, device_id: str) -> None: ...
