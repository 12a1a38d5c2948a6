"""`./dev bench ingest`: processor time of one event in the hub, by kind, without a broker.

One thread and one SQLite file as in a running hub (WAL, FULL); messages of 50 events and of one. `--profile` says
where the time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.services import ingest
from core.storage import db, migrate
from core.storage.tables import (
    AssetRow,
    EdgeRow,
    PersonRow,
    ShiftMemberRow,
    ShiftRow,
    TeamMemberRow,
    TeamRow,
    TicketRow,
)
from core.wire.uplink import AlarmCleared, AlarmRaised, ChartFrozen, Event, UplinkBatch, UplinkEvent
from tests.bench import _figures as figures

EDGE, EPOCH = "edge-1", "0" * 31 + "c"
ASSETS, PEOPLE = 20, 10


def plant(folder: Path) -> None:
    """A hub's database with one edge, some assets, and a team on shift."""
    opened = db.open_database("", folder / "hub.db")
    migrate.up(opened, folder / "backups")
    team = TeamRow.create(name="fitters")
    shift = ShiftRow.create(name="all day", weekdays=[0, 1, 2, 3, 4, 5, 6], start_min=0, end_min=24 * 60)
    for n in range(PEOPLE):
        person = PersonRow.create(name=f"Person {n}", roles=["technician"])
        TeamMemberRow.create(team=team, person=person)
        ShiftMemberRow.create(shift=shift, person=person)
    for n in range(ASSETS):
        AssetRow.create(number=asset_of(n), name=f"Machine {n}", team=team, category="press")
    EdgeRow.create(edge_id=EDGE, name="Hall 1", joined_at=datetime.now(UTC))


def asset_of(n: int) -> str:
    """The number of an asset of the plant."""
    return f"A-{n % ASSETS + 1:05d}"


def raised(n: int, rule: int, now: datetime) -> AlarmRaised:
    """Raise `n`, of rule `rule`."""
    return AlarmRaised(
        occurrence=f"bench-{n:010d}", rule=f"bench-{rule}", rule_name="Bearing too hot", asset=asset_of(rule),
        severity="major", value=92.5, limit=85.0, unit="℃", point_name="Bearing", raised_at=now,
    )  # fmt: skip


def cleared(n: int, rule: int, now: datetime) -> AlarmCleared:
    """The end of raise `n`."""
    return AlarmCleared(
        occurrence=f"bench-{n:010d}", rule=f"bench-{rule}", asset=asset_of(rule), value=70.0, cleared_at=now
    )


def chart(n: int, rule: int, now: datetime) -> ChartFrozen:
    """The chart of raise `n`: twelve minutes, a value a second."""
    return ChartFrozen(
        occurrence=f"bench-{n:010d}", rule=f"bench-{rule}", point="p1", point_name="Bearing", unit="℃",
        raised_at=now, limit=85.0, offsets_ms=[1000 * at for at in range(-600, 120)],
        values=[80.0 + at % 7 / 8 for at in range(720)],
    )  # fmt: skip


class Sender:
    """Makes payloads under seqs that follow each other."""

    def __init__(self) -> None:
        self._seq = 0

    def payloads(self, events: Sequence[Event], size: int, now: datetime) -> list[bytes]:
        """All events in messages of `size`."""
        found = []
        for start in range(0, len(events), size):
            numbered = []
            for body in events[start : start + size]:
                self._seq += 1
                numbered.append(UplinkEvent(seq=self._seq, at=now, body=body))
            batch = UplinkBatch(edge=EDGE, epoch=EPOCH, sent_at=now, events=numbered)
            found.append(batch.model_dump_json().encode())
        return found


def _kinds(count: int, now: datetime) -> dict[str, list[Event]]:
    again = count
    return {
        "raise, a new ticket each": [raised(n, n, now) for n in range(count)],
        "clear": [cleared(n, n, now) for n in range(count)],
        "raise again, open ticket": [raised(again + n, n, now) for n in range(count)],
        "chart of 720 values": [chart(again + n, n, now) for n in range(count)],
        "mix: raise, chart, clear": [
            event
            for n in range(count // 3)
            for event in (
                raised(3 * count + n, count + n, now),
                chart(3 * count + n, count + n, now),
                cleared(3 * count + n, count + n, now),
            )
        ],
    }


def measure(
    size: int, count: int, profile: Callable[[str, Callable[[], None]], None]
) -> list[dict[str, Any]]:
    """Every kind in messages of `size`."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        plant(Path(folder))
        sender = Sender()
        now = datetime.now(UTC)
        sent = 0
        for name, events in _kinds(count, now).items():
            payloads = sender.payloads(events, size, now)
            sent += len(events)
            took: list[float] = []

            def take(payloads: list[bytes] = payloads, took: list[float] = took) -> None:
                for payload in payloads:
                    began = time.perf_counter()
                    ack = ingest.accept_payload(EDGE, payload, now=datetime.now(UTC))
                    took.append((time.perf_counter() - began) * 1000)
                    assert ack is not None and not ack.rejected

            cpu_s, began_s = time.process_time(), time.perf_counter()
            profile(f"{name}, {size} a message", take)
            cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - began_s
            found.append(
                figures.row(
                    f"{name}, {size} a message",
                    took,
                    cpu_ms_per_event=round(cpu_s * 1000 / len(events), 3),
                    events_per_s=round(len(events) / wall_s),
                )
            )
        tickets = TicketRow.select().count()
        assert tickets >= count + count // 3, f"{tickets} tickets"
        db.close()
    return found


def main() -> int:
    """Messages of 50, then of one."""
    parser = argparse.ArgumentParser(prog="./dev bench ingest", description=__doc__)
    parser.add_argument("--events", type=int, default=1000, help="of each kind")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()

    def plainly(_name: str, call: Callable[[], None]) -> None:
        call()

    def profiled(_name: str, call: Callable[[], None]) -> None:
        profiler = cProfile.Profile()
        profiler.runcall(call)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(28)

    run = profiled if wanted.profile else plainly
    figures.head()
    found = measure(50, wanted.events, run) + measure(1, wanted.events // 5, run)
    figures.write(wanted.json, {"rows": found})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
