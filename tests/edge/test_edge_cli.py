"""`fettle edge`: joining, status, checking, running and stopping, with words in both languages."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pyModbusTCP.server import ModbusServer

from core import i18n
from edge_agent import cli
from tests.conftest import wait_for
from tests.edge import parts


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("FETTLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FETTLE_LANGUAGE", "en")
    before = i18n.current()
    yield tmp_path / "home" / "edge"
    i18n.use(before)


class Door(BaseHTTPRequestHandler):
    """A hub that knows one join code."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        good = self.path == "/api/v1/edges/join" and body["code"] == "GOOD-CODE"
        answer = {"edge": "e1", "name": "Hall 1", "mqtt_host": "h", "mqtt_port": 1883, "password": "secret",
                  "http_url": "http://hub"}  # fmt: skip
        said = json.dumps(answer if good else {"code": "edge.bad_code"}).encode()
        self.send_response(200 if good else 422)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def door() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_alone_it_prints_what_it_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("run", "join", "status", "check", "simulate", "replay"))


def test_joining_keeps_the_login_where_only_its_owner_reads_it(
    door: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["join", door, "GOOD-CODE"]) == 0
    assert "Hall 1" in capsys.readouterr().out
    login = home / "login.json"
    assert json.loads(login.read_text())["password"] == "secret" and login.stat().st_mode & 0o077 == 0
    assert cli.main(["status"]) == 0
    said = capsys.readouterr().out
    assert "http://hub as e1" in said and "not run yet" in said


def test_a_hub_with_a_certificate_of_the_plant_is_joined_by_its_authority(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-days", "2", "-subj", "/CN=Plant", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *key, "-subj", "/CN=hub", "-keyout", "key.pem", "-out", "csr.pem")
    openssl("x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "ext", "-out", "cert.pem")  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://127.0.0.1:{server.server_port}"
    try:
        assert cli.main(["join", url, "GOOD-CODE"]) == 1
        assert "certificate" in capsys.readouterr().err.lower() and not (home / "login.json").exists()
        assert cli.main(["join", url, "GOOD-CODE", "--ca", str(tmp_path / "key.pem")]) == 1
        assert "PEM" in capsys.readouterr().err
        assert cli.main(["join", url, "GOOD-CODE", "--ca", str(tmp_path / "ca.pem")]) == 0
    finally:
        server.shutdown()
        server.server_close()
    assert json.loads((home / "login.json").read_text())["ca_pem"] == (tmp_path / "ca.pem").read_text()


@pytest.mark.parametrize(("code", "words"), [("OLD-CODE", "fifteen minutes"), ("x", "no join code")])
def test_a_refused_code_says_what_to_do(
    door: str, home: Path, code: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["join", door, code]) == 1
    assert words in capsys.readouterr().err and not (home / "login.json").exists()


def test_no_hub_at_the_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["join", f"127.0.0.1:{parts.free_port()}", "GOOD-CODE"]) == 1
    assert "Check the address" in capsys.readouterr().err


def test_an_unknown_settings_key_names_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "edge.toml"
    file.write_text("outbox_quota_mb = 5\n")
    assert cli.main(["run", "--settings", str(file)]) == 1
    said = capsys.readouterr().err
    assert "outbox_quota_mb" in said and "outbox_quota_mib" in said


def test_a_rule_on_a_missing_point_stops_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text("rules:\n  - {id: r, name: Too hot, point: nowhere, condition: high, limit: 1}\n")
    assert cli.main(["run", "--config", str(file)]) == 1
    said = capsys.readouterr().err
    assert "rules[0].point" in said and "nowhere" in said and "Too hot" in said


def test_a_damaged_login_says_to_join_again(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.mkdir(parents=True)
    (home / "login.json").write_text("{}")
    assert cli.main(["run"]) == 1
    assert "Join the hub again" in capsys.readouterr().err


def test_nothing_to_do_says_what_is_possible(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run"]) == 1
    said = capsys.readouterr().err
    assert "fettle edge join" in said and "--config" in said


def test_check_shows_the_requests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(
        "devices:\n  - {kind: modbus_tcp, id: d, name: Press, host: 10.0.0.5, unit: 7}\n"
        "  - {kind: mqtt, id: m, name: Packer, url: 'mqtt://b', topic: 'p/#'}\n"
        "points:\n  - {id: a, device: d, name: A, address: 4, type: float32}\n"
        "  - {id: b, device: d, name: B, address: 8, poll_ms: 100}\n"
    )
    assert cli.main(["check", str(file)]) == 0
    said = capsys.readouterr().out
    assert (
        "10.0.0.5:502, unit 7" in said and "every 100 ms" in said and "4-5" in said and "mqtt://b p/#" in said
    )


def test_it_runs_alone_tells_its_status_and_stops_when_asked(
    tmp_path: Path, home: Path, plc: ModbusServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(
        f"devices:\n  - {{kind: modbus_tcp, id: d, name: Press, host: 127.0.0.1, port: {plc.port}, poll_ms: 50}}\n"
        "points:\n  - {id: t, device: d, name: Oil, address: 0}\n"
        "rules:\n  - {id: hot, name: Oil too hot, point: t, condition: high, limit: 80, severity: critical}\n"
    )
    plc.data_bank.set_holding_registers(0, [95])
    process = subprocess.Popen(
        [sys.executable, "-m", "core.cli", "edge", "--config", str(file)],  # short for `edge run --config`
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        status = home / "status.json"
        wait_for(lambda: status.exists() and "Oil too hot" in status.read_text(), 15)
        assert cli.main(["status"]) == 0
        said = capsys.readouterr().out
        assert cli.main(["run", "--config", str(file)]) == 1
        assert "Another edge runs" in capsys.readouterr().err
        assert "running" in said and "Press" in said and "Oil too hot" in said and "no hub" in said
    finally:
        process.terminate()
        _out, log = process.communicate(timeout=15)
    assert process.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert any(line["event"] == "alarm raised" and line["rule"] == "hot" for line in lines)
    assert lines[-1]["event"] == "edge stopped"
    assert cli.main(["status"]) == 0
    assert "stopped" in capsys.readouterr().out


@pytest.mark.parametrize("program", ["simulate", "replay"])
def test_the_others_are_found(program: str) -> None:
    with pytest.raises(SystemExit) as done:
        cli.main([program, "--help"])
    assert done.value.code == 0
