"""Each event committed at the edge reaches the hub once, whatever is killed; nothing is deleted before its time."""

from __future__ import annotations

import base64
import json
import random
import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pyModbusTCP.server import ModbusServer

from core.wire.edge_config import EdgeConfig
from core.wire.uplink import UplinkAck, UplinkBatch
from tests.conftest import wait_for
from tests.edge import parts

RULES = 10


def config(port: int, **device: object) -> EdgeConfig:
    """Ten coils, an alarm on each."""
    return EdgeConfig.model_validate(
        {
            "edge": "e1",
            "version": 1,
            "alarms": {"chatter_raises": 100, "chatter_window_s": 10},  # here they come and go many times a minute
            "devices": [
                {"kind": "modbus_tcp", "id": "d1", "name": "Panel", "asset": "A-1", "host": "127.0.0.1", "port": port,
                 "poll_ms": 20, "offline_after_s": 60} | device
            ],
            "points": [
                {"id": f"c{n}", "device": "d1", "name": f"Coil {n}", "area": "coil", "address": n, "type": "bool"}
                for n in range(RULES)
            ],
            "rules": [{"id": f"r{n}", "name": f"Trip {n}", "point": f"c{n}", "condition": "bit"} for n in range(RULES)],
        }
    )  # fmt: skip


def ledger(folder: Path) -> dict[int, dict[str, Any]]:
    """What the edge has committed, by number: read from its file while it may be running."""
    with closing(sqlite3.connect(f"file:{folder / 'outbox.db'}?mode=ro", uri=True)) as db:
        return {seq: json.loads(body) for seq, body in db.execute("SELECT seq, body FROM events")}


def meta(folder: Path) -> dict[str, str]:
    with closing(sqlite3.connect(f"file:{folder / 'outbox.db'}?mode=ro", uri=True)) as db:
        return dict(db.execute("SELECT key, value FROM meta"))


def check_ledger(hub: parts.StandInHub, folder: Path) -> list[dict[str, Any]]:
    """The hub has exactly the ledger; raises and clears of each rule alternate. All bodies, in order."""
    book, epoch = ledger(folder), meta(folder)["epoch"]
    wait_for(lambda: hub.through(epoch) == max(book), 20)
    assert hub.differing == [] and {epoch for epoch, _seq in hub.events} == {epoch}
    assert sorted(seq for _epoch, seq in hub.events) == list(range(1, len(hub.events) + 1)) == sorted(book)
    bodies = [hub.events[epoch, seq]["body"] for seq in sorted(book)]
    assert bodies == [book[seq]["body"] for seq in sorted(book)]
    open_by_rule: dict[str, str] = {}
    for body in bodies:
        if body["kind"] == "alarm_raised":
            assert body["rule"] not in open_by_rule, "raised twice"
            open_by_rule[body["rule"]] = body["occurrence"]
        elif body["kind"] == "alarm_cleared":
            assert open_by_rule.pop(body["rule"]) == body["occurrence"]
    return bodies


@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
def test_a_burst_of_200_events_survives_kill_9_of_edge_and_broker(
    tmp_path: Path, kind: str, plc: ModbusServer
) -> None:
    rng = random.Random(f"kill {kind}")
    folder = tmp_path / "edge"
    with parts.broker(kind, tmp_path) as broker:
        hub = parts.StandInHub(broker.port, "e1")
        edge = parts.EdgeProcess(folder, parts.login("e1", broker.port))
        edge.start()
        hub.push(config(plc.port))
        wait_for(lambda: hub.status and hub.status.config_version == 1, 15)
        coils = [False] * RULES
        for round_ in range(10):
            for _ in range(8):
                for n in rng.sample(range(RULES), 4):
                    coils[n] = not coils[n]
                seen = max(ledger(folder))
                plc.data_bank.set_coils(0, coils)
                wait_for(lambda: max(ledger(folder)) > seen, 15)  # noqa: B023 - called before the next round
            if round_ % 3 != 2:
                edge.kill()
                hub.status = None
                edge.start()
            else:
                broker.kill()
                broker.start()
        wait_for(lambda: hub.status and hub.status.online, 15)
        wait_for(
            lambda: sum(1 for b in hub.events.values() if b["body"]["kind"] != "chart_frozen") >= 200, 40
        )
        assert edge.terminate() == 0  # a graceful stop
        with parts.edge(folder, parts.login("e1", broker.port)):
            bodies = check_ledger(hub, folder)
            raised = {b["rule"]: b["occurrence"] for b in bodies if b["kind"] == "alarm_raised"}
            cleared = {b["occurrence"] for b in bodies if b["kind"] == "alarm_cleared"}
            active = {rule for rule, occurrence in raised.items() if occurrence not in cleared}
            assert active == {f"r{n}" for n in range(RULES) if coils[n]}
        assert [b["kind"] for b in bodies].count("born") == 1
        hub.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "edge"


