"""Connections that say nothing, or hardly anything, end; those that are only slow do not."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import httpx
import pytest

from core.hub import lines
from tests.conftest import wait_for
from tests.hub.running import RunningHub

REPORT = b"POST /q/ABC HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "HEADER_S", 0.3)
    monkeypatch.setattr(lines, "STALL_S", 0.3)


def opened(hub: RunningHub, *parts: bytes) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", hub.hub.port), timeout=10)
    for part in parts:
        line.sendall(part)
    return line


@pytest.mark.parametrize(
    "said", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n", REPORT, REPORT + b"some"], ids=len
)
def test_whoever_falls_silent_is_not_waited_for(hub: RunningHub, said: bytes) -> None:
    with opened(hub, said) as line:
        began = time.monotonic()
        while line.recv(4096):
            pass
        assert time.monotonic() - began < 5


def test_one_header_after_the_other_wins_no_time(hub: RunningHub) -> None:
    with opened(hub, b"GET /healthz HTTP/1.1\r\n") as line:
        began = time.monotonic()

        def refused() -> bool:
            try:
                line.sendall(b"X-More: 1\r\n")
            except OSError:
                return True
            return False

        wait_for(refused, 5, step_s=0.05)
        assert time.monotonic() - began < 3


def test_a_second_request_on_a_kept_connection_has_to_be_said_too(hub: RunningHub) -> None:
    with opened(hub, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as line:
        assert b"200" in line.recv(4096)
        line.sendall(b"GET /healthz HTTP/1.1\r\n")
        while line.recv(4096):
            pass


def test_a_slow_body_is_taken_and_a_stream_stays(hub: RunningHub) -> None:
    def body() -> object:
        for piece in (b'{"title"', b': "Slow', b' phone"', b"}"):
            yield piece
            time.sleep(0.15)  # a poor connection

    with hub.client() as client, client.stream("GET", "/journal/stream", params={"after": 0}) as stream:
        answer = httpx.post(
            f"{hub.url}/api/v1/tickets",
            content=body(),  # type: ignore[arg-type]  # a generator is what a slow sender is
            headers={"Authorization": f"Bearer {hub.token}", "Content-Type": "application/json"},
        )
        assert answer.status_code == 201 and answer.json()["title"] == "Slow phone"
        assert any("Slow phone" in text for text in stream.iter_text())


def test_a_hub_may_open_many_files() -> None:
    program = (
        "import resource; from core.hub.lines import allow_many_files\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard)); allow_many_files()\n"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, 65536)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
