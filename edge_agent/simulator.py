"""Puts the virtual plant on real sockets: Modbus TCP servers, an MQTT publisher and a control port on loopback.

Knows how values leave the plant, not how machines behave (`edge_agent.plant`).
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import BaseModel, ConfigDict, ValidationError
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from core import log
from core.errors import AppError, OutsideError
from edge_agent.plant import FAULTS, STEP_S, Plant
from edge_agent.plant_base import Area, ModbusMachine

logger = log.get(__name__)

PUBLISH_EVERY_S = 1.0
DEFAULT_TOPIC = "plant/packing/line1"
_AREA_OF: Mapping[int, Area] = {
    1: "coil", 5: "coil", 15: "coil", 2: "discrete",
    3: "holding", 6: "holding", 16: "holding", 22: "holding", 23: "holding", 4: "input",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlantBroker:
    """Where and as whom the packing line publishes."""

    url: str
    username: str = ""
    password: str = ""
    topic: str = DEFAULT_TOPIC


class Order(BaseModel):
    """One line of the control port."""

    model_config = ConfigDict(extra="forbid")

    do: str
    name: str = ""


def _device(machine: ModbusMachine) -> list[SimDevice]:
    """pymodbus's description of `machine`, filled at each request; and a deaf one for all other units."""

    async def answer(
        function: int, _start: int, address: int, _count: int, registers: list[int], written: list[Any] | None
    ) -> ExcCodes | None:
        if machine.dead:
            raise NoSuchIdException  # with ignore_missing_devices: the master gets no reply at all
        area = _AREA_OF[function]
        if written is not None:
            machine.write(area, address, [int(value) for value in written])
        table = machine.table(area)
        if not table:
            return ExcCodes.ILLEGAL_ADDRESS
        if area in machine.flags:
            table = _packed(table)
        registers[: len(table)] = table
        return None

    async def silent(
        _function: int,
        _start: int,
        _address: int,
        _count: int,
        _registers: list[int],
        _written: list[Any] | None,
    ) -> ExcCodes | None:
        raise NoSuchIdException

    def block(area: Area) -> list[SimData]:
        size = max(1, len(machine.table(area)))
        if area in ("coil", "discrete"):
            return [SimData(0, values=[False] * size, datatype=DataType.BITS)]
        return [SimData(0, values=[0] * size, datatype=DataType.REGISTERS)]

    blocks = (block("coil"), block("discrete"), block("holding"), block("input"))
    anything = [SimData(0, values=[0], datatype=DataType.REGISTERS)]
    return [
        SimDevice(machine.unit, blocks, action=answer),
        SimDevice(0, anything, action=silent),
    ]


def _packed(bits: list[int]) -> list[int]:
    """Bits as 16-bit words, bit 0 first."""
    return [
        sum(bit << place for place, bit in enumerate(bits[start : start + 16]))
        for start in range(0, len(bits), 16)
    ]


