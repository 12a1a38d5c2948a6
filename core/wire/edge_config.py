"""What an edge has to do, as the hub pushes it or a file says it: devices, points and rules.

Knows shapes and limits; what ties them together is checked by the edge (`edge_agent.config`) and the hub.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from core.wire.uplink import VERSION, Message, Severity, Value

Id = Annotated[str, Field(min_length=1, max_length=40)]

# ---------------------------------------------------------------- devices


class Polled(Message):
    """What all Modbus units share, whatever carries the requests."""

    id: Id
    name: str = Field(max_length=200)
    asset: str = Field("", max_length=40, description="Asset that gets the communication alarm.")
    parent: str = Field(
        "",
        max_length=40,
        description="Device (a gateway) whose communication alarm speaks for this one's while it is raised.",
    )
    unit: int = Field(1, ge=0, le=255)
    poll_ms: int = Field(1000, ge=20, le=3_600_000, description="Scan interval of points without their own.")
    timeout_ms: int = Field(1000, ge=20, le=60_000)
    min_gap_ms: int = Field(0, ge=0, le=10_000, description="Silence the device needs between requests.")
    warm_up_ms: int = Field(
        0, ge=0, le=60_000, description="Silence the device needs after a connection is made."
    )
    max_registers: int = Field(125, ge=1, le=125, description="Most registers the device gives in one reply.")
    max_bits: int = Field(
        2000, ge=1, le=2000, description="Most coils or inputs the device gives in one reply."
    )
    priority: Literal["high", "normal", "low"] = Field(
        "normal", description="Which of two scans that are due at the same time goes first on a line."
    )
    offline_after_s: float = Field(
        10, ge=0, description="Silence after which the communication alarm is raised."
    )


class ModbusTcpDevice(Polled):
    """One Modbus unit behind a TCP address. Devices with the same host and port share one line."""

    kind: Literal["modbus_tcp"] = "modbus_tcp"
    host: str = Field(min_length=1, max_length=253)
    port: int = Field(502, ge=1, le=65535)
    pipeline: int = Field(
        1,
        ge=1,
        le=16,
        description="Most requests under way at once; reached step by step, 1 after any oddity.",
    )


class ModbusRtuTcpDevice(Polled):
    """One Modbus unit behind a serial server that passes RTU frames through a TCP connection unchanged."""

    kind: Literal["modbus_rtu_tcp"] = "modbus_rtu_tcp"
    host: str = Field(min_length=1, max_length=253)
    port: int = Field(502, ge=1, le=65535)
    unit: int = Field(1, ge=1, le=247)


class ModbusRtuDevice(Polled):
    """One Modbus unit on a serial line. Devices with the same port share one line, and its settings."""

    kind: Literal["modbus_rtu"] = "modbus_rtu"
    serial_port: str = Field(min_length=1, max_length=200, description="/dev/ttyUSB0, COM3 …")
    baud_rate: int = Field(9600, ge=300, le=4_000_000)
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    unit: int = Field(1, ge=1, le=247)


class MqttDevice(Message):
    """A machine that publishes to a broker of the plant: JSON, plain values, or Sparkplug B."""

    kind: Literal["mqtt"] = "mqtt"
    id: Id
    name: str = Field(max_length=200)
    asset: str = Field("", max_length=40)
    parent: str = Field("", max_length=40, description="As of polled devices.")
    url: str = Field(pattern=r"^mqtts?://[^\s/@]+$", description="mqtt://host:port")
    username: str = ""
    password: str = Field("", repr=False)
    topic: str = Field(
        min_length=1,
        max_length=500,
        description="Topic filter; wildcards + and # allowed. Sparkplug B: spBv1.0/GROUP/+/NODE/#, or …/NODE/DEVICE.",
    )
    payload: Literal["json", "sparkplug_b"] = "json"
    alive_topic: str = Field(
        "", max_length=500, description="Where the machine, or its last will, says whether it is there."
    )
    alive_values: list[str] = Field(
        default_factory=lambda: ["online", "true", "1"],
        max_length=10,
        description="Payloads of `alive_topic` (or the text at `state` in its JSON) that mean it is there.",
    )
    offline_after_s: float = Field(60, ge=0)


class EdgeItself(Message):
    """The edge as a device of its own: how late it scans, how much waits. `path` of its points names the figure."""

    kind: Literal["edge"] = "edge"
    id: Id
    name: str = Field(max_length=200)
    asset: str = Field("", max_length=40)
    poll_ms: int = Field(5000, ge=1000, le=3_600_000)


DeviceKind = Literal["modbus_tcp", "modbus_rtu_tcp", "modbus_rtu", "mqtt", "edge"]
ModbusDevice = ModbusTcpDevice | ModbusRtuTcpDevice | ModbusRtuDevice
Device = Annotated[
    ModbusTcpDevice | ModbusRtuTcpDevice | ModbusRtuDevice | MqttDevice | EdgeItself,
    Field(discriminator="kind"),
]
EDGE_FIGURES = (
    "scan_late_ms", "scans_skipped", "line_load", "outbox_depth", "backlog", "clock_skew_s", "memory_mib",
    "disk_free_mib", "devices_failing", "alarms_active", "uplink_connected",
)  # fmt: skip
"""What an `EdgeItself` measures: names for the `path` of its points."""

# ---------------------------------------------------------------- points

Area = Literal["holding", "input", "coil", "discrete"]
DataType = Literal[
    "bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64",
    "bcd16", "bcd32", "string",
]  # fmt: skip
WordOrder = Literal["ABCD", "BADC", "CDAB", "DCBA"]


class Reads(BaseModel):
    """Where a value comes from and what is made of it: shared by the point of a configuration and of the API."""

    area: Area = "holding"
    address: int = Field(0, ge=0, le=65535, description="As on the wire, counted from 0.")
    type: DataType = "uint16"
    order: WordOrder = "ABCD"
    words: int = Field(1, ge=1, le=125, description="Registers of a string.")
    bit: int | None = Field(None, ge=0, le=15, description="Lowest bit of a register.")
    bits: int = Field(1, ge=1, le=16, description="How many bits from `bit` on; 1 makes the point a bool.")
    scale: float = 1.0
    offset: float = 0.0
    scale_point: str = Field(
        "",
        max_length=40,
        description="Point of the same device that holds a power of ten (SunSpec `sunssf`).",
    )
    missing: Literal["", "sunspec", "sunspec_acc"] = Field(
        "",
        description="sunspec: the type's not-implemented number is no value; sunspec_acc: of an accumulator, 0.",
    )
    words_of: dict[str, str] = Field(
        default_factory=dict,
        max_length=100,
        description="Enumeration: number as text → word; the value is the word.",
    )
    topic: str = Field("", max_length=500, description="MQTT topic, when the device's filter covers several.")
    path: str = Field(
        "",
        max_length=200,
        description="Path into the JSON (`motor.temp`, `a[0].v`, `*` for the first match), the metric of "
        "Sparkplug B, or the figure of the edge itself.",
    )
    poll_ms: int | None = Field(None, ge=20, le=3_600_000)
    writable: bool = Field(False, description="Whether people with the right may write it; off by default.")
    write_low: float | None = Field(None, description="Least number that may be written.")
    write_high: float | None = Field(None, description="Greatest number that may be written.")


class PointConfig(Message, Reads):
    """One measured value. Modbus: area, address, type, order, bit. MQTT: topic (optional) and JSON path."""

    id: Id
    device: Id
    name: str = Field(max_length=200)
    unit: str = Field("", max_length=20)
    asset: str = Field("", max_length=40)


# ---------------------------------------------------------------- rules

SimpleCondition = Literal[
    "high_high", "high", "low", "low_low", "outside", "inside", "bit", "equals", "rate", "stuck", "no_data",
    "deviation", "step",
]  # fmt: skip
Condition = Literal[
    "high_high", "high", "low", "low_low", "outside", "inside", "bit", "equals", "rate", "stuck", "no_data",
    "deviation", "step", "all", "any",
]  # fmt: skip


class Judges(BaseModel):
    """What one condition compares with. Which fields count depends on the condition."""

    limit: float | None = Field(
        None,
        description="high, low (and their second levels): the limit. outside, inside: the lower end. rate: change "
        "within `window_s`, negative for a fall. deviation: distance from `other`. step: rise within `window_s`.",
    )
    limit_high: float | None = Field(None, description="For outside and inside: the upper end.")
    equals: Value = Field(None, description="For equals: number, text or bool.")
    when: bool = Field(True, description="For bit and equals: the answer that means trouble.")
    after_s: float | None = Field(
        None,
        gt=0,
        le=2_592_000,
        description="For no_data and stuck: seconds without a good reading, or a change.",
    )
    window_s: float | None = Field(None, gt=0, le=86_400, description="For rate and step.")
    other: str = Field("", max_length=40, description="For deviation: id of the point compared with.")
    deadband: float = Field(0, ge=0, description="In the point's unit; holds an active alarm.")


class TermConfig(Message, Judges):
    """One condition of several: over the rule's own point when `point` is empty."""

    point: str = Field("", max_length=40)
    condition: SimpleCondition


