"""From readings to alarms: runs each rule over its points, keeps alarm states, hands events out in whole batches.

Knows no devices' protocols, no files and no network. All calls come from one thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from core.domain.points import Quality
from core.wire.edge_config import EdgeConfig, PointConfig
from core.wire.uplink import PointSample
from edge_agent import recorder, rule_runs
from edge_agent.channels import Channel, Value, move, share
from edge_agent.clock import Clock
from edge_agent.outbox import Batch
from edge_agent.recorder import Trace
from edge_agent.rule_runs import RuleRun, device_channel
from edge_agent.runner import Runner

_GOOD = Quality.GOOD  # looking a member up costs more than judging a reading


class Watch:
    """All live points and rules of an edge.

    `commit` takes each batch; it must not block. `sooner` is called when `next_due_s` has come nearer.
    """

    def __init__(
        self, clock: Clock, commit: Callable[[Batch], None], sooner: Callable[[], None] = lambda: None
    ) -> None:
        self._clock = clock
        self._channels: dict[str, Channel] = {}
        self._devices: dict[str, Channel] = {}
        self._runner = Runner(clock, commit, sooner, self._went_silent)

    # -- configuration

    def restore(
        self, states: Mapping[str, Mapping[str, object]], charts: Mapping[str, Mapping[str, object]]
    ) -> None:
        """Take what an earlier run had committed; used by the next `configure`."""
        self._runner.restore(states, charts)

    def configure(self, config: EdgeConfig) -> None:
        """Watch what `config` says. Alarms of rules that stay go on; those of rules taken away are cleared."""
        share(config.points)
        share(config.rules)
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
        for channel in (*channels.values(), *self._devices.values()):
            channel.ears = None
        for run in runs.values():
            for ear in run.ears:
                ear.channel.ears = [*(ear.channel.ears or ()), ear]
        self._record(runs.values())
        self._runner.configure(config, runs, channels)

    def _record(self, runs: Iterable[RuleRun]) -> None:
        """A ring for each point that has a rule, and none for the others."""
        heard = {id(ear.channel): ear.channel for run in runs if not run.comm for ear in run.ears}
        most = recorder.room(len(heard))
        for channel in self._channels.values():
            if id(channel) not in heard:
                channel.trace = None
            elif channel.trace is None:
                channel.trace = Trace(most)
            else:
                channel.trace.most = most

    def channel(self, point_id: str) -> Channel:
        """The live point; KeyError when the configuration has none of that id."""
        return self._channels[point_id]

    # -- readings

    def take(
        self,
        channels: Sequence[Channel],
        changes: Iterable[tuple[int, Value]],
        previous_good_s: float,
        reasons: Sequence[str] = (),
    ) -> None:
        """What a good scan says anew of points that share a feed. `previous_good_s`: the good scan before it.

        `changes`: index into `channels`, and the value; None is no number, and `reasons` (by the same index) says why.
        """
        now_s = self._clock.steady_s()
        heard: list[tuple[Channel, Value]] = []
        odd: list[tuple[int, Value]] = []
        move(channels, changes, now_s, previous_good_s, heard, odd)
        for index, value in odd:
            if value is not None:
                self.put(channels[index], value, _GOOD, "", previous_good_s)
            elif channels[index].quality is not Quality.UNCERTAIN:
                reason = reasons[index] if reasons else "not a number"
                self.put(channels[index], None, Quality.UNCERTAIN, reason, previous_good_s)
        for channel, value in heard:
            self._runner.listen(channel, value, _GOOD, "", now_s, previous_good_s)

    def put(
        self, channel: Channel, value: Value, quality: Quality, reason: str, previous_good_s: float
    ) -> None:
        """A point has a new value or quality. `previous_good_s`: the last good scan of its feed before this one."""
        now_s = self._clock.steady_s()
        if quality is _GOOD and channel.quality is _GOOD and value is not None:
            heard: list[tuple[Channel, Value]] = []
            move((channel,), ((0, value),), now_s, previous_good_s, heard, [])
            if not heard:
                return
        else:
            channel.change(value, quality, reason, now_s, previous_good_s)
        if channel.ears is not None:
            self._runner.listen(channel, value, quality, reason, now_s, previous_good_s)

    def answers(self, device_id: str, answering: bool) -> None:
        """A polled device has (not) answered: feeds its communication alarm."""
        channel = self._devices[device_id]
        failing = not answering
        if channel.value is not failing or channel.quality is not _GOOD:
            if answering:
                self._runner.line_lives(device_id)
            self.put(channel, failing, _GOOD, "", -math.inf)
        elif answering:
            self._runner.answered(device_id)

    def line_answers(self, line_id: str, device_ids: Sequence[str], answering: bool, name: str) -> None:
        """A line with several devices has (not) answered at all: feeds the communication alarm that speaks for them."""
        self._runner.line_answers(line_id, device_ids, answering, name)

    def heard(self, device_id: str) -> None:
        """A publishing device has sent something: silence begins anew."""
        channel = self._devices[device_id]
        before = channel.feed.good_s
        channel.feed.good_s = self._clock.steady_s()
        if channel.quality is not _GOOD:
            self.put(channel, True, _GOOD, "", before)

    def gone(self, device_id: str) -> None:
        """The broker says that a publishing device is not there any more: its alarm does not wait for silence."""
        self._runner.gone(device_id)

    def _went_silent(self, run: RuleRun) -> None:
        """Nothing has come for too long: what the points last said is no longer good."""
        if run.comm:
            channels = [c for c in self._channels.values() if c.point.device == run.device] + [run.channel]
        else:
            channels = [run.channel]
        for channel in channels:
            channel.feed.stale = True
            if channel.quality is _GOOD:
                last = channel.last_good_s
                self.put(channel, channel.value, Quality.BAD_STALE, "nothing received for too long", last)

    # -- people

    def operate(
        self,
        rule_id: str,
        operation: str,
        by: str = "",
        reason: str = "",
        seconds: float | None = None,
        once: bool = False,
    ) -> None:
        """acknowledge, reset, shelve, unshelve, out_of_service or in_service, as somebody orders it.

        Raises NotFound `rule.not_here`, or AppError `rule.shelve_too_long`, `rule.shelve_needs_time`,
        `rule.still_met`, `rule.out_of_service`, `rule.unknown_operation`; each names the `rule`.
        """
        self._runner.order(rule_id, operation, by, reason, seconds, once)

    def services(self) -> list[dict[str, object]]:
        """What is shelved, suppressed or out of service, as plain values for people."""
        return self._runner.services()

    # -- time

    def next_due_s(self) -> float | None:
        """When `tick` should be called if no reading comes, on the steady clock."""
        return self._runner.next_due_s()

    def tick(self) -> None:
        """Raise, clear and freeze what has fallen due."""
        self._runner.tick()

    def flush(self) -> None:
        """Hand out what has been decided since the last time, as one batch."""
        self._runner.flush()

    def checkpoint(self, whole: bool = False) -> None:
        """Store states whose delays or silences are counting, so that a restart keeps the time elapsed.

        `whole`: at an orderly stop, also what was read within the windows of rates and steps.
        """
        self._runner.checkpoint(whole)

    def active(self) -> list[str]:
        """Occurrences that are raised and not cleared."""
        return [run.occurrence for run in self._runner.active_runs()]

    def active_runs(self) -> Iterable[RuleRun]:
        """The rules whose alarms are raised."""
        return self._runner.active_runs()

    def telemetry(self) -> list[PointSample]:
        """What the points did since the last call."""
        at = self._clock.wall()
        samples = (channel.sample(at) for channel in self._channels.values())
        return [sample for sample in samples if sample is not None]


def _source(point: PointConfig) -> PointConfig:
    """What a point is read from and how: words may change without its history being lost."""
    return point.model_copy(update={"name": "", "unit": "", "asset": ""})
