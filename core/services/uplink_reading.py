"""Reads an edge's batch event by event, so that one that is broken spoils none of the others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from core.services.dead_letters import POISON, Unreadable, told
from core.storage.tables.base import JsonText
from core.wire.uplink import MAX_BATCH, MAX_EVENT_BYTES, VERSION, Event, UplinkBatch, UplinkEvent, digest

MOST_PAYLOAD_BYTES = 8 * 1024 * 1024
_MOST_SEQ = 2**62


@dataclass(frozen=True, slots=True)
class Item:
    """One place in the order of an epoch. `event` None: poison, for the reason in `body`."""

    seq: int
    at: datetime | None
    digest: str
    kind: str
    body: Any  # a JSON document, as such or as its text
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    epoch: str
    sent_at: datetime
    items: Sequence[Item]


class _Head(BaseModel):
    """A batch whose events have not been looked at."""

    model_config = ConfigDict(extra="ignore")

    v: int = VERSION
    edge: str
    epoch: str = Field(pattern="^[0-9a-f]{32}$")
    sent_at: AwareDatetime
    events: list[Any] = Field(min_length=1, max_length=MAX_BATCH)


def items_of(batch: UplinkBatch) -> list[Item]:
    """The events of a batch that has been validated whole."""
    return [_item(event) for event in batch.events]


def read(edge_id: str, payload: bytes) -> Envelope:
    """A batch from bytes; events that break the contract become poison under their seq.

    Raises Unreadable when not even the envelope can be read, or an event has no seq.
    """
    if len(payload) > MOST_PAYLOAD_BYTES:
        raise Unreadable("uplink.too_large", f"{len(payload)} bytes, at most {MOST_PAYLOAD_BYTES}")
    try:
        batch = UplinkBatch.model_validate_json(payload)
        items = items_of(batch)
        # As it came an event is somewhat longer than as we write it; only what may be too long is measured.
        if len(payload) <= MAX_EVENT_BYTES or all(len(item.body) < MAX_EVENT_BYTES // 4 for item in items):
            _check(edge_id, batch.edge, batch.v)
            return Envelope(batch.epoch, batch.sent_at, items)
    except ValidationError:
        pass  # event by event below
    except RecursionError:
        raise Unreadable("uplink.schema", "nested too deeply") from None
    return _read_singly(edge_id, payload)


def _read_singly(edge_id: str, payload: bytes) -> Envelope:
    try:
        head = _Head.model_validate(json.loads(payload, parse_constant=_no_nan))
    except ValidationError as error:
        raise Unreadable("uplink.schema", told(error)) from None
    except (ValueError, RecursionError) as error:
        raise Unreadable("uplink.schema", f"not JSON: {error}"[:500]) from None
    _check(edge_id, head.edge, head.v)
    return Envelope(head.epoch, head.sent_at, [_parse(raw) for raw in head.events])


def _no_nan(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _check(edge_id: str, named: str, version: int) -> None:
    if named != edge_id:
        raise Unreadable("uplink.other_edge", f"a batch of {named[:40]} sent as {edge_id}")
    if version not in (VERSION, VERSION - 1):
        raise Unreadable("uplink.version", f"version {version}; this hub takes {VERSION - 1} and {VERSION}")


def _parse(raw: Any) -> Item:
    text = json.dumps(raw, ensure_ascii=False, sort_keys=True)
    seq = raw.get("seq") if isinstance(raw, dict) else None
    if not isinstance(seq, int) or isinstance(seq, bool) or not 1 <= seq < _MOST_SEQ:
        raise Unreadable("uplink.schema", "an event without a seq")
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_EVENT_BYTES:
        return _poison(seq, text, "uplink.too_large", f"{size} bytes, at most {MAX_EVENT_BYTES}")
    try:
        return _item(UplinkEvent.model_validate_json(text))
    except ValidationError as error:
        return _poison(seq, text, "uplink.schema", told(error))


def _item(event: UplinkEvent) -> Item:
    body = JsonText(event.body.model_dump_json())
    return Item(event.seq, event.at, digest(event), event.body.kind, body, event.body)


def _poison(seq: int, text: str, code: str, detail: str) -> Item:
    key = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    body = {"code": code, "detail": detail, "payload": text[:MAX_EVENT_BYTES]}
    return Item(seq, None, key, POISON, body)
