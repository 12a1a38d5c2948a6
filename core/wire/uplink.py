"""Messages between an edge and the hub, over MQTT or HTTP alike: events up, acknowledgements down, status, joining.

What an edge has to do is in `edge_config`, orders to a running one in `edge_commands`. Knows shapes and limits,
not how they are carried. Every envelope has a version `v`; the hub takes `v` and `v - 1`. Times are aware UTC.
Assets are named by their number (`A-00123`), the word both sides and people share.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from core.wire.base import Moment, writable

VERSION = 1
MAX_EVENT_BYTES = 64 * 1024
MAX_BATCH = 500

Severity = Literal["critical", "major", "minor", "info"]
Quality = Literal["good", "uncertain", "bad_comm", "bad_stale", "bad_config"]
Value = float | bool | str | None


class Message(BaseModel):
    """A message of this contract: unknown optional fields of a newer sender are ignored, NaN is refused."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


# ---------------------------------------------------------------- events, edge → hub


class AlarmRaised(Message):
    """A rule's condition has held for its on-delay. `occurrence` is unique for ever and names one raise-to-clear."""

    kind: Literal["alarm_raised"] = "alarm_raised"
    occurrence: str = Field(min_length=8, max_length=40)
    rule: str = Field(max_length=40, description="Rule id as in EdgeConfig.")
    rule_name: str = Field(max_length=200)
    asset: str = Field("", max_length=40, description="Asset number; empty when the point belongs to none.")
    device: str = Field("", max_length=40)
    point: str = Field("", max_length=40)
    point_name: str = Field("", max_length=200)
    severity: Severity = "major"
    value: Value = None
    limit: float | None = None
    unit: str = Field("", max_length=20)
    raised_at: Moment
    first_out: bool = False
    flood: bool = Field(False, description="Raised while the edge had more raises than people can follow.")
    children: list[str] = Field(
        default_factory=list, max_length=500, description="Devices that this communication alarm speaks for."
    )
    children_count: int = Field(0, ge=0, description="How many there are, also beyond those listed.")


class AlarmCleared(Message):
    """The occurrence is over: its condition has been false for the off-delay, or its rule was taken away."""

    kind: Literal["alarm_cleared"] = "alarm_cleared"
    occurrence: str = Field(min_length=8, max_length=40)
    rule: str = Field(max_length=40)
    asset: str = Field("", max_length=40)
    value: Value = None
    cleared_at: Moment
    reason: Literal["normal", "rule_removed", "out_of_service", "shelved", "suppressed", "reset"] = "normal"


class AlarmReminded(Message):
    """The occurrence is still active after the rule's re-alarm time."""

    kind: Literal["alarm_reminded"] = "alarm_reminded"
    occurrence: str = Field(min_length=8, max_length=40)
    rule: str = Field(max_length=40)
    asset: str = Field("", max_length=40)
    value: Value = None
    reminded_at: Moment


class ServiceChanged(Message):
    """Whether a rule may raise has changed: shelved by a person or for chattering, suppressed, out of service, back.

    Sent for what people did or must see; suppression by parent or design is told by `why`.
    """

    kind: Literal["service_changed"] = "service_changed"
    rule: str = Field(max_length=40)
    rule_name: str = Field("", max_length=200)
    asset: str = Field("", max_length=40)
    severity: Severity = "major"
    service: Literal["in_service", "shelved", "suppressed", "out_of_service"]
    why: Literal["operator", "chatter", "design", "parent", "schedule", "expired", "ended"] = "operator"
    by: str = Field("", max_length=100)
    reason: str = Field("", max_length=200)
    until: Moment | None = None
    raises: int = Field(0, ge=0, description="For chatter: raises within the window that led to it.")
    changed_at: Moment


class ChartFrozen(Message):
    """What the point did from 10 minutes before to 2 minutes after the raise, at the edge's own resolution."""

    kind: Literal["chart_frozen"] = "chart_frozen"
    occurrence: str = Field(min_length=8, max_length=40)
    rule: str = Field(max_length=40)
    point: str = Field(max_length=40)
    point_name: str = Field("", max_length=200)
    unit: str = Field("", max_length=20)
    raised_at: Moment
    limit: float | None = None
    offsets_ms: list[int] = Field(description="Milliseconds from `raised_at`, ascending, negative before it.")
    values: list[float | None] = Field(description="One per offset; None where the reading was not good.")
    complete: bool = True
    first_out: bool = False


class Born(Message):
    """First event of an epoch: lists what is active, so that the hub can settle occurrences of a lost outbox."""

    kind: Literal["born"] = "born"
    reason: Literal["new", "ordered"] = "new"
    active: list[str] = Field(default_factory=list, description="Occurrences still active.")
    agent_version: str = ""


class Voided(Message):
    """The edge no longer has this event: the mark may pass it, and the hub opens a data-gap ticket."""

    kind: Literal["voided"] = "voided"
    reason: str = Field(max_length=200)


Event = Annotated[
    AlarmRaised | AlarmCleared | AlarmReminded | ServiceChanged | ChartFrozen | Born | Voided,
    Field(discriminator="kind"),
]


