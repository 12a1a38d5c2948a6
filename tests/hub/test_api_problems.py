"""What bad requests get: one shape, the field, the remedy, in the language asked for."""

from __future__ import annotations

import base64
import json

import httpx
import pytest

from core.services import alarms
from tests.conftest import wait_for
from tests.hub.running import RunningHub


def test_a_wrong_field_is_named_in_the_language_asked_for(hub: RunningHub) -> None:
    with hub.client() as client:
        answer = client.post("/tickets", json={"title": "", "kind": "fault"})
        chinese = client.post("/tickets", json={"title": ""}, headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "request.invalid"
    assert problem["fields"] == {"title": "too_short", "kind": "unknown"}
    assert "title" in problem["message"] and problem["message"].startswith("Please")
    assert "请检查" in chinese.json()["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "request.invalid"),
        (b"[1]", "request.invalid"),
        (b"", "request.invalid"),
        (b"\xff", "request.refused"),
    ],
)
def test_a_malformed_body_is_the_callers_fault(hub: RunningHub, body: bytes, code: str) -> None:
    with hub.client() as client:
        answer = client.post("/tickets", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == code


def test_unknown_addresses_and_methods_have_the_same_shape(hub: RunningHub) -> None:
    missing = httpx.get(f"{hub.url}/api/v1/ticket")
    method = httpx.delete(f"{hub.url}/api/v1/login")
    assert (missing.status_code, missing.json()["code"]) == (404, "request.no_such_address")
    assert (method.status_code, method.json()["code"]) == (405, "request.method")


def test_a_missing_thing_is_404_and_named(hub: RunningHub) -> None:
    with hub.client() as client:
        for path in ("/tickets/999999", "/assets/999999", "/parts/999999", "/plans/999999", "/files/999999"):
            answer = client.get(path)
            assert answer.status_code == 404, path
            assert answer.json()["code"].endswith(".not_found"), path
            assert answer.json()["message"] != answer.json()["code"]


def test_a_duplicate_asset_number_says_so_at_the_field(hub: RunningHub) -> None:
    hub.post("/assets", {"name": "Press", "number": "P-1"})
    with hub.client() as client:
        answer = client.post("/assets", json={"name": "Other press", "number": "P-1"})
        assert answer.status_code == 409
        assert answer.json()["code"] == "asset.number_taken"
        assert "number" in answer.json()["fields"] and "P-1" in answer.json()["message"]
    assert len([asset for asset in hub.get("/assets") if asset["number"] == "P-1"]) == 1


def test_stock_that_is_not_there_cannot_be_scrapped(hub: RunningHub) -> None:
    part = hub.post("/parts", {"name": "Seal", "unit": "pc"})
    hub.post(f"/parts/{part['id']}/moves", {"kind": "receive", "qty": "2", "unit_cost_minor": 500})
    with hub.client() as client:
        answer = client.post(f"/parts/{part['id']}/moves", json={"kind": "scrap", "qty": "3"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "part.not_enough"
    assert hub.get(f"/parts/{part['id']}")["on_hand"] == "2"


def test_a_photo_that_is_no_photo_is_refused_whole(hub: RunningHub) -> None:
    ticket = hub.post("/tickets", {"title": "Leak"})
    with hub.client() as client:
        answer = client.post(
            f"/tickets/{ticket['id']}/files", files={"file": ("photo.jpg", b"hello", "image/jpeg")}
        )
    assert answer.status_code == 422
    assert answer.json()["code"] == "file.not_a_photo"
    assert "file" in answer.json()["fields"]
    assert hub.get(f"/tickets/{ticket['id']}")["files"] == []


def test_a_rule_on_a_missing_point_and_a_wrong_register(hub: RunningHub) -> None:
    edge = hub.post("/edges", {"name": "Edge"})
    device = hub.post(
        f"/edges/{edge['id']}/devices",
        {"name": "PLC", "kind": "modbus_tcp", "config": {"host": "10.0.0.5"}},
    )
    with hub.client() as client:
        rule = client.post("/points/999999/rules", json={"name": "Hot", "condition": "high", "limit": 80})
        register = client.post(f"/devices/{device['id']}/points", json={"name": "T", "address": 70000})
        host = client.post(
            f"/edges/{edge['id']}/devices", json={"name": "X", "kind": "modbus_tcp", "config": {}}
        )
    assert rule.status_code == 404 and rule.json()["code"] == "point.not_found"
    assert register.status_code == 422 and register.json()["fields"] == {"address": "out_of_range"}
    assert host.status_code == 422 and any("host" in field for field in host.json()["fields"])


def test_our_own_bug_is_a_500_with_a_trace_and_no_details(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(alarms, "listed", broken)
    with hub.client() as client:
        answer = client.get("/alarms")
    assert answer.status_code == 500
    problem = answer.json()
    assert problem["code"] == "internal" and len(problem["trace"]) == 12
    assert problem["trace"] in problem["message"]
    assert "secret" not in answer.text and "ZeroDivision" not in answer.text
    assert problem["trace"] in caplog.text  # written before the answer


BEYOND = 10**30


@pytest.mark.parametrize(
    "path",
    [
        f"/tickets/{BEYOND}", f"/tickets?asset_id={BEYOND}", f"/files/{BEYOND}", f"/assets/{2**63}",
        f"/journal?after={BEYOND}", f"/parts/{BEYOND}/moves", f"/alarms/{BEYOND}",
    ],
)  # fmt: skip
def test_a_number_beyond_all_columns_is_the_callers_fault(hub: RunningHub, path: str) -> None:
    with hub.client() as client:
        answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.unstorable")


@pytest.mark.parametrize(
    "place", [[{}, 1], [1, float("inf")], [BEYOND, 1], [1, BEYOND], [1, "1"], [[1], 1], b"[" * 20_000]
)
def test_a_place_in_the_list_that_we_never_gave(hub: RunningHub, place: object) -> None:
    packed = place if isinstance(place, bytes) else json.dumps(place).encode()
    with hub.client() as client:
        answer = client.get("/tickets", params={"after": base64.urlsafe_b64encode(packed).decode()})
    assert answer.status_code == 422
    assert answer.json()["code"] in ("request.bad_page", "request.unstorable")


@pytest.mark.parametrize("seen", [b"\xb2", b"9" * 5000, b"-1", b"x"])
def test_a_strange_last_event_id_does_no_harm(hub: RunningHub, seen: bytes) -> None:
    with hub.client() as client:
        headers = {"Last-Event-ID": seen}
        with client.stream("GET", "/journal/stream", headers=headers) as answer:  # type: ignore[arg-type]
            assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tickets", r'{"title": "half \ud800"}'),
        ("/tickets", r'{"title": "zero \u0000"}'),
        ("/tickets", '{"title": "x", "failed_at": "0001-01-01T00:00:00+14:00"}'),
        ("/tickets", '{"title": "x", "failed_at": "9999-12-31T23:59:59Z"}'),
        ("/tickets", '{"title": "x", "procedure": [{"key": "\\ud800", "kind": "tick", "title": "t"}]}'),
        ("/login", r'{"login": "\ud800", "password": "x"}'),
        ("/login", r'{"login": "admin", "password": "\ud800"}'),
        ("/people", '{"name": "Rich", "hourly_cost_minor": 1%s}' % ("0" * 30)),
    ],
)
def test_what_no_database_keeps_is_refused_and_spoils_nothing(hub: RunningHub, path: str, body: str) -> None:
    with hub.client() as client:
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, answer.text
        assert client.get("/tickets").status_code == 200


def test_no_secret_reaches_the_access_log(hub: RunningHub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    httpx.get(f"{hub.url}/Q/SECRETTOKEN", params={"lang": "en"})
    httpx.get(f"{hub.url}/r/SECRETTOKEN/photo/3")
    httpx.get(f"{hub.url}//q//SECRETTOKEN")
    with hub.client() as client:
        client.get("/me")
    # The line is written once the answer has left.
    wait_for(
        lambda: all(path in caplog.text for path in ("/Q/***", "/r/***/photo/3", "//q//***", "/api/v1/me"))
    )
    written = caplog.text
    assert "SECRETTOKEN" not in written
    assert hub.token not in written


_WORDS = '{"zh_CN": "x", "en": "x"}'


@pytest.mark.parametrize(
    "more",
    [
        '"low": -Infinity', '"low": NaN', '"high": 1e999', '"default": NaN', '"default": ' + "9" * 400,
        '"shown_if": {"field": "a", "op": "equals", "value": ["o"]}',
        '"shown_if": {"field": "a", "op": "equals", "value": {"o": 1}}',
        '"shown_if": {"field": "a", "op": "contains", "value": NaN}',
    ],
)  # fmt: skip
def test_a_template_with_odd_values_is_the_callers_fault(hub: RunningHub, more: str) -> None:
    fields = (
        f'[{{"key": "a", "kind": "choice", "name": {_WORDS}, "options": [{{"key": "o", "name": {_WORDS}}}]}}, '
        f'{{"key": "b", "kind": "number", "name": {_WORDS}, {more}}}]'
    )
    body = f'{{"key": "odd", "name": {_WORDS}, "type": "fault", "fields": {fields}}}'
    with hub.client() as client:
        answer = client.post("/ticket-templates", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(("begin", "end"), [('{"a":', "}"), ("[", "]")])
@pytest.mark.parametrize("depth", [60, 450, 900, 20_000])
def test_what_is_nested_beyond_sense_is_the_callers_fault(
    hub: RunningHub, begin: str, end: str, depth: int
) -> None:
    body = '{"title": "x", "values": {"a": ' + begin * depth + "1" + end * depth + "}}"
    with hub.client() as client:
        answer = client.post("/tickets", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
