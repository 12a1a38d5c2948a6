"""What the edge polls and listens to: one task for each line and each publishing machine, changed while it runs.

Knows which devices belong together and which of them a new configuration leaves alone; no rules, no hub.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator

from core.wire.edge_config import (
    EdgeConfig,
    ModbusRtuDevice,
    ModbusRtuTcpDevice,
    ModbusTcpDevice,
    MqttDevice,
    PointConfig,
)
from edge_agent.clock import Clock
from edge_agent.line import Line, endpoint_of
from edge_agent.sinks import Health, PublishingSink
from edge_agent.subscription import Subscription
from edge_agent.tasks import Work, cancel

Keep = Callable[[Work], asyncio.Task[None]]
Polled = ModbusTcpDevice | ModbusRtuTcpDevice | ModbusRtuDevice | MqttDevice
Members = tuple[tuple[Polled, tuple[PointConfig, ...]], ...]


class Polls:
    """All polls at work. `keep` starts a task that is started again when it fails."""

    def __init__(self, edge: str, sink: PublishingSink, health: Health, clock: Clock, keep: Keep) -> None:
        self._edge, self._sink, self._health, self._clock = edge, sink, health, clock
        self._keep = keep
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._at_work: dict[str, Line | Subscription] = {}
        self._line_of: dict[str, Line] = {}

    async def leave(self, config: EdgeConfig) -> None:
        """Stop what `config` has no more, or otherwise; what it leaves alone goes on."""
        wanted = together(config)
        for key in [key for key in self._tasks if key not in wanted]:
            await cancel([self._tasks.pop(key)])
            gone = self._at_work.pop(key)
            self._line_of = {device: line for device, line in self._line_of.items() if line is not gone}

    def begin(self, config: EdgeConfig) -> None:
        """Start what `config` has and is not at work yet; the sink must know its points by now."""
        for key, members in together(config).items():
            if key not in self._tasks:
                poll = self._at_work[key] = self._make(members)
                if isinstance(poll, Line):
                    self._line_of |= {device.id: poll for device, _points in members}
                self._tasks[key] = self._keep(poll.run)

    async def stop(self) -> None:
        """Stop all."""
        await cancel(self._tasks.values())

    def line_of(self, device_id: str) -> Line | None:
        """The line that a device is on; None for a device that is not asked."""
        return self._line_of.get(device_id)

    def lines(self) -> Iterator[tuple[Line, list[str]]]:
        """The Modbus lines at work, each with its devices."""
        for poll in self._at_work.values():
            if isinstance(poll, Line):
                yield poll, [device for device, line in self._line_of.items() if line is poll]

    def _make(self, members: Members) -> Line | Subscription:
        first, points = members[0]
        if isinstance(first, MqttDevice):
            client_id = f"fettle-{self._edge}-{first.id}"
            return Subscription(first, points, self._sink, self._health, self._clock, client_id)
        units = [(device, points) for device, points in members if not isinstance(device, MqttDevice)]
        return Line(units, self._sink, self._health, self._clock)


def together(config: EdgeConfig) -> dict[str, Members]:
    """What is polled together: all devices behind one address, or one publishing device; equal keys are equal polls."""
    points: dict[str, list[PointConfig]] = {}
    for point in config.points:
        points.setdefault(point.device, []).append(point)
    groups: dict[object, list[tuple[Polled, tuple[PointConfig, ...]]]] = {}
    for device in config.devices:
        if not isinstance(device, Polled):
            continue
        address = device.id if isinstance(device, MqttDevice) else endpoint_of(device)
        groups.setdefault(address, []).append((device, tuple(points.get(device.id, ()))))
    return {_key(members): tuple(members) for members in groups.values()}


_WORDS_OF_DEVICE = {"asset", "parent"}
_WORDS_OF_POINT = {"asset", "writable", "write_low", "write_high"}


def _key(members: list[tuple[Polled, tuple[PointConfig, ...]]]) -> str:
    """Names all that a poll depends on; what only rules and people look at may change while it goes on."""
    named = hashlib.sha256()
    for device, points in members:
        named.update(device.model_dump_json(exclude=_WORDS_OF_DEVICE).encode())
        for point in points:
            named.update(point.model_dump_json(exclude=_WORDS_OF_POINT).encode())
    return named.hexdigest()
