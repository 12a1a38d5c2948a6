"""Other people's gateways for the edge's benchmark: modpoll and thingsboard-gateway, each in an environment of its own.

They come from PyPI into a folder under var/ that is kept; without a way there they are left out, with a line that says
so. Each polls the same server by its own configuration.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.bench import _edge_machine as edge_machine

MODPOLL, THINGSBOARD = "modpoll==1.6.0", "thingsboard-gateway==3.8.5"
# What thingsboard-gateway 3.8.5 asks for at its first start.
THINGSBOARD_NEEDS = ("tb-mqtt-client", "pymodbus==3.9.2", "pyserial", "pyserial-asyncio")


def environment(name: str, *packages: str) -> Path | None:
    """The Python of an environment with these packages, made at the first use; None when it cannot be."""
    folder = Path(__file__).parents[2] / "var" / "bench" / name
    python = folder / "bin" / "python"
    stamp = folder / "packages"
    if stamp.exists() and stamp.read_text() == "\n".join(packages):
        return python
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    print(f"bench: installing {' '.join(packages)}", flush=True)
    try:
        subprocess.run(
            [uv, "venv", "-q", "--clear", "-p", sys.executable, str(folder)], check=True, timeout=60
        )
        subprocess.run([uv, "pip", "install", "-q", "-p", str(python), *packages], check=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"{name} is left out: it could not be installed ({error})")
        return None
    stamp.write_text("\n".join(packages))
    return python


def modpoll(folder: Path, port: int, unit: int, period_ms: int) -> list[str] | None:
    """modpoll with twenty units behind one port, which is what one process of it can do; None without it."""
    python = environment("modpoll", MODPOLL)
    if python is None:
        return None
    lines = []
    for device in range(edge_machine.DEVICES):
        lines.append(f"device,d{device},{unit + device},,")
        for address, count, points in edge_machine.spans():
            # One word order for a whole request: the four values of the other order are decoded, wrongly.
            lines.append(f"poll,holding_register,{address},{count},BE_BE")
            for at, type_, _order, scale in points:
                lines.append(f"ref,p{at},{at},{type_},r,,{scale}")
    file = folder / "modpoll.csv"
    file.write_text("\n".join(lines) + "\n")
    address_of_it = ["--tcp", "127.0.0.1", "--tcp-port", str(port), "--timeout", "1"]
    pace = ["--rate", str(period_ms / 1000), "--interval", "0"]
    program = str(python.with_name("modpoll"))
    return [program, "-d", "--loglevel", "ERROR", "-f", str(file), *address_of_it, *pace]


def thingsboard(folder: Path, ports: list[int], unit: int, period_ms: int) -> list[str] | None:
    """thingsboard-gateway with twenty slaves; it asks for each point by itself. None without it or a broker."""
    broker = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    if not Path(broker).exists():
        print("thingsboard-gateway is left out: it wants a broker:  apt-get install mosquitto")
        return None
    python = environment("thingsboard-gateway", THINGSBOARD, *THINGSBOARD_NEEDS)
    if python is None:
        return None
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        broker_port = int(probe.getsockname()[1])
    (folder / "mosquitto.conf").write_text(f"listener {broker_port} 127.0.0.1\nallow_anonymous true\n")
    settings = folder / "thingsboard"
    settings.mkdir(exist_ok=True)
    (folder / "logs").mkdir(exist_ok=True)
    _settings(settings, broker_port, ports, unit, period_ms)
    start = (
        f"import os, subprocess; subprocess.Popen([{broker!r}, '-c', {str(folder / 'mosquitto.conf')!r}]); "
        f"os.chdir({str(folder)!r}); os.environ['TB_GW_CONFIG_DIR'] = {str(settings)!r}; "
        "from thingsboard_gateway.tb_gateway import main; main()"
    )
    return [str(python), "-c", start]


def _settings(folder: Path, broker_port: int, ports: list[int], unit: int, period_ms: int) -> None:
    gateway: dict[str, Any] = {
        "thingsboard": {
            "host": "127.0.0.1", "port": broker_port, "remoteShell": False, "remoteConfiguration": False,
            "statistics": {"enable": False}, "qos": 0,
            "security": {"type": "accessToken", "accessToken": "bench"},
        },
        "storage": {"type": "memory", "read_records_count": 1000, "max_records_count": 100_000},
        "grpc": {"enabled": False},
        "connectors": [{"name": "Modbus", "type": "modbus", "configuration": "modbus.json"}],
    }  # fmt: skip
    types = {"int16": "16int", "uint16": "16uint", "uint32": "32uint", "float32": "32float"}
    timeseries = [
        {"tag": f"p{at}", "type": types[type_], "functionCode": 3, "address": at,
         "objectsCount": edge_machine.words_of(type_)}
        for at, type_, _order, _scale in edge_machine.points()
    ]  # fmt: skip
    slaves = [
        {"host": "127.0.0.1", "port": port, "type": "tcp", "method": "socket", "unitId": unit,
         "deviceName": f"d{number}", "deviceType": "default", "timeout": 1, "byteOrder": "BIG", "wordOrder": "BIG",
         "retries": False, "pollPeriod": period_ms, "connectAttemptTimeMs": 500, "connectAttemptCount": 5,
         "waitAfterFailedAttemptsMs": 1000, "sendDataOnlyOnChange": True, "attributes": [],
         "timeseries": timeseries, "attributeUpdates": [], "rpc": []}
        for number, port in enumerate(ports)
    ]  # fmt: skip
    (folder / "tb_gateway.json").write_text(json.dumps(gateway))
    (folder / "modbus.json").write_text(json.dumps({"master": {"slaves": slaves}}))
    nowhere = {"handlers": {"nowhere": {"class": "logging.NullHandler"}}, "root": {"handlers": ["nowhere"]}}
    logs = {"version": 1, "disable_existing_loggers": True, "loggers": {}} | nowhere
    (folder / "logs.json").write_text(json.dumps(logs))


def processes(pid: int) -> list[int]:
    """A process and all that came from it."""
    found = [pid]
    for other in found:
        for task in Path(f"/proc/{other}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def cpu_s(pid: int) -> float:
    """Processor time of a process and its children so far, without a broker that it started."""
    used_ns = 0
    for one in processes(pid):
        if "(mosquitto)" in Path(f"/proc/{one}/stat").read_text():
            continue
        for task in Path(f"/proc/{one}/task").iterdir():
            with contextlib.suppress(OSError):  # a thread that has just ended
                used_ns += int((task / "schedstat").read_text().split()[0])
    return used_ns / 1e9


def rss_mib(pid: int) -> float:
    """Memory of a process and its children."""
    pages = 0
    for one in processes(pid):
        if "(mosquitto)" not in Path(f"/proc/{one}/stat").read_text():
            pages += int(Path(f"/proc/{one}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
