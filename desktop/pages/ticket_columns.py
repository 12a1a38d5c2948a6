"""The columns of ticket tables, as data: words, colours and icons of a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from core.i18n import _, label
from core.wire.tickets import TicketRowView
from desktop import times
from desktop.table_model import Column

OPEN = frozenset({"new", "assigned", "in_progress", "on_hold"})
PAUSING = frozenset({"waiting_parts", "waiting_stop", "waiting_reporter"})
SORTABLE = ("number", "priority", "reported_at", "resolve_due_at", "state", "title", "asset", "assignee")
DUE_COLUMN = "resolve_due_at"

_STATE_COLOURS = {
    "new": "accent",
    "assigned": "info",
    "in_progress": "good",
    "on_hold": "warn",
    "resolved": "good",
    "follow_up": "info",
    "closed": "muted",
    "cancelled": "faint",
    "merged": "faint",
}
_STATE_ICONS = {
    "new": "inbox-arrow-down-outline",
    "assigned": "account-arrow-right-outline",
    "in_progress": "progress-wrench",
    "on_hold": "pause-circle-outline",
    "resolved": "check-circle-outline",
    "follow_up": "comment-question-outline",
    "closed": "archive-check-outline",
    "cancelled": "cancel",
    "merged": "call-merge",
}
_TYPE_ICONS = {
    "fault": "alert-octagon-outline",
    "request": "hand-extended-outline",
    "inspection": "clipboard-search-outline",
    "maintenance": "calendar-check-outline",
    "complaint": "emoticon-sad-outline",
    "improvement": "lightbulb-on-outline",
}


def state_colour(state: str) -> str:
    """The colour of a state."""
    return _STATE_COLOURS.get(state, "muted")


def state_icon(state: str) -> str:
    """The icon of a state."""
    return _STATE_ICONS.get(state, "circle-outline")


def state_words(row: TicketRowView) -> str:
    """The state, with what a held ticket waits for."""
    words = label(f"ticket.state.{row.state}")
    return f"{words} · {label(f'ticket.hold.{row.hold_reason}')}" if row.hold_reason else words


def clock_runs(row: TicketRowView) -> bool:
    """Whether the resolve clock of a ticket is running."""
    return row.state in OPEN and not (row.state == "on_hold" and row.hold_reason in PAUSING)


def is_overdue(row: TicketRowView, now: datetime) -> bool:
    """Open, past its resolve time, its clock running."""
    return row.resolve_due_at is not None and clock_runs(row) and row.resolve_due_at < now


def is_warned(row: TicketRowView, now: datetime) -> bool:
    """Three quarters of the time are over."""
    if row.resolve_due_at is None or not clock_runs(row):
        return False
    whole = (row.resolve_due_at - row.reported_at).total_seconds()
    return (row.resolve_due_at - now).total_seconds() < whole / 4


def due_words(row: TicketRowView, now: datetime) -> str:
    """What is left of the resolve time; counts down while shown."""
    if row.resolve_due_at is None or row.state not in OPEN:
        return ""
    if not clock_runs(row):
        return _("paused")
    return times.due(row.resolve_due_at, now)


def _due_colour(row: TicketRowView) -> str:
    now = times.utc_now()
    if is_overdue(row, now):
        return "bad"
    return "warn" if is_warned(row, now) else "muted"


def _row_background(row: TicketRowView) -> str:
    return "bad_soft" if is_overdue(row, times.utc_now()) else ""


def _text_colour(row: TicketRowView) -> str:
    return "" if row.state in OPEN else "muted"


def _priority_colour(row: TicketRowView) -> str:
    if row.state not in OPEN:
        return "muted"
    return {1: "bad", 2: "warn"}.get(row.priority, "muted")


def _title_icon(row: TicketRowView) -> str:
    return "bell-ring" if row.alarm_active else _TYPE_ICONS.get(row.type, "clipboard-outline")


def _title_words(row: TicketRowView) -> str:
    return f"{row.title}  ×{row.occurrences}" if row.occurrences > 1 else row.title


def _asset_words(row: TicketRowView) -> str:
    return f"{row.asset.number} {row.asset.name}".strip() if row.asset else ""


def ticket_columns() -> list[Column[TicketRowView]]:
    """All of them, in the current language."""
    made: list[Column[TicketRowView]] = [
        Column("number", _("Number"), lambda r: r.number, width=116, colour=_text_colour),
        Column(
            "priority",
            _("Priority"),
            lambda r: label(f"ticket.priority.{r.priority}"),
            sort=lambda r: r.priority,
            colour=_priority_colour,
            bold=lambda r: r.priority == 1 and r.state in OPEN,
            width=62,
        ),
        Column(
            "title",
            _("Title"),
            _title_words,
            icon=_title_icon,
            icon_colour=lambda r: "bad" if r.alarm_active else "muted",
            colour=_text_colour,
            tip=lambda r: r.title,
            width=300,
            stretch=True,
        ),
        Column(
            "state",
            _("State"),
            state_words,
            icon=lambda r: state_icon(r.state),
            icon_colour=lambda r: state_colour(r.state),
            colour=lambda r: state_colour(r.state),
            width=136,
        ),
        Column(
            "asset",
            _("Asset"),
            _asset_words,
            colour=_text_colour,
            width=190,
            tip=lambda r: r.location_path,
            gives_way=3,
        ),
        Column(
            "assignee",
            _("Assignee"),
            lambda r: r.assignee.name if r.assignee else "–",
            colour=_text_colour,
            width=84,
            gives_way=4,
        ),
        Column(
            "team",
            _("Team"),
            lambda r: r.team.name if r.team else "",
            colour=_text_colour,
            width=84,
            hidden=True,
        ),
        Column(
            "resolve_due_at",
            _("Due"),
            lambda r: due_words(r, times.utc_now()),
            sort=lambda r: r.resolve_due_at,
            colour=_due_colour,
            tip=lambda r: times.exact(r.resolve_due_at),
            width=118,
        ),
        Column(
            "reported_at",
            _("Reported"),
            lambda r: times.moment(r.reported_at),
            sort=lambda r: r.reported_at,
            colour=_text_colour,
            tip=lambda r: times.exact(r.reported_at),
            width=96,
            gives_way=2,
        ),
        Column(
            "type",
            _("Type"),
            lambda r: label(f"ticket.type.{r.type}"),
            colour=_text_colour,
            width=84,
            hidden=True,
        ),
        Column(
            "source",
            _("Source"),
            lambda r: label(f"ticket.source.{r.source}"),
            colour=_text_colour,
            width=70,
            gives_way=1,
        ),
        Column(
            "reporter", _("Reporter"), lambda r: r.reporter_name, colour=_text_colour, width=84, hidden=True
        ),
        Column(
            "location", _("Location"), lambda r: r.location_path, colour=_text_colour, width=160, hidden=True
        ),
        Column(
            "updated_at",
            _("Updated"),
            lambda r: times.moment(r.updated_at),
            sort=lambda r: r.updated_at,
            colour=_text_colour,
            width=96,
            hidden=True,
        ),
    ]
    return [_with_background(column) for column in made]


def _with_background(column: Column[TicketRowView]) -> Column[TicketRowView]:
    return replace(column, background=_row_background)
