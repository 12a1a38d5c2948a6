"""Golden messages: what was said on the wire once is understood for ever, and said again in the same words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.wire import edge_commands, edge_config, uplink

EXAMPLES = Path(__file__).resolve().parents[1] / "wire_examples" / "v1"
FILES = sorted(EXAMPLES.glob("*.json"))
SHAPES = {
    "batch": uplink.UplinkBatch,
    "ack": uplink.UplinkAck,
    "config": edge_config.EdgeConfig,
    "status": uplink.EdgeStatus,
    "telemetry": uplink.Telemetry,
    "command": edge_commands.EdgeCommand,
    "reply": edge_commands.EdgeReply,
    "join": uplink.JoinEdge,
    "joined": uplink.EdgeJoined,
    "third": uplink.ThirdPartyAlarm,
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_is_understood_and_loses_nothing(file: Path) -> None:
    shape = SHAPES[file.stem.split("-")[0]]
    said = json.loads(file.read_text(encoding="utf-8"))
    again = json.loads(shape.model_validate(said).model_dump_json())
    assert lacks(said, again) == []


def test_every_event_and_every_message_has_an_example() -> None:
    assert {file.stem.split("-")[0] for file in FILES} == set(SHAPES)
    kinds = {event["body"]["kind"] for file in FILES if file.stem.startswith("batch")
             for event in json.loads(file.read_text(encoding="utf-8"))["events"]}  # fmt: skip
    assert kinds == {"alarm_raised", "alarm_cleared", "chart_frozen", "born", "voided"}


def test_a_newer_senders_optional_fields_do_not_hurt() -> None:
    said = json.loads((EXAMPLES / "batch-burst.json").read_text(encoding="utf-8"))
    said["mood"] = "good"
    said["events"][0]["body"]["colour"] = "red"
    assert uplink.UplinkBatch.model_validate(said).events[0].seq == said["events"][0]["seq"]


def lacks(said: object, again: object, where: str = "") -> list[str]:
    """Where `again` does not say what `said` says; what it says more (new optional fields) is well."""
    if isinstance(said, dict) and isinstance(again, dict):
        return [
            fault for key in said for fault in lacks(said[key], again.get(key, "absent"), f"{where}.{key}")
        ]
    if isinstance(said, list) and isinstance(again, list) and len(said) == len(again):
        pairs = enumerate(zip(said, again, strict=True))
        return [fault for index, (one, other) in pairs for fault in lacks(one, other, f"{where}[{index}]")]
    return [] if said == again else [f"{where}: {said!r} became {again!r}"]
