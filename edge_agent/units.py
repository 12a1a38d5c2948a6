"""What a line keeps of each Modbus unit: its blocks at work, its scans, how it has been doing. No sockets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.wire.edge_config import ModbusTcpDevice, PointConfig
from edge_agent import planner
from edge_agent.channels import Channel, Feed
from edge_agent.drivers.decode import Before
from edge_agent.drivers.modbus_tcp import Request, request
from edge_agent.planner import Block
from edge_agent.sinks import Sink


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

    device: ModbusTcpDevice
    failures: int = 0
    probe_pause_s: float = 0.0  # above 0: only probed
    latency_s: float = 0.01
    quiet_from_s: float = 0.0
    answering: bool | None = None
    holes: dict[str, tuple[str, str]] = field(default_factory=dict)  # point → (error code, address)
    busy_scans: int = 0  # in a row with an answer that is a refusal of another kind
    told: tuple[str, str] = ("", "")


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


def job(device: ModbusTcpDevice, block: Block, sink: Sink) -> Job:
    """Put a block to work: its points are fed by it from now on."""
    feed = Feed()
    channels = [sink.channel(point.id) for point in block.points]
    for channel in channels:
        channel.attach(feed)
    return Job(block, request(device.unit, block.function, block.address, block.count), channels, feed)


def jobs(device: ModbusTcpDevice, points: Iterable[PointConfig], sink: Sink) -> list[Job]:
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
        most = scan.unit.device.max_registers if block.function >= 3 else planner.MAX_BITS
        if (
            last is not None
            and last.function == block.function
            and block.address <= last.address + last.count
            and block.address + block.count - last.address <= most
        ):
            merged[-1] = planner.make(block.function, (*last.points, *block.points))
        else:
            merged.append(block)
    if len(merged) < len(scan.jobs):
        scan.jobs = [job(scan.unit.device, block, sink) for block in merged]


def single(device: ModbusTcpDevice, point: PointConfig) -> Request:
    """A read of one point alone, its value not taken."""
    block = planner.make(planner.FUNCTIONS[point.area], [point])
    return request(device.unit, block.function, block.address, block.count)
