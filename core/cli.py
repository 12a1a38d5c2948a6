"""The one command `fettle`: finds the program asked for by name and hands it the rest of the line.

Programs are entry points, so each imports only its own extra and nothing here imports upwards.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

from core import __version__, i18n
from core.errors import FettleError
from core.i18n import _

OURS = ("core", "edge_agent", "desktop", "assets", "installer")
EXTRA_OF = {"console": "desktop", "broker": "hub"}


def usage() -> str:
    """What `fettle` alone says."""
    programs = {
        "hub": _("tickets, dispatch, journal, HTTP API, phone pages, broker"),
        "edge": _("polls devices, decides alarms, delivers events"),
        "console": _("the supervisors' desktop"),
        "broker": _("the embedded MQTT broker alone"),
    }
    lines = [f"  {name:<8} {meaning}" for name, meaning in programs.items()]
    ends = _("fettle <program> --help tells more; fettle --version.")
    return "\n".join([_("usage: fettle <program> [options]"), "", *lines, "", ends])


def main(argv: list[str] | None = None) -> int:
    """Run one program; exit code 1 on an error it explains, 2 on a wrong call, 3 when its extra is not installed."""
    args = sys.argv[1:] if argv is None else argv
    i18n.speak_on_the_command_line()
    if not args or args[0] in ("-h", "--help"):
        print(usage())
        return 0 if args else 2
    if args[0] == "--version":
        print(f"fettle {__version__}")
        return 0
    found = entry_points(group="fettle.commands", name=args[0])
    if not found:
        print(i18n.fill(_("fettle: no program '{name}'"), {"name": args[0]}), file=sys.stderr)
        print(usage(), file=sys.stderr)
        return 2
    (entry,) = found
    try:
        return int(entry.load()(args[1:]) or 0)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in OURS:
            raise  # a fault of ours, not a missing extra
        words = {"program": args[0], "module": error.name, "extra": EXTRA_OF.get(args[0], args[0])}
        sentence = _(
            "fettle: '{program}' needs {module}, which is not installed: pip install 'fettle[{extra}]'"
        )
        print(i18n.fill(sentence, words), file=sys.stderr)
        return 3
    except FettleError as error:
        print(f"fettle {args[0]}: {i18n.explain(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
