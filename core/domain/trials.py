"""Rules tried over recorded readings: what they would have raised, how long, how much of it chatter and flood.

Pure: `now_s` are seconds since the recording began. Readings come in order of time, one at a time, so that a
recording of any length fits; beyond the raises that are kept, they are counted only.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo

from core.domain import alarms
from core.domain.points import Reading

CHATTER_RAISES, CHATTER_WINDOW_S = 3, 60.0
FLOOD_RAISES, FLOOD_WINDOW_S = 10, 600.0  # ISA-18.2, EEMUA 191: more than so many in so many seconds
MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Watched:
    """A rule and the point it is over."""

    point: str
    rule: alarms.Rule


@dataclass(frozen=True, slots=True)
class Raise:
    """One raise that would have been; `cleared_s` None: still active when the recording ended."""

    rule: str
    raised_s: float
    value: float | bool | str | None
    cleared_s: float | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """One rule, or all together: raises, those of them that came as chatter, and seconds active."""

    count: int = 0
    chattering: int = 0
    active_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial came to. `raises` is by time and holds at most as many as were kept."""

    raises: list[Raise]
    total: Figures
    per_rule: Mapping[str, Figures]
    windows: int
    flooded: int
    length_s: float

    @property
    def flood_share(self) -> float:
        """Share of the windows of ten minutes that had more than ten raises."""
        return self.flooded / self.windows if self.windows else 0.0


@dataclass(slots=True)
class _Run:
    """One rule under way."""

    rule: alarms.Rule
    state: alarms.AlarmState = field(default_factory=alarms.AlarmState)
    count: int = 0
    chattering: int = 0
    active_s: float = 0.0
    raised_s: float | None = None
    kept: int | None = None  # where its raise stands in the list, while it is active
    turn_s: float | None = None  # when its schedule next lets it count, or no longer does
    counts: bool = True
    seen: dict[str, float | bool | str | None] = field(
        default_factory=dict
    )  # by the names of its points, last good values
    calm: dict[str, tuple[float, float]] = field(
        default_factory=dict
    )  # numbers of theirs that decide nothing
    settled: bool = False  # no delay runs, so that the same values again change nothing
    recent: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=CHATTER_RAISES - 1))

    def passes_over(self, name: str, reading: Reading) -> bool:
        """Whether a reading would change nothing but what the state remembers as the last."""
        if not self.settled or not reading.good:
            return False
        value = reading.value
        seen = self.seen.get(name)
        if value is not None and type(value) is type(seen) and value == seen:
            return True
        low, high = self.calm.get(name, (math.inf, -math.inf))
        return isinstance(value, float) and low <= value <= high

    def look(self, name: str, reading: Reading) -> None:
        """After a step: what the next readings may be passed over by."""
        if self.rule.timed:
            return
        self.seen[name] = reading.value if reading.good else None
        state = self.state
        self.settled = state.trouble is not None and not state.paused and state.since_s is None
        self.calm.clear()
        if self.settled:
            for point in ("", *self.rule.points):
                band = alarms.calm(self.rule, state, point)
                if band is not None:
                    self.calm[point] = band


