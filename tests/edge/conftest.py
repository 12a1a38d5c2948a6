"""Fixtures of the edge's tests: real brokers, an independent Modbus server, a hub that acknowledges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyModbusTCP.server import ModbusServer

from tests.edge import parts


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[parts.BrokerProcess]:
    with parts.broker("mosquitto", tmp_path) as process:
        yield process


@pytest.fixture
def plc() -> Iterator[ModbusServer]:
    """A Modbus server that is not made of pymodbus."""
    server = ModbusServer("127.0.0.1", parts.free_port(), no_block=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def hub(mosquitto: parts.BrokerProcess) -> Iterator[parts.StandInHub]:
    hub = parts.StandInHub(mosquitto.port, "e1")
    yield hub
    hub.close()
