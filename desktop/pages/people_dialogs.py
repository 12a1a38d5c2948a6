"""Dialogs of the people page: a person, a team, a shift, an absence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QTime
from PySide6.QtWidgets import QTimeEdit, QWidget

from core.domain.people import Role
from core.i18n import _, label
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
from desktop.widgets.basics import chip, row
from desktop.widgets.form import FormDialog, request
from desktop.widgets.inputs import Choice, DayEdit, MoneyEdit, choice, line, lines, many, tick
from desktop.widgets.page import Page


def role_words(role: Role) -> str:
    """A role with what it is for."""
    why = {
        Role.REPORTER: _("reports faults and follows their own tickets"),
        Role.AGENT: _("takes down reports and asks afterwards"),
        Role.DISPATCHER: _("assigns tickets, closes them, prints labels"),
        Role.TECHNICIAN: _("works on the tickets assigned to them"),
        Role.STOREKEEPER: _("keeps spare parts: receipts, issues, counts"),
        Role.SUPERVISOR: _("everything but the settings of the hub"),
        Role.VENDOR: _("outside engineer: own tickets only, no costs"),
        Role.ADMIN: _("everything"),
    }[role]
    return f"{label(f'role.{role.value}')} – {why}"


class ClockEdit(QTimeEdit):
    """A time of day, in minutes from midnight."""

    def __init__(self, minute: int) -> None:
        super().__init__()
        self.setDisplayFormat("HH:mm")
        self.lineEdit().setTextMargins(4, 0, 4, 0)
        self.setTime(QTime(minute // 60 % 24, minute % 60))

    def field_value(self) -> int:
        """Minutes from midnight."""
        return self.time().hour() * 60 + self.time().minute()


class WeekdayChips(QWidget):
    """The days of the week as buttons that are on or off."""

    def __init__(self, weekdays: Sequence[int]) -> None:
        super().__init__()
        self.chips = [chip(label(f"weekday.{day}"), lambda _on: None, day in weekdays) for day in range(7)]
        self.setLayout(row(*self.chips, None, spacing=4))
        self.setFocusProxy(self.chips[0])

    def field_value(self) -> list[int]:
        """The days that are on, 0 for Monday."""
        return [day for day, one in enumerate(self.chips) if one.isChecked()]


def person_dialog(
    page: Page, person: PersonView | None, teams: list[TeamView], shifts: list[ShiftView]
) -> FormDialog:
    """A new person, or a change of one."""

    def save(values: dict[str, Any]) -> PersonView:
        values["login"] = values["login"] or None
        if not values["password"]:
            del values["password"]
        values["skills"] = _words(values["skills"])
        values["notify_urls"] = [url.strip() for url in values["notify_urls"].splitlines() if url.strip()]
        values["hourly_cost_minor"] = values["hourly_cost_minor"] or 0
        if person is None:
            return page.hub.create_person(request(SavePerson, values))
        return page.hub.save_person(person.id, request(SavePerson, values | {"version": person.version}))

    dialog = FormDialog(page, _("New person") if person is None else _("Edit person"), save, width=640)
    me = page.shell.me
    dialog.add("name", _("Name"), line(person.name if person else "", limit=100))
    dialog.add(
        "login",
        _("Login"),
        line((person.login or "") if person else "", _("lower-case letters and digits"), limit=64),
        _("Empty: this person cannot log in, but can be assigned and gets notices."),
    )
    dialog.add(
        "password",
        _("New password"),
        line("", _("at least 12 characters"), secret=True, limit=128),
        "" if person is None else _("Empty: the password stays as it is."),
    )
    roles = [(role, role_words(role)) for role in Role]
    dialog.add("roles", _("Roles"), many(roles, person.roles if person else [Role.TECHNICIAN], rows=8))
    team_choices: list[Choice] = [(team.id, team.name) for team in teams if team.active]
    shift_choices: list[Choice] = [(shift.id, shift.name) for shift in shifts if shift.active]
    if team_choices:
        held = [team.id for team in person.teams] if person else []
        dialog.add("team_ids", _("Teams"), many(team_choices, held, rows=min(5, len(team_choices))))
    if shift_choices:
        held = [shift.id for shift in person.shifts] if person else []
        dialog.add("shift_ids", _("Shifts"), many(shift_choices, held, rows=min(5, len(shift_choices))))
    dialog.add(
        "skills",
        _("Skills"),
        line(", ".join(person.skills) if person else "", _("such as electrics, hydraulics")),
    )
    dialog.add("phone", _("Phone"), line(person.phone if person else "", limit=40))
    dialog.add("email", _("E-mail"), line(person.email if person else "", limit=200))
    dialog.add(
        "notify_urls",
        _("Notice addresses"),
        lines("\n".join(person.notify_urls) if person else "", 3, "wecombot://… dingtalk://… mailto://…"),
        _("One a line, as apprise writes them: WeCom, DingTalk, Feishu, mail, SMS and many more."),
    )
    languages: list[Choice] = [(code, label(f"language.{code}")) for code in ("zh_CN", "en")]
    dialog.add("language", _("Language"), choice(languages, person.language if person else me.language))
    cost = MoneyEdit(person.hourly_cost_minor if person else 0, me.currency)
    dialog.add("hourly_cost_minor", _("Cost per hour"), cost)
    dialog.add("active", "", tick(_("Active"), person.active if person else True))
    return dialog


def team_dialog(page: Page, team: TeamView | None, people: list[PersonView]) -> FormDialog:
    """A new team, or a change of one."""

    def save(values: dict[str, Any]) -> TeamView:
        if team is None:
            return page.hub.create_team(request(SaveTeam, values))
        return page.hub.save_team(team.id, request(SaveTeam, values | {"version": team.version}))

    dialog = FormDialog(page, _("New team") if team is None else _("Edit team"), save, width=460)
    dialog.add("name", label("word.name"), line(team.name if team else "", limit=100))
    _members(dialog, [member.id for member in team.members] if team else [], people)
    dialog.add("active", "", tick(_("In use"), team.active if team else True))
    return dialog


def shift_dialog(page: Page, shift: ShiftView | None, people: list[PersonView]) -> FormDialog:
    """A new shift, or a change of one."""

    def save(values: dict[str, Any]) -> ShiftView:
        if shift is None:
            return page.hub.create_shift(request(SaveShift, values))
        return page.hub.save_shift(shift.id, request(SaveShift, values | {"version": shift.version}))

    dialog = FormDialog(page, _("New shift") if shift is None else _("Edit shift"), save, width=700)
    dialog.add(
        "name", label("word.name"), line(shift.name if shift else "", _("such as Early shift"), limit=100)
    )
    dialog.add("weekdays", _("Days"), WeekdayChips(shift.weekdays if shift else range(5)))
    dialog.add("start_min", _("From"), ClockEdit(shift.start_min if shift else 8 * 60))
    dialog.add(
        "end_min",
        _("Until"),
        ClockEdit(shift.end_min if shift else 16 * 60),
        _("A time before the start is that of the next day."),
    )
    _members(dialog, [member.id for member in shift.members] if shift else [], people)
    dialog.add("active", "", tick(_("In use"), shift.active if shift else True))
    return dialog


def absence_dialog(page: Page, people: list[PersonView], chosen: int | None) -> FormDialog:
    """A person is away for some days."""

    def save(values: dict[str, Any]) -> AbsenceView:
        person_id = values.pop("person")
        return page.hub.add_absence(person_id, request(AddAbsence, values))

    dialog = FormDialog(page, _("New absence"), save, width=440)
    dialog.form.add_text(_("Nobody who is away gets new tickets."))
    options: list[Choice] = [(person.id, person.name) for person in people if person.active]
    dialog.add("person", _("Person"), choice(options, chosen))
    dialog.add("from_on", _("First day"), DayEdit(None, optional=False))
    dialog.add("to_on", _("Last day"), DayEdit(None, optional=False))
    dialog.add("reason", _("Reason"), line("", _("such as holiday, training"), limit=200))
    return dialog


def _members(dialog: FormDialog, held: list[int], people: list[PersonView]) -> None:
    options: list[Choice] = [
        (person.id, person.name) for person in people if person.active or person.id in held
    ]
    dialog.add("member_ids", _("Members"), many(options, held, rows=min(10, max(3, len(options)))))


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.replace("，", ",").replace("、", ",").split(",") if word.strip()]
