"""Tickets by the API: lists for a million-row table, one ticket's life, what others may see."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from tests.hub.running import RunningHub
from tests.hub.test_phone import photo


def ids_of(hub: RunningHub, **params: Any) -> tuple[list[int], int]:
    with hub.client() as client:
        answer = client.get("/tickets/ids", params=params)
    assert answer.headers["content-type"] == "application/octet-stream"
    return list(array("q", answer.content)), int(answer.headers["x-cursor"])


@pytest.fixture(scope="module")
def made(hub: RunningHub) -> list[dict[str, Any]]:
    """Seven tickets of all priorities."""
    return [
        hub.post(
            "/tickets", {"title": f"Job {n}", "priority": n % 4 + 1, "type": "request" if n % 2 else "fault"}
        )
        for n in range(7)
    ]


def test_ids_rows_and_pages_tell_the_same(hub: RunningHub, made: list[dict[str, Any]]) -> None:
    ids, cursor = ids_of(hub, sort="priority")
    assert cursor == hub.get("/journal", after=0, limit=500)[-1]["id"]
    rows = hub.post("/tickets/rows", {"ids": [*ids, 999_999]})
    assert [row["id"] for row in rows] == ids
    assert [row["priority"] for row in rows] == sorted(row["priority"] for row in rows)
    paged: list[int] = []
    after = None
    while True:
        page = hub.get("/tickets", sort="priority", limit=3, **({"after": after} if after else {}))
        paged += [row["id"] for row in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert paged == ids


def test_filters_may_be_repeated_and_combined(hub: RunningHub, made: list[dict[str, Any]]) -> None:
    requests, _cursor = ids_of(hub, type="request", open=True)
    assert set(requests) == {ticket["id"] for ticket in made if ticket["type"] == "request"}
    both, _cursor = ids_of(hub, type=["request", "fault"], q="Job")
    assert set(both) == {ticket["id"] for ticket in made}
    none, _cursor = ids_of(hub, q="no such words")
    assert none == []
    with hub.client() as client:
        wrong = client.get("/tickets/ids", params={"sort": "colour"})
    assert wrong.status_code == 422 and "sort" in wrong.json()["fields"]


def test_the_same_request_again_is_200_and_the_first_ticket(hub: RunningHub) -> None:
    body = {"title": "Once", "request_id": "0123456789abcdef"}
    with hub.client() as client:
        first, second = client.post("/tickets", json=body), client.post("/tickets", json=body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]


def test_a_ticket_lives_from_report_to_closure(hub: RunningHub) -> None:
    token = hub.person("smith", "technician")
    smith = next(person for person in hub.get("/people") if person["login"] == "smith")
    asset = hub.post("/assets", {"name": "Saw"})
    ticket = hub.post("/tickets", {"title": "Blade dull", "asset_id": asset["id"]})
    path = f"/tickets/{ticket['id']}"
    candidates = hub.get(f"{path}/candidates")
    assert [one["person"]["name"] for one in candidates if one["person"]["id"] == smith["id"]] == ["Smith"]
    assert hub.post(f"{path}/assign", {"person_id": smith["id"]})["state"] == "assigned"
    with hub.client(token) as client:
        assert client.post(f"{path}/moves", json={"move": "start"}).json()["state"] == "in_progress"
        labour = client.post(f"{path}/labour", json={"minutes": 30})
        assert labour.status_code == 200, labour.text
        added = client.post(f"{path}/files", files={"file": ("after.jpg", photo(), "image/jpeg")})
        assert added.status_code == 201
        shown = client.get(added.json()["url"].removeprefix("/api/v1"), params={"size": "thumb"})
        assert shown.headers["content-type"] == "image/jpeg"
        assert shown.headers["content-disposition"].startswith("inline")
        done = client.post(f"{path}/moves", json={"move": "resolve", "resolution": "New blade"})
        assert done.json()["state"] in ("resolved", "follow_up"), done.text
    assert hub.post(f"{path}/moves", {"move": "close"})["state"] == "closed"
    verbs = [entry["verb"] for entry in hub.get(f"{path}/timeline")]
    assert verbs[0] == "ticket.created" and verbs[-1] == "ticket.closed"
    assert hub.get(f"/assets/{asset['id']}/tickets")[0]["id"] == ticket["id"]


def test_nobody_overwrites_unseen(hub: RunningHub) -> None:
    ticket = hub.post("/tickets", {"title": "First"})
    with hub.client() as client:
        path = f"/tickets/{ticket['id']}"
        assert client.patch(path, json={"version": ticket["version"], "title": "Second"}).status_code == 200
        late = client.patch(path, json={"version": ticket["version"], "title": "Third"})
    assert late.status_code == 409 and late.json()["code"] == "ticket.changed"
    assert hub.get(path)["title"] == "Second"


def test_a_reporter_sees_own_tickets_only(hub: RunningHub, made: list[dict[str, Any]]) -> None:
    token = hub.person("operator", "reporter")
    own = hub.post("/tickets", {"title": "Mine"}, token=token)
    with hub.client(token) as client:
        assert client.get(f"/tickets/{made[0]['id']}").status_code in (403, 404)
        assert [row["id"] for row in client.get("/tickets").json()["items"]] == [own["id"]]
        assert client.post("/tickets/rows", json={"ids": [made[0]["id"]]}).json() == []
        assert client.get("/parts").status_code == 403
        for path in ("/people", "/edges", "/dead-letters", "/plans", "/alarms"):
            assert client.get(path).status_code == 403, path
