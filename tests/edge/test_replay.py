"""Replay of rules over recordings: what is raised when, and what bad files get."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.errors import AppError
from core.wire.edge_config import RuleConfig
from edge_agent.recording import Row, read_rows
from edge_agent.replay import Occurrence, _progress, main, replay, replay_all, tickets

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
    out = capsys.readouterr().out
    assert "2026-01-05 08:03:00 → 2026-01-05 08:04:00  Major     Hot  (82)" in out
    assert "5 rows, 1 raises, 1 tickets" in out and "in 0.00% of the ten-minute windows" in out
    assert main([str(data), "--rules", str(rules), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["tickets"], told["count"], told["chattering"], told["active_s"]) == (1, 1, 0, 60)
    assert told["per_rule"]["hot"]["count"] == 1 and told["flood_share"] == 0

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


def test_two_sets_of_rules_are_compared_in_one_reading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FETTLE_LANGUAGE", "en")
    before, after, data = tmp_path / "before.yaml", tmp_path / "after.yaml", tmp_path / "data.csv"
    before.write_text(RULES.replace("on_delay_s: 120", "on_delay_s: 0"), "utf-8")
    calm = "on_delay_s: 300, off_delay_s: 600"
    after.write_text(RULES.replace("on_delay_s: 120", calm).replace("name: Hot", "name: 热"), "utf-8")
    rows = [f"{T0 + timedelta(seconds=10 * n):%Y-%m-%d %H:%M:%S},{81 if n % 2 else 79}" for n in range(82)]
    rows += [f"{T0 + timedelta(seconds=820 + 10 * n):%Y-%m-%d %H:%M:%S},85" for n in range(60)]
    data.write_text("\n".join(["timestamp,t", *rows]), "utf-8")
    assert main([str(data), "--rules", str(before), "--compare", str(after)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["Rule", "Raises", "In", "chatter", "Hours", "active"]
    assert out[1].split() == ["Hot", "41", "→", "1", "41", "→", "0", "0.3", "→", "0.1"]
    assert out[2] == "142 rows, 41 → 1 raises, 1 → 1 tickets"
    assert out[3] == "Flood: more than 10 raises in 66.67% → 0.00% of the ten-minute windows"
    assert main([str(data), "--rules", str(before), "--compare", str(after), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["count"], told["compared"]["count"]) == (41, 1)


def test_rules_over_several_points_and_words(tmp_path: Path) -> None:
    running = {"point": "state", "condition": "equals", "equals": "运行"}
    rule = RuleConfig.model_validate(
        {"id": "r", "name": "R", "point": "t", "condition": "all",
         "terms": [{"condition": "high", "limit": 80}, running]}
    )  # fmt: skip
    data = tmp_path / "data.csv"
    lines = [
        "timestamp,t,state",
        "2026-01-05 08:00,90,停止",
        "2026-01-05 08:01,90,运行",
        "2026-01-05 08:02,70,",
    ]
    data.write_bytes("\r\n".join(lines).encode("gb18030"))  # as a spreadsheet of China saves it
    rows = list(read_rows(data, ["t", "state"], texts=["state"]))
    assert [values["state"] for _at, values in rows] == ["停止", "运行", None]
    (one,) = replay([rule], rows).occurrences
    assert (one.raised_at.minute, one.cleared_at) == (1, T0 + timedelta(minutes=2))


def test_many_rows_are_told_and_not_kept(tmp_path: Path) -> None:
    said: list[str] = []

    def rows() -> Iterator[Row]:
        for n in range(100_000):
            yield T0 + timedelta(seconds=n), {"t": 70.0 + 20 * (n % 100 == 0)}

    loose, strict = HOT.model_copy(update={"on_delay_s": 0}), HOT
    first, second = replay_all([[loose], [strict]], _progress(rows(), said.append))
    assert first.figures is not None and second.figures is not None
    assert (first.figures.total.count, second.figures.total.count, first.rows) == (1000, 0, 100_000)
    assert [words.startswith("\r50000") for words in said] == [True, False, False]


def test_a_recording_without_rows_raises_nothing() -> None:
    outcome = replay([HOT], [])
    assert (outcome.rows, outcome.occurrences, outcome.backwards) == (0, [], 0)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(b"timestamp,t\n2026-01-05 08:00,1\n\xff\xff\xff\xff")
    with pytest.raises(AppError) as caught:
        list(read_rows(data, ["t"]))
    assert caught.value.code == "replay.unreadable"
