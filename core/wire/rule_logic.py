"""The pure rule that a configured one means: the one place where the wire's rule becomes the domain's."""

from __future__ import annotations

from core.domain import alarms
from core.wire.edge_config import RuleConfig


def domain_rule(config: RuleConfig) -> alarms.Rule:
    """The pure rule that a configured one means."""
    return alarms.Rule(
        id=config.id,
        condition=alarms.Condition(config.condition),
        limit=config.limit,
        when=config.when,
        after_s=config.after_s,
        on_delay_s=config.on_delay_s,
        off_delay_s=config.off_delay_s,
        deadband=config.deadband,
        severity=alarms.Severity(config.severity),
    )
