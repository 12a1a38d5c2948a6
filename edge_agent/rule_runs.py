"""One rule at work: its definition, its state, the points it hears, and how it is stored."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from core.domain import alarms
from core.domain.alarms import AlarmState, Condition, Rule
from core.domain.points import Quality
from core.i18n import _, fill
from core.wire.edge_config import EdgeConfig, EdgeItself, MqttDevice, PointConfig, RuleConfig
from core.wire.rule_logic import domain_rule
from edge_agent.channels import Channel, Value

COMM = "comm:"  # rule id of a device's communication alarm: this and the device's id
LINE = "comm:line:"  # of a whole line's
SECRET: frozenset[alarms.Quiet] = frozenset({"parent", "eclipse"})
"""Reasons to be quiet that the hub is not told of: another alarm's raise says it for all."""
_ID_CHARACTERS = 40


class Ear:
    """What a rule hears of one point. Numbers from `low` to `high` decide nothing now; none at first."""

    __slots__ = ("channel", "high", "low", "name", "run")

    def __init__(self, run: RuleRun, channel: Channel, name: str) -> None:
        self.run, self.channel = run, channel
        self.name = name  # as the rule's terms call the point; empty for its own
        self.low, self.high = math.inf, -math.inf


class RuleRun:
    """One rule at work. `lines`: the devices, if it is the communication alarm of a whole line."""

    def __init__(
        self,
        rule: Rule,
        config: RuleConfig,
        channel: Channel,
        device: str,
        asset: str,
        others: Mapping[str, Channel] | None = None,
        line: Sequence[str] = (),
    ) -> None:
        self.rule, self.config, self.channel = rule, config, channel
        self.device, self.asset = device, asset
        self.line = tuple(line)
        self.comm = rule.id.startswith(COMM)
        self.silence = any(part.condition is Condition.NO_DATA for part in rule.parts)
        self.state = AlarmState()
        self.occurrence = ""
        self.raised_at: datetime | None = None
        self.raises: list[float] = []  # lately, on the steady clock: chatter
        self.told: tuple[str, ...] = ("in_service",)  # what the hub knows of its service
        self.due_s: float | None = None
        self.turn_s = math.inf  # when the schedule has to be looked at
        self.release_s = math.inf  # when suppression by a parent that is back ends
        self.stored: object = None
        self.stored_s = -math.inf
        self.ears = [Ear(self, channel, "")]
        self.ears += [Ear(self, other, name) for name, other in (others or {}).items()]

    def settle(self) -> None:
        """After each step: which numbers need no step for now."""
        for ear in self.ears:
            ear.low, ear.high = alarms.calm(self.rule, self.state, ear.name) or (math.inf, -math.inf)
            channel = ear.channel
            ears: list[Ear] = channel.ears or []
            channel.calm_low = max([one.low for one in ears], default=-math.inf)
            channel.calm_high = min([one.high for one in ears], default=math.inf)

    @property
    def value(self) -> Value:
        """The last good reading, also one that needed no step."""
        channel = self.channel
        return channel.value if channel.quality is Quality.GOOD else self.state.value

    @property
    def service(self) -> alarms.ServiceChange:
        """How it stands for people: without what another alarm says for it."""
        state = self.state
        if state.suppressed & SECRET:
            state = replace(state, suppressed=state.suppressed - SECRET)
        return alarms.service(state, 0.0)

    def stored_form(self, now_s: float, now: datetime) -> dict[str, object]:
        """What has to outlive a restart, as plain values."""
        form: dict[str, object] = {
            "state": alarms.freeze(self.state, now_s),
            "occurrence": self.occurrence,
            "point": self.config.point,
            "asset": self.asset,
            "raised_at": self.raised_at.isoformat() if self.raised_at else None,
            "at": now.isoformat(),
        }
        if self.raises:
            form["raises"] = [round(now_s - at_s, 3) for at_s in self.raises]
        if self.told != ("in_service",):
            form["told"] = list(self.told)
        if self.line:
            form["line"] = {
                "devices": list(self.line), "name": self.config.name, "after_s": self.rule.on_delay_s,
            }  # fmt: skip
        return form

    def take_over(self, old: RuleRun) -> bool:
        """Go on from `old` if it watched the same point of the same asset."""
        if (old.config.point, old.asset) != (self.config.point, self.asset):
            return False
        self.state, self.occurrence, self.raised_at = old.state, old.occurrence, old.raised_at
        self.raises, self.told, self.release_s = old.raises, old.told, old.release_s
        return True

    def resume(self, stored: Mapping[str, object], now_s: float, now: datetime) -> bool:
        """Go on from what `stored_form` made, if it watched the same point of the same asset.

        Raises KeyError, TypeError or ValueError when it cannot be read.
        """
        if (stored.get("point"), stored.get("asset")) != (self.config.point, self.asset):
            return False
        stored_at = stored.get("at")
        away_s = 0.0
        if stored_at is not None:
            away_s = max(0.0, (now - datetime.fromisoformat(str(stored_at))).total_seconds())
        state = alarms.thaw(state_of(stored), now_s, away_s)
        raised_at = stored.get("raised_at")
        raises, told = stored.get("raises", []), stored.get("told", ["in_service"])
        if not isinstance(raises, list) or not isinstance(told, list):
            raise TypeError("raises and what was told are lists")
        self.raises = [now_s - away_s - float(ago_s) for ago_s in raises]
        self.told = tuple(str(word) for word in told)
        self.raised_at = datetime.fromisoformat(str(raised_at)) if raised_at else None
        self.state, self.occurrence = state, str(stored["occurrence"])
        return True


