"""Who gets a ticket by rule, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.domain.dispatch import Person, choose, fits, rank

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
FIT = Person(1, "王伟", active=True, technician=True, in_team=True, on_shift=True, open_tickets=0)


def test_the_least_loaded_comes_first() -> None:
    people = [
        replace(FIT, id=1, open_tickets=3),
        replace(FIT, id=2, open_tickets=1),
        replace(FIT, id=3, open_tickets=2),
    ]
    assert [candidate.person.id for candidate in rank(people)] == [2, 3, 1]


def test_a_tie_goes_to_who_waited_longest_then_to_the_first() -> None:
    people = [
        replace(FIT, id=1, last_assigned_at=NOW),
        replace(FIT, id=2, last_assigned_at=NOW - timedelta(hours=1)),
        replace(FIT, id=4),
        replace(FIT, id=3),
    ]
    assert [candidate.person.id for candidate in rank(people)] == [3, 4, 2, 1]


def test_nobody_who_does_not_fit_is_chosen() -> None:
    people = [
        replace(FIT, id=1, on_shift=False),
        replace(FIT, id=2, in_team=False),
        replace(FIT, id=3, technician=False),
        replace(FIT, id=4, active=False),
    ]
    ranked = rank(people)
    assert choose(ranked) is None
    assert {candidate.score for candidate in ranked} == {0.0}
    assert ranked[0].why["on_shift"] is False


people_of_all_kinds = st.builds(
    Person,
    id=st.integers(1, 1000),
    name=st.just("x"),
    active=st.booleans(),
    technician=st.booleans(),
    in_team=st.booleans(),
    on_shift=st.booleans(),
    open_tickets=st.integers(0, 30),
)


@given(st.lists(people_of_all_kinds, max_size=20))
def test_the_chosen_one_fits_and_has_the_least_to_do(people: list[Person]) -> None:
    chosen = choose(rank(people))
    fitting = [person for person in people if fits(person)]
    assert (chosen is None) == (not fitting)
    if chosen is not None:
        assert chosen.person.open_tickets == min(person.open_tickets for person in fitting)
