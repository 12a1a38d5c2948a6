"""The guide for integrators runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.hub.running import PASSWORD, RunningHub

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def test_the_examples_of_the_guide_run(hub: RunningHub, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    names = {"HUB": hub.url, "LOGIN": "admin", "PASSWORD": PASSWORD}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)
    names["api"].close()  # type: ignore[attr-defined]  # made by the first example
    said = capsys.readouterr().out
    assert "Ada Admin" in said and "ticket T-" in said and "Spare belt" in said
