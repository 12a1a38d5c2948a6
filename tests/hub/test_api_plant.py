"""Assets, labels, plans, parts, people and edges by the API, as console and integrators use it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx

from tests.hub.running import RunningHub
from tests.hub.test_phone import photo


def test_places_and_assets_form_trees(hub: RunningHub) -> None:
    site = hub.post("/locations", {"kind": "site", "name": "North"})
    line = hub.post("/locations", {"kind": "line", "name": "Line 4", "parent_id": site["id"]})
    asset = hub.post("/assets", {"name": "Mixer", "location_id": line["id"], "criticality": "A"})
    assert asset["number"].startswith("A-") and asset["location_path"] == "North / Line 4"
    part = hub.post("/assets", {"name": "Gearbox", "parent_id": asset["id"]})
    with hub.client() as client:
        loop = client.put(
            f"/assets/{asset['id']}", json={"version": 1, "name": "Mixer", "parent_id": part["id"]}
        )
        assert loop.status_code in (409, 422) and "parent_id" in loop.json()["fields"]
        full = client.delete(f"/locations/{line['id']}")
        assert full.status_code == 409
        added = client.post(
            f"/assets/{asset['id']}/files",
            files={"file": ("手册.pdf", b"%PDF-1.4\n%%EOF", "application/pdf")},
            data={"kind": "document"},
        )
        assert added.status_code == 201, added.text
        got = client.get(f"/files/{added.json()['id']}")
        assert got.headers["content-disposition"].startswith("attachment")
        assert "filename*=UTF-8''%E6%89%8B%E5%86%8C.pdf" in got.headers["content-disposition"]
    code = hub.post("/failure-codes", {"kind": "mode", "code": "LEAK", "name": "Leak"})
    assert code["code"] in {one["code"] for one in hub.get("/failure-codes")}
    assert hub.get(f"/assets/{asset['id']}/points") == []


def test_labels_are_printed_previewed_and_revoked(hub: RunningHub) -> None:
    asset = hub.post("/assets", {"name": "冲压机 7"})
    presets = hub.get("/labels/presets")
    assert {preset["id"] for preset in presets} >= {"a4-3x8", "a4-2x5", "roll-50x30"}
    with hub.client() as client:
        sample = client.post("/labels/pdf", json={"asset_ids": [asset["id"]], "preview": True})
        assert sample.content.startswith(b"%PDF") and sample.headers["content-type"] == "application/pdf"
        assert client.get(f"/assets/{asset['id']}/labels").json() == []
        wrong = client.post("/labels/pdf", json={"asset_ids": [asset["id"]], "start": 400})
        assert wrong.status_code == 422 and "start" in wrong.json()["fields"]
        unknown = client.post("/labels/pdf", json={"asset_ids": [asset["id"]], "preset": "a0"})
        assert unknown.status_code == 404
        assert client.get(f"/assets/{asset['id']}/labels").json() == []  # nothing half-done
        printed = client.post("/labels/pdf", json={"asset_ids": [asset["id"]], "copies": 2})
        assert printed.headers["content-disposition"].startswith("attachment")
    made = hub.get(f"/assets/{asset['id']}/labels")
    assert len(made) == 2
    assert hub.post(f"/labels/{made[0]['id']}/revoke")["revoked_at"] is not None


def test_a_due_plan_becomes_a_ticket_once(hub: RunningHub) -> None:
    asset = hub.post("/assets", {"name": "Compressor"})
    part = hub.post("/parts", {"name": "Filter", "minimum": "1"})
    hub.post(f"/parts/{part['id']}/moves", {"kind": "receive", "qty": "3", "unit_cost_minor": 1200})
    plan = hub.post(
        "/plans",
        {
            "name": "Monthly", "every": 1, "period": "month", "asset_ids": [asset["id"]],
            "start_on": str(datetime.now(UTC).date() - timedelta(days=2)),
            "kit": [{"part_id": part["id"], "qty": "1"}],
        },
    )  # fmt: skip
    assert [due["plan"]["id"] for due in hub.get("/plans/due", days=40)].count(plan["id"]) >= 1
    # The hub's own clock may have been first; between the two there is one ticket.
    hub.post("/plans/run")
    hub.post("/plans/run")
    (ticket,) = hub.get(f"/assets/{asset['id']}/tickets")
    assert ticket["source"] == "plan"
    assert hub.get(f"/tickets/{ticket['id']}")["parts"][0]["wanted"] == "1"
    assert hub.get(f"/parts/{part['id']}")["available"] == "2"


def test_purchase_requests_go_their_way(hub: RunningHub) -> None:
    part = hub.post("/parts", {"name": "Belt"})
    asked = hub.post("/purchase-requests", {"part_id": part["id"], "qty": "5"})
    assert hub.post(f"/purchase-requests/{asked['id']}/moves", {"do": "approve"})["state"] == "approved"
    assert hub.post(f"/purchase-requests/{asked['id']}/moves", {"do": "send"})["state"] == "sent"
    hub.post(
        f"/parts/{part['id']}/moves",
        {"kind": "receive", "qty": "5", "unit_cost_minor": 900, "request_id": asked["id"]},
    )
    assert asked["id"] in {one["id"] for one in hub.get("/purchase-requests", state="closed")}
    assert hub.get(f"/parts/{part['id']}/moves")[0]["kind"] == "receive"


def test_people_teams_shifts_and_absences(hub: RunningHub) -> None:
    hub.person("fitter", "technician")
    fitter = next(person for person in hub.get("/people") if person["login"] == "fitter")
    team = hub.post("/teams", {"name": "Fitters", "member_ids": [fitter["id"]]})
    shift = hub.post(
        "/shifts",
        {
            "name": "Day",
            "weekdays": [0, 1, 2],
            "start_min": 360,
            "end_min": 840,
            "member_ids": [fitter["id"]],
        },
    )
    away = hub.post(f"/people/{fitter['id']}/absences", {"from_on": "2026-01-01", "to_on": "2099-01-05"})
    assert away["person"]["id"] == fitter["id"]
    with hub.client() as client:
        body = {"version": team["version"], "name": "Fitters A", "member_ids": []}
        assert client.put(f"/teams/{team['id']}", json=body).json()["members"] == []
        assert client.put(f"/teams/{team['id']}", json=body).status_code == 409
        body = {"version": shift["version"], "name": "Day", "weekdays": [5], "start_min": 0, "end_min": 60}
        assert client.put(f"/shifts/{shift['id']}", json=body).json()["weekdays"] == [5]
        assert client.delete(f"/absences/{away['id']}").status_code == 204
        assert client.delete(f"/absences/{away['id']}").status_code == 404
        assert sum(one["current"] for one in client.get("/me/sessions").json()) == 1
    assert away["id"] not in {one["id"] for one in hub.get("/absences")}


def test_an_edge_joins_gets_its_configuration_and_delivers(hub: RunningHub) -> None:
    asset = hub.post("/assets", {"name": "Pump", "number": "PU-1"})
    edge = hub.post("/edges", {"name": "Hall 1", "edge_id": "hall-1"})
    device = hub.post(
        f"/edges/{edge['id']}/devices",
        {"name": "PLC", "kind": "modbus_tcp", "asset_id": asset["id"], "config": {"host": "10.0.0.9"}},
    )
    point = hub.post(f"/devices/{device['id']}/points", {"name": "Temperature", "unit": "°C", "address": 4})
    rule = hub.post(f"/points/{point['id']}/rules", {"name": "Too hot", "condition": "high", "limit": 80})
    code = hub.post(f"/edges/{edge['id']}/join-code")
    assert "fettle edge" in code["command"]
    joined = hub.post("/edges/join", {"code": code["code"], "hostname": "box"}, token="")
    assert joined["mqtt_port"] == hub.hub.mqtt_port and joined["http_url"].startswith("http://127.0.0.1:")
    with hub.client() as client:
        again = client.post("/edges/join", json={"code": code["code"]})
        assert again.status_code in (404, 409, 422)
    pushed = hub.post(f"/edges/{edge['id']}/push")
    assert (pushed["devices"], pushed["points"], pushed["rules"]) == (1, 1, 1)
    config = hub.get(f"/edges/{edge['id']}/config")
    assert config["rules"][0]["id"] == str(rule["id"])

    at = datetime.now(UTC).isoformat()
    raised = {
        "kind": "alarm_raised", "occurrence": "occurrence-1", "rule": str(rule["id"]), "rule_name": "Too hot",
        "asset": "PU-1", "point": str(point["id"]), "value": 91.5, "limit": 80, "raised_at": at,
    }  # fmt: skip
    batch = {
        "edge": "hall-1", "epoch": "0" * 32, "sent_at": at,
        "events": [{"seq": 1, "at": at, "body": raised}, {"seq": 2, "at": at, "body": {"kind": "rubbish"}}],
    }  # fmt: skip
    for _again in range(2):
        answer = httpx.post(
            f"{hub.url}/api/v1/edges/hall-1/uplink", json=batch, auth=("hall-1", joined["password"])
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["through"] == 2 and answer.json()["hub_epoch"]
        assert [one["seq"] for one in answer.json()["rejected"]] == [2]
    (ticket,) = hub.get(f"/assets/{asset['id']}/tickets")
    assert ticket["source"] == "alarm" and ticket["alarm_active"]
    (alarm,) = [one for one in hub.get("/alarms", active=True) if one["asset_number"] == "PU-1"]
    assert hub.post(f"/alarms/{alarm['id']}/ack")["acked_by"]
    assert hub.get("/dead-letters")[0]["seq"] == 2
    assert hub.get("/dashboard")["active_alarms"] >= 1


def test_a_program_without_our_agent_raises_an_alarm(hub: RunningHub) -> None:
    hub.post("/assets", {"name": "Chiller", "number": "CH-1"})
    body = {"id": "scada-77", "key": "flow-low", "asset": "CH-1", "title": "Flow too low"}
    first, again = hub.post("/in/scada/alarm", body), hub.post("/in/scada/alarm", body)
    assert first["ticket"].startswith("T-") and first == again
    other = hub.post("/in/scada/alarm", {**body, "id": "scada-78", "active": False})
    assert other["ticket"] is None


def test_a_photo_of_a_ticket_is_not_for_whoever_guesses_its_id(hub: RunningHub) -> None:
    ticket = hub.post("/tickets", {"title": "Private"})
    with hub.client() as client:
        added = client.post(
            f"/tickets/{ticket['id']}/files", files={"file": ("a.jpg", photo(), "image/jpeg")}
        )
    token = hub.person("visitor", "reporter")
    with hub.client(token) as client:
        assert client.get(f"/files/{added.json()['id']}").status_code in (403, 404)
