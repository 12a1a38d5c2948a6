"""Runs rules over recorded readings and says what would have been raised; the same domain rules as the live edge.

Knows CSV files and rule files, no device, network or outbox. A recording's own time column drives all delays.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core import i18n
from core.domain import alarms
from core.domain.points import Quality, Reading
from core.domain.tickets import RECURRENCE_WINDOW
from core.errors import AppError, FettleError
from core.i18n import _, ngettext
from core.wire.edge_config import EdgeConfig, RuleConfig
from core.wire.rule_logic import domain_rule
from edge_agent import config as edge_config

Row = tuple[datetime, Mapping[str, float | bool | None]]


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


@dataclass(frozen=True, slots=True)
class Ticket:
    """Raises of one rule that the hub would hold together: each came within a day of the last one's end."""

    rule: str
    opened_at: datetime
    ended_at: datetime | None
    raises: int


def read_rows(file: Path, points: Sequence[str], zone: ZoneInfo | None = None) -> Iterator[Row]:
    """Rows of a CSV with a `timestamp` column and one column per point id (or `value`, when there is one point).

    Times without an offset are taken to be in `zone` (UTC when none). An empty or non-numeric cell is a bad reading.
    """
    with file.open(encoding="utf-8-sig", newline="") as source:
        table = csv.DictReader(source)
        columns = table.fieldnames or []
        column_of = {point: point for point in points if point in columns}
        if not column_of and len(points) == 1 and "value" in columns:
            column_of = {points[0]: "value"}
        if "timestamp" not in columns or not column_of:
            wanted = ", ".join(points)
            raise AppError(
                "replay.columns",
                f"{file}: needs a column timestamp and one of {wanted}; it has {', '.join(columns)}",
                file=file,
                wanted=wanted,
                found=", ".join(columns),
            )
        for line in table:
            try:
                at = datetime.fromisoformat(line["timestamp"])
            except ValueError as error:
                raise AppError(
                    "replay.bad_time",
                    f"{file} line {table.line_num}: {error}",
                    file=file,
                    line=table.line_num,
                    text=line["timestamp"],
                ) from error
            if at.tzinfo is None:
                at = at.replace(tzinfo=zone or UTC)
            yield at.astimezone(UTC), {point: _number(line[column]) for point, column in column_of.items()}


def _number(text: str | None) -> float | bool | None:
    words = {"true": True, "false": False}
    if text is None or text.strip().lower() in words:
        return None if text is None else words[text.strip().lower()]
    try:
        return float(text)
    except ValueError:
        return None


def replay(rules: Iterable[RuleConfig], rows: Iterable[Row]) -> Outcome:
    """Step every rule over every row. Time that goes back stands still instead, and is counted."""
    watched = [(rule.point, domain_rule(rule)) for rule in rules]
    states = {rule.id: alarms.AlarmState() for _point, rule in watched}
    found: list[Occurrence] = []
    open_at: dict[str, int] = {}
    begun: datetime | None = None
    now: datetime | None = None
    count = backwards = 0
    for at, values in rows:
        count += 1
        begun = begun or at
        backwards += now is not None and at < now
        now = at if now is None or at > now else now
        for point, rule in watched:
            if point not in values:
                continue
            value = values[point]
            quality = Quality.BAD_COMM if value is None else Quality.GOOD
            reading = Reading(value, quality, at, at)
            states[rule.id], changes = alarms.step(
                rule, states[rule.id], reading, (now - begun).total_seconds()
            )
            for change in changes:
                moment = begun + timedelta(seconds=change.at_s)
                if isinstance(change, alarms.Raised):
                    open_at[rule.id] = len(found)
                    found.append(Occurrence(rule.id, rule.severity.value, moment, change.value))
                elif isinstance(change, alarms.Cleared):
                    index = open_at.pop(rule.id)
                    found[index] = replace(found[index], cleared_at=moment)
    return Outcome(sorted(found, key=lambda o: o.raised_at), count, backwards)


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


def main(argv: list[str] | None = None) -> int:
    """`fettle edge replay FILE.csv --rules RULES.yaml`: exit code 0, or 1 with the reason."""
    i18n.use(i18n.from_environment())
    parser = argparse.ArgumentParser(
        prog="fettle edge replay", description=_("Say what rules would have raised over recorded readings.")
    )
    parser.add_argument("file", type=Path, help=_("CSV with a column timestamp and one column per point id"))
    parser.add_argument("--rules", type=Path, required=True, help=_("YAML in the shape of --config"))
    parser.add_argument("--timezone", default="UTC", help=_("of times without an offset"))
    parser.add_argument("--json", action="store_true", help=_("one JSON document instead of a table"))
    args = parser.parse_args(argv)
    try:
        config = edge_config.from_file(args.rules)
        zone = _zone(args.timezone)
        outcome = replay(config.rules, read_rows(args.file, [point.id for point in config.points], zone))
    except OSError as error:
        print(f"fettle edge replay: {error}", file=sys.stderr)
        return 1
    except FettleError as error:
        print(f"fettle edge replay: {i18n.explain(error)}", file=sys.stderr)
        return 1
    print(_as_json(outcome) if args.json else _as_text(config, outcome, zone))
    return 0


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise AppError("replay.bad_timezone", f"no time zone {name}", name=name) from None


def _as_json(outcome: Outcome) -> str:
    def shape(one: Occurrence) -> dict[str, object]:
        return {
            "rule": one.rule,
            "severity": one.severity,
            "raised_at": one.raised_at.isoformat(),
            "cleared_at": one.cleared_at.isoformat() if one.cleared_at else None,
            "value": one.value,
        }

    return json.dumps(
        {
            "rows": outcome.rows,
            "backwards": outcome.backwards,
            "occurrences": [shape(one) for one in outcome.occurrences],
            "tickets": len(tickets(outcome.occurrences)),
        },
        indent=1,
        ensure_ascii=False,
    )


def _as_text(config: EdgeConfig, outcome: Outcome, zone: ZoneInfo) -> str:
    names = {rule.id: rule.name for rule in config.rules}
    lines = []
    for one in outcome.occurrences:
        raised = one.raised_at.astimezone(zone)
        over = (
            one.cleared_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
            if one.cleared_at
            else _("still active")
        )
        value = f"{one.value:.6g}" if isinstance(one.value, float) else str(one.value)
        lines.append(
            f"{raised:%Y-%m-%d %H:%M:%S} → {over:19}  {one.severity:8}  {names[one.rule]}  ({value})"
        )
    per_rule = Counter(one.rule for one in outcome.occurrences)
    for rule_id, name in names.items():
        n = per_rule[rule_id]
        lines.append(ngettext("{name}: {n} raise", "{name}: {n} raises", n).format(name=name, n=n))
    n_tickets = len(tickets(outcome.occurrences))
    lines.append(
        _("{rows} rows, {raises} raises, {tickets} tickets").format(
            rows=outcome.rows, raises=len(outcome.occurrences), tickets=n_tickets
        )
    )
    if outcome.backwards:
        lines.append(
            _("{n} rows are earlier than the one before; the clock stood still for them.").format(
                n=outcome.backwards
            )
        )
    return "\n".join(lines)
