"""The faults of the hostile device: what it says instead of the right answer, or how it says that."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.edge.hostile import Ask, Talk

Carrier = Literal["tcp", "rtu_tcp", "serial"]


def _own(talk: Talk, ask: Ask) -> bytes:
    return talk.device.data(ask.unit, ask.function, ask.address, ask.count)


def _neighbours(talk: Talk, ask: Ask) -> bytes:
    """What other registers say, with its length."""
    other = talk.device.data(ask.unit, ask.function, ask.address + 1, ask.count)
    return bytes([len(other)]) + other


def _noise(ask: Ask, size: int = 40) -> bytes:
    return random.Random(ask.transaction * 65_536 + ask.address * 7 + ask.unit).randbytes(size)


def _short(talk: Talk, ask: Ask) -> bytes:
    data = _own(talk, ask)
    return talk.frame(ask, bytes([ask.function, max(0, len(data) - 2)]) + data[:-2])


def _long(talk: Talk, ask: Ask) -> bytes:
    data = _own(talk, ask)
    return talk.frame(ask, bytes([ask.function, len(data) + 2]) + data + b"\x12\x34")


def _cut(talk: Talk, ask: Ask) -> bytes:
    data = _own(talk, ask)
    return talk.frame(ask, bytes([ask.function, len(data)]) + data[:-2])


def _flipped(talk: Talk, ask: Ask) -> bytes:
    """One bit of the data is wrong on the way; only RTU has a checksum that tells."""
    frame = bytearray(talk.frame(ask, talk.device.right(ask)))
    frame[-3] ^= 0x10
    return bytes(frame)


SAYS: dict[str, Callable[[Talk, Ask], bytes]] = {
    "short": _cut,  # claims all, brings less
    "short_honest": _short,  # a well-formed reply of fewer registers
    "long": _long,
    "wrong_unit": lambda talk, ask: talk.frame(
        ask, bytes([ask.function]) + _neighbours(talk, ask), unit=ask.unit ^ 1
    ),
    "wrong_function": lambda talk, ask: talk.frame(
        ask, bytes([(7 if ask.function >= 3 else 3) - ask.function]) + _neighbours(talk, ask)
    ),
    "garbage": lambda _talk, ask: _noise(ask),
    "busy": lambda talk, ask: talk.frame(ask, bytes([ask.function | 0x80, 6])),
    "exception_long": lambda talk, ask: talk.frame(ask, bytes([ask.function | 0x80, 2, 9, 9])),
    "noise_after": lambda talk, ask: talk.frame(ask, talk.device.right(ask)) + _noise(ask, 5),
    "silent": lambda _talk, _ask: b"",
    # TCP only
    "wrong_transaction": lambda talk, ask: talk.frame(
        ask, bytes([ask.function]) + _neighbours(talk, ask), transaction=ask.transaction - 1
    ),
    "protocol": lambda talk, ask: (
        talk.frame(ask, bytes([ask.function]) + _neighbours(talk, ask))[:2]
        + b"\0\7"
        + talk.frame(ask, b"\3\2\0\0")[4:]
    ),
    # RTU only
    "noise_before": lambda talk, ask: _noise(ask, 3) + talk.frame(ask, talk.device.right(ask)),
    "noise_inside": _flipped,
}
ACTS: dict[str, Callable[[Talk, Ask, bytes, bytes], None]] = {
    "late": lambda talk, ask, right, previous: talk.say(right, talk.device.late_s * (0.4 + random.random())),
    "double": lambda talk, ask, right, previous: talk.say(right + right),
    "double_later": lambda talk, ask, right, previous: talk.twice(right, random.random() * 0.006),
    "stale": lambda talk, ask, right, previous: talk.say(previous + right),
    "pieces": lambda talk, ask, right, previous: talk.in_pieces(right),
    "stale_pieces": lambda talk, ask, right, previous: talk.in_pieces(previous + right),
    "reset": lambda talk, ask, right, previous: talk.cut(),
    "half": lambda talk, ask, right, previous: talk.half_then_cut(right),
    "swapped": lambda talk, ask, right, previous: talk.behind_the_next(right),
    "mute": lambda talk, ask, right, previous: talk.mute(),
}
_TCP_ONLY = ("wrong_transaction", "protocol")
_RTU_ONLY = ("noise_before", "noise_inside")
_CONNECTIONS_ONLY = ("reset", "half", "mute")
_EVERY = (*SAYS, *ACTS)
FAULTS_OF: dict[Carrier, tuple[str, ...]] = {
    "tcp": tuple(f for f in _EVERY if f not in _RTU_ONLY),
    "rtu_tcp": tuple(f for f in _EVERY if f not in (*_TCP_ONLY, "swapped")),
    "serial": tuple(f for f in _EVERY if f not in (*_TCP_ONLY, *_CONNECTIONS_ONLY, "swapped")),
}
