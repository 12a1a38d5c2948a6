"""Compiles the translation catalogues (.po → .mo) when a wheel or an editable install is built."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def compile_catalogues(root: Path) -> list[Path]:
    """Write a .mo beside each .po below `root` that has none or an older one; return those written."""
    written = []
    for source in sorted(root.glob("assets/translations/*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parts[-3])
        # Replaced whole: a program that starts meanwhile reads the old one or the new one.
        new = target.with_suffix(f".{os.getpid()}.new")
        with new.open("wb") as out:
            write_mo(out, catalogue)
        new.replace(target)
        written.append(target)
    return written


class CatalogueHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's own generic has no public parameter
    """Puts the compiled catalogues into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects files."""
        root = Path(self.root)
        compile_catalogues(root)
        build_data["artifacts"].append("assets/translations/**/*.mo")