def build(
    config: EdgeConfig, points: Mapping[str, Channel], devices: Mapping[str, Channel]
) -> dict[str, RuleRun]:
    """All rules of a configuration by id, and a communication alarm for each device."""
    by_id = {device.id: device for device in config.devices}
    runs: dict[str, RuleRun] = {}
    for rule in config.rules:
        channel = points[rule.point]
        device = by_id[channel.point.device]
        asset = rule.asset or channel.point.asset or device.asset
        meant = domain_rule(rule)
        others = {name: points[name] for name in meant.points}
        runs[rule.id] = RuleRun(meant, rule, channel, device.id, asset, others)
    for device in config.devices:
        if isinstance(device, EdgeItself):
            continue
        rule = _comm_rule(device.id, device.name, device.offline_after_s, isinstance(device, MqttDevice))
        runs[rule.id] = RuleRun(domain_rule(rule), rule, devices[device.id], device.id, device.asset)
    return runs


def line_rule_id(line_id: str) -> str:
    """Rule id of a line's communication alarm, within the length that ids may have."""
    room = _ID_CHARACTERS - len(LINE)
    if len(line_id) > room:
        line_id = line_id[: room - 13] + "~" + hashlib.sha256(line_id.encode()).hexdigest()[:12]
    return LINE + line_id


def line_run(rule_id: str, name: str, devices: Sequence[str], asset: str, after_s: float) -> RuleRun:
    """The communication alarm of a whole line. `name`: the rule's, in words."""
    rule = RuleConfig(id=rule_id, name=name[:200], point=rule_id, condition="bit", on_delay_s=after_s)
    run = RuleRun(domain_rule(rule), rule, device_channel(rule_id), "", asset, line=devices)
    run.channel.ears = list(run.ears)
    return run


def line_of(stored: Mapping[str, object], devices: Collection[str]) -> RuleRun | None:
    """The line's alarm that was stored, if at least two of its devices are still there."""
    line = stored.get("line")
    if not isinstance(line, Mapping) or not isinstance(line.get("devices"), list):
        return None
    there = [str(device) for device in line["devices"] if device in devices]
    if len(there) < 2:
        return None
    rule_id = str(stored["point"])
    return line_run(rule_id, str(line["name"]), there, str(stored["asset"]), float(line["after_s"]))


def no_answer(name: str) -> str:
    """The words of a communication alarm."""
    return fill(_("{device} does not answer"), {"device": name})[:200]


def state_of(stored: Mapping[str, object]) -> Mapping[str, object]:
    """The alarm state inside a stored form."""
    state = stored["state"]
    if not isinstance(state, Mapping):
        raise TypeError("a stored alarm state is a mapping")
    return state


def lately_raised(runs: Mapping[str, RuleRun]) -> Iterator[datetime]:
    """When each rule was last raised."""
    return (run.raised_at for run in runs.values() if run.raised_at is not None)


def _comm_rule(device: str, name: str, offline_after_s: float, publishes: bool) -> RuleConfig:
    words = no_answer(name)
    if publishes:
        return RuleConfig(
            id=COMM + device, name=words, point=device, condition="no_data", after_s=max(offline_after_s, 1.0)
        )
    return RuleConfig(id=COMM + device, name=words, point=device, condition="bit", on_delay_s=offline_after_s)


def device_channel(device_id: str) -> Channel:
    """The live value that a communication alarm watches."""
    return Channel(PointConfig(id=device_id, device=device_id, name=device_id))
