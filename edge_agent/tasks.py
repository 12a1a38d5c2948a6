"""The edge's tasks: each goes on for ever, and one that fails of our own fault is started again. Knows no work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from core import log

_log = log.get(__name__)
AGAIN_S = 1.0
Work = Callable[[], Coroutine[Any, Any, None]]


class Tasks:
    """All tasks of one edge."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def keep(self, work: Work) -> asyncio.Task[None]:
        """Start `work`; if it fails, say so and start it again."""

        async def kept() -> None:
            while True:
                try:
                    return await work()
                except Exception:  # noqa: BLE001 - the top of a loop: the others must go on
                    _log.exception("a part of the edge failed, starting it again")
                    await asyncio.sleep(AGAIN_S)

        task = asyncio.get_running_loop().create_task(kept())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        """End all."""
        await cancel(list(self._tasks))


async def cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    if ending:
        await asyncio.wait(ending)
