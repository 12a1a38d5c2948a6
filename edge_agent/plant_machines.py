"""The three machines of the virtual plant: how they move, wear and fail. They know no socket and no clock.

An injection moulding machine and an air compressor show themselves as Modbus registers, a packing line as JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from edge_agent.plant_base import Area, Cell, Machine, ModbusMachine, near

_PHASES = (  # of a moulding cycle: ends at (s), hydraulic pressure (bar), clamp force (kN)
    (3.0, 62.0, 420.0),
    (6.0, 148.0, 900.0),
    (12.0, 92.0, 900.0),
    (24.0, 38.0, 880.0),
    (28.0, 58.0, 60.0),
)


class MouldingMachine(ModbusMachine):
    """Injection moulding machine: input registers 0-14, one setpoint, two coils, four discrete inputs."""

    name = "moulding"
    cells: Mapping[Area, Sequence[Cell]] = {
        "input": (
            Cell(0, "zone1_c", "int16", 0.1),
            Cell(1, "zone2_c", "int16", 0.1),
            Cell(2, "zone3_c", "int16", 0.1),
            Cell(3, "oil_c", "int16", 0.1),
            Cell(4, "pressure_bar", "float32"),
            Cell(6, "clamp_kn", "float32", order="CDAB"),
            Cell(8, "cycles", "uint32"),
            Cell(10, "cycle_s", "uint16", 0.01),
            Cell(11, "status"),
            Cell(12, "run_h", "float32"),
            Cell(14, "screw_wear_pct", "uint16", 0.01),
        ),
        "holding": (Cell(0, "setpoint_c", "int16", 0.1),),
    }
    flags: Mapping[Area, Sequence[str]] = {
        "coil": ("enable", "heaters"),
        "discrete": ("running", "door_open", "pump_trip", "emergency_stop"),
    }

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.bits = dict.fromkeys((*self.flags["coil"], *self.flags["discrete"]), False)
        self.bits |= {"enable": True, "heaters": True, "running": True}
        self._phase_s = 0.0
        self._cycles = 184_220
        self._run_h = 6_120.4
        self._wear_pct = 31.0
        self._zones = [205.0, 215.0, 220.0]
        self._oil_c = 46.0
        self._pressure_bar, self._clamp_kn = 38.0, 880.0
        self._cycle_s = 28.0
        self.values = {"setpoint_c": 215.0}
        self.move(0.0)

    def move(self, dt_s: float) -> None:
        """One cycle after the other while enabled, healthy and closed; heat follows its setpoints."""
        tripped, door = "pump-trip" in self.faults, "door-open" in self.faults
        running = self.bits["enable"] and not tripped and not door
        if running:
            self._phase_s += dt_s
            self._run_h += dt_s / 3600
            self._wear_pct = min(100.0, self._wear_pct + dt_s / 36_000)
            if self._phase_s >= self._cycle_s:
                self._phase_s -= self._cycle_s
                self._cycles += 1
                # A worn screw meters less evenly, so cycles scatter more.
                self._cycle_s = 28.0 + self.random.gauss(0, 0.08 + self._wear_pct / 500)
        bar, kn = next(((p, f) for end, p, f in _PHASES if self._phase_s < end), _PHASES[-1][1:])
        self._pressure_bar = near(self._pressure_bar, bar if running else 0.5, 0.35 if running else 2.0, dt_s)
        self._clamp_kn = near(self._clamp_kn, kn if running else 0.0, 0.5, dt_s)
        self._oil_c = near(self._oil_c, 46.5 if running else 28.0, 240.0, dt_s)
        self._heat(dt_s)
        self._show(running, tripped, door)

    def _heat(self, dt_s: float) -> None:
        setpoint = self.values["setpoint_c"] if self.bits["heaters"] else 25.0
        for i, offset in enumerate((-10.0, 0.0, 5.0)):
            if i == 1 and "barrel-overheat" in self.faults:
                self._zones[i] = min(262.0, self._zones[i] + 1.6 * dt_s)
            else:
                self._zones[i] = near(self._zones[i], setpoint + offset, 15.0, dt_s)

    def _show(self, running: bool, tripped: bool, door: bool) -> None:
        self.bits |= {"running": running, "door_open": door, "pump_trip": tripped}
        status = running | self.bits["heaters"] << 1 | tripped << 2 | door << 4
        self.values |= {
            "zone1_c": self._zones[0] + self.noise(0.25),
            "zone2_c": self._zones[1] + self.noise(0.25),
            "zone3_c": self._zones[2] + self.noise(0.25),
            "oil_c": self._oil_c + self.noise(0.15),
            "pressure_bar": max(0.0, self._pressure_bar + self.noise(0.6)),
            "clamp_kn": max(0.0, self._clamp_kn + self.noise(2.0)),
            "cycles": self._cycles,
            "cycle_s": self._cycle_s,
            "status": status,
            "run_h": self._run_h,
            "screw_wear_pct": self._wear_pct,
        }


class Compressor(ModbusMachine):
    """Screw compressor: everything in holding registers 0-14, as many makers do, and four discrete inputs."""

    name = "compressor"
    unit = 3
    cells: Mapping[Area, Sequence[Cell]] = {
        "holding": (
            Cell(0, "discharge_c", "int16", 0.1),
            Cell(1, "oil_level_pct", "uint16"),
            Cell(2, "pressure_bar", "float32"),
            Cell(4, "current_a", "float32", order="CDAB"),
            Cell(6, "speed_rpm", "uint16"),
            Cell(7, "status"),
            Cell(8, "run_h", "uint32", 0.1),
            Cell(10, "load_h", "uint32", 0.1),
            Cell(12, "filter_drop_bar", "int16", 0.001),
            Cell(13, "starts", "uint32"),
        )
    }
    flags: Mapping[Area, Sequence[str]] = {"discrete": ("running", "loaded", "motor_trip", "overheat_stop")}

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.bits = {"running": True, "loaded": True, "motor_trip": False, "overheat_stop": False}
        self._bar, self._discharge_c, self._current_a, self._rpm = 7.3, 82.0, 58.0, 2960.0
        self._run_h, self._load_h, self._starts = 14_880.0, 11_020.0, 2_311
        self._filter_bar = 0.38
        self._shown_bar = self._bar
        self.move(0.0)

    def move(self, dt_s: float) -> None:
        """Loads below 6.8 bar, unloads above 7.8; the net takes air all the time."""
        tripped = "compressor-trip" in self.faults
        running = not tripped
        if running and not self.bits["running"]:
            self._starts += 1
        loaded = running and (self._bar < 6.8 or (self.bits["loaded"] and self._bar < 7.8))
        demand = 0.055 + 0.02 * math.sin(self.seconds / 37) + self.random.gauss(0, 0.004)
        self._bar = max(
            0.0, self._bar + dt_s * ((0.13 if loaded else 0.0) - demand * min(1.0, self._bar / 3))
        )
        self._current_a = near(self._current_a, 58.0 if loaded else 24.0 if running else 0.0, 0.8, dt_s)
        self._rpm = near(self._rpm, 2960.0 if running else 0.0, 3.0, dt_s)
        if "compressor-overheat" in self.faults and running:
            self._discharge_c = min(118.0, self._discharge_c + 1.2 * dt_s)
        else:
            target = 84.0 if loaded else 79.0 if running else 30.0
            self._discharge_c = near(self._discharge_c, target, 25.0 if running else 300.0, dt_s)
        self._run_h += dt_s / 3600 * running
        self._load_h += dt_s / 3600 * loaded
        self._filter_bar = min(1.2, self._filter_bar + dt_s * loaded * 2e-6)
        self.bits |= {"running": running, "loaded": loaded, "motor_trip": tripped}
        self._show(running, loaded, tripped)

    def _show(self, running: bool, loaded: bool, tripped: bool) -> None:
        if "pressure-stuck" not in self.faults:
            self._shown_bar = max(0.0, self._bar + self.noise(0.015))
        self.values |= {
            "discharge_c": self._discharge_c + self.noise(0.2),
            "oil_level_pct": 74.0,
            "pressure_bar": self._shown_bar,
            "current_a": max(0.0, self._current_a + self.noise(0.4)),
            "speed_rpm": max(0.0, self._rpm + self.noise(3.0)),
            "status": running | loaded << 1 | tripped << 2,
            "run_h": self._run_h,
            "load_h": self._load_h,
            "filter_drop_bar": self._filter_bar + self.noise(0.002),
            "starts": self._starts,
        }


class PackingLine(Machine):
    """Carton packing line: one JSON message a second instead of registers."""

    name = "packing"

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._good, self._reject, self._done = 91_455, 212, 0.0
        self._speed_ppm, self._motor_c, self._current_a, self._film_m = 42.0, 58.0, 6.4, 640.0
        self._run_h = 3_318.7

    @property
    def silent(self) -> bool:
        """Whether the line leaves out its messages."""
        return "packing-silent" in self.faults

    def move(self, dt_s: float) -> None:
        """Cartons at about 42 a minute; now and then one is rejected; film runs down and is changed."""
        jam = "packing-jam" in self.faults
        self._speed_ppm = near(self._speed_ppm, 0.0 if jam else 42.0, 0.6 if jam else 4.0, dt_s)
        self._current_a = near(self._current_a, 11.8 if jam else 6.4, 0.5, dt_s)
        if "packing-overheat" in self.faults:
            self._motor_c = min(104.0, self._motor_c + 1.5 * dt_s)
        else:
            self._motor_c = near(self._motor_c, 66.0 if jam else 58.0, 40.0, dt_s)
        self._done += self._speed_ppm * dt_s / 60
        while self._done >= 1:
            self._done -= 1
            if self.random.random() < 0.003:
                self._reject += 1
            else:
                self._good += 1
            self._film_m = self._film_m - 0.62 if self._film_m > 5 else 800.0
        self._run_h += dt_s / 3600 * (not jam)

    def message(self) -> dict[str, object]:
        """What the line publishes now."""
        jam = "packing-jam" in self.faults
        return {
            "state": "jam" if jam else "running",
            "jam": jam,
            "speed_ppm": round(max(0.0, self._speed_ppm + self.noise(0.3)), 2),
            "counts": {"good": self._good, "reject": self._reject},
            "motor": {
                "temp_c": round(self._motor_c + self.noise(0.2), 2),
                "current_a": round(max(0.0, self._current_a + self.noise(0.08)), 3),
            },
            "film": {"left_m": round(self._film_m, 1)},
            "run_h": round(self._run_h, 3),
        }
