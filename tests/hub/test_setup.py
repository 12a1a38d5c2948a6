"""The first start: a one-time code, this computer only, all or nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from core.errors import AppError, Conflict, Forbidden, TooMany
from core.hub.app import Hub
from core.hub.cli import _welcome
from core.services import sessions, settings, setup
from core.settings import BrokerSettings, HttpSettings, HubSettings
from core.storage.tables import AssetRow, JournalRow, MetaRow, PersonRow
from core.wire.people import SetUp
from tests.hub.actors import hub_in


@pytest.fixture(autouse=True)
def hub(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(setup, "_wrong", 0)
    with hub_in(tmp_path / "hub"):
        yield


def request(**values: Any) -> SetUp:
    code = setup.begin()
    assert code is not None
    given: dict[str, Any] = {
        "code": code,
        "plant": "Sunhill Works",
        "language": "en",
        "public_url": "http://10.1.2.3:8750/",
        "name": "Ada",
        "login": "ada",
        "password": SecretStr("Vier Worte ohne Sinn"),
    }
    return SetUp(**{**given, **values})


def test_code_is_kept_for_its_owner_only_and_gone_afterwards(now: datetime) -> None:
    code = setup.begin()
    assert code == setup.begin(), "the same at each start until it is used"
    assert setup.code_file().read_text().strip() == code
    if os.name == "posix":
        assert stat.S_IMODE(setup.code_file().stat().st_mode) == 0o600
    assert setup.state().needed
    opened = setup.set_up(request(), now=now, address="127.0.0.1")
    assert not setup.code_file().exists() and not setup.state().needed and setup.begin() is None
    actor = sessions.session(opened.token, now=now)
    assert actor.roles == {"admin"} and opened.me.plant == "Sunhill Works"
    assert settings.plant().language == "en" and settings.public_url() == "http://10.1.2.3:8750"
    assert JournalRow.get(JournalRow.verb == "hub.set_up").data["plant"] == "Sunhill Works"


def test_only_once(now: datetime) -> None:
    again = request()
    setup.set_up(again, now=now, address="::1")
    with pytest.raises(Conflict) as caught:
        setup.set_up(again, now=now, address="127.0.0.1")
    assert caught.value.code == "setup.done" and PersonRow.select().count() == 1


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "", "nonsense"])
def test_only_from_this_computer(now: datetime, address: str) -> None:
    with pytest.raises(Forbidden) as caught:
        setup.set_up(request(), now=now, address=address)
    assert caught.value.code == "setup.loopback_only"


def test_code_may_be_typed_in_any_way(now: datetime) -> None:
    code = setup.begin() or ""
    setup.set_up(request(code=f" {code.lower().replace('-', ' ')} "), now=now, address="::ffff:127.0.0.1")


def test_wrong_codes_come_to_an_end(now: datetime) -> None:
    for _try in range(20):
        with pytest.raises(Forbidden):
            setup.set_up(request(code="AAAAA-AAAAA"), now=now, address="127.0.0.1")
    with pytest.raises(TooMany):
        setup.set_up(request(), now=now, address="127.0.0.1")


def test_weak_password_leaves_nothing_behind(now: datetime) -> None:
    with pytest.raises(AppError) as caught:
        setup.set_up(request(password=SecretStr("sunhill works")), now=now, address="127.0.0.1")
    assert caught.value.code == "password.name" and setup.state().needed and PersonRow.select().count() == 0


@pytest.mark.parametrize("language", ["zh_CN", "en"])
def test_sample_plant_comes_with_it(now: datetime, language: str) -> None:
    setup.set_up(request(sample=language), now=now, address="127.0.0.1")
    assert AssetRow.select().count() > 10 and PersonRow.select().count() > 5


def test_epoch_is_made_once() -> None:
    setup.begin()
    epoch = settings.hub_epoch()
    setup.begin()
    assert settings.hub_epoch() == epoch and len(epoch) == 32
    assert MetaRow.get(MetaRow.key == "hub_epoch").value == epoch


def test_public_address_is_peoples_else_the_files_else_the_hubs_own(tmp_path: Path) -> None:
    assert settings.public_url() == "https://fettle.example.cn"
    settings.change_plant(public_url="http://10.0.0.1:80/x/")
    settings.forget()
    assert settings.public_url() == "http://10.0.0.1:80/x"
    assert settings.broker_address() == ("127.0.0.1", 1883, False), "bound to this computer only"


@pytest.mark.parametrize(
    ("broker", "told"),
    [
        ({"bind": "0.0.0.0", "port": 1884}, ("fettle.example.cn", 1884, False)),
        ({"public_host": "mq.example.cn"}, ("mq.example.cn", 1883, False)),
        ({"url": "mqtt://10.0.0.2"}, ("10.0.0.2", 1883, False)),
        ({"url": "mqtts://10.0.0.2"}, ("10.0.0.2", 8883, True)),
        ({"url": "mqtt://10.0.0.2:1999", "public_host": "mq.example.cn"}, ("mq.example.cn", 1999, False)),
    ],
)
def test_where_edges_find_the_broker(broker: dict[str, Any], told: tuple[str, int, bool]) -> None:
    hub = HubSettings(broker=BrokerSettings.model_validate(broker))
    settings.use(hub, "https://fettle.example.cn")
    assert settings.broker_address() == told


@pytest.mark.parametrize(
    ("http", "broker", "shut_out"),
    [
        ("0.0.0.0", {}, True),
        ("192.168.1.5", {"bind": "::1"}, True),
        ("127.0.0.1", {}, False),
        ("0.0.0.0", {"bind": "0.0.0.0"}, False),
        ("0.0.0.0", {"public_host": "mq.example.cn"}, False),
        ("0.0.0.0", {"url": "mqtt://127.0.0.1"}, False),
    ],
)
def test_a_hub_says_that_edges_elsewhere_are_shut_out(
    http: str, broker: dict[str, Any], shut_out: bool
) -> None:
    hub = HubSettings(http=HttpSettings(host=http), broker=BrokerSettings.model_validate(broker))
    settings.use(hub, "http://127.0.0.1:8750")
    running = Hub(hub)
    running.setup_code = "A-CODE"
    assert running.edges_shut_out is shut_out
    assert ('bind = "0.0.0.0"' in _welcome(running)) is shut_out
    assert "A-CODE" in _welcome(running)
