"""Which alarms are kept quiet because another one speaks for them: gateways, lines, second levels.

Knows families and states, no readings. What is raised by silence gives way to the alarm of what it is behind; a
process alarm stays, for silence does not clear it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from core.domain import alarms
from core.domain.alarms import AlarmState, Condition, Operation
from core.wire.edge_config import Device, EdgeConfig, EdgeItself
from edge_agent import rule_runs
from edge_agent.families import Families
from edge_agent.rule_runs import RuleRun

SECOND_LOOK_S = 30.0  # longest wait for a gateway to answer before what is behind it speaks for itself
RETURN_S = 10.0  # what is behind a device that is back gets this long to answer before its own silence counts


class Suppression:
    """`do` carries out an operation on a rule, `plan` sets its timer."""

    def __init__(
        self, do: Callable[[RuleRun, Operation, float], None], plan: Callable[[RuleRun, float], None]
    ) -> None:
        self._do, self._plan = do, plan
        self.families = Families(EdgeConfig(edge="", version=1), {})
        self.awaited: dict[str, list[RuleRun]] = {}  # gateway → who waits for a sign of life of it

    def reconcile(self, run: RuleRun, now_s: float) -> None:
        """Quiet by others as they stand now: families may have changed, or another run's state was resumed."""
        if "parent" in run.state.suppressed and run.release_s == math.inf and not self.families.down(run):
            self._do(run, Operation("unsuppress", why="parent"), now_s)
        elif self.families.down(run):
            self._cover(run, self.families.spoken_for(run), now_s)
        up = any(second.state.active for second in self.families.eclipsed_by(run))
        if "eclipse" in run.state.suppressed and not up:
            self._do(run, Operation("unsuppress", why="eclipse"), now_s)
        elif up and not run.state.active:
            self._do(run, Operation("suppress", why="eclipse"), now_s)

    def speak(self, run: RuleRun, was: AlarmState, now_s: float) -> None:
        """A gateway or line that is in trouble speaks for what is behind it; back, it gives it time to answer."""
        state, families = run.state, self.families
        if not state.trouble and run.release_s < math.inf and not run.silence:
            run.release_s = math.inf  # it has answered itself
            self._do(run, Operation("unsuppress", why="parent"), now_s)
        if state.trouble and not was.trouble and not run.silence and not families.down(run):
            self._look_first(run, now_s)
        if not families.speaks(run):
            return
        if state.trouble and not (was.trouble and was.up == state.up):
            for child in list(families.covered(run)):
                self._cover(child, bool(state.up), now_s)
        elif was.trouble and not state.trouble:
            for child in list(families.covered(run)):
                if "parent" in child.state.suppressed and not self.families.down(child):
                    self._release(child, now_s)

    def _look_first(self, run: RuleRun, now_s: float) -> None:
        """What is behind a gateway speaks for itself only once the gateway has answered since: the two are noticed in
        any order, and one loss is one alarm."""
        gateways = self.families.gateways(run) if run.comm and not run.state.active else []
        if not gateways:
            return
        self._do(run, Operation("suppress", why="parent"), now_s)
        run.release_s = now_s + SECOND_LOOK_S
        for gateway in gateways:
            self.awaited.setdefault(gateway.device, []).append(run)
        self._plan(run, now_s)

    def answered(self, gateway: str, now_s: float) -> None:
        """A gateway that was waited for has answered."""
        for run in self.awaited.pop(gateway, ()):
            waits = any(run in others for others in self.awaited.values())
            if run.release_s < math.inf and not waits and not self.families.down(run):
                run.release_s = math.inf
                self._do(run, Operation("unsuppress", why="parent"), now_s)

    def _cover(self, child: RuleRun, spoken: bool, now_s: float) -> None:
        """Keep a rule quiet while another speaks for it. What was raised by silence is over then; a process alarm
        stays: its last reading said trouble, and silence does not clear it."""
        child.release_s = math.inf
        if child.state.active and not (spoken and (child.comm or child.silence)):
            return
        if "parent" not in child.state.suppressed:
            self._do(child, Operation("suppress", why="parent"), now_s)

    def _release(self, child: RuleRun, now_s: float) -> None:
        """Let a rule speak for itself again, one that judges silence not before it could have answered."""
        wait_s = 0.0
        if child.comm or child.silence:
            own_s = [part.after_s or 0.0 for part in child.rule.parts if part.condition is Condition.NO_DATA]
            wait_s = RETURN_S - child.rule.on_delay_s - min(own_s, default=0.0)
        if wait_s <= 0 or (child.comm and not child.silence and not child.state.trouble):
            self._do(child, Operation("unsuppress", why="parent"), now_s)
        else:
            child.release_s = now_s + wait_s
            self._plan(child, now_s)

    def eclipse(self, run: RuleRun, now_s: float) -> None:
        """While a second level is up, the first level of the same point is not raised besides."""
        for first in self.families.eclipses(run):
            seconds = self.families.eclipsed_by(first)
            if not any(second.state.active for second in seconds):
                self._do(first, Operation("unsuppress", why="eclipse"), now_s)
            elif not first.state.active:
                self._do(first, Operation("suppress", why="eclipse"), now_s)
        if not run.state.active and any(second.state.active for second in self.families.eclipsed_by(run)):
            self._do(run, Operation("suppress", why="eclipse"), now_s)

    # -- lines

    def new_line(self, rule_id: str, name: str, devices: Collection[Device], now_s: float) -> RuleRun:
        """The alarm of a line that has not told of itself before."""
        polled = [device for device in devices if not isinstance(device, EdgeItself)]
        assets = {device.asset for device in polled}
        run = rule_runs.line_run(
            rule_id,
            rule_runs.no_answer(name),
            [device.id for device in polled],
            assets.pop() if len(assets) == 1 else "",
            min(self.families.runs[rule_runs.COMM + device.id].rule.on_delay_s for device in polled),
        )
        run.state = alarms.fit(run.rule, run.state, now_s)
        self.families.add_line(run)
        self.reconcile(run, now_s)
        return run

    def drop_line(self, line: RuleRun, now_s: float) -> None:
        """A line is no more: its devices speak for themselves."""
        covered = list(self.families.covered(line))
        self.families.drop_line(line)
        for run in covered:
            self.reconcile(run, now_s)
