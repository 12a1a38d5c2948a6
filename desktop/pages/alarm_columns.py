"""The columns of alarms, and how an alarm is kept quiet in words: shelved, suppressed, out of service, chattering."""

from __future__ import annotations

from datetime import datetime

from core.i18n import _, label
from core.wire.tickets import AlarmView
from desktop import times
from desktop.journal_words import number_words
from desktop.lists import listed
from desktop.table_model import Column

_RANK = {"critical": 0, "major": 1, "minor": 2, "info": 3}
_COLOURS = {"critical": "bad", "major": "bad", "minor": "warn", "info": "info"}
_ICONS = {
    "critical": "alert-octagon",
    "major": "alert",
    "minor": "alert-outline",
    "info": "information-outline",
}


def severity_colour(alarm: AlarmView) -> str:
    """The colour of an alarm: of its severity while active, quiet after."""
    return _COLOURS.get(alarm.severity, "info") if alarm.active else "muted"


SERVICE_ICONS = {
    "shelved": "bell-sleep-outline",
    "suppressed": "bell-off-outline",
    "out_of_service": "bell-cancel-outline",
    "chatter": "vibrate",
}


def chatters(alarm: AlarmView) -> bool:
    """Whether it is quiet because it came and went too often."""
    return alarm.service == "shelved" and alarm.service_why == "chatter"


def service_colour(alarm: AlarmView) -> str:
    """What keeps an alarm quiet is worth a look; chatter is worth a mending."""
    if chatters(alarm):
        return "bad"
    return "" if alarm.service == "in_service" else "warn"


def service_words(alarm: AlarmView, now: datetime | None = None) -> str:
    """Why an alarm is quiet and how long still, short; nothing while it is in service."""
    if alarm.service == "in_service":
        return ""
    words = _("Chattering") if chatters(alarm) else label(f"alarm.service.{alarm.service}")
    if alarm.service_until is not None:
        left_s = (alarm.service_until - (now or times.utc_now())).total_seconds()
        words += " · " + (_("{span} left").format(span=times.span(left_s)) if left_s > 0 else _("ends now"))
    return words


def service_facts(alarm: AlarmView) -> str:
    """Who keeps an alarm quiet, until when and why."""
    if alarm.service == "in_service":
        return ""
    facts = [label(f"alarm.service.{alarm.service}")]
    if alarm.service_why and alarm.service_why != "operator":
        facts.append(label(f"alarm.why.{alarm.service_why}"))
    if alarm.service_by:
        facts.append(_("by {name}").format(name=alarm.service_by))
    if alarm.service_until is not None:
        facts.append(_("until {at}").format(at=times.moment(alarm.service_until)))
    if alarm.service_reason:
        facts.append(_("because: {reason}").format(reason=alarm.service_reason))
    return listed(facts)


def value_words(value: float | bool | str | None, unit: str) -> str:
    """A measured value with its unit."""
    return f"{number_words(value)} {unit}".strip() if value is not None else ""


def alarm_columns() -> list[Column[AlarmView]]:
    """All columns, in the current language."""

    def quiet(alarm: AlarmView) -> str:
        return "" if alarm.active else "muted"

    def lasting(alarm: AlarmView) -> str:
        if alarm.raised_at is None:
            return ""
        end = times.utc_now() if alarm.active or alarm.cleared_at is None else alarm.cleared_at
        return times.span((end - alarm.raised_at).total_seconds())

    return [
        Column(
            "severity",
            _("Severity"),
            lambda a: label(f"severity.{a.severity}"),
            sort=lambda a: (not a.active, _RANK.get(a.severity, 9)),
            icon=lambda a: _ICONS.get(a.severity, "alert-outline"),
            icon_colour=severity_colour,
            colour=severity_colour,
            bold=lambda a: a.active and a.severity == "critical",
            width=88,
        ),
        Column(
            "title",
            _("Alarm"),
            lambda a: a.title + (f"  (+{a.children_count})" if a.children_count else ""),
            colour=quiet,
            tip=lambda a: a.title,
            width=225,
            stretch=True,
        ),
        Column(
            "asset",
            _("Asset"),
            lambda a: f"{a.asset.number} {a.asset.name}".strip() if a.asset else a.asset_number,
            colour=quiet,
            width=168,
        ),
        Column(
            "value",
            _("Value"),
            lambda a: value_words(a.value, a.unit),
            align="right",
            colour=severity_colour,
            width=84,
        ),
        Column(
            "limit", _("Limit"), lambda a: value_words(a.limit, a.unit), align="right", colour=quiet, width=74
        ),
        Column(
            "state",
            _("State"),
            lambda a: label(f"alarm.state.{a.state}"),
            colour=lambda a: "bad" if a.state == "unack" else quiet(a),
            tip=lambda a: label(f"alarm.state.{a.state}"),
            width=124,
        ),
        Column(
            "service",
            _("Service"),
            service_words,
            sort=lambda a: (a.service == "in_service", a.service, a.service_until is None, a.service_until),
            icon=lambda a: SERVICE_ICONS.get("chatter" if chatters(a) else a.service, ""),
            icon_colour=service_colour,
            colour=service_colour,
            tip=service_facts,
            width=184,
        ),
        Column(
            "raised_at",
            _("Raised"),
            lambda a: times.moment(a.raised_at),
            sort=lambda a: a.raised_at,
            colour=quiet,
            tip=lambda a: times.exact(a.raised_at),
            width=96,
        ),
        Column("lasting", _("Lasting"), lasting, colour=quiet, width=86, gives_way=2),
        Column(
            "count",
            _("Count"),
            lambda a: str(a.count),
            lambda a: a.count,
            "right",
            colour=quiet,
            width=56,
            gives_way=3,
        ),
        Column(
            "acked",
            _("Acknowledged"),
            lambda a: f"{a.acked_by} {times.moment(a.acked_at)}".strip() if a.acked_at else "",
            colour=quiet,
            width=120,
            gives_way=1,
        ),
        Column(
            "edge", _("Edge"), lambda a: a.edge.name if a.edge else "", colour=quiet, width=96, hidden=True
        ),
        Column("ticket", _("Ticket"), lambda a: a.ticket.number if a.ticket else "", colour=quiet, width=116),
    ]
