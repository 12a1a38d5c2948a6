"""The console's line to the hub: routes against the real hub, errors of the same class, addresses people type."""

from __future__ import annotations

import http.server
import threading
from contextlib import closing

import pytest

from core import i18n
from core.errors import AppError, Conflict, NotFound, OutsideError, Unauthenticated
from core.wire.people import LogIn
from core.wire.tickets import CreateTicket, EditTicket
from desktop.hub_client import HubClient, normal_address
from tests.desktop.conftest import PASSWORD, Plant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("hub:8750", "http://hub:8750"),
        (" http://10.0.0.3:8750/ ", "http://10.0.0.3:8750"),
        ("https://fettle.example.cn/docs", "https://fettle.example.cn"),
        ("[::1]:8750", "http://[::1]:8750"),
    ],
)
def test_addresses_as_people_type_them(typed: str, meant: str) -> None:
    assert normal_address(typed) == meant


@pytest.mark.parametrize("typed", ["", "ftp://hub", "http://", "my hub", "http://hub:port"])
def test_what_is_no_address_is_refused_with_the_field(typed: str) -> None:
    with pytest.raises(AppError) as found:
        normal_address(typed)
    assert found.value.code == "hub.bad_address"
    assert "address" in found.value.fields


def test_a_hub_that_is_not_there_is_an_outside_error() -> None:
    with closing(HubClient("127.0.0.1:9")) as hub, pytest.raises(OutsideError) as found:
        hub.health()
    assert found.value.code == "hub.away"
    assert "does not answer" in i18n.explain(found.value)


def test_another_web_server_is_told_from_a_hub(plant: Plant) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with (
            closing(HubClient(f"127.0.0.1:{server.server_port}")) as hub,
            pytest.raises(OutsideError) as found,
        ):
            hub.setup_state()
        assert found.value.code == "hub.not_a_hub"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_errors_come_back_as_the_class_the_hub_raised(plant: Plant) -> None:
    with pytest.raises(NotFound):
        plant.client.ticket(999_999)
    with closing(HubClient(plant.address, "no such token")) as stranger, pytest.raises(Unauthenticated):
        stranger.who_am_i()
    made = plant.client.create_ticket(CreateTicket(title="Edited twice"))
    plant.client.edit_ticket(made.id, EditTicket(version=made.version, title="First"))
    with pytest.raises(Conflict) as found:
        plant.client.edit_ticket(made.id, EditTicket(version=made.version, title="Second"))
    assert found.value.code == "ticket.changed"
    assert i18n.explain(found.value, "zh_CN") != i18n.explain(found.value, "en")


def test_log_in_sends_the_password_and_gets_a_token(plant: Plant) -> None:
    with closing(HubClient(plant.address)) as hub:
        answer = hub.log_in(LogIn(login="ada", password=PASSWORD))
        assert answer.me.name == "Ada"
        hub.token = answer.token
        assert hub.who_am_i().login == "ada"


def test_ids_come_with_the_cursor_of_that_moment(plant: Plant) -> None:
    made = plant.client.create_ticket(CreateTicket(title="Counted"))
    ids, cursor = plant.client.ticket_ids(sort="-number")
    assert ids[0] == made.id
    assert cursor == plant.client.journal_head() > 0
    assert plant.client.ticket_rows([made.id, 999_999])[0].title == "Counted"


def test_reading_routes_answer(plant: Plant) -> None:
    client = plant.client
    assert client.health()["status"] == "ok"
    assert not client.setup_state().needed
    assert client.dashboard().open_tickets >= 0
    asset = client.assets()[0]
    assert client.asset(asset.id).number == asset.number
    for read in (
        client.locations, client.failure_codes, client.label_presets, client.plans, client.plans_due, client.parts,
        client.purchase_requests, client.people, client.absences, client.teams, client.shifts, client.edges,
        client.dead_letters, client.sessions, client.alarms,
    ):  # fmt: skip
        assert isinstance(read(), list), read.__name__
    assert isinstance(client.asset_points(asset.id), list)
    assert isinstance(client.asset_tickets(asset.id), list)
    edge = next(edge for edge in client.edges() if edge.edge_id == "plant-1")
    device = client.devices(edge.id)[0]
    assert client.rules(client.points(device.id)[0].id) is not None
