"""`fettle edge …`: run, join, status, check; simulate and replay are loaded when asked for."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Coroutine
from importlib import import_module
from pathlib import Path
from typing import Any

from core import i18n, log, paths, settings
from core.errors import AppError, FettleError
from core.i18n import _, fill, label
from core.settings import EdgeSettings
from core.wire.edge_config import EdgeConfig, ModbusTcpDevice, MqttDevice
from edge_agent import config as configs
from edge_agent import hub_http, planner, status_words
from edge_agent import status as statuses
from edge_agent.instance import OnlyOne

_LATER = {
    "simulate": "edge_agent.simulator_cli",
    "replay": "edge_agent.replay",
    "probe": "edge_agent.probe_cli",
}


def main(argv: list[str]) -> int:
    """Run one sub-command; 0 done, 1 not possible as asked, 2 wrong call."""
    i18n.use(i18n.from_environment())
    if argv and argv[0] in _LATER:
        return int(import_module(_LATER[argv[0]]).main(argv[1:]) or 0)
    if argv and argv[0].startswith("--") and argv[0] != "--help":
        argv = ["run", *argv]  # `fettle edge --config FILE.yaml`
    parser = _parser()
    if not argv:
        parser.print_help()
        return 0
    given = parser.parse_args(argv)
    try:
        return int(given.action(given))
    except FettleError as error:
        print(f"fettle edge: {i18n.explain(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "fettle edge", description=_("Polls devices, decides alarms, delivers events.")
    )
    commands = parser.add_subparsers(metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--settings", type=Path, metavar="FILE", help=_("Settings file (TOML)."))
    common.add_argument("--data-dir", type=Path, metavar="DIR", help=_("Where outbox, login and cache lie."))

    run = commands.add_parser("run", parents=[common], help=_("Work until stopped."))
    run.add_argument(
        "--config", type=Path, metavar="FILE", help=_("Devices, points and rules of a stand-alone edge.")
    )
    run.set_defaults(action=_run)

    join = commands.add_parser(
        "join", parents=[common], help=_("Join a hub by the one-time code of its console.")
    )
    join.add_argument("url", metavar="URL", help=_("Address of the hub, such as http://192.168.1.10:8750"))
    join.add_argument("code", metavar="CODE", help=_("One-time code, valid for fifteen minutes."))
    join.add_argument(
        "--ca",
        type=Path,
        metavar="FILE",
        help=_("Certificate authority of the hub (PEM); no other is trusted."),
    )
    join.set_defaults(action=_join)

    status = commands.add_parser("status", parents=[common], help=_("How this edge does."))
    status.add_argument("--json", action="store_true", help=_("All of it as JSON, for programs."))
    status.set_defaults(action=_status)

    check = commands.add_parser(
        "check", help=_("Check a configuration file and show what would be asked for.")
    )
    check.add_argument("file", type=Path, metavar="FILE")
    check.set_defaults(action=_check)

    commands.add_parser("simulate", help=_("A virtual plant on real sockets."), add_help=False)
    commands.add_parser(
        "probe", help=_("Look for Modbus units and what can be read of them."), add_help=False
    )
    commands.add_parser("replay", help=_("Run rules over recorded data."), add_help=False)
    return parser


def _settings(given: argparse.Namespace) -> EdgeSettings:
    return settings.load(EdgeSettings, given.settings, data_dir=given.data_dir)


def _run(given: argparse.Namespace) -> int:
    chosen = _settings(given)
    log.configure(chosen.log_level)
    login = hub_http.read_login(chosen.data_dir)
    fixed = configs.from_file(given.config) if given.config else None
    if login is None and fixed is None:
        raise AppError("edge.nothing_to_do", "neither joined to a hub nor given --config")
    # After the checks: a wrong call answers at once, without the weight of the drivers.
    agent = import_module("edge_agent.agent").Agent(chosen, login, fixed)
    with OnlyOne(paths.private_dir(chosen.data_dir)):
        _loop_run(_until_stopped(agent))
    return 0


async def _until_stopped(agent: Any) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(name, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(name, lambda *_args: loop.call_soon_threadsafe(stop.set))
    await agent.run(stop)


def _loop_run(work: Coroutine[Any, Any, None]) -> None:
    try:
        new_loop = import_module("uvloop").new_event_loop
    except ModuleNotFoundError:  # Windows
        new_loop = asyncio.new_event_loop
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(work)


def _join(given: argparse.Namespace) -> int:
    chosen = _settings(given)
    joined = hub_http.join(given.url, given.code, chosen.data_dir, given.ca)
    words = _("Joined {url} as {name} ({edge}). Start with: fettle edge run")
    print(fill(words, {"url": joined.http_url, "name": joined.name, "edge": joined.edge}))
    return 0


def _status(given: argparse.Namespace) -> int:
    chosen = _settings(given)
    login = hub_http.read_login(chosen.data_dir)
    snapshot = statuses.read(chosen.data_dir / "status.json")
    alive = OnlyOne(chosen.data_dir).held()
    if given.json:
        document = snapshot.model_dump(mode="json") if snapshot is not None else {}
        document |= {"running": alive, "hub": login.http_url if login is not None else ""}
        print(json.dumps(document, ensure_ascii=False, indent=2))
        return 0
    if login is None:
        print(_("Not joined to a hub."))
    else:
        print(fill(_("Hub: {url} as {edge}"), {"url": login.http_url, "edge": login.edge}))
    if snapshot is None:
        print(_("This edge has not run yet."))
        return 0
    print(*status_words.lines(snapshot, alive), sep="\n")
    return 0


def _check(given: argparse.Namespace) -> int:
    config = configs.from_file(given.file)
    counts = {"devices": len(config.devices), "points": len(config.points), "rules": len(config.rules)}
    print(
        fill(
            _("{file} is well: {devices} devices, {points} points, {rules} rules."),
            {"file": str(given.file)} | {key: str(value) for key, value in counts.items()},
        )
    )
    for device in config.devices:
        _print_plan(config, device.id)
    return 0


def _print_plan(config: EdgeConfig, device_id: str) -> None:
    device = next(device for device in config.devices if device.id == device_id)
    points = [point for point in config.points if point.device == device_id]
    if isinstance(device, MqttDevice):
        print(f"  {device.name}: {device.url} {device.topic}")
    if not isinstance(device, ModbusTcpDevice):
        return
    where = {"device": device.name, "host": device.host, "port": str(device.port), "unit": str(device.unit)}
    print("  " + fill(_("{device}: {host}:{port}, unit {unit}"), where))
    for interval_ms, group in sorted(planner.intervals(device, points).items()):
        for block in planner.blocks(device, group):
            places = {
                "ms": str(interval_ms),
                "block": f"{label('point.area.' + block.area)} {block.span}",
                "n": str(len(block.points)),
            }
            words = fill(_("every {ms} ms: {block}, {n} points"), places)
            print(f"    {words}")
