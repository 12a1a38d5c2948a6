"""The guide for integrators runs as it stands."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import wait_for
from tests.hub.running import PASSWORD, RunningHub

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


STOCK = [
    {"number": "P-77001", "name": "Seal ring", "unit": "pc", "on_hand": "12"},
    {"number": "P-77002", "name": "Hydraulic oil", "unit": "l", "on_hand": "60.5"},
]


@pytest.fixture
def erp() -> Iterator[str]:
    """A stand-in ERP that knows some stock."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/stock" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(STOCK).encode())

        def log_message(self, *_args: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_examples_of_the_guide_run(hub: RunningHub, erp: str, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    names: dict[str, Any] = {"HUB": hub.url, "LOGIN": "admin", "PASSWORD": PASSWORD, "ERP": erp}
    names["WAIT_FOR"] = wait_for
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)
    names["api"].close()
    names["erp"].close()
    said = capsys.readouterr().out
    assert "Ada Admin" in said and "ticket T-" in said and "Spare belt" in said
    assert "stock changed: 2" in said and "called with ticket.created Lamp at gate 3" in said
