"""Damaged files, wrong clocks, full disks, dead lines, a broker that stays away: the plant ends in truth."""

from __future__ import annotations

import random
import resource
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import peewee
import pytest

from core.services import fleet
from core.storage import db, migrate
from tests.conftest import wait_for
from tests.faults.judge import DRAIN_S, Judge
from tests.faults.power import WrongClock, build
from tests.faults.prefork import Nursery
from tests.faults.rig import ASSET, COILS, EDGE, PASSWORD, Rig

DAMAGES = ("bits", "bits of the wal", "cut", "a page", "no wal", "an older copy", "nothing left")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with closing(Nursery(preload=build(tmp_path_factory.mktemp("shim")))) as found:
        yield found


@pytest.fixture
def rig(nursery: Nursery, tmp_path: Path) -> Iterator[Rig]:
    with closing(Rig("sqlite-mosquitto", tmp_path, nursery)) as found:
        yield found


def begun(rig: Rig) -> Judge:
    rig.start()
    judge = Judge(rig)
    judge.wait_drained()
    rig.switch(range(0, COILS, 2))
    judge.wait_drained()
    return judge


def ends_in_truth(rig: Rig) -> bool:
    """Exactly the coils that are on have an alarm in the hub, with one open raise and one open ticket each."""
    on = {f"r{n}" for n, coil in enumerate(rig.coils) if coil}
    active = {
        rule for (rule,) in rig.of_hub("SELECT rule_key FROM alarm_row WHERE active AND rule_key LIKE 'r%'")
    }
    open_raises = rig.of_hub(
        "SELECT a.rule_key FROM occurrence_row o JOIN alarm_row a ON a.id = o.alarm_id"
        " WHERE o.cleared_at IS NULL AND a.rule_key LIKE 'r%'"
    )
    return active == on and sorted(rule for (rule,) in open_raises) == sorted(on)


def no_ticket_is_double(rig: Rig) -> None:
    double = rig.of_hub(
        "SELECT open_key FROM ticket_row WHERE open_key IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
    )
    assert double == []


