"""The pure rule that a configured one means: the one place where the wire's rule becomes the domain's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.domain import alarms
from core.wire.edge_config import ActiveTimes, RuleConfig, RuleLogic, TermConfig


def domain_rule(config: RuleConfig) -> alarms.Rule:
    """The pure rule that a configured one means; ValueError for what `faults` finds."""
    return alarms.Rule(
        id=config.id,
        condition=alarms.Condition(config.condition),
        limit=config.limit,
        limit_high=config.limit_high,
        equals=config.equals,
        when=config.when,
        after_s=config.after_s,
        window_s=config.window_s,
        other=config.other,
        deadband=config.deadband,
        terms=_terms(config.terms, config.point) if config.condition in ("all", "any") else (),
        on_delay_s=config.on_delay_s,
        off_delay_s=config.off_delay_s,
        latching=config.latching,
        realarm_s=config.realarm_s,
        schedule=tuple(_times(times) for times in config.schedule),
        suppress_when=_terms(config.suppress_when, config.point),
        shelve_most_s=config.shelve_most_s,
        severity=alarms.Severity(config.severity),
    )


def faults(logic: RuleLogic) -> Iterator[tuple[str, str]]:
    """(path, condition) of fields that are missing or make no sense: `limit`, `terms[1].window_s` …"""
    for name in alarms.faults(alarms.Condition(logic.condition), logic):
        yield name, logic.condition
    for kind, terms in (("terms", logic.terms), ("suppress_when", logic.suppress_when)):
        for index, term in enumerate(terms):
            for name in alarms.faults(alarms.Condition(term.condition), term):
                yield f"{kind}[{index}].{name}", term.condition


def points_of(logic: RuleLogic) -> Iterator[tuple[str, str]]:
    """(path, point id) of all further points that a rule names."""
    if logic.condition == "deviation" and logic.other:
        yield "other", logic.other
    for kind, terms in (("terms", logic.terms), ("suppress_when", logic.suppress_when)):
        for index, term in enumerate(terms):
            if term.point:
                yield f"{kind}[{index}].point", term.point
            if term.condition == "deviation" and term.other:
                yield f"{kind}[{index}].other", term.other


def _terms(terms: Sequence[TermConfig], own: str) -> tuple[alarms.Term, ...]:
    return tuple(
        alarms.Term(
            alarms.Condition(term.condition), _elsewhere(term.point, own), term.limit, term.limit_high, term.equals,
            term.when, term.after_s, term.window_s, alarms.OWN if term.other == own else term.other, term.deadband,
        )
        for term in terms
    )  # fmt: skip


def _elsewhere(point: str, own: str) -> str:
    """The domain calls a rule's own point by no name."""
    return "" if point == own else point


def _times(times: ActiveTimes) -> alarms.ActiveTimes:
    return alarms.ActiveTimes(frozenset(times.days), _minutes(times.start), _minutes(times.end))


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
