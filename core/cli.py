"""The one command `fettle`: finds the program asked for by name and hands it the rest of the line.

Programs are entry points, so each imports only its own extra and nothing here imports upwards.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

from core import __version__

USAGE = """usage: fettle <program> [options]

  hub      tickets, dispatch, journal, HTTP API, phone pages, broker
  edge     polls devices, decides alarms, delivers events
  console  the supervisors' desktop
  broker   the embedded MQTT broker alone

fettle <program> --help tells more; fettle --version."""


def main(argv: list[str] | None = None) -> int:
    """Run one program; exit code 2 on a wrong call, 3 when its extra is not installed."""
    args = sys.argv[1:] if argv is None else argv
    if not args or args[0] in ("-h", "--help"):
        print(USAGE)
        return 0 if args else 2
    if args[0] == "--version":
        print(f"fettle {__version__}")
        return 0
    found = entry_points(group="fettle.commands", name=args[0])
    if not found:
        print(f"fettle: no program '{args[0]}'\n\n{USAGE}", file=sys.stderr)
        return 2
    (entry,) = found
    try:
        program = entry.load()
    except ModuleNotFoundError as error:
        extra = {"console": "desktop", "broker": "hub"}.get(args[0], args[0])
        print(
            f"fettle: '{args[0]}' needs {error.name}, which is not installed: pip install 'fettle[{extra}]'",
            file=sys.stderr,
        )
        return 3
    return int(program(args[1:]) or 0)


if __name__ == "__main__":
    raise SystemExit(main())
