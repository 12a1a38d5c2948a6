"""From one configuration, or one run of the edge, to the next: alarms of rules that stay go on, the others end.

Knows stored forms and rules, no readings.
"""

from __future__ import annotations

from collections.abc import Mapping

from core import log
from core.domain import alarms
from core.domain.alarms import AlarmState
from core.wire.edge_config import EdgeConfig
from edge_agent import rule_runs
from edge_agent.families import Families
from edge_agent.reports import Reports
from edge_agent.rule_runs import RuleRun

_log = log.get(__name__)


def carry_over(
    runs: dict[str, RuleRun],
    config: EdgeConfig,
    before: Families,
    saved: Mapping[str, Mapping[str, object]],
    reports: Reports,
    now_s: float,
) -> None:
    """Let `runs` go on from those `before` and from what was stored; end what is no more.

    Lines, which no configuration names, are added to `runs` while two of their devices are there.
    """
    devices = {device.id for device in config.devices}
    for line in [run for run in before.runs.values() if run.line]:
        there = [device for device in line.line if device in devices]
        if len(there) > 1:
            line.line = tuple(there)
            runs[line.rule.id] = line
    for id_, old in before.runs.items():
        new = runs.get(id_)
        if new is not old and (new is None or not new.take_over(old)):
            remove(old, reports, now_s)
        if new is None:
            reports.forget(id_)
    for id_, stored in saved.items():
        if not _resumed(id_, stored, runs, devices, reports, now_s):
            reports.forget(id_)
            _end(id_, stored, reports, now_s)


def remove(run: RuleRun, reports: Reports, now_s: float) -> None:
    """A rule is taken away: its alarm is over, and it is kept quiet no more."""
    if run.state.active:
        reports.cleared(run, now_s, run.value, "rule_removed")
    run.state = AlarmState()
    reports.service(run, alarms.ServiceChange(now_s, "in_service", "ended"))


def _resumed(
    id_: str,
    stored: Mapping[str, object],
    runs: dict[str, RuleRun],
    devices: set[str],
    reports: Reports,
    now_s: float,
) -> bool:
    try:
        run = runs.get(id_) or rule_runs.line_of(stored, devices)
        if run is None or not run.resume(stored, now_s, reports.now()):
            return False
    except (KeyError, TypeError, ValueError) as error:
        _log.warning("stored alarm state is not readable", rule=id_, reason=repr(error))
        return False
    runs.setdefault(id_, run)
    return True


def _end(id_: str, stored: Mapping[str, object], reports: Reports, now_s: float) -> None:
    """What was raised by a rule that there is no more is over."""
    state = stored.get("state")
    status = state.get("status") if isinstance(state, Mapping) else None
    if status in (alarms.Status.UNACK, alarms.Status.ACKED) and stored.get("occurrence"):
        reports.orphan_cleared(id_, str(stored["occurrence"]), str(stored.get("asset", "")), now_s)
