"""The phone's pages: reports without log-in, what they may do and what they may not."""

from __future__ import annotations

import io
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from PIL import Image

from core.domain.people import SYSTEM
from core.hub.auth import clock
from core.hub.phone import doors
from core.services import labels, progress
from core.storage import db
from core.storage.tables import TicketRow
from core.wire.assets import PrintLabels
from tests.hub.running import RunningHub


def photo(colour: str = "red", size: tuple[int, int] = (640, 480)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


def as_browsers_do(
    data: dict[str, Any], files: list[tuple[str, tuple[str, bytes, str]]]
) -> tuple[bytes, str]:
    """A multipart body; unlike httpx, browsers send an empty file for a file field that was left alone."""
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in data.items()]
    for name, (filename, content, kind) in files:
        head = f'name="{name}"; filename="{filename}"\r\nContent-Type: {kind}\r\n\r\n'
        parts.append(head.encode() + content)
    body = b"".join(b"--xYz\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts)
    return body + b"--xYz--\r\n", "multipart/form-data; boundary=xYz"


class Machine:
    """An asset with a label on it."""

    def __init__(self, hub: RunningHub, name: str) -> None:
        self.hub = hub
        self.asset = hub.post("/assets", {"name": name})
        (label,) = labels.mint(SYSTEM, PrintLabels(asset_ids=[self.asset["id"]]), now=clock())
        db.close()
        self.token = label.payload.rsplit("/", 1)[1]
        self.url = f"{hub.url}/q/{self.token}"

    def form(self, language: str = "en") -> str:
        answer = httpx.get(self.url, headers={"Accept-Language": language})
        assert answer.status_code == 200
        return answer.text

    def request_id(self) -> str:
        found = re.search(r'name="request_id" value="(\w+)"', self.form())
        assert found
        return found[1]

    def send(self, *photos: bytes, request_id: str | None = None, **fields: Any) -> httpx.Response:
        data = {"request_id": request_id or self.request_id(), **fields}
        files = [("photo", (f"{n}.jpg", content, "image/jpeg")) for n, content in enumerate(photos)]
        body, content_type = as_browsers_do(data, files or [("photo", ("", b"", "application/octet-stream"))])
        headers = {"Accept-Language": "en", "Origin": self.hub.url, "Content-Type": content_type}
        return httpx.post(self.url, content=body, headers=headers, timeout=60)

    def report(self, *photos: bytes, **fields: Any) -> str:
        """Send a report; the address of its progress page."""
        answer = self.send(*photos, **fields)
        assert answer.status_code == 303, answer.text
        return self.hub.url + answer.headers["location"].split("?")[0]

    def tickets(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.hub.get(f"/assets/{self.asset['id']}/tickets")
        return found


@pytest.fixture
def machine(hub: RunningHub, request: pytest.FixtureRequest) -> Machine:
    return Machine(hub, f"Press of {request.node.name[:60]}")


def test_a_report_becomes_a_ticket_with_its_photos(hub: RunningHub, machine: Machine) -> None:
    page = machine.report(
        photo(),
        photo("blue"),
        what="leak",
        text="Oil everywhere",
        urgency="stopped",
        name="Li",
        contact="138",
    )
    (row,) = machine.tickets()
    assert row["title"] == "Leak: Oil everywhere"
    assert (row["source"], row["type"], row["priority"]) == ("qr", "fault", 2)
    assert row["verified"] is False and row["reporter_name"] == "Li"
    ticket = hub.get(f"/tickets/{row['id']}")
    assert ticket["reporter_contact"] == "138" and "Production is stopped" in ticket["description"]
    assert [file["kind"] for file in ticket["files"]] == ["photo", "photo"]
    shown = httpx.get(page, headers={"Accept-Language": "en"})
    assert shown.status_code == 200 and shown.headers["cache-control"] == "no-store"
    assert row["number"] in shown.text and "The report has arrived" in shown.text
    assert "138" not in shown.text  # whoever has the link does not get the contact
    (first, _second) = re.findall(r'src="(/r/\w+/photo/\d+)\?size=thumb"', shown.text)
    image = httpx.get(hub.url + first)
    assert image.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(image.content)).size == (640, 480)


def test_the_label_works_in_any_case_and_the_page_is_small(hub: RunningHub, machine: Machine) -> None:
    shouted = httpx.get(f"{hub.url}/Q/{machine.token.upper()}")
    whispered = httpx.get(f"{hub.url}/q/{machine.token.lower()}")
    assert shouted.status_code == whispered.status_code == 200
    size = len(shouted.content)
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', shouted.text):
        found = httpx.get(hub.url + path)
        assert found.status_code == 200
        size += len(found.content)
    assert size <= 30_000


def test_the_page_speaks_the_phones_language_and_remembers_another(machine: Machine) -> None:
    assert "故障现象" in machine.form("zh-CN,zh;q=0.9,en;q=0.8")
    assert "What is wrong?" in machine.form("en-GB,en;q=0.9")
    with httpx.Client(headers={"Accept-Language": "en"}) as client:
        assert "故障现象" in client.get(machine.url, params={"lang": "zh_CN"}).text
        assert "故障现象" in client.get(machine.url).text


def test_a_double_tap_is_one_ticket_even_at_the_same_moment(machine: Machine) -> None:
    key = machine.request_id()
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _n: machine.send(photo(), request_id=key, text="Stuck again"), range(4))
        )
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"].split("?")[0] for answer in answers}) == 1
    (row,) = machine.tickets()
    assert len(machine.hub.get(f"/tickets/{row['id']}")["files"]) == 1


