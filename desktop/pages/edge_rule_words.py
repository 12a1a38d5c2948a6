"""Rules in words: what each condition waits for as a sentence, how long, when it clears, in which hours it counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from core.i18n import _, current, label, ngettext
from core.wire.edge_config import ActiveTimes, TermConfig
from core.wire.fleet import RuleView, SaveRule
from desktop.lists import listed

Named = Callable[[str], tuple[str, str]]
"""(name, unit) of the point with this id."""
Judge = RuleView | SaveRule | TermConfig

HIGH, LOW = ("high", "high_high"), ("low", "low_low")
LEVELS = (*HIGH, *LOW)
BANDS = ("outside", "inside")
TIMED = ("stuck", "no_data")
GROUPS = ("all", "any")


def number(value: float) -> str:
    """A measured value as people write it: up to six digits, no trailing zeros."""
    return f"{value:.6g}"


def duration(seconds: float) -> str:
    """A delay in the largest unit that keeps it whole."""
    if seconds >= 86_400 and seconds % 86_400 == 0:
        n = int(seconds // 86_400)
        return ngettext("{n} day", "{n} days", n).format(n=n)
    if seconds >= 3600 and seconds % 3600 == 0:
        n = int(seconds // 3600)
        return ngettext("{n} hour", "{n} hours", n).format(n=n)
    if seconds >= 60 and seconds % 60 == 0:
        n = int(seconds // 60)
        return ngettext("{n} minute", "{n} minutes", n).format(n=n)
    return ngettext("{n} second", "{n} seconds", 1 if seconds == 1 else 2).format(n=number(seconds))


def condition_words(condition: str) -> str:
    """A condition as the predicate of a sentence whose subject is the value; for choosing one."""
    return {
        "high": _("rises above a limit"),
        "high_high": _("rises above a second, higher limit"),
        "low": _("falls below a limit"),
        "low_low": _("falls below a second, lower limit"),
        "outside": _("leaves a band"),
        "inside": _("is inside a band"),
        "bit": _("is switched on or off"),
        "equals": _("is a certain value"),
        "rate": _("changes too fast"),
        "stuck": _("does not change for a time"),
        "no_data": _("is not heard of for a time"),
        "deviation": _("is away from another point"),
        "step": _("counts up too much"),
        "all": _("… all of several conditions hold"),
        "any": _("… any of several conditions holds"),
    }[condition]


def with_unit(value: float | None, unit: str) -> str:
    """`80.5 °C`."""
    return number(value or 0) + (f" {unit}" if unit else "")


def value_word(value: object) -> str:
    """A value that is compared with: on, off, a number, or a word in quotes."""
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return number(value) if isinstance(value, (int, float)) else f"“{value or ''}”"


def phrase(judge: Judge, subject: str, unit: str, named: Named | None = None) -> str:
    """What a condition waits for, without delays: `the value is above 80 °C`."""
    limit = with_unit(judge.limit, unit)
    window = duration(judge.window_s or 0)
    facts: Mapping[str, str] = {
        "subject": subject,
        "limit": limit,
        "low": limit,
        "high": with_unit(judge.limit_high, unit),
        "change": with_unit(abs(judge.limit or 0), unit),
        "window": window,
        "time": duration(judge.after_s or 0),
        "value": value_word(judge.equals),
        "state": value_word(judge.when),
        "other": named(judge.other)[0] if named is not None and judge.other else _("the other point"),
    }
    return _template(judge).format(**facts)


def _template(judge: Judge) -> str:
    if judge.condition in LEVELS:
        above = judge.condition in HIGH
        return _("{subject} is above {limit}") if above else _("{subject} is below {limit}")
    if judge.condition == "rate":
        if (judge.limit or 0) < 0:
            return _("{subject} falls by more than {change} within {window}")
        return _("{subject} rises by more than {change} within {window}")
    if judge.condition == "equals":
        return _("{subject} is {value}") if judge.when else _("{subject} is anything but {value}")
    return {
        "outside": _("{subject} is outside {low} … {high}"),
        "inside": _("{subject} is inside {low} … {high}"),
        "bit": _("{subject} is {state}"),
        "stuck": _("{subject} has not changed for {time}"),
        "no_data": _("no good reading of {subject} has come for {time}"),
        "deviation": _("{subject} is more than {limit} away from {other}"),
        "step": _("{subject} counts up by more than {change} within {window}"),
    }[judge.condition]


def rule_sentence(rule: RuleView | SaveRule, unit: str, named: Named | None = None) -> str:
    """What the rule waits for, as one or two sentences."""
    if rule.condition == "no_data":
        words = _("Raises when no good reading has come for {time}.")
        return words.format(time=duration(rule.after_s or 0)) + _extras(rule, named)
    if rule.condition in GROUPS:
        whole = _several(rule, unit, named)
    else:
        whole = _("Raises when {phrase}").format(phrase=phrase(rule, _("the value"), unit, named))
    if rule.condition == "stuck" and not rule.on_delay_s:
        whole += _(".")
    else:
        whole = _for(whole, rule.on_delay_s)
    gap = "" if current() == "zh_CN" else " "
    return whole + gap + _clears(rule, unit) + _extras(rule, named)


def _several(rule: RuleView | SaveRule, unit: str, named: Named | None) -> str:
    terms = [term_words(term, unit, named) for term in rule.terms]
    if not terms:
        return _("Raises when … (add conditions)")
    joined = (_(" and ") if rule.condition == "all" else _(" or ")).join(terms)
    return _("Raises when {phrase}").format(phrase=joined)


def term_words(term: TermConfig, unit: str, named: Named | None) -> str:
    """One condition of several, its point by name."""
    if not term.point:
        return phrase(term, _("the value"), unit, named)
    name, own_unit = named(term.point) if named is not None else (f"#{term.point}", "")
    return phrase(term, f"“{name}”", own_unit, named)


def _for(words: str, seconds: float) -> str:
    if seconds:
        return _("{words} for {time}.").format(words=words, time=duration(seconds))
    return _("{words}, at once.").format(words=words)


def _clears(rule: RuleView | SaveRule, unit: str) -> str:
    if rule.latching:
        return _("Stays until somebody resets it.")
    if rule.condition in LEVELS and rule.deadband:
        sign = -1 if rule.condition in HIGH else 1
        back = with_unit((rule.limit or 0) + sign * rule.deadband, unit)
        clears = _("Clears back past {limit}").format(limit=back)
    else:
        clears = _("Clears when that is over")
    return _for(clears, rule.off_delay_s)


def _extras(rule: RuleView | SaveRule, named: Named | None) -> str:
    gap = "" if current() == "zh_CN" else " "
    words = []
    if rule.realarm_s:
        words.append(_("Reminds every {time}.").format(time=duration(rule.realarm_s)))
    if rule.schedule:
        words.append(_("Counts {times}.").format(times=schedule_words(rule.schedule)))
    if rule.suppress_when:
        terms = _(" or ").join(term_words(term, "", named) for term in rule.suppress_when)
        words.append(_("Quiet while {phrase}.").format(phrase=terms))
    return "".join(gap + sentence for sentence in words)


def schedule_words(times: Sequence[ActiveTimes]) -> str:
    """`Mon, Tue 08:00–17:00; Sat 08:00–12:00`."""
    return "; ".join(f"{_days(one.days)} {one.start}–{one.end}".strip() for one in times)


def _days(days: Sequence[int]) -> str:
    chosen = sorted(set(days))
    if chosen == list(range(7)):
        return _("every day")
    if len(chosen) > 2 and chosen == list(range(chosen[0], chosen[-1] + 1)):
        return f"{label(f'weekday.{chosen[0]}')}–{label(f'weekday.{chosen[-1]}')}"
    return listed(label(f"weekday.{day}") for day in chosen)
