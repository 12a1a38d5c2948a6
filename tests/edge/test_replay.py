"""Replay of rules over recordings: what is raised when, and what bad files get."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.wire.edge_config import RuleConfig
from edge_agent.replay import Occurrence, Row, main, read_rows, replay, tickets

T0 = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
HOT = RuleConfig(id="hot", name="Hot", point="t", condition="high", limit=80, deadband=5, on_delay_s=120)
RULES = """
devices: [{kind: mqtt, id: d, name: Machine, url: "mqtt://localhost", topic: "#"}]
points: [{id: t, device: d, name: Temperature}]
rules: [{id: hot, name: Hot, point: t, condition: high, limit: 80, on_delay_s: 120}]
"""


def minutes(*values: float | None) -> Iterator[Row]:
    for n, value in enumerate(values):
        yield T0 + timedelta(minutes=n), {"t": value}


def test_delays_count_in_the_recordings_time() -> None:
    outcome = replay([HOT], minutes(70, 81, 82, 83, 78, 74, 70))
    (one,) = outcome.occurrences
    assert one.raised_at == T0 + timedelta(minutes=3)  # above since minute 1, for two minutes
    assert one.cleared_at == T0 + timedelta(minutes=5)  # 78 is within the deadband
    assert outcome.rows == 7 and outcome.backwards == 0


def test_a_short_rise_and_bad_cells_raise_nothing() -> None:
    assert replay([HOT], minutes(70, 81, 79, 81, 79)).occurrences == []
    assert replay([HOT], minutes(70, None, None, None)).occurrences == []


def test_time_that_goes_back_stands_still() -> None:
    rows = [
        (T0, {"t": 70.0}),
        (T0 + timedelta(minutes=5), {"t": 81.0}),
        (T0 + timedelta(minutes=1), {"t": 81.0}),
    ]
    outcome = replay([HOT], [*rows, (T0 + timedelta(minutes=8), {"t": 81.0})])
    assert outcome.backwards == 1
    assert [one.raised_at for one in outcome.occurrences] == [T0 + timedelta(minutes=7)]


def test_silence_is_raised_when_the_recording_has_a_gap() -> None:
    silent = RuleConfig(id="s", name="Silent", point="t", condition="no_data", after_s=600)
    rows = [(T0, {"t": 1.0}), (T0 + timedelta(hours=1), {"t": 1.0}), (T0 + timedelta(minutes=61), {"t": 1.0})]
    (one,) = replay([silent], rows).occurrences
    assert one.raised_at == T0 + timedelta(minutes=10)
    assert one.cleared_at == T0 + timedelta(hours=1)


def test_raises_within_a_day_of_the_last_end_share_a_ticket() -> None:
    def occurrence(rule: str, hour: float, length: float | None) -> Occurrence:
        at = T0 + timedelta(hours=hour)
        return Occurrence(rule, "major", at, 1.0, None if length is None else at + timedelta(hours=length))

    made = tickets(
        [
            occurrence("a", 0, 1),
            occurrence("a", 20, 10),
            occurrence("b", 21, 1),
            occurrence("a", 53, 1),
            occurrence("a", 90, None),
        ]
    )
    assert [(t.rule, t.raises) for t in made] == [("a", 3), ("b", 1), ("a", 1)]
    assert made[0].ended_at == T0 + timedelta(hours=54) and made[2].ended_at is None


def test_rows_are_read_with_their_zone_and_words(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text(
        "timestamp,t,b,x\n2026-01-05 08:00:00,1.5,TRUE,9\n2026-01-05T08:00:01+00:00,,no,9\n", "utf-8"
    )
    rows = list(read_rows(file, ["t", "b"], ZoneInfo("Asia/Shanghai")))
    assert rows[0] == (datetime(2026, 1, 5, 0, 0, tzinfo=UTC), {"t": 1.5, "b": True})
    assert rows[1] == (datetime(2026, 1, 5, 8, 0, 1, tzinfo=UTC), {"t": None, "b": None})


def test_command_prints_what_was_raised_and_refuses_bad_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FETTLE_LANGUAGE", "en")
    rules, data = tmp_path / "rules.yaml", tmp_path / "data.csv"
    rules.write_text(RULES, "utf-8")
    lines = [f"2026-01-05 08:0{n}:00,{value}" for n, value in enumerate((70, 81, 82, 83, 70))]
    data.write_text("\n".join(["timestamp,value", *lines]), "utf-8")
    assert main([str(data), "--rules", str(rules)]) == 0
    assert "2026-01-05 08:03:00 → 2026-01-05 08:04:00  major     Hot  (82)" in capsys.readouterr().out
    assert main([str(data), "--rules", str(rules), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tickets"] == 1

    data.write_text("time,value\n", "utf-8")
    assert main([str(data), "--rules", str(rules)]) == 1
    assert "needs a column timestamp" in capsys.readouterr().err
    data.write_text("timestamp,value\nyesterday,1\n", "utf-8")
    assert main([str(data), "--rules", str(rules)]) == 1
    assert "line 2: “yesterday” is no time" in capsys.readouterr().err
    assert main([str(data), "--rules", str(rules), "--timezone", "Mars/Base"]) == 1
    assert main([str(tmp_path / "none.csv"), "--rules", str(rules)]) == 1
    assert main([str(data), "--rules", str(tmp_path / "none.yaml")]) == 1
    rules.write_text(RULES.replace("point: t", "point: u"), "utf-8")
    capsys.readouterr()
    assert main([str(data), "--rules", str(rules)]) == 1
    assert "rules[0].point" in capsys.readouterr().err
