"""The hub as a whole: starts, answers, stops, refuses what stands in the way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from core.errors import AppError
from core.hub.app import Hub
from core.hub.web import body_limit
from core.settings import BrokerSettings, HttpSettings, HubSettings
from tests.conftest import wait_for
from tests.hub.running import RunningHub


def settings_in(folder: Path, port: int = 0) -> HubSettings:
    return HubSettings(data_dir=folder, http=HttpSettings(port=port), broker=BrokerSettings(port=0))


def test_a_hub_says_where_it_is_and_that_it_is_well(hub: RunningHub) -> None:
    facts = json.loads((hub.settings.data_dir / "run.json").read_text(encoding="utf-8"))
    assert facts["pid"] == os.getpid()
    assert facts["url"] == hub.url and facts["http_port"] > 0
    answer = httpx.get(f"{hub.url}/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok" and len(answer.json()["epoch"]) == 32


def test_every_answer_carries_the_security_headers(hub: RunningHub) -> None:
    for path in ("/healthz", "/api/v1/tickets", "/q/NOPE", "/docs", "/nothing-here"):
        headers = httpx.get(hub.url + path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_a_second_hub_on_the_same_folder_is_refused(hub: RunningHub) -> None:
    with pytest.raises(AppError) as refused:
        Hub(settings_in(hub.settings.data_dir)).open()
    assert refused.value.code == "hub.already_running"
    assert httpx.get(f"{hub.url}/healthz").status_code == 200


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(AppError) as refused:
            Hub(settings_in(tmp_path, port)).open()
    assert refused.value.code == "hub.port_taken"
    assert refused.value.params["port"] == str(port)
    Hub(settings_in(tmp_path)).lock()  # the folder was let go again


def test_an_address_that_is_not_ours_is_named(tmp_path: Path) -> None:
    settings = HubSettings(data_dir=tmp_path, http=HttpSettings(host="198.51.100.7", port=0))
    with pytest.raises(AppError) as refused:
        Hub(settings).open()
    assert refused.value.code == "hub.bad_host"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(AppError) as refused:
        Hub(settings_in(tmp_path / "file" / "data")).open()
    assert refused.value.code == "hub.data_dir"


def test_bodies_are_bounded_by_what_the_address_is_for(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    mib = 1024 * 1024
    assert body_limit("/api/v1/tickets", settings) == mib
    assert body_limit("/api/v1/tickets/3/files", settings) == 9 * mib
    assert body_limit("/api/v1/edges/e1/uplink", settings) > 32 * mib
    assert body_limit("/q/ABC", settings) == 25 * mib
    assert body_limit("/r/ABC/note", settings) < mib


def test_too_large_a_body_is_refused_announced_or_not(hub: RunningHub) -> None:
    big = b"x" * (1024 * 1024 + 1)
    announced = httpx.post(
        f"{hub.url}/api/v1/login", content=big, headers={"Content-Type": "application/json"}
    )
    assert announced.status_code == 413
    assert announced.json()["code"] == "request.too_large"

    def pieces() -> object:
        for start in range(0, len(big), 65536):
            yield big[start : start + 65536]

    streamed = httpx.post(
        f"{hub.url}/api/v1/login",
        content=pieces(),
        headers={"Content-Type": "application/json"},  # type: ignore[arg-type]
    )
    assert streamed.status_code == 413
    assert streamed.json()["code"] == "request.too_large"


def test_the_api_documents_need_nothing_from_elsewhere(hub: RunningHub) -> None:
    client = httpx.Client(base_url=hub.url, timeout=30)  # the description is made at the first call
    page = client.get("/docs").text
    assert "https://" not in page and "http://" not in page
    for path in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert f"/static/swagger/{path}" in page
        assert client.get(f"/static/swagger/{path}").status_code == 200
    described = client.get("/api/v1/openapi.json").json()
    client.close()
    assert "/api/v1/tickets/{ticket_id}/moves" in described["paths"]


def start(folder: Path, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "core.cli",
            "hub",
            "--data",
            str(folder),
            "--port",
            "0",
            "--mqtt-port",
            "0",
            *args,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FETTLE_LANGUAGE": "en", "PYTHONUNBUFFERED": "1"},
    )


def test_a_hub_process_tells_its_address_and_code_and_stops_cleanly(tmp_path: Path) -> None:
    process = start(tmp_path)
    try:
        run_file = tmp_path / "run.json"
        wait_for(run_file.exists, timeout_s=30)
        facts = json.loads(run_file.read_text(encoding="utf-8"))
        code = (tmp_path / "setup-code").read_text(encoding="utf-8").strip()
        assert httpx.get(f"{facts['url']}/healthz").status_code == 200
        second = start(tmp_path)
        out, err = second.communicate(timeout=30)
        assert second.returncode == 2
        assert str(tmp_path) in err and "--data" in err and "Traceback" not in err
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert facts["url"] in out and code in out and "/docs" in out
    assert "Traceback" not in err
    assert not run_file.exists()
