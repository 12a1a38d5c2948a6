"""Faults that people might build into delivery; the harness must catch each of them, or its verdicts are worth nothing.

They are put into a child process by the harness; nothing of them lives in the product.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.faults.changes import change
from tests.faults.prefork import Nursery

ROUNDS, EVERY = 150, 6
PATIENCE_S = 12.0  # what a mutant does not bring in this time it will not bring


@dataclass(frozen=True)
class Mutant:
    """A fault in one program, and the set-up in which it is looked for."""

    name: str
    program: str
    setup: str = "sqlite-mosquitto"


MUTANTS = (
    Mutant("acks_before_commit", "hub"),
    Mutant("done_when_sent", "edge"),
    Mutant("no_unique_key", "hub"),
    Mutant("applies_repeats", "hub"),
    Mutant("skips_gaps", "hub", "postgresql-mosquitto"),
    Mutant("clears_another", "hub"),
    Mutant("reuses_seq", "edge"),
    Mutant("forgets_states", "edge"),
    Mutant("two_transactions", "edge"),
    Mutant("ignores_hub_epoch", "edge"),
    Mutant("never_sends_again", "edge"),
    Mutant("no_unique_key", "hub", "postgresql-mosquitto"),
    Mutant("acks_before_commit", "hub", "sqlite-amqtt"),
)


@change("acks_before_commit")
def _acks_before_commit() -> None:
    """The hub acknowledges what it has received, and commits it a moment later."""
    from core.hub.mqtt import HubMqtt
    from core.services import settings
    from core.wire import topics
    from core.wire.uplink import UplinkAck, UplinkBatch

    handle = HubMqtt._handle

    def eager(self: HubMqtt, topic: str, messages: list[tuple[bytes, datetime]]) -> None:
        found = topics.edge_of(topic)
        if found is not None and found[1] == topics.UP:
            batch = UplinkBatch.model_validate_json(messages[-1][0])
            ack = UplinkAck(epoch=batch.epoch, through=batch.events[-1].seq, hub_epoch=settings.hub_epoch())
            self._acknowledge(found[0], ack)
            time.sleep(0.05)
        handle(self, topic, messages)

    HubMqtt._handle = eager  # type: ignore[method-assign]


@change("done_when_sent")
def _done_when_sent() -> None:
    """The edge is done with an event when the broker has it (delete on PUBACK)."""
    from edge_agent.delivery import Delivery

    following = Delivery._next

    async def hasty(self: Delivery, window: int) -> tuple[bytes, int] | None:
        found = await following(self, window)
        if found is not None:
            await self._db(self._outbox.ack, found[1], self._clock.wall())
        return found

    Delivery._next = hasty  # type: ignore[method-assign]


@change("no_unique_key")
def _no_unique_key() -> None:
    """The hub's table of events has no unique key, and nobody looks whether an event is known."""
    from core.services import ingest
    from core.storage import db

    def all_of_them(_edge: Any, _mark: Any, items: Any, _now: datetime) -> list[Any]:
        with contextlib.suppress(Exception):
            db.database.execute_sql("DROP INDEX IF EXISTS uplink_event_row_edge_id_epoch_seq")
        return list(items)

    ingest._sift = all_of_them


@change("applies_repeats")
def _applies_repeats() -> None:
    """A raise that comes again counts again, on the alarm and on its ticket."""
    from core.services import alarm_events, ingest
    from core.storage import db
    from core.storage.tables import AlarmRow, OccurrenceRow, TicketRow

    sift = ingest._sift

    def counting(edge: Any, mark: Any, items: Any, now: datetime) -> list[Any]:
        fresh = sift(edge, mark, items, now)
        for item in items:
            if item.kind == "alarm_raised" and item not in fresh and item.seq <= mark.through:
                row = OccurrenceRow.get_or_none(OccurrenceRow.occurrence == item.event.occurrence)
                if row is not None:
                    AlarmRow.update(count=AlarmRow.count + 1).where(AlarmRow.id == row.alarm_id).execute()
                    TicketRow.update(occurrences=TicketRow.occurrences + 1).where(
                        TicketRow.id == row.ticket_id
                    ).execute()
        return fresh

    assert alarm_events and db
    ingest._sift = counting


@change("skips_gaps")
def _skips_gaps() -> None:
    """The hub goes on after a missing event as if it had been there."""
    from core.services import ingest
    from core.storage import db
    from core.storage.tables import EpochRow

    take = ingest._take

    @db.transaction
    def skipping(edge_id: str, epoch: str, items: Any, *rest: Any) -> Any:
        if items:
            before = items[0].seq - 1
            EpochRow.update(through=before).where(
                EpochRow.epoch == epoch, EpochRow.through < before
            ).execute()
        return take(edge_id, epoch, items, *rest)

    ingest._take = skipping


