"""Logs: JSON lines off a terminal, secrets hidden, errors with their traceback."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from core import log


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_a_line_is_json_with_time_and_level(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("INFO", json=True)
    log.get("fettle.a").info("edge joined", edge="line-1")
    logging.getLogger("other").warning("from %s", "elsewhere")
    ours, other = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["edge"], ours["level"], ours["logger"]) == (
        "edge joined",
        "line-1",
        "info",
        "fettle.a",
    )
    assert ours["timestamp"].endswith("Z")
    assert other["event"] == "from elsewhere"


def test_secrets_are_hidden_but_codes_of_errors_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("INFO", json=True)
    log.get("fettle.b").info(
        "x", password="p", mqtt_password="p", join_code="p", api_token="p", code="a.b", status_code=404
    )
    line = json.loads(capsys.readouterr().err)
    assert [line[key] for key in ("password", "mqtt_password", "join_code", "api_token")] == ["***"] * 4
    assert (line["code"], line["status_code"]) == ("a.b", 404)


def test_an_exception_has_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("INFO", json=True)
    try:
        raise ValueError("broken")
    except ValueError:
        log.get("fettle.c").exception("poll failed")
    line = json.loads(capsys.readouterr().err)
    assert "ValueError: broken" in line["exception"]


def test_on_a_terminal_it_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("WARNING", json=False)
    log.get("fettle.d").info("quiet")
    log.get("fettle.d").warning("device does not answer", device="M1")
    shown = capsys.readouterr().err
    assert "device does not answer" in shown and "quiet" not in shown
