"""Rounds of kills and cut lines in the three set-ups: nothing is lost, doubled or wrong. `./dev faults` plays more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.mutants import MUTANTS, Mutant, try_one
from tests.faults.prefork import Nursery
from tests.faults.rig import MOSQUITTO, SETUPS
from tests.faults.rounds import campaign

ROUNDS, SEED = 20, 20260310
# Caught within a few rounds; `./dev faults --mutants` tries the others too, which need a rarer moment or a long wait.
QUICK = (
    "acks_before_commit",
    "done_when_sent",
    "no_unique_key",
    "skips_gaps",
    "clears_another",
    "reuses_seq",
)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with closing(Nursery()) as found:
        yield found


def need(setup: str) -> None:
    if "mosquitto" in setup and not Path(MOSQUITTO).exists():
        pytest.skip("Mosquitto is not installed: apt-get install mosquitto")
    if "postgresql" in setup and not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("setup", SETUPS)
def test_kills_and_cut_lines_lose_and_double_nothing(nursery: Nursery, setup: str) -> None:
    need(setup)
    outcome = campaign(setup, ROUNDS, SEED, nursery, patience_s=90)  # in its own time on a loaded machine
    assert outcome.failure == "", outcome.line()
    assert outcome.events > ROUNDS and outcome.kills > ROUNDS / 2 and outcome.checks > 1


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "mutant",
    [one for one in MUTANTS if one.name in QUICK and one.setup != "postgresql-mosquitto"],
    ids=lambda mutant: f"{mutant.name}-{mutant.setup}",
)
def test_a_fault_built_in_is_caught(nursery: Nursery, mutant: Mutant) -> None:
    need(mutant.setup)
    rounds, failure = try_one(mutant, SEED, nursery)
    assert rounds, f"{mutant.name} was not caught"
    assert failure[:2] in ("I1", "I2", "I3", "I4", "I7") or "differs from the ledger" in failure
