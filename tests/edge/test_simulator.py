"""The virtual plant: repeatable values, faults that show, and real sockets read by an independent client."""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pyModbusTCP.client import ModbusClient

from core.errors import AppError, OutsideError
from edge_agent.plant import FAULTS, Plant
from edge_agent.plant_base import words
from edge_agent.plant_machines import Compressor, MouldingMachine
from edge_agent.simulator import Simulator, tell
from edge_agent.simulator_cli import main
from tests.conftest import wait_for
from tests.edge.parts import BrokerProcess


def test_plant_is_the_same_when_seed_and_script_are() -> None:
    def course(seed: int) -> list[list[int]]:
        plant = Plant(seed, [(3.0, "pump-trip", True)])
        values = []
        for _ in range(100):
            plant.step()
            values.append(plant.moulding.table("input") + plant.compressor.table("holding"))
        return values

    assert course(7) == course(7)
    assert course(7) != course(8)


def test_machines_stay_within_their_normal_band_when_healthy() -> None:
    plant = Plant(3)
    for _ in range(36_000):  # an hour
        plant.step()
        assert 208 < plant.moulding.values["zone2_c"] < 222
        assert 70 < plant.compressor.values["discharge_c"] < 95
        assert 6.3 < plant.compressor.values["pressure_bar"] < 8.3
        assert not plant.moulding.bits["pump_trip"]
    assert plant.moulding.values["cycles"] == pytest.approx(184_220 + 3600 / 28, abs=3)
    assert plant.moulding.values["run_h"] == pytest.approx(6121.4, abs=0.01)
    motor = plant.packing.message()["motor"]
    assert isinstance(motor, dict) and 56 < motor["temp_c"] < 60


@pytest.mark.parametrize("name", list(FAULTS))
def test_each_fault_shows_and_goes_away(name: str) -> None:
    by_name: dict[str, Callable[[Plant], object]] = {
        "barrel-overheat": lambda p: p.moulding.values["zone2_c"] > 240,
        "pump-trip": lambda p: (
            int(p.moulding.values["status"]) & 4 and p.moulding.values["pressure_bar"] < 10
        ),
        "door-open": lambda p: p.moulding.table("discrete")[1] == 1,
        "compressor-overheat": lambda p: p.compressor.values["discharge_c"] > 108,
        "compressor-trip": lambda p: (
            p.compressor.table("discrete")[2] == 1 and p.compressor.values["current_a"] < 5
        ),
        "pressure-stuck": lambda p: p.compressor.values["pressure_bar"] == stuck_bar[-1],
        "compressor-dead": lambda p: p.compressor.dead,
        "packing-jam": lambda p: (
            p.packing.message()["jam"] and float(str(p.packing.message()["speed_ppm"])) < 2
        ),
        "packing-overheat": lambda p: 'temp_c": 10' in json.dumps(p.packing.message()),
        "packing-silent": lambda p: p.packing.silent,
    }
    shows = by_name[name]
    stuck_bar: list[float] = [-1.0]
    plant = Plant(1)
    for _ in range(50):
        plant.step()
    assert not shows(plant)
    plant.switch(name, True)
    plant.step()
    stuck_bar.append(plant.compressor.values["pressure_bar"])
    for _ in range(300):
        plant.step()
    assert shows(plant) and plant.active == [name]
    plant.switch(name, False)
    for _ in range(1500):
        plant.step()
    assert not shows(plant) and plant.active == []


def test_words_put_the_high_word_first_unless_swapped() -> None:
    machine = MouldingMachine(1)
    table = machine.table("input")
    cells = {cell.name: cell for cell in machine.cells["input"]}
    pressure, clamp = cells["pressure_bar"].address, cells["clamp_kn"].address
    assert struct.unpack(">f", struct.pack(">HH", *table[pressure : pressure + 2]))[0] == pytest.approx(
        machine.values["pressure_bar"], rel=1e-6
    )
    low, high = table[clamp : clamp + 2]
    assert struct.unpack(">f", struct.pack(">HH", high, low))[0] == pytest.approx(
        machine.values["clamp_kn"], rel=1e-6
    )
    assert len(words(machine.cells["input"], machine.values)) == 15


def test_written_setpoint_moves_the_heat() -> None:
    plant = Plant(1)
    plant.moulding.write("holding", 0, [1800])
    plant.moulding.write("coil", 0, [0])
    for _ in range(1200):
        plant.step()
    assert plant.moulding.values["zone2_c"] == pytest.approx(180, abs=2)
    assert not plant.moulding.bits["running"]


