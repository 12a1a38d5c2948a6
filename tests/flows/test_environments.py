"""Each program installed alone: what its environment holds, what it does not, and that it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")

pytestmark = pytest.mark.timeout(600)  # a first run fetches the libraries

WEB_SERVER = {"fastapi", "starlette", "uvicorn"}
QT = {"pyside6-essentials", "shiboken6", "pyqtgraph"}
DATABASE = {"peewee", "psycopg"}
POLLING = {"pymodbus", "pyserial"}
TOOLS = {"pytest", "mypy", "ruff", "hatchling", "babel"}

MUST_NOT_HAVE = {
    "edge": QT | WEB_SERVER | DATABASE | TOOLS,
    "desktop": WEB_SERVER | DATABASE | POLLING | TOOLS | {"amqtt", "paho-mqtt"},
    "hub": QT | POLLING | TOOLS,
}
PROGRAMS = {"edge": ["edge"], "desktop": ["console"], "hub": ["hub", "broker"]}
CALLS = {  # program → (a call that needs its libraries, its extra)
    "edge": (["edge", "run"], "edge"),
    "console": (["console"], "desktop"),
    "hub": (["hub"], "hub"),
    "broker": (["broker"], "hub"),
}


@dataclass
class Installed:
    """One environment with one extra."""

    extra: str
    folder: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "FETTLE_LANGUAGE": "en", "QT_QPA_PLATFORM": "offscreen"}
        environment.pop("PYTHONPATH", None)
        program = self.folder / "bin" / command[0]
        return subprocess.run(
            [program, *command[1:]],
            cwd=self.folder,
            env={**environment, "FETTLE_HOME": str(self.folder / "home")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def packages(self) -> set[str]:
        done = uv("pip", "list", "--python", str(self.folder), "--format", "freeze")
        return {line.split("==")[0].split(" ")[0].lower() for line in done.splitlines()}


def uv(*command: str) -> str:
    done = subprocess.run([UV, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"uv {' '.join(command)}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    uv(
        "build",
        "--quiet",
        "--wheel",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        str(folder),
    )
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module", params=["edge", "desktop", "hub"])
def installed(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    extra = str(request.param)
    folder = tmp_path_factory.mktemp(extra) / "env"
    uv("venv", "--quiet", "--python", sys.executable, str(folder))
    uv(
        "pip", "install", "--quiet", "--python", str(folder), "--constraint", "requirements.lock",
        f"fettle[{extra}] @ {wheel.as_uri()}",
    )  # fmt: skip
    return Installed(extra, folder)


def test_an_environment_holds_only_its_own(installed: Installed) -> None:
    assert installed.packages() & MUST_NOT_HAVE[installed.extra] == set()


def test_its_program_runs(installed: Installed) -> None:
    for program in PROGRAMS[installed.extra]:
        done = installed.run("fettle", program, "--help")
        assert done.returncode == 0, done.stderr
        assert program in done.stdout


def test_a_program_of_another_extra_says_what_is_missing(installed: Installed) -> None:
    for program, (call, extra) in CALLS.items():
        if program not in PROGRAMS[installed.extra]:
            done = installed.run("fettle", *call)
            assert done.returncode == 3, (program, done.stdout, done.stderr)
            assert f"pip install 'fettle[{extra}]'" in done.stderr


def test_words_are_shipped_compiled(installed: Installed) -> None:
    code = "from core.i18n import label; print(label('ticket.state.new', 'zh_CN') == '\\u5f85\\u53d7\\u7406')"
    done = installed.run("python", "-c", code)
    assert done.stdout.strip() == "True", done.stderr
