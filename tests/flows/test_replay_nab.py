"""The real machine's recording through the real engine: figures pinned, nothing lost on the way.

A change of these figures is a change of what a maintenance engineer would be told: it needs a reason, not a new number.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from core.wire.uplink import AlarmRaised, Born, ChartFrozen
from installer.replay import main as replay_command
from tests.flows.replay_nab import report, run, score


def test_polling_the_recording_over_modbus_gives_the_tickets_that_memory_gives(tmp_path: Path) -> None:
    config, polled, made, differing = run(tmp_path)
    assert differing == []
    assert polled.requests == 22_695
    assert polled.outcome.backwards == 11
    assert [(t.rule, t.opened_at.strftime("%Y-%m-%d %H:%M")) for t in made] == [
        ("cold", "2013-12-10 11:50"),
        ("cold", "2013-12-16 11:30"),
        ("stopped", "2013-12-16 15:55"),
        ("hot", "2013-12-26 15:35"),
        ("cold", "2014-01-30 22:30"),
        ("cold", "2014-02-03 10:40"),
        ("cold", "2014-02-07 21:45"),
        ("stopped", "2014-02-08 04:30"),
    ]
    scored = score(made)
    assert [len(inside) for inside in scored.caught.values()] == [1, 2, 0, 2]
    assert len(scored.missed) == 1 and len(scored.outside) == 3
    assert "3 of 4 windows caught, 3 false" in report(config, scored)

    assert isinstance(polled.events[0].body, Born)
    assert [event.seq for event in polled.events] == list(range(1, len(polled.events) + 1))
    raised = {event.body.occurrence for event in polled.events if isinstance(event.body, AlarmRaised)}
    charts = [
        event.body for event in polled.events if isinstance(event.body, ChartFrozen) and event.body.complete
    ]
    assert {chart.occurrence for chart in charts} == raised


def test_an_unknown_recording_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert replay_command(["moon"]) == 2
    assert "nab" in capsys.readouterr().err
