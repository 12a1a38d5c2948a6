"""The script dev: it tells its commands, refuses others, and chooses the tests of rooms that changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from installer import check

ROOT = Path(__file__).resolve().parents[2]


def dev(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "dev", *args], cwd="/", capture_output=True, text=True, check=False)


def test_it_tells_its_commands_from_any_folder() -> None:
    done = dev("help")
    assert done.returncode == 0
    for command in ("demo", "test", "check", "bench", "replay", "shots", "translate", "docs", "lock"):
        assert f"\n  {command} " in done.stdout


def test_an_unknown_command_is_refused_before_anything_is_set_up() -> None:
    done = dev("tset")
    assert done.returncode == 2
    assert "tset" in done.stderr and "usage" in done.stderr


def test_a_benchmark_that_is_not_there_is_refused_with_the_list() -> None:
    done = dev("bench", "nothing")
    assert done.returncode == 2
    assert "usage" in done.stderr


@pytest.mark.parametrize(
    ("files", "tests"),
    [
        (["core/domain/alarms.py"], ["tests/unit"]),
        (["core/settings.py", "desktop/app.py"], ["tests/desktop", "tests/hub", "tests/unit"]),
        (["edge_agent/drivers/modbus_tcp.py", "README.md"], ["tests/edge"]),
        (["tests/unit/test_dev_script.py"], ["tests/unit/test_dev_script.py"]),
        (["core/errors.py", "tests/unit/test_dev_script.py"], ["tests/hub", "tests/unit"]),
        (["tests/unit/test_that_was_removed.py"], []),
    ],
)
def test_the_tests_of_changed_rooms_are_chosen(files: list[str], tests: list[str]) -> None:
    assert check.tests_of(files) == tests
