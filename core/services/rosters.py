"""Who is at work at a moment, by shifts and absences; asked for every ticket that is given out by rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from core.domain import shifts as domain
from core.services import settings
from core.storage import db, queries
from core.storage.tables import AbsenceRow, PersonRow, ShiftMemberRow, ShiftRow


@db.reading
def on_shift(person_ids: Sequence[int], *, now: datetime) -> set[int]:
    """Who of these active people is at work. In a plant without any shift everybody is who is not absent."""
    local = now.astimezone(settings.zone())
    ids = [person_id for (person_id,) in _active(list(person_ids))]
    away = defaultdict(list)
    for person_id, from_on, to_on in _absences(ids, local.date() - timedelta(days=1)):
        away[person_id].append(domain.Absence(from_on, to_on))
    shifts = {row.id: row for row in _active_shifts()}
    if not shifts:
        return {person for person in ids if not domain.absent(away[person], local.date())}
    turns = defaultdict(list)
    for person_id, shift_id in _turns(ids):
        if shift_id in shifts:
            shift = shifts[shift_id]
            turns[person_id].append(domain.Shift(frozenset(shift.weekdays), shift.start_min, shift.end_min))
    return {person for person in ids if domain.on_shift(turns[person], away[person], local)}


@queries.prepared
def _active(person_ids: list[int]) -> Any:
    return PersonRow.select(PersonRow.id).where(PersonRow.id.in_(person_ids), PersonRow.active).tuples()


@queries.prepared
def _absences(person_ids: list[int], since: date) -> Any:
    query = AbsenceRow.select(AbsenceRow.person, AbsenceRow.from_on, AbsenceRow.to_on)
    return query.where(AbsenceRow.person.in_(person_ids), AbsenceRow.to_on >= since).tuples()


@queries.prepared
def _active_shifts() -> Any:
    return ShiftRow.select().where(ShiftRow.active)


@queries.prepared
def _turns(person_ids: list[int]) -> Any:
    query = ShiftMemberRow.select(ShiftMemberRow.person, ShiftMemberRow.shift)
    return query.where(ShiftMemberRow.person.in_(person_ids)).tuples()
