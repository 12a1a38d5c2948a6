"""What has been decided, as events and stored states in one batch; counts what is too much: floods.

Knows the wire's shapes and the clocks, no rules' logic and no files.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import uuid4

from core import log
from core.domain import alarms
from core.wire.edge_config import AlarmLimits
from core.wire.uplink import AlarmCleared, AlarmRaised, AlarmReminded, ChartFrozen, ServiceChanged
from edge_agent.channels import Value
from edge_agent.clock import Clock
from edge_agent.outbox import Batch
from edge_agent.rule_runs import RuleRun

_log = log.get(__name__)
MOST_CHILDREN = 500


class Reports:
    """Gathers what is decided until `flush` hands it out as one batch."""

    def __init__(self, clock: Clock, commit: Callable[[Batch], None]) -> None:
        self._clock, self._commit = clock, commit
        self._batch = Batch()
        self._raises: deque[float] = deque()  # of the whole edge, on the steady clock
        self.limits = AlarmLimits()

    def flush(self) -> None:
        """Hand out what has been decided since the last time."""
        if self._batch:
            batch, self._batch = self._batch, Batch()
            self._commit(batch)

    def now(self) -> datetime:
        """The time for people."""
        return self._clock.wall()

    def remember(self, raised_at: Iterable[datetime], now_s: float) -> None:
        """Count raises from before a restart into the flood window."""
        now = self._clock.wall()
        ago_s = ((now - at).total_seconds() for at in raised_at)
        self._raises = deque(sorted(now_s - s for s in ago_s if 0 <= s <= self.limits.flood_window_s))

    def raised(
        self, run: RuleRun, raised: alarms.Raised, now_s: float, first_out: bool, children: Sequence[str]
    ) -> None:
        """A new occurrence."""
        config, point = run.config, None if run.comm else run.channel.point
        run.occurrence = uuid4().hex
        run.raised_at = self._clock.wall_of(raised.at_s)
        value = raised.value if point is None else run.value
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
                value=value if point else None,
                limit=run.rule.limit,
                unit=point.unit if point else "",
                raised_at=run.raised_at,
                first_out=first_out,
                flood=self._floods(now_s),
                children=list(children[:MOST_CHILDREN]),
                children_count=len(children),
            )
        )
        _log.info(
            "alarm raised",
            rule=run.rule.id,
            name=config.name,
            asset=run.asset,
            value=value,
            limit=run.rule.limit,
        )

    def _floods(self, now_s: float) -> bool:
        raises = self._raises
        raises.append(now_s)
        while raises[0] < now_s - self.limits.flood_window_s:
            raises.popleft()
        while len(raises) > self.limits.flood_raises + 1:  # more need not be known
            raises.popleft()
        return len(raises) > self.limits.flood_raises

    def cleared(self, run: RuleRun, at_s: float, value: Value, reason: str) -> None:
        """The present occurrence is over."""
        self._cleared(run.occurrence, run.rule.id, run.asset, None if run.comm else value, at_s, reason)
        _log.info("alarm cleared", rule=run.rule.id, name=run.config.name, asset=run.asset, reason=reason)

    def orphan_cleared(self, rule_id: str, occurrence: str, asset: str, at_s: float) -> None:
        """An occurrence of a rule that there is no more is over."""
        self._cleared(occurrence, rule_id, asset, None, at_s, "rule_removed")

    def _cleared(
        self, occurrence: str, rule_id: str, asset: str, value: Value, at_s: float, reason: str
    ) -> None:
        event = {
            "occurrence": occurrence, "rule": rule_id, "asset": asset, "value": value,
            "cleared_at": self._clock.wall_of(at_s), "reason": reason,
        }  # fmt: skip
        self._batch.events.append(AlarmCleared.model_validate(event))

    def reminded(self, run: RuleRun, reminded: alarms.Reminded) -> None:
        """The present occurrence is still there."""
        self._batch.events.append(
            AlarmReminded(
                occurrence=run.occurrence,
                rule=run.rule.id,
                asset=run.asset,
                value=None if run.comm else run.value,
                reminded_at=self._clock.wall_of(reminded.at_s),
            )
        )

    def service(self, run: RuleRun, change: alarms.ServiceChange) -> None:
        """Tell how the rule stands now, if people know it otherwise."""
        stands = run.service
        if stands.service == "in_service":
            why = "ended" if change.why in ("parent", "eclipse") else change.why
            told: tuple[str, ...] = (stands.service,)
        else:
            why = stands.why
            told = (stands.service, why, stands.by, stands.reason)
        if told == run.told and stands.service != "shelved":  # a shelf's end may have moved
            return
        run.told = told
        until_at = None if stands.until_s is None else self._clock.wall_of(stands.until_s)
        event = {
            "rule": run.rule.id, "rule_name": run.config.name, "asset": run.asset, "severity": run.config.severity,
            "service": stands.service, "why": why, "by": stands.by[:100], "reason": stands.reason[:200],
            "until": until_at, "raises": change.raises, "changed_at": self._clock.wall_of(change.at_s),
        }  # fmt: skip
        self._batch.events.append(ServiceChanged.model_validate(event))
        _log.info(
            "rule's service changed", rule=run.rule.id, name=run.config.name, service=stands.service, why=why
        )

    def store(self, run: RuleRun, now_s: float) -> None:
        """Keep its state over a restart."""
        form = run.stored_form(now_s, self._clock.wall())
        compared = {key: value for key, value in form.items() if key != "at"}
        if compared != run.stored:
            run.stored, run.stored_s = compared, now_s
            self._batch.states[run.rule.id] = form

    def forget(self, rule_id: str) -> None:
        """A rule is no more."""
        self._batch.states[rule_id] = None

    def chart(self, event: ChartFrozen, stored: dict[str, object] | None) -> None:
        """Send a chart; `stored`: what a restart needs to go on with it, None when it is whole."""
        self._batch.events.append(event)
        self._batch.charts[event.occurrence] = stored

    def forget_chart(self, occurrence: str) -> None:
        """A stored chart is of no use."""
        self._batch.charts[occurrence] = None


def service_of(run: RuleRun, clock: Clock) -> dict[str, object] | None:
    """How a rule stands, as plain values for people; None when it is in service."""
    stands, config = run.service, run.config
    if stands.service == "in_service":
        return None
    until = None if stands.until_s is None else clock.wall_of(stands.until_s).isoformat()
    return {
        "rule": run.rule.id, "name": config.name, "asset": run.asset, "severity": config.severity,
        "service": stands.service, "why": stands.why, "by": stands.by, "reason": stands.reason, "until": until,
    }  # fmt: skip
