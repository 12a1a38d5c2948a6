"""The one policy function: denied by default, scopes, and what each role may at most."""

from __future__ import annotations

import itertools

import pytest

from core.domain.people import (
    POLICY,
    PUBLIC,
    SYSTEM,
    Action,
    Actor,
    Owned,
    Role,
    Scope,
    may,
    require,
    rights,
    scope_of,
)
from core.errors import Forbidden, Unauthenticated

MINE = Owned(frozenset({7}), frozenset({2}))
TEAMS = Owned(frozenset({8}), frozenset({1}))
OTHERS = Owned(frozenset({8}), frozenset({9}))


def person(*roles: str) -> Actor:
    return Actor("person", 7, "Li", frozenset(roles), frozenset({1}))


@pytest.mark.parametrize("actor", [PUBLIC, Actor("edge", 3), person(), person("no-such-role")])
def test_who_has_no_role_may_nothing(actor: Actor) -> None:
    assert rights(actor) == {}
    assert not any(may(actor, action, MINE) for action in Action)


def test_the_hub_itself_may_everything() -> None:
    assert all(may(SYSTEM, action, OTHERS) for action in Action)


def test_own_reaches_what_names_oneself_only() -> None:
    vendor = person(Role.VENDOR)
    assert scope_of(vendor, Action.TICKET_READ) is Scope.OWN
    assert may(vendor, Action.TICKET_READ)
    assert may(vendor, Action.TICKET_READ, MINE)
    assert not may(vendor, Action.TICKET_READ, TEAMS)
    assert not may(vendor, Action.TICKET_READ, OTHERS)


def test_team_reaches_oneself_and_the_teams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POLICY, Role.AGENT, {Action.COST_READ: Scope.TEAM})
    agent = person(Role.AGENT)
    assert [may(agent, Action.COST_READ, thing) for thing in (MINE, TEAMS, OTHERS)] == [True, True, False]


def test_the_widest_of_several_roles_counts() -> None:
    both = person(Role.VENDOR, Role.STOREKEEPER)
    assert rights(both)["ticket.read"] == "all"
    assert rights(both)["ticket.work"] == "own"


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        (Role.VENDOR, {Action.COST_READ, Action.ASSET_READ, Action.JOURNAL_READ, Action.PEOPLE_READ}),
        (Role.REPORTER, {Action.TICKET_ASSIGN, Action.COST_READ, Action.PART_READ, Action.JOURNAL_READ}),
        (Role.TECHNICIAN, {Action.TICKET_OVERRIDE, Action.PEOPLE_EDIT, Action.FLEET_EDIT, Action.STOCK_MOVE}),
        (Role.SUPERVISOR, {Action.SETTINGS_EDIT}),
    ],
)
def test_what_a_role_must_never_do(role: Role, actions: set[Action]) -> None:
    assert [action for action in actions if may(person(role), action)] == []


def test_require_tells_a_stranger_to_log_in_and_others_what_they_lack() -> None:
    require(person(Role.ADMIN), Action.SETTINGS_EDIT)
    with pytest.raises(Unauthenticated):
        require(PUBLIC, Action.TICKET_READ)
    with pytest.raises(Forbidden) as caught:
        require(person(Role.VENDOR), Action.TICKET_READ, OTHERS)
    assert caught.value.params == {"action": "ticket.read"}


@pytest.mark.parametrize(("role", "action"), itertools.product(Role, Action))
def test_a_thing_of_others_is_reached_only_by_all(role: Role, action: Action) -> None:
    assert may(person(role), action, OTHERS) == (scope_of(person(role), action) is Scope.ALL)


def test_actors_are_named_for_the_journal() -> None:
    assert [actor.ref for actor in (person(), SYSTEM, PUBLIC, Actor("edge", 2))] == [
        "person:7",
        "system",
        "public",
        "edge:2",
    ]


def test_a_program_may_what_its_key_was_given_and_is_nobodys_person() -> None:
    program = Actor("token", name="ERP", actions=frozenset({Action.TICKET_READ}), token_id=7)
    assert rights(program) == {"ticket.read": "all"}
    assert program.ref == "token:7" and program.id is None
