"""What the hub does by the clock: SLA, silent edges, tidying up; and that one failure stops nothing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.hub import jobs
from core.services import edge_watch, retention, settings, sla, tickets
from core.settings import HubSettings
from core.storage import db
from core.storage.tables import EdgeRow, JobRunRow, JournalRow, TicketRow, UplinkEventRow
from core.wire.tickets import CreateTicket, MoveTicket
from core.wire.uplink import ConfigError, EdgeStatus
from tests.conftest import wait_for
from tests.hub.conftest import Plant

HOUR = timedelta(hours=1)


def make(plant: Plant, now: datetime, **more: Any) -> int:
    new = CreateTicket.model_validate(
        {"title": "漏油", "source": "console", "asset_id": plant.press.id, **more}
    )
    return tickets.create(plant.boss, new, now=now).id


def said(verb: str) -> list[str]:
    query = JournalRow.select().where(JournalRow.verb == verb).order_by(JournalRow.id)
    return [row.data.get("clock", "") for row in query]


# ---------------------------------------------------------------- SLA


def test_a_warning_at_three_quarters_and_a_breach_each_once(plant: Plant, now: datetime) -> None:
    ticket_id = make(plant, now, priority=1)  # 15 minutes and 4 hours
    tickets.move(plant.boss, ticket_id, MoveTicket(move="start"), now=now)
    assert sla.watch(now + 3 * HOUR - timedelta(seconds=1)) == 0
    assert sla.watch(now + 3 * HOUR) == 1
    assert sla.watch(now + 3 * HOUR) == 0
    assert sla.watch(now + 4 * HOUR + timedelta(seconds=1)) == 1
    assert sla.watch(now + 9 * HOUR) == 0
    assert (said("ticket.sla_warned"), said("ticket.sla_breached")) == (["resolve"], ["resolve"])


def test_nobody_answered_in_time(plant: Plant, now: datetime) -> None:
    make(plant, now, priority=1)
    assert sla.watch(now + timedelta(minutes=15)) == 0
    assert sla.watch(now + timedelta(minutes=15, seconds=1)) == 1
    assert said("ticket.sla_breached") == ["respond"]


def test_a_hold_that_stops_the_clock_keeps_it_quiet(plant: Plant, now: datetime) -> None:
    ticket_id = make(plant, now, priority=1)
    tickets.move(plant.boss, ticket_id, MoveTicket(move="start"), now=now)
    hold = MoveTicket(move="hold", hold_reason="waiting_parts")
    tickets.move(plant.boss, ticket_id, hold, now=now + HOUR)
    assert sla.watch(now + 30 * HOUR) == 0
    tickets.move(plant.boss, ticket_id, MoveTicket(move="resume"), now=now + 30 * HOUR)
    assert sla.watch(now + 31 * HOUR) == 0
    assert sla.watch(now + 32 * HOUR) == 1  # 3 of its own 4 hours have passed


# ---------------------------------------------------------------- edges


def status(now: datetime, online: bool = True, **more: Any) -> EdgeStatus:
    return EdgeStatus(edge="edge-1", online=online, at=now, **more)


def test_an_edge_comes_goes_and_comes_back(plant: Plant, now: datetime) -> None:
    edge_watch.begin(now)
    edge_watch.status(status(now, config_version=1), now=now)
    edge_watch.status(status(now, config_version=1), now=now)
    assert EdgeRow.get().online
    edge_watch.status(status(now, online=False), now=now + HOUR)
    assert edge_watch.find_silent(now + HOUR + timedelta(seconds=30)) == []
    assert edge_watch.find_silent(now + HOUR + timedelta(minutes=2)) == ["edge-1"]
    assert edge_watch.find_silent(now + HOUR + timedelta(minutes=3)) == []
    ticket = TicketRow.get()
    assert ticket.title == "边缘代理 一车间边缘 失联"
    edge_watch.status(status(now), now=now + 2 * HOUR)
    verbs = [
        row.verb for row in JournalRow.select().where(JournalRow.subject == "edge").order_by(JournalRow.id)
    ]
    assert verbs == ["edge.online", "edge.config_applied", "edge.offline", "edge.online"]
    noted = JournalRow.get(JournalRow.verb == "ticket.noted")
    assert noted.ticket_id == ticket.id
    assert TicketRow.get().state == "new"  # a person closes it


def test_an_edge_that_just_stops_talking_is_found_too(plant: Plant, now: datetime) -> None:
    edge_watch.begin(now)
    edge_watch.status(status(now), now=now)
    edge_watch.heard("edge-1", now + HOUR)
    assert edge_watch.find_silent(now + HOUR + timedelta(seconds=59)) == []
    assert EdgeRow.get().seen_at == now + HOUR
    assert edge_watch.find_silent(now + HOUR + timedelta(seconds=60)) == ["edge-1"]
    assert not EdgeRow.get().online


def test_a_hub_that_has_just_started_blames_nobody(plant: Plant, now: datetime) -> None:
    edge_watch.begin(now + 5 * HOUR)
    assert edge_watch.find_silent(now + 5 * HOUR + timedelta(seconds=59)) == []
    assert edge_watch.find_silent(now + 5 * HOUR + timedelta(seconds=60)) == ["edge-1"]


def test_a_refused_configuration_is_journalled_with_its_errors(plant: Plant, now: datetime) -> None:
    fault = ConfigError(path="rules[2].point", code="unknown", detail="no point 7")
    edge_watch.status(status(now, config_refused=4, config_errors=[fault]), now=now)
    told = JournalRow.get(JournalRow.verb == "edge.config_refused").data
    assert (told["version"], told["errors"][0]["path"]) == (4, "rules[2].point")


# ---------------------------------------------------------------- tidying, and the schedule itself


def test_only_what_has_served_is_taken_away(plant: Plant, now: datetime) -> None:
    for seq, age in ((1, 31), (2, 29)):
        at = now - timedelta(days=age)
        UplinkEventRow.create(
            edge=plant.edge, epoch="e", seq=seq, digest="", kind="born", body={}, event_at=at, received_at=at,
            applied_at=at,
        )  # fmt: skip
    old = now - timedelta(days=99)
    UplinkEventRow.create(
        edge=plant.edge, epoch="f", seq=9, digest="", kind="born", body={}, event_at=old, received_at=old
    )
    JobRunRow.create(job="sla", slot="x", at=now - timedelta(days=500))
    assert retention.clean(now) == 2
    assert sorted(row.seq for row in UplinkEventRow.select()) == [2, 9]  # what waits is kept, however old


def test_a_job_that_fails_ends_nothing(
    sqlite_plant: Plant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.use(HubSettings(data_dir=tmp_path))

    def fail(_now: datetime) -> int:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(sla, "watch", fail)
    now = datetime.now(UTC)
    ticket_id = make(sqlite_plant, now)
    row = TicketRow.get_by_id(ticket_id)
    row.state, row.resolved_at = "resolved", now - timedelta(days=4)
    row.save()
    stop = threading.Event()

    def run() -> None:
        jobs.Jobs(tick_s=0.01).run(stop)
        db.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_for(lambda: TicketRow.get_by_id(ticket_id).state == "closed")
        wait_for(lambda: (tmp_path / "journal-head").exists())
    finally:
        stop.set()
        thread.join()
        settings.use(HubSettings())
