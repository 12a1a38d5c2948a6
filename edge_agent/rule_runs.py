"""One rule at work: its definition, its state, the words its events carry, and how it is stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from core.domain import alarms
from core.domain.alarms import AlarmState, Rule
from core.domain.points import Quality
from core.i18n import _, fill
from core.wire.edge_config import EdgeConfig, EdgeItself, MqttDevice, PointConfig, RuleConfig
from core.wire.rule_logic import domain_rule
from edge_agent.channels import Channel

COMM = "comm:"  # rule id of a device's communication alarm: this and the device's id


class RuleRun:
    """One rule at work: its definition, its state, and the words its events carry."""

    def __init__(self, rule: Rule, config: RuleConfig, channel: Channel, device: str, asset: str) -> None:
        self.rule, self.config, self.channel = rule, config, channel
        self.device, self.asset = device, asset
        self.state = AlarmState()
        self.occurrence = ""
        self.raised_at: datetime | None = None
        self.due_s: float | None = None
        self.stored: object = None
        self.calm_from, self.calm_to = math.inf, -math.inf  # numbers that decide nothing now; none at first

    @property
    def comm(self) -> bool:
        """Whether this is a device's communication alarm."""
        return self.rule.id.startswith(COMM)

    def settle(self) -> None:
        """After each step: which numbers need no step for now."""
        self.calm_from, self.calm_to = alarms.calm(self.rule, self.state) or (math.inf, -math.inf)

    @property
    def value(self) -> float | bool | str | None:
        """The last good reading, also one that needed no step."""
        channel = self.channel
        return channel.value if channel.quality is Quality.GOOD else self.state.value

    def stored_form(self, now_s: float) -> dict[str, object]:
        """What has to outlive a restart, as plain values."""
        return {
            "state": alarms.freeze(self.state, now_s),
            "occurrence": self.occurrence,
            "point": self.config.point,
            "asset": self.asset,
            "raised_at": self.raised_at.isoformat() if self.raised_at else None,
        }

    def take_over(self, old: RuleRun) -> bool:
        """Go on from `old` if it watched the same point of the same asset."""
        if (old.config.point, old.asset) != (self.config.point, self.asset):
            return False
        self.state, self.occurrence, self.raised_at = old.state, old.occurrence, old.raised_at
        return True

    def resume(self, stored: Mapping[str, object], now_s: float) -> bool:
        """Go on from what `stored_form` made, if it watched the same point of the same asset."""
        if (stored.get("point"), stored.get("asset")) != (self.config.point, self.asset):
            return False
        self.state = alarms.thaw(state_of(stored), now_s)
        self.occurrence = str(stored["occurrence"])
        raised_at = stored.get("raised_at")
        self.raised_at = datetime.fromisoformat(str(raised_at)) if raised_at else None
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
        runs[rule.id] = RuleRun(domain_rule(rule), rule, channel, device.id, asset)
    for device in config.devices:
        if isinstance(device, EdgeItself):
            continue
        rule = _comm_rule(device.id, device.name, device.offline_after_s, isinstance(device, MqttDevice))
        runs[rule.id] = RuleRun(domain_rule(rule), rule, devices[device.id], device.id, device.asset)
    return runs


def state_of(stored: Mapping[str, object]) -> Mapping[str, object]:
    """The alarm state inside a stored form."""
    state = stored["state"]
    if not isinstance(state, Mapping):
        raise TypeError("a stored alarm state is a mapping")
    return state


def _comm_rule(device: str, name: str, offline_after_s: float, publishes: bool) -> RuleConfig:
    words = fill(_("{device} does not answer"), {"device": name})[:200]
    if publishes:
        return RuleConfig(
            id=COMM + device, name=words, point=device, condition="no_data", after_s=max(offline_after_s, 1.0)
        )
    return RuleConfig(id=COMM + device, name=words, point=device, condition="bit", on_delay_s=offline_after_s)


def device_channel(device_id: str) -> Channel:
    """The live value that a communication alarm watches."""
    return Channel(PointConfig(id=device_id, device=device_id, name=device_id))
