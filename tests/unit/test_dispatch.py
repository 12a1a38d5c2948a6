"""Who gets a ticket by rule, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.dispatch import Need, Person, Weights, choose, fits, parts, rank

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
def test_the_chosen_one_fits_and_nobody_who_fits_is_worth_more(people: list[Person]) -> None:
    ranked = rank(people)
    chosen = choose(ranked)
    assert (chosen is None) == (not any(fits(person) for person in people))
    if chosen is not None:
        assert fits(chosen.person)
        assert chosen.score == max(candidate.score for candidate in ranked)


@given(st.lists(people_of_all_kinds, max_size=20))
def test_of_people_alike_in_all_else_the_least_loaded_is_chosen(people: list[Person]) -> None:
    chosen = choose(rank(people))
    if chosen is not None and chosen.person.open_tickets < 10:
        assert chosen.person.open_tickets == min(p.open_tickets for p in people if fits(p))


def test_skills_and_valid_certificates_are_musts() -> None:
    need = Need(frozenset({"液压"}), frozenset({"高压电工"}))
    able = replace(
        FIT, id=2, skills=frozenset({"液压", "电气"}), certificates=frozenset({"高压电工"}), open_tickets=9
    )
    ranked = rank([replace(FIT, id=1, skills=frozenset({"液压"})), able], need)
    assert [(c.person.id, c.fits) for c in ranked] == [(2, True), (1, False)]
    assert ranked[1].why["missing"] == ["高压电工"]


def test_who_knows_the_machine_is_near_and_had_little_lately_is_worth_more() -> None:
    plain = replace(FIT, distance=3, recent=4)
    for better in (replace(plain, knows=3), replace(plain, distance=0), replace(plain, recent=0)):
        assert rank([plain, replace(better, id=2)])[0].person.id == 2
    worth = parts(replace(FIT, distance=0, knows=9))
    assert worth == {"load": 60.0, "distance": 10.0, "knows": 15.0, "fairness": 15.0}


def test_the_score_is_the_sum_of_what_is_told() -> None:
    (one,) = rank([replace(FIT, open_tickets=4, distance=1, knows=1, recent=2)])
    assert one.score == pytest.approx(sum(one.why["parts"].values()), abs=0.2)
    (plant,) = rank([replace(FIT, open_tickets=4)], weights=Weights(100, 0, 0, 0))
    assert plant.score == 60.0
