"""A virtual plant as pure state: its machines together, the faults they know, and a script of when these come.

Opens no socket and reads no clock: the same seed, steps and faults give the same values.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.plant_base import Machine
from edge_agent.plant_machines import Compressor, MouldingMachine, PackingLine

STEP_S = 0.1


# What can go wrong on demand, and at which machine; the codes `simulator.fault.*` say what a person sees.
FAULTS: dict[str, str] = {
    "barrel-overheat": "moulding",
    "pump-trip": "moulding",
    "door-open": "moulding",
    "compressor-overheat": "compressor",
    "compressor-trip": "compressor",
    "pressure-stuck": "compressor",
    "compressor-dead": "compressor",
    "packing-jam": "packing",
    "packing-overheat": "packing",
    "packing-silent": "packing",
}


@dataclass
class Plant:
    """The three machines, and the script of faults: (at second, fault, on or off)."""

    seed: int = 1
    script: list[tuple[float, str, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.moulding = MouldingMachine(self.seed)
        self.compressor = Compressor(self.seed)
        self.packing = PackingLine(self.seed)
        self.machines: dict[str, Machine] = {
            machine.name: machine for machine in (self.moulding, self.compressor, self.packing)
        }
        self.seconds = 0.0
        self.script = sorted(self.script)

    def step(self, dt_s: float = STEP_S) -> list[tuple[str, bool]]:
        """Move all machines on; return the faults that the script switched."""
        self.seconds += dt_s
        switched: list[tuple[str, bool]] = []
        while self.script and self.script[0][0] <= self.seconds:
            _at_s, name, on = self.script.pop(0)
            self.switch(name, on)
            switched.append((name, on))
        for machine in self.machines.values():
            machine.step(dt_s)
        return switched

    def switch(self, name: str, on: bool) -> None:
        """Begin or end the fault `name`; KeyError when there is none of that name."""
        faults = self.machines[FAULTS[name]].faults
        (faults.add if on else faults.discard)(name)

    @property
    def active(self) -> list[str]:
        """Names of the faults that are on."""
        return sorted(name for machine in self.machines.values() for name in machine.faults)
