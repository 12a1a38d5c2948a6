"""Which alarm speaks for which: gateways for the devices behind them, lines for their devices, second levels for first.

Knows who belongs to whom, and who of them is in trouble; decides nothing about a single rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from core.domain.alarms import FIRST_LEVEL
from core.wire.edge_config import EdgeConfig, EdgeItself
from edge_agent.rule_runs import COMM, RuleRun


class Families:
    """The rules of one configuration, and the lines that have told of themselves."""

    def __init__(self, config: EdgeConfig, runs: Mapping[str, RuleRun]) -> None:
        self.runs: dict[str, RuleRun] = dict(runs)
        self._parent: dict[str, str] = {}
        self._children: dict[str, list[str]] = {}
        self.name: dict[str, str] = {}
        for device in config.devices:
            self.name[device.id] = device.name
            parent = "" if isinstance(device, EdgeItself) else device.parent
            if parent:
                self._parent[device.id] = parent
                self._children.setdefault(parent, []).append(device.id)
        self._of_device: dict[str, list[RuleRun]] = {}
        for run in runs.values():
            if run.device:
                self._of_device.setdefault(run.device, []).append(run)
        self.line_of: dict[str, RuleRun] = {}
        self._second: dict[tuple[str, str, str], list[RuleRun]] = {}
        self._first: dict[tuple[str, str, str], list[RuleRun]] = {}
        for run in runs.values():
            condition = run.rule.condition
            if condition in FIRST_LEVEL:
                self._second.setdefault(_level(run, FIRST_LEVEL[condition]), []).append(run)
            elif condition in FIRST_LEVEL.values():
                self._first.setdefault(_level(run, condition), []).append(run)
        self._active: dict[str, RuleRun] = {}
        self._by_key: dict[str, set[str]] = {}
        self._keys_of: dict[str, list[str]] = {}
        for run in runs.values():
            if run.state.active:
                self.note(run)

    # -- lines

    def add_line(self, run: RuleRun) -> None:
        """A line's alarm that speaks for its devices."""
        self.runs[run.rule.id] = run
        for device in run.line:
            self.line_of[device] = run
        if run.state.active:
            self.note(run)

    def drop_line(self, run: RuleRun) -> None:
        """A line is no more."""
        self.runs.pop(run.rule.id, None)
        for device in [device for device, line in self.line_of.items() if line is run]:
            del self.line_of[device]
        self._forget(run)

    # -- who speaks for whom

    def devices_of(self, run: RuleRun) -> list[str]:
        """The devices that a communication alarm speaks for: those behind it, and behind those."""
        found: dict[str, None] = {}
        waiting = list(run.line or self._children.get(run.device, ()))
        while waiting:
            device = waiting.pop(0)
            if device not in found and device != run.device:
                found[device] = None
                waiting += self._children.get(device, ())
        return list(found)

    def covered(self, run: RuleRun) -> Iterator[RuleRun]:
        """All rules that a communication alarm speaks for: of its devices, and of lines that are wholly behind it."""
        devices = self.devices_of(run)
        for device in devices:
            yield from self._of_device.get(device, ())
        lines = {id(line): line for line in map(self.line_of.get, devices) if line is not None}
        yield from (line for line in lines.values() if line is not run and run in self._speakers(line))

    def down(self, run: RuleRun) -> bool:
        """Whether another alarm has a reason to speak for this one now: of its line, or of what it is behind."""
        return any(speaker.state.trouble for speaker in self._speakers(run))

    def spoken_for(self, run: RuleRun) -> bool:
        """Whether another alarm speaks for this one now: the delay of that one is over."""
        return any(speaker.state.trouble and speaker.state.up for speaker in self._speakers(run))

    def gateways(self, run: RuleRun) -> list[RuleRun]:
        """The polled devices that this communication alarm is behind."""
        return [speaker for speaker in self._speakers(run) if not speaker.line and not speaker.silence]

    def out_of_reach(self, device: str) -> bool:
        """Whether a device, its line, or what it is behind is known not to answer."""
        own = self.runs.get(COMM + device)
        return bool(own is not None and own.state.up) or any(run.state.trouble for run in self._above(device))

    def _speakers(self, run: RuleRun) -> list[RuleRun]:
        if not run.line:
            return list(self._above(run.device))
        above = [[speaker for speaker in self._above(device) if speaker is not run] for device in run.line]
        return [speaker for speaker in above[0] if all(speaker in others for others in above[1:])]

    def _above(self, device: str) -> Iterator[RuleRun]:
        seen: set[str] = set()
        while device and device not in seen:
            seen.add(device)
            if device in self.line_of:
                yield self.line_of[device]
            device = self._parent.get(device, "")
            if device and COMM + device in self.runs:
                yield self.runs[COMM + device]

    def speaks(self, run: RuleRun) -> bool:
        """Whether this alarm speaks for anybody."""
        return run.comm and bool(run.line or self._children.get(run.device))

    # -- levels

    def eclipsed_by(self, run: RuleRun) -> Iterable[RuleRun]:
        """Rules of the second level that hide this one while they are up."""
        return self._second.get(_level(run, run.rule.condition), ())

    def eclipses(self, run: RuleRun) -> Iterable[RuleRun]:
        """Rules of the first level that this one hides."""
        first = FIRST_LEVEL.get(run.rule.condition)
        return self._first.get(_level(run, first), ()) if first else ()

    # -- what is active

    @property
    def active(self) -> Iterable[RuleRun]:
        """All rules whose alarms are raised, oldest first."""
        return self._active.values()

    def note(self, run: RuleRun) -> None:
        """A rule has been raised or cleared."""
        self._forget(run)
        if run.state.active:
            self._active[run.rule.id] = run
            keys = self._keys_of[run.rule.id] = self._keys(run)
            for key in keys:
                self._by_key.setdefault(key, set()).add(run.rule.id)

    def first_out(self, run: RuleRun) -> bool:
        """Whether nothing else is raised on its asset; for a communication alarm also nothing in its family.

        What comes from behind a device that is raised itself is not first.
        """
        if any(self._by_key.get(key, set()) - {run.rule.id} for key in self._keys(run)):
            return False
        return not self.down(run)

    def _forget(self, run: RuleRun) -> None:
        if self._active.pop(run.rule.id, None) is not None:
            for key in self._keys_of.pop(run.rule.id):
                self._by_key[key].discard(run.rule.id)

    def _keys(self, run: RuleRun) -> list[str]:
        keys = [f"asset {run.asset}" if run.asset else f"device {run.device}"]
        if run.comm:
            top, seen = run.device or (run.line[0] if run.line else ""), set[str]()
            while top in self._parent and top not in seen:
                seen.add(top)
                top = self._parent[top]
            line = self.line_of.get(top)
            keys.append(f"family {line.rule.id}" if line is not None else f"family {top}")
        return keys


def _level(run: RuleRun, condition: str) -> tuple[str, str, str]:
    return run.config.point, run.asset, condition
