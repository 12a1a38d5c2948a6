"""What carries the bytes of a Modbus link: a TCP connection or a serial port; knows no frames.

On POSIX a serial port is read by the event loop itself. Elsewhere, where an event loop cannot wait for one, a thread
reads it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

import serial

from edge_agent.drivers.modbus_messages import Unreachable

P = TypeVar("P", bound=asyncio.Protocol)
THREADED = os.name != "posix"
_READ_MOST = 4096
_THREAD_LOOKS_S = 0.25  # how long a reading thread may hear nothing before it looks whether it should end


class Carrier(Protocol):
    """The way out for a link's bytes."""

    def write(self, data: bytes, /) -> None: ...
    def is_closing(self) -> bool: ...
    def abort(self) -> None: ...


class SerialSettings(NamedTuple):
    """How a serial line is set."""

    port: str
    baud_rate: int
    parity: str
    stop_bits: int

    @property
    def char_s(self) -> float:
        """Seconds that one byte takes on the line: start bit, eight bits, parity, stop bits."""
        return (9 + (self.parity != "none") + self.stop_bits) / self.baud_rate


def be_prompt(transport: asyncio.BaseTransport) -> None:
    """Small packets at once, and a dead peer is noticed some day."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):  # not offered everywhere
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


async def connect(host: str, port: int, timeout_s: float, make: Callable[[], P]) -> P:
    """A link over a new TCP connection. Raises Unreachable."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _transport, link = await loop.create_connection(make, host, port)
    except (OSError, TimeoutError) as error:
        reason = "connecting timed out" if isinstance(error, TimeoutError) else str(error)
        detail = f"no connection to {host}:{port}: {reason}"
        raise Unreachable("device.unreachable", detail, host=host, port=port, reason=reason) from None
    return link


def open_serial(settings: SerialSettings, link: asyncio.Protocol) -> SerialPort:
    """Give `link` a serial port. Raises Unreachable."""
    try:
        port = serial.Serial(
            settings.port,
            settings.baud_rate,
            parity=settings.parity[0].upper(),
            stopbits=settings.stop_bits,
            timeout=_THREAD_LOOKS_S if THREADED else 0,
            exclusive=True if os.name == "posix" else None,
        )
        port.reset_input_buffer()
    except (OSError, ValueError, serial.SerialException) as error:
        denied = isinstance(error, PermissionError) or getattr(error, "errno", None) == 13
        code = "device.serial_denied" if denied else "device.serial_port"
        detail = f"the serial port {settings.port} cannot be opened: {error}"
        raise Unreachable(
            code, detail, host=settings.port, port=settings.baud_rate, reason=str(error)
        ) from None
    with contextlib.suppress(OSError, ValueError, NotImplementedError, AttributeError):
        port.set_low_latency_mode(True)  # else some adapters keep bytes for 16 ms
    return ThreadedPort(port, link) if THREADED else SerialPort(port, link)


class SerialPort:
    """An open serial port, read by the event loop; tells a link as an asyncio transport would."""

    def __init__(self, port: Any, link: asyncio.Protocol) -> None:
        self._port, self._link = port, link
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._waiting = b""
        self._start()
        link.connection_made(self)  # type: ignore[arg-type]  # as much of a transport as a link wants

    def get_extra_info(self, _name: str) -> None:
        """There is no socket behind it."""

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self._closing

    def write(self, data: bytes) -> None:
        """Send; what the system does not take at once follows when it can."""
        if self._closing:
            return
        if self._waiting:
            self._waiting += data
            return
        try:
            sent = os.write(self._port.fileno(), data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._loop.call_soon(self._lost, error)
            return
        if sent < len(data):
            self._waiting = data[sent:]
            self._loop.add_writer(self._port.fileno(), self._write_on)

    def abort(self) -> None:
        """Close at once; the link hears of it a moment later."""
        if not self._closing:
            self._shut()
            self._loop.call_soon(self._link.connection_lost, None)

    def _start(self) -> None:
        self._loop.add_reader(self._port.fileno(), self._readable)

    def _stop(self) -> None:
        self._loop.remove_reader(self._port.fileno())
        self._loop.remove_writer(self._port.fileno())

    def _shut(self) -> None:
        self._closing = True
        self._stop()
        with contextlib.suppress(OSError, serial.SerialException):
            self._port.close()

    def _readable(self) -> None:
        try:
            data = os.read(self._port.fileno(), _READ_MOST)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(error)
            return
        if data:
            self._hand_over(data)
        else:
            self._lost(OSError("the serial port is gone"))

    def _hand_over(self, data: bytes) -> None:
        try:
            self._link.data_received(data)
        except Exception as error:  # noqa: BLE001 - a fault of ours: who waits for the exchange must hear it
            self._lost(error)

    def _write_on(self) -> None:
        data, self._waiting = self._waiting, b""
        self._loop.remove_writer(self._port.fileno())
        self.write(data)

    def _lost(self, error: Exception) -> None:
        if not self._closing:
            self._shut()
            self._link.connection_lost(error)


class ThreadedPort(SerialPort):
    """The same with a thread that reads: Windows' event loops cannot wait for a serial port."""

    def write(self, data: bytes) -> None:
        """Send; blocks for as long as the driver's buffer is full, which is never."""
        if self._closing:
            return
        try:
            self._port.write(data)
        except (OSError, serial.SerialException) as error:
            self._loop.call_soon(self._lost, error)

    def _start(self) -> None:
        threading.Thread(target=self._read, name=f"serial {self._port.port}", daemon=True).start()

    def _stop(self) -> None:
        with contextlib.suppress(AttributeError, OSError, serial.SerialException):
            self._port.cancel_read()

    def _read(self) -> None:
        while not self._closing:
            try:
                data = self._port.read(max(1, self._port.in_waiting))
            except (OSError, TypeError, serial.SerialException) as error:
                if not self._closing:
                    self._tell(self._lost, OSError(str(error)))
                return
            if data:
                self._tell(self._hand_over, data)

    def _tell(self, call: Callable[[Any], None], what: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(call, what)
