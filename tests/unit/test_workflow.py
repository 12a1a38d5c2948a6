"""The lifecycle as data: whole, without dead ends, and the engine that walks it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import workflow
from core.domain.people import Action
from core.domain.workflow import DONE, LIFECYCLE, OPEN, Facts, State, allowed, check
from core.errors import AppError, Conflict, Forbidden

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
FILLED = {
    "reason": "because",
    "hold_reason": "waiting_parts",
    "resolution": "replaced the bearing",
    "failure_mode": "BRG",
    "assignee": True,
}


def anything(_action: Action) -> bool:
    return True


def moves(facts: Facts) -> list[str]:
    return [choice.transition.move for choice in allowed(facts, anything)]


def test_every_state_is_reached_and_only_the_last_ones_end() -> None:
    reached, frontier = {State.NEW}, {State.NEW}
    while frontier:
        frontier = {t.to for t in LIFECYCLE if t.sources & frontier} - reached
        reached |= frontier
    assert reached == set(State)
    ends = {state for state in State if not any(state in t.sources for t in LIFECYCLE)}
    assert ends == {State.CANCELLED, State.MERGED}


def test_guards_and_moves_are_known_and_unique() -> None:
    assert {guard for t in LIFECYCLE for guard in t.guards} == set(workflow.GUARDS)
    assert len({t.move for t in LIFECYCLE}) == len(LIFECYCLE)
    assert not OPEN & DONE


def test_the_path_of_a_plain_repair() -> None:
    path = [
        ("assign", State.NEW),
        ("accept", State.ASSIGNED),
        ("start", State.ASSIGNED),
        ("hold", State.IN_PROGRESS),
    ]
    path += [("resume", State.ON_HOLD), ("resolve", State.IN_PROGRESS), ("close", State.FOLLOW_UP)]
    ends = [check(move, Facts(state), FILLED, anything).to for move, state in path]
    assert [str(end) for end in ends] == [
        "assigned", "assigned", "in_progress", "on_hold", "in_progress", "resolved", "closed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("move", "facts", "code"),
    [
        ("fly", Facts(State.NEW), "ticket.unknown_move"),
        ("resolve", Facts(State.NEW), "ticket.wrong_state"),
        ("hold", Facts(State.IN_PROGRESS), "ticket.hold_reason_needed"),
        ("decline", Facts(State.ASSIGNED), "ticket.reason_needed"),
        ("resolve", Facts(State.IN_PROGRESS), "ticket.resolution_needed"),
        ("assign", Facts(State.NEW), "ticket.assignee_needed"),
        (
            "resolve",
            Facts(State.IN_PROGRESS, resolution="ok", failure_modes_exist=True),
            "ticket.failure_mode_needed",
        ),
        ("resolve", Facts(State.IN_PROGRESS, resolution="ok", steps_open=2), "ticket.steps_open"),
        ("resolve", Facts(State.IN_PROGRESS, resolution="ok", alarm_active=True), "ticket.alarm_active"),
        ("accept", Facts(State.ASSIGNED, accepted=True), "ticket.already_accepted"),
    ],
)
def test_what_is_missing_is_named(move: str, facts: Facts, code: str) -> None:
    with pytest.raises(AppError) as caught:
        check(move, facts, {}, anything)
    assert caught.value.code == code


def test_guards_are_passed_with_the_right_and_a_reason_only() -> None:
    facts = Facts(State.IN_PROGRESS, resolution="ok", alarm_active=True)
    with pytest.raises(AppError) as caught:
        check("resolve", facts, {}, anything, override=True)
    assert caught.value.code == "ticket.reason_needed"
    with pytest.raises(Forbidden):
        check("resolve", facts, FILLED, lambda action: action is not Action.TICKET_OVERRIDE, override=True)
    assert check("resolve", facts, FILLED, anything, override=True).to is State.RESOLVED
    with pytest.raises(Conflict):  # hiding guards are no matter of rights
        check("accept", Facts(State.ASSIGNED, accepted=True), FILLED, anything, override=True)


def test_a_failure_mode_given_with_the_move_counts() -> None:
    facts = Facts(State.IN_PROGRESS, failure_modes_exist=True)
    assert check("resolve", facts, FILLED, anything).to is State.RESOLVED
    (choice,) = [c for c in allowed(facts, anything) if c.transition.move == "resolve"]
    assert choice.needs == ("resolution", "failure_mode")
    assert choice.blocked == ()


def test_automatic_moves_are_no_buttons() -> None:
    assert moves(Facts(State.RESOLVED)) == ["close", "reject"]
    with pytest.raises(Forbidden):
        check("ask", Facts(State.RESOLVED), FILLED, anything)
    assert (
        check("ask", Facts(State.RESOLVED), {}, lambda _action: False, automatic=True).to is State.FOLLOW_UP
    )


def test_a_closed_ticket_is_reopened_for_a_week() -> None:
    closed = NOW - timedelta(days=7)
    assert moves(Facts(State.CLOSED, closed_at=closed, now=NOW)) == ["reopen"]
    assert moves(Facts(State.CLOSED, closed_at=closed - timedelta(seconds=1), now=NOW)) == []
    assert moves(Facts(State.CLOSED)) == []


facts_of_all_kinds = st.builds(
    Facts,
    state=st.sampled_from(State),
    accepted=st.booleans(),
    steps_open=st.integers(0, 3),
    failure_modes_exist=st.booleans(),
    failure_mode=st.sampled_from(["", "BRG"]),
    resolution=st.sampled_from(["", "done"]),
    alarm_active=st.booleans(),
    closed_at=st.just(NOW),
    now=st.just(NOW + timedelta(days=1)),
)


@given(facts_of_all_kinds, st.frozensets(st.sampled_from(Action)))
def test_what_is_offered_can_be_done_and_nothing_else(facts: Facts, rights: frozenset[Action]) -> None:
    offered = {choice.transition.move: choice for choice in allowed(facts, rights.__contains__)}
    for transition in LIFECYCLE:
        choice = offered.get(transition.move)
        try:
            done = check(transition.move, facts, FILLED, rights.__contains__)
        except AppError:
            assert choice is None or choice.blocked
        else:
            assert choice is not None and not choice.blocked
            assert done.to in State
