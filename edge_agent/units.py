"""What a line keeps of each Modbus unit: its blocks at work, its scans, how it has been doing. No sockets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.wire.edge_config import ModbusDevice, ModbusTcpDevice, PointConfig
from edge_agent import planner
from edge_agent.channels import Channel, Feed
from edge_agent.drivers.decode import Before
from edge_agent.drivers.modbus_messages import Exchange, Request, read
from edge_agent.planner import Block
from edge_agent.sinks import Sink

CLEAN_TO_GROW = 3  # exchanges without anything odd until more goes out at once
HOLD_S, HOLD_MOST_S = 60.0, 3600.0  # after something odd: one at a time for so long, doubled each time
SLACK = {"high": 0.1, "normal": 1.0, "low": 3.0}
"""By priority: how much of its interval a scan may wait behind others that are due too."""


@dataclass(eq=False)
class Job:
    """One block at work."""

    block: Block
    request: Request
    channels: list[Channel]
    feed: Feed
    last: bytes | None = None
    before: Before = field(default_factory=list)


@dataclass(eq=False)
class Unit:
    """One device and how it has been doing."""

    device: ModbusDevice
    failures: int = 0
    probe_pause_s: float = 0.0  # above 0: only probed
    latency_s: float = 0.0  # of one reply, the slowest lately; 0 for never seen
    quiet_from_s: float = 0.0
    answering: bool | None = None
    holes: dict[str, tuple[str, str]] = field(default_factory=dict)  # point → (error code, address)
    busy_scans: int = 0  # in a row with an answer that is a refusal of another kind
    told: tuple[str, str] = ("", "")
    window: int = 1  # requests under way at once
    clean: int = 0
    hold_s: float = HOLD_S
    held_until_s: float = 0.0

    window_most: int = field(init=False)  # how wide it may become

    def __post_init__(self) -> None:
        self.window_most = self.device.pipeline if isinstance(self.device, ModbusTcpDevice) else 1

    def went_well(self, now_s: float) -> None:
        """Nothing odd: after some of these more goes out at once."""
        self.clean += 1
        if self.clean >= CLEAN_TO_GROW and now_s >= self.held_until_s and self.window < self.window_most:
            self.window = min(2 * self.window, self.window_most)
            self.clean = 0

    def went_odd(self, now_s: float) -> None:
        """One at a time again; the longer, the more often it happens."""
        self.clean = 0
        if self.window > 1:
            self.window = 1
            self.held_until_s = now_s + self.hold_s
            self.hold_s = min(2 * self.hold_s, HOLD_MOST_S)


@dataclass(eq=False)
class Scan:
    """The points of one unit that share an interval."""

    unit: Unit
    interval_s: float
    points: list[PointConfig]
    jobs: list[Job]
    due_s: float
    holes: list[PointConfig] = field(default_factory=list)
    holes_again_s: float = 0.0
    cut: bool = False  # blocks have been cut since the last `mend`
    mended: bool = False
    torn: bool = False  # what `mend` had put together was refused: never again
    exchange: Exchange | None = None  # that asks all jobs; made anew when they change
    worst_late_s: float = 0.0

    @property
    def deadline_s(self) -> float:
        """Of the scans that are due, the one with the earliest deadline goes first."""
        return self.due_s + self.interval_s * SLACK[self.unit.device.priority]


def job(device: ModbusDevice, block: Block, sink: Sink) -> Job:
    """Put a block to work: its points are fed by it from now on."""
    feed = Feed()
    channels = [sink.channel(point.id) for point in block.points]
    for channel in channels:
        channel.attach(feed)
    if block.decoder.outside:
        block.decoder.bind({id_: sink.channel(id_) for id_ in block.decoder.outside})
    return Job(block, read(device.unit, block.function, block.address, block.count), channels, feed)


def jobs(device: ModbusDevice, points: Iterable[PointConfig], sink: Sink) -> list[Job]:
    """All blocks that `points` of a device need."""
    return [job(device, block, sink) for block in planner.blocks(device, points)]


def mend(scan: Scan, sink: Sink) -> None:
    """After a search for refused addresses: put blocks that touch together again, once."""
    if not scan.cut or scan.torn:
        return
    scan.cut, scan.mended = False, True
    merged: list[Block] = []
    for block in sorted((job.block for job in scan.jobs), key=lambda block: (block.function, block.address)):
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.function == block.function
            and block.address <= last.address + last.count
            and block.address + block.count - last.address <= planner.most(scan.unit.device, block.function)
        ):
            merged[-1] = planner.make(block.function, (*last.points, *block.points))
        else:
            merged.append(block)
    if len(merged) < len(scan.jobs):
        scan.jobs = [job(scan.unit.device, block, sink) for block in merged]


def single(device: ModbusDevice, point: PointConfig) -> Request:
    """A read of one point alone, its value not taken."""
    block = planner.make(planner.FUNCTIONS[point.area], [point])
    return read(device.unit, block.function, block.address, block.count)
