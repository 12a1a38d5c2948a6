"""Which service level a ticket has, on whose working time, and what is due when; calendars and policies people set.

An edit of either moves what is due on all open tickets in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from core.domain import sla, workflow
from core.domain.calendars import ALWAYS, Calendar, Hours, Pause
from core.domain.people import Action, Actor, require
from core.domain.sla import Level, Policy, Target
from core.errors import AppError, Conflict
from core.services import holidays_of, journal, places, rows, settings
from core.services.kept import Kept
from core.storage import db
from core.storage.tables import CalendarRow, LocationRow, SlaPauseRow, SlaPolicyRow, TicketRow
from core.wire.sla import CalendarDay, CalendarView, PolicyView, SaveCalendar, SavePolicy

_TRUST_S = 5.0  # how long another hub process may go by policies that were just changed
_YEARS_BACK, _YEARS_AHEAD = 1, 2

# ---------------------------------------------------------------- which and when


def of(type_: str, priority: int, asset: Any, among: list[Policy] | None = None) -> Policy | None:
    """The policy (of those in use, or `among` others) of a ticket like this; None: the targets by priority."""
    policies = _kept.get() if among is None else among
    if not policies:
        return None
    category = asset.category if asset is not None else ""
    return sla.chosen(policies, type_, priority, category, asset.location_id if asset is not None else None)


def by_id(policy_id: int | None) -> Policy | None:
    """A policy in use."""
    return next((policy for policy in _kept.get() if policy.id == policy_id), None)


def in_use() -> dict[int, Policy]:
    """All active policies by id."""
    return {policy.id: policy for policy in _kept.get()}


def set_due(row: Any, among: list[Policy] | None = None) -> None:
    """Reckon anew what is due: the ticket was reopened, ranked otherwise, or its policy has changed. Not saved."""
    asset = row.asset if row.asset_id is not None else None
    policy = of(row.type, row.priority, asset, among)
    row.sla_policy_id = None if policy is None else policy.id
    found = sla.due(policy, row.priority, row.sla_from_at or row.reported_at, _pauses(row.id))
    if row.acknowledged_at is None:
        row.respond_due_at = found.respond_at
    row.warn_due_at, row.resolve_due_at = found.warn_at, found.resolve_at


def paused(row: TicketRow, reason: str, from_at: datetime, to_at: datetime) -> None:
    """A hold that stopped the clock is over: keep it, and reckon anew what is due. The row is not saved."""
    SlaPauseRow.create(ticket=row.id, reason=reason, from_at=from_at, to_at=to_at)
    set_due(row)


def _pauses(ticket_id: int) -> list[Pause]:
    return [
        Pause(row.from_at, row.to_at) for row in SlaPauseRow.select().where(SlaPauseRow.ticket == ticket_id)
    ]


@db.reading
def _load() -> list[Policy]:
    query = SlaPolicyRow.select().where(SlaPolicyRow.active).order_by(SlaPolicyRow.position, SlaPolicyRow.id)
    found = list(query)
    calendars = {row.id: _calendar(row) for row in CalendarRow.select()} if found else {}
    return [_policy(row, calendars.get(row.calendar_id, ALWAYS)) for row in found]


_kept = Kept(_load, _TRUST_S)
forget = _kept.forget


def _policy(row: Any, calendar: Calendar) -> Policy:
    return Policy(
        id=row.id,
        target=Target(timedelta(minutes=row.respond_min), timedelta(minutes=row.resolve_min)),
        calendar=calendar,
        warn_at=row.warn_percent / 100,
        match=places.match_of(row),
        levels=tuple(
            Level(timedelta(minutes=level["after_min"]), tuple(level["roles"]), tuple(level["person_ids"]))
            for level in sorted(row.levels, key=lambda level: level["after_min"])
        ),
        remind_every=timedelta(minutes=row.remind_min) if row.remind_min else None,
    )


def _calendar(row: Any) -> Calendar:
    week = tuple(tuple(Hours(a, b) for a, b in day) for day in row.week)
    exceptions: dict[date, tuple[Hours, ...]] = {}
    if row.country:
        usual = next((day for day in week if day), ())
        this_year = datetime.now(settings.zone()).year
        years = range(this_year - _YEARS_BACK, this_year + _YEARS_AHEAD + 1)
        for day in holidays_of.days(row.country, years):
            # A make-up day is worked as long as its own weekday would be, or as an ordinary day.
            exceptions[day.on] = (week[day.on.weekday()] or usual) if day.worked else ()
    exceptions |= {
        date.fromisoformat(on): tuple(Hours(a, b) for a, b in day) for on, day in row.exceptions.items()
    }
    return Calendar(settings.zone().key, week, exceptions)


def _recompute(now: datetime) -> int:
    """Reckon anew what is due on all open tickets, in the running transaction."""
    among = _load()  # as this transaction sees them; nobody else may before it is committed
    done = 0
    for row in TicketRow.select().where(TicketRow.state.in_(sorted(workflow.OPEN))):
        before = (row.respond_due_at, row.warn_due_at, row.resolve_due_at, row.sla_policy_id)
        set_due(row, among)
        if before != (row.respond_due_at, row.warn_due_at, row.resolve_due_at, row.sla_policy_id):
            row.updated_at = now
            row.save()
            done += 1
    db.after_commit(forget)
    return done


# ---------------------------------------------------------------- calendars


@db.reading
def calendars(actor: Actor) -> list[CalendarView]:
    """All calendars by name."""
    require(actor, Action.TICKET_READ)
    return [_calendar_view(row) for row in CalendarRow.select().order_by(CalendarRow.name)]


@db.transaction
def save_calendar(actor: Actor, calendar_id: int | None, new: SaveCalendar, *, now: datetime) -> CalendarView:
    """Add (id None) or change a calendar. AppError `calendar.*` names the field; Conflict `calendar.name_taken`."""
    require(actor, Action.SLA_EDIT)
    values = _calendar_values(new)
    twin = CalendarRow.get_or_none(CalendarRow.name == new.name)
    if twin is not None and twin.id != calendar_id:
        raise Conflict("calendar.name_taken", new.name, {"name": "taken"}, name=new.name)
    if calendar_id is None:
        row: Any = CalendarRow.create(**values)
        journal.write(actor, "calendar.created", "calendar", row.id, now, name=row.name)
        return _calendar_view(row)
    row = rows.lock(CalendarRow, calendar_id, "calendar", new.version)
    changed = rows.change(row, **values)
    if changed:
        moved = _recompute(now)
        journal.write(
            actor, "calendar.edited", "calendar", row.id, now, name=row.name, changed=changed, tickets=moved
        )
    return _calendar_view(row)


def _calendar_values(new: SaveCalendar) -> dict[str, Any]:
    if new.country and not holidays_of.known(new.country):
        raise AppError("calendar.unknown_country", new.country, {"country": "unknown"}, country=new.country)
    week = [_hours(day, f"week.{at}") for at, day in enumerate(new.week)]
    if not any(week):
        raise AppError("calendar.no_hours", "no working time at all", {"week": "missing"})
    exceptions = {
        on.isoformat(): _hours(day, f"exceptions.{on}") for on, day in sorted(new.exceptions.items())
    }
    return {"name": new.name, "week": week, "country": new.country, "exceptions": exceptions}


def _hours(day: Sequence[tuple[int, int]], place: str) -> list[list[int]]:
    try:
        spans = [Hours(a, b) for a, b in day]
    except ValueError as error:
        raise AppError("calendar.bad_hours", f"{place}: {error}", {place: "invalid"}) from None
    return sorted([span.from_min, span.to_min] for span in spans)


def _calendar_view(row: Any) -> CalendarView:
    return CalendarView(
        id=row.id, version=row.version, name=row.name, week=row.week, country=row.country,
        exceptions={date.fromisoformat(on): day for on, day in row.exceptions.items()},
    )  # fmt: skip


@db.reading
def days(actor: Actor, calendar_id: int, year: int) -> list[CalendarDay]:
    """The days of a year on which a calendar differs from its week, with the reason."""
    require(actor, Action.TICKET_READ)
    row = rows.get(CalendarRow, calendar_id, "calendar")
    found = {
        day.on: CalendarDay(on=day.on, worked=day.worked, name=day.name, source="holiday")
        for day in (holidays_of.days(row.country, [year]) if row.country else ())
    }
    for on, hours in row.exceptions.items():
        day = date.fromisoformat(on)
        if day.year == year:
            found[day] = CalendarDay(on=day, worked=bool(hours), name="", source="own")
    return [found[day] for day in sorted(found)]


# ---------------------------------------------------------------- policies


@db.reading
def policies(actor: Actor) -> list[PolicyView]:
    """All policies in the order in which they are looked at."""
    require(actor, Action.TICKET_READ)
    return [
        _policy_view(row) for row in SlaPolicyRow.select().order_by(SlaPolicyRow.position, SlaPolicyRow.id)
    ]


@db.transaction
def save_policy(actor: Actor, policy_id: int | None, new: SavePolicy, *, now: datetime) -> PolicyView:
    """Add (id None) or change a policy; what is due on open tickets moves with it."""
    require(actor, Action.SLA_EDIT)
    if new.resolve_min < new.respond_min:
        raise AppError("sla.resolve_before_respond", "done before answered", {"resolve_min": "out_of_range"})
    if new.calendar_id is not None:
        rows.get(CalendarRow, new.calendar_id, "calendar")
    if new.location_id is not None:
        rows.get(LocationRow, new.location_id, "location")
    values = new.model_dump(mode="json", exclude={"version"})
    if policy_id is None:
        row: Any = SlaPolicyRow.create(**values)
        verb, changed = "sla.created", {}
    else:
        row = rows.lock(SlaPolicyRow, policy_id, "sla", new.version)
        verb, changed = "sla.edited", rows.change(row, **values)
    moved = _recompute(now)
    journal.write(actor, verb, "sla", row.id, now, name=row.name, changed=changed, tickets=moved)
    return _policy_view(row)


def _policy_view(row: Any) -> PolicyView:
    named = (
        "id", "version", "name", "position", "types", "priorities", "categories", "respond_min", "resolve_min",
        "warn_percent", "levels", "remind_min", "active",
    )  # fmt: skip
    return PolicyView(
        **{name: getattr(row, name) for name in named},
        location=rows.ref(row.location),
        calendar=rows.ref(row.calendar),
    )