@change("clears_another")
def _clears_another() -> None:
    """A clear ends whichever raise of its edge has been open longest."""
    from core.services import alarm_events
    from core.storage.tables import AlarmRow, OccurrenceRow

    cleared = alarm_events.cleared

    def wrong(source: Any, event: Any, **more: Any) -> Any:
        oldest = (
            OccurrenceRow.select(OccurrenceRow.occurrence)
            .join(AlarmRow)
            .where(AlarmRow.edge == source.edge.id, OccurrenceRow.cleared_at.is_null())
            .order_by(OccurrenceRow.id)
            .first()
        )
        if oldest is not None:
            event = event.model_copy(update={"occurrence": oldest.occurrence})
        return cleared(source, event, **more)

    alarm_events.cleared = wrong


@change("reuses_seq")
def _reuses_seq() -> None:
    """After a restart the edge counts on from what was acknowledged."""
    from edge_agent.outbox import Outbox

    begin = Outbox.__init__

    def forgetful(self: Outbox, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        if self.acked:
            with self._transaction():
                self._set("last_seq", str(self.acked))

    Outbox.__init__ = forgetful  # type: ignore[method-assign]


@change("forgets_states")
def _forgets_states() -> None:
    """After a restart the edge knows nothing of its alarms and raises them again."""
    from edge_agent.outbox import Outbox

    Outbox.states = lambda _self: {}  # type: ignore[method-assign]


@change("two_transactions")
def _two_transactions() -> None:
    """Events and alarm states are committed one after the other."""
    from edge_agent.outbox import Batch, Outbox

    commit = Outbox.commit

    def apart(self: Outbox, batches: Any, now: datetime) -> int:
        last = commit(self, [Batch(events=batch.events) for batch in batches], now)
        time.sleep(0.04)
        commit(self, [Batch(states=batch.states, charts=batch.charts) for batch in batches], now)
        return last

    Outbox.commit = apart  # type: ignore[method-assign]


@change("ignores_hub_epoch")
def _ignores_hub_epoch() -> None:
    """The edge does not notice that the hub was restored from a copy."""
    from edge_agent.outbox import Outbox

    def only_noted(self: Outbox, _through: int, hub_epoch: str) -> None:
        self.remember_hub(hub_epoch)

    Outbox.replay_after = only_noted  # type: ignore[method-assign]


@change("never_sends_again")
def _never_sends_again() -> None:
    """What has been handed over once is not sent again on a new connection, nor for want of an answer."""
    from edge_agent import delivery

    delivery.Delivery.restart = delivery.Delivery.wake  # type: ignore[method-assign]
    delivery.RESEND_FIRST_S = delivery.RESEND_MOST_S = 1e6


def _normal(module: str) -> None:
    """A commit does not wait for the disk (synchronous=NORMAL)."""
    from core.storage import db
    from edge_agent import outbox_file

    if module == "edge":
        opened = outbox_file.open_file

        def quick(file: Path) -> Any:
            connection = opened(file)
            connection.execute("PRAGMA synchronous=NORMAL")
            return connection

        outbox_file.open_file = quick
        return
    sqlite = db._sqlite

    def quick_hub(file: Path) -> Any:
        opened_db: Any = sqlite(file)
        opened_db._pragmas = [
            (key, "normal" if key == "synchronous" else value) for key, value in opened_db._pragmas
        ]
        return opened_db

    db._sqlite = quick_hub


change("normal_edge")(lambda: _normal("edge"))
change("normal_hub")(lambda: _normal("hub"))


def try_one(mutant: Mutant, seed: int, nursery: Nursery) -> tuple[int, str]:
    """The round in which it was caught, and as what; (0, "") when it was not."""
    from tests.faults.rounds import campaign  # which starts from there

    outcome = campaign(
        mutant.setup,
        ROUNDS,
        seed,
        nursery,
        changes=[(mutant.program, mutant.name)],
        every=EVERY,
        patience_s=PATIENCE_S,
    )
    return (outcome.rounds, outcome.failure) if outcome.failure else (0, "")


def main(seed: int, figures: Path | None = None, say: Callable[[str], None] = print) -> int:
    """Try all; 0 when each was caught."""
    found: list[dict[str, Any]] = []
    with contextlib.closing(Nursery()) as nursery:
        for mutant in MUTANTS:
            rounds, failure = try_one(mutant, seed, nursery)
            last = failure.splitlines()[-1].strip() if failure else ""
            verdict = f"caught in round {rounds}: {last[:150]}" if rounds else "NOT CAUGHT"
            say(f"{mutant.name} ({mutant.setup}, seed {seed}): {verdict}")
            found.append({"mutant": mutant.name, "setup": mutant.setup, "round": rounds, "as": failure})
    if figures is not None:
        figures.write_text(json.dumps(found, indent=2) + "\n")
    return 0 if all(one["round"] for one in found) else 1