@contextmanager
def running(
    folder: Path, hub: parts.StandInHub, mosquitto: parts.BrokerProcess, plc: ModbusServer, **settings: Any
) -> Iterator[parts.EdgeThread]:
    with parts.edge(folder, parts.login("e1", mosquitto.port), **settings) as edge:
        hub.push(config(plc.port))
        wait_for(lambda: hub.status and hub.status.online and hub.status.config_version == 1)
        yield edge


def test_nothing_is_marked_before_the_hub_says_so_and_nothing_deleted_before_its_time(
    folder: Path, hub: parts.StandInHub, mosquitto: parts.BrokerProcess, plc: ModbusServer
) -> None:
    hub.acknowledge = False
    with running(folder, hub, mosquitto, plc, keep_acked_h=1) as edge:
        plc.data_bank.set_coils(0, [True] * 3)
        wait_for(lambda: sum(len(b.events) for b in hub.batches) >= 7)  # born, three raises, three charts
        outbox, clock = edge.agent._outbox, edge.agent._clock
        assert outbox.acked == 0 and outbox.tidy(clock.wall(), 0, 2**40) == 0
        epoch = hub.batches[-1].epoch
        for batch in hub.batches:
            hub.take(batch)
        hub.send(UplinkAck(epoch=epoch, through=4, hub_epoch=hub.hub_epoch))
        wait_for(lambda: meta(folder)["acked"] == "4")
        assert outbox.tidy(clock.wall(), 1, 2**40) == 0 and len(ledger(folder)) == 7
        assert outbox.tidy(clock.wall(), 0, 2**40) == 4 and sorted(ledger(folder)) == [5, 6, 7]
        hub.acknowledge = True  # the rest comes again by itself
        wait_for(lambda: meta(folder)["acked"] == "7", 15)


def test_a_hub_restored_from_a_backup_gets_all_again_and_a_void_for_what_is_gone(
    folder: Path, hub: parts.StandInHub, mosquitto: parts.BrokerProcess, plc: ModbusServer
) -> None:
    with running(folder, hub, mosquitto, plc) as edge:
        plc.data_bank.set_coils(0, [True] * 5)
        wait_for(lambda: meta(folder)["acked"] == "11")
        epoch = edge.agent._outbox.epoch
        with closing(sqlite3.connect(folder / "outbox.db")) as db, db:
            db.execute("DELETE FROM events WHERE seq=4")  # as if its time had come
        before = dict(hub.events)
        with hub.lock:
            hub.events = {key: event for key, event in before.items() if key[1] <= 2}
        hub.hub_epoch = "hub-two"
        plc.data_bank.set_coils(0, [False])
        wait_for(lambda: hub.through(epoch) == 12)
        assert hub.events[epoch, 4]["body"]["kind"] == "voided"
        assert all(hub.events[key] == event for key, event in before.items() if key[1] != 4)


