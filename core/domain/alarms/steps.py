"""When readings become an alarm, and when it is over: delays, latches, reminders, quiet times.

Pure: `now_s` is seconds of a clock that never goes back (an edge's own, or the time column of a recording); only
differences count. Everything is decided at the moment it falls due, however late somebody looks.
"""

from __future__ import annotations

from dataclasses import replace

from core.domain.alarms import parts as memory
from core.domain.alarms.parts import Part
from core.domain.alarms.rules import OWN, Condition, Rule, Term
from core.domain.alarms.states import (
    AlarmState,
    Change,
    Cleared,
    Ending,
    Quiet,
    Raised,
    Reminded,
    Status,
    Why,
    service,
)
from core.domain.points import Reading

Told = tuple[AlarmState, list[Change]]


def step(rule: Rule, state: AlarmState, reading: Reading, now_s: float, point: str = "") -> Told:
    """The state after `reading`, and what that raised or cleared; first whatever fell due before `now_s`.

    `point`: id of the point as the rule's terms name it, empty for the rule's own.
    """
    state, changes = tick(rule, state, now_s)
    if rule.timed:
        still = _hear(rule, state, reading, now_s, point)
        if still is not state:
            state, more = tick(rule, still, now_s)
            changes += more
    before, holding = state, state.active and state.up
    state = replace(
        state,
        parts=_take(rule.parts, state.parts, reading, now_s, point, holding),
        guards=_take(rule.suppress_when, state.guards, reading, now_s, point, False),
        value=reading.value if not point and reading.good and reading.value is not None else state.value,
    )
    state, more = settle(rule, _in_order(rule, before, state, now_s), now_s)
    return state, changes + more


def tick(rule: Rule, state: AlarmState, now_s: float) -> Told:
    """The state after time has passed without a reading, and what fell due by `now_s`."""
    state = fit(rule, state, now_s)
    changes: list[Change] = []
    while (at_s := due_s(rule, state)) is not None and at_s <= now_s:
        state, more = settle(rule, _in_order(rule, state, _pass(rule, state, at_s), at_s), at_s)
        changes += more
    state, more = settle(rule, state, now_s)  # silence needs no reading to go on counting after a restart
    return state, changes + more


def due_s(rule: Rule, state: AlarmState) -> float | None:
    """When `tick` would next change something if no reading came; None for never."""
    moments = []
    delay_s = _delay_s(rule, state)
    if delay_s is not None and state.since_s is not None:
        moments.append(state.since_s + max(0.0, delay_s - state.counted_s))
    if rule.timed:
        for term, part in pairs(rule, state):
            at_s = memory.changes_s(term, part)
            if at_s is not None:
                moments.append(at_s)
    if state.shelf is not None:
        moments.append(state.shelf.until_s)
    remind_s = _remind_s(rule, state)
    if remind_s is not None:
        moments.append(remind_s)
    return min(moments, default=None)


def fit(rule: Rule, state: AlarmState, now_s: float) -> AlarmState:
    """`state` with a memory for each term of `rule`; what another rule's terms remembered is forgotten."""
    own, guards = _fit(rule.parts, state.parts, now_s), _fit(rule.suppress_when, state.guards, now_s)
    if own is not state.parts or guards is not state.guards:
        state = replace(state, parts=own, guards=guards)
    if state.told_s is None and state.active:
        state = replace(state, told_s=now_s)
    return state


def settle(rule: Rule, state: AlarmState, at_s: float) -> Told:
    """Decide by what the terms know at `at_s`."""
    changes: list[Change] = []
    if state.shelf is not None and state.shelf.until_s <= at_s:
        state = unshelve(state, at_s, "expired", changes)
    if rule.suppress_when or "design" in state.suppressed:
        state = _by_design(state, at_s, changes)
    trouble = _trouble(rule, state)
    state = pause(state, at_s) if trouble is None else _count(rule, state, trouble, at_s)
    state = _ripen(rule, state, at_s, changes)
    if state.up and state.trouble and not (state.paused or state.quiet or state.active):
        state = replace(state, status=Status.UNACK, told_s=at_s)
        changes.append(Raised(at_s, state.value))
    remind_s = _remind_s(rule, state)
    if remind_s is not None and at_s >= remind_s:
        state = replace(state, status=Status.UNACK, told_s=remind_s)
        changes.append(Reminded(at_s, state.value))
    if not (state.active and state.up) and any(part.held and not part.met for part in state.parts):
        state = replace(state, parts=tuple(replace(part, held=part.met is True) for part in state.parts))
    return state, changes


