"""A virtual plant as pure state: its machines together, the faults they know, and a script of when these come.

Opens no socket and reads no clock: the same seed, steps and faults give the same values.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.plant_base import Machine
from edge_agent.plant_machines import Compressor, MouldingMachine, PackingLine

STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that can go wrong on demand. `machine` is the machine's name, `shows` what a person would see."""

    name: str
    machine: str
    shows: str


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("barrel-overheat", "moulding", "barrel zone 2 rises 1.6 °C a second up to 262 °C"),
        Fault(
            "pump-trip",
            "moulding",
            "the hydraulic pump's overload trips: bit 2 of the status word, pressure falls",
        ),
        Fault("door-open", "moulding", "the guard door reports open: discrete input 1, the cycle stops"),
        Fault(
            "compressor-overheat", "compressor", "discharge temperature rises 1.2 °C a second up to 118 °C"
        ),
        Fault("compressor-trip", "compressor", "motor trip: discrete input 2, the net pressure falls"),
        Fault("pressure-stuck", "compressor", "the pressure sensor repeats its last value for ever"),
        Fault("compressor-dead", "compressor", "the unit keeps its connection and answers nothing"),
        Fault("packing-jam", "packing", "a carton jams: jam is true, speed 0, the motor draws too much"),
        Fault("packing-overheat", "packing", "the main motor rises 1.5 °C a second up to 104 °C"),
        Fault("packing-silent", "packing", "the line publishes nothing"),
    )
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
        faults = self.machines[FAULTS[name].machine].faults
        (faults.add if on else faults.discard)(name)

    @property
    def active(self) -> list[str]:
        """Names of the faults that are on."""
        return sorted(name for machine in self.machines.values() for name in machine.faults)
