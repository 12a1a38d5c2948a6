"""The running edge: puts polls, rules, outbox and uplink together, and keeps its tasks alive."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

from core import log, paths
from core.settings import EdgeSettings
from core.wire.edge_commands import ProbeRequest
from core.wire.edge_config import EdgeConfig
from core.wire.uplink import EdgeJoined, PointSample, Telemetry
from edge_agent import config as configs
from edge_agent import service_notice
from edge_agent.clock import Clock
from edge_agent.commands import Commands
from edge_agent.commits import Commits
from edge_agent.config_checks import flaw
from edge_agent.delivery import Delivery
from edge_agent.overview import Overview
from edge_agent.polls import Polls
from edge_agent.routine import Routine
from edge_agent.self_health import SelfHealth
from edge_agent.status import StatusBook
from edge_agent.tasks import Tasks
from edge_agent.uplink import BROKER_AWAY_S, Uplink
from edge_agent.watch import Watch

_log = log.get(__name__)
MOST_SAMPLES = 1000  # in one telemetry message
SNAPSHOT_S, SNAPSHOT_LEAST_S = 10.0, 1.0
STOP_S = 2.5  # for the last events to be committed; as much again for the goodbye
STATUS_DELAY_S = 0.2  # changes that come together are told together


class Agent:
    """One edge. `fixed`: the configuration of a stand-alone edge; else it comes from the hub and the cache."""

    def __init__(
        self,
        settings: EdgeSettings,
        login: EdgeJoined | None,
        fixed: EdgeConfig | None = None,
        clock: Clock | None = None,
        broker_away_s: float = BROKER_AWAY_S,
    ) -> None:
        self._settings, self._login, self._fixed = settings, login, fixed
        self._clock = clock or Clock()
        self._broker_away_s = broker_away_s
        self._edge = login.edge if login else (fixed.edge if fixed else "standalone")
        # Apart from the outbox's thread: a commit must not wait for them.
        self._files = ThreadPoolExecutor(1, thread_name_prefix="files")
        self._config: EdgeConfig | None = None
        self._tasks = Tasks()
        self._incoming: asyncio.Queue[EdgeConfig] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None
        self._status_timer: asyncio.TimerHandle | None = None
        self._hub_to_hear = True
        self._to_show = asyncio.Event()
        self._status = StatusBook(self._edge, self._clock, self._status_changed)
        self._commits = Commits(self._clock, self._committed)
        self._watch = Watch(self._clock, self._commits.add, self._rearm)
        self._polls = Polls(self._edge, self._watch, self._status.device, self._clock, self._tasks.keep)
        self._uplink: Uplink | None = None
        self._delivery: Delivery | None = None
        self._commands: Commands | None = None
        self._overview = Overview(
            settings.data_dir,
            self._clock,
            self._status,
            self._watch,
            self._polls,
            self._commits,
            self._connected,
        )
        self._self_health = SelfHealth(self._watch, self._status.device, self._clock, self._overview.figures)
        self._routine = Routine(
            settings,
            self._clock,
            self._watch,
            self._commits,
            self._self_health,
            self._tell,
            self._status_changed,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        folder = paths.private_dir(self._settings.data_dir)
        self._loop = asyncio.get_running_loop()
        await self._commits.open(folder / "outbox.db", self._edge)
        outbox = self._outbox = self._commits.outbox
        self._db = self._commits.db
        self._watch.restore(*await self._db(lambda: (outbox.states(), outbox.charts())))
        for work in (self._commits.run, self._snapshots, *self._routine.work()):
            self._tasks.keep(work)
        if self._login is not None:
            window = self._settings.uplink_window
            self._delivery = Delivery(outbox, self._db, window, self._clock, self._watch.active)
            self._uplink = Uplink(
                self._login,
                self._delivery,
                self._status.report,
                self._config_came,
                self._command_came,
                self._broker_away_s,
                self._overview.hub_says,
            )
            self._commands = Commands(
                self._watch,
                self._polls,
                lambda: self._config,
                self._overview.hub_time,
                self._status_changed,
                self._new_epoch,
                _probe,
                self._uplink.publish_reply,
            )
            self._tasks.keep(self._uplink.run)
        else:
            _log.warning("not joined to a hub: events are kept here", folder=str(folder))
        if self._fixed is not None:
            await self._apply(self._fixed)
        else:
            kept = configs.load_cached(self._cache_file)
            if kept is not None:
                self._incoming.put_nowait(kept)
        self._tasks.keep(self._apply_incoming)
        _log.info("edge runs", edge=self._edge, folder=str(folder))
        service_notice.notify("READY=1")
        try:
            await stop.wait()
        finally:
            await self._shut_down()

    # -- configuration

    @property
    def _cache_file(self) -> Path:
        return self._settings.data_dir / "config.json"

    def _config_came(self, payload: bytes) -> None:
        if self._fixed is not None:
            _log.info("configuration of the hub is not used: this edge runs by its own file")
            return
        try:
            config = configs.from_message(payload)
        except configs.BadConfig as error:
            _log.error("configuration refused", version=error.version, errors=str(error))
            self._status.refused(error.version, error.errors)
            return
        self._incoming.put_nowait(config)

    async def _apply_incoming(self) -> None:
        while True:
            config = await self._incoming.get()
            if config == self._config:
                self._status.applied(config)  # also clears what was refused in between
                continue
            try:
                await self._apply(config)
            except Exception as error:  # noqa: BLE001 - the top of a change: the hub must hear that it failed
                _log.exception("configuration could not be applied", version=config.version)
                self._status.refused(config.version, [flaw("", "config.failed", repr(error)[:500])])
                continue
            await self._loop.run_in_executor(self._files, configs.cache, self._cache_file, config)

    async def _apply(self, config: EdgeConfig) -> None:
        """Go over to `config`: polls that it does not change go on, alarms of rules that stay too."""
        await self._polls.leave(config)
        self._config = None
        self._watch.configure(config)
        self._polls.begin(config)
        self._config = config
        self._self_health.configure(config)
        self._routine.telemetry_s = config.telemetry_s
        self._status.applied(config)
        self._rearm()
        _log.info(
            "configuration applied",
            version=config.version,
            devices=len(config.devices),
            points=len(config.points),
            rules=len(config.rules),
        )

    # -- time

    def _rearm(self) -> None:
        """Set the one timer to the nearest deadline of the rules."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_s = self._watch.next_due_s()
        if due_s is not None:
            delay_s = max(0.0, due_s - self._clock.steady_s())
            self._timer = self._loop.call_later(delay_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        try:
            self._watch.tick()
        finally:
            self._rearm()

    def _committed(self, events: bool) -> None:
        if events:
            self._note_status()
        if self._delivery is not None:
            self._delivery.wake()

    # -- the hub

    def _connected(self) -> bool | None:
        return None if self._uplink is None else self._uplink.connected

    def _tell(self, samples: list[PointSample]) -> None:
        if self._uplink is None:
            return
        for start in range(0, len(samples), MOST_SAMPLES):
            part = samples[start : start + MOST_SAMPLES]
            self._uplink.publish_telemetry(Telemetry(edge=self._edge, at=self._clock.wall(), points=part))

    def _command_came(self, payload: bytes) -> None:
        if self._commands is not None:
            self._commands.take(payload)

    async def _new_epoch(self) -> None:
        await self._db(
            self._outbox.new_epoch, self._edge, "ordered", self._watch.active(), self._clock.wall()
        )
        if self._delivery is not None:
            self._delivery.restart()

    def _status_changed(self) -> None:
        """The hub should hear of it."""
        self._hub_to_hear = True
        self._note_status()

    def _note_status(self) -> None:
        """Soon, for all changes together."""
        if self._status_timer is None:
            self._status_timer = self._loop.call_later(
                STATUS_DELAY_S, lambda: self._tasks.keep(self._tell_status)
            )

    async def _tell_status(self) -> None:
        self._status_timer = None
        outbox = self._outbox
        self._status.epoch, self._status.outbox_depth = await self._db(lambda: (outbox.epoch, outbox.depth()))
        if self._uplink is not None and self._hub_to_hear:
            self._hub_to_hear = False
            self._uplink.publish_status()
        self._to_show.set()

    async def _snapshots(self) -> None:
        while True:
            await asyncio.sleep(SNAPSHOT_LEAST_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SNAPSHOT_S):
                    await self._to_show.wait()
            self._to_show.clear()
            await self._write_snapshot(True)

    async def _write_snapshot(self, online: bool) -> None:
        snapshot = self._overview.snapshot(self._config, online)
        await self._loop.run_in_executor(self._files, self._overview.write, snapshot)

    # -- the end

    async def _shut_down(self) -> None:
        service_notice.notify("STOPPING=1")
        if self._commands is not None:
            self._commands.stop()
        await self._polls.stop()
        self._watch.checkpoint(whole=True)
        await self._commits.settle(STOP_S)
        if self._uplink is not None:
            await self._uplink.goodbye()
        for timer in (self._timer, self._status_timer):
            if timer is not None:
                timer.cancel()
        await self._tasks.stop()
        await self._write_snapshot(False)
        await self._commits.close()
        self._files.shutdown()
        _log.info("edge stopped", edge=self._edge)


async def _probe(request: ProbeRequest) -> dict[str, object]:
    """Loaded when asked for: an edge that never looks around does without its weight."""
    found: dict[str, object] = await import_module("edge_agent.probe").probe(request)
    return found
