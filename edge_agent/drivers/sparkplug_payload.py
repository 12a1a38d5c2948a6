"""Payloads of Sparkplug B: bytes to metrics and back; knows the message shapes, no topics and no sessions.

The shapes are those of the public Sparkplug 3.0 specification, told to the protobuf library here; what has no single
value (data sets, templates) stays bytes that nobody looks into.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from edge_agent.drivers.mqtt_json import MAX_PAYLOAD_BYTES, Unreadable

MOST_METRICS = 20_000
BOOLEAN, DATE_TIME, FLOAT, DOUBLE, INT64 = 11, 13, 9, 10, 4
_BITS = {1: 8, 2: 16, 3: 32, 4: 64, 5: 8, 6: 16, 7: 32, 8: 64, DATE_TIME: 64}
_SIGNED = {1, 2, 3, 4}
_TEXTS = {12, 14, 15}
_WHOLE = ("int_value", "long_value")
_KINDS = {16: "data set", 17: "bytes", 18: "file", 19: "template", 20: "property set", 21: "property sets"}
_GOOD, _STALE = 192, 500


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it came. `raw`: field name and value of what it carries, None for nothing."""

    name: str
    alias: int | None
    datatype: int
    raw: tuple[str, Any] | None
    historical: bool = False
    quality: int = _GOOD

    @property
    def stale(self) -> bool:
        """Whether the machine itself calls its value old."""
        return self.quality == _STALE

    @property
    def bad(self) -> bool:
        """Whether the machine itself calls its value bad."""
        return self.quality not in (_GOOD, _STALE)

    def value(self, datatype: int) -> float | int | bool | str | None:
        """The value as one of `datatype` (of the birth, when this message names none); raises Unreadable."""
        if self.raw is None:
            return None
        field, raw = self.raw
        if datatype in _BITS and field in _WHOLE:
            number = _whole(raw, 32 if field == "int_value" else 64, _BITS[datatype], datatype in _SIGNED)
            return _moment(number) if datatype == DATE_TIME else number
        fits = (
            (datatype in (FLOAT, DOUBLE, 0) and field in ("float_value", "double_value"))
            or (datatype in (BOOLEAN, 0) and field == "boolean_value")
            or ((datatype in _TEXTS or datatype == 0) and field == "string_value")
        )
        if fits:
            return raw  # type: ignore[no-any-return]
        kind = _KINDS.get(datatype, "array" if 22 <= datatype <= 34 else f"type {datatype}")
        raise Unreadable(f"a {kind} with {field} is no single value")


@dataclass(frozen=True, slots=True)
class Payload:
    """One message: `seq` is None where the sender gives none (deaths)."""

    seq: int | None
    metrics: tuple[Metric, ...]


def decode(payload: bytes) -> Payload:
    """The metrics of a message; raises Unreadable."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise Unreadable(f"payload of {len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}")
    message = _Payload()
    try:
        message.ParseFromString(payload)
        if len(message.metrics) > MOST_METRICS:
            raise Unreadable(f"more than {MOST_METRICS} metrics")
        metrics = tuple(_metric(item) for item in message.metrics)
    except (DecodeError, UnicodeDecodeError):
        raise Unreadable("payload is not Sparkplug B") from None
    seq = message.seq if message.HasField("seq") else None
    if seq is not None and seq > 255:
        raise Unreadable(f"seq {seq} is more than 255")
    return Payload(seq, metrics)


def encode(metrics: Iterable[dict[str, Any]], seq: int | None = None, at: datetime | None = None) -> bytes:
    """A message of metrics, each given by the fields of the specification (`name`, `datatype`, `int_value` …)."""
    message = _Payload()
    if at is not None:
        message.timestamp = int(at.timestamp() * 1000)
    if seq is not None:
        message.seq = seq
    for fields in metrics:
        message.metrics.add(**fields)
    return bytes(message.SerializeToString())


def rebirth(at: datetime) -> bytes:
    """The order to a node to tell all its metrics again."""
    metric = {"name": "Node Control/Rebirth", "datatype": BOOLEAN, "boolean_value": True}
    return encode([metric], at=at)


def _metric(item: Any) -> Metric:
    field = item.WhichOneof("value")
    raw = None if item.is_null or field is None else (field, getattr(item, field))
    quality = _GOOD
    if item.HasField("properties"):
        for key, held in zip(item.properties.keys, item.properties.values, strict=False):
            if key == "Quality" and held.HasField("int_value"):
                quality = held.int_value
    alias = item.alias if item.HasField("alias") else None
    return Metric(item.name, alias, item.datatype, raw, item.is_historical, quality)


def _whole(raw: int, carried: int, bits: int, signed: bool) -> int:
    """Senders write negative numbers in the width of the type or of the field: both mean the same."""
    if not signed:
        if raw >> bits:
            raise Unreadable(f"{raw} does not fit in {bits} bits")
        return raw
    for width in (bits, 32, carried):
        if width >= bits and not raw >> width:
            number = raw - (1 << width) if raw >> (width - 1) else raw
            if -(1 << bits - 1) <= number < 1 << bits - 1:
                return number
    raise Unreadable(f"{raw} does not fit in {bits} bits")


def _moment(milliseconds: int) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)).isoformat()
    except OverflowError:
        raise Unreadable("a time out of all time") from None


def _shapes() -> Any:
    """The class of the payload message."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_b_shapes", package="fettle", syntax="proto2")

    def message(name: str, fields: str, inner: dict[str, str]) -> Any:
        shape = file.message_type.add(name=name)
        for text in fields.split(";"):
            number, label, kind, field, *oneof = text.split()
            made = shape.field.add(name=field, number=int(number))
            made.label = kinds.LABEL_REPEATED if label == "many" else kinds.LABEL_OPTIONAL
            if kind in inner:
                made.type, made.type_name = kinds.TYPE_MESSAGE, f".fettle.{inner[kind]}"
            else:
                made.type = getattr(kinds, f"TYPE_{kind.upper()}")
            if oneof:
                made.oneof_index = 0
        if any(field.HasField("oneof_index") for field in shape.field):
            shape.oneof_decl.add(name="value")
        return shape

    message(
        "PropertyValue",
        "1 one uint32 type; 2 one bool is_null; 3 one uint32 int_value of; 4 one uint64 long_value of",
        {},
    )
    message("PropertySet", "1 many string keys; 2 many Value values", {"Value": "PropertyValue"})
    message(
        "Metric",
        "1 one string name; 2 one uint64 alias; 3 one uint64 timestamp; 4 one uint32 datatype;"
        "5 one bool is_historical; 6 one bool is_transient; 7 one bool is_null; 8 one bytes metadata;"
        "9 one Set properties; 10 one uint32 int_value of; 11 one uint64 long_value of;"
        "12 one float float_value of; 13 one double double_value of; 14 one bool boolean_value of;"
        "15 one string string_value of; 16 one bytes bytes_value of; 17 one bytes dataset_value of;"
        "18 one bytes template_value of",
        {"Set": "PropertySet"},
    )
    message(
        "Payload",
        "1 one uint64 timestamp; 2 many Metric metrics; 3 one uint64 seq; 4 one string uuid; 5 one bytes body",
        {"Metric": "Metric"},
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("fettle.Payload"))


_Payload = _shapes()