class UplinkEvent(Message):
    """One event under its key: (edge, epoch, seq); `seq` is gap-free from 1 in each epoch."""

    seq: int = Field(ge=1)
    at: Moment = Field(description="Edge clock when the event was committed there.")
    body: Event


class UplinkBatch(Message):
    """Up to 500 events of one epoch. Sent again until acknowledged; the second time is harmless."""

    v: int = VERSION
    edge: str = Field(min_length=1, max_length=40)
    epoch: str = Field(pattern="^[0-9a-f]{32}$")
    sent_at: Moment
    events: list[UplinkEvent] = Field(min_length=1, max_length=MAX_BATCH)


class Rejected(Message):
    """An event the hub has put among the dead letters; it counts as consumed."""

    seq: int
    code: str
    detail: str = Field("", max_length=500)


class UplinkAck(Message):
    """All events up to `through` are committed in the hub, or dead-lettered as `rejected` says."""

    v: int = VERSION
    epoch: str
    through: int = Field(ge=0)
    hub_epoch: str = Field(
        description="Changes when the hub's database was restored: replay after `through`."
    )
    missing: list[tuple[int, int]] = Field(
        default_factory=list, description="First and last seq wanted again."
    )
    rejected: list[Rejected] = Field(default_factory=list)
    new_epoch: bool = Field(False, description="A conflict was found: the edge must begin a new epoch.")
    unasked: bool = Field(
        False,
        description="Answers no batch, but tells an edge that came back how far the hub is; it marks nothing by this, "
        "for the hub has not seen whether they mean the same events.",
    )
    at: Moment | None = Field(
        None, description="The hub's clock when this left: the edge measures its own against it."
    )


def digest(event: UplinkEvent) -> str:
    """SHA-256 of an event's canonical JSON: the same key with another digest is a conflict, not a repeat.

    Defaults are left out, so that a field added by a later version leaves the digests of older events alone.
    """
    text = event.body.kind + event.model_dump_json(exclude_defaults=True)
    return hashlib.sha256(text.encode()).hexdigest()


# ---------------------------------------------------------------- status and telemetry, edge → hub


class ConfigError(Message):
    """What is wrong with a configuration, and where: `rules[2].point` …"""

    path: str
    code: str
    detail: str
    params: dict[str, str] = Field(
        default_factory=dict, description="What the sentence of `error.<code>` names."
    )


class DeviceHealth(Message):
    """How one device does. `detail` names address and reason, such as `illegal address 40010`."""

    id: str
    state: Literal["ok", "failing", "unknown"]
    code: str = ""
    detail: str = ""
    params: dict[str, str] = Field(
        default_factory=dict, description="What the sentence of `error.<code>` names."
    )
    since_at: Moment | None = None


class EdgeStatus(Message):
    """Retained birth and last will of an edge, sent on every change."""

    v: int = VERSION
    edge: str
    online: bool
    at: Moment
    epoch: str = ""
    agent_version: str = ""
    config_version: int = Field(0, description="Version that is applied; 0 for none.")
    config_errors: list[ConfigError] = Field(default_factory=list)
    config_refused: int = Field(0, description="Version that was refused for `config_errors`; 0 for none.")
    devices: list[DeviceHealth] = Field(default_factory=list)
    outbox_depth: int = 0


class PointSample(Message):
    """A point since the last telemetry message: extremes, mean and last of its good readings."""

    id: str
    at: Moment
    quality: Quality
    last: Value = None
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    n: int = 0


class Telemetry(Message):
    """Points that had readings since the last message; may be lost, never before alarms."""

    v: int = VERSION
    edge: str
    at: Moment
    points: list[PointSample]


# ---------------------------------------------------------------- joining, and others' alarms


class JoinEdge(Message):
    """An edge's request for its login, by the one-time code that the console showed."""

    code: str = Field(min_length=6, max_length=64)
    hostname: str = Field("", max_length=200)
    agent_version: str = ""


class EdgeJoined(Message):
    """The edge's own login at broker and hub; shown once, kept 0600."""

    edge: str
    name: str
    mqtt_host: str
    mqtt_port: int
    mqtt_tls: bool = False
    password: str = Field(repr=False)
    http_url: str
    ca_pem: str = Field(
        "", description="Certificate authority of mqtts and https (PEM); the edge then trusts no other."
    )


class ThirdPartyAlarm(Message):
    """What a program without our agent publishes to `fettle/v1/in/<source>/alarm` or posts."""

    v: int = VERSION
    id: str = Field(min_length=1, max_length=100, description="Unique at the source: repeats are harmless.")
    key: str = Field(
        min_length=1, max_length=100, description="What alarms; one open ticket per asset and key."
    )
    asset: str = Field("", max_length=40)
    title: str = Field(min_length=1, max_length=200)
    severity: Severity = "major"
    active: bool = True
    at: datetime | None = None

    @model_validator(mode="before")
    @classmethod
    def _can_be_written(cls, value: Any) -> Any:
        """Nobody of ours wrote this."""
        if not writable(value):
            raise ValueError("a text holds NUL or half a character")
        return value

    @field_validator("at")
    @classmethod
    def _of_our_time(cls, at: datetime | None) -> datetime | None:
        """What no time zone can show is a mistake."""
        if at is not None and not 1900 < at.year < 2200:
            raise ValueError("out of all time")
        return at
