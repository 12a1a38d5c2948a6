"""A row of the journal as a sentence for people: what was done, and the facts that matter. Knows no screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from core.i18n import _, label
from desktop import times
from desktop.lists import listed

_ICONS = {
    "ticket.created": ("plus-circle-outline", "accent"),
    "ticket.assigned": ("account-arrow-right-outline", "info"),
    "ticket.accepted": ("account-check-outline", "good"),
    "ticket.started": ("play-circle-outline", "good"),
    "ticket.held": ("pause-circle-outline", "warn"),
    "ticket.resumed": ("play-circle-outline", "good"),
    "ticket.resolved": ("check-circle-outline", "good"),
    "ticket.follow_up": ("comment-question-outline", "info"),
    "ticket.closed": ("archive-check-outline", "muted"),
    "ticket.reopened": ("restore", "warn"),
    "ticket.declined": ("account-cancel-outline", "warn"),
    "ticket.cancelled": ("cancel", "muted"),
    "ticket.noted": ("comment-text-outline", "muted"),
    "ticket.step_answered": ("checkbox-marked-outline", "muted"),
    "ticket.labour_added": ("timer-outline", "muted"),
    "ticket.occurrence": ("bell-ring-outline", "bad"),
    "ticket.alarm_cleared": ("bell-check-outline", "good"),
    "ticket.chart_added": ("chart-line", "muted"),
    "ticket.file_added": ("paperclip", "muted"),
    "ticket.rated": ("star-outline", "warn"),
    "ticket.urged": ("bullhorn-outline", "bad"),
    "ticket.sla_warned": ("clock-alert-outline", "warn"),
    "ticket.sla_breached": ("clock-remove-outline", "bad"),
    "ticket.cost_frozen": ("cash-check", "muted"),
    "alarm.raised": ("bell-ring-outline", "bad"),
    "alarm.cleared": ("bell-check-outline", "good"),
    "alarm.acked": ("bell-cog-outline", "info"),
    "alarm.shelved": ("bell-sleep-outline", "warn"),
    "alarm.unshelved": ("bell-ring-outline", "muted"),
    "alarm.suppressed": ("bell-off-outline", "muted"),
    "alarm.out_of_service": ("bell-cancel-outline", "warn"),
    "alarm.in_service": ("bell-ring-outline", "muted"),
    "alarm.reminded": ("bell-alert-outline", "bad"),
    "alarm.reset": ("restart", "info"),
    "ticket.alarm_scope": ("lan-disconnect", "bad"),
    "point.written": ("pencil-lock-outline", "warn"),
    "point.write_failed": ("pencil-lock-outline", "bad"),
    "edge.probed": ("radar", "muted"),
    "edge.offline": ("lan-disconnect", "bad"),
    "edge.online": ("lan-check", "good"),
}
_FAMILY_ICONS = {
    "ticket": "clipboard-text-outline",
    "alarm": "bell-outline",
    "asset": "robot-industrial-outline",
    "location": "map-marker-outline",
    "plan": "calendar-sync-outline",
    "part": "package-variant-closed",
    "stock": "package-variant-closed",
    "purchase": "cart-outline",
    "person": "account-outline",
    "team": "account-group-outline",
    "shift": "calendar-clock-outline",
    "absence": "calendar-remove-outline",
    "edge": "lan-connect",
    "device": "chip",
    "point": "map-marker-radius-outline",
    "rule": "bell-cog-outline",
    "label": "qrcode",
    "session": "login",
    "hub": "server-network",
}
_FIELD_NAMES: dict[str, Callable[[], str]] = {
    "title": lambda: _("Title"),
    "description": lambda: _("Description"),
    "type": lambda: _("Type"),
    "asset_id": lambda: _("Asset"),
    "priority": lambda: _("Priority"),
    "priority_reason": lambda: _("Reason of the priority"),
    "failure_mode": lambda: label("failure.kind.mode"),
    "failure_cause": lambda: label("failure.kind.cause"),
    "failure_remedy": lambda: label("failure.kind.remedy"),
    "resolution": lambda: _("Resolution"),
    "other_cost_minor": lambda: _("Other costs"),
    "reporter_name": lambda: _("Reporter"),
    "reporter_contact": lambda: _("Contact"),
    "verified": lambda: _("Checked"),
    "name": lambda: label("word.name"),
}


def icon_of(verb: str) -> tuple[str, str]:
    """Icon and colour of a verb."""
    return _ICONS.get(verb, (_FAMILY_ICONS.get(verb.split(".")[0], "circle-small"), "muted"))


def verb_words(verb: str) -> str:
    """What was done, in a word or two."""
    words = label(f"verb.{verb}")
    return words if words != f"verb.{verb}" else verb


def details(verb: str, data: Mapping[str, Any]) -> str:
    """The facts of a row in words, without what it was about; may be empty."""
    reader = _DETAILS.get(verb)
    words = reader(data) if reader is not None else _general(data)
    return words.strip(" ·")


def subject(data: Mapping[str, Any]) -> str:
    """What a row is about: number and name, for lists of all kinds of rows."""
    name = (
        data.get("title")
        or data.get("ticket")
        or data.get("name")
        or data.get("plant")
        or data.get("login")
        or ""
    )
    return f"{data.get('number') or ''} {name}".strip()


def number_words(value: Any) -> str:
    """A number as short as possible, a truth as a word."""
    if isinstance(value, bool):
        return _("on") if value else _("off")
    if isinstance(value, int | float):
        return f"{value:.6g}"
    return str(value if value is not None else "–")


def _quantity(data: Mapping[str, Any]) -> str:
    try:
        amount = f"{Decimal(str(data.get('qty', ''))).normalize():f}"
    except InvalidOperation:
        amount = str(data.get("qty", ""))
    unit = str(data.get("unit", ""))
    shown = label(f"unit.{unit}")
    return f"{data.get('part', '')} × {amount} {unit if shown == f'unit.{unit}' else shown}".strip()


def _joined(*parts: Any) -> str:
    return " · ".join(str(part) for part in parts if part not in (None, "", "–"))


def _created(data: Mapping[str, Any]) -> str:
    source = label(f"ticket.source.{data.get('source', '')}") if data.get("source") else ""
    return _joined(source, data.get("reporter"), data.get("asset"))


def _assigned(data: Mapping[str, Any]) -> str:
    if data.get("waiting"):
        code = f"dispatch.{data['waiting']}"
        why = label(code)
        return _joined(data.get("team"), why if why != code else _("waits for somebody to take it"))
    by = {"rule": _("by rule"), "hand": _("by hand")}.get(str(data.get("by", "")), "")
    return _joined(f"→ {data.get('assignee') or data.get('team') or ''}", by, data.get("reason"))


def _moved(data: Mapping[str, Any]) -> str:
    hold = label(f"ticket.hold.{data['hold_reason']}") if data.get("hold_reason") else ""
    passed = _("conditions passed over") if data.get("override") else ""
    return _joined(hold, data.get("reason"), data.get("resolution"), passed)


def _value(data: Mapping[str, Any]) -> str:
    if data.get("value") is None:
        return _joined(data.get("text"))
    value = f"{number_words(data['value'])} {data.get('unit', '')}".strip()
    limit = data.get("limit")
    return (
        value
        if limit is None
        else _("{value} (limit {limit})").format(value=value, limit=number_words(limit))
    )


def _edited(data: Mapping[str, Any]) -> str:
    changed = data.get("changed")
    if not isinstance(changed, Mapping):
        return ""
    words = []
    for name, pair in changed.items():
        shown = _FIELD_NAMES[name]() if name in _FIELD_NAMES else name
        after = pair[1] if isinstance(pair, list) and len(pair) == 2 else ""
        if name == "priority":
            after = label(f"ticket.priority.{after}")
        elif name == "type":
            after = label(f"ticket.type.{after}")
        elif name in ("asset_id", "description", "other_cost_minor") or isinstance(after, bool):
            after = ""
        words.append(f"{shown} → {after}" if after not in ("", None) else str(shown))
    return listed(words)


def _answered(data: Mapping[str, Any]) -> str:
    answer = data.get("answer")
    shown = (
        "✓"
        if answer is True
        else "✗"
        if answer is False
        else f"{number_words(answer)} {data.get('unit', '')}".strip()
    )
    outside = _("outside the limits") if data.get("outside") else ""
    return _joined(f"{data.get('step', '')}: {shown}", outside)


def _general(data: Mapping[str, Any]) -> str:
    return _joined(data.get("reason"), data.get("text"))


def _noted(data: Mapping[str, Any]) -> str:
    if data.get("acked"):
        return _("Alarm acknowledged: {title}").format(title=data["acked"])
    return str(data.get("text", ""))


def _served(data: Mapping[str, Any]) -> str:
    why = str(data.get("why") or "")
    words = label(f"alarm.why.{why}") if why and why != "operator" else ""
    until = times.moment(_moment(data.get("until")))
    raises = _("{n} raises").format(n=data["raises"]) if data.get("raises") else ""
    return _joined(
        words, raises, _("until {at}").format(at=until) if until else "", data.get("by"), data.get("reason")
    )


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def _scope(data: Mapping[str, Any]) -> str:
    children = [str(name) for name in data.get("children") or []]
    count = int(data.get("children_count") or len(children))
    more = _("and {n} others").format(n=count - len(children)) if count > len(children) else ""
    flood = _("in a flood of alarms") if data.get("flood") else ""
    return _joined(data.get("title"), data.get("device"), listed(children), more, flood)


def _written(data: Mapping[str, Any]) -> str:
    if data.get("code"):
        sentence = label(f"error.{data['code']}")
        why = "" if sentence == f"error.{data['code']}" or "{" in sentence else sentence
        return _joined(data.get("name"), number_words(data.get("wanted")), why, data.get("reason"))
    change = f"{number_words(data.get('before'))} → {number_words(data.get('after'))}"
    return _joined(data.get("name"), change, data.get("reason"))


_DETAILS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "ticket.created": _created,
    "ticket.assigned": _assigned,
    "ticket.edited": _edited,
    "ticket.noted": _noted,
    "ticket.step_answered": _answered,
    "ticket.labour_added": lambda d: _joined(
        d.get("person"), times.minutes(int(d.get("minutes", 0))), d.get("note")
    ),
    "ticket.occurrence": lambda d: _joined(d.get("title"), _value(d)),
    "ticket.alarm_cleared": lambda d: _joined(d.get("title"), _value(d)),
    "ticket.chart_added": lambda d: _joined(d.get("point")),
    "ticket.file_added": lambda d: _joined(label(f"file.kind.{d.get('kind', '')}"), d.get("name")),
    "ticket.rated": lambda d: _joined("★" * int(d.get("rating", 0)), d.get("comment")),
    "ticket.urged": lambda d: _("{n} times").format(n=d.get("count", 1)),
    "ticket.part_reserved": _quantity,
    "ticket.part_issued": _quantity,
    "ticket.part_returned": _quantity,
    "ticket.part_released": _quantity,
    "alarm.raised": _value,
    "alarm.cleared": _value,
    "alarm.shelved": _served,
    "alarm.unshelved": _served,
    "alarm.suppressed": _served,
    "alarm.out_of_service": _served,
    "alarm.in_service": _served,
    "ticket.alarm_scope": _scope,
    "point.written": _written,
    "point.write_failed": _written,
} | {
    f"ticket.{verb}": _moved
    for verb in (
        "held",
        "resumed",
        "resolved",
        "closed",
        "reopened",
        "declined",
        "cancelled",
        "started",
        "accepted",
    )
}
