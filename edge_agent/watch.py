"""From readings to alarms: runs each rule over its point, keeps alarm states, hands events out in whole batches.

Knows no devices' protocols, no files and no network. All calls come from one thread.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from uuid import uuid4

from core import log
from core.domain import alarms
from core.domain.alarms import Condition
from core.domain.points import Quality, Reading
from core.wire.edge_config import EdgeConfig, PointConfig
from core.wire.uplink import AlarmCleared, AlarmRaised, PointSample
from edge_agent import rule_runs
from edge_agent.channels import Channel, Value
from edge_agent.clock import Clock
from edge_agent.outbox import Batch
from edge_agent.recorder import OpenChart, Trace
from edge_agent.rule_runs import COMM, RuleRun, device_channel

_log = log.get(__name__)
_FRESH_S = 5.0
_GOOD = Quality.GOOD  # looking a member up costs more than judging a reading
_NUMBERS = (float, int)  # exactly: a bool is judged by its own rules


class Watch:
    """All live points and rules of an edge.

    `commit` takes each batch; it must not block. `sooner` is called when `next_due_s` has come nearer.
    """

    def __init__(
        self, clock: Clock, commit: Callable[[Batch], None], sooner: Callable[[], None] = lambda: None
    ) -> None:
        self._clock = clock
        self._commit = commit
        self._sooner = sooner
        self._batch = Batch()
        self._channels: dict[str, Channel] = {}
        self._devices: dict[str, Channel] = {}
        self._runs: dict[str, RuleRun] = {}
        self._of: dict[int, list[RuleRun]] = {}  # by id() of the channel
        self._timers: list[tuple[float, int, RuleRun]] = []
        self._count = itertools.count()
        self._charts: dict[str, OpenChart] = {}
        self._saved: dict[str, Mapping[str, object]] = {}
        self._saved_charts: dict[str, Mapping[str, object]] = {}

    # -- configuration

    def restore(
        self, states: Mapping[str, Mapping[str, object]], charts: Mapping[str, Mapping[str, object]]
    ) -> None:
        """Take what an earlier run had committed; used by the next `configure`."""
        self._saved, self._saved_charts = dict(states), dict(charts)

    def configure(self, config: EdgeConfig) -> None:
        """Watch what `config` says. Alarms of rules that stay go on; those of rules taken away are cleared."""
        now_s = self._clock.steady_s()
        channels: dict[str, Channel] = {}
        for point in config.points:
            old = self._channels.get(point.id)
            same = old is not None and _source(old.point) == _source(point)
            channels[point.id] = old if old is not None and same else Channel(point)
            channels[point.id].point = point
        self._channels = channels
        self._devices = {
            device.id: self._devices.get(device.id) or device_channel(device.id) for device in config.devices
        }
        runs = rule_runs.build(config, channels, self._devices)
        for run in runs.values():
            if not run.comm and run.rule.condition is not Condition.NO_DATA and run.channel.trace is None:
                run.channel.trace = Trace()
        self._carry_over(runs, now_s)
        self._runs = runs
        self._of = {}
        for run in runs.values():
            self._of.setdefault(id(run.channel), []).append(run)
        self._resume_charts(now_s)
        self._timers.clear()
        for run in runs.values():
            run.due_s = None
            self._reconsider(run, now_s)
        self.flush()

    def channel(self, point_id: str) -> Channel:
        """The live point; KeyError when the configuration has none of that id."""
        return self._channels[point_id]

    # -- readings

    def put(
        self, channel: Channel, value: Value, quality: Quality, reason: str, previous_good_s: float
    ) -> None:
        """A point has a new value or quality. `previous_good_s`: the last good scan of its feed before this one."""
        runs = self._of.get(id(channel))
        usual = quality is _GOOD and channel.quality is _GOOD
        if usual and runs is None and channel.trace is None:
            channel.move(value)
            return
        now_s = self._clock.steady_s()
        if usual:
            channel.move(value)
            if channel.trace is not None:
                channel.trace.note(now_s, _number(value), previous_good_s)
            if type(value) in _NUMBERS and runs is not None:
                runs = [run for run in runs if not run.calm_from <= value <= run.calm_to]  # type: ignore[operator]
        else:
            channel.change(value, quality, reason, now_s, previous_good_s)
        if runs:
            at = self._clock.wall()
            reading = Reading(value, quality, at, at, reason)
            for run in runs:
                self._step(run, reading, now_s, previous_good_s)

    def answers(self, device_id: str, answering: bool) -> None:
        """A polled device has (not) answered: feeds its communication alarm."""
        channel = self._devices[device_id]
        failing = not answering
        if channel.value is not failing or channel.quality is not Quality.GOOD:
            self.put(channel, failing, Quality.GOOD, "", -math.inf)

    def heard(self, device_id: str) -> None:
        """A publishing device has sent something: silence begins anew."""
        channel = self._devices[device_id]
        before = channel.feed.good_s
        channel.feed.good_s = self._clock.steady_s()
        if channel.quality is not Quality.GOOD:
            self.put(channel, True, Quality.GOOD, "", before)

    # -- time

    def next_due_s(self) -> float | None:
        """When `tick` should be called if no reading comes, on the steady clock."""
        charts = min((chart.until_s for chart in self._charts.values()), default=None)
        timer = self._timers[0][0] if self._timers else None
        return min((at for at in (charts, timer) if at is not None), default=None)

    def tick(self) -> None:
        """Raise, clear and freeze what has fallen due."""
        now_s = self._clock.steady_s()
        while self._timers and self._timers[0][0] <= now_s:
            due_s, _number, run = heapq.heappop(self._timers)
            if run.due_s == due_s:  # else an outdated entry
                run.due_s = None
                self._advance(run, now_s)
        for chart in [chart for chart in self._charts.values() if chart.until_s <= now_s]:
            self._freeze(chart, now_s)
        self.flush()

    def flush(self) -> None:
        """Hand out what has been decided since the last time, as one batch."""
        if self._batch:
            batch, self._batch = self._batch, Batch()
            self._commit(batch)

    def checkpoint(self) -> None:
        """Store states whose delays or silences are counting, so that a restart keeps the time elapsed."""
        now_s = self._clock.steady_s()
        for run in self._runs.values():
            state = run.state
            silent = run.rule.condition is Condition.NO_DATA and not state.trouble
            if state.pending or (silent and now_s - run.channel.last_good_s > _FRESH_S):
                self._store(run, now_s)
        self.flush()

    def active(self) -> list[str]:
        """Occurrences that are raised and not cleared."""
        return [run.occurrence for run in self._runs.values() if run.state.active]

    def active_runs(self) -> Iterable[RuleRun]:
        """The rules whose alarms are raised."""
        return (run for run in self._runs.values() if run.state.active)

    def telemetry(self) -> list[PointSample]:
        """What the points did since the last call."""
        at = self._clock.wall()
        samples = (channel.sample(at) for channel in self._channels.values())
        return [sample for sample in samples if sample is not None]

    # -- inside

    def _carry_over(self, runs: dict[str, RuleRun], now_s: float) -> None:
        for id_, old in self._runs.items():
            new = runs.get(id_)
            if (new is None or not new.take_over(old)) and old.state.active:
                self._clear(old, now_s, old.value, "rule_removed")
            if new is None:
                self._batch.states[id_] = None
        for id_, stored in self._saved.items():
            new = runs.get(id_)
            if new is not None and new.resume(stored, now_s):
                continue
            self._batch.states[id_] = None
            if rule_runs.state_of(stored).get("status") in (alarms.Status.UNACK, alarms.Status.ACKED):
                occurrence, asset = str(stored["occurrence"]), str(stored["asset"])
                self._batch.events.append(
                    AlarmCleared(
                        occurrence=occurrence, rule=id_, asset=asset, cleared_at=self._clock.wall(),
                        reason="rule_removed",
                    )
                )  # fmt: skip
        self._saved = {}

    def _resume_charts(self, now_s: float) -> None:
        for occurrence, stored in self._saved_charts.items():
            channel = self._channels.get(str(stored.get("point")))
            trace = channel.trace if channel is not None and channel.trace is not None else Trace()
            try:
                self._charts[occurrence] = OpenChart.resume(stored, trace, now_s, self._clock.wall())
            except ValueError as error:
                _log.warning("stored chart is not readable", occurrence=occurrence, reason=str(error))
                self._batch.charts[occurrence] = None
        self._saved_charts = {}
        for chart in list(self._charts.values()):
            if chart.until_s <= now_s or chart.point not in self._channels:
                self._freeze(chart, now_s)

    def _reconsider(self, run: RuleRun, now_s: float) -> None:
        """Judge what is known already by a rule that is new or has changed."""
        channel = run.channel
        if channel.quality is Quality.GOOD and run.rule.condition is not Condition.NO_DATA:
            at = self._clock.wall()
            self._step(run, Reading(channel.value, channel.quality, at, at), now_s, channel.last_good_s)
        else:
            self._advance(run, now_s)

    def _step(self, run: RuleRun, reading: Reading, now_s: float, previous_good_s: float) -> None:
        state = run.state
        if run.rule.condition is Condition.NO_DATA and not state.trouble and previous_good_s > -math.inf:
            state = alarms.heard(state, previous_good_s)
        run.state, changes = alarms.step(run.rule, state, reading, now_s)
        self._report(run, changes, now_s)

    def _advance(self, run: RuleRun, now_s: float) -> None:
        state = run.state
        if run.rule.condition is Condition.NO_DATA and not state.trouble:
            last = run.channel.last_good_s
            if not run.comm and self._unreachable(run.device):  # its device's alarm says it already
                last = now_s
            if last > -math.inf:
                state = alarms.heard(state, last)
        run.state, changes = alarms.tick(run.rule, state, now_s)
        self._report(run, changes, now_s)

    def _report(self, run: RuleRun, changes: list[alarms.Change], now_s: float) -> None:
        for change in changes:
            if isinstance(change, alarms.Raised):
                self._raise(run, change, now_s)
            elif isinstance(change, alarms.Cleared):
                self._clear(run, change.at_s, change.value, "normal")
            self._store(run, now_s)
        run.settle()
        due_s = alarms.due_s(run.rule, run.state)
        if due_s != run.due_s:
            run.due_s = due_s
            if due_s is not None:
                heapq.heappush(self._timers, (due_s, next(self._count), run))
                if self._timers[0][2] is run:
                    self._sooner()

    def _raise(self, run: RuleRun, raised: alarms.Raised, now_s: float) -> None:
        channel, config = run.channel, run.config
        first_out = not any(other.asset == run.asset for other in self.active_runs() if other is not run)
        run.occurrence = uuid4().hex
        run.raised_at = self._clock.wall_of(raised.at_s)
        point = None if run.comm else channel.point
        self._batch.events.append(
            AlarmRaised(
                occurrence=run.occurrence,
                rule=run.rule.id,
                rule_name=config.name,
                asset=run.asset,
                device=run.device,
                point=point.id if point else "",
                point_name=point.name if point else "",
                severity=config.severity,
                value=raised.value if point else None,
                limit=run.rule.limit,
                unit=point.unit if point else "",
                raised_at=run.raised_at,
                first_out=first_out,
            )
        )
        _log.info(
            "alarm raised",
            rule=run.rule.id,
            name=config.name,
            asset=run.asset,
            value=raised.value,
            limit=run.rule.limit,
        )
        if point and channel.trace is not None and run.rule.condition is not Condition.NO_DATA:
            self._begin_chart(run, point, raised.at_s, channel.trace)
        if run.rule.condition is Condition.NO_DATA:
            self._go_stale(run)

    def _begin_chart(self, run: RuleRun, point: PointConfig, raised_s: float, trace: Trace) -> None:
        if any(chart.rule == run.rule.id for chart in self._charts.values()):
            return  # chattering: the chart under way shows this raise too
        assert run.raised_at is not None
        chart = OpenChart(
            run.occurrence,
            run.rule.id,
            point.id,
            point.name,
            point.unit,
            run.raised_at,
            raised_s,
            run.rule.limit,
            trace,
        )
        early, stored = chart.early(run.channel.last_good_s)
        self._charts[run.occurrence] = chart
        self._sooner()
        self._batch.events.append(early)
        self._batch.charts[run.occurrence] = stored

    def _freeze(self, chart: OpenChart, now_s: float) -> None:
        channel = self._channels.get(chart.point)
        held_until_s = channel.last_good_s if channel is not None else -math.inf
        self._batch.events.append(chart.final(now_s, held_until_s))
        self._batch.charts[chart.occurrence] = None
        del self._charts[chart.occurrence]

    def _clear(self, run: RuleRun, at_s: float, value: Value, reason: str) -> None:
        self._batch.events.append(
            AlarmCleared(
                occurrence=run.occurrence,
                rule=run.rule.id,
                asset=run.asset,
                value=None if run.comm else value,
                cleared_at=self._clock.wall_of(at_s),
                reason="rule_removed" if reason == "rule_removed" else "normal",
            )
        )
        _log.info("alarm cleared", rule=run.rule.id, name=run.config.name, asset=run.asset, reason=reason)

    def _go_stale(self, run: RuleRun) -> None:
        """Nothing has come for too long: what the points last said is no longer good."""
        if run.comm:
            channels = [c for c in self._channels.values() if c.point.device == run.device] + [run.channel]
        else:
            channels = [run.channel]
        for channel in channels:
            channel.feed.stale = True
            if channel.quality is Quality.GOOD:
                last = channel.last_good_s
                self.put(channel, channel.value, Quality.BAD_STALE, "nothing received for too long", last)

    def _unreachable(self, device_id: str) -> bool:
        run = self._runs.get(COMM + device_id)
        return run is not None and run.state.active

    def _store(self, run: RuleRun, now_s: float) -> None:
        body = run.stored_form(now_s)
        if body != run.stored:
            run.stored = body
            self._batch.states[run.rule.id] = body


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _source(point: PointConfig) -> PointConfig:
    """What a point is read from and how: words may change without its history being lost."""
    return point.model_copy(update={"name": "", "unit": "", "asset": ""})
