"""Writing together: nobody reads what is not there yet, and a group of events leaves what single ones leave."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.services import ingest
from core.services.numbers import next_number
from core.storage import db, queries
from core.storage.sql import IntegrityError
from core.storage.tables import (
    AlarmRow,
    CounterRow,
    JournalRow,
    OccurrenceRow,
    TeamRow,
    TicketRow,
    UplinkEventRow,
)
from core.wire.uplink import AlarmReminded, Event, ServiceChanged
from tests.hub.conftest import Plant
from tests.hub.uplink import batch, born, chart, cleared, raised, voided


def ticket(number: str, now: datetime, **more: Any) -> TicketRow:
    row: TicketRow = TicketRow.create(
        number=number,
        type="fault",
        source="alarm",
        title=number,
        state="new",
        priority=2,
        reported_at=now,
        **more,
    )
    return row


def test_rows_have_ids_at_once_and_are_there_for_every_query(plant: Plant, now: datetime) -> None:
    with db.database.atomic(), db.gathered():
        first = ticket("T-1", now)
        second = ticket("T-2", now, parent=first)
        assert second.id == first.id + 1
        second.title = "changed before it was written"
        second.save()
        assert [row.title for row in TicketRow.select().order_by(TicketRow.id)] == [first.title, second.title]
        third = ticket("T-3", now)
        first.title = "changed after it was written"
        first.save()
        assert queries.by_id(TicketRow, third.id) is third
    found = TicketRow.get_by_id(second.id)
    assert (found.parent_id, found.title) == (first.id, "changed before it was written")
    assert TicketRow.get_by_id(first.id).title == "changed after it was written"
    assert ticket("T-4", now).id > third.id


def test_a_statement_that_writes_past_the_rows_lets_what_is_known_be_forgotten(plant: Plant) -> None:
    with db.database.atomic(), db.gathered():
        before = queries.by_id(TeamRow, plant.team.id)
        assert queries.by_id(TeamRow, plant.team.id) is before
        TeamRow.update(name="other").where(TeamRow.id == plant.team.id).execute()
        assert queries.by_id(TeamRow, plant.team.id).name == "other"
        TeamRow.insert(name="third").execute()
        made = TeamRow.create(name="fourth")
    assert TeamRow.get_by_id(made.id).name == "fourth"


def test_a_key_that_is_freed_can_be_taken_by_the_next_row(plant: Plant, now: datetime) -> None:
    old = ticket("T-1", now, open_key="k")
    with db.database.atomic(), db.gathered():
        old.open_key = None
        old.save()
        ticket("T-2", now, open_key="k")
    assert TicketRow.get(TicketRow.open_key == "k").number == "T-2"


def test_a_key_taken_twice_is_refused_and_nothing_is_written(plant: Plant, now: datetime) -> None:
    with pytest.raises(IntegrityError), db.database.atomic(), db.gathered():
        ticket("T-1", now, open_key="k")
        ticket("T-2", now, open_key="k")
    assert TicketRow.select().count() == 0
    with db.database.atomic(), db.gathered():
        ticket("T-1", now, open_key="k")
    assert TicketRow.select().count() == 1


def test_numbers_have_no_gap_whichever_way_they_are_given_out(plant: Plant) -> None:
    taken = []
    for together in (True, False, True, True):
        with db.database.atomic():
            if together:
                with db.gathered():
                    taken += [next_number("n"), next_number("n")]
            else:
                taken.append(next_number("n"))
    assert taken == list(range(1, 8))
    assert CounterRow.get(CounterRow.name == "n").last == 7


def _story(dice: random.Random, now: datetime) -> list[Event]:
    """What an edge may tell in a bad hour: raises, clears, charts, reminders, shelving, a lost event, a new birth."""
    told: list[Event] = [born()]
    active: list[tuple[str, str]] = []
    for n in range(120):
        at = now + timedelta(seconds=n)
        rule = f"rule-{dice.randrange(6)}"
        asset = dice.choice(["A-00001", "A-00001", "A-77777", ""])
        what = dice.random()
        if what < 0.45:
            told.append(raised(f"{n}", at, rule=rule, asset=asset, flood=dice.random() < 0.1))
            active.append((f"{n}", rule))
        elif what < 0.65 and active:
            gone, of = active.pop(dice.randrange(len(active)))
            told.append(cleared(gone, at, rule=of))
        elif what < 0.8 and active:
            told.append(chart(dice.choice(active)[0], at, complete=dice.random() < 0.6))
        elif what < 0.87 and active:
            name, of = dice.choice(active)
            told.append(AlarmReminded(occurrence=f"occurrence-{name}", rule=of, value=n, reminded_at=at))
        elif what < 0.97:
            service = dice.choice(["shelved", "in_service", "out_of_service"])
            told.append(ServiceChanged(rule=rule, asset=asset, service=service, by="Wang", changed_at=at))
        else:
            told.append(voided("disk"))
    told.append(born(*(name for name, _rule in active[::2])))
    return told


def _all_of(model: Any) -> list[dict[str, Any]]:
    return list(model.select().order_by(model.id).dicts())


_TABLES = (UplinkEventRow, AlarmRow, OccurrenceRow, TicketRow, JournalRow, CounterRow)


@pytest.mark.parametrize("seed", range(3))
def test_events_together_leave_what_each_by_itself_leaves(
    plant: Plant, now: datetime, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)
    told = list(enumerate(_story(dice, now), 1))

    def take(first: int, last: int) -> None:
        part = batch(*told[first:last], at=now)
        at = now + timedelta(minutes=first)
        assert ingest.accept("edge-1", part, now=at, received_at=at).through == last

    with monkeypatch.context() as patch:
        patch.setattr(ingest, "_apply_together", lambda *_: False)
        with db.database.atomic() as undone:
            for at in range(0, len(told), 40):
                take(at, min(at + 40, len(told)))
            singly = {model: _all_of(model) for model in _TABLES}
            undone.rollback()
    assert TicketRow.select().count() == 0
    for at in range(0, len(told), 40):
        take(at, min(at + 40, len(told)))
    for model in _TABLES:
        together = _all_of(model)
        assert len(together) == len(singly[model])
        if db.is_postgresql():  # its ids are not given back by a roll-back, and differ
            continue
        for one, other in zip(together, singly[model], strict=True):
            assert _without_times(one) == _without_times(other)


def _without_times(row: dict[str, Any]) -> dict[str, Any]:
    """A ticket's version counts how often it was written on the way."""
    return {name: value for name, value in row.items() if name not in ("applied_at",)}
