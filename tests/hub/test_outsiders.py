"""Who may see little sees no more by asking elsewhere: money, notes among the team, people, other people's tickets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.hub.running import RunningHub
from tests.hub.test_phone import Machine, photo
from tests.hub.test_stream import stream


@dataclass(frozen=True)
class Case:
    """A ticket with costs, a contact and an internal note, and people who may see parts of it."""

    hub: RunningHub
    ticket: dict[str, Any]
    other: dict[str, Any]
    tokens: dict[str, str]

    def ask(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        with self.hub.client(self.tokens[who]) as client:
            return client.request(method, path, **more)


@pytest.fixture(scope="module")
def case(hub: RunningHub) -> Case:
    roles = ("vendor", "reporter", "technician", "agent", "dispatcher", "storekeeper")
    tokens = {role: hub.person(f"the-{role}", role) for role in roles}
    asset = hub.post("/assets", {"name": "Press", "category": "press", "downtime_cost_minor_per_h": 4242})
    ids = {row["login"]: row["id"] for row in hub.get("/people")}
    facts = {"title": "Leak", "asset_id": asset["id"], "reporter_contact": "13800001111"}
    ticket = hub.post("/tickets", facts, token=tokens["reporter"])
    path = f"/tickets/{ticket['id']}"
    hub.post(f"{path}/assign", {"person_id": ids["the-vendor"]})
    hub.post(f"{path}/notes", {"text": "Between us", "internal": True})
    with hub.client() as client:
        version = client.get(path).json()["version"]
        assert client.patch(path, json={"version": version, "other_cost_minor": 777}).is_success
    for move in ("accept", "start", "resolve"):
        hub.post(f"{path}/moves", {"move": move, "resolution": "Sealed"}, token=tokens["vendor"])
    return Case(hub, hub.get(path), hub.post("/tickets", {"title": "Secret project"}), tokens)


@pytest.mark.parametrize("who", ["vendor", "reporter", "technician", "agent", "dispatcher"])
def test_no_journal_tells_amounts_to_who_may_not_see_them(case: Case, who: str) -> None:
    for path in (f"/tickets/{case.ticket['id']}/timeline", "/journal?limit=500"):
        told = case.ask(who, "GET", path)
        assert told.is_success and "Leak" in told.text
        assert "_minor" not in told.text and "cost_frozen" not in told.text
    everything = case.ask("storekeeper", "GET", f"/tickets/{case.ticket['id']}/timeline").text
    assert "other_cost_minor" in everything and "cost_frozen" in everything


@pytest.mark.parametrize("who", ["vendor", "reporter", "technician", "agent"])
def test_what_an_hour_costs_is_not_for_everybody(case: Case, who: str) -> None:
    assert "4242" not in case.ask(who, "GET", "/assets").text
    assert "4242" in json.dumps(case.hub.get("/assets"))


def test_a_vendor_learns_nothing_of_people(case: Case) -> None:
    path = f"/tickets/{case.ticket['id']}"
    seen = case.ask("vendor", "GET", path).json()
    assert (seen["reporter_contact"], seen["dispatch_why"], seen["cost"]) == ("", None, None)
    assert case.ask("reporter", "GET", path).json()["reporter_contact"] == "13800001111"
    assert "Between us" not in case.ask("vendor", "GET", f"{path}/timeline").text
    assert case.ask("vendor", "GET", "/people").status_code == 403
    assert case.ask("vendor", "GET", "/failure-codes").status_code == 200  # needed to complete the work


def test_a_contact_that_was_corrected_is_no_more_told_than_before(case: Case) -> None:
    path = f"/tickets/{case.ticket['id']}"
    with case.hub.client() as client:
        version = client.get(path).json()["version"]
        body = {"version": version, "reporter_contact": "13900002222", "priority_reason": "line stands"}
        assert client.patch(path, json=body).is_success
    for where in (f"{path}/timeline", "/journal?limit=500"):
        told = case.ask("vendor", "GET", where).text
        assert "line stands" in told and "13800001111" not in told and "13900002222" not in told
    assert "13900002222" in case.ask("agent", "GET", f"{path}/timeline").text


@pytest.mark.parametrize("who", ["vendor", "reporter"])
def test_tickets_of_others_are_as_if_they_were_not_there(case: Case, who: str) -> None:
    other, nothing = case.other["id"], 999_999
    asked: list[tuple[str, str, Any]] = [
        ("GET", "/tickets/{}", None), ("GET", "/tickets/{}/timeline", None), ("GET", "/tickets/{}/charts", None),
        ("GET", "/tickets/{}/charts/x.csv", None), ("PATCH", "/tickets/{}", {"version": 99, "title": "mine"}),
        ("POST", "/tickets/{}/moves", {"move": "close", "version": 99}),
        ("POST", "/tickets/{}/notes", {"text": "hello"}), ("POST", "/tickets/{}/urge", None),
    ]  # fmt: skip
    for method, path, body in asked:
        there, missing = (case.ask(who, method, path.format(n), json=body) for n in (other, nothing))
        assert (there.status_code, there.json()["code"]) == (404, missing.json()["code"]), path
        assert case.other["number"] not in there.text and "Secret" not in there.text
    assert case.ask(who, "POST", "/tickets/rows", json={"ids": [other]}).json() == []
    assert "Secret project" not in case.ask(who, "GET", "/journal?limit=500").text


def test_files_of_tickets_of_others_are_not_there_either(case: Case) -> None:
    with case.hub.client() as client:
        sent = client.post(
            f"/tickets/{case.other['id']}/files", files={"file": ("a.jpg", photo(), "image/jpeg")}
        )
    url = f"/files/{sent.json()['id']}"
    for who in ("vendor", "reporter"):
        refused = case.ask(who, "GET", url)
        missing = case.ask(who, "GET", "/files/999999")
        assert (refused.status_code, refused.json()["code"]) == (404, missing.json()["code"])
    assert case.ask("technician", "GET", url).status_code == 200


def test_somebody_elses_request_id_shows_nothing(case: Case) -> None:
    case.hub.post("/tickets", {"title": "Secret again", "request_id": "guessable-1"})
    answer = case.ask("reporter", "POST", "/tickets", json={"title": "Mine", "request_id": "guessable-1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "request.id_used")
    assert "Secret" not in answer.text


def test_a_stream_ends_with_the_log_in_and_tells_nothing_after_it(hub: RunningHub) -> None:
    admin, token = hub.token, hub.person("leaver", "technician")
    hub.token = token
    try:
        with stream(hub) as reader:
            hub.post("/logout")
            hub.token = admin
            hub.post("/tickets", {"title": "After the end"})
            assert reader.ended.wait(5)
            told = [reader.entries.get_nowait()[1] for _ in range(reader.entries.qsize())]
            assert "After the end" not in str(told)
    finally:
        hub.token = admin


def test_a_label_opens_open_reports_and_no_other_ticket(hub: RunningHub) -> None:
    machine = Machine(hub, "Lathe")
    asset_id = machine.asset["id"]
    plan = hub.post("/tickets", {"title": "Secret overhaul", "type": "maintenance", "asset_id": asset_id})
    done = hub.post("/tickets", {"title": "Secret fault", "asset_id": asset_id})
    hub.post(f"/tickets/{done['id']}/moves", {"move": "cancel", "reason": "by mistake"})
    for ticket_id in (plan["id"], done["id"], 999_999, 10**30):
        answer = httpx.post(
            f"{machine.url}/same",
            data={"ticket": ticket_id},
            headers={"Origin": hub.url},
            follow_redirects=True,
        )
        assert answer.status_code in (409, 422) and "Secret" not in answer.text