def end(state: AlarmState, reason: Ending, at_s: float, changes: list[Change]) -> AlarmState:
    """What was raised is over because the rule is made quiet."""
    if state.active:
        changes.append(Cleared(at_s, state.value, reason))
    return replace(state, status=Status.NORMAL, told_s=None)


def unshelve(state: AlarmState, at_s: float, why: Why, changes: list[Change]) -> AlarmState:
    """Take from the shelf, and tell how often it would have been raised there."""
    before, raises = state, state.hushed
    state = replace(state, shelf=None)
    return tell(before, state, at_s, why, changes, raises)


def tell(
    before: AlarmState, state: AlarmState, at_s: float, why: Why, changes: list[Change], raises: int = 0
) -> AlarmState:
    """Note the change of service from `before`, if there is one."""
    was, is_now = service(before, at_s), service(state, at_s)
    if was != is_now:
        told = service(state, at_s, why)
        changes.append(replace(told, raises=raises) if raises and not told.raises else told)
    return state if state.quiet else replace(state, hushed=0)


def pause(state: AlarmState, at_s: float) -> AlarmState:
    """Nothing good is known: delays stand still."""
    if state.since_s is None:
        return state if state.paused else replace(state, paused=True)
    counted_s = state.counted_s + max(0.0, at_s - state.since_s)
    return replace(state, paused=True, since_s=None, counted_s=counted_s)


# ---------------------------------------------------------------- inside


def pairs(rule: Rule, state: AlarmState) -> list[tuple[Term, Part]]:
    """Terms with their memories; a state that has not been fitted yet has none."""
    return [*zip(rule.parts, state.parts, strict=False), *zip(rule.suppress_when, state.guards, strict=False)]


def _fit(terms: tuple[Term, ...], parts: tuple[Part, ...], now_s: float) -> tuple[Part, ...]:
    fitted = [
        memory.begin(term, _of(term, parts[index] if index < len(parts) else Part()), now_s)
        for index, term in enumerate(terms)
    ]
    if len(fitted) == len(parts) and all(new is old for new, old in zip(fitted, parts, strict=True)):
        return parts
    return tuple(fitted)


def _of(term: Term, part: Part) -> Part:
    if part.of == term.key:
        return part
    if part.of:
        return Part(of=term.key)
    silence = term.condition is Condition.NO_DATA  # of version 0.1: which condition it was of is not known
    return replace(part, of=term.key, met=part.met if silence else None)


def _take(
    terms: tuple[Term, ...],
    parts: tuple[Part, ...],
    reading: Reading,
    now_s: float,
    point: str,
    holding: bool,
) -> tuple[Part, ...]:
    taken = []
    for term, part in zip(terms, parts, strict=True):
        if term.point == point:
            part = memory.take(term, part, reading, now_s, holding)
        if term.other and term.other == (point or OWN):
            part = memory.take_other(term, part, reading, holding)
        taken.append(part)
    return tuple(taken)


def _hear(rule: Rule, state: AlarmState, reading: Reading, now_s: float, point: str) -> AlarmState:
    """Note that values stand still before the reading is taken, so that what that decides has its own moment."""
    both = pairs(rule, state)
    if not any(term.point == point and memory.stands(term, part, reading) for term, part in both):
        return state
    parts = [
        replace(part, good_s=now_s) if term.point == point and memory.stands(term, part, reading) else part
        for term, part in both
    ]
    return replace(state, parts=tuple(parts[: len(rule.parts)]), guards=tuple(parts[len(rule.parts) :]))


def _in_order(rule: Rule, before: AlarmState, state: AlarmState, at_s: float) -> AlarmState:
    """Once a term has changed its answer, a standstill that a later reading confirms is not dated before that.

    Else the rule would have been met, and its delay have begun, when only one of its terms was.
    """
    if not rule.timed or len(rule.parts) + len(rule.suppress_when) == 1:
        return state
    both = pairs(rule, state)
    if all(old.met is new.met for (_, old), (_, new) in zip(pairs(rule, before), both, strict=True)):
        return state
    moved = [memory.not_before(term, part, at_s) for term, part in both]
    return replace(state, parts=tuple(moved[: len(rule.parts)]), guards=tuple(moved[len(rule.parts) :]))


