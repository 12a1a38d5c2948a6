"""The house itself: names, sizes and purity of its modules, and that the import contracts really bite."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "edge_agent", "desktop")
MOST_LINES = 400
NAMELESS = {"utils", "util", "helpers", "helper", "misc", "common", "tools", "shared"}
# Of the standard library, what the pure domain may not touch: the world, the clock, chance.
WORLDLY = {
    "asyncio", "ctypes", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "shutil",
    "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib",
}  # fmt: skip


def modules() -> Iterator[Path]:
    for package in (*PACKAGES, "installer"):
        yield from sorted((ROOT / package).rglob("*.py"))


def imported_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_modules_open_with_a_docstring_and_stay_short() -> None:
    faults = []
    for path in modules():
        text = path.read_text(encoding="utf-8")
        if not ast.get_docstring(ast.parse(text)):
            faults.append(f"{path.relative_to(ROOT)}: opens with no sentence about itself")
        if len(text.splitlines()) > MOST_LINES:
            faults.append(f"{path.relative_to(ROOT)}: {len(text.splitlines())} lines, at most {MOST_LINES}")
    assert faults == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [str(path) for path in modules() if path.stem in NAMELESS or path.parent.name in NAMELESS] == []


def test_only_the_known_packages_lie_at_the_top() -> None:
    known = {*PACKAGES, "assets", "docs", "installer", "tests"}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    folders = {line.split("/")[0] for line in listed.splitlines() if "/" in line}
    assert {folder for folder in folders if not folder.startswith(".")} <= known


def test_the_domain_imports_only_the_standard_library_and_errors() -> None:
    faults = []
    for path in sorted((ROOT / "core" / "domain").rglob("*.py")):
        for name in imported_names(ast.parse(path.read_text(encoding="utf-8"))):
            top = name.split(".")[0]
            ours = name.startswith("core.domain") or name == "core.errors"
            if not ours and (top not in sys.stdlib_module_names or top in WORLDLY):
                faults.append(f"{path.name}: {name}")
    assert faults == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and their contracts, free to be spoilt."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = (
        "import sys; sys.path.insert(0, ''); from importlinter.cli import lint_imports_command as c; c()"
    )
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("core/utils.py", "", "there is no other room"),
        ("edge_agent/anything.py", "", "inside the edge"),
        ("edge_agent/clock.py", "import edge_agent.line", "inside the edge"),
        ("desktop/anything.py", "", "inside the console"),
        ("desktop/widgets/basics.py", "import desktop.pages", "inside the console"),
        ("desktop/hub_routes.py", "import PySide6", "free of Qt"),
        ("core/domain/people.py", "import core.settings", "the domain is pure"),
        ("core/wire/topics.py", "import core.storage", "inside core imports point down"),
        ("core/errors.py", "import core.services", "inside core imports point down"),
        ("edge_agent/__init__.py", "import core.services", "know the hub only by the wire"),
        ("edge_agent/__init__.py", "import desktop", "stand side by side"),
        ("desktop/__init__.py", "import edge_agent", "stand side by side"),
        ("core/services/__init__.py", "import peewee", "one room for the database library"),
        ("core/services/__init__.py", "import fastapi", "one room for the web server"),
        ("edge_agent/__init__.py", "import pymodbus", "one room for Modbus"),
        ("core/hub/__init__.py", "import PySide6", "one room for Qt"),
        ("core/services/__init__.py", "import paho.mqtt.client", "one room for MQTT clients"),
    ],
)
def test_a_wrong_import_breaks_the_contracts(copy: Path, module: str, line: str, broken: str) -> None:
    path = copy / module
    old = path.read_text(encoding="utf-8") if path.exists() else '"""Spoilt."""\n'
    path.write_text(f"{old}\n{line}\n", encoding="utf-8")
    done = lint_imports(copy)
    assert done.returncode == 1
    assert any(broken in text and "BROKEN" in text for text in done.stdout.splitlines()), done.stdout


def test_the_contracts_hold_as_the_house_stands(copy: Path) -> None:
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout
