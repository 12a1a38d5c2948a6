"""The program `fettle hub`: its words and exit codes when it does one thing, or cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.hub import cli
from tests.hub.running import PASSWORD, running


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FETTLE_LANGUAGE", "en")


def test_the_set_up_code_is_told_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--data", str(tmp_path), "setup-code"]) == 0
    first = capsys.readouterr().out.strip()
    assert first == (tmp_path / "setup-code").read_text(encoding="utf-8").strip()
    assert cli.main(["--data", str(tmp_path), "setup-code"]) == 0
    assert capsys.readouterr().out.strip() == first
    assert (tmp_path / "setup-code").stat().st_mode & 0o077 == 0
    assert tmp_path.stat().st_mode & 0o077 == 0


def test_a_forgotten_password_is_reset_and_the_hub_set_up_stays_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path) as hub:
        hub.set_up()
    assert cli.main(["--data", str(tmp_path), "reset-password", "admin"]) == 0
    new = capsys.readouterr().out.strip().splitlines()[-1]
    assert new != PASSWORD and len(new) >= 12
    with running(tmp_path) as hub:
        assert hub.post("/login", {"login": "admin", "password": new}, token="")["token"]
    assert cli.main(["--data", str(tmp_path), "setup-code"]) == 0
    assert "set up already" in capsys.readouterr().out
    assert cli.main(["--data", str(tmp_path), "reset-password", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err


def test_the_database_is_brought_up_to_date_without_starting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--data", str(tmp_path), "migrate"]) == 0
    assert "up to date" in capsys.readouterr().out
    assert (tmp_path / "hub.db").exists() and not (tmp_path / "run.json").exists()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("[http]\nprot = 80\n", ("http.prot", "http.port", "hub.toml")),
        ("[http]\nport = 99999\n", ("http.port", "hub.toml")),
        ("nonsense", ("hub.toml",)),
    ],
)
def test_wrong_settings_name_the_key_and_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: str, words: tuple[str, ...]
) -> None:
    file = tmp_path / "hub.toml"
    file.write_text(lines, encoding="utf-8")
    assert cli.main(["--settings", str(file), "--data", str(tmp_path / "data"), "migrate"]) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert not (tmp_path / "data").exists()


def test_a_command_nobody_knows_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["fly"])
    assert stopped.value.code == 2
    assert "fly" in capsys.readouterr().err


def test_a_taken_broker_port_stops_the_hub_with_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path / "first") as hub:
        port = json.loads(hub.hub.run_file.read_text(encoding="utf-8"))["mqtt_port"]
        args = ["--data", str(tmp_path / "second"), "--port", "0", "--mqtt-port", str(port)]
        assert cli.main(args) == 2
    said = capsys.readouterr().err
    assert str(port) in said and "broker.port" in said
    assert not (tmp_path / "second" / "run.json").exists()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('timezone = "Asia/Nowhere"\n', ("timezone", "Asia/Nowhere", "Asia/Shanghai")),
        ('[http]\ntrusted_proxies = ["10.0.0.0/8", "proxy"]\n', ("http.trusted_proxies", "proxy")),
        ('[http]\ntls_cert = "/nowhere.pem"\ntls_key = "/nowhere.pem"\n', ("/nowhere.pem", "http.tls_cert")),
        ('[http]\ntls_cert = "/nowhere.pem"\n', ("http.tls_key",)),
        ('database_url = "postgresql://fettle@127.0.0.1:1/fettle"\n', ("database fettle", "settings")),
        ('database_url = "mysql://x/y"\n', ("database_url", "postgresql://")),
        ('[broker]\nurl = "tcp://broker"\n', ("broker.url", "mqtt://host:port")),
        ('[broker]\nurl = "mqtt://127.0.0.1:1"\npassword_file = "/nowhere"\n', ("broker.password_file",)),
    ],
)
def test_a_hub_that_cannot_start_says_why_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: str, words: tuple[str, ...]
) -> None:
    file = tmp_path / "hub.toml"
    file.write_text(lines, encoding="utf-8")
    args = ["--settings", str(file), "--data", str(tmp_path / "data"), "--port", "0", "--mqtt-port", "0"]
    assert cli.main(args) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("fettle hub: ") and all(word in said for word in words), said
    assert not (tmp_path / "data" / "run.json").exists()


def test_a_damaged_database_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hub.db").write_bytes(b"this is no database, whatever it is called")
    assert cli.main(["--data", str(tmp_path), "--port", "0", "--mqtt-port", "0"]) == 2
    said = capsys.readouterr().err
    assert str(tmp_path / "hub.db") in said and "backup" in said