def damage(rig: Rig, how: str, chance: random.Random) -> None:
    """To the outbox of an edge that does not run."""
    file, wal = rig.outbox, rig.outbox.with_name("outbox.db-wal")
    if how in ("bits", "bits of the wal"):
        hurt = wal if how == "bits of the wal" and wal.exists() else file
        data = bytearray(hurt.read_bytes())
        for _ in range(20):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        hurt.write_bytes(data)
    elif how == "cut":
        file.write_bytes(file.read_bytes()[: chance.randrange(file.stat().st_size)])
    elif how == "a page":
        data = bytearray(file.read_bytes())
        start = chance.randrange(len(data) // 4096) * 4096
        data[start : start + 4096] = chance.randbytes(4096)
        file.write_bytes(data)
    elif how == "nothing left":
        file.unlink()
    if how in ("no wal", "nothing left", "an older copy"):
        wal.unlink(missing_ok=True)
    if how == "an older copy":
        shutil.copy(rig.folder / "older.db", file)
    file.with_name("outbox.db-shm").unlink(missing_ok=True)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_outbox_stops_nothing_and_ends_in_truth(rig: Rig, how: str) -> None:
    chance = random.Random(how)
    judge = begun(rig)
    for _ in range(3):
        if how == "an older copy":
            rig.edge.kill()
            with closing(sqlite3.connect(rig.outbox)) as whole:  # its wal is in it then
                whole.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copy(rig.outbox, rig.folder / "older.db")
            rig.edge.start()
        rig.switch(chance.sample(range(COILS), 8))
        wait_for(lambda: ends_in_truth(rig), DRAIN_S)
        rig.edge.kill()
        judge.acknowledged_is_kept()
        rig.switch(chance.sample(range(COILS), 8))
        damage(rig, how, chance)
        rig.edge.start()
        wait_for(lambda: ends_in_truth(rig), DRAIN_S)
        rig.switch(chance.sample(range(COILS), 4))
        wait_for(lambda: ends_in_truth(rig), DRAIN_S)
        no_ticket_is_double(rig)
    assert len(list(rig.outbox.parent.glob("outbox.db.broken-*[0-9]"))) <= 3


@pytest.mark.timeout(120)
def test_clocks_that_jump_lose_and_double_nothing(rig: Rig) -> None:
    clocks = [
        WrongClock(rig.edge, rig.folder / "edge.clock"),
        WrongClock(rig.hubs[0], rig.folder / "hub.clock"),
    ]
    judge = begun(rig)
    chance = random.Random(7)
    for clock, seconds in (
        (0, 3600),
        (0, -3600),
        (0, 86_400),
        (0, -86_400),
        (1, 3600),
        (1, -86_400),
        (1, 86_400),
    ):
        clocks[clock].set(seconds)
        rig.switch(chance.sample(range(COILS), 8))
        judge.wait_drained()
        if chance.random() < 0.5:
            rig.edge.kill()
            rig.edge.start()
        rig.switch(chance.sample(range(COILS), 8))
        judge.wait_drained()
        judge.check()
        clocks[clock].set(0)
    assert rig.of_hub("SELECT occurrences FROM ticket_row WHERE open_key = ?", "clock|edge-1") == [(1,)]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("who", ["edge", "hub"])
def test_a_full_disk_loses_nothing_that_was_acknowledged(rig: Rig, who: str) -> None:
    judge = begun(rig)
    program = rig.edge if who == "edge" else rig.hubs[0]
    for limit in (1, 4096, 200_000):
        resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        for _ in range(6):
            rig.switch(range(COILS))
            wait_for(lambda: rig.device.data_bank.get_coils(0, 1) == [rig.coils[0]])
            judge.acknowledged_is_kept()
        program.kill()  # in the middle of it
        judge.acknowledged_is_kept()
        program.start()
        judge.wait_drained()
        judge.check()


@pytest.mark.timeout(120)
def test_events_come_by_http_while_the_broker_stays_away(rig: Rig) -> None:
    judge = begun(rig)
    assert rig.broker is not None
    rig.broker.kill()
    rig.switch(range(COILS))
    judge.wait_drained()
    rig.edge.kill()  # also one that has never seen the broker
    rig.switch(range(0, COILS, 3))
    rig.edge.start()
    judge.wait_drained()
    judge.check()
    rig.broker.start()
    rig.switch(range(0, COILS, 3))
    judge.wait_drained()
    judge.check()


@pytest.mark.timeout(150)
@pytest.mark.parametrize("line", ["edge", "hub"])
def test_a_line_that_dies_without_a_word_is_noticed(nursery: Nursery, tmp_path: Path, line: str) -> None:
    """Nothing passes on it for ever, and nobody closes it; with the product's own pauses."""
    with closing(Rig("sqlite-mosquitto", tmp_path, nursery, brisk=False)) as rig:
        judge = begun(rig)
        dead = rig.edge_line if line == "edge" else rig.hub_line
        assert dead is not None
        dead.freeze()
        rig.switch(range(COILS))
        judge.wait_drained()
        judge.check()


@pytest.mark.timeout(150)
def test_two_hubs_that_start_together_bring_the_database_up_to_date_once(
    nursery: Nursery, tmp_path: Path
) -> None:
    with closing(Rig("postgresql-mosquitto", tmp_path, nursery)) as rig:
        assert rig.postgres is not None
        with closing(
            peewee.PostgresqlDatabase("postgres", host=str(rig.postgres.folder), user="fettle")
        ) as empty:
            empty.execute_sql("DROP SCHEMA public CASCADE")
            empty.execute_sql("CREATE SCHEMA public")
        for hub in rig.hubs:
            hub.start()
        for data in ("hub-0", "hub-1"):
            wait_for(lambda: (rig.folder / data / "run.json").exists(), 30)  # noqa: B023 - called at once
        steps = [step.stem for step in migrate.FOLDER.glob("m[0-9]*.py")]
        assert len(steps) > 1 and not any(hub.has_ended() for hub in rig.hubs)


def put(database: sqlite3.Connection, table: str, **given: object) -> None:
    """A row as some release wrote it: what is not given is nothing, in whatever columns there were."""
    for _n, name, kind, needed, default, key in database.execute(f"PRAGMA table_info({table})").fetchall():
        if needed and default is None and not key:
            given.setdefault(name, "" if kind.startswith(("VARCHAR", "TEXT")) else 0)
    places = ", ".join("?" for _ in given)
    database.execute(f"INSERT INTO {table} ({', '.join(given)}) VALUES ({places})", tuple(given.values()))


@pytest.mark.timeout(150)
def test_an_update_killed_half_way_is_brought_to_its_end(rig: Rig, tmp_path: Path) -> None:
    """A database of the first release with data in it, and a hub that dies again and again while it migrates."""
    first = tmp_path / "first"
    first.mkdir()
    for step in migrate.FOLDER.glob("m0001*"):
        shutil.copy(step, first)
    chance = random.Random(3)
    for suffix in ("", "-wal", "-shm"):
        rig.hub_file.with_name(f"hub.db{suffix}").unlink(missing_ok=True)
    migrate.up(db.open_database("", rig.hub_file), tmp_path / "backups", first)
    db.close()
    with closing(sqlite3.connect(rig.hub_file)) as old, old:
        put(
            old,
            "edge_row",
            edge_id=EDGE,
            name="Hall 1",
            password_hash=fleet.broker_hash(PASSWORD),
            joined_at=1,
            active=1,
        )
        put(old, "asset_row", number=ASSET, name="Press")
        put(old, "journal_row", verb="edge.joined", subject="edge", data="{}")
    for _ in range(12):
        rig.hubs[0].start()
        time.sleep(chance.uniform(0, 0.3))  # not a wait for anything: the moment of death is left to chance
        rig.hubs[0].kill()
    judge = begun(rig)
    judge.check()
