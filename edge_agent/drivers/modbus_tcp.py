"""One Modbus TCP connection: asks several requests in one write and checks every part of each reply; knows no points.

A reply must match in transaction, unit, function and exact byte count or it is no value; replies may come in any order.
Those of several requests under way count when all have come and nothing else did: else their ids cannot be trusted.
A connection that has timed out or said something impossible is closed and never used again. Nobody but the owner of a
link reconnects.
"""

from __future__ import annotations

import asyncio
import random
from typing import cast

from edge_agent.drivers.modbus_carriers import be_prompt
from edge_agent.drivers.modbus_messages import (
    BadReply,
    Exchange,
    NoAnswer,
    Refused,
    Unreachable,
    gateway_says,
)

MBAP_BYTES = 7
LOOP_LATE_S, LOOP_TURN_S = 0.005, 0.001
MAX_ADU_BYTES = 260


class ModbusTcpLink(asyncio.Protocol):
    """A connection and at most one exchange under way."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._exchange: Exchange | None = None
        self._done: asyncio.Future[None] | None = None
        self._pending: dict[bytes, int] = {}  # transaction id → number of the request in the exchange
        self._unsent: list[int] = []  # the next one last
        self._held: list[tuple[int, bytes]] | None = None  # replies of several under way, until all have come
        self._transaction = random.randrange(0x10000)
        self._odd = False  # a stray came during the exchange
        self._looked_late = False
        self._patience_s, self._until_s = 0.0, 0.0
        self._watchdog: asyncio.TimerHandle | None = None  # one for many exchanges: it looks when it fires
        self.strays = 0  # whole frames that answered nothing: late or doubled

    @property
    def usable(self) -> bool:
        """Whether another exchange may begin."""
        return self._transport is not None and not self._transport.is_closing()

    def run(self, exchange: Exchange, window: int, patience_s: float) -> asyncio.Future[None]:
        """Ask what is left of `exchange`, at most `window` at a time; `patience_s`: longest silence.

        The future fails with NoAnswer, BadReply or Unreachable; the link is then closed. Modbus exceptions are put
        into the exchange.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            raise Unreachable("device.connection_lost", "the connection was closed by the device")
        if self._exchange is not None:
            raise RuntimeError("one exchange at a time")
        if self._buffer:
            self.close()
            raise BadReply("device.bad_reply", "bytes came that nobody asked for", reason="stray bytes")
        self._exchange = exchange
        asked, left = exchange.asked, exchange.left
        first = left if len(left) <= window else left[:window]
        self._held = [] if len(first) > 1 else None
        self._odd = self._looked_late = False
        self._unsent = [] if first is left else list(reversed(left[window:]))
        number, pending, frames = self._transaction, self._pending, list[bytes]()
        for index in first:
            number = number + 1 & 0xFFFF
            id_ = number.to_bytes(2, "big")
            pending[id_] = index
            frames.append(id_ + asked[index].tcp_tail)
        self._transaction = number
        loop = self._loop
        self._patience_s = patience_s
        self._until_s = until_s = loop.time() + patience_s
        watchdog = self._watchdog
        if watchdog is None or watchdog.when() > until_s:
            if watchdog is not None:
                watchdog.cancel()
            self._watchdog = loop.call_at(until_s, self._look)
        transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
        self._done = done = loop.create_future()
        return done

    def close(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class, but is one
        be_prompt(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        if exc is not None and not isinstance(exc, OSError):
            self._end(exc)  # a fault of our own, in what hears the replies
            return
        reason = "the device closed the connection" if exc is None else f"connection broke: {exc}"
        self._end(Unreachable("device.connection_lost", reason))

    def data_received(self, data: bytes) -> None:
        """Whole right replies, one behind the other, are taken here; all else goes the long way."""
        exchange, pending = self._exchange, self._pending
        if exchange is None or self._buffer:
            self._look_closely(data)
            return
        at, size, asked, held = 0, len(data), exchange.asked, self._held
        while at < size:
            id_ = data[at : at + 2]
            index = pending.get(id_)
            if index is None:
                break
            request = asked[index]
            end = at + request.tcp_bytes
            if end > size or data[at + 2 : at + 2 + len(request.tcp_head)] != request.tcp_head:
                break
            del pending[id_]
            if self._unsent:
                self._ask_next()
            if held is None:
                exchange.heard(index, data[end - request.data_bytes : end])
            else:
                held.append((index, data[end - request.data_bytes : end]))
            at = end
            if not pending:
                self._all_came()
                if at < size:
                    break
        if at < size:
            self._look_closely(data[at:])
        elif pending:
            self._until_s = self._loop.time() + self._patience_s

    # -- the long way

    def _ask_next(self) -> None:
        exchange, transport = self._exchange, self._transport
        assert exchange is not None
        if transport is None:
            return
        index = self._unsent.pop()
        self._transaction = number = self._transaction + 1 & 0xFFFF
        id_ = number.to_bytes(2, "big")
        self._pending[id_] = index
        transport.write(id_ + exchange.asked[index].tcp_tail)

    def _look_closely(self, data: bytes) -> None:
        buffer = self._buffer + data
        while len(buffer) > MBAP_BYTES:
            length = int.from_bytes(buffer[4:6], "big")
            if buffer[2:4] != b"\0\0" or not 2 < length <= MAX_ADU_BYTES - 6:
                self._distrust(f"no Modbus TCP frame begins with {buffer[:8].hex(' ')}")
                return
            if len(buffer) < length + 6:
                break
            frame, buffer = buffer[: length + 6], buffer[length + 6 :]
            self._take(frame)
            if not self.usable:
                return
        self._buffer = buffer

    def _take(self, frame: bytes) -> None:
        exchange, id_ = self._exchange, frame[:2]
        index = self._pending.get(id_)
        if exchange is None or index is None:
            self.strays += 1  # late or doubled: never taken for another one, its number is spent
            self._odd = True
            return
        request = exchange.asked[index]
        unit, function, data_at = frame[6], frame[7], 2 + len(request.tcp_head)
        if unit != request.unit:
            self._distrust(f"unit {unit} answered, unit {request.unit} was asked")
        elif function == request.function | 0x80 and len(frame) == MBAP_BYTES + 2:
            silent = gateway_says(frame[8])
            if silent is not None:
                self._end(silent)
                return
            exchange.refused.append((index, Refused(frame[8])))
            self._answered(id_)
        elif function != request.function:
            self._distrust(f"function {function} answered, function {request.function} was asked")
        elif len(frame) != request.tcp_bytes:
            self._distrust(f"{len(frame)} bytes came, {request.tcp_bytes} were asked for")
        elif frame[2:data_at] != request.tcp_head:
            self._distrust(f"the reply begins with {frame[2:data_at].hex(' ')}")
        else:
            if self._held is None:
                exchange.heard(index, frame[data_at:])
            else:
                self._held.append((index, frame[data_at:]))
            self._answered(id_)

    def _answered(self, id_: bytes) -> None:
        del self._pending[id_]
        if self._unsent:
            self._ask_next()
        if self._pending:
            self._until_s = self._loop.time() + self._patience_s
        else:
            self._all_came()

    def _all_came(self) -> None:
        exchange, held = self._exchange, self._held
        if held is not None and exchange is not None:
            if self._odd:
                self._distrust("a reply came twice, or with the number of another")
                return
            for index, data in held:
                exchange.heard(index, data)
        self._end(None)

    def _distrust(self, reason: str) -> None:
        self._end(BadReply("device.bad_reply", reason, reason=reason))
        self.close()

    def _look(self) -> None:
        """Is a reply overdue?"""
        self._watchdog = None
        if self._exchange is None:
            return  # the next exchange sets it again
        now_s = self._loop.time()
        if now_s < self._until_s:
            self._watchdog = self._loop.call_at(self._until_s, self._look)
            return
        if now_s > self._until_s + LOOP_LATE_S and not self._looked_late:
            self._looked_late = True  # this loop was busy: the reply may be here, unread
            self._watchdog = self._loop.call_later(LOOP_TURN_S, self._look)
            return
        self._end(NoAnswer("device.no_answer", f"no answer within {self._patience_s * 1000:.0f} ms"))
        self.close()

    def _end(self, error: Exception | None) -> None:
        exchange, done = self._exchange, self._done
        if exchange is None or done is None:
            return
        if error is None:
            exchange.left = ()
        elif self._held is None:
            exchange.left = (*self._pending.values(), *reversed(self._unsent))
        else:
            exchange.refused.clear()  # nothing of it counts: `left` is what it was
        self._exchange = self._done = None
        self._pending.clear()
        if done.done():
            return  # who asked has gone
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
