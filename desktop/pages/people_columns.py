"""The columns of the tables of people, teams, shifts and absences, as data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from core.i18n import _, label
from core.wire.people import AbsenceView, PersonView, ShiftView, TeamView
from desktop.lists import listed
from desktop.pages.people_week import clock
from desktop.table_model import Column


def person_columns() -> Sequence[Column[PersonView]]:
    """Everyone, with what they do and whether they are here."""
    return (
        Column(
            "name",
            _("Name"),
            lambda p: p.name,
            width=140,
            icon=lambda p: "account-check" if p.on_shift else "account-outline",
            icon_colour=lambda p: "good" if p.on_shift else "faint",
            colour=lambda p: "" if p.active else "faint",
        ),
        Column("roles", _("Roles"), lambda p: listed(label(f"role.{role}") for role in p.roles), width=190),
        Column("teams", _("Teams"), lambda p: listed(team.name for team in p.teams), width=130),
        Column("shifts", _("Shifts"), lambda p: listed(shift.name for shift in p.shifts), width=120),
        Column(
            "on_shift",
            _("Now"),
            lambda p: _("on shift") if p.on_shift else "–",
            lambda p: not p.on_shift,
            colour=lambda p: "good" if p.on_shift else "muted",
            width=80,
        ),
        Column(
            "open",
            _("Open tickets"),
            lambda p: str(p.open_tickets or "–"),
            lambda p: p.open_tickets,
            "right",
            width=90,
        ),
        Column("skills", _("Skills"), lambda p: listed(p.skills), width=150, stretch=True),
        Column("login", _("Login"), lambda p: p.login or "–", width=100, gives_way=1),
        Column("phone", _("Phone"), lambda p: p.phone, width=120),
        Column("email", _("E-mail"), lambda p: p.email, width=160, hidden=True),
    )


def team_columns() -> Sequence[Column[TeamView]]:
    """Teams with their members."""
    return (
        Column(
            "name",
            label("word.name"),
            lambda t: t.name,
            width=150,
            colour=lambda t: "" if t.active else "faint",
        ),
        Column(
            "count", _("People"), lambda t: str(len(t.members)), lambda t: len(t.members), "right", width=60
        ),
        Column("members", _("Members"), lambda t: listed(member.name for member in t.members), width=260),
    )


def shift_columns() -> Sequence[Column[ShiftView]]:
    """Shifts as weekly patterns."""
    return (
        Column(
            "name",
            label("word.name"),
            lambda s: s.name,
            width=120,
            colour=lambda s: "" if s.active else "faint",
        ),
        Column("days", _("Days"), lambda s: days_words(s.weekdays), width=130),
        Column("from", _("From"), lambda s: clock(s.start_min), lambda s: s.start_min, width=60),
        Column("until", _("Until"), lambda s: clock(s.end_min), lambda s: s.end_min, width=60),
        Column(
            "members",
            _("Members"),
            lambda s: listed(member.name for member in s.members),
            width=200,
            stretch=True,
        ),
    )


def days_words(weekdays: list[int]) -> str:
    """`Mon – Fri`, or the days one by one."""
    days = sorted(weekdays)
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        return f"{label(f'weekday.{days[0]}')} – {label(f'weekday.{days[-1]}')}"
    return " ".join(label(f"weekday.{day}") for day in days)


def absence_columns(today: date) -> Sequence[Column[AbsenceView]]:
    """Absences; those of today stand out."""

    def colour(absence: AbsenceView) -> str:
        if absence.from_on <= today <= absence.to_on:
            return "warn"
        return "muted" if absence.to_on < today else ""

    return (
        Column("person", _("Person"), lambda a: a.person.name, colour=colour, width=110),
        Column(
            "from",
            _("First day"),
            lambda a: f"{a.from_on:%Y-%m-%d}",
            lambda a: a.from_on,
            colour=colour,
            width=95,
        ),
        Column(
            "to", _("Last day"), lambda a: f"{a.to_on:%Y-%m-%d}", lambda a: a.to_on, colour=colour, width=95
        ),
        Column("reason", _("Reason"), lambda a: a.reason, colour=colour, width=160),
    )
