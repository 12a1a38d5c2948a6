"""Modbus RTU over any carrier: one request at a time, and a line that is known to be clean before the next.

An RTU reply has no transaction id: that of an earlier request looks like that of the next one of the same likeness
(unit, function, size). So a reply only counts when nothing came before or behind it and unit, function, byte count and
checksum are right. After silence or anything odd the line is drained until it is still, and the unit whose reply may
still come is first asked for a reply of another size: units answer in order, so when that has come, nothing older will.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import cast

from core.errors import OutsideError
from edge_agent.drivers.modbus_carriers import Carrier, be_prompt
from edge_agent.drivers.modbus_messages import (
    READS_WHAT,
    BadReply,
    Exchange,
    NoAnswer,
    Refused,
    Request,
    Unreachable,
    crc_is_right,
    gateway_says,
    read,
)

STILL_CHARS = 3.5
STILL_LEAST_S = 0.00175  # the standard's, above 19200 baud
DRAIN_S = 0.03  # after anything odd: silence until the line counts as clean
DRAIN_MOST_S = 1.0  # a line that is never still is given up
ALIKE_S = 0.03  # between replies of which one, if it came twice, could be taken for the other
BETWEEN_BYTES_S = 0.05  # a reply under way may pause so long
OWED_S = 10.0  # how long an answer may still come
LOOP_TURN_S = 0.001
SILENT_MOST = 3  # requests in a row with nothing heard at all: the connection may be dead
EXCEPTION_BYTES = 5


class Debts:
    """Answers that may still come, over all connections to one line."""

    def __init__(self) -> None:
        self._until_s: dict[tuple[int, int, int], float] = {}

    def add(self, request: Request, now_s: float) -> None:
        """`request` has not been answered as it should."""
        self._until_s[request.likeness] = now_s + OWED_S

    def settled(self, unit: int) -> None:
        """The unit has answered a later question: nothing older will come from it."""
        for likeness in [likeness for likeness in self._until_s if likeness[0] == unit]:
            del self._until_s[likeness]

    def fence(self, request: Request, now_s: float) -> Request | None:
        """What to ask the unit of `request` first: a read whose reply has a size that is not owed; None for nothing."""
        for likeness, until_s in list(self._until_s.items()):
            if until_s < now_s:
                del self._until_s[likeness]
        if not any(unit == request.unit for unit, _function, _size in self._until_s):
            return None
        function = READS_WHAT[request.function]
        step = 1 if function >= 3 else 8
        counts = itertools.count(1, step)
        questions = (read(request.unit, function, request.address, count) for count in counts)
        taken = {*self._until_s, request.likeness}
        return next(question for question in questions if question.likeness not in taken)


class ModbusRtuLink(asyncio.Protocol):
    """A line and at most one request under way. `char_s`: time of a byte, 0 when nobody knows."""

    def __init__(self, debts: Debts, char_s: float = 0.0) -> None:
        self._loop = asyncio.get_running_loop()
        self._debts, self._char_s = debts, char_s
        self._still_s = max(STILL_LEAST_S, STILL_CHARS * char_s)
        self._carrier: Carrier | None = None
        self._buffer = b""
        self._exchange: Exchange | None = None
        self._done: asyncio.Future[None] | None = None
        self._left: list[int] = []  # of the exchange, the next one last
        self._asked: Request | None = None  # on the line now
        self._fencing = False
        self._before: Request | None = None  # the last that was answered
        self._before_refused = False
        self._patience_s, self._until_s, self._most_s = 0.0, 0.0, 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._quiet_s = max(DRAIN_S, self._still_s)  # silence that is due before the next request …
        self._heard_s = self._loop.time()  # … since then
        self._drain_until_s = 0.0
        self._silences = 0
        self.strays = 0  # bytes that came when nothing was asked

    @property
    def usable(self) -> bool:
        """Whether another exchange may begin."""
        return self._carrier is not None and not self._carrier.is_closing()

    def run(self, exchange: Exchange, window: int, patience_s: float) -> asyncio.Future[None]:
        """Ask what is left of `exchange`, one after the other whatever `window` says.

        The future fails with NoAnswer, BadReply or Unreachable. Modbus exceptions are put into the exchange.
        """
        if not self.usable:
            raise Unreachable("device.connection_lost", "the connection was closed by the device")
        if self._exchange is not None:
            raise RuntimeError("one exchange at a time")
        self._exchange = exchange
        self._left = list(reversed(exchange.left))
        self._patience_s = patience_s
        self._drain_until_s = self._loop.time() + DRAIN_MOST_S + self._quiet_s
        self._done = done = self._loop.create_future()
        self._ask()
        return done

    def close(self) -> None:
        """Drop the connection at once."""
        if self._carrier is not None:
            self._carrier.abort()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._carrier = cast(Carrier, transport)
        be_prompt(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._carrier = None
        if exc is not None and not isinstance(exc, OSError):
            self._end(exc)  # a fault of our own, in what hears the replies
            return
        reason = "the device closed the connection" if exc is None else f"connection broke: {exc}"
        self._end(Unreachable("device.connection_lost", reason))

    def data_received(self, data: bytes) -> None:
        now_s = self._loop.time()
        self._heard_s = now_s
        self._silences = 0
        asked = self._asked
        if asked is None:
            self._stray(data)
            return
        self._buffer = buffer = self._buffer + data
        size = len(buffer)
        if size < EXCEPTION_BYTES:
            return
        if buffer[0] != asked.unit:
            self._distrust(f"unit {buffer[0]} answered, unit {asked.unit} was asked")
        elif buffer[1] == asked.function | 0x80:
            self._exception(buffer)
        elif buffer[1] != asked.function:
            self._distrust(f"function {buffer[1]} answered, function {asked.function} was asked")
        elif not buffer.startswith(asked.rtu_head[:size]):
            self._distrust(f"the reply begins with {buffer[: len(asked.rtu_head)].hex(' ')}")
        elif size > asked.rtu_bytes:
            self._distrust(f"{size} bytes came, {asked.rtu_bytes} were asked for")
        elif size == asked.rtu_bytes:
            if crc_is_right(buffer):
                self._await_stillness(self._answered)
            else:
                self._distrust("the checksum is wrong")

    # -- the exchange

    def _ask(self) -> None:
        """Send the next request, or wait until the line has been still for long enough."""
        exchange, carrier = self._exchange, self._carrier
        if exchange is None or carrier is None:
            return
        now_s = self._loop.time()
        index = self._left[-1]
        request = exchange.asked[index]
        quiet_s = max(self._quiet_s, ALIKE_S) if self._could_be_mistaken(request) else self._quiet_s
        wait_s = self._heard_s + quiet_s - now_s
        if wait_s > 0:
            if now_s > self._drain_until_s:
                self._end(BadReply("device.bad_reply", "the line is never still", reason="never still"))
                self.close()
                return
            self._after(wait_s, self._ask)
            return
        fence = self._debts.fence(request, now_s)
        self._fencing = fence is not None
        self._asked = asked = request if fence is None else fence
        self._buffer = b""
        self._quiet_s = self._still_s
        wire_s = (len(asked.rtu_frame) + asked.rtu_bytes) * self._char_s
        self._until_s = now_s + self._patience_s + wire_s
        self._most_s = self._until_s + self._patience_s
        self._after(self._until_s - now_s, self._look)
        carrier.write(asked.rtu_frame)

    def _after(self, wait_s: float, then: Callable[[], None]) -> None:
        """Call `then` when the line has had so much time.

        One turn of the loop later: a loop that was busy may run a timer before it has read what came in time.
        """
        if self._timer is not None:
            self._timer.cancel()

        def once_more() -> None:
            self._timer = self._loop.call_later(LOOP_TURN_S, call)

        def call() -> None:
            self._timer = None
            then()

        self._timer = self._loop.call_later(wait_s, once_more)

    def _could_be_mistaken(self, request: Request) -> bool:
        """Whether the last reply, if it came twice, would look like that to `request`."""
        before = self._before
        if before is None:
            return False
        if self._before_refused:
            return (before.unit, before.function) == (request.unit, request.function)
        return before.likeness == request.likeness

    def _await_stillness(self, then: Callable[[], None]) -> None:
        """A frame ends with silence: what more bytes follow upon is no reply, whatever it looks like."""
        self._after(self._still_s, then)

    def _answered(self) -> None:
        exchange, asked = self._exchange, self._asked
        assert exchange is not None and asked is not None
        data = self._buffer[len(asked.rtu_head) : -2]
        self._finish()
        self._before, self._before_refused = asked, False
        self._debts.settled(asked.unit)
        if not self._fencing:
            try:
                exchange.heard(self._left.pop(), data)
            except Exception as error:  # noqa: BLE001 - a fault of ours: who waits for the exchange must hear it
                self._end(error)
                return
        self._go_on()

    def _exception(self, buffer: bytes) -> None:
        if len(buffer) > EXCEPTION_BYTES or not crc_is_right(buffer):
            self._distrust(f"no exception: {buffer[:8].hex(' ')}")
        else:
            self._await_stillness(self._has_refused)

    def _has_refused(self) -> None:
        exchange, asked = self._exchange, self._asked
        assert exchange is not None and asked is not None
        exception = self._buffer[2]
        self._finish()
        self._before, self._before_refused = asked, True
        self._debts.settled(asked.unit)
        silent = gateway_says(exception)
        if silent is not None:
            self._end(silent)
            return
        if not self._fencing:
            exchange.refused.append((self._left.pop(), Refused(exception)))
        self._go_on()

    def _go_on(self) -> None:
        if self._left:
            self._drain_until_s = self._loop.time() + DRAIN_MOST_S
            self._ask()
        else:
            self._end(None)

    def _finish(self) -> None:
        self._asked = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stray(self, data: bytes) -> None:
        """Nothing was asked: the line is not clean, and somebody's answer may have been this."""
        self.strays += len(data)
        self._quiet_s = max(DRAIN_S, self._still_s)
        if self._before is not None:
            self._debts.add(self._before, self._heard_s)

    def _distrust(self, reason: str) -> None:
        self._fail(BadReply("device.bad_reply", reason, reason=reason))

    def _fail(self, error: OutsideError) -> None:
        """What was asked may still be answered; until the line is still nothing is asked."""
        asked = self._asked
        assert asked is not None
        self._quiet_s = max(DRAIN_S, self._still_s)
        self._heard_s = self._loop.time()
        self._end(error)

    def _look(self) -> None:
        """The reply is overdue, unless its bytes are coming just now."""
        now_s = self._loop.time()
        if self._buffer and now_s - self._heard_s < BETWEEN_BYTES_S and now_s < self._most_s:
            self._after(BETWEEN_BYTES_S, self._look)
            return
        if self._buffer:
            self._distrust(f"the reply ended after {len(self._buffer)} bytes")
            return
        self._silences += 1
        self._fail(NoAnswer("device.no_answer", f"no answer within {self._patience_s * 1000:.0f} ms"))
        if self._silences >= SILENT_MOST and not self._char_s:
            self.close()  # a TCP connection may be dead without a word; a serial port is not

    def _end(self, error: Exception | None) -> None:
        exchange, done = self._exchange, self._done
        if exchange is None or done is None:
            return
        asked = self._asked
        if asked is not None:
            self._debts.add(asked, self._loop.time())
        self._finish()
        exchange.left = tuple(reversed(self._left))
        self._exchange = self._done = None
        if done.done():
            return  # who asked has gone
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
