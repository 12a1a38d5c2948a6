"""A TCP proxy of ours that spoils a line: refuses, delays, resets, is slow, or goes dumb in one direction or both."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Weather:
    """What happens to what passes. `dumb_up`: nothing from the client arrives; `dumb_down`: nothing reaches it."""

    refuse: bool = False
    dumb_up: bool = False
    dumb_down: bool = False
    delay_s: float = 0.0
    bytes_s: float = 0.0  # 0: no limit


@dataclass(eq=False)
class _Pair:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    lost: bool = False  # something of it was swallowed: it can only be reset
    frozen: bool = False  # it stays open, and nothing passes any more
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Proxy:
    """Listens on `port` of this computer and passes to `target`; in a thread of its own."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.weather = Weather()
        self._pairs: set[_Pair] = set()
        self._loop = asyncio.new_event_loop()
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._ending = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def fair(self) -> None:
        """All is well again; lines on which something was swallowed are reset, as they would be for ever wrong."""
        self.weather = Weather()
        self._call(self._reset(only_lost=True))

    def reset(self) -> None:
        """Cut all lines by RST."""
        self._call(self._reset())

    def freeze(self) -> None:
        """The lines of now are dead for ever, without a word to either end; new ones are well."""
        for pair in list(self._pairs):
            pair.frozen = True

    def close(self) -> None:
        """End it, with all lines."""
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(10)

    def _call(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._came, sock=self._listening)
        await self._ending.wait()
        server.close()
        await self._reset()
        while self._pairs:
            await asyncio.sleep(0.01)

    async def _reset(self, only_lost: bool = False) -> None:
        for pair in list(self._pairs):
            if pair.lost or not only_lost:
                for side in (pair.client, pair.server):
                    _rst(side)

    async def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.weather.refuse:
            _rst(writer)
            return
        try:
            onward_reader, onward = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            _rst(writer)
            return
        for side in (writer, onward):
            side.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = _Pair(writer, onward)
        self._pairs.add(pair)
        up = asyncio.create_task(self._pass(pair, reader, onward, "dumb_up"))
        down = asyncio.create_task(self._pass(pair, onward_reader, writer, "dumb_down"))
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._pairs.discard(pair)
            for task in (up, down):
                task.cancel()
            for side in (writer, onward):
                side.close()

    async def _pass(
        self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dumb: str
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                weather = self.weather
                if weather.delay_s:
                    await asyncio.sleep(weather.delay_s)
                if weather.bytes_s:
                    await asyncio.sleep(min(1.0, len(data) / weather.bytes_s))
                if pair.frozen:
                    continue
                if getattr(self.weather, dumb):
                    pair.lost = True
                    continue
                writer.write(data)
                await writer.drain()


def _rst(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
    writer.transport.abort()