def test_going_back_and_writing_something_else_is_another_report(machine: Machine) -> None:
    key = machine.request_id()
    first = machine.report(request_id=key, text="Door does not close")
    second = machine.report(request_id=key, text="Lamp is broken")
    assert first != second and len(machine.tickets()) == 2


def test_the_same_words_soon_after_join_the_open_report(machine: Machine) -> None:
    first = machine.report(what="noise", text="Bearing howls")
    second = machine.report(photo(), what="noise", text="Bearing howls")
    assert first == second
    (row,) = machine.tickets()
    assert row["occurrences"] == 2
    assert len(machine.hub.get(f"/tickets/{row['id']}")["files"]) == 1


def test_me_too_counts_once_per_phone_and_leads_to_the_ticket(machine: Machine) -> None:
    page = machine.report(text="No light")
    (row,) = machine.tickets()
    assert "No light" in machine.form() and f'value="{row["id"]}"' in machine.form()
    for _tap in range(2):
        answer = httpx.post(
            f"{machine.url}/same", data={"ticket": row["id"]}, headers={"Origin": machine.hub.url}
        )
        assert answer.status_code == 303
        assert machine.hub.url + answer.headers["location"].split("?")[0] == page
    assert machine.tickets()[0]["occurrences"] == 2
    assert "Somebody else has reported it, too" in httpx.get(page, headers={"Accept-Language": "en"}).text


def test_me_too_reaches_no_ticket_of_another_machine(hub: RunningHub, machine: Machine) -> None:
    other = hub.post("/tickets", {"title": "Secret project"})
    answer = httpx.post(f"{machine.url}/same", data={"ticket": other["id"]}, headers={"Origin": hub.url})
    assert answer.status_code == 409 and "Secret" not in answer.text


def test_beyond_the_limit_reports_wait_for_a_person_and_are_never_refused(
    hub: RunningHub, machine: Machine
) -> None:
    shift = {"name": "Always", "weekdays": list(range(7)), "start_min": 0, "end_min": 0}
    hub.post("/shifts", shift)
    hub.person("fitter", "technician", shift_ids=[hub.get("/shifts")[0]["id"]])
    for n in range(8):
        machine.report(text=f"Trouble {n}", urgency="stopped")
    found = {row["title"]: row for row in machine.tickets()}
    assert len(found) == 8
    assert {found[f"Trouble {n}"]["state"] for n in range(6)} == {"assigned"}
    assert {found[f"Trouble {n}"]["state"] for n in range(6, 8)} == {"new"}
    assert all(not row["verified"] for row in found.values())


@pytest.mark.parametrize(
    ("fields", "words"),
    [({}, "choose what is wrong"), ({"what": "other"}, "choose what is wrong"), ({"text": "  "}, "choose")],
)
def test_an_empty_report_says_what_is_missing(machine: Machine, fields: dict[str, str], words: str) -> None:
    answer = machine.send(name="Li", **fields)
    assert answer.status_code == 422 and words in answer.text
    assert 'value="Li"' in answer.text  # nothing typed is lost
    assert machine.tickets() == []


def test_a_photo_that_is_no_photo_keeps_the_words_and_makes_no_ticket(machine: Machine) -> None:
    answer = machine.send(photo(), b"<svg onload=alert(1)>", text="Look at <this>")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text and "Look at &lt;this&gt;" in answer.text
    assert machine.tickets() == []


def test_too_many_photos_are_named(machine: Machine) -> None:
    answer = machine.send(photo(), photo(), photo(), photo(), text="Four")
    assert answer.status_code == 422 and "at most 3" in answer.text
    assert machine.tickets() == []


def test_too_large_a_report_gets_a_page(machine: Machine) -> None:
    answer = machine.send(b"x" * (26 * 1024 * 1024), text="Huge")
    assert answer.status_code == 413
    assert "<html" in answer.text and "MiB" in answer.text


