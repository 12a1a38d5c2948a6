"""Runs rules over recorded readings and says what would have been raised; the same domain rules as the live edge.

Knows rule files and recordings, no device, network or outbox. A recording's own time column drives all delays. A
recording of any length fits: its rows are read one after the other, for both sets of rules at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core import i18n
from core.domain import trials
from core.domain.points import Quality, Reading
from core.domain.tickets import RECURRENCE_WINDOW
from core.errors import AppError, FettleError
from core.i18n import _, fill, label, ngettext
from core.wire.edge_config import EdgeConfig, RuleConfig
from core.wire.rule_logic import domain_rule
from edge_agent import config as edge_config
from edge_agent.recording import Row, read_rows

MOST_KEPT = 100_000  # raises that are listed and put together to tickets; beyond them they are counted
MOST_LISTED = 200  # raises in the text
PROGRESS_ROWS = 50_000
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # of a recording without rows


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One raise, and when it cleared; `cleared_at` None: still active at the end of the recording."""

    rule: str
    severity: str
    raised_at: datetime
    value: float | bool | str | None
    cleared_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay did: its occurrences by time of raise, how many rows it read, how often time went back."""

    occurrences: list[Occurrence]
    rows: int
    backwards: int
    figures: trials.Outcome | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """Raises of one rule that the hub would hold together: each came within a day of the last one's end."""

    rule: str
    opened_at: datetime
    ended_at: datetime | None
    raises: int


def replay(rules: Iterable[RuleConfig], rows: Iterable[Row], zone: tzinfo = UTC) -> Outcome:
    """Step every rule over every row. Time that goes back stands still instead, and is counted."""
    return replay_all([list(rules)], rows, zone)[0]


def replay_all(
    sets: Sequence[Sequence[RuleConfig]], rows: Iterable[Row], zone: tzinfo = UTC
) -> list[Outcome]:
    """The same for several sets of rules, each apart, in one reading of the rows."""
    runs: list[trials.Trial] | None = None
    began_at = now_at = _BEGINNING
    count = backwards = 0
    for at, values in rows:
        count += 1
        if runs is None:
            began_at = now_at = at
            runs = [_trial(rules, began_at, zone) for rules in sets]
        backwards += at < now_at
        now_at = max(at, now_at)
        now_s = (now_at - began_at).total_seconds()
        for point, value in values.items():
            reading = Reading(value, Quality.BAD_COMM if value is None else Quality.GOOD, at, at)
            for run in runs:
                run.put(point, reading, now_s)
    end_s = (now_at - began_at).total_seconds()
    ended = [run.finish(end_s) for run in runs or [_trial(rules, began_at, zone) for rules in sets]]
    return [
        Outcome(_occurrences(rules, figures, began_at), count, backwards, figures)
        for rules, figures in zip(sets, ended, strict=True)
    ]


def _trial(rules: Iterable[RuleConfig], began_at: datetime, zone: tzinfo) -> trials.Trial:
    watched = (trials.Watched(rule.point, domain_rule(rule)) for rule in rules)
    return trials.Trial(watched, began_at, zone, MOST_KEPT)


def _occurrences(
    rules: Iterable[RuleConfig], figures: trials.Outcome, began_at: datetime
) -> list[Occurrence]:
    severity = {rule.id: rule.severity for rule in rules}

    def at(seconds: float) -> datetime:
        return began_at + timedelta(seconds=seconds)

    return [
        Occurrence(
            one.rule,
            severity[one.rule],
            at(one.raised_s),
            one.value,
            None if one.cleared_s is None else at(one.cleared_s),
        )
        for one in figures.raises
    ]


def tickets(occurrences: Iterable[Occurrence]) -> list[Ticket]:
    """Occurrences held together as the hub does when each ticket is resolved as soon as its alarm clears.

    A raise of the same rule within a day of that goes to the same ticket; later it makes a new one.
    """
    made: list[Ticket] = []
    latest: dict[str, int] = {}
    for one in occurrences:
        index = latest.get(one.rule)
        if index is not None:
            ticket = made[index]
            if ticket.ended_at is None or one.raised_at - ticket.ended_at <= RECURRENCE_WINDOW:
                made[index] = replace(ticket, raises=ticket.raises + 1, ended_at=one.cleared_at)
                continue
        latest[one.rule] = len(made)
        made.append(Ticket(one.rule, one.raised_at, one.cleared_at, 1))
    return made


