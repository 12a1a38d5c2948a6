"""The demo on real programs: it checks itself, and a second run finds the first one's plant."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from installer.demo import main
from installer.demo_children import Children, Died, free_port, listens
from installer.demo_plant import DemoPlant, new_password, opens
from tests.conftest import wait_for

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.timeout(300)
def test_demo_check_sees_every_way_to_a_ticket(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "installer.demo", "--check", "--quick", "--data", str(tmp_path / "demo")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    told = {line.split(":")[0]: line for line in run.stdout.splitlines()}
    for what in ("Modbus fault", "MQTT fault", "phone report", "due plan"):
        assert re.search(r"T-\d{4}-\d{6}  \d+\.\d s  [a-z_]+", told[what]), run.stdout
    assert "assigned to" in told["Modbus fault"] and "chart of" in told["MQTT fault"]
    assert "photo of 800 x 600" in told["phone report"]
    assert "resolved" in told["due plan"] and "3 parts reserved and issued" in told["due plan"]


@pytest.mark.timeout(200)
def test_second_run_finds_the_first_ones_plant(tmp_path: Path) -> None:
    first = DemoPlant(tmp_path / "demo", "en", free_ports=True)
    try:
        first.start()
        assert first.first_run and len(first.people) == 11
        link, url = first.phone_link, first.url
        assert opens(link)
        engineer = first.log_in("wang.fang")
        assert engineer.who_am_i().name == "Fiona Wang"
        engineer.close()
        first.tell("fault", "packing-jam")
        (ticket,) = wait_for(lambda: [t for t in first.client.tickets().items if t.source == "alarm"], 60)
    finally:
        first.stop()

    second = DemoPlant(tmp_path / "demo", "en", free_ports=True)
    try:
        second.start()
        assert not second.first_run
        assert (second.url, second.phone_link, second.people) == (url, link, first.people)
        assert ticket.number in [t.number for t in second.client.tickets().items]
        assert len(second.client.assets()) == 22
    finally:
        second.stop()


def test_a_program_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    children = Children(tmp_path, {"FETTLE_LANGUAGE": "en"})
    children.start("hub", "hub", "--settings", str(tmp_path / "none.toml"))
    try:
        wait_for(lambda: children.ended("hub"), 30)
        with pytest.raises(Died, match=r"hub ended with exit code 2.*none\.toml"):
            children.check()
        with pytest.raises(Died, match="exit code"):
            children.run("edge", "check", str(tmp_path / "none.yaml"))
    finally:
        children.stop()


def test_a_taken_port_is_not_used() -> None:
    with_any = free_port(0)
    assert free_port(with_any) == with_any
    assert not listens(with_any)
    assert len(new_password()) == 19


def test_a_demo_that_cannot_start_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert main(["--no-console", "--language", "en", "--data", str(file / "demo")]) == 1
    assert "The demo could not start" in capsys.readouterr().err
