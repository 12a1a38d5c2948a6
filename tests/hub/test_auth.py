"""Who gets in: every door asks, except those that are meant for everybody."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from core.hub import auth
from core.hub.feed import Feed
from core.hub.gate import caller, networks
from core.hub.web import build
from core.services import fleet
from core.settings import HubSettings
from core.wire.uplink import JoinEdge
from tests.hub.running import PASSWORD, RunningHub

DOORS = sorted(auth.doors(build(HubSettings(), Feed())))
LOCKED = [(method, path) for method, path, asks in DOORS if asks]


def filled(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "1", path)


def test_there_are_as_many_doors_as_the_contract_says() -> None:
    assert len(LOCKED) > 80
    assert {(method, path) for method, path, asks in DOORS if not asks} == auth.PUBLIC


@pytest.mark.parametrize(("method", "path"), LOCKED, ids=lambda value: str(value))
def test_a_door_without_a_token_stays_shut(hub: RunningHub, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Cookie": f"token={hub.token}"}):
        answer = httpx.request(method, hub.url + filled(path), headers=headers)
        assert answer.status_code == 401, answer.text
        assert answer.headers["www-authenticate"] == "Bearer"
        problem = answer.json()
        assert set(problem) == {"code", "message", "detail", "fields", "params", "trace"}
        assert problem["code"].startswith(("auth.", "session."))


def test_a_door_without_a_lock_keeps_the_hub_from_starting() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    router = APIRouter(prefix="/api/v1")

    @router.get("/everything")
    def everything() -> str:
        return "all secrets"

    app.include_router(router)
    with pytest.raises(RuntimeError, match="GET /api/v1/everything"):
        auth.refuse_open_doors(app)


def test_rights_end_with_the_session(hub: RunningHub) -> None:
    token = hub.person("leaver", "technician")
    with hub.client(token) as client:
        assert client.get("/me").json()["login"] == "leaver"
        assert client.post("/people", json={"name": "X"}).status_code == 403
        assert client.post("/logout").status_code == 204
        assert client.get("/me").status_code == 401


def test_wrong_passwords_all_look_alike_and_then_wait(hub: RunningHub) -> None:
    hub.person("victim", "technician")
    with hub.client("") as client:
        unknown = client.post("/login", json={"login": "nobody", "password": "x" * 12})
        wrong = client.post("/login", json={"login": "victim", "password": "x" * 12})
        assert unknown.status_code == wrong.status_code == 401
        assert unknown.json() == wrong.json()
        answers = [client.post("/login", json={"login": "victim", "password": "x" * 12}) for _ in range(6)]
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) > 0
        right = client.post("/login", json={"login": "victim", "password": PASSWORD})
        assert right.status_code == 429


def test_set_up_opens_once(hub: RunningHub) -> None:
    with hub.client("") as client:
        assert client.get("/setup").json()["needed"] is False
        again = client.post(
            "/setup",
            json={"code": "AAAAA-AAAAA", "plant": "P", "name": "N", "login": "other", "password": PASSWORD},
        )
    assert again.status_code == 409
    assert again.json()["code"] == "setup.done"


def test_an_edge_opens_only_its_own_door(hub: RunningHub) -> None:
    made = hub.post("/edges", {"name": "Line 1", "edge_id": "line-1"})
    code = hub.post(f"/edges/{made['id']}/join-code")["code"]
    joined = fleet.join(JoinEdge(code=code), now=datetime.now(UTC))

    def send(edge_id: str, name: str, password: str) -> httpx.Response:
        return httpx.post(
            f"{hub.url}/api/v1/edges/{edge_id}/uplink", content=b"{}", auth=httpx.BasicAuth(name, password)
        )

    assert send("line-1", "line-1", joined.password).json()["code"] == "uplink.unreadable"
    assert send("line-2", "line-1", joined.password).status_code == 401
    assert send("line-1", "line-1", "wrong").status_code == 401
    garbage = base64.b64encode(b"\xff\xfe").decode()
    answer = httpx.post(
        f"{hub.url}/api/v1/edges/line-1/uplink", content=b"{}", headers={"Authorization": f"Basic {garbage}"}
    )
    assert answer.status_code == 401
    basic = base64.b64encode(f"line-1:{joined.password}".encode()).decode()
    assert httpx.get(f"{hub.url}/api/v1/me", headers={"Authorization": f"Basic {basic}"}).status_code == 401


def test_forwarded_addresses_are_believed_only_from_known_proxies() -> None:
    trusted = networks(["10.0.0.0/8"])
    assert caller("192.0.2.1", "203.0.113.9", trusted) == "192.0.2.1"
    assert caller("10.0.0.1", "203.0.113.9", trusted) == "203.0.113.9"
    assert caller("10.0.0.1", "198.51.100.3, 203.0.113.9, 10.2.2.2", trusted) == "203.0.113.9"
    assert caller("10.0.0.1", "", trusted) == "10.0.0.1"


def test_set_up_is_for_this_computer_only() -> None:
    # What a proxy forwards counts as from where it came, so a proxy on this computer opens nothing.
    trusted = networks(["127.0.0.1"])
    assert caller("127.0.0.1", "203.0.113.9", trusted) == "203.0.113.9"
