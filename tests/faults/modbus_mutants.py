"""Carelessness that the Modbus fault harness must catch: each a change of a few words in the text of a link's module.

The changed text is compiled apart and put in place of the real class while a harness runs; nothing of it lives in the
product. A text that is no longer there makes the harness fail, so that this list cannot fall behind the code.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edge_agent.drivers import modbus_link, modbus_rtu, modbus_tcp
from tests.edge.hostile import Carrier


@dataclass(frozen=True)
class Mutant:
    """`changes`: (text, what it becomes)."""

    name: str
    carrier: Carrier
    changes: tuple[tuple[str, str], ...]
    only: tuple[str, ...] = ()  # faults that show it; all when empty


_FAST_HEAD = "data[at + 2 : at + 2 + len(request.tcp_head)] != request.tcp_head"
_SLOW_HEAD = "frame[2:data_at] != request.tcp_head"


def _without_byte(text: str, byte: int) -> str:
    """Compare all of a head but one byte."""
    return f"_but({text.split(' != ')[0]}, {byte}) != _but(request.tcp_head, {byte})"


MUTANTS = (
    Mutant("any transaction is right", "tcp", (
        ("            index = pending.get(id_)\n",
         "            id_ = id_ if id_ in pending else next(iter(pending), id_)\n"
         "            index = pending.get(id_)\n"),
        ("        index = self._pending.get(id_)\n",
         "        id_ = id_ if id_ in self._pending else next(iter(self._pending), id_)\n"
         "        index = self._pending.get(id_)\n"),
    )),
    Mutant("any unit is right", "tcp", (
        (_FAST_HEAD, _without_byte(_FAST_HEAD, 4)),
        (_SLOW_HEAD, _without_byte(_SLOW_HEAD, 4)),
        ("if unit != request.unit:", "if unit < 0:"),
    )),
    Mutant("any function is right", "tcp", (
        (_FAST_HEAD, _without_byte(_FAST_HEAD, 5)),
        (_SLOW_HEAD, _without_byte(_SLOW_HEAD, 5)),
        ("elif function != request.function:", "elif function < 0:"),
    )),
    Mutant("any size is right", "tcp", (
        (_FAST_HEAD, "data[at + 6 : at + 8] != request.tcp_head[4:6]"),
        ("elif len(frame) != request.tcp_bytes:", "elif len(frame) < 0:"),
        (_SLOW_HEAD, "len(frame) < 0"),
    )),
    Mutant("a connection is used on after a time-out, one number for all", "tcp", (
        ('self._end(NoAnswer("device.no_answer", f"no answer within {self._patience_s * 1000:.0f} ms"))\n'
         "        self.close()",
         'self._end(NoAnswer("device.no_answer", f"no answer within {self._patience_s * 1000:.0f} ms"))'),
        ("number = number + 1 & 0xFFFF", "number = 7"),
        ("number = self._transaction + 1 & 0xFFFF", "number = 7"),
    ), ("late",)),
    Mutant("no draining, no fence after a time-out", "rtu_tcp", (
        ("        self._quiet_s = max(DRAIN_S, self._still_s)\n        self._heard_s",
         "        self._quiet_s = self._still_s\n        self._heard_s"),
        ("fence = self._debts.fence(request, now_s)", "fence = None"),
    ), ("late",)),
    Mutant("draining, but no fence", "rtu_tcp", (
        ("fence = self._debts.fence(request, now_s)", "fence = None"),
    ), ("late",)),
    Mutant("any unit is right", "rtu_tcp", (
        ("if buffer[0] != asked.unit:", "if buffer[0] > 255:"),
        ("not buffer.startswith(asked.rtu_head[:size])", "not buffer[1:].startswith(asked.rtu_head[1:size])"),
    )),
    Mutant("any function is right", "rtu_tcp", (
        ("elif buffer[1] != asked.function:", "elif buffer[1] > 255:"),
        ("not buffer.startswith(asked.rtu_head[:size])", "buffer[2] != asked.rtu_head[2]"),
    )),
    Mutant("as long as the reply says", "rtu_tcp", (
        ("not buffer.startswith(asked.rtu_head[:size])", "size < 0"),
        ("size > asked.rtu_bytes:", "size > 5 + buffer[2]:"),
        ("size == asked.rtu_bytes:", "size == 5 + buffer[2]:"),
    )),
    Mutant("any checksum is right", "serial", (
        ("if crc_is_right(buffer):", "if buffer:"),
    ), ("noise_inside",)),
    Mutant("what follows a frame is thrown away", "serial", (
        ("        self._buffer = buffer = self._buffer + data\n",
         "        self._buffer = buffer = (self._buffer + data)[: asked.rtu_bytes]\n"),
    )),
    Mutant("no waiting for the end of a frame", "rtu_tcp", (
        ("        self._after(self._still_s, then)\n", "        then()\n"),
        ("self._quiet_s = self._still_s\n", "self._quiet_s = 0.0\n"),
        ("return before.likeness == request.likeness", "return False"),
    )),
    Mutant("replies that look alike follow at once", "serial", (
        ("return before.likeness == request.likeness", "return False"),
        ("self._debts.add(self._before, self._heard_s)", "pass"),
    ), ("double_later",)),
)  # fmt: skip


@contextmanager
def careless(mutant: Mutant) -> Iterator[None]:
    """The links of a carrier are careless in this one way while this holds."""
    real = modbus_tcp if mutant.carrier == "tcp" else modbus_rtu
    names = ("ModbusTcpLink",) if real is modbus_tcp else ("ModbusRtuLink", "Debts")
    module = types.ModuleType(f"careless_{mutant.carrier}")
    module.__dict__["_but"] = lambda head, byte: head[:byte] + head[byte + 1 :]
    text = inspect.getsource(real)
    for old, new in mutant.changes:
        if old not in text:
            raise AssertionError(f"{mutant.name}: {real.__name__} has no text {old!r} any more")
        text = text.replace(old, new)
    sys.modules[module.__name__] = module  # dataclasses look there
    exec(compile(text, f"<{mutant.name}>", "exec"), module.__dict__)
    kept = {name: getattr(modbus_link, name) for name in names}
    for name in names:
        setattr(modbus_link, name, getattr(module, name))
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(modbus_link, name, value)
        del sys.modules[module.__name__]