@pytest.fixture
def running() -> Iterator[Simulator]:
    """A simulator on free ports, in a thread of its own."""
    ready = threading.Event()
    box: list[Simulator] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def live() -> None:
        simulator = Simulator(Plant(5))
        await simulator.start()
        box.append(simulator)
        loops.append(asyncio.get_running_loop())
        ready.set()
        try:
            await simulator.run()
        finally:
            await simulator.close()

    thread = threading.Thread(target=asyncio.run, args=(live(),))
    thread.start()
    assert ready.wait(10)
    yield box[0]
    loops[0].call_soon_threadsafe(box[0].stop)
    thread.join(10)
    assert not thread.is_alive()


def test_an_independent_client_reads_the_machines(running: Simulator) -> None:
    moulding = ModbusClient("127.0.0.1", running.ports["moulding"], unit_id=1, timeout=2)
    registers = moulding.read_input_registers(0, 15)
    assert registers is not None
    assert 200 < registers[1] / 10 < 230
    assert moulding.read_discrete_inputs(0, 4) == [True, False, False, False]
    assert moulding.read_coils(0, 2) == [True, True]
    assert moulding.read_holding_registers(0, 1) == [2150]
    assert moulding.read_input_registers(10, 20) is None and moulding.last_except == 2
    assert moulding.write_single_register(0, 2100)
    assert moulding.read_holding_registers(0, 1) == [2100]

    compressor = ModbusClient("127.0.0.1", running.ports["compressor"], unit_id=Compressor.unit, timeout=2)
    holding = compressor.read_holding_registers(0, 15)
    assert holding is not None and 70 < holding[0] / 10 < 95
    assert compressor.read_coils(0, 1) is None and compressor.last_except == 2


def test_control_port_breaks_and_mends(running: Simulator) -> None:
    moulding = ModbusClient("127.0.0.1", running.ports["moulding"], unit_id=1, timeout=2)
    assert tell(running.control_port, {"do": "fault", "name": "pump-trip"})["active"] == ["pump-trip"]
    wait_for(lambda: moulding.read_discrete_inputs(2, 1) == [True])
    assert tell(running.control_port, {"do": "clear", "name": "pump-trip"})["active"] == []
    wait_for(lambda: moulding.read_discrete_inputs(2, 1) == [False])
    with pytest.raises(AppError, match="no fault 'flood'"):
        tell(running.control_port, {"do": "fault", "name": "flood"})
    with pytest.raises(AppError, match="unknown order"):
        tell(running.control_port, {"do": "dance"})
    with pytest.raises(AppError):
        tell(running.control_port, {"dance": "now"})


def test_dead_unit_answers_nothing_and_comes_back(running: Simulator) -> None:
    client = ModbusClient("127.0.0.1", running.ports["compressor"], unit_id=Compressor.unit, timeout=0.3)
    assert client.read_holding_registers(0, 1)
    tell(running.control_port, {"do": "fault", "name": "compressor-dead"})
    assert client.read_holding_registers(0, 1) is None
    assert client.last_error_as_txt == "recv timeout occur"
    tell(running.control_port, {"do": "clear", "name": "compressor-dead"})
    assert client.read_holding_registers(0, 1)
    other = ModbusClient("127.0.0.1", running.ports["compressor"], unit_id=9, timeout=0.3)
    assert other.read_holding_registers(0, 1) is None


def test_busy_port_is_named(running: Simulator) -> None:
    async def second() -> None:
        await Simulator(Plant(1), ports={"moulding": running.ports["moulding"]}).start()

    with pytest.raises(OutsideError, match=str(running.ports["moulding"])):
        asyncio.run(second())


def test_command_line_lists_tells_and_refuses(running: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert "compressor-dead" in capsys.readouterr().out
    assert main(["--tell", str(running.control_port), "status"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"]
    assert main(["--tell", str(running.control_port), "fault", "nothing"]) == 1
    assert "packing-jam" in capsys.readouterr().err
    assert main(["--tell", "status"]) == 1
    with pytest.raises(SystemExit):
        main(["--fault-at", "5:flood"])


def test_packing_line_publishes_while_it_runs(mosquitto: BrokerProcess) -> None:
    heard: list[dict[str, Any]] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, message: heard.append(json.loads(message.payload))
    client.connect("127.0.0.1", mosquitto.port)
    client.subscribe("plant/packing/line1/state")
    client.loop_start()
    ports = ["--moulding-port", "0", "--compressor-port", "0", "--control-port", "0"]
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    command = [sys.executable, "-m", "core.cli", "edge", "simulate", *ports, "--mqtt-url", url]
    with subprocess.Popen(
        [*command, "--fault-at", "2.5:packing-jam"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        wait_for(lambda: any(message["jam"] for message in heard), 20)
        assert heard[0]["state"] == "running" and heard[0]["motor"]["temp_c"] > 50
        tell(ready["control_port"], {"do": "fault", "name": "packing-silent"})
        tell(ready["control_port"], {"do": "quit"})
        assert process.wait(10) == 0
    client.disconnect()
    client.loop_stop()