def _pass(rule: Rule, state: AlarmState, at_s: float) -> AlarmState:
    if not rule.timed:
        return state
    holding = state.active and state.up
    own = tuple(
        memory.pass_time(term, part, at_s, holding)
        for term, part in zip(rule.parts, state.parts, strict=True)
    )
    guards = tuple(
        memory.pass_time(term, part, at_s, False)
        for term, part in zip(rule.suppress_when, state.guards, strict=True)
    )
    return replace(state, parts=own, guards=guards)


def _trouble(rule: Rule, state: AlarmState) -> bool | None:
    """Whether the condition is met; None when what is known does not decide it."""
    answers = [part.met for part in state.parts]
    if rule.condition is Condition.ALL:
        return False if False in answers else None if None in answers else True
    return True if True in answers else None if None in answers else False


def _by_design(state: AlarmState, at_s: float, changes: list[Change]) -> AlarmState:
    answers = [part.met for part in state.guards]
    if True in answers:
        return suppress(state, "design", at_s, changes)
    return state if None in answers else unsuppress(state, "design", at_s, changes)


def suppress(state: AlarmState, why: Quiet, at_s: float, changes: list[Change]) -> AlarmState:
    """Quiet for `why`; what was raised is over."""
    if why in state.suppressed:
        return state
    before = state
    state = end(replace(state, suppressed=state.suppressed | {why}), "suppressed", at_s, changes)
    return tell(before, state, at_s, why, changes)


def unsuppress(state: AlarmState, why: Quiet, at_s: float, changes: list[Change]) -> AlarmState:
    """No longer quiet for `why`."""
    if why not in state.suppressed:
        return state
    before = state
    return tell(
        before, replace(state, suppressed=state.suppressed - {why}), at_s, "ended", changes, state.hushed
    )


def _remind_s(rule: Rule, state: AlarmState) -> float | None:
    if not state.active or rule.realarm_s is None or state.told_s is None:
        return None
    return state.told_s + rule.realarm_s


def _count(rule: Rule, state: AlarmState, trouble: bool, at_s: float) -> AlarmState:
    """Note that the condition is (not) met: start, keep or stop counting."""
    up, shelf = state.up, state.shelf
    if not trouble and not state.active:
        up = False  # an off-delay holds what has been told only
    if trouble and shelf is not None and not shelf.met:
        shelf = replace(shelf, met=True)
    same = state.trouble == trouble
    since_s, counted_s = state.since_s, state.counted_s
    state = replace(state, trouble=trouble, up=up, paused=False, shelf=shelf)
    if _delay_s(rule, state) is None:
        since_s, counted_s = None, 0.0
    elif not same:
        since_s, counted_s = at_s, 0.0
    elif since_s is None:
        since_s = at_s
    return replace(state, since_s=since_s, counted_s=counted_s)


def _delay_s(rule: Rule, state: AlarmState) -> float | None:
    """The delay that is to run, if the condition is known; None when all is as reported."""
    if state.trouble is None:
        return None
    if state.trouble:
        return None if state.up else rule.on_delay_s
    ends = state.up or (state.shelf is not None and state.shelf.once and state.shelf.met)
    return rule.off_delay_s if ends else None


def _ripen(rule: Rule, state: AlarmState, at_s: float, changes: list[Change]) -> AlarmState:
    """What has counted for its delay is so."""
    delay_s = _delay_s(rule, state)
    if delay_s is None or state.since_s is None or at_s < state.since_s + max(0.0, delay_s - state.counted_s):
        return state
    rest = replace(state, since_s=None, counted_s=0.0, up=bool(state.trouble))
    if state.trouble:
        return replace(rest, hushed=rest.hushed + 1) if rest.quiet else rest
    if not state.up:
        return unshelve(rest, at_s, "ended", changes)
    if rule.latching:
        return rest
    over = Status.RTN_UNACK if state.status is Status.UNACK else Status.NORMAL
    changes.append(Cleared(at_s, state.value))
    return replace(rest, status=over, told_s=None)