class Simulator:
    """The plant on its sockets. `start` opens them, `run` lets time pass until `stop`, `close` ends all."""

    def __init__(
        self,
        plant: Plant,
        *,
        host: str = "127.0.0.1",
        ports: Mapping[str, int] | None = None,
        control_port: int = 0,
        broker: PlantBroker | None = None,
    ) -> None:
        self.plant = plant
        self.host = host
        self.ports = dict(ports or {})
        self.control_port = control_port
        self.broker = broker
        self._servers: list[ModbusTcpServer] = []
        self._control: asyncio.Server | None = None
        self._client: mqtt.Client | None = None
        self._stop = asyncio.Event()
        self._published = 0

    async def start(self) -> None:
        """Open all sockets; OutsideError `simulator.port_busy` names a port that is taken."""
        for machine in self.plant.machines.values():
            if isinstance(machine, ModbusMachine):
                self.ports[machine.name] = await self._serve(machine, self.ports.get(machine.name, 0))
        try:
            self._control = await asyncio.start_server(self._converse, "127.0.0.1", self.control_port)
        except OSError as error:
            raise _busy("127.0.0.1", self.control_port) from error
        self.control_port = self._control.sockets[0].getsockname()[1]
        if self.broker is not None:
            self._client = self._publisher(self.broker)

    async def _serve(self, machine: ModbusMachine, port: int) -> int:
        server = ModbusTcpServer(_device(machine), address=(self.host, port), ignore_missing_devices=True)
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:  # what pymodbus makes of an OSError of bind
            raise _busy(self.host, port) from error
        self._servers.append(server)
        assert isinstance(server.transport, asyncio.Server)
        return int(server.transport.sockets[0].getsockname()[1])

    def _publisher(self, broker: PlantBroker) -> mqtt.Client:
        address = urlsplit(broker.url)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="packing-line-1")
        if broker.username:
            client.username_pw_set(broker.username, broker.password)
        if address.scheme == "mqtts":
            client.tls_set()

        def on_connect(_c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
            logger.info("packing line at its broker", url=broker.url, answer=str(reason))

        client.on_connect = on_connect
        client.reconnect_delay_set(1, 5)
        client.connect_async(address.hostname or "127.0.0.1", address.port or 1883, keepalive=20)
        client.loop_start()
        return client

    def ready(self) -> dict[str, Any]:
        """What others need to know to reach the plant."""
        return {
            "host": self.host,
            "ports": self.ports,
            "control_port": self.control_port,
            "topic": self.broker.topic if self.broker else "",
        }

    async def run(self) -> None:
        """Let the plant live at the pace of the clock until `stop` is called."""
        begun = time.monotonic()
        steps = 0
        published_at = begun - PUBLISH_EVERY_S
        while not self._stop.is_set():
            now = time.monotonic()
            due = int((now - begun) / STEP_S)
            if due - steps > 100:  # the computer slept: time that nobody saw is left out
                begun += (due - steps) * STEP_S
                due = steps
            while steps < due:
                steps += 1
                for name, on in self.plant.step():
                    logger.info("fault begins" if on else "fault ends", fault=name)
            if now - published_at >= PUBLISH_EVERY_S:
                published_at += PUBLISH_EVERY_S
                self._publish()
            try:
                await asyncio.wait_for(self._stop.wait(), begun + (steps + 1) * STEP_S - time.monotonic())
            except TimeoutError:
                continue

    def _publish(self) -> None:
        packing = self.plant.packing
        if self._client is None or self.broker is None or packing.silent or not self._client.is_connected():
            return
        self._published += 1
        self._client.publish(f"{self.broker.topic}/state", json.dumps(packing.message()), qos=0)

    def stop(self) -> None:
        """Let `run` return."""
        self._stop.set()

    async def close(self) -> None:
        """Close all sockets."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
        if self._control is not None:
            self._control.close()
        for server in self._servers:
            server.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self.obey(line), ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError) as error:  # gone, or a line longer than the reader's limit
            logger.debug("control connection ended", reason=str(error))
        finally:
            writer.close()

    def obey(self, line: bytes) -> dict[str, Any]:
        """Do one order, such as `{"do": "fault", "name": "pump-trip"}`; the answer as JSON."""
        try:
            order = Order.model_validate_json(line)
        except ValidationError as error:
            return {"ok": False, "reason": error.errors(include_url=False)[0]["msg"]}
        if order.do in ("fault", "clear"):
            if order.name not in FAULTS:
                return {"ok": False, "reason": f"no fault {order.name!r}; there are {', '.join(FAULTS)}"}
            self.plant.switch(order.name, order.do == "fault")
            logger.info("fault begins" if order.do == "fault" else "fault ends", fault=order.name)
        elif order.do == "quit":
            self.stop()
        elif order.do != "status":
            return {
                "ok": False,
                "reason": f"unknown order {order.do!r}; there are fault, clear, status, quit",
            }
        return {
            "ok": True,
            "active": self.plant.active,
            "seconds": round(self.plant.seconds, 1),
            "published": self._published,
        }


def _busy(host: str, port: int) -> OutsideError:
    return OutsideError(
        "simulator.port_busy", f"cannot listen on {host}:{port}; choose another port", host=host, port=port
    )


def tell(port: int, order: Mapping[str, str], timeout_s: float = 5.0) -> dict[str, Any]:
    """Send one order to a running simulator's control port and return its answer.

    Raises OutsideError `simulator.away` when nothing answers there, AppError `simulator.refused` with its reason.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_s) as link:
            link.sendall(json.dumps(dict(order)).encode() + b"\n")
            answer: dict[str, Any] = json.loads(link.makefile("rb").readline())
    except (OSError, ValueError) as error:
        raise OutsideError(
            "simulator.away", f"no simulator answers at port {port}: {error}", port=port
        ) from error
    if not answer["ok"]:
        raise AppError("simulator.refused", answer["reason"], reason=answer["reason"])
    return answer
