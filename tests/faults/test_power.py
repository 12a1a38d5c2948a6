"""Power cuts: what others were told survives them; the control, a commit that does not wait for the disk, does not."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import wait_for
from tests.faults.judge import Difference, Judge
from tests.faults.power import Power, build
from tests.faults.prefork import Nursery
from tests.faults.rig import COILS, Rig

CUTS = 4


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with closing(Nursery(preload=build(tmp_path_factory.mktemp("shim")))) as found:
        yield found


@pytest.fixture
def rig(nursery: Nursery, tmp_path: Path) -> Iterator[Rig]:
    with closing(Rig("sqlite-mosquitto", tmp_path, nursery)) as found:
        yield found


def cut_the_edge(rig: Rig, chance: random.Random, torn: bool) -> int:
    """Alarms come and are delivered, the power goes; how many writes it took."""
    power = Power(rig.edge, rig.folder / "edge")
    rig.start()
    judge = Judge(rig)
    judge.wait_drained()
    lost = 0
    for _ in range(CUTS):
        rig.switch(chance.sample(range(COILS), 6))
        judge.wait_drained()
        rig.switch(chance.sample(range(COILS), 6))
        wait_for(lambda: len(rig.of_edge("SELECT 1 FROM ledger LIMIT 5")) == 5)
        rig.edge.kill()
        judge.read_ledger()
        lost += power.take_back(chance if torn else None)
        in_hub = {(epoch, seq) for epoch, seq in rig.of_hub("SELECT epoch, seq FROM uplink_event_row")}
        kept = numbers(rig)
        if not in_hub <= kept:
            raise Difference(
                f"the hub has events that the edge will number anew: {sorted(in_hub - kept)[:3]}"
            )
        # What nobody has been told may be gone: its commit had not come back when the power went.
        judge.new_file(judge.ledger.keys() - kept)
        rig.edge.start()
    judge.wait_drained()
    judge.check()
    return lost


def cut_the_hub(rig: Rig, chance: random.Random, torn: bool) -> int:
    power = Power(rig.hubs[0], rig.folder / "hub-0")
    rig.start()
    judge = Judge(rig)
    judge.wait_drained()
    lost = 0
    for _ in range(CUTS):
        rig.switch(chance.sample(range(COILS), 6))
        judge.wait_drained()
        rig.hubs[0].kill()
        lost += power.take_back(chance if torn else None)
        judge.acknowledged_is_kept()
        rig.up()
    judge.wait_drained()
    judge.check()
    return lost


def numbers(rig: Rig) -> set[tuple[str, int]]:
    """All that the edge still knows to have given out."""
    try:
        query = "SELECT (SELECT value FROM meta WHERE key = 'epoch'), seq FROM events"
        return {(epoch, seq) for epoch, seq in rig.of_edge(query)}
    except sqlite3.OperationalError:  # not even the tables have reached the disk
        return set()


Cut = Callable[[Rig, random.Random, bool], int]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("torn", [False, True], ids=["dropped", "torn"])
@pytest.mark.parametrize("cut", [cut_the_edge, cut_the_hub])
def test_a_power_cut_takes_nothing_that_was_told_to_others(rig: Rig, cut: Cut, torn: bool) -> None:
    cut(rig, random.Random(5), torn)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("cut", "change"), [(cut_the_edge, "normal_edge"), (cut_the_hub, "normal_hub")])
def test_a_commit_that_does_not_wait_for_the_disk_is_caught(rig: Rig, cut: Cut, change: str) -> None:
    for program in rig.programs:
        program.changes.append(change)
    with pytest.raises(Difference):
        cut(rig, random.Random(5), False)