class ActiveTimes(Message):
    """When a rule counts, in the plant's local time. An end before the start is of the next day."""

    days: list[Annotated[int, Field(ge=0, le=6)]] = Field(
        default_factory=lambda: [0, 1, 2, 3, 4, 5, 6], min_length=1, max_length=7, description="0 is Monday."
    )
    start: str = Field("00:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    end: str = Field("24:00", pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")


class RuleLogic(Judges):
    """All of a rule that decides about alarms: shared by the rule of a configuration and of the API."""

    condition: Condition
    terms: list[TermConfig] = Field(
        default_factory=list, max_length=10, description="For all and any: what they are over."
    )
    on_delay_s: float = Field(0, ge=0, le=86_400)
    off_delay_s: float = Field(0, ge=0, le=86_400)
    latching: bool = Field(False, description="Once raised it stays until somebody resets it.")
    realarm_s: float | None = Field(
        None,
        ge=10,
        le=604_800,
        description="Seconds after which an alarm that is still active tells so again.",
    )
    schedule: list[ActiveTimes] = Field(
        default_factory=list, max_length=14, description="When the rule counts; always when empty."
    )
    suppress_when: list[TermConfig] = Field(
        default_factory=list,
        max_length=10,
        description="While any of these is met the alarm is suppressed by design.",
    )
    shelve_most_s: float = Field(28_800, ge=60, le=2_592_000, description="Longest shelving.")


