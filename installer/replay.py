"""`./dev replay NAME`: a recording of a real machine through the real edge; `nab` is the one there is."""

from __future__ import annotations

import sys

from tests.flows import replay_nab

RECORDINGS = {"nab": replay_nab.main}


def main(argv: list[str]) -> int:
    """Exit code of the replay, or 2 on a wrong call."""
    if len(argv) != 1 or argv[0] not in RECORDINGS:
        print(f"usage: ./dev replay NAME; NAME is one of: {', '.join(RECORDINGS)}", file=sys.stderr)
        return 2
    return RECORDINGS[argv[0]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