def test_unknown_revoked_and_expired_look_alike(hub: RunningHub, machine: Machine) -> None:
    page = machine.report(text="Old story")
    (row,) = machine.tickets()
    unknown = httpx.get(f"{hub.url}/q/{'A' * 26}", headers={"Accept-Language": "en"})
    (label,) = hub.get(f"/assets/{machine.asset['id']}/labels")
    hub.post(f"/labels/{label['id']}/revoke")
    revoked = httpx.get(machine.url, headers={"Accept-Language": "en"})
    assert unknown.status_code == revoked.status_code == 404
    assert unknown.text == revoked.text
    assert "ask for a new label" in unknown.text
    assert machine.send(request_id="x" * 16, text="Still broken").status_code == 404

    TicketRow.update(state="closed", closed_at=clock() - progress.LINK_LIFE - timedelta(days=1)).where(
        TicketRow.id == row["id"]
    ).execute()
    db.close()
    expired = httpx.get(page, headers={"Accept-Language": "en"})
    nonsense = httpx.get(f"{hub.url}/r/{'A' * 32}", headers={"Accept-Language": "en"})
    assert expired.status_code == nonsense.status_code == 404
    assert expired.text == nonsense.text and "Scan the label" in expired.text


def test_the_reporter_sees_public_words_only(hub: RunningHub, machine: Machine) -> None:
    page = machine.report(text="Belt squeaks")
    (row,) = machine.tickets()
    hub.post(f"/tickets/{row['id']}/notes", {"text": "He broke it himself", "internal": True})
    hub.post(f"/tickets/{row['id']}/notes", {"text": "We come at two", "internal": False})
    shown = httpx.get(page, headers={"Accept-Language": "en"}).text
    assert "We come at two" in shown and "The maintenance team writes:" in shown
    assert "He broke it himself" not in shown and "Ada" not in shown


def test_a_reporter_adds_a_note_once(hub: RunningHub, machine: Machine) -> None:
    page = machine.report(text="Smell of smoke")
    for _tap in range(2):
        answer = httpx.post(f"{page}/note", data={"text": "Worse now"}, headers={"Origin": hub.url})
        assert answer.status_code == 303
    assert httpx.get(page).text.count("Worse now") == 1
    empty = httpx.post(
        f"{page}/note", data={"text": " "}, headers={"Origin": hub.url, "Accept-Language": "en"}
    )
    assert empty.status_code == 422 and "write something" in empty.text


def test_the_work_is_followed_and_rated(hub: RunningHub, machine: Machine) -> None:
    page = machine.report(text="Gate stuck")
    (row,) = machine.tickets()
    early = httpx.post(
        f"{page}/rate", data={"rating": 5}, headers={"Origin": hub.url, "Accept-Language": "en"}
    )
    assert early.status_code == 409
    me = hub.get("/me")
    hub.post(f"/tickets/{row['id']}/assign", {"person_id": me["id"]})
    hub.post(f"/tickets/{row['id']}/moves", {"move": "start"})
    assert 'aria-current="step"><span>In progress' in httpx.get(page, headers={"Accept-Language": "en"}).text
    hub.post(f"/tickets/{row['id']}/moves", {"move": "resolve", "resolution": "Greased"})
    assert "Is it in order again?" in httpx.get(page, headers={"Accept-Language": "en"}).text
    for _tap in range(2):
        rated = httpx.post(
            f"{page}/rate", data={"rating": 4, "comment": "Quick"}, headers={"Origin": hub.url}
        )
        assert rated.status_code == 303
    ticket = hub.get(f"/tickets/{row['id']}")
    assert (ticket["rating"], ticket["rating_comment"], ticket["state"]) == (4, "Quick", "closed")
    shown = httpx.get(page, headers={"Accept-Language": "en"}).text
    assert "Is it in order again?" not in shown and "★★★★" in shown


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_forms_of_other_pages_are_refused(machine: Machine, origin: str) -> None:
    answer = httpx.post(
        machine.url, data={"request_id": "x" * 16, "text": "Hello"}, headers={"Origin": origin}
    )
    assert answer.status_code == 403 and "<html" in answer.text
    assert machine.tickets() == []


def test_a_form_that_is_cut_short_gets_a_page_too(machine: Machine) -> None:
    answer = httpx.post(machine.url, data={"text": "Hello"}, headers={"Origin": machine.hub.url})
    assert answer.status_code == 422 and "<html" in answer.text


def test_a_flood_of_reports_leaves_room_for_people(hub: RunningHub, machine: Machine) -> None:
    large = photo("green", (2000, 1500))
    with ThreadPoolExecutor(12) as pool:
        flood = [pool.submit(machine.send, large, request_id="f" * 16, text=f"Flood {n}") for n in range(10)]
        waits = []
        while not all(one.done() for one in flood):
            before = time.monotonic()
            hub.get("/me")
            waits.append(time.monotonic() - before)
    assert {one.result().status_code for one in flood} == {303}
    assert len(machine.tickets()) == 10
    assert sorted(waits)[len(waits) // 2] < 1.0


def test_advice_before_a_report_waits_its_turn_like_reports() -> None:
    """It asks the index a hundred times, for whoever holds a label."""
    routes = {route.path: route for route in doors.router.routes if isinstance(route, APIRoute)}
    assert doors.in_turn in [one.dependency for one in routes["/q/{token}/help"].dependencies]
