"""The plant's facts: changed by administrators alone, used at once, told in the journal."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.hub.running import RunningHub


def put(hub: RunningHub, token: str | None = None, **facts: Any) -> httpx.Response:
    with hub.client(token) as client:
        return client.put("/plant", json=facts)


def test_name_language_and_address_are_used_at_once(hub: RunningHub) -> None:
    before = hub.get("/plant")
    assert (before["name"], before["public_url"], before["address"]) == ("Test plant", "", hub.url)
    facts = {"name": "Works 2", "language": "zh_CN", "public_url": "https://fettle.example.cn/"}
    after = put(hub, version=before["version"], **facts).json()
    assert (after["public_url"], after["version"]) == ("https://fettle.example.cn", before["version"] + 1)
    assert hub.get("/me")["public_url"] == "https://fettle.example.cn"
    assert hub.get("/setup") | {"version": ""} == {
        "needed": False, "version": "", "plant": "Works 2", "language": "zh_CN"
    }  # fmt: skip
    told = [entry for entry in hub.get("/journal", limit=500) if entry["verb"] == "hub.edited"]
    assert told[-1]["data"]["changed"]["name"] == ["Test plant", "Works 2"]
    stale = put(hub, version=before["version"], **facts)
    assert (stale.status_code, stale.json()["code"]) == (409, "plant.changed")
    same = put(hub, version=after["version"], **facts).json()
    assert same == after, "nothing differs, nothing is written"
    back = put(hub, version=after["version"], name="Test plant", language="en", public_url="").json()
    assert back["address"] == hub.url


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "fettle.example.cn", "https://", "https://a b", "https://u:p@h", "https://h?x"],
)
def test_an_address_that_labels_cannot_carry_is_refused(hub: RunningHub, url: str) -> None:
    answer = put(hub, version=hub.get("/plant")["version"], name="P", language="en", public_url=url)
    assert answer.status_code == 422 and answer.json()["fields"] == {"public_url": "pattern"}


@pytest.mark.parametrize("role", ["supervisor", "dispatcher", "vendor"])
def test_only_administrators_see_and_change_it(hub: RunningHub, role: str) -> None:
    token = hub.person(f"a-{role}", role)
    with hub.client(token) as client:
        assert client.get("/plant").status_code == 403
    assert put(hub, token, version=1, name="Mine", language="en").status_code == 403
