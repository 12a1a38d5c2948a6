"""What the virtual plant's machines have in common: state, faults, seeded noise, and values laid out in registers."""

from __future__ import annotations

import math
import random
import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Area = Literal["holding", "input", "coil", "discrete"]
Order = Literal["ABCD", "CDAB"]
_STRUCT = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "float32": "f"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One value in a register table: raw = value / scale, as `type`, most significant word first unless CDAB."""

    address: int
    name: str
    type: str = "uint16"
    scale: float = 1.0
    order: Order = "ABCD"


def words(cells: Sequence[Cell], values: Mapping[str, float]) -> list[int]:
    """The registers 0..n that `cells` occupy; gaps are 0."""
    table: dict[int, int] = {}
    for cell in cells:
        raw = values[cell.name] / cell.scale
        number = raw if cell.type == "float32" else round(raw)
        packed = struct.pack(">" + _STRUCT[cell.type], number)
        parts = [int.from_bytes(packed[i : i + 2], "big") for i in range(0, len(packed), 2)]
        if cell.order == "CDAB":
            parts.reverse()
        table.update(enumerate(parts, cell.address))
    return [table.get(address, 0) for address in range(max(table) + 1)]


def near(value: float, target: float, tau_s: float, dt_s: float) -> float:
    """First-order approach of `value` to `target` with the time constant `tau_s`."""
    return target + (value - target) * math.exp(-dt_s / tau_s)


class Machine(ABC):
    """What all machines have: a name, a random source, faults that are on, and a clock of its own."""

    name = ""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(f"{self.name}:{seed}")
        self.faults: set[str] = set()
        self.seconds = 0.0
        self._wander = 0.0

    def step(self, dt_s: float) -> None:
        """Move on by `dt_s` seconds."""
        self.seconds += dt_s
        self._wander = near(self._wander, 0.0, 60.0, dt_s) + self.random.gauss(0, 0.05) * math.sqrt(dt_s)
        self.move(dt_s)

    @abstractmethod
    def move(self, dt_s: float) -> None:
        """The machine's own physics for `dt_s` seconds."""

    def noise(self, sigma: float) -> float:
        """Measurement noise, with the slow wander that real sensors have."""
        return self.random.gauss(0, sigma) + self._wander * sigma


class ModbusMachine(Machine):
    """A machine behind Modbus. `cells` name what lies where; `flags` are its bits by area, in address order."""

    unit = 1
    cells: Mapping[Area, Sequence[Cell]] = {}
    flags: Mapping[Area, Sequence[str]] = {}

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.values: dict[str, float] = {}
        self.bits: dict[str, bool] = {}

    def table(self, area: Area) -> list[int]:
        """Registers (or bits as 0 and 1) of one area, from address 0."""
        if area in self.flags:
            return [int(self.bits[name]) for name in self.flags[area]]
        return words(self.cells[area], self.values) if area in self.cells else []

    def write(self, area: Area, address: int, values: Sequence[int]) -> None:
        """Take what a master wrote: coils and int16 holding registers that stand at exactly these addresses."""
        for offset, value in enumerate(values):
            if area == "coil" and address + offset < len(self.flags["coil"]):
                self.bits[self.flags["coil"][address + offset]] = bool(value)
            for cell in self.cells.get(area, ()):
                if area == "holding" and cell.address == address + offset and cell.type == "int16":
                    self.values[cell.name] = (value - 65536 if value > 32767 else value) * cell.scale

    @property
    def dead(self) -> bool:
        """Whether the unit leaves requests without a reply."""
        return f"{self.name}-dead" in self.faults