# ---------------------------------------------------------------- the command


def main(argv: list[str] | None = None) -> int:
    """`fettle edge replay FILE.csv --rules RULES.yaml`: exit code 0, or 1 with the reason."""
    i18n.use(i18n.from_environment())
    args = _arguments(argv)
    try:
        configs = [edge_config.from_file(file) for file in (args.rules, args.compare) if file is not None]
        zone = _zone(args.timezone or configs[0].timezone)
        points = list(dict.fromkeys(point.id for config in configs for point in config.points))
        # What a time without an offset means is another question than where the plant is.
        rows = read_rows(args.file, points, _zone(args.timezone or "UTC"), _texts(configs))
        if sys.stderr.isatty():
            rows = _progress(rows, lambda words: print(words, end="", file=sys.stderr, flush=True))
        outcomes = replay_all([config.rules for config in configs], rows, zone)
    except OSError as error:
        print(f"fettle edge replay: {error}", file=sys.stderr)
        return 1
    except FettleError as error:
        print(f"fettle edge replay: {i18n.explain(error)}", file=sys.stderr)
        return 1
    shown_in = _zone(args.timezone or "UTC")
    print(_as_json(outcomes) if args.json else _as_text(configs, outcomes, shown_in))
    return 0


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="fettle edge replay", description=_("Say what rules would have raised over recorded readings.")
    )
    parser.add_argument("file", type=Path, help=_("CSV with a column timestamp and one column per point id"))
    parser.add_argument("--rules", type=Path, required=True, help=_("YAML in the shape of --config"))
    parser.add_argument(
        "--compare", type=Path, help=_("other rules, tried over the same readings beside them")
    )
    parser.add_argument(
        "--timezone", help=_("of times without an offset, and of schedules instead of the rules' own")
    )
    parser.add_argument("--json", action="store_true", help=_("one JSON document instead of a table"))
    return parser.parse_args(argv)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise AppError("replay.bad_timezone", f"no time zone {name}", name=name) from None


def _texts(configs: Iterable[EdgeConfig]) -> Collection[str]:
    """Points whose values are words."""
    found = set()
    for config in configs:
        found |= {point.id for point in config.points if point.type == "string" or point.words_of}
        for rule in config.rules:
            found |= {rule.point} if isinstance(rule.equals, str) else set()
            terms = [*rule.terms, *rule.suppress_when]
            found |= {term.point or rule.point for term in terms if isinstance(term.equals, str)}
    return found


def _progress(rows: Iterable[Row], say: Callable[[str], None]) -> Iterator[Row]:
    """The same rows; tells now and then how far it is, in place."""
    count = 0
    for count, row in enumerate(rows, 1):  # also told at the end
        if count % PROGRESS_ROWS == 0:
            words = fill(
                _("{rows} rows, at {when}"), {"rows": str(count), "when": f"{row[0]:%Y-%m-%d %H:%M}"}
            )
            say(f"\r{words} ")
        yield row
    if count >= PROGRESS_ROWS:
        say("\r\x1b[K")


def _as_json(outcomes: Sequence[Outcome]) -> str:
    told = _plain(outcomes[0])
    if len(outcomes) > 1:
        told["compared"] = _plain(outcomes[1])
    return json.dumps(told, indent=1, ensure_ascii=False)


def _plain(outcome: Outcome) -> dict[str, object]:
    assert outcome.figures is not None
    figures = outcome.figures
    return {
        "rows": outcome.rows,
        "backwards": outcome.backwards,
        "occurrences": [_plain_occurrence(one) for one in outcome.occurrences],
        "tickets": len(tickets(outcome.occurrences)),
        **_plain_figures(figures.total),
        "flood_share": figures.flood_share,
        "per_rule": {rule: _plain_figures(one) for rule, one in figures.per_rule.items()},
    }


