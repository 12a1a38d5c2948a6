"""Orders to running edges over a real broker: answered, refused, never answered; and who may give which."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from core.domain.people import SYSTEM, Role
from core.errors import AppError, OutsideError, TooMany
from core.hub.mqtt import Address, HubMqtt
from core.services import alarms, edge_commands, fleet
from core.storage import db
from core.storage.tables import AlarmRow, EdgeRow
from core.wire.edge_commands import EdgeCommand, EdgeReply
from core.wire.uplink import EdgeStatus, PointSample, ServiceChanged, Telemetry
from tests.conftest import wait_for
from tests.hub.conftest import Plant, leave
from tests.hub.running import RunningHub
from tests.hub.test_broker import Client
from tests.hub.test_mqtt import embedded, running
from tests.hub.uplink import batch, born

Answer = Callable[[EdgeCommand], dict[str, Any] | None]


class Obedient(Client):
    """An edge that answers each order as `answer` says; None is silence."""

    def __init__(self, port: int, edge_id: str, password: str, answer: Answer) -> None:
        super().__init__(port, edge_id, password, client_id=edge_id)
        self.edge_id = edge_id
        self.answer = answer
        self.orders: list[EdgeCommand] = []
        self.client.on_message = lambda _c, _d, message: self._obey(message)

    def __enter__(self) -> Obedient:
        super().__enter__()
        return self

    def _obey(self, message: Any) -> None:
        order = EdgeCommand.model_validate_json(message.payload)
        assert not message.retain
        self.orders.append(order)
        told = self.answer(order)
        if told is not None:
            reply = EdgeReply.model_validate({"id": order.id, "ok": True, **told})
            self.client.publish(f"fettle/v1/{self.edge_id}/reply", reply.model_dump_json().encode(), 1)

    def listen(self) -> Obedient:
        assert self.subscribe(f"fettle/v1/{self.edge_id}/cmd") == 1
        return self


def joined(row: EdgeRow) -> None:
    row.password_hash, row.online = fleet.broker_hash("edge-secret"), True
    row.save()
    fleet._logins.clear()


@pytest.fixture
def port(sqlite_plant: Plant) -> Iterator[int]:
    joined(sqlite_plant.edge)
    with (
        embedded() as broker,
        running(HubMqtt(Address("127.0.0.1", broker.port, "hub", "hub-secret"))) as mqtt,
    ):
        wait_for(lambda: mqtt.connected)
        yield broker.port


def edge(port: int, answer: Answer) -> Obedient:
    return Obedient(port, "edge-1", "edge-secret", answer)


def ask(timeout_s: float = 5, name: str = "read", **values: Any) -> EdgeReply:
    return edge_commands.ask(SYSTEM, EdgeRow.get().id, edge_commands.order(name, **values), timeout_s)


def test_an_order_is_answered(port: int) -> None:
    with edge(port, lambda order: {"value": 21.5}) as client:
        client.listen()
        assert ask(point="7").value == 21.5
        (order,) = client.orders
    assert (order.name, order.point, order.by) == ("read", "7", "Fettle")
    assert order.expires_at is not None and 0 < (order.expires_at - datetime.now(UTC)).total_seconds() < 5


def test_what_the_edge_refuses_is_said_in_its_own_code(port: int) -> None:
    refusal = {"ok": False, "code": "rule.still_met", "detail": "hot", "params": {"rule": "热", "code": "x"}}
    with edge(port, lambda order: refusal) as client:
        client.listen()
        with pytest.raises(AppError) as caught:
            ask(name="reset", rule="1")
    assert (caught.value.code, caught.value.params) == ("rule.still_met", {"rule": "热"})


def test_an_edge_that_is_away_is_not_asked(port: int) -> None:
    EdgeRow.update(online=False).execute()
    with pytest.raises(OutsideError) as caught:
        ask(60)
    assert caught.value.code == "edge.offline" and caught.value.params == {"name": "一车间边缘"}


def test_silence_ends_in_time_and_a_late_answer_harms_nobody(port: int) -> None:
    with edge(port, lambda order: None) as client:
        client.listen()
        with pytest.raises(OutsideError) as caught:
            ask(0.2)
        assert caught.value.code == "edge.no_reply" and caught.value.params["seconds"] == "0.2"
        late = EdgeReply(id=client.orders[0].id, ok=True)
        assert not edge_commands.answered("edge-1", late)
    assert edge_commands._waiting == {}


def test_only_the_edge_that_was_asked_can_answer(port: int) -> None:
    other = EdgeRow.create(edge_id="edge-2", name="二车间")
    joined(other)
    heard = threading.Event()

    def silent(_order: EdgeCommand) -> None:
        heard.set()

    with edge(port, silent) as client, Client(port, "edge-2", "edge-secret", client_id="edge-2") as liar:
        client.listen()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(asked_apart, EdgeRow.get(EdgeRow.edge_id == "edge-1").id)
            assert heard.wait(5)
            lie = EdgeReply(id=client.orders[0].id, ok=True, value=1.0)
            liar.publish("fettle/v1/edge-2/reply", lie.model_dump_json().encode())
            liar.publish("fettle/v1/edge-1/reply", lie.model_dump_json().encode())  # the broker lets nobody
            liar.publish("fettle/v1/edge-2/reply", b"{")
            truth = lie.model_copy(update={"value": 2.0})
            client.publish("fettle/v1/edge-1/reply", truth.model_dump_json().encode())
            assert waiting.result(10).value == 2.0


def asked_apart(edge_pk: int) -> EdgeReply:
    """In a thread of its own."""
    try:
        return edge_commands.ask(SYSTEM, edge_pk, edge_commands.order("read", point="7"), 10)
    finally:
        db.database.close()


def test_a_second_hub_hears_the_answer_too_and_leaves_it(port: int) -> None:
    with edge(port, lambda order: {"value": 1.0}) as client:
        client.listen()
        with running(HubMqtt(Address("127.0.0.1", port, "hub", "hub-secret"))) as second:
            wait_for(lambda: second.connected)
            assert ask().value == 1.0  # goes out through the hub that was registered last
        with pytest.raises(OutsideError) as caught:
            ask()
    assert caught.value.code == "edge.no_way"  # it has gone, and took its way with it


def test_not_in_a_transaction_and_not_without_end(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    @db.transaction
    def wrong() -> None:
        ask()

    with pytest.raises(RuntimeError, match="transaction"):
        wrong()
    with monkeypatch.context() as none_left, pytest.raises(TooMany) as caught:
        none_left.setattr(edge_commands, "MOST_WAITING", 0)
        ask()
    assert caught.value.code == "edge.busy"


def test_those_who_wait_leave_threads_for_everybody_else(port: int) -> None:
    silent = threading.Event()

    def hang(_order: EdgeCommand) -> dict[str, Any] | None:
        silent.wait(20)
        return {"value": 1.0}

    def one(_turn: int) -> str:
        try:
            ask(timeout_s=15)
        except TooMany as error:
            return error.code
        finally:
            leave()
        return "answered"

    with edge(port, hang) as client, ThreadPoolExecutor(16) as pool:
        client.listen()
        asked = [pool.submit(one, turn) for turn in range(12)]
        wait_for(lambda: sum(job.done() for job in asked) == 12 - edge_commands.MOST_ASKING)
        silent.set()
        told = sorted(job.result() for job in asked)
    assert told == ["answered"] * edge_commands.MOST_ASKING + ["edge.busy"] * 4


def test_acknowledging_tells_the_edge_without_waiting(port: int, sqlite_plant: Plant, now: datetime) -> None:
    alarm = AlarmRow.create(
        key="k",
        edge=sqlite_plant.edge,
        rule_key="12",
        title="热",
        severity="major",
        state="unack",
        active=True,
    )
    with edge(port, lambda order: None) as client:
        client.listen()
        assert alarms.ack(sqlite_plant.boss, alarm.id, now=now).state == "acked"
        wait_for(lambda: client.orders)
        assert (client.orders[0].name, client.orders[0].rule) == ("acknowledge", "12")
        assert client.orders[0].by == "陈主管"
    EdgeRow.update(online=False).execute()
    AlarmRow.update(state="unack").execute()
    assert alarms.ack(sqlite_plant.boss, alarm.id, now=now).state == "acked"  # also when nobody listens


# ---------------------------------------------------------------- by the API, with every role


class Case:
    """A hub with an edge that obeys, one device, a writable point and a fixed one, one rule."""

    def __init__(self, hub: RunningHub) -> None:
        self.hub = hub
        self.tokens = {role.value: hub.person(f"r-{role.value}", role.value) for role in Role}
        self.edge_pk = int(hub.post("/edges", {"name": "Hall 1", "edge_id": "hall-1"})["id"])
        code = hub.post(f"/edges/{self.edge_pk}/join-code")["code"]
        login = hub.post("/edges/join", {"code": code, "hostname": "x"}, token="")
        plc = {"name": "PLC", "kind": "modbus_tcp", "config": {"host": "10.0.0.5"}}
        points = f"/devices/{hub.post(f'/edges/{self.edge_pk}/devices', plc)['id']}/points"
        setpoint = {"name": "Setpoint", "unit": "℃", "writable": True, "write_low": 10, "write_high": 80}
        self.point_id = int(hub.post(points, setpoint)["id"])
        self.fixed_id = int(hub.post(points, {"name": "Fixed"})["id"])
        rule = {"name": "Hot", "condition": "high", "limit": 80}
        self.rule_id = int(hub.post(f"/points/{self.point_id}/rules", rule)["id"])
        self.said: dict[str, Any] | None = {}
        self.password = str(login["password"])
        self.edge = Obedient(hub.hub.mqtt_port, "hall-1", login["password"], lambda order: self.said)

    def begin(self) -> None:
        """The edge is there, and its alarm too."""
        self.edge.listen()
        status = EdgeStatus(edge="hall-1", online=True, at=datetime.now(UTC)).model_dump_json().encode()
        self.edge.publish("fettle/v1/hall-1/status", status, retain=True)
        wait_for(lambda: self.hub.get("/edges")[0]["online"])
        alarm = self.hub.post(f"/rules/{self.rule_id}/out-of-service", {"reason": "set-up"})
        self.alarm_id = int(alarm["id"])

    def ask(self, role: str, method: str, path: str, body: Any = None) -> httpx.Response:
        with self.hub.client(self.tokens[role]) as client:
            return client.request(method, path, json=body)


@pytest.fixture(scope="module")
def module_case(hub: RunningHub) -> Iterator[Case]:
    case = Case(hub)
    with case.edge:
        case.begin()
        yield case


@pytest.fixture
def case(module_case: Case) -> Case:
    module_case.said = {}
    module_case.edge.orders.clear()
    return module_case


SHELVE = {"minutes": 30, "reason": "sensor is being changed"}
WRITE = {"value": 42.5, "confirm": "Setpoint", "reason": "night"}
PROBE = {"host": "10.0.0.5", "first_unit": 1, "last_unit": 2}
SUPERVISORS = {"supervisor", "admin"}
SHELVERS = SUPERVISORS | {"dispatcher"}
DOORS: list[tuple[str, Any, set[str]]] = [
    ("/alarms/{alarm_id}/shelve", SHELVE, SHELVERS),
    ("/alarms/{alarm_id}/unshelve", None, SHELVERS),
    ("/alarms/{alarm_id}/out-of-service", {"reason": "overhaul"}, SHELVERS),
    ("/alarms/{alarm_id}/in-service", None, SHELVERS),
    ("/alarms/{alarm_id}/reset", None, SHELVERS | {"technician"}),
    ("/rules/{rule_id}/shelve", SHELVE, SHELVERS),
    ("/rules/{rule_id}/unshelve", None, SHELVERS),
    ("/rules/{rule_id}/out-of-service", {"reason": "overhaul"}, SHELVERS),
    ("/rules/{rule_id}/in-service", None, SHELVERS),
    ("/points/{point_id}/read", None, SHELVERS),
    ("/points/{point_id}/write", WRITE, SUPERVISORS),
    ("/edges/{edge_pk}/probe", PROBE, SUPERVISORS),
]


@pytest.mark.parametrize(("path", "body", "allowed"), DOORS, ids=[path for path, _body, _allowed in DOORS])
def test_each_order_is_for_its_roles_only(case: Case, path: str, body: Any, allowed: set[str]) -> None:
    asked = path.format_map(vars(case))
    for role in case.tokens:
        case.edge.orders.clear()
        answer = case.ask(role, "POST", asked, body)
        assert answer.status_code == (200 if role in allowed else 403), (role, answer.text)
        assert len(case.edge.orders) == (role in allowed), "an order that is refused never reaches the edge"
    with case.hub.client("") as stranger:
        assert stranger.post(asked, json=body).status_code == 401


def test_what_points_did_is_for_its_roles_only(case: Case) -> None:
    now = datetime.now(UTC)
    stretch = {"from_at": (now - timedelta(hours=1)).isoformat(), "to_at": now.isoformat()}
    path = f"/points/{case.point_id}"
    tried = {"rule": {"name": "x", "condition": "high", "limit": 1}, **stretch}
    for role, token in case.tokens.items():
        with case.hub.client(token) as client:
            history = client.get(f"{path}/history", params=stretch).status_code
            assert history == (403 if role == "vendor" else 200), role
            assert client.post(f"{path}/try-rule", json=tried).status_code == (
                200 if role in SHELVERS else 403
            ), role
    with case.hub.client("") as stranger:
        assert stranger.get(f"{path}/history", params=stretch).status_code == 401
        assert stranger.post(f"{path}/try-rule", json=tried).status_code == 401


def test_shelving_an_alarm_shows_at_once_and_is_told_once(case: Case) -> None:
    shown = case.ask("dispatcher", "POST", f"/alarms/{case.alarm_id}/shelve", {**SHELVE, "once": True}).json()
    assert (shown["service"], shown["service_why"], shown["service_by"]) == (
        "shelved",
        "operator",
        "R-Dispatcher",
    )
    assert shown["service_reason"] == SHELVE["reason"] and shown["service_until"] is not None
    (order,) = case.edge.orders
    assert (order.name, order.rule, order.seconds, order.once) == ("shelve", str(case.rule_id), 1800, True)
    assert (order.by, order.reason) == ("R-Dispatcher", SHELVE["reason"])
    body = ServiceChanged(
        rule=str(case.rule_id), rule_name="Hot", service="shelved", by="R-Dispatcher", reason=SHELVE["reason"],
        changed_at=datetime.now(UTC), until=datetime.now(UTC) + timedelta(minutes=30),
    )  # fmt: skip
    sent = batch((1, born()), (2, body), at=datetime.now(UTC), edge="hall-1").model_dump_json().encode()
    with case.hub.client("") as client:
        auth = ("hall-1", case.password)
        assert client.post("/edges/hall-1/uplink", content=sent, auth=auth).is_success
    told = [row for row in journal_of(case) if row["verb"] == "alarm.shelved"]
    assert told[-1]["actor_name"] == "R-Dispatcher"
    assert [row for row in told if row["actor"].startswith("edge:")] == []  # the edge tells nothing new


def journal_of(case: Case) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        more = case.hub.get("/journal", after=rows[-1]["id"] if rows else 0, limit=500)
        if not more:
            return rows
        rows += more


def test_what_the_edge_refuses_changes_nothing(case: Case) -> None:
    before = case.hub.get(f"/alarms/{case.alarm_id}")
    case.said = {"ok": False, "code": "rule.shelve_too_long", "params": {"rule": "Hot", "most": "8 h"}}
    answer = case.ask("admin", "POST", f"/alarms/{case.alarm_id}/out-of-service", {"reason": "overhaul"})
    assert answer.status_code == 422 and answer.json()["code"] == "rule.shelve_too_long"
    assert case.hub.get(f"/alarms/{case.alarm_id}") == before


def test_a_write_is_confirmed_limited_read_back_and_journalled(case: Case) -> None:
    path = f"/points/{case.point_id}/write"
    for body, code, status in (
        ({**WRITE, "confirm": "setpoint"}, "point.confirm", 422),
        ({**WRITE, "value": 80.5}, "point.write_limits", 422),
        ({**WRITE, "value": 9}, "point.write_limits", 422),
    ):
        answer = case.ask("supervisor", "POST", path, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    fixed = case.ask("admin", "POST", f"/points/{case.fixed_id}/write", {**WRITE, "confirm": "Fixed"})
    assert (fixed.status_code, fixed.json()["code"]) == (409, "point.not_writable")
    assert case.edge.orders == []
    sample = PointSample(id=str(case.point_id), at=datetime.now(UTC), quality="good", last=20.0)
    told = Telemetry(edge="hall-1", at=datetime.now(UTC), points=[sample]).model_dump_json().encode()
    case.edge.publish("fettle/v1/hall-1/telemetry", told)
    wait_for(lambda: fleet.latest("hall-1", case.point_id))
    case.said = {"value": 42.0}
    assert case.ask("supervisor", "POST", path, WRITE).json() == {"value": 42.0}
    assert [(o.name, o.point, o.value, o.by) for o in case.edge.orders] == [
        ("write", str(case.point_id), 42.5, "R-Supervisor")
    ]
    written = journal_of(case)[-1]
    assert (written["verb"], written["actor_name"]) == ("point.written", "R-Supervisor")
    facts = written["data"]
    assert (facts["before"], facts["wanted"], facts["after"], facts["reason"]) == (20.0, 42.5, 42.0, "night")


def test_a_write_that_fails_is_journalled_too(case: Case) -> None:
    case.said = {"ok": False, "code": "command.unknown"}
    answer = case.ask("admin", "POST", f"/points/{case.point_id}/write", WRITE)
    assert answer.status_code == 422
    assert journal_of(case)[-1]["verb"] == "point.write_failed"
    assert journal_of(case)[-1]["data"]["code"] == "command.unknown"


def test_a_probe_tells_what_was_found(case: Case) -> None:
    case.said = {"result": {"units": [{"unit": 1, "answers": True}]}}
    found = case.ask("admin", "POST", f"/edges/{case.edge_pk}/probe", PROBE)
    assert found.json() == {"units": [{"unit": 1, "answers": True}]}
    assert case.edge.orders[0].probe is not None and case.edge.orders[0].probe.last_unit == 2
    assert any(
        row["verb"] == "edge.probed" and "10.0.0.5:502" in row["data"]["text"] for row in journal_of(case)
    )
    wrong = case.ask("admin", "POST", f"/edges/{case.edge_pk}/probe", {**PROBE, "first_unit": 3})
    assert wrong.json()["code"] == "probe.units"
    case.said = {"ok": False, "code": "command.unknown"}
    assert case.ask("admin", "POST", f"/edges/{case.edge_pk}/probe", PROBE).status_code == 422


def test_a_probe_ends_when_its_caller_has_gone(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.hub.api.history.LOOK_S", 0.05)
    case.said = None
    with case.hub.client(case.tokens["admin"]) as client:
        client.timeout = httpx.Timeout(0.5)
        with pytest.raises(httpx.ReadTimeout):
            client.post(f"/edges/{case.edge_pk}/probe", json=PROBE)
    wait_for(lambda: edge_commands._waiting == {})


def test_what_was_pushed_last_is_told_apart_from_what_would_be(case: Case) -> None:
    path = f"/edges/{case.edge_pk}/config"
    nothing = case.ask("admin", "GET", f"{path}?pushed=true")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "edge.nothing_pushed")
    case.hub.post(f"/edges/{case.edge_pk}/push")
    pushed = case.ask("admin", "GET", f"{path}?pushed=true").json()
    assert (pushed["version"], pushed["timezone"]) == (1, "Asia/Shanghai")
    coming = case.ask("admin", "GET", path).json()
    assert coming["version"] == 2 and coming["points"] == pushed["points"]
