"""The shipped service units start commands that exist, with options these take, and are as closed as they say."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "installer" / "linux"
UNITS = [FOLDER / "fettle-edge.service", FOLDER / "fettle-hub.service"]


def read(unit: Path) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=False)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read(unit, encoding="utf-8")
    return found


def test_mosquitto_is_told_of_the_file_that_its_configuration_names() -> None:
    watched = read(FOLDER / "fettle-mosquitto.path")["Path"]["PathChanged"]
    config = (ROOT / "installer" / "mosquitto" / "fettle.conf").read_text(encoding="utf-8")
    assert f"\npassword_file {watched}\n" in config
    assert str(Path(watched).parent) in read(FOLDER / "fettle-hub.service")["Service"]["ReadWritePaths"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_command_and_its_options_exist(unit: Path) -> None:
    program, *words = shlex.split(read(unit)["Service"]["ExecStart"])
    assert program == "/opt/fettle/bin/fettle"
    options = [word for word in words if word.startswith("--")]
    commands = [word for word in words if not word.startswith(("--", "/"))]
    done = subprocess.run(
        [Path(sys.executable).with_name("fettle"), *commands, "--help"],
        env={**os.environ, "FETTLE_LANGUAGE": "en"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [option for option in options if option not in done.stdout] == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_service_runs_as_nobody_special_and_comes_back(unit: Path) -> None:
    service = read(unit)["Service"]
    assert service["User"] == "fettle"
    assert service["Restart"] == "always"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["StateDirectory"] == "fettle" and "FETTLE_HOME=/var/lib/fettle" in service["Environment"]
    page = ROOT / service.parser["Unit"]["Documentation"].removeprefix("file:///opt/fettle/source/")
    assert page.is_file()


def test_the_edge_says_when_it_works_and_is_killed_when_it_hangs() -> None:
    service = read(FOLDER / "fettle-edge.service")["Service"]
    assert (service["Type"], service["NotifyAccess"]) == ("notify", "main") and int(
        service["WatchdogSec"]
    ) <= 60
    assert "dialout" in service["SupplementaryGroups"] and service["DevicePolicy"] == "closed"


def test_the_edges_service_is_as_closed_as_it_can_be() -> None:
    service = read(FOLDER / "fettle-edge.service")["Service"]
    for name in (
        "ProtectClock",
        "ProtectHostname",
        "ProtectKernelLogs",
        "RestrictNamespaces",
        "RestrictRealtime",
        "RemoveIPC",
    ):
        assert service[name] == "yes"
    assert service["CapabilityBoundingSet"] == "" and "SystemCallFilter" in service and "MemoryMax" in service
    if shutil.which("systemd-analyze") is None:
        return  # nobody here who gives marks
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", FOLDER / "fettle-edge.service"],
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    exposure = re.search(r"exposure level for fettle-edge.service: ([\d.]+)", done.stdout)
    assert exposure is not None and float(exposure[1]) <= 2.0, done.stdout
