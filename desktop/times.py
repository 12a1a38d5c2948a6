"""Times and spans in words, in this computer's time zone. Knows no screen; `now` is an argument."""

from __future__ import annotations

from datetime import UTC, date, datetime

from core.i18n import _, current


def utc_now() -> datetime:
    """The current time, aware."""
    return datetime.now(UTC)


def moment(at: datetime | None, now: datetime | None = None) -> str:
    """A time as short as it can be said: today 14:03, this year 11-22 14:03."""
    if at is None:
        return ""
    here, today = at.astimezone(), (now or utc_now()).astimezone()
    if here.date() == today.date():
        return here.strftime("%H:%M")
    if here.year == today.year:
        return here.strftime("%m-%d %H:%M")
    return here.strftime("%Y-%m-%d %H:%M")


def exact(at: datetime | None) -> str:
    """A time with its date and seconds."""
    return "" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def day(on: date | None) -> str:
    """A date."""
    return "" if on is None else on.isoformat()


def span(seconds: float) -> str:
    """A length of time in its two largest units at most."""
    minutes = int(abs(seconds) // 60)
    gap = "" if current() == "zh_CN" else " "
    if minutes < 1:
        return _("{n} s").format(n=int(abs(seconds))).replace(" ", gap)
    if minutes < 60:
        return _("{n} min").format(n=minutes).replace(" ", gap)
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        words = _("{n} h").format(n=hours)
        if minutes and hours < 10:
            words += " " + _("{n} min").format(n=minutes)
        return words.replace(" ", gap)
    days, hours = divmod(hours, 24)
    words = _("{n} d").format(n=days)
    if hours and days < 10:
        words += " " + _("{n} h").format(n=hours)
    return words.replace(" ", gap)


def minutes(count: int) -> str:
    """A number of minutes in words."""
    return span(count * 60) if count else _("{n} min").format(n=0)


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """How long since a time."""
    if at is None:
        return _("never")
    seconds = ((now or utc_now()) - at).total_seconds()
    return _("just now") if seconds < 5 else _("{span} ago").format(span=span(seconds))


def due(at: datetime, now: datetime) -> str:
    """What is left until a time, or by how much it has passed."""
    left_s = (at - now).total_seconds()
    if left_s >= 0:
        return _("{span} left").format(span=span(left_s))
    return _("{span} overdue").format(span=span(left_s))