def _plain_figures(figures: trials.Figures) -> dict[str, object]:
    return {"count": figures.count, "chattering": figures.chattering, "active_s": figures.active_s}


def _plain_occurrence(one: Occurrence) -> dict[str, object]:
    return {
        "rule": one.rule,
        "severity": one.severity,
        "raised_at": one.raised_at.isoformat(),
        "cleared_at": one.cleared_at.isoformat() if one.cleared_at else None,
        "value": one.value,
    }


def _as_text(configs: Sequence[EdgeConfig], outcomes: Sequence[Outcome], zone: tzinfo) -> str:
    names = {rule.id: rule.name for config in reversed(configs) for rule in config.rules}
    first = outcomes[0]
    lines = [] if len(outcomes) > 1 else _listed(first, names, zone)
    lines += _table(names, outcomes)
    words = _("{rows} rows, {raises} raises, {tickets} tickets")
    counts = [(str(_count(one)), str(len(tickets(one.occurrences)))) for one in outcomes]
    raises, made = (" → ".join(column) for column in zip(*counts, strict=True))
    lines.append(fill(words, {"rows": str(first.rows), "raises": raises, "tickets": made}))
    floods = " → ".join(f"{one.figures.flood_share:.2%}" for one in outcomes if one.figures is not None)
    lines.append(
        fill(_("Flood: more than 10 raises in {share} of the ten-minute windows"), {"share": floods})
    )
    if first.backwards:
        late = _("{n} rows are earlier than the one before; the clock stood still for them.")
        lines.append(fill(late, {"n": str(first.backwards)}))
    return "\n".join(lines)


def _count(outcome: Outcome) -> int:
    return len(outcome.occurrences) if outcome.figures is None else outcome.figures.total.count


def _listed(outcome: Outcome, names: dict[str, str], zone: tzinfo) -> list[str]:
    lines = []
    for one in outcome.occurrences[:MOST_LISTED]:
        over = _("still active")
        if one.cleared_at is not None:
            over = one.cleared_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
        value = f"{one.value:.6g}" if isinstance(one.value, float) else str(one.value)
        raised = one.raised_at.astimezone(zone)
        severity = label(f"severity.{one.severity}")
        lines.append(f"{raised:%Y-%m-%d %H:%M:%S} → {over:19}  {severity:8}  {names[one.rule]}  ({value})")
    more = _count(outcome) - len(lines)
    if more > 0:
        words = ngettext("… and {n} more raise", "… and {n} more raises", more)
        lines.append(fill(words, {"n": str(more)}))
    return [*lines, ""] if lines else []


def _table(names: dict[str, str], outcomes: Sequence[Outcome]) -> list[str]:
    """One line a rule: raises, chatter, hours active; before → after where two sets are compared."""
    shown = [outcome.figures for outcome in outcomes if outcome.figures is not None]
    rules = list(dict.fromkeys(rule for figures in shown for rule in figures.per_rule))
    heads = [_("Rule"), _("Raises"), _("In chatter"), _("Hours active")]
    rows = [heads, *([names[rule], *_cells([one.per_rule.get(rule) for one in shown])] for rule in rules)]
    if len(rules) > 1:
        rows.append([_("Total"), *_cells([one.total for one in shown])])
    widths = [max(_width(row[column]) for row in rows) for column in range(len(heads))]
    return [
        "  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _cells(figures: Sequence[trials.Figures | None]) -> list[str]:
    def beside(words: Callable[[trials.Figures], str]) -> str:
        return " → ".join("–" if one is None else words(one) for one in figures)

    return [
        beside(lambda one: str(one.count)),
        beside(lambda one: str(one.chattering)),
        beside(lambda one: f"{one.active_s / 3600:.1f}"),
    ]


def _width(text: str) -> int:
    """Columns on a terminal: characters of East Asia take two."""
    return sum(2 if ord(sign) > 0x2E7F else 1 for sign in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
