"""Doors of people, absences, teams and shifts."""

from __future__ import annotations

from fastapi import APIRouter, Response

from core.hub.auth import SignedIn, clock
from core.services import people
from core.wire.people import (
    AbsenceView,
    AddAbsence,
    PersonView,
    SavePerson,
    SaveShift,
    SaveTeam,
    ShiftView,
    TeamView,
)

router = APIRouter(tags=["people"])


@router.get("/people")
def list_people(actor: SignedIn) -> list[PersonView]:
    """All people, with who is on shift now."""
    return people.persons(actor, now=clock())


@router.post("/people", status_code=201)
def create_person(actor: SignedIn, body: SavePerson) -> PersonView:
    """A new person, with or without a log-in."""
    return people.create_person(actor, body, now=clock())


@router.put("/people/{person_id}")
def save_person(actor: SignedIn, person_id: int, body: SavePerson) -> PersonView:
    """Change a person."""
    return people.edit_person(actor, person_id, body, now=clock())


@router.get("/absences")
def list_absences(actor: SignedIn) -> list[AbsenceView]:
    """Who is away, when and why."""
    return people.absences(actor, now=clock())


@router.post("/people/{person_id}/absences", status_code=201)
def add_absence(actor: SignedIn, person_id: int, body: AddAbsence) -> AbsenceView:
    """Days on which a person gets no tickets."""
    return people.add_absence(actor, person_id, body, now=clock())


@router.delete("/absences/{absence_id}", status_code=204)
def remove_absence(actor: SignedIn, absence_id: int) -> Response:
    """Take an absence back."""
    people.remove_absence(actor, absence_id, now=clock())
    return Response(status_code=204)


@router.get("/teams")
def list_teams(actor: SignedIn) -> list[TeamView]:
    """All teams with their members."""
    return people.teams(actor)


@router.post("/teams", status_code=201)
def create_team(actor: SignedIn, body: SaveTeam) -> TeamView:
    """A new team."""
    return people.save_team(actor, body, now=clock())


@router.put("/teams/{team_id}")
def save_team(actor: SignedIn, team_id: int, body: SaveTeam) -> TeamView:
    """Change a team."""
    return people.save_team(actor, body, team_id, now=clock())


@router.get("/shifts")
def list_shifts(actor: SignedIn) -> list[ShiftView]:
    """All shifts with their members."""
    return people.shifts(actor)


@router.post("/shifts", status_code=201)
def create_shift(actor: SignedIn, body: SaveShift) -> ShiftView:
    """A new weekly shift."""
    return people.save_shift(actor, body, now=clock())


@router.put("/shifts/{shift_id}")
def save_shift(actor: SignedIn, shift_id: int, body: SaveShift) -> ShiftView:
    """Change a shift."""
    return people.save_shift(actor, body, shift_id, now=clock())
