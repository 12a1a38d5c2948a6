"""What others wrote and we ship or install, with its licence: read from the installed libraries' own metadata."""

from __future__ import annotations

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROGRAMS = ("hub", "edge", "desktop")
# Files of others in this repository: (where, what, licence).
SHIPPED = (
    (
        "assets/fonts/NotoSansSC_400Regular.ttf",
        "Noto Sans SC, © The Noto Project Authors",
        "OFL-1.1, [text](../assets/fonts/OFL.txt)",
    ),
    (
        "assets/static/swagger/",
        "Swagger UI, © SmartBear Software",
        "Apache-2.0, [text](../assets/static/swagger/LICENSE)",
    ),
)
_LONG_NAMES = {
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
}

# In the text of their licence file only.
_SAID_ELSEWHERE = {"peewee": "MIT", "qrcode": "BSD-3-Clause"}


def licence_of(found: Distribution) -> str:
    """The licence a distribution names, shortly; a question mark when it names none."""
    facts: dict[str, Any] = found.metadata.json
    name = canonicalize_name(str(facts["name"]))
    if said := _SAID_ELSEWHERE.get(name) or facts.get("license_expression"):
        return str(said)
    classifiers = [line.split(" :: ")[-1] for line in facts.get("classifier", []) if "License ::" in line]
    if classifiers:
        return " or ".join(sorted({_LONG_NAMES.get(name, name) for name in classifiers}))
    lines = str(facts.get("license") or "?").strip().splitlines()
    return lines[0][:60]


def needed(extra: str) -> dict[str, Distribution]:
    """Name → distribution of everything that `fettle[extra]` brings along here."""
    found: dict[str, Distribution] = {}
    waiting: list[tuple[str, frozenset[str]]] = [("fettle", frozenset({extra}))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            here = distribution(name)
        except PackageNotFoundError:
            continue  # for another system
        if name != "fettle":
            found[name] = here
        for line in here.requires or ():
            wanted = Requirement(line)
            if any(wanted.marker is None or wanted.marker.evaluate({"extra": one}) for one in extras or {""}):
                waiting.append((canonicalize_name(wanted.name), frozenset(wanted.extras)))
    return found


def page(made: str) -> str:
    """docs/third-party.md"""
    by_program = {program: needed(program) for program in PROGRAMS}
    everything = {name: found for part in by_program.values() for name, found in part.items()}
    lines = [
        made,
        "# What others wrote\n",
        "Fettle is under the [Apache License 2.0](../LICENSE). With it come, or are installed:\n",
        "## In this repository\n",
        "| Where | What | Licence |",
        "|---|---|---|",
        *(f"| `{where}` | {what} | {licence} |" for where, what, licence in SHIPPED),
        "",
        "## Installed beside it (Linux, Python 3.11)\n",
        "| Library | Licence | Hub | Edge | Console |",
        "|---|---|---|---|---|",
    ]
    for name in sorted(everything):
        marks = " | ".join("•" if name in by_program[program] else "" for program in PROGRAMS)
        lines.append(f"| {name} | {licence_of(everything[name])} | {marks} |")
    return "\n".join([*lines, ""])
