"""Generated documents are in step, links lead somewhere, and the documents tell of real commands and keys."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from installer import documents

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"")


def pages() -> list[Path]:
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "installer").rglob("*.md")]
    return sorted(found)


def test_generated_documents_are_in_step() -> None:
    assert documents.out_of_step() == [], "run ./dev docs"


def test_out_of_step_is_noticed(tmp_path: Path) -> None:
    for path, text in documents.documents().items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert documents.out_of_step(tmp_path) == []
    (tmp_path / "settings.md").write_text("old", encoding="utf-8")
    (tmp_path / "wire" / "gone.schema.json").write_text("{}", encoding="utf-8")
    assert documents.out_of_step(tmp_path) == ["settings.md", "wire/gone.schema.json"]


def test_schemas_are_json_with_definitions() -> None:
    for path in (ROOT / "docs" / "wire").glob("*.schema.json"):
        assert json.loads(path.read_text(encoding="utf-8"))["$defs"]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [one or other for one, other in LINK.findall(text)]
    local = [target.split("#")[0] for target in targets if "://" not in target and not target.startswith("#")]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_named_exist(page: Path) -> None:
    usage = subprocess.run(["./dev", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"^  ([a-z-]+)", usage, re.MULTILINE))
    named = set(re.findall(r"\./dev ([a-z-]+)", page.read_text(encoding="utf-8")))
    assert named <= known | {"help"}
