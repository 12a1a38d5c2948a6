"""Rules at work: steps them by readings and time, and does what one alarm means for others.

Quiet times by schedule, by parent and by second level, chatter, first-out. Knows channels and rules, no pollers,
no files. A timer for whatever comes next of each rule; nothing is looked at before it is due.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from core import log
from core.domain import alarms
from core.domain.alarms import AlarmState, Change, Condition, Operation
from core.domain.points import Quality, Reading
from core.errors import AppError, NotFound
from core.wire.edge_config import Device, EdgeConfig
from edge_agent import handover, reports, rule_runs
from edge_agent.channels import Channel, Value
from edge_agent.charts import Charts
from edge_agent.clock import Clock
from edge_agent.families import Families
from edge_agent.outbox import Batch
from edge_agent.rule_runs import COMM, Ear, RuleRun
from edge_agent.schedules import Schedules
from edge_agent.suppression import Suppression

_log = log.get(__name__)
_GOOD = Quality.GOOD
_FRESH_S = 5.0
_HUSHED_S = 60.0
_STILL_STORED = 20  # a standstill that counts is stored so many times until it is too long
_LOOK_AGAIN_S = (0.2, 30.0)  # for a standstill: readings that came before the moment decide nothing yet
_PEOPLES: tuple[alarms.Verb, ...] = (
    "acknowledge",
    "reset",
    "shelve",
    "unshelve",
    "out_of_service",
    "in_service",
)
Told = tuple[AlarmState, list[Change]]


class Runner:
    """All rules of an edge. `silent` is told when a rule has found that its point has gone silent."""

    def __init__(
        self,
        clock: Clock,
        commit: Callable[[Batch], None],
        sooner: Callable[[], None],
        silent: Callable[[RuleRun], None],
    ) -> None:
        self._clock, self._sooner, self._silent = clock, sooner, silent
        self._reports = reports.Reports(clock, commit)
        self._charts = Charts(self._reports)
        self._schedules = Schedules(clock)
        self._config = EdgeConfig(edge="", version=1)
        self._others = Suppression(self.do, self._plan)
        self._channels: Mapping[str, Channel] = {}
        self._devices: dict[str, Device] = {}
        self._timers: list[tuple[float, int, RuleRun]] = []
        self._count = itertools.count()
        self._saved: dict[str, Mapping[str, object]] = {}
        self._saved_charts: dict[str, Mapping[str, object]] = {}

    @property
    def _families(self) -> Families:
        return self._others.families

    # -- configuration

    def restore(
        self, states: Mapping[str, Mapping[str, object]], charts: Mapping[str, Mapping[str, object]]
    ) -> None:
        """Take what an earlier run had committed; used by the next `configure`."""
        self._saved, self._saved_charts = dict(states), dict(charts)

    def configure(
        self, config: EdgeConfig, runs: dict[str, RuleRun], channels: Mapping[str, Channel]
    ) -> None:
        """Run these rules from now on; alarms of those that stay go on."""
        now_s = self._clock.steady_s()
        first = not self._families.runs
        handover.carry_over(runs, config, self._families, self._saved, self._reports, now_s)
        self._saved = {}
        self._config, self._channels = config, channels
        self._devices = {device.id: device for device in config.devices}
        self._others.awaited.clear()
        self._others.families = Families(config, {id_: run for id_, run in runs.items() if not run.line})
        for run in runs.values():
            if run.line:
                self._families.add_line(run)
        self._schedules.use(config.timezone)
        self._reports.limits = config.alarms
        if first:
            self._reports.remember(rule_runs.lately_raised(runs), now_s)
        self._timers.clear()
        for run in runs.values():
            run.state = alarms.fit(run.rule, run.state, now_s)
            run.due_s = None
            run.turn_s = now_s if run.rule.schedule or "schedule" in run.state.suppressed else math.inf
        for channel in {id(ear.channel): ear.channel for run in runs.values() for ear in run.ears}.values():
            if channel.ears is not None:  # a second level is judged before the first that it hides
                channel.ears.sort(key=lambda ear: ear.run.rule.condition not in alarms.FIRST_LEVEL)
        self._charts.resume(self._saved_charts, channels, now_s, self._clock.wall())
        self._saved_charts = {}
        for run in runs.values():
            self._others.reconcile(run, now_s)
        for run in sorted(runs.values(), key=lambda run: run.rule.condition not in alarms.FIRST_LEVEL):
            self._reconsider(run, now_s)
        self.flush()

    def _reconsider(self, run: RuleRun, now_s: float) -> None:
        """Judge what is known already by a rule that is new or has changed."""
        if run.turn_s <= now_s:
            self._turn(run, now_s)
        for ear in run.ears:
            channel = ear.channel
            if channel.quality is _GOOD and not (run.silence and not ear.name):
                at = self._clock.wall()
                self._step(ear, Reading(channel.value, _GOOD, at, at), now_s, channel.last_good_s)
        self._advance(run, now_s)

    # -- readings and time

    def listen(
        self, channel: Channel, value: Value, quality: Quality, reason: str, now_s: float, previous_s: float
    ) -> None:
        """Let all rules that listen to a point judge its reading, except those for which it decides nothing."""
        if self._timers and self._timers[0][0] < now_s:
            self._run_timers(now_s)  # what fell due before comes first
        at = self._clock.wall()
        reading = Reading(value, quality, at, at, reason)
        plain = quality is _GOOD and isinstance(value, float | int)
        ears: Sequence[Ear] = channel.ears or ()
        for ear in ears:
            if not (plain and ear.low <= value <= ear.high):  # type: ignore[operator]  # a number
                self._step(ear, reading, now_s, previous_s)

    def _step(self, ear: Ear, reading: Reading, now_s: float, previous_s: float) -> None:
        run = ear.run
        state, changes = self._refreshed(run, ear, now_s, previous_s)
        state, more = alarms.step(run.rule, state, reading, now_s, ear.name)
        self._apply(run, (state, changes + more), now_s)

    def _advance(self, run: RuleRun, now_s: float) -> None:
        if run.turn_s <= now_s:
            self._turn(run, now_s)
        if run.release_s <= now_s:
            run.release_s = math.inf
            self.do(run, Operation("unsuppress", why="parent"), now_s)
        state, changes = self._refreshed(run, None, now_s, 0.0)
        state, more = alarms.tick(run.rule, state, now_s)
        self._apply(run, (state, changes + more), now_s)

    def _refreshed(self, run: RuleRun, stepping: Ear | None, now_s: float, previous_s: float) -> Told:
        """The run's state with what it has not been told because it decided nothing by itself."""
        state, changes = run.state, list[Change]()
        if run.rule.timed:
            for ear in run.ears:
                state = self._heard(run, state, ear, previous_s if ear is stepping else None, now_s)
        if len(run.ears) > 1:
            at = self._clock.wall()
            for ear in run.ears:
                channel = ear.channel
                if ear is not stepping and channel.quality is _GOOD:
                    untold = Reading(channel.value, _GOOD, at, at)
                    state, more = alarms.step(run.rule, state, untold, now_s, ear.name)
                    changes += more
        return state, changes

    def _heard(
        self, run: RuleRun, state: AlarmState, ear: Ear, previous_s: float | None, now_s: float
    ) -> AlarmState:
        """The state told of readings of a point that were left out: until when they came, and when one differed."""
        channel, trace, rule = ear.channel, ear.channel.trace, run.rule
        changed_s, value = (None, None) if trace is None else (trace.changed_s, channel.value)
        if previous_s is not None:  # of the point that is being told: until before its present reading
            if trace is not None and changed_s is not None and changed_s >= now_s:
                changed_s, value = trace.before
            return (
                alarms.heard(rule, state, previous_s, ear.name, changed_s, value)
                if previous_s > -math.inf
                else state
            )
        last_s = channel.last_good_s
        if not run.comm and self._families.out_of_reach(channel.point.device):
            last_s = now_s  # its device's alarm says it already
        return alarms.heard(rule, state, last_s, ear.name, changed_s, value) if last_s > -math.inf else state

    def next_due_s(self) -> float | None:
        """When `tick` should be called if no reading comes."""
        charts = self._charts.next_due_s()
        timer = self._timers[0][0] if self._timers else None
        return min((at for at in (charts, timer) if at is not None), default=None)

    def tick(self) -> None:
        """Raise, clear and freeze what has fallen due."""
        now_s = self._clock.steady_s()
        self._run_timers(now_s)
        self._charts.freeze_due(now_s, self._channels)
        self.flush()

    def _run_timers(self, now_s: float) -> None:
        while self._timers and self._timers[0][0] <= now_s:
            due_s, _number, run = heapq.heappop(self._timers)
            if run.due_s == due_s:  # else an outdated entry
                run.due_s = None
                self._advance(run, now_s)

    def _plan(self, run: RuleRun, now_s: float) -> None:
        """Set the run's timer to whatever comes next."""
        due_s = alarms.due_s(run.rule, run.state)
        look_s = alarms.look_s(run.rule, run.state)
        if look_s is not None and look_s <= now_s:
            least_s, most_s = _LOOK_AGAIN_S
            look_s = now_s + min(most_s, max(least_s, now_s - run.channel.last_good_s))
        moments = (due_s, look_s, run.turn_s, run.release_s)
        next_s = min((at_s for at_s in moments if at_s is not None), default=math.inf)
        planned = None if next_s == math.inf else next_s
        if planned != run.due_s:
            run.due_s = planned
            if planned is not None:
                heapq.heappush(self._timers, (planned, next(self._count), run))
                if self._timers[0][2] is run:
                    self._sooner()

    def flush(self) -> None:
        """Hand out what has been decided since the last time, as one batch."""
        self._reports.flush()

    def checkpoint(self, whole: bool = False) -> None:
        """Store states that count, so that a restart keeps the time elapsed. `whole`: also what lies in windows."""
        now_s = self._clock.steady_s()
        for run in self._families.runs.values():
            state = run.state
            if not (state.pending or run.rule.timed or state.hushed or whole):
                continue
            silent = run.silence and not state.trouble and now_s - run.channel.last_good_s > _FRESH_S
            still = alarms.look_s(run.rule, state) is not None and self._rarely(run, now_s)
            hushed = state.hushed and now_s - run.stored_s > _HUSHED_S
            if whole or state.pending or silent or still or hushed:
                self._apply(run, self._refreshed(run, None, now_s, 0.0), now_s)
                self._reports.store(run, now_s)
        self.flush()

    def _rarely(self, run: RuleRun, now_s: float) -> bool:
        after_s = min(part.after_s for part in run.rule.parts if part.after_s is not None)
        return now_s - run.stored_s > max(_FRESH_S, after_s / _STILL_STORED)

    # -- what was decided

    def do(self, run: RuleRun, operation: Operation, now_s: float) -> None:
        """Carry an operation out."""
        state, changes = self._refreshed(run, None, now_s, 0.0)
        state, more = alarms.operate(run.rule, state, operation, now_s)
        self._apply(run, (state, changes + more), now_s)

    def _apply(self, run: RuleRun, decided: Told, now_s: float) -> None:
        """Take a new state, tell what it means, and do what it means for others."""
        was, told = run.state, run.told
        run.state, changes = decided
        reminded, raised_s = None, list[float]()
        for change in changes:
            if isinstance(change, alarms.Raised):
                self._raised(run, change, now_s)
                raised_s.append(change.at_s)
            elif isinstance(change, alarms.Cleared):
                self._reports.cleared(run, change.at_s, run.value, change.reason)
            elif isinstance(change, alarms.Reminded):
                reminded = change  # one is enough, however late
            else:
                self._reports.service(run, change)
        if reminded is not None and run.state.active:
            self._reports.reminded(run, reminded)
        if any(not isinstance(change, alarms.ServiceChange) for change in changes) or run.told != told:
            self._families.note(run)
            self._reports.store(run, now_s)
        run.settle()
        self._plan(run, now_s)
        if raised_s:
            self._chatter(run, raised_s, now_s)
        if run.state.up and not was.up and run.rule.condition is Condition.NO_DATA:
            self._silent(run)
        if run.state.trouble != was.trouble or run.state.up != was.up:
            self._others.speak(run, was, now_s)
        if run.state.active != was.active:
            self._others.eclipse(run, now_s)

    def _raised(self, run: RuleRun, raised: alarms.Raised, now_s: float) -> None:
        first_out = self._families.first_out(run)
        children = self._families.devices_of(run) if run.comm else []
        self._reports.raised(run, raised, now_s, first_out, children)
        if run.rule.condition is not Condition.NO_DATA:
            self._charts.begin(run, raised.at_s, first_out)
            self._sooner()

    def _chatter(self, run: RuleRun, raised_s: list[float], now_s: float) -> None:
        """Too many raises in a short time: the rule shelves itself, and says so."""
        limits = self._config.alarms
        run.raises = [at_s for at_s in run.raises if at_s > now_s - limits.chatter_window_s] + raised_s
        if len(run.raises) >= limits.chatter_raises and not run.state.quiet:
            operation = Operation(
                "shelve", why="chatter", seconds=limits.chatter_shelve_s, raises=len(run.raises)
            )
            run.raises = []
            self.do(run, operation, now_s)

    def _turn(self, run: RuleRun, now_s: float) -> None:
        """Whether the rule counts by the plant's clock now, and when to ask again."""
        counts = self._schedules.counts(run.rule.schedule)
        run.turn_s = self._schedules.look_s(run.rule.schedule)
        self.do(run, Operation("unsuppress" if counts else "suppress", why="schedule"), now_s)

    # -- lines and publishing machines

    def line_answers(self, line_id: str, device_ids: Sequence[str], answering: bool, name: str) -> None:
        """A line with several devices has (not) answered at all."""
        rule_id = rule_runs.line_rule_id(line_id)
        devices = {id_: self._devices[id_] for id_ in device_ids if id_ in self._devices}
        run = self._families.runs.get(rule_id)
        if len(devices) < 2 or (run is None and answering):
            return
        now_s = self._clock.steady_s()
        if run is None:
            for old in {id(line): line for line in map(self._families.line_of.get, devices) if line}.values():
                handover.remove(old, self._reports, now_s)  # the same devices behind another address
                self._reports.forget(old.rule.id)
                old.due_s = None
                self._others.drop_line(old, now_s)
            run = self._others.new_line(rule_id, name, devices.values(), now_s)
        elif set(run.line) != set(devices):
            run.line = tuple(devices)
            self._families.add_line(run)
        channel, failing = run.channel, not answering
        if channel.value is not failing or channel.quality is not _GOOD:
            channel.change(failing, _GOOD, "", now_s, -math.inf)
            self.listen(channel, failing, _GOOD, "", now_s, -math.inf)

    def answered(self, device_id: str) -> None:
        """A device has answered, as it does all the time; somebody behind it may wait for that."""
        if device_id in self._others.awaited:
            self._others.answered(device_id, self._clock.steady_s())

    def line_lives(self, device_id: str) -> None:
        """A device has answered, so its line does."""
        line = self._families.line_of.get(device_id)
        if line is not None and line.state.trouble:
            self.line_answers(line.rule.id.removeprefix(rule_runs.LINE), line.line, True, "")

    def gone(self, device_id: str) -> None:
        """A publishing device is not there any more: no need to wait for its silence."""
        run = self._families.runs.get(COMM + device_id)
        if run is not None and run.silence:
            now_s = self._clock.steady_s()
            state = alarms.silent(run.rule, run.state, now_s)
            self._apply(run, alarms.tick(run.rule, state, now_s), now_s)

    # -- people

    def order(
        self, rule_id: str, operation: str, by: str, reason: str, seconds: float | None, once: bool
    ) -> None:
        """What somebody orders; see `Watch.operate`."""
        run = self._families.runs.get(rule_id)
        if run is None:
            raise NotFound("rule.not_here", f"this edge has no rule {rule_id}", rule=rule_id)
        verb = next((verb for verb in _PEOPLES if verb == operation), None)
        if verb is None:
            raise AppError("rule.unknown_operation", f"no operation {operation}", operation=operation)
        now_s = self._clock.steady_s()
        try:
            self.do(run, Operation(verb, by, reason, seconds, once), now_s)
        except AppError as error:
            error.params["rule"] = run.config.name
            raise
        self._reports.store(run, now_s)
        self.flush()

    def active_runs(self) -> Iterable[RuleRun]:
        """The rules whose alarms are raised."""
        return self._families.active

    def services(self) -> list[dict[str, object]]:
        """What is not in service, as plain values for people."""
        quiet = (run for run in self._families.runs.values() if run.state.quiet)
        return [shown for run in quiet if (shown := reports.service_of(run, self._clock)) is not None]