def test_a_missing_range_is_sent_again(
    folder: Path, hub: parts.StandInHub, mosquitto: parts.BrokerProcess, plc: ModbusServer
) -> None:
    with running(folder, hub, mosquitto, plc) as edge:
        plc.data_bank.set_coils(0, [True] * 5)
        wait_for(lambda: meta(folder)["acked"] == "11")
        hub.batches.clear()
        epoch = edge.agent._outbox.epoch
        hub.send(
            UplinkAck(epoch=epoch, through=2, hub_epoch=hub.hub_epoch, missing=[(3, 5), (9, 9), (90, 99)])
        )
        wait_for(lambda: [[e.seq for e in b.events] for b in hub.batches] == [[3, 4, 5], [9]])
        assert meta(folder)["acked"] == "11"  # an older acknowledgement takes nothing back


@pytest.mark.parametrize("cause", ["conflict", "old copy", "command"])
def test_a_new_epoch_lists_what_is_active_and_brings_what_was_not_acknowledged(
    folder: Path, hub: parts.StandInHub, mosquitto: parts.BrokerProcess, plc: ModbusServer, cause: str
) -> None:
    with running(folder, hub, mosquitto, plc) as edge:
        plc.data_bank.set_coils(0, [True])
        wait_for(lambda: meta(folder)["acked"] == "3")
        hub.acknowledge = False
        plc.data_bank.set_coils(0, [False, True])
        wait_for(lambda: edge.agent._outbox.depth() >= 3)  # one clear, one raise, its chart
        epoch = edge.agent._outbox.epoch
        if cause == "command":
            hub.command("new_epoch")
        else:
            through = 3 if cause == "conflict" else 90
            hub.send(
                UplinkAck(epoch=epoch, through=through, hub_epoch="hub-one", new_epoch=cause == "conflict")
            )
        wait_for(lambda: meta(folder)["epoch"] != epoch)
        hub.acknowledge = True
        new = meta(folder)["epoch"]
        wait_for(lambda: hub.through(new) == 4, 15)
        kinds = [hub.events[new, seq]["body"]["kind"] for seq in range(1, 5)]
        assert kinds[0] == "born" and sorted(kinds[1:]) == ["alarm_cleared", "alarm_raised", "chart_frozen"]
        (raise_,) = [hub.events[new, seq]["body"] for seq in range(1, 5) if kinds[seq - 1] == "alarm_raised"]
        assert hub.events[new, 1]["body"]["active"] == [raise_["occurrence"]]
        assert hub.events[new, 1]["body"]["reason"] == "ordered"
        if cause == "command":
            (reply,) = wait_for(lambda: hub.replies)
            assert (reply["id"], reply["ok"], reply["code"]) == ("c1", True, "")


def test_http_takes_over_when_the_broker_is_away(folder: Path, tmp_path: Path, plc: ModbusServer) -> None:
    taken: dict[int, Any] = {}
    seen: list[tuple[str, str]] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append((self.path, self.headers["Authorization"]))
            batch = UplinkBatch.model_validate_json(self.rfile.read(int(self.headers["Content-Length"])))
            taken.update({event.seq: event for event in batch.events})
            ack = UplinkAck(epoch=batch.epoch, through=max(taken), hub_epoch="h").model_dump_json().encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(ack)))
            self.end_headers()
            self.wfile.write(ack)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    joined = parts.login("e1", parts.free_port(), f"http://127.0.0.1:{server.server_port}")
    plc.data_bank.set_coils(0, [True] * 4)
    try:
        folder.mkdir()
        (folder / "config.json").write_text(config(plc.port).model_dump_json())
        with parts.edge(folder, joined, broker_away_s=0.5) as edge:
            wait_for(lambda: len(taken) >= 9)
            wait_for(lambda: edge.agent._outbox.depth() == 0)
    finally:
        server.shutdown()
        server.server_close()
    token = base64.b64encode(b"e1:secret").decode()
    assert set(seen) == {("/api/v1/edges/e1/uplink", f"Basic {token}")}
    assert sorted(taken) == list(range(1, 10))


