"""Runs everything that must hold before a commit, each step timed.

The tests are the unit tests, with every branch of the domain covered, and those of the rooms that differ from the
last commit; `--static` runs only the short ones about the house itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYTHON = sys.executable
HOUSE = ["tests/unit/test_house.py", "tests/unit/test_translations.py", "tests/unit/test_documents.py"]

PYTEST = [PYTHON, "-m", "pytest", "-q"]
PARALLEL = ["-n", "2", "--dist", "loadfile"]
COVERED = [
    "--cov=core.domain",
    "--cov-branch",
    "--cov-report=term-missing:skip-covered",
    "--cov-fail-under=100",
]

# Room → tests that try it; the longest prefix counts.
TESTS_OF = {
    "core/": ["tests/unit", "tests/hub"],
    "core/domain/": ["tests/unit"],
    "core/storage/": ["tests/hub"],
    "core/services/": ["tests/hub"],
    "core/hub/": ["tests/hub"],
    "edge_agent/": ["tests/edge"],
    "desktop/": ["tests/desktop"],
}

STATIC = [
    ("ruff: rules", [str(BIN / "ruff"), "check", "--quiet", "."]),
    ("ruff: format", [str(BIN / "ruff"), "format", "--check", "--output-format", "concise", "."]),
    ("mypy --strict", [str(BIN / "mypy"), "--no-error-summary"]),
    ("who imports whom", [str(BIN / "lint-imports"), "--no-cache"]),
    ("translations", [PYTHON, "-m", "installer.translate", "--check"]),
    ("documents", [PYTHON, "-m", "installer.documents", "--check"]),
]


def changed_files() -> list[str]:
    """Paths that differ from the last commit, new ones included."""
    listed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [line[3:].split(" -> ")[-1].strip('"') for line in listed.stdout.splitlines()]


def tests_of(files: list[str]) -> list[str]:
    """The test folders and files that try `files`."""
    found: set[str] = set()
    for file in files:
        rooms = [room for room in TESTS_OF if file.startswith(room)]
        if rooms:
            found.update(TESTS_OF[max(rooms, key=len)])
        elif file.startswith("tests/") and Path(file).name.startswith("test_") and (ROOT / file).exists():
            found.add(file)
    folders = {path for path in found if not path.endswith(".py")}
    return sorted(folders | {path for path in found if not path.startswith(tuple(f"{f}/" for f in folders))})


def run_step(name: str, command: list[str]) -> bool:
    """Run one step; its output is shown only when it fails."""
    start_s = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONUTF8": "1"},
    )  # fmt: skip
    took_s = time.monotonic() - start_s
    print(f"{'ok  ' if done.returncode == 0 else 'FAIL'}  {name}  ({took_s:.1f} s)", flush=True)
    if done.returncode != 0:
        print(done.stdout.rstrip(), flush=True)
    return done.returncode == 0


def main(argv: list[str] | None = None) -> int:
    """0 when all steps hold."""
    args = sys.argv[1:] if argv is None else argv
    steps = list(STATIC)
    if "--static" in args:
        house = [path for path in HOUSE if (ROOT / path).exists()]
        steps.append(("the house", [*PYTEST, *house]))
    else:
        steps.append(
            ("the house, and the domain in every branch", [*PYTEST, *PARALLEL, "tests/unit", *COVERED])
        )
        touched = [path for path in tests_of(changed_files()) if not path.startswith("tests/unit")]
        if touched:
            steps.append((f"tests of {', '.join(touched)}", [*PYTEST, *PARALLEL, *touched]))
    held = [run_step(name, command) for name, command in steps]
    print("check: all holds" if all(held) else f"check: {held.count(False)} of {len(held)} steps failed")
    return 0 if all(held) else 1


if __name__ == "__main__":
    raise SystemExit(main())
