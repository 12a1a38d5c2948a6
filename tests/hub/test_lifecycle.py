"""A ticket walked at random by people, alarms and time: what must hold in each state, holds."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core.domain import workflow
from core.domain.people import Actor
from core.domain.workflow import State
from core.errors import AppError
from core.services import ingest, settings, sla, tickets
from core.storage import db
from core.storage.tables import JournalRow, TicketRow
from core.wire.tickets import AssignTicket, MoveTicket
from tests.hub.conftest import NOW, make_plant
from tests.hub.uplink import batch, cleared, raised

MOVES = [transition.move for transition in workflow.LIFECYCLE]


class Life(RuleBasedStateMachine):
    """One alarm with its tickets; each rule is something that somebody or something may try at any time."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="fettle-life-"))
        shutil.copy(self.template, self.folder / "hub.db")
        db.open_database("", self.folder / "hub.db")
        settings.forget()
        self.now = NOW
        self.seq = 0
        self.open_raise: str | None = None

    @initialize()
    def begin(self) -> None:
        self.plant = make_plant()
        self.raise_alarm()

    def teardown(self) -> None:
        db.close()
        shutil.rmtree(self.folder)

    def actors(self) -> list[Actor]:
        return [self.plant.boss, self.plant.actor(self.plant.wang), self.plant.actor(self.plant.li)]

    def send(self, event: Any) -> None:
        self.seq += 1
        ingest.accept("edge-1", batch((self.seq, event), at=self.now), now=self.now)

    @rule()
    def raise_alarm(self) -> None:
        if self.open_raise is None:
            self.open_raise = str(self.seq)
            self.send(raised(self.open_raise, self.now))

    @rule()
    def clear_alarm(self) -> None:
        if self.open_raise is not None:
            self.send(cleared(self.open_raise, self.now))
            self.open_raise = None

    @rule(who=st.integers(0, 2), move=st.sampled_from(MOVES), override=st.booleans())
    def try_move(self, who: int, move: str, override: bool) -> None:
        row = TicketRow.select().order_by(TicketRow.id.desc()).first()
        actor = self.actors()[who]
        offered = {m.move: m for m in tickets.view(actor, row.id, now=self.now).moves}
        wanted = MoveTicket(
            move=move, reason="因为", hold_reason="waiting_parts", resolution="修好", override=override
        )
        try:
            tickets.move(actor, row.id, wanted, now=self.now)
        except AppError:
            assert move not in offered or offered[move].blocked or move == "reopen"
        else:
            assert move in offered

    @rule(who=st.integers(0, 2))
    def give(self, who: int) -> None:
        row = TicketRow.select().order_by(TicketRow.id.desc()).first()
        person = (self.plant.chief, self.plant.wang, self.plant.li)[who]
        if row.state in workflow.OPEN:
            tickets.assign(self.plant.boss, row.id, AssignTicket(person_id=person.id), now=self.now)

    @rule(hours=st.sampled_from([0.1, 1, 5, 30, 80, 200]))
    def pass_time(self, hours: float) -> None:
        self.now += timedelta(hours=hours)
        sla.watch(self.now)
        sla.close_done(self.now)

    @invariant()
    def at_most_one_is_open_and_holds_the_key(self) -> None:
        rows = list(TicketRow.select())
        working = [row for row in rows if row.state in workflow.OPEN]
        assert len(working) <= 1
        assert [row.open_key is not None for row in rows] == [row.state in workflow.OPEN for row in rows]

    @invariant()
    def each_state_has_its_facts(self) -> None:
        for row in TicketRow.select():
            state = State(row.state)
            assert (row.cost is not None) == (state in workflow.DONE)
            assert (row.resolved_at is not None) == (state in workflow.DONE)
            assert (row.hold_reason != "") == (state is State.ON_HOLD) == (row.held_at is not None)
            if state in (State.ASSIGNED, State.IN_PROGRESS):
                assert row.assignee_id is not None
            if state is State.NEW:
                assert row.assignee_id is None

    @invariant()
    def the_journal_tells_the_same_story(self) -> None:
        for row in TicketRow.select():
            told = [
                entry.data["to"]
                for entry in JournalRow.select().where(JournalRow.ticket_id == row.id).order_by(JournalRow.id)
                if "to" in entry.data
            ]
            assert (told[-1] if told else "new") == row.state


@pytest.mark.timeout(240)
def test_any_walk_keeps_what_must_hold(sqlite_file: Path) -> None:
    Life.template = sqlite_file
    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # hypothesis leaves it so
        Life,
        settings=hypothesis_settings(
            max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
