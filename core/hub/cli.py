"""The program `fettle hub`: runs the hub, or does one thing to its data. Knows words and exit codes only."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import i18n, log
from core.domain.people import SYSTEM
from core.errors import FettleError
from core.hub.app import Hub, open_database, prepare_data_dir
from core.hub.lines import allow_many_files
from core.i18n import _, fill
from core.services import fleet, letter_replays, seals, sessions, setup
from core.settings import HubSettings, load
from core.storage import db

WRONG = 2  # exit code: something the caller can mend
BROKEN = 3  # exit code: what was to be proved is not so


def main(argv: list[str] | None = None) -> int:
    """Run `fettle hub …`; 0 after a clean stop, 2 when something must be mended first, with the remedy printed."""
    i18n.use(i18n.from_environment())
    args = _parser().parse_args(argv)
    try:
        settings = _settings(args)
        log.configure(settings.log_level)
        command = {
            None: _run,
            "setup-code": _setup_code,
            "migrate": _migrate,
            "reset-password": _reset_password,
            "dead-letters": _dead_letters,
            "verify-journal": _verify_journal,
        }[args.command]
        return command(settings, args)
    except FettleError as error:
        print(f"fettle hub: {i18n.explain(error)}", file=sys.stderr)
        return WRONG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fettle hub",
        description=_("Tickets, dispatch, journal, HTTP API, phone pages and broker of one plant."),
    )
    parser.add_argument("--settings", type=Path, metavar="FILE", help=_("settings file (TOML)"))
    parser.add_argument("--data", type=Path, metavar="DIR", help=_("folder of database, files and secrets"))
    parser.add_argument(
        "--host", metavar="ADDRESS", help=_("address to listen on; 0.0.0.0 for the whole LAN")
    )
    parser.add_argument("--port", type=int, metavar="N", help=_("port of HTTP; 0 picks a free one"))
    parser.add_argument(
        "--mqtt-port", type=int, metavar="N", help=_("port of the embedded broker; 0 picks a free one")
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title=_("instead of running"))
    commands.add_parser("setup-code", help=_("print the one-time code of the first set-up"))
    commands.add_parser("migrate", help=_("bring the database up to date and stop"))
    reset = commands.add_parser("reset-password", help=_("give a person a new password and print it"))
    reset.add_argument("login", metavar="LOGIN")
    commands.add_parser(
        "verify-journal", help=_("prove that no entry of the journal was changed or taken out")
    )
    letters = commands.add_parser("dead-letters", help=_("list what could not be taken in, or take it in"))
    letters.add_argument(
        "--replay", type=int, action="append", default=[], metavar="ID", help=_("take this one in after all")
    )
    return parser


def _settings(args: argparse.Namespace) -> HubSettings:
    given: dict[str, Any] = {"data_dir": args.data}
    http = {"host": args.host, "port": args.port}
    given["http"] = {key: value for key, value in http.items() if value is not None}
    given["broker"] = {} if args.mqtt_port is None else {"port": args.mqtt_port}
    return load(HubSettings, args.settings, **given)


def _run(settings: HubSettings, _args: argparse.Namespace) -> int:
    allow_many_files()
    hub = Hub(settings)
    hub.open()
    hub.serve(ready=lambda: print(_welcome(hub), flush=True))
    return 0


def _welcome(hub: Hub) -> str:
    # Words stand outside of f-strings: inside, the collector of sentences does not see them.
    facts = (
        (_("Console and API"), hub.url),
        (_("API documents"), f"{hub.url}/docs"),
        (_("Edges (MQTT)"), hub.mqtt_address),
        (_("Data folder"), str(hub.settings.data_dir)),
    )
    lines = ["", "Fettle", "", *(f"{name}:  {value}" for name, value in facts)]
    if hub.edges_shut_out:
        lines += [
            "",
            _("Edges on other computers cannot join: the broker listens to this computer only."),
            _("To let them in, set this in the settings file and start the hub again:"),
            "",
            "    [broker]",
            '    bind = "0.0.0.0"',
        ]
    if hub.setup_code:
        words = _("First set-up: open the console on this computer and enter this one-time code:")
        lines += ["", words, "", f"    {hub.setup_code}"]
    lines += ["", _("Stop with Ctrl+C."), ""]
    return "\n".join(f"  {line}" if line else "" for line in lines)


def _verify_journal(settings: HubSettings, _args: argparse.Namespace) -> int:
    _open(settings)
    found = seals.verify(settings.data_dir)
    db.close()
    if found.whole:
        words = _(
            "The journal is whole: {rows} entries under {seals} seals, {unsealed} newer ones not sealed yet."
        )
        facts = {"rows": found.rows, "seals": found.seals, "unsealed": found.unsealed}
        print(fill(words, {name: str(value) for name, value in facts.items()}))
        return 0
    words = _("The journal is NOT whole: entries after number {id} cannot be trusted ({reason}).")
    print(fill(words, {"id": str(found.broken_after), "reason": found.reason}), file=sys.stderr)
    return BROKEN


def _setup_code(settings: HubSettings, _args: argparse.Namespace) -> int:
    _open(settings)
    code = setup.begin()
    if code is None:
        print(_("This hub is set up already; log in with the console."))
    else:
        print(code)
    db.close()
    return 0


def _migrate(settings: HubSettings, _args: argparse.Namespace) -> int:
    hub = Hub(settings)
    hub.lock()
    try:
        _open(settings)
    finally:
        hub.close()
    print(_("The database is up to date."))
    return 0


def _reset_password(settings: HubSettings, args: argparse.Namespace) -> int:
    _open(settings)
    new = sessions.reset_password(args.login, now=datetime.now(UTC))
    db.close()
    print(_("New password of {login}, to be changed after the next log-in:").format(login=args.login))
    print(new)
    return 0


def _dead_letters(settings: HubSettings, args: argparse.Namespace) -> int:
    _open(settings)
    for letter_id in args.replay:
        letter_replays.replay(SYSTEM, letter_id, now=datetime.now(UTC))
    for letter in fleet.dead_letters(SYSTEM):
        seq = "" if letter.seq is None else f"/{letter.seq}"
        print(
            f"{letter.id}  {letter.at:%Y-%m-%d %H:%M:%S}  {letter.edge}{seq}  {letter.code}  {letter.detail}"
        )
    db.close()
    return 0


def _open(settings: HubSettings) -> None:
    prepare_data_dir(settings.data_dir)
    open_database(settings)
