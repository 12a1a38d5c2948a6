"""The hub's own certificate authority: with `ca_pem` its broker is believed, without it nobody unknown is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from core.errors import AppError
from edge_agent import hub_http
from tests.conftest import wait_for
from tests.edge import parts


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture
def tls_broker(tmp_path: Path) -> parts.BrokerProcess:
    """Certificates of an authority of the plant, and where the broker will listen."""
    where = {
        name: str(tmp_path / name) for name in ("ca.key", "ca.pem", "key.pem", "csr.pem", "cert.pem", "ext")
    }
    Path(where["ext"]).write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=Plant", "-keyout", where["ca.key"], "-out", where["ca.pem"])  # fmt: skip
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=broker",
            "-keyout", where["key.pem"], "-out", where["csr.pem"])  # fmt: skip
    openssl("x509", "-req", "-in", where["csr.pem"], "-CA", where["ca.pem"], "-CAkey", where["ca.key"],
            "-CAcreateserial", "-days", "2", "-extfile", where["ext"], "-out", where["cert.pem"])  # fmt: skip
    process = parts.BrokerProcess("mosquitto", tmp_path)
    process.more = f"certfile {where['cert.pem']}\nkeyfile {where['key.pem']}\n"
    if os.geteuid() == 0:  # else it changes to a user that may not read our key
        process.more += "user root\n"
    return process


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_the_plants_own_authority_is_believed_when_it_came_with_the_login(
    tmp_path: Path, tls_broker: parts.BrokerProcess
) -> None:
    joined = parts.login("e1", tls_broker.port).model_copy(update={"mqtt_tls": True})
    ca_pem = (tmp_path / "ca.pem").read_text()
    tls_broker.start()
    try:
        with parts.edge(tmp_path / "believing", joined.model_copy(update={"ca_pem": ca_pem})) as edge:
            wait_for(lambda: edge.agent._uplink is not None and edge.agent._uplink.connected)
        with parts.edge(tmp_path / "doubting", joined) as edge:
            link = wait_for(lambda: edge.agent._uplink)._link
            reasons: list[str] = []
            heard = link._on_state
            link._on_state = lambda up, why: (reasons.append(why), heard(up, why))[1]
            assert "certificate" in wait_for(lambda: reasons and reasons[0]).lower()
    finally:
        tls_broker.kill()


def test_a_login_whose_authority_is_no_certificate_is_said_at_the_start(tmp_path: Path) -> None:
    login = parts.login("e1", 1).model_copy(update={"ca_pem": "-----BEGIN CERTIFICATE-----\nrubbish"})
    hub_http.login_file(tmp_path).write_text(login.model_dump_json())
    with pytest.raises(AppError) as wrong:
        hub_http.read_login(tmp_path)
    assert wrong.value.code == "join.bad_login"
