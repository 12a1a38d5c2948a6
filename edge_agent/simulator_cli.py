"""`fettle edge simulate`: runs the virtual plant until Ctrl-C, or tells a running one what to break."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from core import i18n, log
from core.errors import AppError, FettleError
from core.i18n import _
from edge_agent.plant import FAULTS, Plant
from edge_agent.simulator import DEFAULT_TOPIC, PlantBroker, Simulator, tell

PASSWORD_VARIABLE = "FETTLE_PLANT_PASSWORD"


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 after Ctrl-C or `quit`, 1 when a port is taken or an order is refused, 2 on a wrong call."""
    i18n.use(i18n.from_environment())
    args = _parser().parse_args(argv)
    log.configure(args.log_level)
    try:
        if args.tell:
            return _tell(args.tell)
        if args.list:
            for fault, machine in FAULTS.items():
                print(f"{fault:20} {machine:11} {i18n.label('simulator.fault.' + fault)}")
            return 0
        return asyncio.run(_simulate(args))
    except FettleError as error:
        print(f"fettle edge simulate: {i18n.explain(error)}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fettle edge simulate",
        description=_("A virtual plant on real sockets, to try rules and people on."),
    )
    parser.add_argument("--host", default="127.0.0.1", help=_("address that the machines listen on"))
    parser.add_argument("--moulding-port", type=int, default=15020, help=_("0 picks a free one"))
    parser.add_argument("--compressor-port", type=int, default=15021, help=_("0 picks a free one"))
    parser.add_argument("--control-port", type=int, default=15029, help=_("loopback port that takes orders"))
    parser.add_argument(
        "--mqtt-url", default="", help=_("broker of the packing line, such as mqtt://127.0.0.1:1883")
    )
    parser.add_argument("--mqtt-username", default="")
    parser.add_argument(
        "--mqtt-password-file",
        type=Path,
        help=_("file with the password; or set {variable}").format(variable=PASSWORD_VARIABLE),
    )
    parser.add_argument(
        "--topic", default=DEFAULT_TOPIC, help=_("topic that the packing line publishes below")
    )
    parser.add_argument("--seed", type=int, default=1, help=_("same seed, same values"))
    parser.add_argument("--fault-at", action="append", default=[], metavar="SECONDS:FAULT", type=_moment)
    parser.add_argument("--clear-at", action="append", default=[], metavar="SECONDS:FAULT", type=_moment)
    parser.add_argument("--list", action="store_true", help=_("list the faults and stop"))
    parser.add_argument(
        "--tell", nargs="+", metavar="ORDER", help=_("PORT fault|clear NAME, PORT status, PORT quit")
    )
    parser.add_argument("--log-level", default="INFO")
    return parser


def _moment(text: str) -> tuple[float, str]:
    seconds, _colon, name = text.partition(":")
    if name not in FAULTS:
        raise argparse.ArgumentTypeError(f"no fault '{name}'; there are {', '.join(FAULTS)}")
    return float(seconds), name


def _tell(words: list[str]) -> int:
    if not words[0].isdigit() or len(words) not in (2, 3):
        raise AppError("simulator.bad_order", "give a port and an order: 15029 fault pump-trip")
    name = {"name": words[2]} if len(words) == 3 else {}
    print(json.dumps(tell(int(words[0]), {"do": words[1], **name}), ensure_ascii=False))
    return 0


def _password(file: Path | None) -> str:
    if file is None:
        return os.environ.get(PASSWORD_VARIABLE, "")
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise AppError("simulator.no_password_file", f"cannot read {file}: {error}", file=file) from error


async def _simulate(args: argparse.Namespace) -> int:
    script = [(at_s, name, True) for at_s, name in args.fault_at]
    script += [(at_s, name, False) for at_s, name in args.clear_at]
    broker = None
    if args.mqtt_url:
        broker = PlantBroker(
            args.mqtt_url, args.mqtt_username, _password(args.mqtt_password_file), args.topic
        )
    simulator = Simulator(
        Plant(args.seed, script),
        host=args.host,
        ports={"moulding": args.moulding_port, "compressor": args.compressor_port},
        control_port=args.control_port,
        broker=broker,
    )
    await simulator.start()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(simulator.stop))
        else:
            loop.add_signal_handler(number, simulator.stop)
    # One line that a program can read and a person can understand; everything else goes to the log.
    print(json.dumps(simulator.ready()), flush=True)
    try:
        await simulator.run()
    finally:
        await simulator.close()
    return 0