class RuleConfig(Message, RuleLogic):
    """When a point's readings mean trouble. Delays in seconds; limits and deadband in the point's unit."""

    id: Id
    name: str = Field(max_length=200)
    point: Id
    asset: str = Field("", max_length=40)
    severity: Severity = "major"


# ---------------------------------------------------------------- all of it


class AlarmLimits(Message):
    """When alarms are too many. Chatter: raises of one rule; flood: raises of the whole edge (ISA-18.2)."""

    chatter_raises: int = Field(3, ge=2, le=100)
    chatter_window_s: float = Field(60, ge=10, le=3600)
    chatter_shelve_s: float = Field(
        1800, ge=60, le=86_400, description="How long a chattering rule is shelved."
    )
    flood_raises: int = Field(10, ge=2, le=1000, description="More than so many in the window is a flood.")
    flood_window_s: float = Field(600, ge=60, le=3600)


class EdgeConfig(Message):
    """All an edge has to do, pushed whole, retained, versioned; the edge answers in EdgeStatus."""

    v: int = VERSION
    edge: str
    version: int = Field(ge=1)
    timezone: str = Field(
        "Asia/Shanghai", max_length=60, description="The plant's, for schedules (IANA name)."
    )
    telemetry_s: float = Field(5, ge=1, le=3600, description="Seconds between telemetry messages.")
    alarms: AlarmLimits = Field(default_factory=AlarmLimits)
    devices: list[Device] = Field(default_factory=list)
    points: list[PointConfig] = Field(default_factory=list)
    rules: list[RuleConfig] = Field(default_factory=list)
