"""What the shapes of points and rules cannot say: which fields go together. Shared by hub and edge; knows no ids."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from core.wire.edge_config import EDGE_FIGURES, Judges, Reads, RuleLogic

REGISTERS = {
    "bool": 1, "int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4, "float64": 4,
    "bcd16": 1, "bcd32": 2,
}  # fmt: skip
LAST_ADDRESS = 65_535
Holds = Literal["bool", "number", "text", "any"]
_LIMITED = {"high_high", "high", "low", "low_low", "outside", "inside", "rate", "deviation", "step"}
_NUMERIC = _LIMITED
_TWO_LIMITS = {"outside", "inside"}
_TIMED = {"no_data", "stuck"}
_WINDOWED = {"rate", "step"}

CODES = (
    "point.scale_zero", "point.beyond_end", "point.bit_missing", "point.bit_not_here", "point.bits_beyond",
    "point.write_range", "point.write_not_here", "point.unknown_figure", "point.too_wide", "point.words_and_scale",
    "rule.limit_missing", "rule.limit_high_missing", "rule.limits_crossed", "rule.limit_negative",
    "rule.limit_zero", "rule.equals_missing",
    "rule.after_missing", "rule.window_missing", "rule.other_missing", "rule.terms_missing", "rule.schedule_empty",
)  # fmt: skip
"""All that can be wrong; each has a sentence `error.<code>`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with which field: `code` has a sentence, `says` a word beside the field (`field.<says>`)."""

    field: str
    code: str
    says: str
    detail: str
    params: dict[str, str] = dataclasses.field(default_factory=dict)


def registers(reads: Reads) -> int:
    """How many registers (or bits) a value takes."""
    if reads.area in ("coil", "discrete") or reads.bit is not None:
        return 1
    return reads.words if reads.type == "string" else REGISTERS[reads.type]


def holds(reads: Reads, kind: str) -> Holds:
    """What a point's values are, as far as its settings tell."""
    if reads.words_of:
        return "text"
    if kind == "edge":
        return "any" if reads.path == "uplink_connected" else "number"
    if kind == "mqtt":
        return "any"  # what a message will hold is known only when it comes
    if (
        reads.area in ("coil", "discrete")
        or (reads.bit is not None and reads.bits == 1)
        or reads.type == "bool"
    ):
        return "bool"
    return "text" if reads.type == "string" else "number"


def fits(condition: str, held: Holds) -> bool:
    """Whether a condition can be judged on such values."""
    if held == "any":
        return True
    if condition in _NUMERIC:
        return held == "number"
    return held == "bool" if condition == "bit" else True


def point_faults(reads: Reads, kind: str, max_registers: int = 125) -> Iterator[Fault]:
    """What is wrong with a point of a device of that kind."""
    if reads.scale == 0:
        yield Fault("scale", "point.scale_zero", "zero", "scale 0 makes every value the same")
    if reads.words_of and reads.scale_point:
        yield Fault(
            "words_of", "point.words_and_scale", "not_here", "a value is a word or is scaled, not both"
        )
    if kind.startswith("modbus"):
        yield from _register_faults(reads, max_registers)
    if kind == "edge" and reads.path not in EDGE_FIGURES:
        known = ", ".join(EDGE_FIGURES)
        detail = f"the edge has no figure '{reads.path}'"
        yield Fault("path", "point.unknown_figure", "invalid", detail, {"path": reads.path, "known": known})
    if reads.writable and (not kind.startswith("modbus") or reads.area not in ("holding", "coil")):
        yield Fault(
            "writable", "point.write_not_here", "not_here", "only coils and holding registers are written"
        )
    low, high = reads.write_low, reads.write_high
    if low is not None and high is not None and low > high:
        yield Fault("write_high", "point.write_range", "out_of_range", f"{high} is below {low}")


def _register_faults(reads: Reads, max_registers: int) -> Iterator[Fault]:
    word = reads.area in ("holding", "input")
    count = registers(reads)
    if reads.address + count - 1 > LAST_ADDRESS:
        detail = f"{reads.type} ends at {reads.address + count - 1}"
        yield Fault("address", "point.beyond_end", "too_high", detail, {"address": str(reads.address)})
    if word and count > max_registers:
        detail = f"{count} registers, the device gives {max_registers} at a time"
        yield Fault(
            "words" if reads.type == "string" else "type",
            "point.too_wide",
            "out_of_range",
            detail,
            {"count": str(count), "most": str(max_registers)},
        )
    if word and reads.bit is None and (reads.type == "bool" or reads.bits > 1):
        yield Fault("bit", "point.bit_missing", "missing", "bits in a register need the first one's number")
    if reads.bit is None:
        return
    if not word or reads.type not in ("bool", "uint16", "int16"):
        yield Fault("bit", "point.bit_not_here", "not_here", "a bit is taken from one register")
    elif reads.bit + reads.bits > 16:
        detail = f"{reads.bits} bits from bit {reads.bit} on are more than a register has"
        yield Fault(
            "bits", "point.bits_beyond", "too_high", detail, {"bit": str(reads.bit), "bits": str(reads.bits)}
        )


def rule_faults(rule: RuleLogic) -> Iterator[Fault]:
    """What is wrong with a rule, its terms and its times."""
    if rule.condition in ("all", "any"):
        if not rule.terms:
            yield Fault("terms", "rule.terms_missing", "missing", f"{rule.condition} needs its conditions")
    else:
        yield from _judge_faults(rule, rule.condition, "")
    for name, terms in (("terms", rule.terms), ("suppress_when", rule.suppress_when)):
        for index, term in enumerate(terms):
            yield from _judge_faults(term, term.condition, f"{name}.{index}.")
    for index, times in enumerate(rule.schedule):
        if times.start == times.end:
            detail = f"from {times.start} to {times.end} is no time at all"
            yield Fault(f"schedule.{index}.end", "rule.schedule_empty", "invalid", detail)


def _judge_faults(judges: Judges, condition: str, where: str) -> Iterator[Fault]:
    wanted: Sequence[tuple[bool, str, str]] = (
        (condition in _LIMITED and judges.limit is None, "limit", "rule.limit_missing"),
        (condition in _TWO_LIMITS and judges.limit_high is None, "limit_high", "rule.limit_high_missing"),
        (condition == "equals" and judges.equals in (None, ""), "equals", "rule.equals_missing"),
        (condition in _TIMED and judges.after_s is None, "after_s", "rule.after_missing"),
        (condition in _WINDOWED and judges.window_s is None, "window_s", "rule.window_missing"),
        (condition == "deviation" and not judges.other, "other", "rule.other_missing"),
    )
    for missing, name, code in wanted:
        if missing:
            yield Fault(where + name, code, "missing", f"{condition} needs {name}", {"condition": condition})
    low, high = judges.limit, judges.limit_high
    if condition in ("deviation", "step") and low is not None and low < 0:
        yield Fault(where + "limit", "rule.limit_negative", "out_of_range", f"{condition} of {low:g}")
    if condition == "rate" and low == 0:
        yield Fault(where + "limit", "rule.limit_zero", "zero", "a rate of 0")
    if condition in _TWO_LIMITS and low is not None and high is not None and low >= high:
        yield Fault(
            where + "limit_high",
            "rule.limits_crossed",
            "out_of_range",
            f"the upper end {high} is not above the lower end {low}",
            {"low": f"{low:g}", "high": f"{high:g}"},
        )