class Trial:
    """Rules under trial: `put` each reading in order of time, then `finish` once."""

    def __init__(
        self, watched: Iterable[Watched], began_at: datetime, zone: tzinfo = UTC, keep: int = MOST_KEPT
    ) -> None:
        """`began_at`: second 0 of the recording; `zone`: the plant's, for schedules. Ids of rules are unique."""
        self._began_at, self._zone = began_at, zone
        self._keep = keep
        self._raises: list[Raise] = []
        self._windows: Counter[int] = Counter()
        self._runs: dict[str, _Run] = {}
        self._by_point: dict[str, list[tuple[_Run, str]]] = {}
        for one in watched:
            if one.rule.id in self._runs:
                raise ValueError(f"two rules have the id {one.rule.id}")
            run = self._runs[one.rule.id] = _Run(one.rule)
            self._begin_schedule(run)
            # The engine calls a rule's own point "", further ones by their ids.
            names = [(one.point, ""), *((name, name) for name in one.rule.points if name != one.point)]
            for point, name in names:
                self._by_point.setdefault(point, []).append((run, name))

    @property
    def points(self) -> Sequence[str]:
        """All points that the rules look at."""
        return list(self._by_point)

    def put(self, point: str, reading: Reading, now_s: float) -> None:
        """One reading of one point."""
        for run, name in self._by_point.get(point, ()):
            if run.turn_s is not None and run.turn_s <= now_s:
                self._turns(run, now_s)
            if run.passes_over(name, reading):
                continue
            run.state, changes = alarms.step(run.rule, run.state, reading, now_s, name)
            if changes:
                self._take(run, changes)
            run.look(name, reading)

    def _begin_schedule(self, run: _Run) -> None:
        if run.rule.schedule and not alarms.counts(run.rule.schedule, self._began_at.astimezone(self._zone)):
            self._turn(run, 0.0)
        self._plan_turn(run, 0.0)

    def _turn(self, run: _Run, at_s: float) -> None:
        run.counts = not run.counts
        verb: alarms.Verb = "unsuppress" if run.counts else "suppress"
        order = alarms.Operation(verb, why="schedule")
        run.state, changes = alarms.operate(run.rule, run.state, order, at_s)
        run.settled = False
        self._take(run, changes)

    def _plan_turn(self, run: _Run, at_s: float) -> None:
        at = self._began_at + timedelta(seconds=at_s)
        turn = alarms.next_turn(run.rule.schedule, at, self._zone)
        run.turn_s = None if turn is None else (turn - self._began_at).total_seconds()

    def _turns(self, run: _Run, now_s: float) -> None:
        while run.turn_s is not None and run.turn_s <= now_s:
            at_s = run.turn_s
            self._turn(run, at_s)
            self._plan_turn(run, at_s)

    def _take(self, run: _Run, changes: Iterable[object]) -> None:
        for change in changes:
            if isinstance(change, alarms.Raised):
                self._raised(run, change)
            elif isinstance(change, alarms.Cleared):
                self._cleared(run, change.at_s)

    def _raised(self, run: _Run, change: alarms.Raised) -> None:
        run.count += 1
        run.raised_s = change.at_s
        self._windows[int(max(change.at_s, 0.0) // FLOOD_WINDOW_S)] += 1
        chatter = len(run.recent) == CHATTER_RAISES - 1 and change.at_s - run.recent[0][0] <= CHATTER_WINDOW_S
        if chatter:
            run.chattering += 1 + sum(not counted for _at_s, counted in run.recent)
            run.recent = deque(((at_s, True) for at_s, _counted in run.recent), run.recent.maxlen)
        run.recent.append((change.at_s, chatter))
        run.kept = len(self._raises) if len(self._raises) < self._keep else None
        if run.kept is not None:
            self._raises.append(Raise(run.rule.id, change.at_s, change.value))

    def _cleared(self, run: _Run, at_s: float) -> None:
        assert run.raised_s is not None  # nothing ends that has not begun
        run.active_s += at_s - run.raised_s
        if run.kept is not None:
            self._raises[run.kept] = replace(self._raises[run.kept], cleared_s=at_s)
        run.raised_s = run.kept = None

    def finish(self, end_s: float) -> Outcome:
        """Let time pass until the end of the recording, and add up."""
        for run in self._runs.values():
            self._turns(run, end_s)
            run.state, changes = alarms.tick(run.rule, run.state, end_s)
            self._take(run, changes)
        per_rule = {
            name: Figures(run.count, run.chattering, run.active_s + _open_s(run, end_s))
            for name, run in self._runs.items()
        }
        windows = max(1, -int(-end_s // FLOOD_WINDOW_S))
        return Outcome(
            sorted(self._raises, key=lambda one: one.raised_s),
            total(per_rule.values()),
            per_rule,
            windows,
            sum(count > FLOOD_RAISES for count in self._windows.values()),
            end_s,
        )


def _open_s(run: _Run, end_s: float) -> float:
    return 0.0 if run.raised_s is None else max(0.0, end_s - run.raised_s)


def total(figures: Iterable[Figures]) -> Figures:
    """Several rules together."""
    all_of_them = list(figures)
    return Figures(
        sum(one.count for one in all_of_them),
        sum(one.chattering for one in all_of_them),
        sum(one.active_s for one in all_of_them),
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """One rule in two sets of rules; None where a set has it not."""

    rule: str
    before: Figures | None
    after: Figures | None


def compare(before: Outcome, after: Outcome) -> list[Compared]:
    """Two sets of rules over the same recording, rule by rule: first those of `before`, then what is new."""
    names = list(dict.fromkeys([*before.per_rule, *after.per_rule]))
    return [Compared(name, before.per_rule.get(name), after.per_rule.get(name)) for name in names]