def test_a_full_disk_loses_nothing_and_the_edge_goes_on_when_there_is_room(
    folder: Path, hub: parts.StandInHub, mosquitto: parts.BrokerProcess, plc: ModbusServer
) -> None:
    edge = parts.EdgeProcess(folder, parts.login("e1", mosquitto.port))
    edge.start()
    try:
        hub.push(config(plc.port))
        wait_for(lambda: hub.status and hub.status.config_version == 1, 15)
        assert edge.process is not None
        before, coils = max(ledger(folder)), [False] * RULES
        resource.prlimit(edge.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        wait_for(lambda: _toggle(plc, coils) and "cannot be written" in (folder / "log.txt").read_text(), 15)
        stuck = max(ledger(folder))
        for _ in range(20):
            wait_for(lambda: _toggle(plc, coils))
        assert max(ledger(folder)) == stuck >= before
        resource.prlimit(
            edge.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        )
        wait_for(lambda: max(ledger(folder)) > stuck, 15)
        check_ledger(hub, folder)
        assert edge.terminate() == 0
    finally:
        edge.kill()


def _toggle(plc: ModbusServer, coils: list[bool]) -> bool:
    coils[0] = not coils[0]
    return bool(plc.data_bank.set_coils(0, coils))


def test_a_stand_alone_edge_keeps_its_events_for_its_first_hub(
    folder: Path, hub: parts.StandInHub, mosquitto: parts.BrokerProcess, plc: ModbusServer
) -> None:
    plc.data_bank.set_coils(0, [True])
    alone = config(plc.port).model_copy(update={"edge": "standalone"})
    with parts.edge(folder, None, alone) as edge:
        wait_for(lambda: hasattr(edge.agent, "_outbox") and edge.agent._outbox.last_seq == 3)
    with parts.edge(folder, parts.login("e1", mosquitto.port), alone):
        wait_for(lambda: len(hub.events) == 3)
    assert {e["body"]["kind"] for e in hub.events.values()} == {"born", "alarm_raised", "chart_frozen"}


def test_telemetry_gives_way_while_events_wait_for_their_turn(
    folder: Path, hub: parts.StandInHub, mosquitto: parts.BrokerProcess, plc: ModbusServer
) -> None:
    with running(folder, hub, mosquitto, plc, uplink_window=2):
        told = config(plc.port).model_copy(update={"version": 2, "telemetry_s": 1.0})
        hub.push(told)
        wait_for(lambda: len(hub.telemetry) > 1, 15)
        hub.acknowledge = False
        plc.data_bank.set_coils(0, [True] * 6)
        wait_for(lambda: len(ledger(folder)) >= 13)
        hub.telemetry.clear()
        sent = len(hub.batches)
        wait_for(lambda: len(hub.batches) >= sent + 2, 15)  # again and again the first two
        assert len(hub.telemetry) <= 1  # one may have been on its way
        hub.acknowledge = True
        wait_for(lambda: len(hub.telemetry) > 1, 15)


def test_what_a_hub_tells_unasked_marks_nothing_but_a_restored_one_gets_all_again(
    folder: Path, hub: parts.StandInHub, mosquitto: parts.BrokerProcess, plc: ModbusServer
) -> None:
    with running(folder, hub, mosquitto, plc) as edge:
        plc.data_bank.set_coils(0, [True] * 2)
        wait_for(lambda: meta(folder)["acked"] == "5")
        hub.acknowledge = False
        plc.data_bank.set_coils(0, [False])
        wait_for(lambda: edge.agent._outbox.last_seq == 6)
        epoch = edge.agent._outbox.epoch
        hub.send(UplinkAck(epoch=epoch, through=6, hub_epoch=hub.hub_epoch, unasked=True))
        hub.batches.clear()
        wait_for(lambda: hub.batches, 15)
        assert [event.seq for event in hub.batches[0].events] == [6] and meta(folder)["acked"] == "5"
        hub.batches.clear()
        hub.send(UplinkAck(epoch=epoch, through=2, hub_epoch="hub-two", unasked=True))
        wait_for(lambda: hub.batches and hub.batches[-1].events[0].seq == 3, 15)
