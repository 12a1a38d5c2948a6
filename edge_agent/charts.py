"""Charts under way: begun when an alarm is raised, sent at once and again whole two minutes later."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from core import log
from edge_agent.channels import Channel
from edge_agent.recorder import OpenChart, Trace
from edge_agent.reports import Reports
from edge_agent.rule_runs import RuleRun

_log = log.get(__name__)


class Charts:
    """All charts that still wait for what comes after their raise."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._open: dict[str, OpenChart] = {}
        self._rules: set[str] = set()

    def next_due_s(self) -> float | None:
        """When the next chart is whole."""
        return min((chart.until_s for chart in self._open.values()), default=None)

    def begin(self, run: RuleRun, raised_s: float, first_out: bool) -> None:
        """Send what led to the raise, and go on recording."""
        trace, point = run.channel.trace, run.channel.point
        if run.comm or trace is None or run.raised_at is None:
            return
        if run.rule.id in self._rules:
            return  # chattering: the chart under way shows this raise too
        chart = OpenChart(
            run.occurrence, run.rule.id, point.id, point.name, point.unit, run.raised_at, raised_s, run.rule.limit,
            trace, first_out=first_out,
        )  # fmt: skip
        early, stored = chart.early(run.channel.last_good_s)
        self._add(chart)
        self._reports.chart(early, stored)

    def freeze_due(self, now_s: float, channels: Mapping[str, Channel]) -> None:
        """Send those that are whole."""
        for chart in [chart for chart in self._open.values() if chart.until_s <= now_s]:
            self._freeze(chart, now_s, channels)

    def resume(
        self,
        saved: Mapping[str, Mapping[str, object]],
        channels: Mapping[str, Channel],
        now_s: float,
        now: datetime,
    ) -> None:
        """Go on with charts of an earlier run; send those whose points are no more or whose time is over."""
        for occurrence, stored in saved.items():
            channel = channels.get(str(stored.get("point")))
            trace = channel.trace if channel is not None and channel.trace is not None else Trace()
            try:
                self._add(OpenChart.resume(stored, trace, now_s, now))
            except ValueError as error:
                _log.warning("stored chart is not readable", occurrence=occurrence, reason=str(error))
                self._reports.forget_chart(occurrence)
        for chart in list(self._open.values()):
            if chart.until_s <= now_s or chart.point not in channels:
                self._freeze(chart, now_s, channels)

    def _add(self, chart: OpenChart) -> None:
        self._open[chart.occurrence] = chart
        self._rules.add(chart.rule)

    def _freeze(self, chart: OpenChart, now_s: float, channels: Mapping[str, Channel]) -> None:
        channel = channels.get(chart.point)
        held_until_s = channel.last_good_s if channel is not None else -math.inf
        self._reports.chart(chart.final(now_s, held_until_s), None)
        del self._open[chart.occurrence]
        self._rules.discard(chart.rule)
