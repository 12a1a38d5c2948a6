"""`./dev faults`: random kills and cut lines in seeded rounds on a plant that lives all the while, and the verdict.

A round is one disturbance while alarms come and go; every few rounds all must be quiet and right. A failure prints seed
and round; the same seed gives the same disturbances, and the moments as far as chance between processes allows.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.disturbances import Disturbances
from tests.faults.judge import DRAIN_S, Difference, Judge
from tests.faults.prefork import Nursery
from tests.faults.reporter import Reporter, set_up
from tests.faults.rig import SETUPS, Rig

EVERY = 12  # rounds between two verdicts


@dataclass
class Outcome:
    """What came of one set-up. `failure` empty: nothing was lost, doubled or wrong."""

    setup: str
    seed: int
    rounds: int = 0
    seconds: float = 0.0
    events: int = 0
    kills: int = 0
    cuts: int = 0
    tickets_promised: int = 0
    checks: int = 0
    slowest_s: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)
    failure: str = ""

    def line(self) -> str:
        """In one line, for people."""
        verdict = (
            "0 lost, 0 doubled" if not self.failure else f"FAILED in round {self.rounds}: {self.failure}"
        )
        return (
            f"{self.setup}: seed {self.seed}, {self.rounds} rounds in {self.seconds:.0f} s, {self.kills} kills,"
            f" {self.cuts} cuts, {self.events} events, {self.tickets_promised} promised tickets,"
            f" {self.checks} verdicts,"
            f" back after {self.slowest_s:.1f} s at most: {verdict}"
        )


class Campaign:
    """Rounds on one rig."""

    def __init__(self, rig: Rig, seed: int, patience_s: float = DRAIN_S) -> None:
        self.rig, self.judge = rig, Judge(rig, patience_s)
        self.chance = random.Random(seed)
        self.disturbances = Disturbances(rig, self.judge, self.chance)
        self.outcome = Outcome(rig.setup, seed)
        self._reporter: Reporter | None = None
        self._kinds: Counter[str] = Counter()

    def prepare(self) -> None:
        """Everything is up, the hub is set up, somebody reports."""
        self.rig.start()
        self.judge.wait_drained()
        self._reporter = self.disturbances.reporter = Reporter(self.rig, self.judge, set_up(self.rig))

    def run(self, rounds: int, every: int = EVERY) -> Outcome:
        """So many rounds, or until something is wrong."""
        out, began = self.outcome, time.monotonic()
        try:
            for number in range(1, rounds + 1):
                out.rounds = number
                self._round()
                if number % every == 0 or number == rounds:
                    self._verdict()
        except Difference as wrong:
            out.failure = str(wrong)
        except Exception as wrong:  # noqa: BLE001 - the top of the loop: seed and round are told whatever happened
            out.failure = repr(wrong)
        out.seconds = time.monotonic() - began
        out.events, out.checks = len(self.judge.ledger), self.judge.checks
        out.slowest_s, out.tickets_promised = self.judge.slowest_s, len(self.judge.posted)
        out.kills, out.cuts, out.kinds = self.disturbances.kills, self.disturbances.cuts, dict(self._kinds)
        return out

    def close(self) -> None:
        """End the reporting; the rig is not ours."""
        if self._reporter is not None:
            self._reporter.close()

    def _round(self) -> None:
        """Alarms change, something happens, alarms change again, and all is up again."""
        what = self.disturbances
        kind = what.choose()
        self._kinds[kind.__name__] += 1
        load = self.chance.random()
        if load > 0.15:  # else it happens to a plant at rest
            what.toggle()
            what.pause(0.12)
        kind()
        if load > 0.6:
            what.toggle()
        self.rig.up()
        what.pause(0.25)

    def _verdict(self) -> None:
        """All must be quiet and right now."""
        assert self._reporter is not None
        self._reporter.pause()
        self.judge.wait_drained()
        self.judge.check()
        self._reporter.go_on()


def campaign(
    setup: str, rounds: int, seed: int, nursery: Nursery, brisk: bool = True,
    changes: Sequence[tuple[str, str]] = (), keep: bool = False, every: int = EVERY, patience_s: float = DRAIN_S,
) -> Outcome:  # fmt: skip
    """So many rounds on a new rig. `changes`: (program, change) built in."""
    folder = Path(tempfile.mkdtemp(prefix="fettle-faults-"))
    rig = Rig(setup, folder, nursery, brisk)
    for who, change in changes:
        for program in rig.programs:
            if program.name.startswith(who):
                program.changes.append(change)
    run = Campaign(rig, seed, patience_s)
    try:
        run.prepare()
        outcome = run.run(rounds, every)
    except Difference as wrong:
        outcome = run.outcome
        outcome.failure = str(wrong)
    finally:
        run.close()
        rig.close()
    if keep and outcome.failure:
        outcome.failure += f"\n  kept: {folder}"
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def main(argv: Sequence[str] | None = None) -> int:
    """0 when nothing was lost, doubled or wrong."""
    parser = argparse.ArgumentParser(prog="./dev faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="in each set-up (20)")
    parser.add_argument("--seed", type=int, help="chosen anew when not given")
    parser.add_argument("--setup", choices=SETUPS, action="append", help="all three when not given")
    parser.add_argument("--mutants", action="store_true", help="faults built in instead: each must be caught")
    parser.add_argument("--real", action="store_true", help="with the product's pauses, not a tenth of them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args(argv)
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(2**31)
    if given.mutants:
        from tests.faults import mutants  # which starts from here

        return mutants.main(seed, given.json)
    setups = given.setup or list(SETUPS)
    outcomes = []
    with contextlib.closing(Nursery()) as nursery:
        for setup in setups:
            outcomes.append(campaign(setup, given.rounds, seed, nursery, brisk=not given.real, keep=True))
            print(outcomes[-1].line(), flush=True)
    if given.json:
        given.json.write_text(json.dumps([vars(outcome) for outcome in outcomes], indent=2) + "\n")
    return 1 if any(outcome.failure for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
