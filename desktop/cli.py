"""The program `fettle console`: reads its settings and runs the window; knows words and exit codes only."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core import i18n, log
from core.errors import FettleError
from core.i18n import _
from core.settings import ConsoleSettings, load

WRONG = 2  # exit code: something the caller can mend


def main(argv: list[str] | None = None) -> int:
    """Run `fettle console …`; 0 after a normal end, 2 when something must be mended first."""
    i18n.use(i18n.from_environment())
    args = _parser().parse_args(argv)
    try:
        settings = load(ConsoleSettings, args.settings, data_dir=args.data, hub_url=args.hub)
        log.configure(settings.log_level)
        return _run(settings, args)
    except FettleError as error:
        print(f"fettle console: {i18n.explain(error)}", file=sys.stderr)
        return WRONG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fettle console", description=_("The supervisors' desktop."))
    parser.add_argument("--settings", type=Path, metavar="FILE", help=_("settings file (TOML)"))
    parser.add_argument("--data", type=Path, metavar="DIR", help=_("folder of layout and session"))
    parser.add_argument("--hub", metavar="ADDRESS", help=_("hub to connect to, such as http://hub:8750"))
    parser.add_argument(
        "--hub-data", type=Path, metavar="DIR", help=_("data folder of a hub on this computer")
    )
    return parser


def _run(settings: ConsoleSettings, args: argparse.Namespace) -> int:
    # Qt only now, so that --help and a wrong setting answer at once.
    from PySide6.QtWidgets import QApplication

    from desktop.app import Console, SingleInstance
    from desktop.local_hub import LocalHub

    app = QApplication(sys.argv[:1])
    app.setApplicationName("fettle-console")
    app.setApplicationDisplayName("Fettle")
    app.setDesktopFileName("fettle-console")
    console = Console(settings, LocalHub(args.hub_data) if args.hub_data else None)
    single = SingleInstance(settings.data_dir)
    if not single.is_first(console.raise_window):
        return 0
    console.keep_crashes()
    console.start()
    return app.exec()
