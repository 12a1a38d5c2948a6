"""From points to block reads: which registers are asked for together. Knows addresses and costs, no sockets.

Two neighbours share a request when reading what lies between them is cheaper than asking twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.wire.edge_config import ModbusDevice, ModbusRtuDevice, ModbusTcpDevice, PointConfig
from edge_agent.drivers.decode import WORDS, BitsDecoder, Decoder, RegistersDecoder, Slot

TCP_REQUEST_S, TCP_REGISTER_S = (
    320e-6,
    20e-6,
)  # network, device and ourselves; a small controller's per register
RTU_TURN_S = 5e-3  # a device on a line thinks before it answers
RTU_FRAME_CHARS = 8 + 5 + 2 * 3.5  # request, frame of the reply, two silences
UNKNOWN_BAUD = 9600  # behind a serial server
FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


@dataclass(frozen=True, slots=True)
class Block:
    """One request, and which points its reply feeds."""

    function: int
    address: int
    count: int
    points: tuple[PointConfig, ...]
    decoder: Decoder = field(compare=False, repr=False)

    @property
    def reply_bytes(self) -> int:
        """Exact number of data bytes of a right reply."""
        return self.count * 2 if self.function >= 3 else (self.count + 7) // 8

    @property
    def label(self) -> str:
        """As people name it: `holding 40-47`."""
        return f"{self.area} {self.span}"

    @property
    def area(self) -> str:
        """The area that the function reads."""
        return next(name for name, code in FUNCTIONS.items() if code == self.function)

    @property
    def span(self) -> str:
        """First and last address, as on the wire."""
        last = self.address + self.count - 1
        return str(self.address) if self.count == 1 else f"{self.address}-{last}"


def intervals(device: ModbusDevice, points: Iterable[PointConfig]) -> dict[int, list[PointConfig]]:
    """The points of `device` by scan interval in milliseconds."""
    groups: dict[int, list[PointConfig]] = {}
    for point in points:
        groups.setdefault(point.poll_ms or device.poll_ms, []).append(point)
    return groups


def blocks(device: ModbusDevice, points: Iterable[PointConfig]) -> list[Block]:
    """The fewest sensible requests that read `points`, within the device's limits."""
    by_function: dict[int, list[PointConfig]] = {}
    for point in points:
        by_function.setdefault(FUNCTIONS[point.area], []).append(point)
    return [
        block
        for function, group in sorted(by_function.items())
        for block in _merge(function, sorted(group, key=lambda p: (p.address, width(p))), device)
    ]


def gap(device: ModbusDevice, function: int) -> int:
    """How many registers (or bits) that nobody wants may be read to save a request."""
    if isinstance(device, ModbusTcpDevice):
        registers = TCP_REQUEST_S / TCP_REGISTER_S
    else:
        char_s = 11 / (device.baud_rate if isinstance(device, ModbusRtuDevice) else UNKNOWN_BAUD)
        registers = (RTU_FRAME_CHARS * char_s + RTU_TURN_S) / (2 * char_s)
    return int(registers if function >= 3 else registers * 16)


def most(device: ModbusDevice, function: int) -> int:
    """How many registers (or bits) the device gives in one reply."""
    return device.max_registers if function >= 3 else device.max_bits


def width(point: PointConfig) -> int:
    """How many registers (or bits) a point takes."""
    if point.area in ("coil", "discrete") or point.bit is not None:
        return 1
    return point.words if point.type == "string" else WORDS[point.type]


def halves(block: Block) -> list[Block]:
    """Two blocks for one that the device refused, cut at the widest gap, else in the middle; one point stays one."""
    points = block.points
    if len({(p.address, width(p)) for p in points}) == 1:
        return [block]
    ends = [max(p.address + width(p) for p in points[:cut]) for cut in range(1, len(points))]
    gaps = [points[cut].address - ends[cut - 1] for cut in range(1, len(points))]
    widest = max(gaps)
    middle = len(points) / 2
    cuts = [cut for cut in range(1, len(points)) if gaps[cut - 1] == widest]
    cut = min(cuts, key=lambda at: abs(at - middle))
    return [make(block.function, points[:cut]), make(block.function, points[cut:])]


def make(function: int, points: Sequence[PointConfig]) -> Block:
    """The block that just covers `points`, which are sorted by address."""
    first = points[0].address
    count = max(point.address + width(point) for point in points) - first
    number_of = {point.id: number for number, point in enumerate(points)}
    slots = [_slot(point, first, number_of) for point in points]
    decoder: Decoder = BitsDecoder(slots) if function <= 2 else RegistersDecoder(slots, count)
    return Block(function, first, count, tuple(points), decoder)


def _slot(point: PointConfig, first: int, number_of: Mapping[str, int]) -> Slot:
    factor = number_of.get(point.scale_point) if point.scale_point else None
    return Slot(
        offset=point.address - first,
        type="uint16" if point.bit is not None else point.type,
        order=point.order,
        bit=point.bit,
        bits=point.bits,
        words=point.words,
        scale=point.scale,
        shift=point.offset,
        factor=factor,
        factor_point=point.scale_point if factor is None else "",
        missing=point.missing,
        words_of=point.words_of,
    )


def _merge(function: int, points: Sequence[PointConfig], device: ModbusDevice) -> list[Block]:
    widest_gap, longest = gap(device, function), most(device, function)
    merged: list[Block] = []
    run: list[PointConfig] = []
    end = 0
    for point in points:
        reach = max(end, point.address + width(point))
        if run and (point.address - end > widest_gap or reach - run[0].address > longest):
            merged.append(make(function, run))
            run, reach = [], point.address + width(point)
        run.append(point)
        end = reach
    if run:
        merged.append(make(function, run))
    return merged
